//! One client is slow, silent or greedy; the others must not notice.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::LOOP;
use crate::check::{Check, Context, Explain as _, Failure, Kind, Need, Outcome};
use crate::client::{Client, Options};
use crate::context::WhileStopped as _;
use crate::context::not_run;
use crate::procfs;

const HEAD_OF_LINE: &str = "a client that stops in the middle of a frame holds up the others";
const ONE_BUFFER: &str = "the bytes of all clients are collected in one buffer";
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
        bugs: &[HEAD_OF_LINE, ONE_BUFFER],
        run: head_of_line,
        ..Check::PLAIN
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
        after: &["stall-resume"],
        hints: [
            "Is every accepted descriptor nonblocking?",
            "accept4(…, SOCK_NONBLOCK), or fcntl(fd, F_SETFL, O_NONBLOCK) after accept().",
            "On EAGAIN keep the rest of the reply and wait for writability; serve the others meanwhile.",
        ],
        bugs: &[STALLED],
        run: stalled_reader,
        ..Check::PLAIN
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
        after: &["one-thread"],
        hints: [
            "What does accept() do if the connection has gone in the meantime?",
            "Make the listener nonblocking as well, and treat EAGAIN from accept() as \"nobody there\".",
            "socket(…, SOCK_STREAM | SOCK_NONBLOCK, 0)",
        ],
        bugs: &[BLOCKING_ACCEPT],
        needs: &[Need::Proc],
        run: blocking_accept,
        ..Check::PLAIN
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
        after: &["one-thread"],
        hints: [
            "How much can one connection be given before the next gets its turn?",
            "Read once (or a bounded number of bytes) per connection and tick.",
            "Level-triggered readiness reports what is left in the next tick, so nothing is lost by stopping.",
        ],
        bugs: &[STARVATION],
        run: fairness,
        ..Check::PLAIN
    },
];

fn head_of_line(ctx: &mut Context) -> Outcome {
    let slow = ctx.message(40);
    let cut = ctx.rng.range(1, 43);
    let mut client = ctx.connect_as("A")?;
    client.step(format!("{cut} of {} bytes, and then nothing for a while", slow.len()));
    client.send(&slow[..cut])?;
    client.wait_read()?;
    // They stay: what a departure does to the others is another check's question.
    let mut served = Vec::new();
    for name in ["B", "C", "D"] {
        let message = ctx.message(15);
        let mut other = ctx.connect_as(name)?;
        other.step(format!("a whole frame, while A has sent {cut} of {} bytes", slow.len()));
        other.send(&message)?;
        let Err(verdict) = other.expect(&message) else {
            served.push(other);
            continue;
        };
        // With one buffer for all, B's bytes complete A's frame, which then comes to B.
        let mixed = other.send(&message.repeat(3)).and_then(|()| other.read_some());
        let mixed = mixed.is_ok_and(|came| came.starts_with(&slow[..cut.min(4)]));
        let outcome: Outcome = Err(verdict);
        return outcome
            .likely_when(&[Kind::NoReply, Kind::WrongBytes], if mixed { ONE_BUFFER } else { HEAD_OF_LINE });
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
    // It may listen first and make the socket nonblocking afterwards: what serves a client has done both.
    ctx.ping()?;
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

/// Megabytes of a flooder's frames and one frame of another client all wait when the stopped server goes on, and the
/// kernel stops it again in the moment in which the other's reply arrives. What the server has read of the flood by then
/// is compared with the whole flood, of which a bounded share is a small part. No clock has a part in it.
fn fairness(ctx: &mut Context) -> Outcome {
    let mut clients = Vec::new();
    for name in ["B", "flooder", "C"] {
        let mut client = ctx.connect_as(name)?;
        let hello = ctx.message(10);
        client.step("a first exchange");
        client.exchange(&hello, &hello)?;
        clients.push(client);
    }
    let [mut early, mut flooder, mut late] =
        <[Client; 3]>::try_from(clients).map_err(|_| not_run("three clients are needed"))?;
    // Events may be served in the order of connecting: the flooder came after the one and before the other.
    for _ in 0..2 {
        for other in [&mut early, &mut late] {
            flood(ctx, &mut flooder, other)?;
        }
    }
    Ok(())
}

fn flood(ctx: &mut Context, flooder: &mut Client, other: &mut Client) -> Outcome {
    /// More than the kernel's buffers hold, of which what fits is sent: nobody has to write meanwhile.
    const FLOOD: usize = 4 << 20;
    let frame = ctx.message(60);
    let flood_of_frames = frame.repeat(FLOOD / frame.len());
    let target = ctx.target()?;
    let message = ctx.message(15);
    flooder.step("megabytes of frames at once");
    other.step("a frame, while megabytes of another client's frames wait");
    let outcome = (|| -> Outcome<(usize, usize)> {
        let sent = target.while_stopped(|| {
            // The flooder's frames go first, so that an event loop hears of them first.
            let sent = flooder.send_what_fits(&flood_of_frames)?;
            other.send(&message)?;
            other.freeze_on_arrival()?;
            Ok(sent)
        })?;
        other.expect(&message).on_failure(|failure| {
            // Whoever starves another is at work; one that rests has forgotten the reply.
            if failure.kind == Kind::NoReply && !target.wait_idle(Duration::from_millis(200)) {
                failure.bug.get_or_insert(STARVATION.into());
            }
        })?;
        other.wait_frozen()?;
        Ok((sent, sent.saturating_sub(flooder.unread_by_server()?)))
    })();
    let thawed = other.thaw();
    let _ = target.signal(Signal::SIGCONT);
    let (sent, read) = outcome?;
    thawed?;
    // Some runtimes take up to two megabytes from one client in a turn: a large share, and a bounded one.
    if read > sent / 3 * 2 {
        let text = format!(
            "one frame waited while {read} of the {sent} bytes of another client's flood were served"
        );
        return Err(other.failure(Kind::Resource, text).likely(STARVATION).into());
    }
    flooder.expect(&flood_of_frames[..sent - sent % frame.len()])
}
