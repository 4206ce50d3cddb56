//! Bytes in both directions, in pieces, in masses, slowly, and the ends of either.

use std::time::{Duration, Instant};

use super::basics::BOTH;
use super::{CLOSES_BOTH, on_wire, typed};
use crate::check::{Check, Context, Explain as _, Failure, Kind, Outcome, Phase, Subject};
use crate::client::End;
use crate::host::{Host, Setup};
use crate::wire::Wire;

const CLIENT: Check =
    Check { subject: Subject::Client, topic: "client", blocked_by: &["client-round-trip"], ..Check::PLAIN };

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "client-short-reads",
        phases: BOTH,
        title: "a reply that comes in pieces is put together",
        lesson: "read(2) returns what has arrived, from one byte up. The server of this check sends a reply byte by byte, as a \
                 slow network does: a client that reads once takes the first piece for all of it.",
        chapter: "docs/src/phase1/client.md",
        points: 3,
        hints: [
            "How often does your client call read() for one reply?",
            "In phase 1 read until 0; in phase 2 until four bytes are there, then until as many as they say.",
            "n = read(fd, buf + have, want - have); if n == 0 the server has left; have += n; until have == want.",
        ],
        bugs: &[ONE_READ, ONE_READ_HEADER],
        run: short_reads,
        ..CLIENT
    },
    Check {
        name: "client-half-close",
        phases: &[Phase::Echo],
        title: "at the end of its input the client sends FIN, and goes on reading",
        lesson: "A server that answers at the end has to learn of the end: shutdown(2) with SHUT_WR sends FIN, and the other \
                 half of the connection stays open for the reply. close(2) would end both.",
        chapter: "docs/src/phase1/client.md",
        points: 3,
        after: &["client-short-reads"],
        hints: [
            "How does the server learn that no more will come?",
            "shutdown(fd, SHUT_WR) behind the last byte of the input; then read until 0.",
            "Not close(): it takes the reading half as well, and the reply meets an RST.",
        ],
        bugs: &[NO_FIN, WAITS_FOR_REPLY, CLOSES_BOTH],
        run: half_close,
        ..CLIENT
    },
    Check {
        name: "client-interactive",
        phases: BOTH,
        title: "each line is sent when it is there, each reply printed when it comes",
        lesson: "A person types a line and looks for the answer. A client that first reads its whole input, or whose output \
                 waits in a buffer until the buffer is full or the program ends, shows nothing until it is too late.",
        chapter: "docs/src/phase1/client.md",
        points: 2,
        after: &["client-short-reads"],
        hints: [
            "Start your client by hand beside a server and type one line. When is it sent? When is its reply printed?",
            "Send what one read of standard input has brought. Flush standard output after each piece.",
            "Output to a pipe is buffered in whole blocks: fflush(stdout), sys.stdout.flush(), or write(1, …) itself.",
        ],
        bugs: &[READS_ALL_INPUT, SENDS_FIRST, ONLY_LINES, NO_FLUSH],
        run: interactive,
        ..CLIENT
    },
    Check {
        name: "client-short-writes",
        phases: BOTH,
        title: "a large input is sent whole to a server that reads late",
        lesson: "write(2) and send(2) may take less than they are given, and say how much. On a blocking socket they rarely do; \
                 with a timeout on it, or a nonblocking one, as soon as the server's window is full.",
        chapter: "docs/src/phase1/client.md",
        points: 2,
        after: &["client-half-close", "client-short-reads", "client-large-frame"],
        hints: [
            "What does your client do with the number that write() or send() returns?",
            "Send in a loop until all is taken: sendall() in Python, step 1.3 in Rust, a loop in C.",
            "for (done = 0; done < n; done += k) { k = write(fd, buf + done, n - done); if (k < 0) … }",
        ],
        bugs: &[SHORT_WRITE],
        run: short_writes,
        ..CLIENT
    },
    Check {
        name: "client-both-ways",
        phases: BOTH,
        title: "an input larger than all buffers does not deadlock",
        lesson: "An echo server that cannot deliver its replies stops reading. A client that sends everything before it reads \
                 anything then waits for the server, which waits for the client: a deadlock that small messages never show.",
        chapter: "docs/src/phase1/client.md",
        points: 3,
        after: &[
            "client-short-reads",
            "client-half-close",
            "client-interactive",
            "client-short-writes",
            "client-large-frame",
        ],
        hints: [
            "Who reads the replies while your client is still sending?",
            "Send and receive at the same time: two threads, or poll() on both descriptors. In phase 2 one request at a time \
             will do.",
            "One thread copies standard input to the socket and shuts down; the other copies the socket to standard output.",
        ],
        bugs: &[SENDS_FIRST],
        run: both_ways,
        ..CLIENT
    },
    Check {
        name: "client-binary",
        phases: BOTH,
        title: "any bytes may be sent and printed",
        lesson: "A stream carries bytes. Zero bytes, line ends of other systems and sequences that are no UTF-8 are all alike to \
                 it; a string type that knows better changes them, cuts them or raises an error.",
        chapter: "docs/src/phase1/client.md",
        points: 2,
        hints: [
            "Which type holds what your client reads: bytes or text?",
            "Python: sys.stdin.buffer and sys.stdout.buffer, no decode(). C: lengths, no strlen(), no %s. JavaScript: Buffers.",
            "fwrite(buf, 1, n, stdout), sys.stdout.buffer.write(data), process.stdout.write(chunk).",
        ],
        bugs: &[ZERO_ENDS, TEXT],
        run: binary,
        ..CLIENT
    },
    Check {
        name: "client-waits",
        phases: BOTH,
        title: "a silent server is waited for, asleep",
        lesson: "A server may need its time. The client has nothing to do meanwhile, so it sleeps in read(2) and takes no \
                 processor time. How long to wait is for the caller to say, with a flag such as --timeout; by itself it waits.",
        chapter: "docs/src/phase1/client.md",
        points: 1,
        after: &["client-short-reads"],
        hints: [
            "Does your client set a timeout, or poll in a loop?",
            "A blocking read() sleeps until bytes come; no loop around it is needed to wait.",
            "Leave O_NONBLOCK and SO_RCVTIMEO alone, or wait with poll(…, -1).",
        ],
        bugs: &[GIVES_UP, SPINS],
        run: waits,
        ..CLIENT
    },
];

