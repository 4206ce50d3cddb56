//! The museum's cards, without building a bug: `cargo museum` does that. Each fits the reference exactly once, names a
//! check and one of its diagnoses, and between them they cover the catalogue; the book's page lists them all.
#![allow(clippy::unwrap_used, reason = "a test may unwrap, in its helpers too")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use author::museum::{self, Bug};
use grader::checks;

/// Entries of the bug catalogue whose feature exists.
const CATALOGUE: [u8; 51] = {
    let mut entries = [0; 51];
    let mut at = 0;
    while at < 48 {
        entries[at] = at as u8 + 1;
        at += 1;
    }
    entries[48] = 53;
    entries[49] = 54;
    entries[50] = 57;
    entries
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("tests/ lies in the workspace").to_owned()
}

fn bugs() -> Vec<Bug> {
    museum::load(&root().join("tests/museum")).expect("every card is readable")
}

#[test]
fn there_are_at_least_sixty() {
    assert!(bugs().len() >= 60, "{} bugs", bugs().len());
}

#[test]
fn every_catalogue_entry_has_an_exhibit() {
    let shown: BTreeSet<u8> = bugs().iter().map(|bug| bug.card.catalogue).collect();
    let missing: Vec<u8> = CATALOGUE.into_iter().filter(|entry| !shown.contains(entry)).collect();
    assert!(missing.is_empty(), "catalogue entries without a bug: {missing:?}");
}

#[test]
fn every_card_says_what_a_visitor_needs() {
    for bug in bugs() {
        let (name, card) = (&bug.name, &bug.card);
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{name}");
        assert!(
            !card.title.is_empty() && card.title.len() < 90 && !card.title.ends_with('.'),
            "{name}: title"
        );
        assert!(card.lesson.trim().len() > 150, "{name}: a lesson needs some sentences");
        assert!(card.meet.trim().len() > 25, "{name}: what does a visitor type, and see?");
        assert!(!card.edit.is_empty(), "{name}: changes nothing");
        let (_, check) =
            checks::find(&bug.check_id()).unwrap_or_else(|| panic!("{name}: no {}", bug.check_id()));
        assert!(check.bugs.contains(&card.diagnosis.as_str()), "{name}: {} never says so", bug.check_id());
    }
}

#[test]
fn every_edit_changes_a_place_that_stands_exactly_once() {
    let root = root();
    for bug in bugs() {
        for edit in &bug.card.edit {
            let text = std::fs::read_to_string(root.join(&edit.file)).unwrap();
            let changed = edit.apply(&text).unwrap_or_else(|error| panic!("{}: {error}", bug.name));
            assert_ne!(changed, text, "{}: an edit without effect", bug.name);
        }
    }
}

/// A check that fails on no bug has not been shown to see anything. Phases share checks, so names are compared.
#[test]
fn every_check_is_some_bugs_own() {
    let own: BTreeSet<String> = bugs().into_iter().map(|bug| bug.card.check).collect();
    let idle: BTreeSet<&str> =
        checks::all().map(|(_, check)| check.name).filter(|name| !own.contains(*name)).collect();
    assert!(idle.is_empty(), "no bug is there for {idle:?}");
}

#[test]
fn the_book_lists_every_bug() {
    let page = root().join("docs/src/reference/museum-bugs.md");
    let written = std::fs::read_to_string(&page).unwrap();
    assert!(
        written == museum::table(&bugs()),
        "the book's list is out of date: cargo museum list --markdown > docs/src/reference/museum-bugs.md"
    );
}

/// Every diagnosis is shown by a bug or by a wrong foreign server or client, be it at another check, or the book says why not; and
/// nothing that is shown stands among the excuses.
#[test]
fn every_diagnosis_is_shown_or_excused() {
    #[derive(serde::Deserialize)]
    struct Foreign {
        bug: Vec<Wrong>,
    }
    #[derive(serde::Deserialize)]
    struct Wrong {
        diagnosis: String,
    }
    #[derive(serde::Deserialize)]
    struct Small {
        #[serde(default)]
        server: Vec<Program>,
        #[serde(default)]
        client: Vec<Program>,
    }
    #[derive(Clone, serde::Deserialize)]
    struct Program {
        first: Option<String>,
    }
    let text = std::fs::read_to_string(root().join("tests/foreign/bugs.toml")).unwrap();
    let foreign: Foreign = toml::from_str(&text).unwrap();
    let small = ["servers.toml", "clients.toml"].map(|file| {
        let text = std::fs::read_to_string(root().join("tests/foreign").join(file)).unwrap();
        toml::from_str::<Small>(&text).unwrap()
    });
    let mut shown: BTreeSet<String> = bugs().into_iter().map(|bug| bug.card.diagnosis).collect();
    shown.extend(foreign.bug.into_iter().map(|bug| bug.diagnosis));
    let programs = small.into_iter().flat_map(|small| [small.server, small.client].concat());
    shown.extend(programs.filter_map(|program| program.first));
    let shown = |(_, diagnosis): &&(String, String)| shown.contains(diagnosis);

    let page = std::fs::read_to_string(root().join("docs/src/reference/museum.md")).unwrap();
    let table = page.split("## Diagnoses that no bug shows").nth(1).unwrap().split("\n## ").next().unwrap();
    let excused: BTreeSet<(String, String)> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .filter_map(|(check, rest)| Some((check.to_owned(), rest.split_once(" | ")?.0.to_owned())))
        .collect();
    let known: BTreeSet<(String, String)> = checks::all()
        .flat_map(|(_, check)| check.bugs.iter().map(|bug| (check.name.to_owned(), (*bug).to_owned())))
        .collect();
    let open: Vec<_> = known.iter().filter(|one| !shown(one) && !excused.contains(*one)).collect();
    assert!(open.is_empty(), "neither shown by a bug nor excused in museum.md: {open:#?}");
    let idle: Vec<_> = excused.iter().filter(|one| shown(one) || !known.contains(*one)).collect();
    assert!(idle.is_empty(), "excused in museum.md for nothing: {idle:#?}");
}
