//! How a conversation ends: inside a frame, after an error, with replies still owed; and garbage from beginning to end.

use std::time::Duration;

use super::FRAMED;
use crate::check::{Check, Context, Explain as _, Failure, Kind, Outcome, Verdict};
use crate::client::Options;

const CUT_IS_MESSAGE: &str = "an end of stream inside a frame is taken for a message";
const CUT_FATAL: &str = "an end of stream inside a frame ends the server";
const OWED_LOST: &str = "replies already owed are lost at the close";
const EARLY_CLOSE: &str = "closed with input unread, so that RST destroys the reply";
const CRASH: &str = "malformed input ends the server";
const STUCK: &str = "after malformed input the server serves nobody";

pub(in crate::checks) const CHECKS: &[Check] = &[
    Check {
        name: "truncated-frame",
        phases: FRAMED,
        catalogue: &[24],
        title: "a frame cut by the end of the stream gets no reply",
        lesson: "End of stream between two frames is a goodbye; inside a frame it is a broken message. What is there is \
                 not what the client meant to say, and acting on half a request is worse than none.",
        chapter: "docs/src/phase2/decoder.md",
        points: 2,
        topic: "framing",
        blocked_by: &["round-trip", "end-of-stream"],
        after: &["split-anywhere", "sizes", "mass-close", "head-of-line"],
        hints: [
            "What does your read_full return when the stream ends early, and who looks at that?",
            "A count smaller than asked for means: end of stream inside the frame. Log it, close, no reply.",
            "match read_full(…) { 0 → clean end (header only), n < len → error, len → go on }",
        ],
        bugs: &[CUT_IS_MESSAGE, CUT_FATAL],
        run: truncated_frame,
        ..Check::PLAIN
    },
    Check {
        name: "owed-replies",
        phases: FRAMED,
        catalogue: &[28],
        title: "replies owed before a protocol error still arrive",
        lesson: "A good request followed by a bad one: the good one was accepted, so its reply is owed. Flush first, \
                 close then. A close() with replies still in the program's own buffer loses them.",
        chapter: "docs/src/phase2/hostile-lengths.md",
        points: 2,
        topic: "framing",
        blocked_by: &["coalesced", "hostile-length"],
        hints: [
            "Where are your replies at the moment you find the bad header?",
            "An error ends the reading, not the writing: flush, then close.",
            "Set `closing = true`, stop parsing, and close when the output buffer is empty.",
        ],
        bugs: &[OWED_LOST, EARLY_CLOSE],
        run: owed_replies,
        ..Check::PLAIN
    },
    Check {
        name: "unread-input",
        phases: FRAMED,
        catalogue: &[10],
        title: "input left unread does not destroy a reply that is under way",
        lesson: "close() on a socket with unread input sends RST, and RST discards what the peer's replies still had to \
                 travel. A server that closes after an error must first send FIN (shutdown), then read and drop what \
                 comes until the peer ends too, or for a while.",
        chapter: "docs/src/phase2/hostile-lengths.md",
        points: 2,
        topic: "framing",
        blocked_by: &["owed-replies", "short-writes"],
        after: &["one-thread", "head-of-line", "sigpipe", "mass-close"],
        hints: [
            "What lies in the socket's receive buffer when you close it?",
            "shutdown(fd, SHUT_WR) first, then read until 0 (with a time limit), then close: a lingering close.",
            "man 7 tcp and RFC 1122 4.2.2.13: closing with unread data resets the connection.",
        ],
        bugs: &[EARLY_CLOSE],
        run: unread_input,
        ..Check::PLAIN
    },
    Check {
        name: "fuzz",
        phases: FRAMED,
        catalogue: &[26],
        title: "no garbage ends the server",
        lesson: "Whatever a socket can carry will one day arrive. A slice beyond the buffer's end, an assertion, an \
                 unhandled error: one connection's nonsense must never end the service for the others.",
        chapter: "docs/src/phase2/hostile-lengths.md",
        points: 3,
        topic: "framing",
        blocked_by: &["hostile-length", "truncated-frame", "sigpipe"],
        hints: [
            "The report shows the bytes that did it: send them again by hand.",
            "Check every index against what is really in the buffer, not against what a header said.",
            "Errors of one connection close that connection: return them to the loop, do not exit, do not panic.",
        ],
        bugs: &[CRASH, STUCK],
        run: fuzz,
        ..Check::PLAIN
    },
];

