//! The two checks on which all others rest: the server listens, and it answers.

use crate::check::{Check, Context, Explain as _, Kind, Outcome, Phase, Server, Verdict};
use crate::context::not_run;

const ALL: &[Phase] = &[Phase::Echo, Phase::Framing, Phase::EventLoop];

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "listens",
        phases: &[Phase::Echo, Phase::Framing, Phase::EventLoop, Phase::Keyspace],
        catalogue: &[9],
        title: "the server listens on the port it was given",
        lesson: "A server is reachable under the address it gave to bind(2). The port in sockaddr_in is in network \
                 byte order, most significant byte first; a machine that stores the least significant byte first must \
                 swap it (htons), or the server is reachable under a port nobody asked for.",
        chapter: "docs/src/phase1/connections.md",
        points: 1,
        topic: "sockets",
        blocked_by: &[],
        hints: [
            "Which calls does a server make before it can accept, and in which order?",
            "socket, setsockopt, bind, listen, accept. The address goes to bind, in network byte order.",
            "Port 7001 is 0x1b59. In memory sin_port must be the bytes 1b 59; `port.to_be()` or htons(port) does it.",
        ],
        bugs: &[PORT_ORDER],
        server: Server::Own,
        needs: &[],
        run: listens,
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
        blocked_by: &[],
        hints: [
            "Send 05 00 00 00 and five letters. What length does your server see?",
            "Little-endian: from_le_bytes, le32toh, struct.unpack('<I'), binary.LittleEndian.",
            "Not ntohl and not '!I': network byte order is big-endian, and this protocol is not in it.",
        ],
        bugs: &[BIG_ENDIAN, BIG_ENDIAN_REPLY],
        server: Server::Shared,
        needs: &[],
        run: length_byte_order,
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
        bugs: &[NO_ECHO, WRONG_ECHO],
        server: Server::Shared,
        needs: &[],
        run: round_trip,
    },
];

const PORT_ORDER: &str = "port not in network byte order";
const BIG_ENDIAN: &str = "the length is read as big-endian";
const BIG_ENDIAN_REPLY: &str = "the reply's length is written as big-endian";
const NO_ECHO: &str = "the server never answers";
const WRONG_ECHO: &str = "the reply is not what was read";

fn listens(ctx: &mut Context) -> Outcome {
    // Starting is the check: a server that cannot be reached makes `target` fail.
    ctx.target()?;
    ctx.connect().map(drop)
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
    drop(client);
    let mut client = ctx.connect_as("big-endian")?;
    if client.send(&big).is_ok() && client.expect(&big).is_ok() {
        let text =
            format!("the length {len} in big-endian order was answered at once: the two orders are swapped");
        return Err(failure.likely(BIG_ENDIAN).note(text).into());
    }
    Err(not_run("no answer in either byte order; round-trip says more"))
}

fn round_trip(ctx: &mut Context) -> Outcome {
    let len = ctx.rng.range(5, 40);
    let message = ctx.message(len);
    let mut client = ctx.connect()?;
    client.step("one message");
    client.send(&message)?;
    client
        .expect(&message)
        .likely_when(&[Kind::WrongBytes], WRONG_ECHO)
        .likely_when(&[Kind::NoReply, Kind::EarlyEof, Kind::Reset], NO_ECHO)
}
