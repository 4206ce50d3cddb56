//! System calls that fail as they seldom do in life: injected by strace, so that each server meets them in its test.

use std::time::{Duration, Instant};

use crate::check::{Check, Context, Explain as _, Failure, Kind, Need, Outcome, Phase};
use crate::context::not_run;
use crate::strace::{ACCEPTS, Injection, READS, WAITS, WRITES, inject};

const ALL: &[Phase] = &[Phase::Echo, Phase::Framing, Phase::EventLoop];

const EINTR_READ: &str = "EINTR from read is fatal";
const EINTR_WRITE: &str = "EINTR from write is fatal";
const EINTR_ACCEPT: &str = "EINTR from accept is fatal";
const EINTR_WAIT: &str = "EINTR from the readiness call is fatal";
pub(super) const ABORTED: &str = "an accept error ends the server";
const WRITE_ZERO: &str = "a write returning 0 spins";

const EINTR_LESSON: &str = "A signal may end a system call before it has done anything: it returns -1 with EINTR, which \
                            means \"ask again\", not \"it failed\". Timers, debuggers, window changes and children \
                            send signals, so sooner or later every server meets it.";
/// What a server does without any fault is judged first: several clients, several messages, writes that are short.
const AFTER: &[&str] = &[
    "drip",
    "exact-frame",
    "split-anywhere",
    "end-of-stream",
    "sigpipe",
    "sizes",
    "descriptors",
    "short-writes",
    "stall-resume",
    "burst",
    "mass-close",
];
const CHAPTER: &str = "docs/src/phase1/errors.md";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "eintr-read",
        phases: ALL,
        catalogue: &[4],
        title: "read() interrupted by a signal is repeated",
        lesson: EINTR_LESSON,
        chapter: CHAPTER,
        points: 1,
        topic: "faults",
        blocked_by: &["round-trip"],
        after: AFTER,
        hints: EINTR_HINTS,
        bugs: &[EINTR_READ],
        needs: &[Need::Strace, Need::Proc],
        run: |ctx| interrupted(ctx, READS, EINTR_READ),
        ..Check::PLAIN
    },
    Check {
        name: "eintr-write",
        phases: ALL,
        catalogue: &[4],
        title: "write() interrupted by a signal is repeated",
        lesson: EINTR_LESSON,
        chapter: CHAPTER,
        points: 1,
        topic: "faults",
        blocked_by: &["round-trip"],
        after: AFTER,
        hints: EINTR_HINTS,
        bugs: &[EINTR_WRITE],
        needs: &[Need::Strace, Need::Proc],
        run: |ctx| interrupted(ctx, WRITES, EINTR_WRITE),
        ..Check::PLAIN
    },
    Check {
        name: "eintr-accept",
        phases: ALL,
        catalogue: &[4],
        title: "accept() interrupted by a signal is repeated",
        lesson: EINTR_LESSON,
        chapter: CHAPTER,
        points: 1,
        topic: "faults",
        blocked_by: &["round-trip"],
        after: AFTER,
        hints: EINTR_HINTS,
        bugs: &[EINTR_ACCEPT],
        needs: &[Need::Strace],
        run: |ctx| accept_fails(ctx, EINTR, EINTR_ACCEPT),
        ..Check::PLAIN
    },
    Check {
        name: "eintr-wait",
        phases: &[Phase::EventLoop],
        catalogue: &[4],
        title: "poll() or epoll_wait() interrupted by a signal is repeated",
        lesson: EINTR_LESSON,
        chapter: CHAPTER,
        points: 1,
        topic: "faults",
        blocked_by: &["round-trip"],
        after: AFTER,
        hints: EINTR_HINTS,
        bugs: &[EINTR_WAIT],
        needs: &[Need::Strace],
        run: wait_interrupted,
        ..Check::PLAIN
    },
    Check {
        name: "accept-aborted",
        phases: ALL,
        catalogue: &[5],
        title: "a connection that vanishes before accept() ends nothing",
        lesson: "A client may reset its connection while it still waits in the backlog: accept() then fails with \
                 ECONNABORTED. That is the news of one lost client, not a reason to end the server.",
        chapter: CHAPTER,
        points: 1,
        topic: "faults",
        blocked_by: &["round-trip"],
        after: AFTER,
        hints: [
            "Which errors of accept() concern one connection, and which the listener?",
            "man 2 accept, the paragraph \"Error handling\": treat network errors like EAGAIN, by retrying.",
            "match accept() { Err(EINTR | ECONNABORTED) => continue, … }",
        ],
        bugs: &[ABORTED],
        needs: &[Need::Strace],
        run: |ctx| accept_fails(ctx, "error=ECONNABORTED:when=1+3", ABORTED),
        ..Check::PLAIN
    },
    Check {
        name: "write-zero",
        phases: ALL,
        catalogue: &[14],
        title: "a write() that returns 0 does not make the server spin",
        lesson: "A loop of the form `while sent < n { sent += write(…) }` never ends if write() returns 0, and burns a \
                 core while it does not. Whoever gets 0 for a non-empty buffer should give up on that connection.",
        chapter: CHAPTER,
        points: 1,
        topic: "faults",
        blocked_by: &["round-trip"],
        after: AFTER,
        hints: [
            "What does your write loop do if write() returns 0 every time?",
            "0 for a non-empty buffer is no progress: treat it as an error of this connection.",
            "match write(fd, rest) { Ok(0) => return Err(EIO), Ok(n) => rest = &rest[n..], … }",
        ],
        bugs: &[WRITE_ZERO],
        needs: &[Need::Strace, Need::Proc],
        run: write_zero,
        ..Check::PLAIN
    },
];

