// Listens to no errors: the first one ends the process.
const net = require("net");

process.on("SIGTERM", () => process.exit(0));
net.createServer((socket) => {
  socket.on("data", (data) => socket.write(data));
}).listen(Number(process.env.PORT), "127.0.0.1");
