//! A byte stream has no messages: any split, any size, any byte, and an end in each direction of its own.

use crate::check::{Check, Context, Explain as _, Kind, Outcome, Phase, Server};

const ALL: &[Phase] = &[Phase::Echo, Phase::Framing, Phase::EventLoop];

const ONE_READ: &str = "one read taken for the whole message";
const WAITS: &str = "waits for more bytes than were sent";
const TRUNCATES: &str = "a fixed buffer truncates the message";
const NUL: &str = "a zero byte is taken for the end of the message";
const TEXT: &str = "bytes are treated as text";
const HALF_CLOSE: &str = "a half-close loses the reply";
const NOT_CLOSED: &str = "the connection is not closed after the end of stream";
const EOF_SPIN: &str = "read returning 0 is looped on";
const EOF_FATAL: &str = "the end of stream is taken for an error";
const ONE_CLIENT: &str = "the server serves one client and no second";
const EARLY_CLOSE: &str = "closed with input unread, so that RST destroys the reply";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "drip",
        phases: &[Phase::Echo],
        catalogue: &[1],
        title: "bytes that arrive one by one come back one by one",
        lesson: "TCP delivers a stream, not messages. What one write() sent may arrive in many reads, and what many \
                 writes sent may arrive in one. A server that takes each read for a whole message works in the demo and \
                 breaks on the first slow link.",
        chapter: "docs/src/phase1/short-counts.md",
        points: 3,
        topic: "sockets",
        blocked_by: &["round-trip"],
        hints: [
            "How many times does your server call read() on one connection?",
            "After writing back what one read() returned, go back to read(), until it returns 0.",
            "loop { let n = read(fd, &mut buf)?; if n == 0 { break } write_all(fd, &buf[..n])? }",
        ],
        bugs: &[ONE_READ, WAITS],
        server: Server::Shared,
        needs: &[],
        run: drip,
    },
    Check {
        name: "sizes",
        phases: ALL,
        catalogue: &[12],
        title: "messages around every usual buffer size come back whole",
        lesson: "Buffers are usually powers of two, and mistakes sit at their edges. One byte less, exactly as many, and \
                 one byte more than the buffer are three different cases.",
        chapter: "docs/src/phase1/short-counts.md",
        points: 2,
        topic: "sockets",
        blocked_by: &["round-trip", "drip", "split-anywhere"],
        hints: [
            "What does your server do with a message larger than its buffer?",
            "For an echo the buffer's size does not matter: send what you have, then read on.",
            "For frames the buffer must hold a whole frame: grow it as bytes arrive, up to the maximum.",
        ],
        bugs: &[TRUNCATES],
        server: Server::Shared,
        needs: &[],
        run: sizes,
    },
    Check {
        name: "binary-safe",
        phases: ALL,
        catalogue: &[13],
        title: "all 256 byte values come back unchanged",
        lesson: "A payload is bytes. C's string functions end at the first zero byte, and a conversion to text replaces \
                 or refuses what is not UTF-8; neither belongs between read() and write().",
        chapter: "docs/src/phase1/descriptors.md",
        points: 1,
        topic: "sockets",
        blocked_by: &["round-trip"],
        hints: [
            "Is there a place where your bytes become a string?",
            "Use the length that read() returned; never look for the end inside the bytes.",
            "No strlen, strcpy, printf(\"%s\"), from_utf8, decode(): write(fd, buf, n).",
        ],
        bugs: &[NUL, TEXT],
        server: Server::Shared,
        needs: &[],
        run: binary_safe,
    },
    Check {
        name: "half-close",
        phases: ALL,
        catalogue: &[11],
        title: "a client that has sent its FIN still gets its whole reply",
        lesson: "A TCP connection is two streams. A client that calls shutdown(SHUT_WR) says \"I have no more to send\", \
                 not \"I am gone\": `nc -N` does exactly this. The server reads 0, and still owes every reply.",
        chapter: "docs/src/phase1/eof.md",
        points: 3,
        topic: "sockets",
        blocked_by: &["round-trip", "drip", "sizes"],
        hints: [
            "What is the difference between close() and shutdown(SHUT_WR)?",
            "read() returning 0 ends your reading. It does not end your writing.",
            "Write all that is owed first; only then close.",
        ],
        bugs: &[HALF_CLOSE, EARLY_CLOSE],
        server: Server::Shared,
        needs: &[],
        run: half_close,
    },
    Check {
        name: "end-of-stream",
        phases: ALL,
        catalogue: &[3],
        title: "after the client's FIN the server closes, rests, and serves the next",
        lesson: "read() returning 0 is neither an error nor \"nothing yet\": it is the end of the stream, and it will be \
                 returned for ever. A loop that goes on burns a whole core; one that treats it as an error ends the \
                 server for everybody.",
        chapter: "docs/src/phase1/eof.md",
        points: 3,
        topic: "sockets",
        blocked_by: &["round-trip", "drip"],
        hints: [
            "What does read() return when the peer has closed, and what when there is nothing yet?",
            "0 means end of stream: leave the loop, close the descriptor, go back to accept().",
            "if n == 0 { break } … after the loop: close(fd), and accept the next client.",
        ],
        bugs: &[NOT_CLOSED, EOF_SPIN, EOF_FATAL, ONE_CLIENT],
        server: Server::Own,
        needs: &[],
        run: end_of_stream,
    },
    Check {
        name: "whole-reply",
        phases: &[Phase::Echo],
        catalogue: &[10],
        title: "a large message followed by FIN is answered to its last byte",
        lesson: "Closing a socket whose receive buffer still holds bytes sends RST instead of FIN, and RST makes the \
                 kernel throw away replies on their way. So: read to the end, then close.",
        chapter: "docs/src/phase1/eof.md",
        points: 2,
        topic: "sockets",
        blocked_by: &["half-close", "end-of-stream"],
        hints: [
            "Does your server close before it has read everything?",
            "Leave the loop only when read() returns 0.",
            "Not `poll says hang-up → close`, not `n < sizeof buf → close`: n == 0 → close.",
        ],
        bugs: &[EARLY_CLOSE],
        server: Server::Shared,
        needs: &[],
        run: whole_reply,
    },
];

