//! The kill matrix: which check sees which bug.

use std::fmt::Write as _;

use kit::svg::Svg;

use super::Bug;
use super::proof::{Ended, Outcomes, Whole};

/// One row: a bug and how the checks of its phase ended on it.
pub type Row = (Bug, Outcomes);

/// How each check ended: in the whole run, and the bug's own check as it ended alone.
fn ended((_, outcomes): &Row) -> Vec<&Ended> {
    let alone = |id: &str| outcomes.alone.iter().find(|check| check.id == id);
    match &outcomes.whole {
        Some(whole) => whole.iter().map(|check| alone(&check.id).unwrap_or(check)).collect(),
        None => outcomes.alone.iter().collect(),
    }
}

/// Checks of the rows' phases that fail on no bug at all: such a check has not been shown to see anything. Phases share
/// checks (`phase1.sizes` and `phase2.sizes` are one function), so a check counts as shown if any phase has shown it.
pub fn idle_checks(rows: &[Row]) -> Vec<String> {
    let ended = || rows.iter().flat_map(ended);
    let mut idle: Vec<String> = Vec::new();
    for check in ended() {
        let name = name(&check.id);
        let kills = ended().any(|other| self::name(&other.id) == name && other.status == "failed");
        if !kills && !idle.iter().any(|id| self::name(id) == name) {
            idle.push(check.id.clone());
        }
    }
    idle
}

/// `sizes` of `phase2.sizes`.
fn name(id: &str) -> &str {
    id.split_once('.').map_or(id, |(_, name)| name)
}

/// A Markdown table, one line per bug: its own check alone, the first name in a whole run, and what else that run shows.
pub fn markdown(rows: &[Row]) -> String {
    let mut text = String::from(
        "| bug | its own check, alone | first name in a whole run | also named | follows |\n|---|---|---|---|---|\n",
    );
    for row in rows {
        let (bug, outcomes) = row;
        let own = bug.check_id();
        let failed = outcomes.alone.iter().any(|e| e.id == own && e.status == "failed");
        let mark = if failed { "✓" } else { "✗" };
        let whole = outcomes.whole.as_deref().unwrap_or_default();
        let by = whole.iter().find(|e| e.status == "failed").map_or("", |e| e.id.as_str());
        let (first, more) = match Whole::of(bug, whole) {
            Whole::Right => (format!("✓ `{by}`"), Vec::new()),
            Whole::More(more) => (format!("✓ `{by}`"), more),
            Whole::Wrong(said) => (format!("✗ {said}"), Vec::new()),
        };
        let follows: Vec<String> =
            whole.iter().filter(|e| e.status == "follows").map(|e| format!("`{}`", e.id)).collect();
        let (more, follows) = (more.join(", "), follows.join(", "));
        let _ = writeln!(text, "| {} | {mark} `{own}` | {first} | {more} | {follows} |", bug.name);
    }
    text
}

