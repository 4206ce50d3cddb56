//! A terminal session as a picture: the commands are run, and what they print is drawn.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use kit::svg::Svg;

const LINE: f64 = 19.0;
const CHARACTER: f64 = 7.85;
const LEFT: f64 = 18.0;
const TOP: f64 = 52.0;
const COLUMNS: usize = 96;
const INK: &str = "#e6e9f0";
const PALE: &str = "#9aa4b8";
const GREEN: &str = "#7fd69a";
const RED: &str = "#ff9a8f";
const BLUE: &str = "#8fb8ff";

/// One command of the session: what is typed, and how many lines of what it prints are shown.
pub struct Typed {
    /// For `sh -c`, in the folder that the commands before it have changed to.
    pub command: &'static str,
    /// The rest is drawn as `…`.
    pub lines: usize,
}

/// From the course's workspace to a first failed check and its hint.
pub const FIRST_MINUTES: [Typed; 3] = [
    Typed { command: "cargo handout phase1 ../my-echo && cd ../my-echo", lines: 6 },
    Typed { command: "cargo grade phase1 --only listens,round-trip,drip", lines: 16 },
    Typed { command: "cargo grade phase1 --only listens --hint 1 | grep -A 2 hint", lines: 3 },
];

/// Runs the session in a copy of nothing: `workspace` is where it begins, and what it makes lies beside a folder of its own.
///
/// # Errors
/// When a command cannot be started, or the folder cannot be made.
pub fn record(workspace: &Path, session: &[Typed]) -> Result<String> {
    let beside = tempfile::tempdir().context("no temporary folder")?;
    let mut lines = Vec::new();
    let mut before = format!("cd {}", workspace.display());
    let place = beside.path().display().to_string();
    for typed in session {
        // What lies beside the reader's clone lies in a temporary folder here.
        let command = typed.command.replace("../", &format!("{place}/"));
        let output = Command::new("sh")
            .args(["-c", &format!("{before} && ({command}) 2>&1")])
            .env("NO_COLOR", "1")
            .env("CARGO_TERM_COLOR", "never")
            .env_remove("CARGO_TARGET_DIR")
            .output()
            .with_context(|| typed.command.to_owned())?;
        let said = String::from_utf8_lossy(&output.stdout).replace(&place, "..");
        lines.push(format!("$ {}", typed.command));
        let mut printed: Vec<String> =
            said.lines().filter(|line| !is_cargos(line)).map(str::to_owned).collect();
        if printed.len() > typed.lines {
            printed.truncate(typed.lines);
            printed.push("…".to_owned());
        }
        lines.append(&mut printed);
        lines.push(String::new());
        before = format!("{before} && {}", after(&command));
    }
    Ok(draw(&lines))
}

/// What the next command needs of this one: where it went.
fn after(command: &str) -> String {
    command.split(" && ").filter(|part| part.starts_with("cd ")).last().unwrap_or("true").to_owned()
}

/// Progress of the build, which differs from machine to machine.
fn is_cargos(line: &str) -> bool {
    let words =
        ["Compiling", "Finished", "Running", "Downloading", "Downloaded", "Blocking", "Updating", "Locking"];
    words.iter().any(|word| line.trim_start().starts_with(word))
}

fn draw(lines: &[String]) -> String {
    let lines: Vec<&String> = lines.iter().collect();
    let height = TOP + lines.len() as f64 * LINE;
    let width = 2.0 * LEFT + COLUMNS as f64 * CHARACTER;
    let mut svg = Svg::new(width, height, "A terminal: from the course to a first failed check and its hint");
    svg.style("text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre}");
    svg.rect(0.0, 0.0, width, height, &[("rx", "10"), ("fill", "#161b26")]);
    for (index, colour) in ["#ff7b72", "#f0c674", "#7fd69a"].into_iter().enumerate() {
        svg.circle(LEFT + 4.0 + index as f64 * 18.0, 20.0, 5.5, "", &[("fill", colour)]);
    }
    for (index, line) in lines.iter().enumerate() {
        let shown: String = if line.chars().count() > COLUMNS {
            line.chars().take(COLUMNS - 1).chain(['…']).collect()
        } else {
            line.to_string()
        };
        let fill = colour(line);
        svg.text(LEFT, TOP + index as f64 * LINE, shown, &[("fill", fill), ("xml:space", "preserve")]);
    }
    svg.finish()
}

fn colour(line: &str) -> &'static str {
    match line.split_whitespace().next() {
        Some("$") => BLUE,
        Some("pass") => GREEN,
        Some("FAIL") => RED,
        Some("wait" | "skip" | "then" | "…") => PALE,
        _ => INK,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_run_where_the_commands_before_it_went_and_drawn_line_by_line() {
        let session = [
            Typed { command: "mkdir ../made && cd ../made", lines: 1 },
            Typed { command: "echo FAIL here: a '<b>'; pwd; seq 9", lines: 4 },
        ];
        let svg = record(Path::new("/"), &session).unwrap();
        assert!(svg.contains("$ mkdir ../made &amp;&amp; cd ../made"), "{svg}");
        assert!(svg.contains("FAIL here: a &lt;b&gt;") && svg.contains(RED), "{svg}");
        assert!(svg.contains(">../made<") && svg.contains(">2<") && !svg.contains(">3<"), "{svg}");
    }
}
