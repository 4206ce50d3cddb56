//! A byte stream has no messages: any split, any size, any byte, and an end in each direction of its own.

use super::strangers::WAITS;
use crate::check::{Check, Context, Explain as _, Failure, Kind, Outcome, Phase, Verdict};
use crate::client::Client;
use crate::wire::Wire;

const ALL: &[Phase] = &[Phase::Echo, Phase::Framing, Phase::EventLoop];

const ONE_READ: &str = "one read taken for the whole message";
const TRUNCATES: &str = "a fixed buffer truncates the message";
pub(in crate::checks) const BELOW: &str = "the maximum is below the contract's 32 MiB";
const NUL: &str = "a zero byte is taken for the end of the message";
const TEXT: &str = "bytes are treated as text";
const HALF_CLOSE: &str = "a half-close loses the reply";
const NOT_CLOSED: &str = "the connection is not closed after the end of stream";
const EOF_SPIN: &str = "read returning 0 is looped on";
const EOF_FATAL: &str = "the end of stream is taken for an error";
const ONE_CLIENT: &str = "the server serves one client and no second";
pub(in crate::checks) const NOT_DRAINED: &str = "edge-triggered reading stops before EAGAIN";
pub(in crate::checks) const FULL_IS_EOF: &str = "a read that fills the buffer is taken for the end";
pub(in crate::checks) const HANG_UP_FIRST: &str = "the hang-up is handled before the data";
pub(in crate::checks) const STALE: &str = "a stale event reaches a reused descriptor";
const BUSY: &str = "the server works on although nobody asks anything of it";
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
        run: drip,
        ..Check::PLAIN
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
        blocked_by: &["round-trip", "drip"],
        after: &["split-anywhere", "exact-frame"],
        hints: [
            "What does your server do with a message larger than its buffer?",
            "For an echo the buffer's size does not matter: send what you have, then read on.",
            "For frames the buffer must hold a whole frame: grow it as bytes arrive, up to the maximum.",
        ],
        bugs: &[TRUNCATES, BELOW, EARLY_CLOSE, NOT_DRAINED, FULL_IS_EOF],
        run: sizes,
        ..Check::PLAIN
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
        after: &["drip"],
        hints: [
            "Is there a place where your bytes become a string?",
            "Use the length that read() returned; never look for the end inside the bytes.",
            "No strlen, strcpy, printf(\"%s\"), from_utf8, decode(): write(fd, buf, n).",
        ],
        bugs: &[NUL, TEXT],
        run: binary_safe,
        ..Check::PLAIN
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
        blocked_by: &["round-trip"],
        after: &["drip", "sizes", "end-of-stream"],
        hints: [
            "What is the difference between close() and shutdown(SHUT_WR)?",
            "read() returning 0 ends your reading. It does not end your writing.",
            "Write all that is owed first; only then close.",
        ],
        bugs: &[HALF_CLOSE, EARLY_CLOSE, HANG_UP_FIRST],
        run: half_close,
        ..Check::PLAIN
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
        blocked_by: &["round-trip"],
        after: &["drip", "exact-frame"],
        hints: [
            "What does read() return when the peer has closed, and what when there is nothing yet?",
            "0 means end of stream: leave the loop, close the descriptor, go back to accept().",
            "if n == 0 { break } … after the loop: close(fd), and accept the next client.",
        ],
        bugs: &[NOT_CLOSED, EOF_SPIN, EOF_FATAL, ONE_CLIENT, BUSY, STALE],
        run: end_of_stream,
        ..Check::PLAIN
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
        blocked_by: &["round-trip"],
        after: &["half-close", "end-of-stream", "drip", "sizes"],
        hints: [
            "Does your server close before it has read everything?",
            "Leave the loop only when read() returns 0.",
            "Not `poll says hang-up → close`, not `n < sizeof buf → close`: n == 0 → close.",
        ],
        bugs: &[EARLY_CLOSE, HALF_CLOSE],
        run: whole_reply,
        ..Check::PLAIN
    },
];

fn drip(ctx: &mut Context) -> Outcome {
    let len = ctx.rng.range(8, 24);
    let message = ctx.rng.text(len);
    let mut client = ctx.connect()?;
    client.step("one byte at a time, each answered before the next");
    for (at, byte) in message.chunks(1).enumerate() {
        client.send(byte)?;
        client
            .expect(byte)
            .likely_when(&[Kind::EarlyEof, Kind::Reset], ONE_READ)
            // Who answered the first byte and not the next has stopped reading; who answered none waits for more.
            .likely_when(&[Kind::NoReply], if at == 0 { WAITS } else { ONE_READ })?;
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
        let Err(verdict) = client.exchange(&message, &message) else { continue };
        let Verdict::Failed(failure) = verdict else { return Err(verdict) };
        let named = why_this_size(ctx, &mut client, &failure, size);
        let outcome: Outcome = Err(failure.into());
        return match named {
            Some(bug) => outcome.likely(bug),
            None => outcome,
        };
    }
    Ok(())
}