fn truncated_frame(ctx: &mut Context) -> Outcome {
    let len = ctx.rng.range(8, 30);
    let inside = 4 + ctx.rng.range(1, len - 1);
    for cut in [2, 4, inside, 4 + len - 1] {
        let message = ctx.message(len);
        let mut client = ctx.connect()?;
        client.step(format!("the first {cut} of {} bytes, then FIN", message.len()));
        client.send(&message[..cut])?;
        client.finish()?;
        client.expect_closed().likely_when(&[Kind::ExtraBytes], CUT_IS_MESSAGE).likely_death(CUT_FATAL)?;
        drop(client);
        ctx.ping().likely_death(CUT_FATAL)?;
    }
    Ok(())
}

fn owed_replies(ctx: &mut Context) -> Outcome {
    let good = [ctx.message(7), ctx.message(3_000), ctx.message(11)].concat();
    let stream = [&good[..], &u32::MAX.to_le_bytes()].concat();
    let mut client = ctx.connect()?;
    client.step("three good frames and an impossible length in one write");
    client.send(&stream)?;
    client
        .expect(&good)
        .likely_when(&[Kind::Reset], EARLY_CLOSE)
        .likely_when(&[Kind::EarlyEof, Kind::NoReply], OWED_LOST)?;
    client.expect_closed().map(drop)
}

fn unread_input(ctx: &mut Context) -> Outcome {
    // Larger than what the client's window takes, so that most of it still lies with the server when it closes.
    let owed = ctx.message(1 << 20);
    // More than a generous read takes, so that some of it is left when the server closes.
    let junk = ctx.rng.bytes(1_600_000);
    let mut client = ctx.connect_with(&Options { receive_buffer: Some(16 << 10), ..Options::default() })?;
    client.step("a frame of 1 MiB, an impossible length, 1.6 MB of junk; the reply is read late");
    client
        .send_until_stalled(&[&owed[..], &u32::MAX.to_le_bytes(), &junk].concat())
        .likely_when(&[Kind::Reset, Kind::EarlyEof], EARLY_CLOSE)?;
    let _ = ctx.target()?.wait_idle(Duration::from_secs(2));
    client.expect(&owed).likely_when(&[Kind::Reset, Kind::EarlyEof], EARLY_CLOSE)
}

fn fuzz(ctx: &mut Context) -> Outcome {
    for round in 1..=60 {
        let bytes = garbage(ctx);
        let mut client = ctx.connect()?;
        client.step(format!("garbage number {round}, {} bytes", bytes.len()));
        // The server may close in the middle of it, which is its right.
        let _ = client.send(&bytes);
        let _ = client.wait_read();
        let reset = round % 3 == 0;
        if !reset {
            let _ = client.finish();
        }
        let how = if reset { "RST" } else { "FIN" };
        let shown =
            client.failure(Kind::Resource, format!("the server did not survive this input, ended by {how}"));
        if reset {
            client.reset();
        }
        if let Err(Verdict::Failed(after)) = ctx.ping() {
            let failure = Failure { kind: after.kind, death: after.death.clone(), ..shown };
            let failure =
                failure.note(after.summary.clone()).on_failure(|failure| failure.notes.extend(after.notes));
            return Err(failure.likely_death(CRASH).likely_when(&[Kind::NoReply], STUCK).into());
        }
    }
    Ok(())
}

/// A few lengths, some plausible and some not, each with a few bytes that do not fit it.
fn garbage(ctx: &mut Context) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..ctx.rng.range(1, 4) {
        let word = match ctx.rng.below(4) {
            0 => ctx.rng.next_u64() as u32,
            // Payloads too short for what somebody expects inside, and some that are not.
            1 if ctx.rng.below(2) == 0 => ctx.rng.below(6) as u32,
            1 => ctx.rng.below(64) as u32,
            2 => ctx.rng.below(70_000) as u32,
            _ => u32::MAX - ctx.rng.below(8) as u32,
        };
        bytes.extend(word.to_le_bytes());
        let junk = ctx.rng.below(200);
        bytes.extend(ctx.rng.bytes(junk));
    }
    bytes
}