const ONE_READ: &str = "one read taken for the whole reply";
const ONE_READ_HEADER: &str = "the reply's length is expected in one read";
const NO_FIN: &str = "the end of the input is never told to the server";
const WAITS_FOR_REPLY: &str = "each piece of the input waits for the reply to the one before";
const READS_ALL_INPUT: &str = "the whole input is read before anything is sent";
const ONLY_LINES: &str = "the reply is printed only up to a line end";
const NO_FLUSH: &str = "what is printed stays in a buffer";
const SHORT_WRITE: &str = "a short write is ignored";
const SENDS_FIRST: &str = "everything is sent before anything is read";
const ZERO_ENDS: &str = "a zero byte is taken for the end of the text";
const TEXT: &str = "bytes are treated as text";
const GIVES_UP: &str = "the client gives up on a slow server";
const SPINS: &str = "the client spins while it waits";

/// A conversation of one line whose reply is cut at `offsets`.
fn reply_in_pieces(ctx: &mut Context, step: &str, offsets: impl Fn(usize) -> Vec<usize>) -> Outcome {
    let len = ctx.rng.range(20, 40);
    let line = ctx.rng.text(len);
    let message = on_wire(ctx, &line);
    let mut host = ctx.host(Setup::input(&typed(&line)))?;
    host.accept()?;
    host.step(step);
    host.expect(&message)?;
    host.send_split(&message, offsets(message.len()))?;
    host.finish()?;
    host.succeeds(&typed(&line))
}

