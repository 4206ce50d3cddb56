// Turns bytes into text and back.
const net = require("net");

process.on("SIGTERM", () => process.exit(0));
net.createServer((socket) => {
  socket.on("error", () => {});
  socket.on("data", (data) => socket.write(data.toString()));
}).listen(Number(process.env.PORT), "127.0.0.1");
