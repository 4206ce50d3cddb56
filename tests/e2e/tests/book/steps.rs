//! Contracts before the task, answers in a fold after it, every piece of source with a link to where it stands.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use author::chapter;
use author::handout::course::Course;

use super::{pages, report, root};

/// One `{{#include …}}` of a source file: where in the page, which file, which lines of it.
struct Included {
    /// Number of the page's line.
    line: usize,
    /// As the page writes it.
    target: String,
    file: std::path::PathBuf,
    region: Range<usize>,
}

fn included(page: &Path, text: &str) -> Vec<Included> {
    let mut found = Vec::new();
    for (line, words) in text.lines().enumerate() {
        let Some(words) = words.strip_prefix("{{#include ").and_then(|w| w.strip_suffix("}}")) else {
            continue;
        };
        let (target, anchor) = words.split_once(':').unwrap_or((words, ""));
        if !target.ends_with(".rs") {
            continue;
        }
        let file = page.parent().unwrap().join(target).canonicalize().unwrap();
        let region = if anchor.is_empty() { 0..usize::MAX } else { region(&file, anchor) };
        found.push(Included { line, target: target.to_owned(), file, region });
    }
    found
}

/// The lines between a region's two marks.
fn region(file: &Path, anchor: &str) -> Range<usize> {
    let source = std::fs::read_to_string(file).unwrap();
    let at = |mark: String| source.lines().position(|line| line.trim() == mark);
    let (start, end) = (at(format!("// ANCHOR: {anchor}")), at(format!("// ANCHOR_END: {anchor}")));
    start.unwrap_or_default()..end.unwrap_or_default()
}

/// The region of every step's answer, by file.
fn answers() -> Vec<(String, std::path::PathBuf, Range<usize>)> {
    let course = Course::load(root()).unwrap();
    let mut found = Vec::new();
    for phase in ["phase1-echo", "phase2-framing", "phase3-eventloop", "phase4-keyspace"] {
        let mut folders = vec![root().join(phase).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                for step in &course.step {
                    let lines = region(&path, &step.anchor);
                    if !lines.is_empty() {
                        found.push((step.number.clone(), path.canonicalize().unwrap(), lines));
                    }
                }
            }
        }
    }
    assert_eq!(found.len(), course.step.len());
    found
}

/// The section that a line stands in, and whether a fold is open there.
fn place(text: &str, line: usize) -> (&str, bool) {
    let before = text.lines().take(line);
    let section = before.clone().filter(|l| l.starts_with("## ")).last().unwrap_or_default();
    let opened = before.clone().filter(|l| l.starts_with("<details>")).count();
    let closed = before.filter(|l| l.starts_with("</details>")).count();
    (section, opened > closed)
}

#[test]
fn every_contract_is_the_sources_own() {
    let contracts = chapter::contracts(root()).unwrap();
    let mut complaints = Vec::new();
    for (page, text) in pages() {
        if chapter::refresh(&text, &contracts) != text {
            complaints.push(format!(
                "{}: a contract is not the source's: cargo run -p author --bin chapters",
                page.display()
            ));
        }
    }
    report(&complaints);
}

#[test]
fn every_step_shows_its_contract_before_the_task_and_its_answer_in_a_fold_after_it() {
    let (course, answers) = (Course::load(root()).unwrap(), answers());
    let mut complaints = Vec::new();
    for step in &course.step {
        let page = root().join("docs/src").join(&step.chapter);
        let text = std::fs::read_to_string(&page).unwrap();
        let before = text.split("\n## Task\n").next().unwrap_or_default();
        if !before.lines().any(|line| chapter::step_of(line) == Some(&step.number)) {
            let fence = format!("```rust,ignore,noplayground,step={}", step.number);
            complaints.push(format!("{}: no block {fence} before the task", step.chapter));
        }
        let (_, file, answer) = answers.iter().find(|(number, ..)| *number == step.number).unwrap();
        let shown = included(&page, &text).into_iter().any(|i| {
            let whole = i.file == *file && i.region.start <= answer.start && answer.end <= i.region.end;
            whole && place(&text, i.line) == ("## Our version", true)
        });
        if !shown {
            complaints
                .push(format!("{}: no fold under `## Our version` includes {}", step.chapter, step.anchor));
        }
    }
    report(&complaints);
}

/// In no chapter, be it the step's own or another.
#[test]
fn no_answer_stands_outside_a_fold() {
    let answers = answers();
    let mut complaints = Vec::new();
    for (page, text) in pages() {
        for i in included(&page, &text) {
            for (number, file, answer) in &answers {
                let overlaps = i.region.start < answer.end && answer.start < i.region.end;
                if i.file == *file && overlaps && !place(&text, i.line).1 {
                    complaints.push(format!("{}: the answer of step {number} is not folded", page.display()));
                }
            }
        }
    }
    report(&complaints);
}

/// A plain Markdown viewer shows no included code; the link above it leads there.
#[test]
fn every_piece_of_source_follows_a_link_to_its_file() {
    let mut complaints = Vec::new();
    let mut blocks: BTreeMap<String, usize> = BTreeMap::new();
    for (page, text) in pages() {
        let lines: Vec<&str> = text.lines().collect();
        for i in included(&page, &text) {
            let name = i.target.trim_start_matches("../");
            let link = format!("[`{name}`]({})", i.target);
            *blocks.entry(name.to_owned()).or_default() += 1;
            if i.line < 3 || lines[i.line - 3] != link {
                complaints.push(format!("{}: no line {link} above {}", page.display(), i.target));
            }
        }
    }
    assert!(blocks.len() > 20, "only {} files are included", blocks.len());
    report(&complaints);
}
