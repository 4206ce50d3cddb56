//! The museum: classic bugs, each made from the reference by substitutions that must match exactly once.
//!
//! A bug is one TOML file under `tests/museum/PHASE/NAME.toml`. It is *caught* only when the check named for it fails for
//! the reason named for it; any other outcome is a defect of the bug, of the check, or of the reference. Because every
//! `find` has to match exactly once, a bug cannot rot silently when the reference moves on.

pub mod choice;
pub mod matrix;
pub mod proof;
pub mod tally;
pub mod workshop;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use grader::check::Phase;

/// One exhibit.
#[derive(Debug, Clone)]
pub struct Bug {
    /// The file's name without its ending.
    pub name: String,
    /// The phase whose server or client carries it: the folder.
    pub phase: Phase,
    /// What its file says.
    pub card: Card,
}

/// The contents of a bug's file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// One line.
    pub title: String,
    /// Entry of the bug catalogue; 0 for bugs that are ours.
    pub catalogue: u8,
    /// The check that must fail, by its name within the phase.
    pub check: String,
    /// The diagnosis that check must make, by its exact text.
    pub diagnosis: String,
    /// The name that comes first when every check is run, where that is another: each of its own right.
    #[serde(default)]
    pub whole: Option<String>,
    /// What to learn from it.
    pub lesson: String,
    /// What to type, with the buggy server running, to see it.
    pub meet: String,
    /// It's in the phase's client, and not in its server.
    #[serde(default)]
    pub client: bool,
    /// Arguments the program needs for the bug to show, before any the visitor adds.
    #[serde(default)]
    pub args: Vec<String>,
    /// The example of the phase that carries it, if it is not the phase's server.
    pub example: Option<String>,
    /// The substitutions.
    pub edit: Vec<Edit>,
}

/// One substitution.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// Path from the workspace's root.
    pub file: PathBuf,
    /// Text that stands there exactly once.
    pub find: String,
    /// What stands there instead.
    pub replace: String,
}

impl Edit {
    /// The file's text with the substitution made.
    ///
    /// # Errors
    /// When `find` does not match exactly once.
    pub fn apply(&self, text: &str) -> Result<String> {
        match text.matches(&self.find).count() {
            1 => Ok(text.replacen(&self.find, &self.replace, 1)),
            0 => bail!("{}: the text to replace is not there any more:\n{}", self.file.display(), self.find),
            n => bail!("{}: the text to replace stands there {n} times:\n{}", self.file.display(), self.find),
        }
    }

    /// What it changes, as a unified diff: whole lines, with up to two unchanged ones around them.
    ///
    /// # Errors
    /// When `find` does not match exactly once.
    pub fn diff(&self, text: &str) -> Result<String> {
        const CONTEXT: usize = 2;
        let changed = self.apply(text)?;
        let (old, new): (Vec<&str>, Vec<&str>) = (text.lines().collect(), changed.lines().collect());
        let same =
            |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| pairs.take_while(|(a, b)| a == b).count();
        let before = same(&mut old.iter().zip(&new));
        let most = old.len().min(new.len()) - before;
        let after = same(&mut old.iter().rev().zip(new.iter().rev())).min(most);
        let from = before.saturating_sub(CONTEXT);
        let mut shown = format!("{}:{}\n", self.file.display(), before + 1);
        let mut lines = |mark: char, lines: &[&str]| {
            for line in lines {
                shown += format!("{mark} {line}").trim_end();
                shown.push('\n');
            }
        };
        lines(' ', &old[from..before]);
        lines('-', &old[before..old.len() - after]);
        lines('+', &new[before..new.len() - after]);
        lines(' ', &old[old.len() - after..][..after.min(CONTEXT)]);
        Ok(shown)
    }
}

impl Bug {
    /// The package that carries it; its binary, or its example; and where that is built, from the profile's folder.
    pub fn program(&self) -> (&'static str, [&str; 2], PathBuf) {
        let (package, binary) = match self.phase {
            Phase::Echo if self.card.client => ("phase1-echo", "echo-client"),
            Phase::Framing if self.card.client => ("phase2-framing", "framed-client"),
            Phase::Echo => ("phase1-echo", "echo-server"),
            Phase::Framing => ("phase2-framing", "framed-server"),
            Phase::EventLoop => ("phase3-eventloop", "eventloop-server"),
            Phase::Keyspace => ("phase4-keyspace", "keyspace-server"),
        };
        match &self.card.example {
            Some(example) => (package, ["--example", example], Path::new("examples").join(example)),
            None => (package, ["--bin", binary], PathBuf::from(binary)),
        }
    }

