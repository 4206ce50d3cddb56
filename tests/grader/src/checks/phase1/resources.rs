//! What a server must give back: its port, its descriptors, its children, and itself when asked to stop.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::faults::ABORTED;
use super::pressure::RESET_FATAL;
use crate::check::{Check, Context, Explain as _, Failure, Kind, Need, Outcome, Phase, Verdict};
use crate::context::not_run;
use crate::procfs;
use crate::target::{StartError, Target};

const ALL: &[Phase] = &[Phase::Echo, Phase::Framing, Phase::EventLoop];

const NO_REUSEADDR: &str = "SO_REUSEADDR is not set";
const FD_LEAK: &str = "descriptors leak";
const ZOMBIES: &str = "finished children are never reaped";
const IGNORES_SIGTERM: &str = "SIGTERM is ignored";
const NO_CLEAN_EXIT: &str = "SIGTERM does not lead to a clean exit";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "restart",
        phases: ALL,
        catalogue: &[7],
        title: "the server can be restarted on its port at once",
        lesson: "The side that closes first keeps the connection in TIME_WAIT for a minute, and bind() refuses the port \
                 as long. SO_REUSEADDR, set before bind(), says that this is fine; without it every restart after a \
                 crash fails for a minute.",
        chapter: "docs/src/phase1/connections.md",
        points: 2,
        topic: "sockets",
        blocked_by: &["round-trip"],
        hints: [
            "Start your server, connect, kill it, start it again. What does bind() say?",
            "There is a socket option for it, and it must be set before bind().",
            "int yes = 1; setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);",
        ],
        bugs: &[NO_REUSEADDR],
        run: restart,
        ..Check::PLAIN
    },
    Check {
        name: "descriptors",
        phases: ALL,
        catalogue: &[8],
        title: "2,000 connections leave no descriptor behind",
        lesson: "Each accepted connection is a descriptor, and a process has a limited number (often 1,024). A server \
                 that forgets close() on any path works for hours and then refuses everybody.",
        chapter: "docs/src/phase1/descriptors.md",
        points: 2,
        topic: "sockets",
        blocked_by: &["round-trip", "end-of-stream"],
        after: &["sigpipe", "drip", "mass-close"],
        hints: [
            "Look at /proc/PID/fd while clients come and go.",
            "Every way out of the connection's loop must pass close(), the error paths too.",
            "In a forking server both processes hold the descriptor: parent and child must each close it.",
        ],
        bugs: &[FD_LEAK, ZOMBIES, ABORTED, RESET_FATAL],
        needs: &[Need::Proc],
        run: descriptors,
        ..Check::PLAIN
    },
    Check {
        name: "stops",
        phases: ALL,
        catalogue: &[],
        title: "SIGTERM ends the server with status 0",
        lesson: "SIGTERM is how an operator, systemd or a container asks a program to stop. A good server finishes what \
                 it owes and exits with status 0; one that ignores the request is killed ten seconds later, in the \
                 middle of whatever it was doing.",
        chapter: "docs/src/phase1/errors.md",
        points: 1,
        topic: "sockets",
        blocked_by: &["round-trip"],
        after: &["end-of-stream", "one-thread"],
        hints: [
            "What does `kill PID; echo $?` show in the terminal where the server runs?",
            "Install a handler with sigaction (without SA_RESTART) that sets a flag, and look at it after accept().",
            "An event loop takes the signal as an event: signalfd, or a pipe that the handler writes to.",
        ],
        bugs: &[IGNORES_SIGTERM, NO_CLEAN_EXIT],
        run: stops,
        ..Check::PLAIN
    },
];