fn drip(ctx: &mut Context) -> Outcome {
    let len = ctx.rng.range(8, 24);
    let message = ctx.rng.text(len);
    let mut client = ctx.connect()?;
    client.step("one byte at a time, each answered before the next");
    for byte in message.chunks(1) {
        client.send(byte)?;
        client
            .expect(byte)
            .likely_when(&[Kind::EarlyEof, Kind::Reset], ONE_READ)
            .likely_when(&[Kind::NoReply], WAITS)?;
    }
    Ok(())
}

fn sizes(ctx: &mut Context) -> Outcome {
    let mut sizes = vec![1023, 1024, 1025, 4095, 4096, 4097, 16_383, 16_384, 16_385, 65_535, 65_536, 65_537];
    sizes.push(ctx.rng.range(2, 1022));
    sizes.push(ctx.rng.range(4098, 60_000));
    let mut client = ctx.connect()?;
    for size in sizes {
        let message = ctx.message(size);
        client.step(format!("a message of {size} bytes"));
        client.exchange(&message, &message).likely(TRUNCATES)?;
    }
    Ok(())
}

fn binary_safe(ctx: &mut Context) -> Outcome {
    let mut client = ctx.connect()?;
    let zeros = ctx.wire.encode(b"before\0after\0\0end");
    client.step("a message with zero bytes in it");
    client.send(&zeros)?;
    client.expect(&zeros).likely(NUL)?;

    let mut values: Vec<u8> = (0..=255).collect();
    ctx.rng.shuffle(&mut values);
    let message = ctx.wire.encode(&values);
    client.step("every byte value once");
    client.send(&message)?;
    client.expect(&message).likely(TEXT)
}

fn half_close(ctx: &mut Context) -> Outcome {
    for len in [ctx.rng.range(1, 30), ctx.rng.range(20_000, 60_000)] {
        let message = ctx.message(len);
        let mut client = ctx.connect()?;
        client.step(format!("a message of {len} bytes and FIN at once, then read"));
        // Stopped for a moment, the server finds both when it wakes; else it may answer before the FIN has left here.
        let target = ctx.target()?;
        let stopped = target.stop().ok();
        client.send(&message).and_then(|()| client.finish())?;
        drop(stopped);
        client
            .expect(&message)
            .likely_when(&[Kind::Reset], EARLY_CLOSE)
            .likely_when(&[Kind::EarlyEof, Kind::NoReply], HALF_CLOSE)?;
    }
    Ok(())
}

/// Busy or waiting, which is only the diagnosis, is told by comparison with a spinning thread, see
/// [`crate::context::Rest`].
fn end_of_stream(ctx: &mut Context) -> Outcome {
    let message = ctx.message(10);
    let mut client = ctx.connect()?;
    client.step("a message, its reply, then FIN");
    client.send(&message)?;
    client.expect(&message)?;
    client.finish()?;
    if let Err(verdict) = client.expect_eof() {
        let busy = ctx.rest().is_ok_and(|rest| rest.spins());
        let outcome: Outcome = Err(verdict);
        return outcome
            .likely_when(&[Kind::ServerDied], EOF_FATAL)
            .likely_when(&[Kind::NotClosed], if busy { EOF_SPIN } else { NOT_CLOSED });
    }
    ctx.ping().likely_when(&[Kind::ServerDied], EOF_FATAL).likely(ONE_CLIENT)
}

fn whole_reply(ctx: &mut Context) -> Outcome {
    let message = ctx.message(150_000);
    let mut client = ctx.connect()?;
    client.step("150,000 bytes and FIN, before anything is read");
    // The RST may be there before everything is sent.
    client.send(&message).and_then(|()| client.finish()).likely_when(&[Kind::Reset], EARLY_CLOSE)?;
    client.expect(&message).likely(EARLY_CLOSE)?;
    client.expect_eof().likely_when(&[Kind::Reset], EARLY_CLOSE)
}