/// The first call and every third from there on: a server that takes two calls for each attempt, such as one that peeks
/// first, would meet every second fault in the same of them, and never get on.
const EINTR: &str = "error=EINTR:when=1+3";

const EINTR_HINTS: [&str; 3] = [
    "Which of your system calls look at errno, and what do they do with EINTR?",
    "Repeat the call when it returns -1 and errno is EINTR.",
    "loop { match call() { Err(EINTR) => continue, other => break other } }",
];

fn interrupted(ctx: &mut Context, calls: &str, bug: &'static str) -> Outcome {
    let mut client = ctx.connect()?;
    let message = ctx.message(20);
    client.step("before the fault");
    client.send(&message)?;
    client.expect(&message)?;
    let target = ctx.target()?;
    let faults = inject(&ctx.tracing, &target, calls, EINTR, client.inode_at_server())?;
    for round in 0..4 {
        let message = ctx.message(20 + round);
        client.step(format!("every third call of {calls} fails with EINTR"));
        client.send(&message)?;
        client
            .expect(&message)
            .likely(bug)
            .likely_death(bug)
            .on_failure(|failure| show_calls(failure, &faults))?;
    }
    injected(&faults)
}

fn accept_fails(ctx: &mut Context, fault: &str, bug: &'static str) -> Outcome {
    let target = ctx.target()?;
    let faults = inject(&ctx.tracing, &target, ACCEPTS, fault, None)?;
    for _ in 0..3 {
        ctx.ping()
            .likely(bug)
            .likely_death(bug)
            .note(format!("every third accept() was made to fail ({fault})"))
            .on_failure(|failure| show_calls(failure, &faults))?;
    }
    injected(&faults)
}

fn wait_interrupted(ctx: &mut Context) -> Outcome {
    let target = ctx.target()?;
    let faults = inject(&ctx.tracing, &target, WAITS, EINTR, None)?;
    for _ in 0..3 {
        ctx.ping()
            .likely(EINTR_WAIT)
            .likely_death(EINTR_WAIT)
            .note("every third wait for readiness failed with EINTR")
            .on_failure(|failure| show_calls(failure, &faults))?;
    }
    injected(&faults)
}

fn write_zero(ctx: &mut Context) -> Outcome {
    /// A server that gives up needs one call, one that retries a few times some; this many is a loop without end.
    const LOOPING: usize = 200;
    let mut client = ctx.connect()?;
    let message = ctx.message(20);
    client.step("before the fault");
    client.send(&message)?;
    client.expect(&message)?;
    let target = ctx.target()?;
    let faults = inject(&ctx.tracing, &target, WRITES, "retval=0", client.inode_at_server())?;
    client.step("every write to this connection returns 0");
    client.send(&message)?;
    // Rest, or a loop: one of the two is reached soon, since nothing else is asked of the server.
    let deadline = Instant::now() + Duration::from_secs(15);
    while Instant::now() < deadline {
        if faults.count() > LOOPING {
            let text = format!("write() returned 0, and the server called it again {} times", faults.count());
            return Err(client.failure(Kind::Resource, text).likely(WRITE_ZERO).into());
        }
        if target.ended().is_some() {
            return Err(client.fail(Kind::ServerDied, "the server ended when write() returned 0"));
        }
        if target.wait_idle(Duration::from_millis(20)) && faults.count() > 0 {
            break;
        }
    }
    injected(&faults)
}

fn injected(faults: &Injection) -> Outcome {
    if faults.count() > 0 {
        return Ok(());
    }
    Err(not_run("the server used none of these calls while it was watched, so no fault could be injected"))
}

fn show_calls(failure: &mut Failure, faults: &Injection) {
    failure.notes.push(format!("the last traced calls:\n    {}", faults.last_calls()));
}
