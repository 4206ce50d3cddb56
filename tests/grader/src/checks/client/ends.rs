//! Servers that leave, cut, reset and lie: each is an error that the client reports.

use super::basics::BOTH;
use super::{EOF_LOOP, on_wire, typed};
use crate::check::{Check, Context, Explain as _, Kind, Outcome, Phase, Subject};
use crate::host::{CLUTTER, Host, MUTE, STATUS, Setup};
use crate::wire::Wire;

const CLIENT: Check = Check {
    subject: Subject::Client,
    topic: "client",
    chapter: "docs/src/phase1/client.md",
    blocked_by: &["client-round-trip"],
    after: &["client-short-reads"],
    ..Check::PLAIN
};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "client-early-close",
        phases: BOTH,
        title: "a server that leaves too early is an error",
        lesson: "read(2) returning 0 says that the server has closed, and not that all is well. If bytes are still owed, the \
                 client has failed: a line on standard error, and a status that isn't 0, or a script goes on with half an answer.",
        points: 2,
        hints: [
            "What does your client do when read() returns 0 and the reply isn't complete?",
            "Count: in phase 1 as many bytes come back as were sent, in phase 2 one reply for each request.",
            "if (received < sent) { fprintf(stderr, \"the server closed after …\"); return 1; }",
        ],
        bugs: &[EARLY_IS_FINE, EOF_LOOP, STATUS, MUTE, CLUTTER],
        run: early_close,
        ..CLIENT
    },
    Check {
        name: "client-cut-frame",
        phases: &[Phase::Framing],
        chapter: "docs/src/phase2/client.md",
        title: "a reply that is cut is an error, and nothing of it is printed",
        lesson: "The length says how much has to come. A stream that ends before is cut, in the header or in the body: what is \
                 there is no message, and must not be printed as if it were one.",
        points: 2,
        hints: [
            "What does your read loop return when the stream ends before it has all bytes?",
            "Tell three ends apart: between two frames, in a header, in a body.",
            "Print only when as many bytes have come as the length said; else one line on standard error, and exit 1.",
        ],
        bugs: &[PRINTS_CUT, EARLY_IS_FINE, EOF_LOOP, STATUS, MUTE, CLUTTER],
        run: cut_frame,
        ..CLIENT
    },
    Check {
        name: "client-reset",
        phases: BOTH,
        title: "a connection that is reset is an error",
        lesson: "A server that crashes or refuses to go on makes read(2) or write(2) fail with ECONNRESET. That is neither an \
                 end of stream nor a reason for a stack trace: one line, and a status that isn't 0.",
        points: 2,
        hints: [
            "What does your client do when read() returns -1?",
            "-1 is not 0: check for errors before you check for the end.",
            "In Python catch OSError around the whole conversation and sys.exit(str(error)); in C perror and exit(1).",
        ],
        bugs: &[RESET_IS_FINE, STATUS, MUTE, CLUTTER],
        run: reset,
        ..CLIENT
    },
    Check {
        name: "client-oversized",
        phases: &[Phase::Framing],
        chapter: "docs/src/phase2/client.md",
        title: "a length beyond the maximum is refused at once",
        lesson: "A length is what the server claims. One above the agreed maximum of 32 MiB can be refused after four bytes; a \
                 client that believes it takes gigabytes of memory, or waits for what will never come.",
        points: 2,
        hints: [
            "What does your client do with a length of two thousand million?",
            "Compare the length with 32 MiB before you use it for anything.",
            "if (length > 32 << 20) { fprintf(stderr, \"a reply of %u bytes is announced\", length); return 1; }",
        ],
        bugs: &[NO_MAXIMUM, ALLOCATES, PRINTS_CUT, STATUS, MUTE, CLUTTER],
        run: oversized,
        ..CLIENT
    },
];

const EARLY_IS_FINE: &str = "an early end of stream is taken for success";
const PRINTS_CUT: &str = "a reply that was cut is printed";
const RESET_IS_FINE: &str = "a reset is taken for the end of the stream";
const NO_MAXIMUM: &str = "there is no maximum for a reply's length";
const ALLOCATES: &str = "memory is taken on the word of a length";

