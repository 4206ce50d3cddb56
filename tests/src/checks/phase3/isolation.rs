//! One client is slow, silent or greedy; the others must not notice.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::LOOP;
use crate::check::{Check, Context, Explain as _, Failure, Kind, Need, Outcome, Server};
use crate::client::{Client, Options};
use crate::context::not_run;
use crate::procfs;

const HEAD_OF_LINE: &str = "a client that stops in the middle of a frame holds up the others";
const STALLED: &str = "a client that does not read holds up the others";
const BLOCKING_ACCEPT: &str = "the listening socket is left blocking";
const STARVATION: &str = "a busy client starves the others";

pub(in crate::checks) const CHECKS: &[Check] = &[
    Check {
        name: "head-of-line",
        phases: LOOP,
        catalogue: &[29],
        title: "a client with half a frame does not delay another",
        lesson: "The reason for the event loop: a blocking server waits inside read() for one client while all others \
                 wait for the server. The loop reads what is there and remembers, for each connection, how far it got.",
        chapter: "docs/src/phase3/readiness.md",
        points: 4,
        topic: "loop",
        blocked_by: &["round-trip", "split-anywhere"],
        hints: [
            "While client A has sent half a header, in which system call is your server?",
            "Never loop until a message is complete: keep what came and return to the poller.",
            "read_full() from phase 2 has no place here; use a buffer per connection and decode().",
        ],
        bugs: &[HEAD_OF_LINE],
        server: Server::Own,
        needs: &[],
        run: head_of_line,
    },
    Check {
        name: "stalled-reader",
        phases: LOOP,
        catalogue: &[30],
        title: "a client that never reads does not delay another",
        lesson: "write() on a blocking descriptor waits until the peer makes room. One client that has stopped reading \
                 then stops the whole loop. Accepted descriptors must be made nonblocking one by one: they do not \
                 inherit it from the listener on Linux.",
        chapter: "docs/src/phase3/nonblocking.md",
        points: 3,
        topic: "loop",
        blocked_by: &["head-of-line", "short-writes"],
        hints: [
            "Is every accepted descriptor nonblocking?",
            "accept4(…, SOCK_NONBLOCK), or fcntl(fd, F_SETFL, O_NONBLOCK) after accept().",
            "On EAGAIN keep the rest of the reply and wait for writability; serve the others meanwhile.",
        ],
        bugs: &[STALLED],
        server: Server::Own,
        needs: &[],
        run: stalled_reader,
    },
    Check {
        name: "blocking-accept",
        phases: LOOP,
        catalogue: &[31],
        title: "the listening socket is nonblocking",
        lesson: "Readiness is a hint about the past. A client may reset its connection between the poller's word and \
                 accept(), and then a blocking accept() waits for the next client while everybody else waits for it.",
        chapter: "docs/src/phase3/nonblocking.md",
        points: 1,
        topic: "loop",
        blocked_by: &["round-trip"],
        hints: [
            "What does accept() do if the connection has gone in the meantime?",
            "Make the listener nonblocking as well, and treat EAGAIN from accept() as \"nobody there\".",
            "socket(…, SOCK_STREAM | SOCK_NONBLOCK, 0)",
        ],
        bugs: &[BLOCKING_ACCEPT],
        server: Server::Shared,
        needs: &[Need::Proc],
        run: blocking_accept,
    },
    Check {
        name: "fairness",
        phases: LOOP,
        catalogue: &[37],
        title: "a client that floods does not starve another",
        lesson: "Reading one connection \"until there is no more\" gives the loop to whoever sends fastest. A bounded read \
                 per connection and tick costs the flooder nothing and gives everybody a turn.",
        chapter: "docs/src/phase3/accept.md",
        points: 2,
        topic: "loop",
        blocked_by: &["stalled-reader", "coalesced"],
        hints: [
            "How much can one connection be given before the next gets its turn?",
            "Read once (or a bounded number of bytes) per connection and tick.",
            "Level-triggered readiness reports what is left in the next tick, so nothing is lost by stopping.",
        ],
        bugs: &[STARVATION],
        server: Server::Own,
        needs: &[],
        run: fairness,
    },
];

