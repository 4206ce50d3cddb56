//! The report for people: one line per check, then the failures at length.

use std::fmt::Write as _;

use super::explain::explain;
use super::{CheckResult, Run, Status, Style};
use crate::contract;
use crate::course::Visibility;
use crate::stages::Stage;

/// The failures at length, then one line of sums. The checks' own lines are the progress of the run.
#[must_use]
pub fn render(run: &Run, style: Style) -> String {
    let mut out = String::new();
    let failures: Vec<&CheckResult> = run
        .results
        .iter()
        .filter(|result| matches!(result.status, Status::Failed(_) | Status::Infrastructure(_)))
        .collect();
    for result in failures {
        let _ = writeln!(out, "\n{}", line(result, style));
        for text in explain(run, result, style).lines() {
            let _ = writeln!(out, "    {text}");
        }
    }
    for notice in &run.notices {
        let _ = writeln!(out, "\nNOTICE: {notice}");
    }
    // A program in another language has no bodies to fill in, but rungs.
    let foreign = !run.command.is_empty() || run.client_command.is_some();
    let stand = if foreign && run.finished { contract::stand(run) } else { String::new() };
    if !stand.is_empty() {
        let _ = write!(out, "\n{stand}");
    }
    let _ = write!(out, "\n{}", stages(run));
    let _ = writeln!(out, "{}", summary(run));
    out
}

/// One result on one line.
#[must_use]
pub fn line(result: &CheckResult, style: Style) -> String {
    let (mark, colour) = match result.status {
        Status::Passed => ("pass", "32"),
        Status::Failed(_) => ("FAIL", "31"),
        Status::Follows(..) => ("then", "31"),
        Status::Blocked(_) | Status::Missing(_) => ("wait", "33"),
        Status::NotRun(_) => ("skip", "36"),
        Status::Infrastructure(_) => ("ERR ", "35"),
    };
    let mark = if style.colour { format!("\x1b[{colour}m{mark}\x1b[0m") } else { mark.to_owned() };
    let why = match &result.status {
        Status::Failed(failure) => format!("  ({})", failure.bug.as_deref().unwrap_or("see below")),
        Status::Follows(by, _) => format!("  (follows from {by})"),
        Status::Blocked(by) => format!("  (blocked by {by})"),
        Status::Missing(commands) => format!("  (needs {})", commands.join(", ")),
        Status::NotRun(why) => format!("  (not run: {why})"),
        Status::Passed | Status::Infrastructure(_) => String::new(),
    };
    let why = if result.visibility == Visibility::Visible { why } else { String::new() };
    format!("{mark}  {:<28} {}{why}", result.id(), result.check.title)
}

/// One line for each stage, where there is more than one.
fn stages(run: &Run) -> String {
    let stages = run.stages();
    if stages.len() < 2 {
        return String::new();
    }
    let line = |(stage, earned, max): &(&Stage, f64, f64)| {
        format!("{:<12} {:>3} of {:<3} {}\n", stage.name, number(*earned), number(*max), stage.title)
    };
    stages.iter().map(line).collect()
}

fn summary(run: &Run) -> String {
    let (score, max) = run.score();
    let mut parts = vec![format!("{} passed", run.count("passed"))];
    for word in ["failed", "follows", "blocked", "not run", "infrastructure error"] {
        if run.count(word) > 0 {
            parts.push(format!("{} {word}", run.count(word)));
        }
    }
    let partial = if run.finished { "" } else { " (unfinished)" };
    format!(
        "{}{partial}: {} · {} of {} points · {:.1} s · seed {}",
        run.phase,
        parts.join(", "),
        number(score),
        number(max),
        run.duration.as_secs_f64(),
        run.seed
    )
}

/// `5`, `2.5`: points without a needless `.0`.
#[must_use]
pub fn number(value: f64) -> String {
    format!("{}", (value * 100.0).round() / 100.0)
}
