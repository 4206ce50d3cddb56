//! The first exchange with a server that speaks commands, and what its silence or its strange words mean.

use super::talk::{KEYSPACE, Talk};
use crate::check::{Check, Context, Explain as _, Failure, Kind, Outcome, Verdict};
use crate::checks::phase1::OTHER_PROTOCOL;
use crate::diagnosis;

const GREETING: &str = "the server speaks before it is spoken to";
const CASE: &str = "command names depend on upper and lower case";
const NO_ANSWER: &str = "the server never answers a command";
const LINES_ONLY: &str = "typed lines are understood and RESP is not";
const NO_CR: &str = "lines of replies end in \\n alone";
const NOT_RESP: &str = "replies are not RESP";

pub(super) const CHECKS: &[Check] = &[Check {
    name: "ping",
    phases: KEYSPACE,
    catalogue: &[],
    title: "PING is answered, and nothing is said before it",
    lesson: "The smallest exchange there is: the client sends an array of one bulk string, the server answers +PONG and a \
             line end. A client that is greeted, or answered in another form, takes every later reply for the wrong one.",
    chapter: "docs/src/phase4/resp.md",
    points: 1,
    topic: "resp-protocol",
    commands: &["PING"],
    hints: [
        "Send it by hand: printf '*1\\r\\n$4\\r\\nPING\\r\\n' | nc -N 127.0.0.1 6379",
        "Five bytes of type and text and two of line end: +PONG\\r\\n. Nothing is sent to a client that has asked nothing.",
        "Read the array's count, then each string's length, and compare the name without regard to case.",
    ],
    bugs: &[GREETING, CASE, NO_ANSWER, LINES_ONLY, NO_CR, NOT_RESP, OTHER_PROTOCOL],
    run: ping,
    ..Check::PLAIN
}];

fn ping(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::either(ctx)?.unaltered();
    talk.step("a connection on which nothing has been sent yet");
    talk.client.expect_silence().likely_when(&[Kind::ExtraBytes], GREETING)?;
    let Err(verdict) = talk.ask("PING", "+PONG") else { return Ok(()) };
    drop(talk);
    let Verdict::Failed(mut failure) = verdict else { return Err(verdict) };
    if failure.kind.is_an_answer()
        && let Some(name) = name(ctx, &failure)
    {
        failure.bug = Some(name.into());
    }
    Err(failure.into())
}

/// What the answer to PING, or its absence, looks like.
fn name(ctx: &mut Context, failure: &Failure) -> Option<&'static str> {
    let unknown = diagnosis::unknown_command("PING");
    if failure.bug.as_deref() == Some(&unknown) {
        return answers(ctx, "ping").then_some(CASE);
    }
    let came = failure.came.as_ref().map(|dump| dump.text()).unwrap_or_default();
    if came.starts_with("HTTP/") || came.contains("<html") || came.starts_with('*') {
        return Some(OTHER_PROTOCOL);
    }
    if came.is_empty() {
        let line = ctx.connect().and_then(|mut client| {
            client.send(b"PING\r\n")?;
            client.read_some()
        });
        let answered = line.is_ok_and(|came| came.windows(4).any(|word| word == b"PONG"));
        return Some(if answered { LINES_ONLY } else { NO_ANSWER });
    }
    if came == "+PONG\n" {
        return Some(NO_CR);
    }
    (!came.starts_with(['+', '-', '$', ':'])).then_some(NOT_RESP)
}

fn answers(ctx: &mut Context, command: &str) -> bool {
    Talk::either(ctx).is_ok_and(|talk| talk.unaltered().ask(command, "+PONG").is_ok())
}
