// Never hears of an error: node ends it with a stack trace.
const net = require("node:net");

let sent = 0;
let received = 0;
const fail = (text) => {
  console.error(text);
  process.exit(1);
};
const server = net.connect(Number(process.env.PORT), "127.0.0.1");
process.stdin.on("data", (data) => {
  sent += data.length;
  server.write(data);
});
process.stdin.on("end", () => server.end());
server.on("data", (data) => {
  received += data.length;
  process.stdout.write(data);
});
server.on("end", () => {
  if (received !== sent) fail(`${sent} bytes were sent, ${received} came back`);
  process.stdin.destroy();
});