/// The same as a picture, readable on light and dark pages: a row per bug, a column per check. A cell's colour is how the
/// check ended in the whole run; a red frame marks the bug's own check, where it failed alone.
pub fn svg(rows: &[Row]) -> String {
    const CELL: f64 = 12.0;
    const LEFT: f64 = 280.0;
    const TOP: f64 = 210.0;
    /// The last columns' names lean out to the right.
    const RIGHT: f64 = 80.0;
    const RED: &str = "#c53030";
    const INK: (&str, &str) = ("fill", "#1d2433");
    let mut columns: Vec<&str> = Vec::new();
    for row in rows {
        for check in ended(row) {
            if !columns.contains(&check.id.as_str()) {
                columns.push(&check.id);
            }
        }
    }
    let width = LEFT + columns.len() as f64 * CELL + RIGHT;
    let height = TOP + rows.len() as f64 * CELL + 20.0;
    let mut svg = Svg::new(width, height, "Which check fails on which bug");
    svg.style("text{font-size:9px}");
    svg.rect(0.0, 0.0, width, height, &[("rx", "8"), ("fill", "#f7f8fa")]);
    for (i, id) in columns.iter().enumerate() {
        let x = LEFT + (i as f64 + 0.5) * CELL + 3.0;
        svg.turned_text((x, TOP - 6.0), -60.0, id, &[INK]);
    }
    for (i, row) in rows.iter().enumerate() {
        let bug = &row.0;
        let y = TOP + i as f64 * CELL;
        svg.text(LEFT - 6.0, y + 9.0, &bug.name, &[("text-anchor", "end"), INK]);
        for check in row.1.whole.iter().flatten() {
            let Some(column) = columns.iter().position(|id| *id == check.id) else { continue };
            let alone = row.1.alone.iter().find(|own| own.id == bug.check_id() && own.id == check.id);
            let colour = match check.status.as_str() {
                "failed" if check.id == bug.check_id() => RED,
                "failed" => "#e8a33d",
                "follows" => "#f3d9a8",
                "passed" => "#dfe4ec",
                _ => "#b6bfcd",
            };
            let mut title = format!("{} × {}: {}", bug.name, check.id, check.status);
            let mut cell = [LEFT + column as f64 * CELL, y, CELL - 1.0, CELL - 1.0];
            let mut paint = vec![("fill", colour)];
            if let Some(alone) = alone {
                title.push_str(&format!(", alone {}", alone.status));
                if alone.status == "failed" {
                    paint.extend([("stroke", RED), ("stroke-width", "1.5")]);
                    // The frame stands inside the cell.
                    cell = [cell[0] + 0.75, cell[1] + 0.75, cell[2] - 1.5, cell[3] - 1.5];
                }
            }
            svg.rect_with_title(cell, &title, &paint);
        }
    }
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::super::Card;
    use super::*;
    use grader::check::Phase;

    fn row(name: &str, own: &str, outcomes: &[(&str, &str)]) -> Row {
        let card = Card {
            title: String::new(),
            catalogue: 0,
            check: own.into(),
            diagnosis: String::new(),
            whole: None,
            lesson: String::new(),
            meet: String::new(),
            client: false,
            args: Vec::new(),
            example: None,
            edit: Vec::new(),
        };
        let ended: Vec<Ended> = outcomes
            .iter()
            .map(|(id, status)| Ended {
                id: (*id).into(),
                status: (*status).into(),
                bug: None,
                summary: None,
                reason: None,
            })
            .collect();
        let outcomes = Outcomes { alone: Vec::new(), whole: Some(ended) };
        (Bug { name: name.into(), phase: Phase::Echo, card }, outcomes)
    }

    #[test]
    fn a_check_that_kills_nothing_is_named() {
        let rows = [
            row("one", "a", &[("phase1.a", "failed"), ("phase1.b", "passed"), ("phase1.c", "passed")]),
            row("two", "b", &[("phase1.a", "passed"), ("phase1.b", "failed"), ("phase1.c", "passed")]),
        ];
        assert_eq!(idle_checks(&rows), ["phase1.c"]);
        assert!(
            markdown(&rows).contains("| one | ✗ `phase1.a` | ✗ phase1.a: no name |"),
            "{}",
            markdown(&rows)
        );
        assert_eq!(svg(&rows).matches("fill=\"#c53030\"").count(), 2);
    }

    #[test]
    fn both_ways_of_running_stand_in_the_matrix() {
        let mut row = row("one", "b", &[("phase1.a", "failed"), ("phase1.b", "follows")]);
        let whole = row.1.whole.as_deref().unwrap_or_default();
        row.1.alone = vec![Ended { status: "failed".into(), ..whole[1].clone() }];
        let rows = [row];
        assert!(
            markdown(&rows).contains("| one | ✓ `phase1.b` | ✗ phase1.a: no name |  | `phase1.b` |"),
            "{}",
            markdown(&rows)
        );
        let picture = svg(&rows);
        assert!(picture.contains("one × phase1.b: follows, alone failed"), "{picture}");
        assert_eq!(picture.matches("stroke=\"#c53030\"").count(), 1);
        assert_eq!(picture.matches("fill=\"#c53030\"").count(), 0);
    }
}
