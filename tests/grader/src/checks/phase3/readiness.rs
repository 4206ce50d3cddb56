//! Readiness taken for what it is: writable only while something waits, readable until there is no more, EAGAIN no error.

use std::time::Duration;

use super::LOOP;
use super::isolation::stall;
use crate::check::{Check, Context, Explain as _, Failure, Kind, Need, Outcome};
use crate::checks::phase1::{EAGAIN_FATAL, FULL_IS_EOF, HANG_UP_FIRST, NOT_DRAINED, WRITE_LOST};
use crate::client::Options;
use crate::context::WhileStopped as _;

const BUSY_LOOP: &str = "write-readiness is always armed";
const EAGAIN_SPIN: &str = "EAGAIN is spun on";
const NEVER_RESUMED: &str = "reading is not resumed after back-pressure";

pub(in crate::checks) const CHECKS: &[Check] = &[
    Check {
        name: "big-reply",
        phases: LOOP,
        catalogue: &[35],
        title: "a reply larger than the socket's buffer is finished when room appears",
        lesson: "A nonblocking write() takes what fits and returns. The rest has to wait for the poller to say \
                 \"writable\", so this interest must be armed exactly when something is left, and with edges it must be \
                 armed before the edge.",
        chapter: "docs/src/phase3/back-pressure.md",
        points: 3,
        topic: "loop",
        blocked_by: &["round-trip", "sizes"],
        after: &["short-writes"],
        hints: [
            "After a partial write, who calls write() for the rest, and when?",
            "Keep the rest in an output buffer and register for writability (POLLOUT, EPOLLOUT).",
            "Edge-triggered: write until EAGAIN, or the next edge will never come.",
        ],
        bugs: &[WRITE_LOST, EAGAIN_FATAL],
        run: big_reply,
        ..Check::PLAIN
    },
    Check {
        name: "stall-resume",
        phases: LOOP,
        catalogue: &[33],
        title: "a client that stalls and resumes gets everything, at no cost meanwhile",
        lesson: "EAGAIN means \"not now\": neither an error that ends the connection nor a reason to try again at once. \
                 While the client does not read, the server stops reading from it, sleeps, and goes on when there is \
                 room, with what it already holds first.",
        chapter: "docs/src/phase3/back-pressure.md",
        points: 3,
        topic: "loop",
        blocked_by: &["big-reply", "coalesced"],
        hints: [
            "What does your server do with EAGAIN from write()?",
            "Return to the poller and wait for writability; drop the interest in reading while output is large.",
            "When the output has drained: parse what lies in the input buffer first, then read again.",
        ],
        bugs: &[EAGAIN_FATAL, EAGAIN_SPIN, NEVER_RESUMED],
        run: stall_resume,
        ..Check::PLAIN
    },
    Check {
        name: "idle-cpu",
        phases: LOOP,
        catalogue: &[32],
        title: "with idle connections the server uses no CPU",
        lesson: "A socket is almost always writable. Whoever always asks for writability is always told, and the loop \
                 turns at full speed over nothing. Ask only while output waits.",
        chapter: "docs/src/phase3/readiness.md",
        points: 3,
        topic: "loop",
        blocked_by: &["round-trip", "short-writes"],
        after: &["sizes"],
        hints: [
            "Run top beside your idle server. Then strace it: which call returns at once, again and again?",
            "Register for writability only after a partial write, and take it back when the output is empty.",
            "events = POLLIN | (if output.is_empty() { 0 } else { POLLOUT })",
        ],
        bugs: &[BUSY_LOOP],
        needs: &[Need::Proc],
        run: idle_cpu,
        ..Check::PLAIN
    },
    Check {
        name: "burst",
        phases: LOOP,
        catalogue: &[34],
        title: "1 MB of frames in one burst, then silence: all replies come",
        lesson: "An edge-triggered poller reports the arrival, not the presence, of bytes. Whoever reads once per edge \
                 leaves the rest in the kernel until something else arrives, which may be never.",
        chapter: "docs/src/phase3/edge-triggered.md",
        points: 3,
        topic: "loop",
        blocked_by: &["coalesced", "big-reply"],
        hints: [
            "Do you use EPOLLET? What do you promise in return?",
            "Edge-triggered: read until EAGAIN, or remember that there is more and come back to it.",
            "Level-triggered (the default) reports again what is left: simpler, and fair.",
        ],
        bugs: &[NOT_DRAINED],
        run: burst,
        ..Check::PLAIN
    },
    Check {
        name: "buffer-boundary",
        phases: LOOP,
        catalogue: &[41],
        title: "a message that fills the read buffer exactly is no end of stream",
        lesson: "read() into a buffer with no room left returns 0, and 0 otherwise means end of stream. A message of \
                 exactly the buffer's size is enough to be disconnected by such a server.",
        chapter: "docs/src/phase3/nonblocking.md",
        points: 2,
        topic: "loop",
        blocked_by: &["sizes"],
        after: &["sizes", "mass-close", "end-of-stream"],
        hints: [
            "What does read(fd, buf, 0) return?",
            "Before each read make sure that there is room; grow the buffer or stop reading.",
            "n == 0 means end of stream only if the length you asked for was not 0.",
        ],
        bugs: &[FULL_IS_EOF],
        run: buffer_boundary,
        ..Check::PLAIN
    },
    Check {
        name: "data-with-fin",
        phases: LOOP,
        catalogue: &[43],
        title: "data and FIN that arrive together: data first",
        lesson: "poll() may report POLLIN and POLLHUP, epoll EPOLLIN and EPOLLRDHUP, in one event: there is data, and the \
                 stream has ended behind it. Whoever looks at the hang-up first throws the last request away.",
        chapter: "docs/src/phase3/readiness.md",
        points: 2,
        topic: "loop",
        blocked_by: &["half-close"],
        after: &["half-close", "mass-close"],
        hints: [
            "In which order do you test the bits of an event?",
            "Read first, until read() itself returns 0. Then the stream has ended.",
            "You need not ask for EPOLLRDHUP at all: read() says the same.",
        ],
        bugs: &[HANG_UP_FIRST],
        run: data_with_fin,
        ..Check::PLAIN
    },
];

