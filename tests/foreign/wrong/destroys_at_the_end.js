// Destroys the socket at the client's FIN, with replies still to be sent.
const net = require("net");

process.on("SIGTERM", () => process.exit(0));
net.createServer((socket) => {
  socket.on("error", () => {});
  socket.on("data", (data) => setTimeout(() => socket.write(data), 5));
  socket.on("end", () => socket.destroy());
}).listen(Number(process.env.PORT), "127.0.0.1");
