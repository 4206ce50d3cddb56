// Answers the first chunk and no other.
const net = require("net");

process.on("SIGTERM", () => process.exit(0));
net.createServer((socket) => {
  socket.on("error", () => {});
  socket.once("data", (data) => socket.write(data));
  socket.resume();
}).listen(Number(process.env.PORT), "127.0.0.1");