fn head_of_line(ctx: &mut Context) -> Outcome {
    let slow = ctx.message(40);
    let cut = ctx.rng.range(1, 43);
    let mut client = ctx.connect_as("A")?;
    client.step(format!("{cut} of {} bytes, and then nothing for a while", slow.len()));
    client.send(&slow[..cut])?;
    client.wait_read()?;
    for name in ["B", "C", "D"] {
        let message = ctx.message(15);
        let mut other = ctx.connect_as(name)?;
        other.step(format!("a whole frame, while A has sent {cut} of {} bytes", slow.len()));
        other.send(&message)?;
        other.expect(&message).likely_when(&[Kind::NoReply], HEAD_OF_LINE)?;
    }
    client.send(&slow[cut..])?;
    client.expect(&slow)
}

/// Sends frames without reading until the server takes no more.
pub(super) fn stall(ctx: &mut Context, client: &mut Client, most: usize) -> Outcome<(Vec<u8>, usize)> {
    let mut stream = Vec::with_capacity(most);
    while stream.len() < most {
        stream.extend(ctx.message(16_000));
    }
    let sent = client.send_until_stalled(&stream)?;
    Ok((stream, sent))
}

fn stalled_reader(ctx: &mut Context) -> Outcome {
    let mut client =
        ctx.connect_with(&Options { name: "A".into(), receive_buffer: Some(4_096), ..Options::default() })?;
    client.step("frames, none of whose replies is read");
    stall(ctx, &mut client, 24 << 20)?;
    for name in ["B", "C"] {
        let message = ctx.message(15);
        let mut other = ctx.connect_as(name)?;
        other.step("a whole frame, while A does not read its replies");
        other.send(&message)?;
        other.expect(&message).likely_when(&[Kind::NoReply], STALLED)?;
    }
    Ok(())
}

fn blocking_accept(ctx: &mut Context) -> Outcome {
    let target = ctx.target()?;
    match procfs::listener_is_blocking(target.pid(), target.port) {
        Some(false) => Ok(()),
        Some(true) => {
            let text = "O_NONBLOCK is not set on the listening socket (seen in /proc/PID/fdinfo)";
            Err(Failure::new(Kind::Resource, text).likely(BLOCKING_ACCEPT).into())
        }
        None => Err(not_run("the listening socket cannot be seen in /proc/PID/fdinfo")),
    }
}

fn fairness(ctx: &mut Context) -> Outcome {
    /// Replies to the flooder between a request of B and its reply. One tick's share is some tens of KB, and what lies
    /// in the kernel's buffers some MB.
    const SHARE: u64 = 16 << 20;
    // Empty frames cost the server far more than the flooder, so the flooder keeps ahead of it.
    let flood = vec![0_u8; 256 << 10];
    let mut flooder = ctx.connect_as("flooder")?;
    let mut other = ctx.connect_as("B")?;
    let (answered, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let message = ctx.message(15);
    std::thread::scope(|scope| {
        let flooding = scope.spawn(|| -> Outcome {
            let mut at = 0;
            while !stop.load(Ordering::Relaxed) {
                let (sent, came) = flooder.pump(&flood[at..])?;
                at = (at + sent) % flood.len();
                answered.fetch_add(came as u64, Ordering::Relaxed);
            }
            Ok(())
        });
        let mut shares = Vec::new();
        let outcome = (|| {
            while answered.load(Ordering::Relaxed) < 1 << 20 && !flooding.is_finished() {
                std::thread::sleep(Duration::from_millis(1));
            }
            for _ in 0..15 {
                let before = answered.load(Ordering::Relaxed);
                other.step("a frame, while another client floods the server");
                other.send(&message)?;
                other.expect(&message).likely_when(&[Kind::NoReply], STARVATION)?;
                shares.push(answered.load(Ordering::Relaxed) - before);
            }
            Ok(())
        })();
        stop.store(true, Ordering::Relaxed);
        match flooding.join() {
            Ok(flooded) => outcome.and(flooded)?,
            Err(_) => outcome?,
        }
        // The median: a single long wait may be the machine's.
        shares.sort_unstable();
        let share = shares[shares.len() / 2];
        if share > SHARE {
            let text = format!("while B waited for one reply, the flooder got {} MB of replies", share >> 20);
            return Err(other.failure(Kind::Resource, text).likely(STARVATION).into());
        }
        Ok(())
    })
}