/// Why a message of one size is not answered when smaller ones are.
fn why_this_size(
    ctx: &mut Context,
    client: &mut Client,
    failure: &Failure,
    size: usize,
) -> Option<&'static str> {
    let nothing_came = failure.came.as_ref().is_none_or(|came| came.total == 0);
    let in_a_loop = ctx.phase == Phase::EventLoop;
    match failure.kind {
        Kind::EarlyEof | Kind::Reset if ctx.wire == Wire::Framed && nothing_came => {
            Some(if refuses_length(ctx, size) {
                BELOW
            } else if in_a_loop {
                FULL_IS_EOF
            } else {
                TRUNCATES
            })
        }
        Kind::Reset => Some(EARLY_CLOSE),
        // New bytes are a new edge: whoever reads on now has left bytes in the kernel.
        Kind::NoReply if in_a_loop => {
            let more = ctx.message(10);
            let woken = client.send(&more).is_ok() && client.read_some().is_ok_and(|came| !came.is_empty());
            Some(if woken { NOT_DRAINED } else { TRUNCATES })
        }
        Kind::EarlyEof | Kind::NoReply | Kind::NotReading => Some(TRUNCATES),
        _ => None,
    }
}

/// Whether the length alone, without the payload, ends the connection.
fn refuses_length(ctx: &mut Context, size: usize) -> bool {
    let header = ctx.message(size)[..4].to_vec();
    let asked = ctx.fresh().and_then(|()| ctx.connect());
    asked.is_ok_and(|mut client| client.send(&header).is_ok() && client.expect_silence().is_err())
}

fn binary_safe(ctx: &mut Context) -> Outcome {
    let mut client = ctx.connect()?;
    let zeros = ctx.wire.encode(b"before\0after\0\0end");
    client.step("a message with zero bytes in it");
    client.send(&zeros)?;
    client.expect(&zeros).likely_when(&[Kind::WrongBytes, Kind::NoReply], NUL)?;
    drop(client);

    // With a server of its own, so that nothing but these bytes can be what it stumbles over.
    ctx.fresh()?;
    let mut client = ctx.connect()?;
    let mut values: Vec<u8> = (0..=255).collect();
    ctx.rng.shuffle(&mut values);
    let message = ctx.wire.encode(&values);
    client.step("every byte value once");
    client.send(&message)?;
    client.expect(&message).likely(TEXT).likely_death(TEXT)
}

fn half_close(ctx: &mut Context) -> Outcome {
    for len in [ctx.rng.range(1, 30), ctx.rng.range(20_000, 60_000)] {
        ctx.fresh()?;
        let message = ctx.message(len);
        let mut client = ctx.connect()?;
        client.step(format!("a message of {len} bytes and FIN at once, then read"));
        // Stopped for a moment, the server finds both when it wakes; else it may answer before the FIN has left here.
        let target = ctx.target()?;
        let stopped = target.stop().ok();
        client.send(&message).and_then(|()| client.finish())?;
        drop(stopped);
        client.expect(&message).on_failure(|failure| {
            let nothing_came = failure.came.as_ref().is_none_or(|came| came.total == 0);
            failure.bug = match failure.kind {
                Kind::Reset | Kind::EarlyEof if nothing_came && ctx.phase == Phase::EventLoop => {
                    Some(HANG_UP_FIRST.into())
                }
                Kind::Reset if !nothing_came => Some(EARLY_CLOSE.into()),
                Kind::Reset | Kind::EarlyEof | Kind::NoReply => Some(HALF_CLOSE.into()),
                _ => None,
            };
        })?;
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
            .likely_death(EOF_FATAL)
            .likely_when(&[Kind::NotClosed], if busy { EOF_SPIN } else { NOT_CLOSED });
    }
    drop(client);
    let phase = ctx.phase;
    ctx.ping().on_failure(|failure| {
        let in_peace = failure.death.as_ref().is_none_or(|death| death.how.ends_with("status 0"));
        let cut = matches!(failure.kind, Kind::Reset | Kind::EarlyEof);
        failure.bug = Some(match phase {
            // The next client has been given the number that the last one had.
            Phase::EventLoop if cut => STALE.into(),
            _ if in_peace => ONE_CLIENT.into(),
            _ => EOF_FATAL.into(),
        });
    })?;
    match ctx.rest() {
        Ok(rest) if rest.spins() => {
            let text = format!("both clients have gone, and {rest}");
            Err(Failure::new(Kind::Resource, text).likely(BUSY).into())
        }
        // Where CPU time cannot be measured, the rest of the promise has been kept.
        _ => Ok(()),
    }
}

fn whole_reply(ctx: &mut Context) -> Outcome {
    let message = ctx.message(150_000);
    let mut client = ctx.connect()?;
    client.step("150,000 bytes and FIN, before anything is read");
    // The RST may be there before everything is sent.
    client.send(&message).and_then(|()| client.finish()).likely_when(&[Kind::Reset], EARLY_CLOSE)?;
    client
        .expect(&message)
        .likely_when(&[Kind::Reset], EARLY_CLOSE)
        .likely_when(&[Kind::EarlyEof, Kind::NoReply], HALF_CLOSE)?;
    client.expect_eof().likely_when(&[Kind::Reset], EARLY_CLOSE)
}
