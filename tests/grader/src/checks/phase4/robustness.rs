//! Many clients, rude clients, slow clients: phase 3's promises, kept by a server that speaks commands.

use std::time::Duration;

use super::reply::Reply;
use super::talk::{KEYSPACE, Talk, ping};
use crate::check::{Check, Context, Explain as _, Failure, Kind, Need, Outcome};
use crate::client::Options;

const HEAD_OF_LINE: &str = "one client's half request stops the others";
const SLOW_READER: &str = "one client that does not read stops the others";
pub(super) const LOST_REPLIES: &str = "replies are lost when the client reads late";
const HALF_RUN: &str = "half a request is run when the client leaves";
const CONFUSED: &str = "replies reach the wrong client";
const SPINS: &str = "the loop spins while nothing happens";
const KILLS: &str = "clients that leave rudely end the server";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "half-request",
        phases: KEYSPACE,
        catalogue: &[24, 29],
        title: "half a request stops nobody, and is never run",
        lesson: "A request of which half has come waits in its connection's buffer, and only there. If the client leaves, \
                 the half is dropped: running it would do what nobody asked for.",
        chapter: "docs/src/phase3/connection.md",
        points: 2,
        topic: "robustness",
        blocked_by: &["set-get-del"],
        commands: &["SET", "GET"],
        hints: [
            "Where does your server wait for the second half of a request?",
            "In the loop, with everybody else; never in a read of its own.",
            "On end of stream, drop what is left in the buffer and close.",
        ],
        bugs: &[HEAD_OF_LINE, HALF_RUN],
        run: half_request,
        ..Check::PLAIN
    },
    Check {
        name: "late-reader",
        phases: KEYSPACE,
        catalogue: &[2, 30, 33, 35],
        title: "8 MB of replies wait for a client that reads late, while others are served",
        lesson: "When the send buffer is full, write() says so. The rest of the replies stays with the connection until the \
                 socket is writable again; the loop goes on with the others.",
        chapter: "docs/src/phase3/back-pressure.md",
        points: 3,
        topic: "robustness",
        blocked_by: &["resp-pipeline"],
        after: &["resp-binary", "resp-sizes", "half-request"],
        commands: &["ECHO", "SET", "GET"],
        hints: [
            "What does your server do with the part of a reply that write() did not take?",
            "Keep it, watch for writability, and take no new requests of this client while much waits.",
            "On writable: write from where it stopped; when all is gone, serve what is buffered, then read again.",
        ],
        bugs: &[SLOW_READER, LOST_REPLIES],
        run: late_reader,
        ..Check::PLAIN
    },
    Check {
        name: "client-storm",
        phases: KEYSPACE,
        catalogue: &[39, 40, 6],
        title: "hundreds of clients come, leave rudely and come back; each gets its own replies",
        lesson: "Descriptors are numbers that are used again at once. Whoever keeps state by number, or handles an event of \
                 a closed connection, hands one client's reply to another.",
        chapter: "docs/src/phase3/connection.md",
        points: 2,
        topic: "robustness",
        blocked_by: &["resp-pipeline"],
        commands: &["ECHO", "GET"],
        hints: [
            "What is left of a connection when its descriptor is closed?",
            "Drop the whole state with the descriptor, and let events carry a generation.",
            "Ignore SIGPIPE; treat EPIPE and ECONNRESET as the end of that one client.",
        ],
        bugs: &[CONFUSED, KILLS],
        run: storm,
        ..Check::PLAIN
    },
    Check {
        name: "idle",
        phases: KEYSPACE,
        catalogue: &[32],
        title: "200 idle clients cost no CPU time",
        lesson: "An event loop sleeps until something happens. A watch for writability that is never taken off, or a timer \
                 of zero, turns it into a loop that burns a core for nothing.",
        chapter: "docs/src/phase3/readiness.md",
        points: 2,
        topic: "robustness",
        blocked_by: &["set-get-del"],
        commands: &["GET"],
        hints: [
            "Look at `top` while clients are connected and silent.",
            "A socket is writable nearly always: watch for it only while bytes wait.",
            "Timeout of the wait: until the next deadline, rounded up; without one, for ever.",
        ],
        bugs: &[SPINS],
        needs: &[Need::Proc],
        run: idle,
        ..Check::PLAIN
    },
];