fn short_reads(ctx: &mut Context) -> Outcome {
    if ctx.wire == Wire::Framed {
        let halves = |len: usize| vec![4, 4 + (len - 4) / 2];
        reply_in_pieces(ctx, "a reply in three pieces: its length, and two halves", halves)
            .likely(ONE_READ)?;
        reply_in_pieces(ctx, "a reply whose length comes in two pieces", |_| vec![2])
            .likely(ONE_READ_HEADER)?;
    }
    reply_in_pieces(ctx, "a reply that comes byte by byte", |len| (1..len).collect()).likely(ONE_READ)
}

fn half_close(ctx: &mut Context) -> Outcome {
    let mut input = Vec::new();
    for _ in 0..ctx.rng.range(300, 400) {
        input.extend(typed(&ctx.rng.text(99)));
    }
    let mut host = ctx.host(Setup::input(&input))?;
    host.accept()?;
    host.step("some hundred lines; the server answers once it has seen the end");
    let all_came = host.expect(&input);
    if all_came.is_err() {
        return all_came.likely_when(&[Kind::NoReply], WAITS_FOR_REPLY);
    }
    if let Err(verdict) = host.expect_fin() {
        // It may only be late: behind the reply.
        let late = host.send(&input).and_then(|()| host.expect_fin()).is_ok() && host.end() == Some(End::Eof);
        let bug = if late { WAITS_FOR_REPLY } else { NO_FIN };
        return Err(verdict).likely_when(&[Kind::NotClosed], bug);
    }
    let answered = host.send(&input).and_then(|()| host.finish()).and_then(|()| host.succeeds(&input));
    answered.likely_when(&[Kind::ClientEnded, Kind::NotPrinted, Kind::BadExit, Kind::NotReading], CLOSES_BOTH)
}

fn interactive(ctx: &mut Context) -> Outcome {
    let mut host = ctx.host(Setup::default())?;
    let mut printed = Vec::new();
    for turn in ["the first line, typed while the input stays open", "a second line"] {
        let len = ctx.rng.range(10, 30);
        let line = ctx.rng.text(len);
        host.feed(&typed(&line));
        if printed.is_empty() {
            host.accept()?;
        }
        host.step(turn);
        let message = on_wire(ctx, &line);
        host.expect(&message).likely_when(&[Kind::NoReply], READS_ALL_INPUT)?;
        printed.extend(&line);
        // A client that prints what comes as it comes needs no line end for it.
        let (now, rest): (&[u8], &[u8]) = match ctx.wire {
            Wire::Raw => (&line, b"\n"),
            Wire::Framed => (&message, b""),
        };
        host.send(now)?;
        if let Err(verdict) = host.expect_printed(&printed) {
            let bug = if host.leaves_unread() {
                SENDS_FIRST
            } else if host.send(rest).is_ok() && !rest.is_empty() && host.expect_printed(&printed).is_ok() {
                ONLY_LINES
            } else {
                NO_FLUSH
            };
            return Err(verdict).likely_when(&[Kind::NotPrinted], bug);
        }
        host.send(rest)?;
        printed.push(b'\n');
    }
    host.end_input();
    host.finish()?;
    host.succeeds(&printed)
}

/// More than one direction of a connection can hold in the client's kernel: `tcp_wmem` or `tcp_rmem`, the last number.
fn largest(name: &str) -> usize {
    let text = std::fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).unwrap_or_default();
    let most = text.split_whitespace().last().and_then(|number| number.parse().ok());
    most.unwrap_or(4 << 20).clamp(1 << 20, 24 << 20)
}

/// Many letters, a block over and over with a number in each: drawing every one anew would take longer than sending them.
fn bulk(ctx: &mut Context, len: usize) -> Vec<u8> {
    let mut block = ctx.rng.text(8 << 10);
    let mut out = Vec::with_capacity(len + block.len());
    for number in 0.. {
        if out.len() >= len {
            break;
        }
        block[..10].copy_from_slice(format!("{number:010}").as_bytes());
        out.extend(&block);
    }
    out.truncate(len);
    out
}

