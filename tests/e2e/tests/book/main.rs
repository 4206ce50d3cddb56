//! The book names only what exists: anchors, links, sections, checks, bugs, pictures.
#![allow(clippy::unwrap_used, reason = "a test may unwrap, in its helpers too")]
mod quizzes;
mod steps;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use regex::Regex;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

/// Every page of the book with its text.
fn pages() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, pages: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, pages);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                let text = std::fs::read_to_string(&path).unwrap();
                pages.push((path, text));
            }
        }
    }
    let mut pages = Vec::new();
    walk(&root().join("docs/src"), &mut pages);
    pages.sort();
    assert!(pages.len() > 30, "the book has {} pages", pages.len());
    pages
}

fn all(pattern: &str, text: &str) -> Vec<String> {
    let regex = Regex::new(pattern).unwrap();
    regex.captures_iter(text).map(|found| found[1].to_owned()).collect()
}

/// Complaints are collected, so that one run shows them all.
fn report(complaints: &[String]) {
    assert!(complaints.is_empty(), "{} defects:\n{}", complaints.len(), complaints.join("\n"));
}

/// None is marked as shown only: the parser refuses that. `--test labs` executes them.
#[test]
fn every_console_block_can_be_executed() {
    let mut complaints = Vec::new();
    let mut blocks = 0;
    for (page, text) in pages() {
        match author::lab::parse_chapter(&text) {
            Ok(found) => blocks += found.len(),
            Err(error) => complaints.push(format!("{}: {error}", page.display())),
        }
    }
    println!("{blocks} console blocks");
    report(&complaints);
    assert!(blocks > 100, "{blocks} console blocks are too few: are they still found?");
}

#[test]
fn every_included_anchor_exists() {
    let mut complaints = Vec::new();
    let mut included = 0;
    for (page, text) in pages() {
        for target in all(r"\{\{#(?:include|rustdoc_include) ([^}]+)\}\}", &text) {
            included += 1;
            let (file, anchor) = target.split_once(':').unwrap_or((target.as_str(), ""));
            let file = page.parent().unwrap().join(file);
            let Ok(source) = std::fs::read_to_string(&file) else {
                complaints.push(format!("{}: {} does not exist", page.display(), file.display()));
                continue;
            };
            let marked =
                |word: &str| source.lines().any(|l| l.trim().ends_with(&format!("{word}: {anchor}")));
            let closed = marked("ANCHOR") && marked("ANCHOR_END");
            if !anchor.is_empty() && !closed {
                complaints.push(format!("{}: no anchor {anchor} in {}", page.display(), file.display()));
            }
        }
    }
    assert!(included > 0, "the book includes no code at all");
    report(&complaints);
}

/// A page without its code blocks, in which `[name](path)` is no link.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let mut kept = String::new();
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        if !fenced {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// As mdBook makes them: lower case, spaces to hyphens, other punctuation dropped.
fn slug(heading: &str) -> String {
    let plain = heading.trim().trim_start_matches('#').trim().to_lowercase();
    plain
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        })
        .collect()
}

fn sections(text: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let mut found = BTreeSet::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced && line.starts_with('#') {
            found.insert(slug(line));
        }
    }
    found
}

#[test]
fn every_link_and_picture_leads_somewhere() {
    let mut complaints = Vec::new();
    for (page, text) in pages() {
        for target in all(r"\]\(([^)\s]+)\)", &prose(&text)) {
            if target.contains("://") {
                complaints.push(format!("{}: {target}: the book stands without the network", page.display()));
                continue;
            }
            let (file, section) = target.split_once('#').unwrap_or((target.as_str(), ""));
            let mut path = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            if path.extension().is_some_and(|ending| ending == "html") && !path.exists() {
                path.set_extension("md");
            }
            match std::fs::read_to_string(&path) {
                Err(_) if !path.exists() => complaints.push(format!("{}: {target}", page.display())),
                Ok(linked) if !section.is_empty() && !sections(&linked).contains(section) => {
                    complaints.push(format!("{}: {target}: no such section", page.display()));
                }
                _ => {}
            }
        }
    }
    report(&complaints);
}