fn half_request(ctx: &mut Context) -> Outcome {
    let mut slow = Talk::either(ctx)?;
    let salt = slow.salt.clone();
    let whole = slow.bytes_of("SET ~half run");
    slow.step("half of a SET, and then nothing");
    let half = whole.len() - 1 - ctx.rng.below(whole.len() / 2);
    slow.client.send(&whole[..half])?;
    slow.client.wait_read()?;
    let mut other = Talk::either(ctx)?;
    other.salt = salt;
    for _ in 0..20 {
        other.ask("GET ~half", "nil").likely_when(&[Kind::NoReply], HEAD_OF_LINE).likely(HALF_RUN)?;
    }
    slow.step("FIN in the middle of a request");
    slow.client.finish()?;
    slow.client.expect_closed().likely_when(&[Kind::ExtraBytes], HALF_RUN)?;
    other.ask("GET ~half", "nil").likely(HALF_RUN)
}

fn late_reader(ctx: &mut Context) -> Outcome {
    let options =
        Options { name: "the late reader".into(), receive_buffer: Some(16 << 10), ..Options::default() };
    let mut late = Talk::resp_with(ctx, &options)?;
    let value = ctx.rng.bytes(64 << 10);
    late.ask_bytes(&[b"SET", b"large", &value], &Reply::ok())?;
    let mut batch = late.batch();
    for n in 0..128 {
        batch.push(&[b"GET", b"large"], &Reply::bulk(value.as_slice()));
        batch.push(&[b"ECHO", format!("{n}").as_bytes()], &Reply::bulk(format!("{n}")));
    }
    late.step("128 times GET of 64 KiB, nothing read meanwhile");
    let sent = late.client.send_until_stalled(&batch.sent)?;
    let _ = ctx.target()?.wait_idle(Duration::from_secs(2));
    let mut other = Talk::resp_as(ctx, "another client")?;
    for n in 0..50 {
        other.ask(&format!("ECHO {n}"), &format!("${n}")).likely(SLOW_READER)?;
    }
    late.client
        .exchange(&batch.sent[sent..], &batch.owed)
        .likely_when(&[Kind::NoReply, Kind::WrongBytes, Kind::EarlyEof, Kind::Reset], LOST_REPLIES)
}

fn storm(ctx: &mut Context) -> Outcome {
    let mut clients = Vec::new();
    for round in 0..600_usize {
        let mut talk = Talk::resp_as(ctx, &format!("client {round}"))?;
        let token = format!("{}{round}", talk.salt);
        let owed = format!("${}\r\n{token}\r\n", token.len());
        let asked = talk.bytes_of(&format!("ECHO {token}"));
        talk.client.send(&asked)?;
        clients.push((talk, owed));
        if round % 3 == 0 {
            // One leaves without reading its reply; the next will get its descriptor.
            let at = ctx.rng.below(clients.len());
            clients.swap_remove(at).0.client.reset();
        }
        if clients.len() > 60 {
            let at = ctx.rng.below(clients.len());
            let (mut talk, owed) = clients.swap_remove(at);
            talk.step("its own token");
            talk.client
                .expect(owed.as_bytes())
                .likely_death(KILLS)
                .likely_when(&[Kind::WrongBytes, Kind::Reset, Kind::EarlyEof], CONFUSED)?;
        }
    }
    for (mut talk, owed) in clients {
        talk.client
            .expect(owed.as_bytes())
            .likely_death(KILLS)
            .likely_when(&[Kind::WrongBytes, Kind::Reset, Kind::EarlyEof], CONFUSED)?;
    }
    ping(ctx).likely_death(KILLS)
}

/// Compared with a spinning thread in the same moments, see [`crate::context::Rest`].
fn idle(ctx: &mut Context) -> Outcome {
    let mut clients = Vec::new();
    for _ in 0..200 {
        let mut talk = Talk::either(ctx)?;
        let bytes = talk.bytes_of("GET ~nothing");
        talk.exchange(&bytes, &Reply::Nil)?;
        clients.push(talk);
    }
    let target = ctx.target()?;
    let _ = target.wait_idle(Duration::from_secs(1));
    let rest = ctx.rest()?;
    if rest.spins() {
        let text = format!("with {} idle clients {rest}", clients.len());
        return Err(Failure::new(Kind::Resource, text).likely(SPINS).into());
    }
    Ok(())
}
