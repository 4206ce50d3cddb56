// Drops what lies behind the first frame of a chunk.
const net = require("net");

process.on("SIGTERM", () => process.exit(0));
net.createServer((socket) => {
  let pieces = [];
  let have = 0;
  socket.on("error", () => {});
  socket.on("data", (more) => {
    pieces.push(more);
    have += more.length;
    if (pieces[0].length < 4) pieces = [Buffer.concat(pieces)];
    if (have < 4) return;
    const length = pieces[0].readUInt32LE(0);
    if (length > 32 << 20) return socket.destroy();
    if (have < 4 + length) return;
    socket.write(Buffer.concat(pieces).subarray(0, 4 + length));
    pieces = [];
    have = 0;
  });
}).listen(Number(process.env.PORT), "127.0.0.1");
