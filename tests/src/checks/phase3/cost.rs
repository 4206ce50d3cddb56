//! What a client may cost: memory for replies nobody reads, and time for many small frames.

use std::time::Duration;

use super::LOOP;
use crate::check::{Check, Context, Explain as _, Kind, Need, Outcome, Server};
use crate::client::Options;
use crate::context::not_run;

const UNBOUNDED: &str = "output for a client that never reads grows without bound";
const QUADRATIC: &str = "the time for a burst grows with its square";

pub(in crate::checks) const CHECKS: &[Check] = &[
    Check {
        name: "bounded-output",
        phases: LOOP,
        catalogue: &[42],
        title: "a client that sends and never reads cannot fill the server's memory",
        lesson: "Replies that cannot be sent have to lie somewhere. If the server goes on reading requests from a client \
                 that reads no replies, that client decides how much memory the server uses. Back-pressure: above a \
                 mark stop reading, and TCP's window tells the client to wait.",
        chapter: "docs/src/phase3/back-pressure.md",
        points: 3,
        topic: "loop",
        blocked_by: &["big-reply", "coalesced"],
        hints: [
            "What bounds the size of your output buffer?",
            "Above a mark (say 1 MB of waiting output) take the connection out of the read interest.",
            "Below a lower mark serve what is already in the input buffer, then read again.",
        ],
        bugs: &[UNBOUNDED],
        server: Server::Own,
        needs: &[Need::Proc],
        run: bounded_output,
    },
    Check {
        name: "small-frames",
        phases: LOOP,
        catalogue: &[44],
        title: "a byte in a large burst of tiny frames costs no more than in a small one",
        lesson: "Removing each frame from the front of the buffer moves everything behind it: with n frames in the \
                 buffer that is n²/2 moves. Advance an offset, and move the rest once, when the burst is done.",
        chapter: "docs/src/phase3/connection.md",
        points: 2,
        topic: "loop",
        blocked_by: &["burst"],
        hints: [
            "How often is each byte of your buffer copied?",
            "Walk the buffer with an offset; drop the consumed part once per read.",
            "Not buffer.drain(..4 + len) per frame, but buffer.drain(..consumed) per read.",
        ],
        bugs: &[QUADRATIC],
        server: Server::Own,
        needs: &[Need::Proc],
        run: small_frames,
    },
];

fn bounded_output(ctx: &mut Context) -> Outcome {
    const MIB: u64 = 1 << 20;
    ctx.ping()?;
    let target = ctx.target()?;
    let resident =
        || target.resident().ok_or_else(|| not_run("the server's memory cannot be read from /proc"));
    let before = resident()?;
    let mut client = ctx.connect_with(&Options { receive_buffer: Some(4_096), ..Options::default() })?;
    client.step("up to 160 MB of frames, none of whose replies is read");
    let chunk: Vec<u8> = (0..64).flat_map(|_| ctx.message(16_000)).collect();
    for _ in 0..160 {
        // A server that closes such a client keeps its memory bounded too.
        match client.send_until_stalled(&chunk) {
            Ok(sent) if sent == chunk.len() => {}
            Ok(_) | Err(_) => break,
        }
    }
    let grown = resident().unwrap_or(0).saturating_sub(before);
    if target.ended().is_some() {
        return Err(client.failure(Kind::ServerDied, "the server ended").likely(UNBOUNDED).into());
    }
    if grown > 64 * MIB {
        let text = format!("the server's memory grew by {} MiB for a client that reads nothing", grown / MIB);
        return Err(client.failure(Kind::Resource, text).likely(UNBOUNDED).into());
    }
    drop(client);
    ctx.ping().likely(UNBOUNDED)
}

fn small_frames(ctx: &mut Context) -> Outcome {
    let frame = ctx.message(1);
    // One round to warm up, so that the first measurement does not pay for growing buffers.
    cost(ctx, &frame, 64 << 10, 64 << 10)?;
    let small = cost(ctx, &frame, 512 << 10, 2 << 10)?;
    let large = cost(ctx, &frame, 512 << 10, 256 << 10)?;
    let longer = cost(ctx, &frame, 4 << 20, 4 << 20)?;
    let floor = Duration::from_millis(1);
    let ratio = large.as_secs_f64() / small.max(floor).as_secs_f64();
    let growth = longer.as_secs_f64() / large.max(floor).as_secs_f64();
    if ratio <= 4.0 && growth <= 12.0 {
        return Ok(());
    }
    let text = format!(
        "server CPU for 512 KB of tiny frames: {} ms in bursts of 2 KB, {} ms in bursts of 256 KB ({ratio:.1} times as \
         much; no more is expected); for 4 MB in one burst {} ms ({growth:.1} times as much as for 512 KB; 8 are expected)",
        small.as_millis(),
        large.as_millis(),
        longer.as_millis()
    );
    let mut client = ctx.connect()?;
    Err(client.failure(Kind::Resource, text).likely(QUADRATIC).into())
}

/// Server CPU for `total` bytes of tiny frames, sent in bursts of `burst` bytes, each answered before the next.
fn cost(ctx: &mut Context, frame: &[u8], total: usize, burst: usize) -> Outcome<Duration> {
    let stream = frame.repeat(burst / frame.len());
    let mut client = ctx.connect()?;
    client.step(format!("{total} bytes of frames of {} bytes, in bursts of {burst} bytes", frame.len()));
    let before = ctx.cpu()?;
    for _ in 0..total / burst {
        client.exchange(&stream, &stream)?;
    }
    Ok(ctx.cpu()?.saturating_sub(before))
}
