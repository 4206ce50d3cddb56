//! A peer that does not read: short writes, full buffers, and a reset in the middle of it.

use std::time::Duration;

use crate::check::{Check, Context, Explain as _, Kind, Outcome, Phase, Verdict};
use crate::client::{Client, Options};
use crate::context::WhileStopped as _;
use crate::diagnosis;

const ALL: &[Phase] = &[Phase::Echo, Phase::Framing, Phase::EventLoop];

const SHORT_WRITE: &str = "a short write is ignored";
const GIVES_UP: &str = "a full send buffer is taken for an error";
pub(in crate::checks) const EAGAIN_FATAL: &str = "EAGAIN is taken for an error";
pub(in crate::checks) const WRITE_LOST: &str = "write interest is lost after a partial write";
const SIGPIPE: &str = diagnosis::SIGPIPE.name;
pub(in crate::checks) const RESET_FATAL: &str = "a client's reset ends the server";
const RESET_STUCK: &str = "after a client's reset the server serves nobody";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "short-writes",
        phases: ALL,
        catalogue: &[2],
        title: "8 MB come back whole to a client that reads late",
        lesson: "write() may take fewer bytes than it was given: the send buffer is full because the peer's window is. \
                 Whoever ignores the return value loses the rest in silence. Small tests never show it.",
        chapter: "docs/src/phase1/short-counts.md",
        points: 3,
        topic: "sockets",
        blocked_by: &["round-trip", "drip"],
        after: &["sizes", "exact-frame", "split-anywhere"],
        hints: [
            "What does write() return, and do you look at it?",
            "Call write() again with the rest until nothing is left.",
            "while sent < n { sent += write(fd, &buf[sent..n])? }; nonblocking: keep the rest and wait for POLLOUT.",
        ],
        bugs: &[SHORT_WRITE, GIVES_UP, EAGAIN_FATAL, WRITE_LOST],
        run: short_writes,
        ..Check::PLAIN
    },
    Check {
        name: "sigpipe",
        phases: ALL,
        catalogue: &[6],
        title: "a client that resets the connection harms nobody else",
        lesson: "Writing to a connection that the peer has reset raises SIGPIPE, whose default action ends the process: \
                 one rude client stops the service for all. Ignore the signal (or send with MSG_NOSIGNAL) and handle \
                 EPIPE and ECONNRESET as the end of that one connection.",
        chapter: "docs/src/phase1/errors.md",
        points: 3,
        topic: "sockets",
        blocked_by: &["round-trip", "end-of-stream"],
        after: &["drip", "exact-frame", "mass-close"],
        hints: [
            "What happens to a process that writes to a connection nobody reads any more?",
            "signal(SIGPIPE, SIG_IGN), or MSG_NOSIGNAL with send(). (Rust's std has done the first for you.)",
            "Then EPIPE and ECONNRESET from read or write mean: close this connection, go on with the next.",
        ],
        bugs: &[SIGPIPE, RESET_FATAL, RESET_STUCK],
        run: sigpipe,
        ..Check::PLAIN
    },
];

fn short_writes(ctx: &mut Context) -> Outcome {
    let size = (8 << 20) + ctx.rng.below(10_000);
    // Letters: what other bytes do to a server is another check's question.
    let message = ctx.message(size);
    let mut client = ctx.connect_with(&Options { receive_buffer: Some(64 << 10), ..Options::default() })?;
    client.step("8 MB sent until the server stalls, and only then read");
    // In a loop the full buffer shows as EAGAIN, elsewhere as a call that does not take everything.
    let gives_up = if ctx.phase == Phase::EventLoop { EAGAIN_FATAL } else { GIVES_UP };
    let sent = client.send_until_stalled(&message).likely_when(&[Kind::Reset, Kind::EarlyEof], gives_up)?;
    // Whether it now waits for more or for room, it must have come to rest before the reading begins.
    let _ = ctx.target()?.wait_idle(Duration::from_secs(3));
    let outcome = client
        .exchange(&message[sent..], &message)
        .likely_when(&[Kind::Reset, Kind::EarlyEof], gives_up)
        .likely_when(&[Kind::WrongBytes], SHORT_WRITE);
    let Err(Verdict::Failed(failure)) = outcome else { return outcome };
    if failure.kind != Kind::NoReply || failure.bug.is_some() {
        return Err(failure.into());
    }
    let seen = failure.came.as_ref().map_or(0, |came| came.total);
    let held_back = ctx.phase == Phase::EventLoop && goes_on(ctx, &mut client, &message[seen..]);
    Err(failure.likely(if held_back { WRITE_LOST } else { SHORT_WRITE }).into())
}

