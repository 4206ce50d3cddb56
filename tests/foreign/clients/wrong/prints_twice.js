// Prints what comes, and all of it once more at the end.
const net = require("node:net");

let sent = 0;
let received = 0;
const all = [];
const fail = (text) => {
  console.error(text);
  process.exit(1);
};
const server = net.connect(Number(process.env.PORT), "127.0.0.1");
server.on("error", (error) => fail(error.message));
process.stdin.on("data", (data) => {
  sent += data.length;
  server.write(data);
});
process.stdin.on("end", () => server.end());
server.on("data", (data) => {
  received += data.length;
  process.stdout.write(data);
  all.push(data);
});
server.on("end", () => {
  if (received !== sent) fail(`${sent} bytes were sent, ${received} came back`);
  process.stdout.write(Buffer.concat(all));
  process.stdin.destroy();
});
