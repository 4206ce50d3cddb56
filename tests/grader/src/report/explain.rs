//! A failure in words and bytes, shared by every format that shows more than a number.

use std::fmt::Write as _;

use super::{CheckResult, Run, Status, Style, invocation, quoted};
use crate::check::Failure;
use crate::check::Subject;
use crate::course::Visibility;
use crate::hexdump::Dump;

/// All a learner should see about one result; empty for a pass. Of a hidden check, nothing but that it is hidden.
#[must_use]
pub fn explain(run: &Run, result: &CheckResult, style: Style) -> String {
    match (&result.status, result.visibility) {
        (
            Status::Failed(_) | Status::Follows(..),
            Visibility::Hidden | Visibility::AfterDueDate | Visibility::AfterPublished,
        ) => "This is a hidden check: its details are for the instructor.\n".to_owned(),
        _ => in_full(run, result, style),
    }
}

/// All there is to say, whoever may see it: for formats whose reader decides about visibility himself.
#[must_use]
pub fn in_full(run: &Run, result: &CheckResult, style: Style) -> String {
    let mut out = String::new();
    match &result.status {
        Status::Passed => {}
        Status::Blocked(by) => {
            let _ = writeln!(
                out,
                "not tried: {by} fails, and that would explain a failure here. Mend that first."
            );
        }
        Status::Missing(commands) => {
            let _ = writeln!(
                out,
                "not tried: it needs {}, which the server does not know yet.",
                commands.join(", ")
            );
        }
        Status::Follows(by, failure) => {
            let _ = writeln!(out, "follows from {by}: {}. Mend that first.", failure.summary);
        }
        Status::NotRun(why) => {
            let _ = writeln!(out, "not run: {why}");
        }
        Status::Infrastructure(why) => {
            let _ = writeln!(out, "infrastructure error (this says nothing about the server): {why}");
        }
        Status::Failed(failure) => a_failure(&mut out, run, result, failure, style),
    }
    out
}

/// What came of a check that failed, why it matters, and where to look.
fn a_failure(out: &mut String, run: &Run, result: &CheckResult, failure: &Failure, style: Style) {
    let _ = writeln!(out, "{}", failure.summary);
    if let Some(step) = &failure.step {
        let _ = writeln!(out, "while      {step}");
    }
    section(out, "sent", failure.sent.as_ref());
    section(out, "expected", failure.expected.as_ref());
    section(out, "came", failure.came.as_ref());
    for note in &failure.notes {
        let _ = writeln!(out, "note       {note}");
    }
    let bug = failure
        .bug
        .as_deref()
        .map_or_else(|| "none of those this check knows by name".to_owned(), bold(style));
    let _ = writeln!(out, "likely bug {bug}");
    let _ = writeln!(out, "why        {}", failure.why.unwrap_or(result.check.lesson));
    let _ = writeln!(out, "chapter    {}", invocation::chapter(result.check.chapter));
    let _ = writeln!(out, "replay     {}", run.replay(result));
    if let Some(line) = strace_line(run, result) {
        let _ = writeln!(out, "look       {line}");
    }
    for (at, hint) in result.check.hints.iter().take(style.hints).enumerate() {
        let _ = writeln!(out, "hint {}     {hint}", at + 1);
    }
    if style.hints < 3 {
        let _ = writeln!(
            out,
            "           (--hint {} shows {} hint)",
            style.hints + 1,
            if style.hints == 0 { "a" } else { "another" }
        );
    }
}

/// A line to see the program's system calls, on a fixed port so that the learner can talk to it by hand. Of the workspace's
/// own programs there is none: their paths are long, and the chapters have such lines.
fn strace_line(run: &Run, result: &CheckResult) -> Option<String> {
    let port = match run.phase {
        crate::check::Phase::Echo => "7001",
        crate::check::Phase::Framing => "7002",
        crate::check::Phase::EventLoop => "7003",
        crate::check::Phase::Keyspace => "6379",
    };
    let fill = |arg: &String| {
        let places =
            [("{port}", port), ("{framed_port}", "7004"), ("{dir}", "/tmp"), ("{host}", "127.0.0.1")];
        places.iter().fold(arg.clone(), |arg, (place, value)| arg.replace(place, value))
    };
    let command = match result.check.subject {
        Subject::Client => fill(run.client_command.as_ref()?),
        Subject::Server if run.command.is_empty() => return None,
        Subject::Server => quoted(&run.command.iter().map(fill).collect::<Vec<_>>()),
    };
    Some(format!("strace -f -tt -e trace=network,desc -s 32 {command}"))
}

fn bold(style: Style) -> impl Fn(&str) -> String {
    move |text| if style.colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
}

fn section(out: &mut String, name: &str, dump: Option<&Dump>) {
    let Some(dump) = dump else { return };
    let size = match dump.total {
        0 => "nothing".to_owned(),
        1 => "1 byte".to_owned(),
        total => format!("{total} bytes"),
    };
    let splits = match dump.splits.len() {
        0 => String::new(),
        more => format!(" in {} writes; / marks where one ended and the server read it", more + 1),
    };
    let _ = writeln!(out, "{name:<10} {size}{splits}");
    if dump.total > 0 || dump.caret.is_some() {
        for line in dump.render().lines() {
            let _ = writeln!(out, "  {line}");
        }
    }
}