fn restart(ctx: &mut Context) -> Outcome {
    let target = ctx.target()?;
    let message = ctx.message(8);
    let mut client = ctx.connect()?;
    client.step("a conversation, in the middle of which the server is killed");
    client.send(&message)?;
    client.expect(&message)?;
    // The server's side closes first, so the server's port is the one that goes into TIME_WAIT.
    target.kill();
    let _ = client.expect_closed()?;
    drop(client);
    let port = target.port;
    let lingering = procfs::tcp_rows_of_port(port).is_ok_and(|rows| !rows.is_empty());
    if !lingering {
        return Err(not_run("no connection was left in TIME_WAIT, so a restart proves nothing"));
    }
    let mut again = ctx.launch.clone();
    again.port = Some(port);
    match again.start() {
        Ok(started) => {
            ctx.release();
            ctx.adopt(started.into());
            ctx.ping()
        }
        Err(error) if error.is_infrastructure() => Err(crate::context::start_verdict(error)),
        Err(error) => {
            let (text, named) = match &error {
                StartError::Exited { .. } => (error.to_string(), true),
                // listen(2) on a socket without an address chooses one: bind() has failed, and nothing looked.
                StartError::WrongPort { found, .. } => (
                    format!(
                        "it listens on port {found:?} instead: bind() failed, and its error was not looked at"
                    ),
                    true,
                ),
                _ => (error.to_string(), false),
            };
            let text = format!("restarted on port {port} at once after a crash: {text}");
            let mut failure = Failure::new(Kind::Refused, text);
            failure.bug = named.then(|| NO_REUSEADDR.into());
            Err(failure.into())
        }
    }
}

fn descriptors(ctx: &mut Context) -> Outcome {
    let target = ctx.target()?;
    storm(ctx, 50).map_err(|verdict| name_death(&target, verdict))?;
    let _ = target.wait_idle(Duration::from_secs(2));
    let before = target.descriptors().ok_or_else(|| not_run("the server's /proc/PID/fd cannot be read"))?;
    let outcome = storm(ctx, 1_950).map_err(|verdict| name_death(&target, verdict));
    let _ = target.wait_idle(Duration::from_secs(2));
    let after = target.descriptors().unwrap_or(0);
    if after > before + 40 {
        let text = format!("{before} descriptors were open after 50 connections, {after} after 2,000");
        return Err(Failure::new(Kind::Resource, text).likely(FD_LEAK).into());
    }
    outcome?;
    let zombies = procfs::processes().filter(|stat| stat.parent == target.pid() && stat.state == 'Z').count();
    if zombies > 100 {
        let text = format!("{zombies} finished child processes wait to be reaped with waitpid()");
        return Err(Failure::new(Kind::Resource, text).likely(ZOMBIES).into());
    }
    Ok(())
}

/// Most connections are reset, many before they are accepted: was it accept() or a call on the connection that met it?
fn name_death(target: &Target, verdict: Verdict) -> Verdict {
    if matches!(&verdict, Verdict::Failed(failure) if failure.is_a_memory_fault()) {
        return verdict;
    }
    let at_accept = target.output.mentions(&["accept", "aborted"]);
    let outcome: Outcome = Err(verdict);
    let named = outcome.likely_death(if at_accept { ABORTED } else { RESET_FATAL });
    named.err().unwrap_or(Verdict::Infrastructure("a failure vanished".into()))
}

/// Connections in a row; some end in the middle, most say nothing, every tenth has a message echoed.
fn storm(ctx: &mut Context, count: usize) -> Outcome {
    for round in 0..count {
        let mut client = ctx.connect()?;
        if round % 10 == 0 {
            let message = ctx.message(6);
            client.step(format!("connection {round}"));
            client.send(&message)?;
            client.expect(&message)?;
        }
        if round % 3 != 0 {
            client.reset();
        }
    }
    // The last one has to be served, so all before it have been.
    ctx.ping()
}

fn stops(ctx: &mut Context) -> Outcome {
    ctx.ping()?;
    let target = ctx.release().ok_or_else(|| not_run("there is no server to stop"))?;
    if target.signal(Signal::SIGTERM).is_err() {
        return Err(not_run("the server was gone before it could be asked to stop"));
    }
    let Some(ended) = target.wait_end(Duration::from_secs(8)) else {
        let failure = Failure::new(Kind::NotClosed, "the server still runs 8 s after SIGTERM; it was killed");
        return Err(failure.likely(IGNORES_SIGTERM).into());
    };
    if ended.0.success() {
        return Ok(());
    }
    let failure =
        Failure::new(Kind::ServerDied, format!("after SIGTERM the server {ended}; status 0 was expected"));
    Err(failure.likely_when(&[Kind::ServerDied], NO_CLEAN_EXIT).into())
}
