//! The ratios as horizontal bars, readable on light and on dark paper.

use super::result::{Comparison, Entry, RowResult};
use super::rows::Against;
use kit::svg::Svg;

const WIDTH: f64 = 800.0;
/// Where bars begin; row names stand to the left.
const LEFT: f64 = 250.0;
/// Room for the figure behind the longest bar.
const RIGHT: f64 = 130.0;
const BAR: f64 = 14.0;
const GAP: f64 = 4.0;
const ROW_GAP: f64 = 14.0;
const TOP: f64 = 58.0;
/// Bars beyond are cut, lest one slow server squeeze all others.
const LONGEST: f64 = 2.0;

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#222}.name{font-weight:600}.figure{fill:#555}\
    .subject{fill:#1f6feb}.baseline{fill:#8b949e}.other{fill:#b6a6d8}.axis{stroke:#8b949e;stroke-dasharray:2 3}\
    .limit{stroke:#cf222e;stroke-width:2}.paper{fill:#fff}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3}.figure{fill:#9da7b3}.subject{fill:#58a6ff}\
    .baseline{fill:#6e7681}.other{fill:#7d6bb0}.limit{stroke:#ff7b72}.paper{fill:#0d1117}}";

/// Draws every row that has ratios to the baseline; `None` if there is none.
pub fn draw(comparison: &Comparison) -> Option<String> {
    let rows: Vec<&RowResult> = comparison.rows.iter().filter(|row| ratios(row).next().is_some()).collect();
    if rows.is_empty() {
        return None;
    }
    let unit = (WIDTH - LEFT - RIGHT) / longest(&rows);
    let height = TOP + rows.iter().map(|row| bars_height(row) + ROW_GAP).sum::<f64>();
    let title = format!("Cost divided by {}", comparison.baseline);
    let mut svg = Svg::new(WIDTH, height, &title);
    svg.style(STYLE);
    svg.rect(0.0, 0.0, WIDTH, height, &[("class", "paper")]);
    svg.text(12.0, 22.0, format!("{title}; shorter is better"), &[("class", "name")]);
    let legend = "medians of interleaved rounds; red: the limit promised";
    svg.text(12.0, 40.0, legend, &[("class", "figure")]);
    let one = LEFT + unit;
    svg.line((one, TOP - 10.0), (one, height - ROW_GAP), &[("class", "axis")]);
    let mut y = TOP;
    for row in rows {
        draw_row(&mut svg, row, comparison, unit, y);
        y += bars_height(row) + ROW_GAP;
    }
    Some(svg.finish())
}

fn bars_height(row: &RowResult) -> f64 {
    ratios(row).count() as f64 * (BAR + GAP)
}

fn draw_row(svg: &mut Svg, row: &RowResult, comparison: &Comparison, unit: f64, top: f64) {
    let mut y = top;
    svg.text(12.0, y + BAR - 3.0, &row.name, &[("class", "name")]);
    for (entry, ratio) in ratios(row) {
        let class = match &entry.name {
            name if *name == comparison.subject => "subject",
            name if *name == comparison.baseline => "baseline",
            _ => "other",
        };
        let length = ratio.min(LONGEST) * unit;
        svg.rect(LEFT, y, length, BAR, &[("class", class), ("rx", "2")]);
        let figure = format!("{ratio:.2} {}", entry.name);
        svg.text(LEFT + length + 6.0, y + BAR - 3.0, figure, &[("class", "figure")]);
        y += BAR + GAP;
    }
    for judged in row.bars.iter().filter(|judged| judged.bar.against == Against::Baseline) {
        let x = LEFT + judged.bar.limit.min(LONGEST) * unit;
        svg.line((x, top - 2.0), (x, y - GAP + 2.0), &[("class", "limit")]);
    }
}

fn ratios(row: &RowResult) -> impl Iterator<Item = (&Entry, f64)> {
    row.entries.iter().filter_map(|entry| Some((entry, entry.over_baseline?.median)))
}

fn longest(rows: &[&RowResult]) -> f64 {
    let all = rows.iter().flat_map(|row| ratios(row)).map(|(_, ratio)| ratio);
    all.fold(1.0, f64::max).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::result::Roles;
    use crate::compare::rows::Bar;
    use crate::compare::stats::Side;

    fn comparison(ours: f64) -> Comparison {
        let roles = Roles { baseline: "redis".into(), subject: "a<b".into(), noise: 1.25 };
        let entries = vec![Entry::new("redis", vec![2.0]).unwrap(), Entry::new("a<b", vec![ours]).unwrap()];
        let bar = Bar { against: Against::Baseline, side: Side::AtMost, limit: 0.5 };
        let rows = vec![RowResult::new("GET & SET", "s", entries, &[bar], &roles)];
        let (baseline, subject) = (roles.baseline, roles.subject);
        Comparison { baseline, subject, server_core: 1, load_core: 0, noise_threshold: 1.25, rows }
    }

    #[test]
    fn bars_are_drawn_to_scale_with_their_limit() {
        let svg = draw(&comparison(1.0)).unwrap();
        let full = WIDTH - LEFT - RIGHT;
        assert!(
            svg.contains(&format!("x=\"250\" y=\"58\" width=\"{full}\" height=\"14\" class=\"baseline\"")),
            "{svg}"
        );
        assert!(svg.contains(&format!("x=\"250\" y=\"76\" width=\"{}\"", full / 2.0)));
        assert!(svg.contains(&format!("<line x1=\"{}\"", LEFT + full / 2.0)));
        assert!(svg.contains("GET &amp; SET") && svg.contains("a&lt;b") && !svg.contains("a<b"));
        assert!(svg.contains("prefers-color-scheme:dark"));
    }

    #[test]
    fn a_very_slow_server_is_cut_and_still_labelled() {
        let svg = draw(&comparison(200.0)).unwrap();
        assert!(svg.contains(">100.00 a&lt;b<"));
        assert!(svg.contains(&format!("width=\"{}\" height=\"14\"", WIDTH - LEFT - RIGHT)));
    }

    #[test]
    fn nothing_to_divide_by_is_no_picture() {
        let mut without = comparison(1.0);
        without.rows[0].entries.remove(0);
        without.rows[0].entries[0].over_baseline = None;
        assert!(draw(&without).is_none());
    }
}
