//! The figures as a table and as a picture.
use std::fmt::Write as _;

use kit::svg::Svg;

use super::simulate::{CONTENDERS, Outcome};

const WIDTH: f64 = 800.0;
/// Where bars begin; names stand to the left.
const LEFT: f64 = 250.0;
const RIGHT: f64 = 60.0;
const BAR: f64 = 13.0;
const GAP: f64 = 3.0;
const GROUP_GAP: f64 = 18.0;
const TOP: f64 = 60.0;

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#222}.name{font-weight:600}.figure{fill:#555}\
    .ours{fill:#1f6feb}.other{fill:#8b949e}.paper{fill:#fff}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3}.figure{fill:#9da7b3}.ours{fill:#58a6ff}\
    .other{fill:#6e7681}.paper{fill:#0d1117}}";

/// As it stands in the table and in the picture.
fn figure(misses: f64) -> String {
    format!("{:.1} %", misses * 100.0)
}

/// A table in Markdown: a row for each trace, a column for each policy.
pub fn table(outcomes: &[Outcome]) -> String {
    let mut text = String::from("| trace |");
    for contender in CONTENDERS {
        let name = if contender.ours { format!("`{}`", contender.name) } else { contender.name.to_string() };
        let _ = write!(text, " {name} |");
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(CONTENDERS.len()));
    for outcome in outcomes {
        let _ = write!(text, "\n| {} |", outcome.trace.name);
        for misses in &outcome.misses {
            let _ = write!(text, " {} |", figure(*misses));
        }
    }
    text.push('\n');
    text
}

/// Bars in groups: a group for each trace, a bar for each policy.
pub fn picture(outcomes: &[Outcome]) -> String {
    let group = CONTENDERS.len() as f64 * (BAR + GAP) + GROUP_GAP;
    let height = TOP + outcomes.len() as f64 * group;
    let mut svg = Svg::new(WIDTH, height, "Requests that find nothing, by policy and trace");
    svg.style(STYLE);
    svg.rect(0.0, 0.0, WIDTH, height, &[("class", "paper")]);
    svg.text(12.0, 22.0, "Requests that find nothing; shorter is better", &[("class", "name")]);
    let legend = "a cache of a tenth of the objects; blue: the server's own code, grey: models";
    svg.text(12.0, 40.0, legend, &[("class", "figure")]);
    let longest = outcomes.iter().flat_map(|outcome| &outcome.misses).fold(0.01, |a: f64, b| a.max(*b));
    for (at, outcome) in outcomes.iter().enumerate() {
        let top = TOP + at as f64 * group;
        svg.text(12.0, top + BAR - 2.0, outcome.trace.name, &[("class", "name")]);
        for (row, (contender, misses)) in CONTENDERS.iter().zip(&outcome.misses).enumerate() {
            let y = top + row as f64 * (BAR + GAP);
            let length = misses / longest * (WIDTH - LEFT - RIGHT);
            let class = if contender.ours { "ours" } else { "other" };
            svg.text(
                LEFT - 6.0,
                y + BAR - 2.0,
                contender.name,
                &[("class", "figure"), ("text-anchor", "end")],
            );
            svg.rect(LEFT, y, length, BAR, &[("class", class), ("rx", "2")]);
            svg.text(LEFT + length + 5.0, y + BAR - 2.0, figure(*misses), &[("class", "figure")]);
        }
    }
    svg.finish()
}
