//! Frames cut and joined at every place where a stream can cut and join them.

use super::FRAMED;
use crate::check::{Check, Context, Explain as _, Kind, Outcome};

const PARTIAL_HEADER: &str = "a partial header is taken for a whole one";
const TOGETHER: &str = "header and body are assumed to arrive together";
const DROPPED: &str = "bytes past the first frame dropped";
const IGNORES_REST: &str = "the parser ignores what remains";
const ON_READ_ONLY: &str = "frames are parsed only when new bytes arrive";
const DISORDER: &str = "replies come out of order";
const CHAPTER: &str = "docs/src/phase2/decoder.md";

pub(in crate::checks) const CHECKS: &[Check] = &[
    Check {
        name: "partial-header",
        phases: FRAMED,
        catalogue: &[16],
        title: "a length that arrives in two pieces is put together",
        lesson: "Four bytes are as divisible as four thousand: a read() may return one, two or three of them. Until all \
                 four are there, the length is not known, and nothing else may be done than read on.",
        chapter: CHAPTER,
        points: 3,
        topic: "framing",
        blocked_by: &["round-trip"],
        hints: [
            "What does your server do when read() returns 2?",
            "Blocking: read_full until the header is complete. Nonblocking: keep the bytes and wait for more.",
            "if buffer.len() < 4 { return NeedMore }, and the bytes stay in the buffer.",
        ],
        bugs: &[PARTIAL_HEADER],
        run: partial_header,
        ..Check::PLAIN
    },
    Check {
        name: "split-anywhere",
        phases: FRAMED,
        catalogue: &[17],
        title: "a frame may be cut at any byte",
        lesson: "The kernel cuts the stream where it likes: by segment, by buffer, by luck. A parser is right only if its \
                 result does not depend on the cuts, so here every cut is tried.",
        chapter: CHAPTER,
        points: 3,
        topic: "framing",
        blocked_by: &["partial-header"],
        after: &["exact-frame"],
        hints: [
            "What if read() returns the header and half the body?",
            "Compare what you have with 4 + length before you look at the payload.",
            "if buffer.len() < 4 + length { return NeedMore }",
        ],
        bugs: &[TOGETHER],
        run: split_anywhere,
        ..Check::PLAIN
    },
    Check {
        name: "trailing-bytes",
        phases: FRAMED,
        catalogue: &[18],
        title: "bytes that arrive behind a frame belong to the next",
        lesson: "One read() may bring two frames and a half. The half is the beginning of the next frame: whoever empties \
                 the buffer after the first frame loses it, and from then on reads lengths out of the middle of \
                 payloads.",
        chapter: CHAPTER,
        points: 4,
        topic: "framing",
        blocked_by: &["split-anywhere"],
        after: &["exact-frame"],
        hints: [
            "After the first frame is answered, what is left in your buffer?",
            "Consume exactly 4 + length bytes and keep the others.",
            "Move the rest to the front (or advance an offset) instead of clearing the buffer.",
        ],
        bugs: &[DROPPED, DISORDER],
        run: trailing_bytes,
        ..Check::PLAIN
    },
    Check {
        name: "exact-frame",
        phases: FRAMED,
        catalogue: &[19],
        title: "after exactly one frame the server waits, silent and open",
        lesson: "A frame that fills the buffer to its last byte leaves nothing behind. A parser that does not look at how \
                 much remains reads the old bytes again, or takes the empty buffer for the end.",
        chapter: CHAPTER,
        points: 2,
        topic: "framing",
        blocked_by: &["round-trip"],
        hints: [
            "What does your parse loop do when nothing is left?",
            "Nothing left is NeedMore: not an error, not an end, not a frame of length 0.",
            "while let Frame { consumed } = decode(&buffer[at..]) { at += consumed }",
        ],
        bugs: &[IGNORES_REST],
        run: exact_frame,
        ..Check::PLAIN
    },
    Check {
        name: "coalesced",
        phases: FRAMED,
        catalogue: &[36],
        title: "100 frames in one write get 100 replies",
        lesson: "A pipelining client sends many requests and then waits for the replies. If they arrive in one read(), no \
                 second read() will announce the rest: a server that parses one frame per read waits for the client, \
                 which waits for the server.",
        chapter: "docs/src/phase2/pipelining.md",
        points: 3,
        topic: "framing",
        blocked_by: &["trailing-bytes", "exact-frame"],
        hints: [
            "How many frames does your server handle after one read()?",
            "Parse in a loop until the decoder wants more; only then read again.",
            "loop { match decode(..) { Frame => answer, NeedMore => break } } read()",
        ],
        bugs: &[ON_READ_ONLY],
        run: coalesced,
        ..Check::PLAIN
    },
    Check {
        name: "order",
        phases: FRAMED,
        catalogue: &[27],
        title: "1,000 numbered requests are answered in their order",
        lesson: "Frames carry no number that would tie a reply to its request: the order is all there is. A server that \
                 answers from several threads, or from a list it walks backwards, gives clients each other's answers.",
        chapter: "docs/src/phase2/pipelining.md",
        points: 2,
        topic: "framing",
        blocked_by: &["coalesced"],
        hints: [
            "Can two requests of one connection be in work at the same time?",
            "Append replies to one output buffer per connection, in the order of the requests.",
            "Never write a reply around the buffer while the buffer still holds older ones.",
        ],
        bugs: &[DISORDER],
        run: order,
        ..Check::PLAIN
    },
];