/// The client has to end with an error and a line that says so, beside the line that it may have for every connection. One
/// that has neither took the trouble for success: `unnoticed` is the name for that.
fn reports(ctx: &mut Context, host: &mut Host, why: &str, unnoticed: &'static str) -> Outcome {
    let outcome = host.fails(why);
    let said = host.complaints_left();
    if said > 0 && said > usual_lines(ctx)? {
        return outcome;
    }
    match outcome {
        Ok(()) => {
            let summary = format!("{why}; the client exits with an error and says nothing of it");
            Err(host.failure(Kind::BadExit, summary).likely(MUTE).into())
        }
        Err(verdict) => Err(verdict).on_failure(|failure| {
            if failure.bug.as_deref() == Some(STATUS) {
                failure.bug = Some(unnoticed.into());
            }
        }),
    }
}

/// How many lines a conversation without trouble leaves on standard error.
fn usual_lines(ctx: &mut Context) -> Outcome<usize> {
    let (mut host, message) = take_request(ctx, "a conversation without trouble")?;
    host.send(&message)?;
    host.finish()?;
    // How it ends is another check's business.
    let _ = host.succeeds(&[]);
    Ok(host.complaints_left())
}

/// Accepts the client and takes its one line, of which the message on the wire is returned.
fn take_request(ctx: &mut Context, step: &str) -> Outcome<(Host, Vec<u8>)> {
    let len = ctx.rng.range(40, 60);
    let line = ctx.rng.text(len);
    let message = on_wire(ctx, &line);
    let mut host = ctx.host(Setup::input(&typed(&line)))?;
    host.accept()?;
    host.step(step);
    host.expect(&message)?;
    Ok((host, message))
}

fn early_close(ctx: &mut Context) -> Outcome {
    let (mut host, message) = take_request(ctx, "the server takes the input and leaves")?;
    if ctx.wire == Wire::Raw {
        host.send(&message[..message.len() / 2])?;
    }
    host.leave()?;
    reports(ctx, &mut host, "the server closed before it had answered", EARLY_IS_FINE)
        .likely_when(&[Kind::StillRunning], EOF_LOOP)
}

fn cut_frame(ctx: &mut Context) -> Outcome {
    let length = ctx.rng.range(1, 3);
    let body = ctx.rng.range(5, 30);
    for cut in [4 + body, length] {
        let (mut host, message) = take_request(ctx, &format!("{cut} bytes of a reply, then the end"))?;
        host.send(&message[..cut])?;
        host.leave()?;
        let outcome = reports(ctx, &mut host, "the server closed inside a frame", EARLY_IS_FINE);
        let printed = host.has_printed(1);
        outcome
            .on_failure(|failure| {
                if printed && failure.kind == Kind::BadExit {
                    failure.bug = Some(PRINTS_CUT.into());
                }
            })
            .likely_when(&[Kind::StillRunning], EOF_LOOP)?;
        if printed {
            let summary = "the client reports the error, and has printed a part of the reply before";
            return Err(host.failure(Kind::WrongPrint, summary).likely(PRINTS_CUT).into());
        }
    }
    Ok(())
}

fn reset(ctx: &mut Context) -> Outcome {
    let (mut host, message) = take_request(ctx, "the server takes the input, begins its reply, and resets")?;
    host.send(&message[..3])?;
    host.reset();
    reports(ctx, &mut host, "the server reset the connection", RESET_IS_FINE)
}

fn oversized(ctx: &mut Context) -> Outcome {
    /// More than a runtime takes by itself between two looks.
    const MUCH: u64 = 256 << 20;
    let claim = (2 << 30) - ctx.rng.range(1, 4_096) as u32;
    let (mut host, _) = take_request(ctx, &format!("a reply that announces {claim} bytes, and ten of them"))?;
    let before = host.address_space();
    let letters = ctx.rng.text(10);
    host.send(&[&claim.to_le_bytes()[..], &letters].concat())?;
    let outcome = host.fails("the server announced more than 32 MiB");
    let grown = host.address_space().saturating_sub(before);
    let printed = host.has_printed(1);
    outcome
        .on_failure(|failure| {
            if failure.kind == Kind::StillRunning {
                failure.notes.push(format!("its address space grew by {} MiB", grown >> 20));
            }
        })
        .on_failure(|failure| {
            if printed && failure.kind == Kind::BadExit {
                failure.bug = Some(PRINTS_CUT.into());
            }
        })
        .likely_when(&[Kind::StillRunning], if grown > MUCH { ALLOCATES } else { NO_MAXIMUM })
}
