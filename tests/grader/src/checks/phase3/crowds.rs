//! Many connections, coming and going at once.

use std::time::{Duration, Instant};

use super::LOOP;
use crate::check::{Check, Context, Explain as _, Failure, Kind, Need, Outcome};
use crate::checks::phase1::{RESET_FATAL, STALE};
use crate::client::Client;
use crate::context::WhileStopped as _;
use crate::context::not_run;
use crate::procfs::accept_queue;

const ACCEPT_SPIN: &str = "accept is retried at once when descriptors run out";
const NO_RECOVERY: &str = "after running out of descriptors nobody is accepted any more";
const EMFILE_FATAL: &str = "running out of descriptors ends the server";
const MUTATED: &str = "the collection is changed while it is walked";
const THREADS: &str = "a thread or process for each connection";

pub(in crate::checks) const CHECKS: &[Check] = &[
    Check {
        name: "one-thread",
        phases: LOOP,
        catalogue: &[45],
        title: "200 clients are served without a thread each",
        lesson: "Threads also lift the one-client limit, at a price: memory for each stack, switches, and locks around \
                 everything shared. The event loop shows that waiting needs no thread. This phase is about that.",
        chapter: "docs/src/phase3/readiness.md",
        points: 2,
        topic: "loop",
        blocked_by: &["head-of-line"],
        hints: [
            "Count the entries of /proc/PID/task while clients are connected.",
            "All connections stand in one interest list: poll's array, or epoll's set.",
            "One loop: wait for events; for each ready descriptor read, serve, write; never block in between.",
        ],
        bugs: &[THREADS],
        needs: &[Need::Proc],
        run: one_thread,
        ..Check::PLAIN
    },
    Check {
        name: "mass-close",
        phases: LOOP,
        catalogue: &[40],
        title: "half of 500 clients leave at once; the others stay served",
        lesson: "Removing entries from the list that is being walked skips neighbours or reads freed ones. It shows only \
                 when several connections end in the same tick.",
        chapter: "docs/src/phase3/connection.md",
        points: 2,
        topic: "loop",
        blocked_by: &["head-of-line", "end-of-stream"],
        hints: [
            "When is a connection removed: while the events are walked, or after?",
            "Mark it as closed, and remove all marked ones at the end of the tick.",
            "Or give each a slot with a generation: a removed one is simply not found any more.",
        ],
        bugs: &[MUTATED, RESET_FATAL],
        run: mass_close,
        ..Check::PLAIN
    },
    Check {
        name: "descriptor-reuse",
        phases: LOOP,
        catalogue: &[39],
        title: "in a storm of close and connect each client gets its own replies",
        lesson: "The kernel gives the smallest free descriptor to the next connection. An event, a buffer or a timer \
                 that is kept by descriptor may reach a stranger who came in the same tick.",
        chapter: "docs/src/phase3/connection.md",
        points: 2,
        topic: "loop",
        blocked_by: &["mass-close"],
        after: &["sigpipe"],
        hints: [
            "What belongs to a connection, and is all of it thrown away when it closes?",
            "Between close(fd) and the end of the tick, accept() may return the same number.",
            "Use a token with a generation in epoll's data, not the bare descriptor.",
        ],
        bugs: &[STALE],
        run: descriptor_reuse,
        ..Check::PLAIN
    },
    Check {
        name: "out-of-descriptors",
        phases: LOOP,
        catalogue: &[38],
        title: "without descriptors the server rests, serves, and recovers",
        lesson: "accept() fails with EMFILE and the connection stays in the backlog, so the listener stays readable: a \
                 level-triggered loop is told at once again, and turns at full speed until somebody leaves.",
        chapter: "docs/src/phase3/accept.md",
        points: 2,
        topic: "loop",
        blocked_by: &["idle-cpu", "mass-close"],
        after: &["sigpipe"],
        hints: [
            "ulimit -n 32, connect 64 clients, and look at top.",
            "On EMFILE stop watching the listener for a while; go on when a connection closes or a timer fires.",
            "Or keep one spare descriptor: close it, accept, close the new connection, open the spare again.",
        ],
        bugs: &[ACCEPT_SPIN, NO_RECOVERY, EMFILE_FATAL],
        needs: &[Need::Proc],
        run: out_of_descriptors,
        ..Check::PLAIN
    },
];

fn crowd(ctx: &mut Context, count: usize) -> Outcome<Vec<Client>> {
    let mut clients = Vec::with_capacity(count);
    for number in 0..count {
        let mut client = ctx.connect()?;
        let message = ctx.wire.encode(format!("client {number}").as_bytes());
        client.step(format!("client {number} of {count}"));
        client.send(&message)?;
        client.expect(&message)?;
        clients.push(client);
    }
    Ok(clients)
}

fn one_thread(ctx: &mut Context) -> Outcome {
    /// Runtimes bring helpers of their own (collectors, resolvers); what counts is that they do not grow with clients.
    const HELPERS: u64 = 16;
    let target = ctx.target()?;
    let first = crowd(ctx, 1)?;
    let count = || target.threads().map(|threads| threads + target.processes() as u64);
    let before = count().ok_or_else(|| not_run("the server's threads cannot be counted"))?;
    let clients = crowd(ctx, 199)?;
    let after = count().unwrap_or(before);
    if after > before + HELPERS {
        let text = format!(
            "with {} clients the server has {} more threads and processes than with one",
            first.len() + clients.len(),
            after - before
        );
        return Err(Failure::new(Kind::Resource, text).likely(THREADS).into());
    }
    Ok(())
}

