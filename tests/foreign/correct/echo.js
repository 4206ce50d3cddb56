// RFC 862 in a line: pipe() knows about back-pressure and about half-closed connections.
const net = require("net");

process.on("SIGTERM", () => process.exit(0));
net.createServer({ allowHalfOpen: true }, (socket) => {
  socket.on("error", () => {});
  socket.pipe(socket);
}).listen(Number(process.env.PORT), "127.0.0.1");
