// Reads lengths in network byte order and writes them in the other.
const net = require("net");

process.on("SIGTERM", () => process.exit(0));
net.createServer((socket) => {
  let data = Buffer.alloc(0);
  socket.on("error", () => {});
  socket.on("data", (more) => {
    data = Buffer.concat([data, more]);
    while (data.length >= 4) {
      const length = data.readUInt32BE(0);
      if (length > 32 << 20) return socket.destroy();
      if (data.length < 4 + length) return;
      const header = Buffer.alloc(4);
      header.writeUInt32LE(length);
      socket.write(Buffer.concat([header, data.subarray(4, 4 + length)]));
      data = data.subarray(4 + length);
    }
  });
}).listen(Number(process.env.PORT), "127.0.0.1");
