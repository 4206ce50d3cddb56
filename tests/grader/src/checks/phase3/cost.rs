//! What a client may cost: memory for replies nobody reads, and time for many small frames.

use std::time::Duration;

use super::LOOP;
use crate::check::{Check, Context, Explain as _, Kind, Need, Outcome};
use crate::client::Options;
use crate::context::WhileStopped as _;
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
        after: &["sigpipe"],
        hints: [
            "What bounds the size of your output buffer?",
            "Above a mark (say 1 MB of waiting output) take the connection out of the read interest.",
            "Below a lower mark serve what is already in the input buffer, then read again.",
        ],
        bugs: &[UNBOUNDED],
        needs: &[Need::Proc],
        run: bounded_output,
        ..Check::PLAIN
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
        needs: &[Need::Proc],
        run: small_frames,
        ..Check::PLAIN
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
        let mut failure = client.failure(Kind::ServerDied, "the server ended");
        // What memory has to do with it, its last words tell; else it ended for another reason.
        if target.output.mentions(&["memory", "alloc", "heap"]) || failure.is_by("SIGKILL") {
            failure = failure.likely_death(UNBOUNDED);
        }
        return Err(failure.into());
    }
    if grown > 64 * MIB {
        let text = format!("the server's memory grew by {} MiB for a client that reads nothing", grown / MIB);
        return Err(client.failure(Kind::Resource, text).likely(UNBOUNDED).into());
    }
    drop(client);
    ctx.ping()
}

/// What the same server needs for a byte is compared, in smaller bursts and in larger ones: first around the size of a usual
/// read buffer, then far beyond it.
fn small_frames(ctx: &mut Context) -> Outcome {
    let frame = ctx.message(1);
    // One round to warm up, so that the first measurement does not pay for growing buffers.
    cost(ctx, &frame, 64 << 10, 64 << 10)?;
    // Few of the smallest: a reply in two writes may take 40 ms each time, for Nagle's algorithm waits for an ACK.
    compare(ctx, &frame, [(64, 2 << 10), (2, 256 << 10)])?;
    compare(ctx, &frame, [(8, 128 << 10), (1, 1 << 20)])
}

/// Bursts, how many and of how many bytes, the larger ones second. Whatever else runs on the machine can only add to a CPU
/// time, so each is the least of up to three measurements.
fn compare(ctx: &mut Context, frame: &[u8], bursts: [(usize, usize); 2]) -> Outcome {
    const ATTEMPTS: usize = 3;
    /// As much is expected, or less, for larger bursts save system calls. Moving the rest of the burst after each frame makes it
    /// four times as much on a quick machine, where a small burst's system calls count for most, and ten times on a slow one.
    const MOST: f64 = 2.5;
    /// So little that measuring again would tell nothing new. Above it noise in the smaller bursts may hide the square.
    const CLEAR: f64 = 1.5;
    let mut least = [f64::INFINITY; 2];
    let mut ratio = f64::INFINITY;
    for _ in 0..ATTEMPTS {
        for (least, (count, burst)) in least.iter_mut().zip(bursts) {
            let total = count * burst;
            let cost = cost(ctx, frame, total, burst)?.max(Duration::from_micros(500));
            *least = least.min(cost.as_nanos() as f64 / (total / frame.len()) as f64);
        }
        ratio = least[1] / least[0];
        if ratio <= CLEAR {
            return Ok(());
        }
    }
    if ratio <= MOST {
        return Ok(());
    }
    let [smaller, larger] = bursts.map(|(_, burst)| burst >> 10);
    let text = format!(
        "server CPU for a tiny frame: {:.1} µs in bursts of {smaller} KB, {:.1} µs in bursts of {larger} KB, {ratio:.1} \
         times as much; no more was expected",
        least[0] / 1_000.0,
        least[1] / 1_000.0
    );
    let mut client = ctx.connect()?;
    let failure = client.failure(Kind::Resource, text).likely(QUADRATIC);
    Err(failure.note(format!("each is the least of {ATTEMPTS} measurements")).into())
}

/// Server CPU for `total` bytes of tiny frames, sent in bursts of `burst` bytes, each answered before the next. The server
/// is stopped while a burst is written, so that it finds all of it: awake, it might take the frames one by one.
fn cost(ctx: &mut Context, frame: &[u8], total: usize, burst: usize) -> Outcome<Duration> {
    let stream = frame.repeat(burst / frame.len());
    let target = ctx.target()?;
    let mut client = ctx.connect()?;
    client.step(format!("{total} bytes of frames of {} bytes, in bursts of {burst} bytes", frame.len()));
    let before = ctx.cpu()?;
    for _ in 0..total / burst {
        let sent = target.while_stopped(|| client.send_what_fits(&stream))?;
        client.exchange(&stream[sent..], &stream)?;
    }
    Ok(ctx.cpu()?.saturating_sub(before))
}