/// Whether the rest of a reply is still there, and nobody writes it: with the next request it comes, or nothing does. A
/// rest that was dropped shows by what comes in its place.
fn goes_on(ctx: &mut Context, client: &mut Client, rest: &[u8]) -> bool {
    let more = ctx.message(10);
    match client.send(&more).and_then(|()| client.read_some()) {
        Ok(came) => !came.is_empty() && rest.starts_with(&came[..came.len().min(rest.len())]),
        Err(_) => true,
    }
}

fn sigpipe(ctx: &mut Context) -> Outcome {
    written_after_the_reset(ctx)?;
    for with_fin in [true, false] {
        let mut client = ctx.connect_with(&Options { receive_buffer: Some(4_096), ..Options::default() })?;
        let how = if with_fin { "FIN, then RST" } else { "RST" };
        client.step(format!("the server is made to wait in the middle of a reply, then gets {how}"));
        // A server that closes meanwhile has a fault of another kind, which other checks name.
        if fill(ctx, &mut client).is_ok() && with_fin {
            let _ = client.finish();
        }
        client.reset();
        still_serves(ctx, &format!("another client sent {how} while a reply was owed to it"))?;
    }
    Ok(())
}

/// The server is stopped while a message, FIN and RST arrive. When it goes on it reads the message and writes its reply to
/// a connection that is gone: from a socket that has seen FIN (CLOSE_WAIT in tcp(7)) that is EPIPE, and SIGPIPE with it,
/// whatever the kernel's buffers hold.
fn written_after_the_reset(ctx: &mut Context) -> Outcome {
    let target = ctx.target()?;
    let message = ctx.message(20);
    let mut client = ctx.connect()?;
    client.step("a first exchange");
    client.exchange(&message, &message)?;
    client.step("a message, FIN and RST, all there when the (stopped) server wakes up");
    target.while_stopped(|| {
        client.send(&message)?;
        client.finish()?;
        client.reset();
        Ok(())
    })?;
    still_serves(ctx, "another client sent a message, FIN and RST before the server looked")
}

fn still_serves(ctx: &mut Context, before: &str) -> Outcome {
    ctx.ping().map_err(|verdict| name_death(ctx, verdict)).note(format!("before that, {before}"))
}

/// Sends messages without reading a reply until the server leaves bytes unread: it waits for room to write.
fn fill(ctx: &mut Context, client: &mut Client) -> Outcome {
    let target = ctx.target()?;
    for _ in 0..2_000 {
        let message = ctx.message(16_000);
        client.send(&message)?;
        if !client.read_by_server_or_asleep(&target)? {
            return Ok(());
        }
    }
    // It took 32 MB without an answer read: it buffers without bound, which another check judges.
    Ok(())
}

fn name_death(ctx: &mut Context, verdict: Verdict) -> Verdict {
    let by_sigpipe = ctx
        .target()
        .is_ok_and(|target| target.ended().is_some_and(|ended| ended.to_string().contains("SIGPIPE")));
    if matches!(&verdict, Verdict::Failed(failure) if failure.is_a_memory_fault()) {
        return verdict;
    }
    let outcome: Outcome = Err(verdict);
    let named = outcome
        .likely_death(if by_sigpipe { SIGPIPE } else { RESET_FATAL })
        .likely_when(&[Kind::NoReply, Kind::NotReading], RESET_STUCK);
    named.err().unwrap_or(Verdict::Infrastructure("a failure vanished".into()))
}