fn short_writes(ctx: &mut Context) -> Outcome {
    let line = bulk(ctx, largest("tcp_wmem") + (1 << 20));
    let message = on_wire(ctx, &line);
    let mut host = ctx.host(Setup { buffers: Some(64 << 10), ..Setup::input(&typed(&line)) })?;
    host.accept()?;
    host.step("one very long line, read late");
    host.wait_until_stalled();
    host.expect(&message)
        .likely_when(&[Kind::NoReply, Kind::WrongBytes, Kind::ClientEnded, Kind::ExtraBytes], SHORT_WRITE)?;
    host.send(&message)?;
    host.finish()?;
    host.succeeds(&typed(&line))
}

fn both_ways(ctx: &mut Context) -> Outcome {
    let total = largest("tcp_wmem") + largest("tcp_rmem") + (2 << 20);
    let (mut input, mut message) = (Vec::new(), Vec::new());
    for line in bulk(ctx, total).chunks(60 << 10) {
        input.extend(typed(line));
        message.extend(on_wire(ctx, line));
    }
    let mut host = ctx.host(Setup { buffers: Some(64 << 10), ..Setup::input(&input) })?;
    host.accept()?;
    host.step(
        "more than all buffers hold, echoed as it comes by a server that reads only when it could answer",
    );
    host.echo(&message).likely_when(&[Kind::NotReading], SENDS_FIRST)?;
    host.finish()?;
    host.succeeds(&input)
}

fn echo_of(ctx: &mut Context, line: &[u8], step: &str) -> Outcome {
    let message = on_wire(ctx, line);
    let mut host = ctx.host(Setup::input(&typed(line)))?;
    host.accept()?;
    host.step(step);
    host.expect(&message)?;
    host.send(&message)?;
    host.finish()?;
    host.succeeds(&typed(line))
}

fn binary(ctx: &mut Context) -> Outcome {
    let (one, two) = (ctx.rng.text(8), ctx.rng.text(8));
    echo_of(ctx, &[one, two].join(&0), "a zero byte among letters").likely(ZERO_ENDS)?;
    let mut line: Vec<u8> = (0..=255).collect();
    line.extend(ctx.rng.bytes(700));
    // In phase 2 a line ends at its end.
    line.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b'\r');
    echo_of(ctx, &line, "every byte but the line end").likely(TEXT)
}

fn waits(ctx: &mut Context) -> Outcome {
    const SILENCE: Duration = Duration::from_millis(1_500);
    let line = ctx.rng.text(20);
    let message = on_wire(ctx, &line);
    let mut host = ctx.host(Setup::input(&typed(&line)))?;
    host.accept()?;
    host.step("the server says nothing for a second and a half");
    host.expect(&message)?;
    let began = Instant::now();
    // The last turns of a runtime's loop are no spinning.
    host.wait_until_stalled();
    let before = host.cpu();
    let spinner = ctx.spin()?;
    if let (Some(before), Some(after)) = (before, host.cpu())
        && after.saturating_sub(before) * 5 > spinner
    {
        return Err(spinning(&mut host, after.saturating_sub(before), spinner).into());
    }
    host.stays(SILENCE.saturating_sub(began.elapsed())).likely(GIVES_UP)?;
    host.send(&message).likely(GIVES_UP)?;
    host.finish()?;
    host.succeeds(&typed(&line)).likely(GIVES_UP)
}

fn spinning(host: &mut Host, client: Duration, spinner: Duration) -> Failure {
    let summary = format!(
        "while there was nothing to do, the client used {} ms of CPU time; a thread that does nothing but spin got {} ms",
        client.as_millis(),
        spinner.as_millis()
    );
    host.failure(Kind::Resource, summary).likely(SPINS)
}
