//! A peer that does not read: short writes, full buffers, and a reset in the middle of it.

use std::time::Duration;

use crate::check::{Check, Context, Explain as _, Kind, Outcome, Phase, Server, Verdict};
use crate::client::{Client, Options};

const ALL: &[Phase] = &[Phase::Echo, Phase::Framing, Phase::EventLoop];

const SHORT_WRITE: &str = "a short write is ignored";
const GIVES_UP: &str = "a full send buffer is taken for an error";
const SIGPIPE: &str = "SIGPIPE kills the server";
const RESET_FATAL: &str = "a client's reset ends the server";
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
        blocked_by: &["round-trip", "sizes"],
        hints: [
            "What does write() return, and do you look at it?",
            "Call write() again with the rest until nothing is left.",
            "while sent < n { sent += write(fd, &buf[sent..n])? }; nonblocking: keep the rest and wait for POLLOUT.",
        ],
        bugs: &[SHORT_WRITE, GIVES_UP],
        server: Server::Own,
        needs: &[],
        run: short_writes,
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
        hints: [
            "What happens to a process that writes to a connection nobody reads any more?",
            "signal(SIGPIPE, SIG_IGN), or MSG_NOSIGNAL with send(). (Rust's std has done the first for you.)",
            "Then EPIPE and ECONNRESET from read or write mean: close this connection, go on with the next.",
        ],
        bugs: &[SIGPIPE, RESET_FATAL, RESET_STUCK],
        server: Server::Own,
        needs: &[],
        run: sigpipe,
    },
];

fn short_writes(ctx: &mut Context) -> Outcome {
    let size = (8 << 20) + ctx.rng.below(10_000);
    let payload = ctx.rng.bytes(size);
    let message = ctx.wire.encode(&payload);
    let mut client = ctx.connect_with(&Options { receive_buffer: Some(64 << 10), ..Options::default() })?;
    client.step("8 MB sent until the server stalls, and only then read");
    let sent = client.send_until_stalled(&message).likely_when(&[Kind::Reset, Kind::EarlyEof], GIVES_UP)?;
    // Whether it now waits for more or for room, it must have come to rest before the reading begins.
    let _ = ctx.target()?.wait_idle(Duration::from_secs(3));
    client
        .exchange(&message[sent..], &message)
        .likely_when(&[Kind::Reset, Kind::EarlyEof], GIVES_UP)
        .likely_when(&[Kind::NoReply, Kind::WrongBytes], SHORT_WRITE)
}

fn sigpipe(ctx: &mut Context) -> Outcome {
    for with_fin in [true, false] {
        let mut client = ctx.connect_with(&Options { receive_buffer: Some(4_096), ..Options::default() })?;
        let how = if with_fin { "FIN, then RST" } else { "RST" };
        client.step(format!("the server is made to wait in the middle of a reply, then gets {how}"));
        fill(ctx, &mut client)?;
        if with_fin {
            client.finish()?;
        }
        client.reset();
        if let Err(verdict) = ctx.ping() {
            return Err(name_death(ctx, verdict))
                .note(format!("before that, another client sent {how} while a reply was owed to it"));
        }
    }
    Ok(())
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
    let outcome: Outcome = Err(verdict);
    let named = outcome
        .likely_when(&[Kind::ServerDied], if by_sigpipe { SIGPIPE } else { RESET_FATAL })
        .on_failure(|failure| {
            if failure.kind == Kind::Refused {
                failure.bug.get_or_insert(RESET_FATAL);
            }
        })
        .likely(RESET_STUCK);
    named.err().unwrap_or(Verdict::Infrastructure("a failure vanished".into()))
}
