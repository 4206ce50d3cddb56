// Writes without asking whether the client reads.
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
    if (have < 4 || have < 4 + pieces[0].readUInt32LE(0)) {
      if (have >= 4 && pieces[0].readUInt32LE(0) > 32 << 20) socket.end();
      return;
    }
    let data = Buffer.concat(pieces);
    let at = 0;
    while (data.length - at >= 4) {
      const length = data.readUInt32LE(at);
      if (length > 32 << 20) {
        socket.write(data.subarray(0, at));
        pieces = [];
        have = 0;
        return socket.end();
      }
      if (data.length - at < 4 + length) break;
      at += 4 + length;
    }
    socket.write(data.subarray(0, at));
    pieces = [data.subarray(at)];
    have = data.length - at;
  });
}).listen(Number(process.env.PORT), "127.0.0.1");
