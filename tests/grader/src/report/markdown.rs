//! A table and the failures, for a pull request or an issue.

use std::fmt::Write as _;

use super::explain::explain;
use super::text::number;
use super::{Run, Status, Style};
use crate::course::Visibility;

pub fn render(run: &Run, style: Style) -> String {
    let plain = Style { colour: false, ..style };
    let (score, max) = run.score();
    let mut out = format!("## {}: {} of {} points\n\n", run.phase.title(), number(score), number(max));
    for notice in &run.notices {
        // A compiler's words keep their lines.
        match notice.split_once('\n') {
            None => {
                let _ = writeln!(out, "> **Notice:** {notice}\n");
            }
            Some((first, rest)) => {
                let _ = writeln!(out, "> **Notice:** {first}\n\n````text\n{}\n````\n", rest.trim_end());
            }
        }
    }
    out.push_str("| check | result | points | |\n|---|---|---|---|\n");
    for result in &run.results {
        let visible = result.visibility == Visibility::Visible;
        let detail = match &result.status {
            Status::Failed(failure) if visible => failure.bug.as_deref().unwrap_or(&failure.summary),
            Status::Follows(by, _) | Status::Blocked(by) => by,
            Status::Missing(commands) => &format!("needs {}", commands.join(", ")),
            Status::NotRun(why) | Status::Infrastructure(why) => why,
            Status::Passed | Status::Failed(_) => result.check.title,
        };
        // A line break or a bar would end the table's cell.
        let detail = detail.replace('|', "\\|").replace('\n', " ");
        let points = format!("{}/{}", number(result.score().0), number(result.points));
        let _ = writeln!(out, "| `{}` | {} | {points} | {detail} |", result.id(), result.status.word());
    }
    for result in &run.results {
        if matches!(result.status, Status::Failed(_)) && result.visibility == Visibility::Visible {
            let text = explain(run, result, plain);
            let _ = write!(out, "\n<details><summary><code>{}</code></summary>\n\n", result.id());
            let _ = write!(out, "````text\n{text}````\n\n</details>\n");
        }
    }
    let _ = writeln!(out, "\nSeed {}, {:.1} s.", run.seed, run.duration.as_secs_f64());
    out
}
