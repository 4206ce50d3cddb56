//! The two checks on which all others rest: the server listens, and it answers.

use super::strangers::{self, OTHER_PROTOCOL};
use std::time::Duration;

use crate::check::{Check, Context, Explain as _, Kind, Outcome, Phase, Verdict};
use crate::context::{not_run, start_verdict};
use crate::target::StartError;
use crate::wire::Wire;

const ALL: &[Phase] = &[Phase::Echo, Phase::Framing, Phase::EventLoop];

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "listens",
        phases: &[Phase::Echo, Phase::Framing, Phase::EventLoop, Phase::Keyspace],
        catalogue: &[9],
        title: "the server listens on the port it was given",
        lesson: "A server is reachable under the address that it gave to bind(2), once listen(2) has been called. Until \
                 then there's nothing to grade: every other check waits for this one.",
        chapter: "docs/src/phase1/connections.md",
        points: 1,
        topic: "sockets",
        hints: [
            "Which calls does a server make before it can accept, and in which order?",
            "socket, setsockopt, bind, listen, accept. The address goes to bind, in network byte order.",
            "Port 7001 is 0x1b59. In memory sin_port must be the bytes 1b 59; `port.to_be()` or htons(port) does it.",
        ],
        bugs: &[PORT_ORDER],
        run: listens,
        ..Check::PLAIN
    },
    Check {
        name: "length-byte-order",
        phases: &[Phase::Framing, Phase::EventLoop],
        catalogue: &[15],
        title: "the length is four bytes, least significant first",
        lesson: "A number on the wire needs an agreed byte order. This protocol says little-endian: 5 is 05 00 00 00. \
                 Read the other way it is 83,886,080, and the server waits for a message that nobody will send.",
        chapter: "docs/src/phase2/length-prefix.md",
        points: 2,
        topic: "framing",
        hints: [
            "Send 05 00 00 00 and five letters. What length does your server see?",
            "Little-endian: from_le_bytes, le32toh, struct.unpack('<I'), binary.LittleEndian.",
            "Not ntohl and not '!I': network byte order is big-endian, and this protocol is not in it.",
        ],
        bugs: &[BIG_ENDIAN, BIG_ENDIAN_REPLY],
        run: length_byte_order,
        ..Check::PLAIN
    },
    Check {
        name: "round-trip",
        phases: ALL,
        catalogue: &[],
        title: "one message comes back as it was sent",
        lesson: "The smallest exchange: connect, send, receive the same bytes. Every other check builds on it, so while \
                 this one fails the others are blocked instead of failing once more each.",
        chapter: "docs/src/phase1/descriptors.md",
        points: 2,
        topic: "sockets",
        blocked_by: &["length-byte-order"],
        hints: [
            "Follow one byte: who reads it, where does it lie then, who writes it?",
            "Write back exactly as many bytes as read() returned, not the size of the buffer.",
            "loop { n = read(fd, buf); if n == 0 break; write_all(fd, &buf[..n]) }",
        ],
        bugs: &[
            NO_ECHO,
            WRONG_ECHO,
            WHOLE_BUFFER,
            RAW_ECHO,
            strangers::GREETING,
            strangers::NEWLINE,
            strangers::WAITS,
            strangers::AT_THE_END,
            strangers::FRAMES,
            OTHER_PROTOCOL,
        ],
        run: round_trip,
        ..Check::PLAIN
    },
];

const PORT_ORDER: &str = "port not in network byte order";
const BIG_ENDIAN: &str = "the length is read as big-endian";
const BIG_ENDIAN_REPLY: &str = "the reply's length is written as big-endian";
const NO_ECHO: &str = "the server never answers";
const WRONG_ECHO: &str = "the reply is not what was read";
const WHOLE_BUFFER: &str = "the whole buffer is sent back, not the bytes that were read";
const RAW_ECHO: &str = "bytes are echoed as they come, frames are not looked for";