fn partial_header(ctx: &mut Context) -> Outcome {
    for cut in 1..=3 {
        let len = ctx.rng.range(5, 30);
        let message = ctx.message(len);
        let mut client = ctx.connect()?;
        client.step(format!("a frame whose header is cut after {cut} of its 4 bytes"));
        client.send_split(&message, &[cut])?;
        client.expect(&message).likely(PARTIAL_HEADER)?;
    }
    Ok(())
}

fn split_anywhere(ctx: &mut Context) -> Outcome {
    let len = ctx.rng.range(6, 14);
    let mut client = ctx.connect()?;
    for cut in 1..4 + len {
        let message = ctx.message(len);
        client.step(format!("a frame of {} bytes cut after {cut}", message.len()));
        client.send_split(&message, &[cut])?;
        client.expect(&message).likely(TOGETHER)?;
    }
    let message = ctx.message(len);
    client.step("a frame byte by byte");
    let cuts: Vec<usize> = (1..message.len()).collect();
    client.send_split(&message, &cuts)?;
    client.expect(&message).likely(TOGETHER)
}

fn trailing_bytes(ctx: &mut Context) -> Outcome {
    let frames: Vec<Vec<u8>> = (0..3)
        .map(|_| {
            let len = ctx.rng.range(6, 16);
            ctx.message(len)
        })
        .collect();
    let stream = frames.concat();
    let cut = stream.len() - frames[2].len() / 2;
    let mut client = ctx.connect()?;
    client.step("two frames and a half in one write, then the rest");
    client.send_split(&stream, &[cut])?;
    let Err(verdict) = client.expect(&stream) else { return Ok(()) };
    // An iterative server turns to the next client only when this one has gone.
    drop(client);
    // Kept and merely not looked at yet is another bug, which `coalesced` names: new bytes would bring the replies out.
    if kept_after_all(ctx, &frames) {
        return Ok(());
    }
    let swapped = answered_backwards(ctx, &frames[0], &frames[1]);
    let outcome: Outcome = Err(verdict);
    outcome.likely(if swapped { DISORDER } else { DROPPED })
}

/// Whether the second of two joined frames is answered before the first.
fn answered_backwards(ctx: &mut Context, first: &[u8], second: &[u8]) -> bool {
    let asked = ctx.fresh().and_then(|()| ctx.connect());
    asked.is_ok_and(|mut client| {
        client.send(&[first, second].concat()).is_ok() && client.expect(&[second, first].concat()).is_ok()
    })
}

/// Whether the second of two joined frames is answered once a third arrives.
fn kept_after_all(ctx: &mut Context, frames: &[Vec<u8>]) -> bool {
    let Ok(mut client) = ctx.connect() else { return false };
    client.send(&frames[..2].concat()).is_ok()
        && client.expect(&frames[0]).is_ok()
        && client.wait_read().is_ok()
        && client.send(&frames[2]).is_ok()
        && client.expect(&frames[1]).is_ok()
}

fn exact_frame(ctx: &mut Context) -> Outcome {
    let mut client = ctx.connect()?;
    for len in [ctx.rng.range(1, 20), ctx.rng.range(500, 1_500)] {
        let message = ctx.message(len);
        client.step(format!("exactly one frame of {} bytes", message.len()));
        client.send(&message)?;
        client.expect(&message)?;
        client.expect_silence().likely(IGNORES_REST)?;
    }
    let message = ctx.message(5);
    client.step("another frame after the silence");
    client.send(&message)?;
    client.expect(&message).likely(IGNORES_REST)
}

fn coalesced(ctx: &mut Context) -> Outcome {
    let mut stream = Vec::new();
    for _ in 0..100 {
        let len = ctx.rng.range(1, 12);
        stream.extend(ctx.message(len));
    }
    let mut client = ctx.connect()?;
    client.step("100 frames in one write");
    client.send(&stream)?;
    client.expect(&stream).likely_when(&[Kind::NoReply], ON_READ_ONLY)
}

fn order(ctx: &mut Context) -> Outcome {
    let mut client = ctx.connect()?;
    let mut number = 0;
    while number < 1_000 {
        let burst = ctx.rng.range(1, 120).min(1_000 - number);
        let mut stream = Vec::new();
        for _ in 0..burst {
            number += 1;
            let padding = ctx.rng.below(40);
            stream.extend(ctx.wire.encode(format!("request {number:>4} {}", ".".repeat(padding)).as_bytes()));
        }
        client.step(format!("requests up to number {number}, in a burst of {burst}"));
        client.exchange(&stream, &stream).likely_when(&[Kind::WrongBytes], DISORDER)?;
    }
    Ok(())
}