fn big_reply(ctx: &mut Context) -> Outcome {
    let message = ctx.message(6 << 20);
    let mut client = ctx.connect_with(&Options { receive_buffer: Some(32 << 10), ..Options::default() })?;
    client.step("one frame of 6 MiB; its reply is read only when the server has come to rest");
    let sent = client.send_until_stalled(&message)?;
    let _ = ctx.target()?.wait_idle(Duration::from_secs(2));
    client
        .exchange(&message[sent..], &message)
        .likely_when(&[Kind::EarlyEof, Kind::Reset], EAGAIN_FATAL)
        .likely_when(&[Kind::NoReply, Kind::WrongBytes], WRITE_LOST)
}

/// The pause's CPU time is compared with that of a spinning thread, see [`crate::context::Rest`].
fn stall_resume(ctx: &mut Context) -> Outcome {
    let mut client = ctx.connect_with(&Options { receive_buffer: Some(16 << 10), ..Options::default() })?;
    client.step("up to 12 MB of frames until the server stalls, a pause, then everything is read");
    let (stream, sent) =
        stall(ctx, &mut client, 12 << 20).likely_when(&[Kind::Reset, Kind::EarlyEof], EAGAIN_FATAL)?;
    if let Ok(rest) = ctx.rest()
        && rest.spins()
    {
        let text = format!("while its client did not read, {rest}");
        return Err(client.failure(Kind::Resource, text).likely(EAGAIN_SPIN).into());
    }
    client
        .exchange(&stream[sent..], &stream)
        .likely_when(&[Kind::Reset, Kind::EarlyEof], EAGAIN_FATAL)
        .likely_when(&[Kind::NoReply, Kind::NotReading], NEVER_RESUMED)
}

/// Compared with a spinning thread in the same moments, see [`crate::context::Rest`].
fn idle_cpu(ctx: &mut Context) -> Outcome {
    let mut idle = Vec::new();
    // One reply is longer than any send buffer: it is then that a server asks for room, and may forget to stop asking.
    for len in [8_000_000, 100_000, 100_000, 100_000, 100_000] {
        let message = ctx.message(len);
        let mut client = ctx.connect()?;
        client.step("a conversation, after which the connection stays open");
        client.exchange(&message, &message)?;
        idle.push(client);
    }
    let _ = ctx.target()?.wait_idle(Duration::from_millis(500));
    let rest = ctx.rest()?;
    if rest.spins() {
        let text = format!("with {} idle connections {rest}", idle.len());
        return Err(Failure::new(Kind::Resource, text).likely(BUSY_LOOP).into());
    }
    Ok(())
}

fn burst(ctx: &mut Context) -> Outcome {
    let mut stream = Vec::new();
    while stream.len() < 1 << 20 {
        let len = ctx.rng.range(200, 2_000);
        stream.extend(ctx.message(len));
    }
    let mut client = ctx.connect()?;
    client.step("1 MB of frames, then silence");
    client.exchange(&stream, &stream).likely_when(&[Kind::NoReply, Kind::NotReading], NOT_DRAINED)
}

fn buffer_boundary(ctx: &mut Context) -> Outcome {
    for power in 9..=17 {
        let size: usize = 1 << power;
        let mut client = ctx.connect()?;
        client.step(format!("one frame that takes exactly {size} bytes, header included"));
        let message = ctx.message(size - 4);
        client
            .exchange(&message, &message)
            .likely_when(&[Kind::EarlyEof, Kind::Reset, Kind::NoReply], FULL_IS_EOF)?;
        client.step(format!("one frame whose payload takes exactly {size} bytes"));
        let message = ctx.message(size);
        client
            .exchange(&message, &message)
            .likely_when(&[Kind::EarlyEof, Kind::Reset, Kind::NoReply], FULL_IS_EOF)?;
    }
    Ok(())
}

fn data_with_fin(ctx: &mut Context) -> Outcome {
    let target = ctx.target()?;
    for round in 0..3 {
        let message = ctx.message(20 + round * 3_000);
        let mut client = ctx.connect()?;
        // Accepted and registered before the server is stopped, so that both arrive in one event.
        let hello = ctx.message(4);
        client.step("a first exchange");
        client.send(&hello)?;
        client.expect(&hello)?;
        client.step("a frame and FIN, both there when the (stopped) server wakes up");
        target.while_stopped(|| {
            client.send(&message)?;
            client.finish()
        })?;
        client.expect(&message).likely_when(&[Kind::EarlyEof, Kind::Reset, Kind::NoReply], HANG_UP_FIRST)?;
    }
    Ok(())
}