fn listens(ctx: &mut Context) -> Outcome {
    // Starting is the check: a server that cannot be reached makes `target` fail.
    let target = ctx.target()?;
    ctx.connect()?;
    // What puts itself into the background is not to be seen at once: the started process ends a moment later.
    if target.wait_end(Duration::from_millis(50)).is_some() && target.has_processes() {
        return Err(start_verdict(StartError::Backgrounded));
    }
    Ok(())
}

fn length_byte_order(ctx: &mut Context) -> Outcome {
    let len = ctx.rng.range(5, 40);
    let payload = ctx.rng.text(len);
    let little = ctx.wire.encode(&payload);
    let mut big = little.clone();
    big[..4].reverse();

    let mut client = ctx.connect()?;
    client.step("a frame whose length is little-endian");
    client.send(&little)?;
    let Err(verdict) = client.expect(&little) else { return Ok(()) };
    let Verdict::Failed(failure) = verdict else { return Err(verdict) };
    if failure.came.as_ref().is_some_and(|came| (0..4).all(|at| came.byte_at(at) == Some(big[at]))) {
        return Err(failure.likely(BIG_ENDIAN_REPLY).into());
    }
    if failure.kind == Kind::ServerDied {
        return Err(failure.into());
    }
    drop(client);
    ctx.fresh()?;
    let mut client = ctx.connect_as("big-endian")?;
    let reply = client.send(&big).and_then(|()| client.read_exact(big.len())).unwrap_or_default();
    let read = format!("the length {len} in big-endian order was understood at once");
    if reply == big {
        let text = format!("{read}, and answered in the same order: the two orders are swapped");
        return Err(failure.likely_when(READ_WRONG, BIG_ENDIAN).note(text).into());
    }
    if reply == little {
        let text = format!("{read}, and answered in little-endian order: only the reading is swapped");
        return Err(failure.likely_when(READ_WRONG, BIG_ENDIAN).note(text).into());
    }
    Err(not_run("no answer in either byte order; round-trip says more"))
}

/// What a length read in the wrong order leads to: waiting for megabytes, or refusing them.
const READ_WRONG: &[Kind] = &[Kind::NoReply, Kind::EarlyEof, Kind::Reset, Kind::WrongBytes];

fn round_trip(ctx: &mut Context) -> Outcome {
    let len = ctx.rng.range(5, 40);
    let message = ctx.message(len);
    let mut client = ctx.connect()?;
    client.step("a connection on which nothing has been sent yet");
    client.expect_silence().likely_when(&[Kind::ExtraBytes], strangers::GREETING)?;
    client.step("one message");
    client.send(&message)?;
    if let Err(verdict) = client.expect(&message) {
        drop(client);
        let Verdict::Failed(mut failure) = verdict else { return Err(verdict) };
        if failure.kind.is_an_answer()
            && let Some(name) = strangers::name(ctx, &failure)
        {
            failure.bug = Some(name.into());
        }
        return Err(failure
            .likely_when(&[Kind::WrongBytes], WRONG_ECHO)
            .likely_when(&[Kind::NoReply, Kind::EarlyEof, Kind::Reset], NO_ECHO)
            .into());
    }
    // An early end of the stream is for other checks to name, which know what was asked before.
    if let Err(Verdict::Failed(failure)) = client.expect_silence()
        && failure.kind == Kind::ExtraBytes
    {
        return Err(failure.likely(WHOLE_BUFFER).into());
    }
    drop(client);
    if ctx.wire == Wire::Framed { not_a_plain_echo(ctx, &message) } else { Ok(()) }
}

/// Two bytes of a header are no frame: they must not come back.
fn not_a_plain_echo(ctx: &mut Context, message: &[u8]) -> Outcome {
    ctx.fresh()?;
    let mut client = ctx.connect()?;
    client.step("two of the four bytes of a length, and then nothing");
    client.send(&message[..2])?;
    match client.expect_silence() {
        Err(Verdict::Failed(failure))
            if failure
                .came
                .as_ref()
                .is_some_and(|came| came.total == 2 && came.byte_at(0) == Some(message[0])) =>
        {
            Err(failure.likely(RAW_ECHO).into())
        }
        _ => Ok(()),
    }
}