#[test]
fn every_check_named_exists() {
    let known: BTreeSet<String> = grader::checks::all().map(|(phase, check)| check.id(phase)).collect();
    let mut complaints = Vec::new();
    for (page, text) in pages() {
        for name in all(r"`(phase[1-4]\.[a-z0-9-]+)`", &text) {
            if !known.contains(&name) {
                complaints.push(format!("{}: no check {name}", page.display()));
            }
        }
    }
    report(&complaints);
}

#[test]
fn every_bug_named_exists() {
    let bugs = author::museum::load(&root().join("tests/museum")).unwrap();
    let mut complaints = Vec::new();
    for (page, text) in pages() {
        for name in all(r"cargo museum (?:run|show) ([a-z0-9-]+)", &text) {
            if !bugs.iter().any(|bug| bug.name == name) {
                complaints.push(format!("{}: no bug {name}", page.display()));
            }
        }
    }
    report(&complaints);
}

/// The text of a chapter's `Task` section; empty without one.
fn task(text: &str) -> &str {
    let (_, rest) = text.split_once("\n## Task\n").unwrap_or_default();
    rest.split("\n## ").next().unwrap_or_default()
}

/// A learner comes from `todo!("step 1.3: …")` and looks for these words.
#[test]
fn every_step_is_a_task_of_its_chapter_in_the_words_of_its_todo() {
    let course = author::handout::course::Course::load(root()).unwrap();
    let mut complaints = Vec::new();
    for step in &course.step {
        let chapter = std::fs::read_to_string(root().join("docs/src").join(&step.chapter)).unwrap();
        for words in [format!("**Step {}: {}.**", step.number, step.title), format!("`{}`", step.anchor)] {
            if !task(&chapter).contains(&words) {
                complaints.push(format!("{}: its task does not say {words}", step.chapter));
            }
        }
    }
    for (page, text) in pages() {
        for body in all(r"`([a-z0-9-]+-body)`", task(&text)) {
            let Some(step) = course.step.iter().find(|step| step.anchor == body) else {
                complaints.push(format!("{}: {body} is no step", page.display()));
                continue;
            };
            if !all(r"(\d\.\d+)", task(&text)).contains(&step.number) {
                complaints.push(format!("{}: {body} is step {}", page.display(), step.number));
            }
        }
    }
    report(&complaints);
}

#[test]
fn the_summary_lists_every_page_and_no_page_is_a_stub() {
    let summary = std::fs::read_to_string(root().join("docs/src/SUMMARY.md")).unwrap();
    let mut complaints = Vec::new();
    let everything: String = pages().into_iter().map(|(_, text)| text).collect();
    for (page, text) in pages() {
        let name = page.strip_prefix(root().join("docs/src")).unwrap().display().to_string();
        let file_name = page.file_name().unwrap().to_string_lossy().into_owned();
        let included = everything.contains(&format!("{file_name}}}}}"));
        if name != "SUMMARY.md" && !included && !summary.contains(&format!("({name})")) {
            complaints.push(format!("{name} is not in SUMMARY.md"));
        }
        if text.contains("This chapter is being written") {
            complaints.push(format!("{name} is a stub"));
        }
    }
    report(&complaints);
}

/// A chart and the table that tells its figures come from one measurement.
#[test]
fn every_figure_of_a_measured_table_stands_in_its_chart() {
    let images = root().join("docs/src/images");
    let mut complaints = Vec::new();
    let mut tables = 0;
    for (page, text) in pages().into_iter().filter(|(page, _)| page.starts_with(&images)) {
        tables += 1;
        let chart = std::fs::read_to_string(page.with_extension("svg")).unwrap();
        for row in text.lines().filter(|line| line.starts_with("| ")).skip(1) {
            for figure in row.split('|').map(str::trim).skip(2).filter(|cell| !cell.is_empty()) {
                let shown = [format!(" : {figure}<"), format!(">{figure}<")];
                if !shown.iter().any(|words| chart.contains(words)) {
                    complaints.push(format!("{}: {figure} is not in the chart", page.display()));
                }
            }
        }
    }
    assert!(tables >= 4, "{tables} measured tables");
    report(&complaints);
}

#[test]
fn slugs_are_those_of_the_book() {
    assert_eq!(slug("## What you will be able to do"), "what-you-will-be-able-to-do");
    assert_eq!(slug("# RESP, and `GET`"), "resp-and-get");
}
