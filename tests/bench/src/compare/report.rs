//! The text tables.

use super::result::{Comparison, Entry, Judged, LoadFigures, RowResult};
use super::rows::Against;
use super::stats::{Side, Summary, Verdict};
use std::fmt::Write;

/// One row as a block of text.
pub fn row_table(row: &RowResult, baseline: &str) -> String {
    let mut text = format!("\n{}", row.name);
    if let Some(why) = &row.not_run {
        let _ = writeln!(text, "\n  not run: {why}");
        return text;
    }
    let _ = writeln!(text, "   ({})", row.unit);
    let width = row.entries.iter().map(|entry| entry.name.len()).max().unwrap_or(0).max(8);
    let with_load = row.entries.iter().any(|entry| entry.load.is_some());
    let _ = write!(text, "  {:width$}  {:>8} {:>8} {:>8}", "", "median", "min", "max");
    if with_load {
        let _ = write!(text, " {:>6} {:>6} {:>11}", "user", "system", "requests/s");
        let _ = write!(text, " {:>8} {:>8} {:>8} {:>8} {:>5}", "p50 µs", "p99", "p99.9", "max", "load");
    }
    let _ = writeln!(text, "  {:>20} {:>8}", format!("÷ {baseline}"), "÷ null");
    for entry in &row.entries {
        let _ = writeln!(text, "  {:width$}  {}", entry.name, entry_line(entry, with_load));
    }
    for judged in &row.bars {
        let _ = writeln!(text, "  {}", judged_line(judged, baseline));
    }
    text
}

fn entry_line(entry: &Entry, with_load: bool) -> String {
    let Summary { median, min, max, .. } = entry.figure;
    let mut line = format!("{:>8} {:>8} {:>8}", number(median), number(min), number(max));
    match &entry.load {
        Some(load) => line.push_str(&load_columns(load)),
        None if with_load => line.push_str(&" ".repeat(68)),
        None => {}
    }
    let range = entry.over_baseline.map_or(String::new(), |over| {
        let Summary { median, min, max, .. } = over;
        if min == max { format!("{median:.2}") } else { format!("{median:.2} ({min:.2}–{max:.2})") }
    });
    let over_null = entry.over_null.map_or(String::new(), |over| format!("{:.2}", over.median));
    let _ = write!(line, "  {range:>20} {over_null:>8}");
    if let Some(note) = &entry.note {
        let _ = write!(line, "  {note}");
    }
    line.trim_end().to_owned()
}

fn load_columns(load: &LoadFigures) -> String {
    let mut line = format!(
        " {:>6} {:>6} {:>11}",
        number(load.user.median),
        number(load.system.median),
        grouped(load.rate.median)
    );
    for latency in [load.p50, load.p99, load.p999, load.max] {
        let _ = write!(line, " {:>8}", number(latency.median));
    }
    let _ = write!(line, " {:>4.0}%", load.load_busy.median * 100.0);
    line
}

fn judged_line(judged: &Judged, baseline: &str) -> String {
    let Judged { bar, figure, verdict } = judged;
    let what = match bar.against {
        Against::Baseline => format!("÷ {baseline} "),
        Against::Null => "÷ null ".to_owned(),
        Against::Itself => String::new(),
    };
    let sign = if bar.side == Side::AtMost { "≤" } else { "≥" };
    let limit = bar.limit;
    let verdict = match verdict {
        Verdict::Ok => "ok".to_owned(),
        Verdict::Missed => "MISSED".to_owned(),
        Verdict::TooNoisy => "too noisy to judge: more --rounds narrow the interval".to_owned(),
    };
    let [median, low, high] = [figure.median, figure.low, figure.high].map(number);
    format!("bar: {what}{sign} {limit}   measured {median} ({low}–{high})   {verdict}")
}

/// Every bar in a line, at the end of a run.
pub fn summary(comparison: &Comparison) -> String {
    let bars: Vec<(&RowResult, &Judged)> =
        comparison.rows.iter().flat_map(|row| row.bars.iter().map(move |judged| (row, judged))).collect();
    if bars.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{}, bar by bar\n", comparison.subject);
    let width = bars.iter().map(|(row, _)| row.name.chars().count()).max().unwrap_or(0);
    for (row, judged) in &bars {
        let _ = writeln!(text, "  {:width$}  {}", row.name, judged_line(judged, &comparison.baseline));
    }
    let count = |wanted| bars.iter().filter(|(_, judged)| judged.verdict == wanted).count();
    let (ok, missed, noisy) = (count(Verdict::Ok), count(Verdict::Missed), count(Verdict::TooNoisy));
    let _ = writeln!(text, "{ok} ok, {missed} MISSED, {noisy} too noisy to judge");
    text
}

/// Three significant digits for small numbers, none after the point for large ones.
fn number(value: f64) -> String {
    match value.abs() {
        magnitude if magnitude >= 1e7 => format!("{value:.1e}"),
        magnitude if magnitude >= 100.0 => format!("{value:.0}"),
        magnitude if magnitude >= 10.0 => format!("{value:.1}"),
        magnitude if magnitude >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::result::{NULL, Roles};
    use crate::compare::rows::Bar;

    #[test]
    fn numbers_are_short() {
        let shown = [0.0512, 1.234, 56.78, 1234.5, 2e7].map(number);
        assert_eq!(shown, ["0.051", "1.23", "56.8", "1234", "2.0e7"]);
        assert_eq!([7.0, 1234.0, 1_234_567.0].map(grouped), ["7", "1,234", "1,234,567"]);
    }

    #[test]
    fn a_row_shows_its_servers_ratios_and_verdicts() {
        let roles = Roles { baseline: "redis".into(), subject: "ours".into(), noise: 1.25 };
        let entries = vec![
            Entry::new("redis", vec![4.0, 4.0]).unwrap(),
            Entry::new(NULL, vec![1.0, 1.0]).unwrap(),
            Entry::new("ours", vec![2.0, 3.2]).unwrap(),
        ];
        let bar = |limit| Bar { against: Against::Baseline, side: Side::AtMost, limit };
        let row = RowResult::new("GET", "s", entries, &[bar(0.9), bar(0.7), bar(0.1)], &roles);
        let text = row_table(&row, "redis");
        for part in [
            "÷ redis",
            "0.65 (0.50–0.80)",
            "≤ 0.9   measured 0.650 (0.500–0.800)   ok",
            "too noisy to judge",
            "MISSED",
        ] {
            assert!(text.contains(part), "{part:?} is not in {text}");
        }
        let comparison = Comparison {
            baseline: "redis".into(),
            subject: "ours".into(),
            server_core: 1,
            load_core: 0,
            noise_threshold: 1.25,
            rows: vec![row, RowResult::not_run("memory", "no room".into())],
        };
        assert!(summary(&comparison).contains("1 ok, 1 MISSED, 1 too noisy"));
        assert!(row_table(&comparison.rows[1], "redis").contains("not run: no room"));
    }
}