    /// How it differs from the reference at `root`, edit by edit.
    ///
    /// # Errors
    /// When a file cannot be read, or an edit no longer fits.
    pub fn diff(&self, root: &Path) -> Result<String> {
        let mut shown = Vec::new();
        for edit in &self.card.edit {
            let text = std::fs::read_to_string(root.join(&edit.file))
                .with_context(|| edit.file.display().to_string())?;
            shown.push(edit.diff(&text)?);
        }
        Ok(shown.join("\n"))
    }

    /// `phase2.partial-header`.
    pub fn check_id(&self) -> String {
        format!("{}.{}", self.phase, self.card.check)
    }
}

/// Every bug of the museum, by phase and name.
///
/// # Errors
/// Names the file whose contents are not understood.
pub fn load(folder: &Path) -> Result<Vec<Bug>> {
    let mut bugs = Vec::new();
    for phase in Phase::ALL {
        let room = folder.join(phase.name());
        if !room.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(&room).with_context(|| room.display().to_string())? {
            let path = entry?.path();
            if path.extension().is_none_or(|ending| ending != "toml") {
                continue;
            }
            let text = std::fs::read_to_string(&path)?;
            let card: Card = toml::from_str(&text).with_context(|| path.display().to_string())?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if let Some(other) = bugs.iter().find(|bug: &&Bug| bug.name == name) {
                bail!("two bugs are called {name}: {} and {phase}", other.phase);
            }
            bugs.push(Bug { name, phase, card });
        }
    }
    bugs.sort_by(|a, b| (a.phase, &a.name).cmp(&(b.phase, &b.name)));
    Ok(bugs)
}

/// Every bug as a Markdown table, for the book.
pub fn table(bugs: &[Bug]) -> String {
    let mut text = String::from("| bug | what it does | catalogue | caught by |\n|---|---|---|---|\n");
    for bug in bugs {
        let entry = match bug.card.catalogue {
            0 => "ours".to_owned(),
            number => number.to_string(),
        };
        text += &format!("| `{}` | {} | {entry} | `{}` |\n", bug.name, bug.card.title, bug.check_id());
    }
    text
}

/// The bug of this name.
///
/// # Errors
/// Suggests the names that resemble it.
pub fn find<'a>(bugs: &'a [Bug], name: &str) -> Result<&'a Bug> {
    if let Some(bug) = bugs.iter().find(|bug| bug.name == name) {
        return Ok(bug);
    }
    match nearest(name, bugs.iter().map(|bug| bug.name.as_str())).as_slice() {
        [] => bail!("no bug is called `{name}`; `cargo museum list` names them all"),
        near => bail!("no bug is called `{name}`; did you mean {}?", near.join(", ")),
    }
}

/// At most three names: those a few letters away, else those that share the most of its words.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let words: Vec<&str> = name.split('-').filter(|word| word.len() > 2).collect();
    let mut ranked: Vec<(bool, usize, usize, &str)> = known
        .map(|known| {
            let letters = distance(name, known);
            let shared = words.iter().filter(|word| known.contains(**word)).count();
            (letters > 2 + name.len() / 6, words.len() - shared, letters, known)
        })
        .filter(|(far, missing, ..)| !far || *missing < words.len())
        .collect();
    ranked.sort_unstable();
    // A typo has one right answer; the others would only hide it.
    let typos = ranked.iter().filter(|(far, ..)| !far).count();
    ranked.truncate(if typos == 0 { 3 } else { typos.min(3) });
    ranked.into_iter().map(|(.., known)| known).collect()
}

