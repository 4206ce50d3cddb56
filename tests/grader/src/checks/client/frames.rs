//! Replies in frames: empty, large, several at once.

use super::basics::BOTH;
use super::{on_wire, typed};
use crate::check::{Check, Context, Explain as _, Kind, Outcome, Phase, Subject};
use crate::host::Setup;

const CLIENT: Check = Check {
    subject: Subject::Client,
    topic: "client",
    chapter: "docs/src/phase2/client.md",
    blocked_by: &["client-round-trip"],
    after: &["client-short-reads"],
    ..Check::PLAIN
};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "client-empty-frame",
        phases: &[Phase::Framing],
        title: "an empty line is an empty frame, and so is its reply",
        lesson: "Length 0 is a length like any other. The four bytes 00 00 00 00 are a whole message, and after it the stream \
                 goes on; only read(2) returning 0 is its end.",
        points: 1,
        hints: [
            "What does your client do with an empty line? And with a reply of length 0?",
            "Send four zero bytes for an empty line; print an empty line for an empty reply.",
            "Do not call read() for 0 bytes: it returns 0, which looks like the end of the stream.",
        ],
        bugs: &[EMPTY_UNSENT, EMPTY_ENDS],
        run: empty_frame,
        ..CLIENT
    },
    Check {
        name: "client-many-frames",
        phases: &[Phase::Framing],
        title: "replies that arrive together are all printed",
        lesson: "One read(2) may bring the end of one frame and the beginning of the next, or three whole ones. What lies behind \
                 a frame in the buffer belongs to the following one and is not read again: it must be kept.",
        points: 2,
        hints: [
            "How much does your client ask read() for, and what happens to what lies behind the frame?",
            "Either read exactly four bytes, then exactly as many as they say, or keep what is left in a buffer.",
            "Look for a whole frame in the buffer before you call read() again.",
        ],
        bugs: &[DROPPED],
        run: many_frames,
        ..CLIENT
    },
    Check {
        name: "client-large-frame",
        phases: BOTH,
        title: "a message larger than any one read is whole",
        lesson: "A few hundred kilobytes are more than one read(2) brings and more than most buffers were made for. The length \
                 in front says how much there is, and in phase 1 the end of the stream does: no size is built in.",
        points: 2,
        hints: [
            "Is there a 4096 or a 65536 in your client? What happens to what is longer?",
            "Read again until everything is there; let the buffer grow with what has arrived.",
            "Standard input too comes in pieces: a line may be longer than your line buffer.",
        ],
        bugs: &[FIXED],
        run: large_frame,
        ..CLIENT
    },
];

const EMPTY_UNSENT: &str = "an empty line is not sent";
const EMPTY_ENDS: &str = "an empty frame ends the conversation";
const DROPPED: &str = "what follows a frame in the same read is dropped";
const FIXED: &str = "a fixed buffer cuts large messages";

fn empty_frame(ctx: &mut Context) -> Outcome {
    let line = ctx.rng.text(9);
    let (empty, full) = (on_wire(ctx, b""), on_wire(ctx, &line));
    let input = [b"\n".to_vec(), typed(&line)].concat();
    let mut host = ctx.host(Setup::input(&input))?;
    host.accept()?;
    host.step("an empty line, then one that is not");
    host.expect(&empty).likely(EMPTY_UNSENT)?;
    host.send(&empty)?;
    host.expect(&full).likely(EMPTY_ENDS)?;
    host.send(&full)?;
    host.finish()?;
    host.succeeds(&input).likely(EMPTY_ENDS)
}

fn many_frames(ctx: &mut Context) -> Outcome {
    let lines: Vec<Vec<u8>> = (0..3).map(|_| ctx.rng.text(12)).collect();
    let messages: Vec<Vec<u8>> = lines.iter().map(|line| on_wire(ctx, line)).collect();
    let input: Vec<u8> = lines.iter().flat_map(|line| typed(line)).collect();
    let mut host = ctx.host(Setup::input(&input))?;
    host.accept()?;
    host.step("three lines; the server, which knows them, answers all of them at the first");
    host.expect(&messages[0])?;
    host.send(&messages.concat())?;
    host.expect(&messages[1..].concat()).likely(DROPPED)?;
    host.finish()?;
    host.succeeds(&input).likely_when(&[Kind::NotPrinted, Kind::BadExit, Kind::StillRunning], DROPPED)
}

fn large_frame(ctx: &mut Context) -> Outcome {
    let len = ctx.rng.range(300_000, 400_000);
    let line = ctx.rng.text(len);
    let message = on_wire(ctx, &line);
    let mut host = ctx.host(Setup::input(&typed(&line)))?;
    host.accept()?;
    host.step("one line of some hundred kilobytes");
    host.expect(&message).likely(FIXED)?;
    host.send(&message).likely(FIXED)?;
    host.finish()?;
    host.succeeds(&typed(&line)).likely(FIXED)
}
