//! JUnit XML, as continuous-integration systems read it.

use std::fmt::Write as _;

use super::explain::explain;
use super::{Run, Status, Style};
use crate::course::Visibility;

pub fn render(run: &Run, style: Style) -> String {
    let plain = Style { colour: false, ..style };
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let skipped = run.count("follows") + run.count("blocked") + run.count("not run");
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{skipped}\" time=\"{:.3}\"",
        run.results.len(),
        run.count("failed"),
        run.count("infrastructure error"),
        run.duration.as_secs_f64()
    );
    let _ =
        writeln!(out, "<testsuites {counts}>\n  <testsuite name=\"{}\" {counts}>", escape(run.phase.name()));
    let _ = writeln!(out, "    <properties><property name=\"seed\" value=\"{}\"/></properties>", run.seed);
    for result in &run.results {
        let _ = write!(
            out,
            "    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\"",
            run.phase,
            escape(result.check.name),
            result.duration.as_secs_f64()
        );
        let text = escape(&explain(run, result, plain));
        let _ = match &result.status {
            Status::Passed => writeln!(out, "/>"),
            Status::Failed(failure) => {
                let hidden = result.visibility != Visibility::Visible;
                let message =
                    if hidden { "hidden check" } else { failure.bug.as_deref().unwrap_or(&failure.summary) };
                let message = escape(message);
                writeln!(out, ">\n      <failure message=\"{message}\">{text}</failure>\n    </testcase>")
            }
            Status::Infrastructure(why) => {
                writeln!(out, ">\n      <error message=\"{}\">{text}</error>\n    </testcase>", escape(why))
            }
            Status::Follows(by, _) => {
                writeln!(out, ">\n      <skipped message=\"follows from {}\"/>\n    </testcase>", escape(by))
            }
            Status::Missing(commands) => {
                let commands = escape(&commands.join(", "));
                writeln!(out, ">\n      <skipped message=\"needs {commands}\"/>\n    </testcase>")
            }
            Status::Blocked(by) => {
                writeln!(out, ">\n      <skipped message=\"blocked by {}\"/>\n    </testcase>", escape(by))
            }
            Status::NotRun(why) => {
                writeln!(out, ">\n      <skipped message=\"not run: {}\"/>\n    </testcase>", escape(why))
            }
        };
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

/// Text that may stand in an attribute or an element. Control characters have no place in XML 1.0 at all.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(character),
            other if other.is_control() => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}
