// Frames in Node: pieces are collected until a frame is whole, and a client that does not read is not read from.
const net = require("net");

const MAXIMUM = 32 << 20;
process.on("SIGTERM", () => process.exit(0));
net
  .createServer({ allowHalfOpen: true }, (socket) => {
    let pieces = [];
    let have = 0;
    let refused = false;

    const wanted = () => {
      if (have < 4) return 4;
      if (pieces[0].length < 4) pieces = [Buffer.concat(pieces)];
      return 4 + pieces[0].readUInt32LE(0);
    };
    const serve = () => {
      const data = Buffer.concat(pieces);
      let at = 0;
      while (data.length - at >= 4) {
        const length = data.readUInt32LE(at);
        refused = length > MAXIMUM;
        if (refused || data.length - at < 4 + length) break;
        at += 4 + length;
      }
      pieces = [data.subarray(at)];
      have = data.length - at;
      return at === 0 || socket.write(data.subarray(0, at));
    };

    socket.on("error", () => {});
    socket.on("drain", () => socket.resume());
    socket.on("end", () => socket.end());
    socket.on("data", (more) => {
      // After a length that cannot be, what comes is read and dropped: a close with input unread would be a reset.
      if (refused) return;
      pieces.push(more);
      have += more.length;
      if (have < wanted() && wanted() <= 4 + MAXIMUM) return;
      if (!serve()) socket.pause();
      if (refused) {
        pieces = [];
        socket.end();
      }
    });
  })
  .listen(Number(process.env.PORT), "127.0.0.1", 5);