fn mass_close(ctx: &mut Context) -> Outcome {
    half_leave(ctx, false)?;
    // One reset alone first: a server that it ends has another fault than this one.
    crowd(ctx, 1)?.remove(0).reset();
    ctx.ping().likely_death(RESET_FATAL)?;
    half_leave(ctx, true)
}

/// Half of a crowd leaves in one moment, by FIN alone or some by RST, while the others ask for something.
fn half_leave(ctx: &mut Context, resets: bool) -> Outcome {
    let target = ctx.target()?;
    let mut clients = crowd(ctx, 500)?;
    ctx.rng.shuffle(&mut clients);
    let mut staying = clients.split_off(250);
    let tokens: Vec<Vec<u8>> = staying.iter().map(|_| ctx.message(12)).collect();
    // Stopped for a moment, the server finds all the news in one tick.
    target.while_stopped(|| {
        for (at, client) in clients.into_iter().enumerate() {
            if resets && at % 2 == 0 {
                client.reset();
            }
        }
        staying.iter_mut().zip(&tokens).try_for_each(|(client, token)| {
            client.step("a frame, sent in the moment in which 250 others left");
            client.send(token)
        })
    })?;
    for (client, token) in staying.iter_mut().zip(&tokens) {
        client.expect(token).likely(MUTATED).likely_death(MUTATED)?;
    }
    ctx.ping().likely(MUTATED).likely_death(MUTATED)
}

fn descriptor_reuse(ctx: &mut Context) -> Outcome {
    let target = ctx.target()?;
    for round in 0..12 {
        let leaving = crowd(ctx, 12).likely(STALE)?;
        // In one tick: a last request of those who leave, their end, and newcomers with requests of their own.
        let newcomers = target.while_stopped(|| storm(ctx, leaving, round))?;
        for (mut client, token) in newcomers {
            client.expect(&token).likely(STALE).likely_death(STALE)?;
        }
    }
    ctx.ping().likely(STALE).likely_death(STALE)
}

fn storm(ctx: &mut Context, leaving: Vec<Client>, round: usize) -> Outcome<Vec<(Client, Vec<u8>)>> {
    for (at, mut client) in leaving.into_iter().enumerate() {
        if at % 3 != 0 {
            let last = ctx.wire.encode(format!("last words {round} {at}").as_bytes());
            // Some leave in the middle of a frame: what the server keeps of it must not outlive them.
            client.send(if at % 3 == 1 { &last } else { &last[..last.len() - 5] })?;
        }
        if at % 2 == 0 {
            client.reset();
        }
    }
    let mut newcomers = Vec::new();
    // The stopped server accepts nobody: so many fit into its queue.
    let port = ctx.target()?.port;
    let room = accept_queue(port).map_or(12, |queue| queue.room());
    for at in 0..12.min(room) {
        let token = ctx.wire.encode(format!("newcomer {round} {at} {}", ctx.rng.next_u64()).as_bytes());
        let mut client = ctx.connect()?;
        client.step("a newcomer's own token, in the moment in which others left");
        client.send(&token)?;
        newcomers.push((client, token));
    }
    Ok(newcomers)
}

/// Whether the server rests without descriptors is told by comparison with a spinning thread, see
/// [`crate::context::Rest`].
fn out_of_descriptors(ctx: &mut Context) -> Outcome {
    let mut launch = ctx.launch.clone();
    launch.limits.files = Some(32);
    let target = ctx.restart(&launch)?;
    let mut first = crowd(ctx, 1)?.remove(0);
    let mut waiting = Vec::new();
    for _ in 0..64 {
        // A server that listens with a short queue is full sooner, and the kernel drops what comes then.
        let full = || accept_queue(target.port).is_some_and(|queue| queue.room() == 0);
        if full() && !target.wait_idle(Duration::from_millis(200)) | full() {
            break;
        }
        waiting.push(ctx.connect().likely_death(EMFILE_FATAL)?);
    }
    let rest = ctx.rest();
    if target.ended().is_some() {
        return Err(first
            .failure(Kind::ServerDied, "the server ended without descriptors")
            .likely_death(EMFILE_FATAL)
            .into());
    }
    let rest = rest?;
    if rest.spins() {
        let text = format!("with 32 descriptors and {} clients {rest}", 1 + waiting.len());
        return Err(Failure::new(Kind::Resource, text).likely(ACCEPT_SPIN).into());
    }
    let message = ctx.message(10);
    first.step("a client that was accepted before descriptors ran out");
    first.send(&message)?;
    first
        .expect(&message)
        .likely_when(&[Kind::EarlyEof, Kind::Reset], EMFILE_FATAL)
        .likely_death(EMFILE_FATAL)?;
    let gone = waiting.len();
    drop(waiting);
    // Closing takes the server a moment, and who comes before may still be turned away.
    let until = Instant::now() + Duration::from_secs(3);
    loop {
        let _ = target.wait_idle(Duration::from_millis(200));
        let outcome = ctx.ping();
        if outcome.is_ok() || target.ended().is_some() || Instant::now() > until {
            let before = format!("{gone} clients beyond the limit had come and gone before");
            return outcome.likely(NO_RECOVERY).note(before);
        }
    }
}