/// Levenshtein's: how many letters have to be put in, taken out or exchanged.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut above_left = row[0];
        row[0] = at + 1;
        for (column, candidate) in other.iter().enumerate() {
            let exchanged = above_left + usize::from(letter != *candidate);
            above_left = row[column + 1];
            row[column + 1] = exchanged.min(row[column] + 1).min(above_left + 1);
        }
    }
    row[other.len()]
}

/// How to meet a bug, with the port that the visitor's own arguments chose in place of the usual one.
pub fn meet_at(meet: &str, args: &[String]) -> String {
    let value = |flag: &str| {
        let behind = args.iter().position(|arg| arg == flag).and_then(|at| args.get(at + 1));
        behind
            .or_else(|| args.iter().find(|arg| arg.starts_with(&format!("{flag}="))))
            .map(|found| found.trim_start_matches(flag).trim_start_matches('=').to_owned())
    };
    let mut text = meet.to_owned();
    if let Some(port) = value("--port") {
        for usual in ["7001", "7002", "7003", "6379"] {
            text = text.replace(usual, &port);
        }
        // redis-cli goes to 6379 unless it is told.
        text = text.replace("redis-cli ", &format!("redis-cli -p {port} "));
    }
    if let Some(port) = value("--framed-port") {
        text = text.replace("7004", &port);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_has_one_suggestion_and_a_vague_name_three() {
        let known =
            ["eof-spin", "eof-is-fatal", "short-write-ignored", "short-write-forgotten", "write-zero-spins"];
        assert_eq!(nearest("eof-spni", known.into_iter()), ["eof-spin"]);
        assert_eq!(nearest("write", known.into_iter()).len(), 3);
        assert!(nearest("xyz", known.into_iter()).is_empty());
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn the_way_to_meet_a_bug_names_the_port_that_was_chosen() {
        let args = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(meet_at("nc 127.0.0.1 7001", &args(&["--port", "7101"])), "nc 127.0.0.1 7101");
        assert_eq!(meet_at("nc 127.0.0.1 7001", &args(&["--port=7101"])), "nc 127.0.0.1 7101");
        assert_eq!(meet_at("redis-cli GET k", &args(&["--port", "6400"])), "redis-cli -p 6400 GET k");
        assert_eq!(meet_at("nc 127.0.0.1 7001", &[]), "nc 127.0.0.1 7001");
    }

    fn edit(find: &str) -> Edit {
        Edit { file: "a.rs".into(), find: find.into(), replace: "new".into() }
    }

    #[test]
    fn a_substitution_matches_exactly_once_or_not_at_all() {
        assert_eq!(edit("old").apply("the old text").unwrap(), "the new text");
        assert!(edit("old").apply("nothing").unwrap_err().to_string().contains("not there any more"));
        assert!(edit("old").apply("old and old").unwrap_err().to_string().contains("2 times"));
    }

    #[test]
    fn the_diff_names_file_and_line_and_shows_whole_lines_with_their_neighbours() {
        let text = "one\ntwo\nthree\nan old line\n\nsix\nseven\n";
        let shown = "a.rs:4\n  two\n  three\n- an old line\n+ an new line\n\n  six\n";
        assert_eq!(edit("old").diff(text).unwrap(), shown);
        assert!(edit("old").diff("nothing").is_err());
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let error = toml::from_str::<Card>("title = 'x'\ncolour = 'red'\n").unwrap_err().to_string();
        assert!(error.contains("colour"), "{error}");
    }

    #[test]
    fn every_card_in_the_museum_still_fits_the_reference() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        for bug in load(&root.join("tests/museum")).unwrap() {
            for edit in &bug.card.edit {
                let text = std::fs::read_to_string(root.join(&edit.file))
                    .unwrap_or_else(|error| panic!("{}: {}: {error}", bug.name, edit.file.display()));
                edit.apply(&text).unwrap_or_else(|error| panic!("{}: {error}", bug.name));
            }
            let check = grader::checks::find(&bug.check_id());
            let (_, check) = check.unwrap_or_else(|| panic!("{}: no check {}", bug.name, bug.check_id()));
            assert!(
                check.bugs.contains(&bug.card.diagnosis.as_str()),
                "{}: {} never says {:?}; it knows {:?}",
                bug.name,
                bug.check_id(),
                bug.card.diagnosis,
                check.bugs
            );
        }
    }
}
