//! `cargo handout`: the student's starter workspace, made from the one source of truth.
//!
//! Phases before the chosen one come whole; in the chosen one every `*-body` region is replaced by a `todo!` or a stub that
//! names its step. Unit tests beside such a region are dropped, because they tell the answer, unless a step names them. The
//! grader comes along, and with it `cargo next`, which later has [`grow`] add the other phases.

pub mod course;
pub mod grow;
mod language;
mod phase;
pub mod strip;
mod texts;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use course::Course;
use grader::check::Phase;
use grader::next::state::State;
use grader::workspace::package;
pub use language::{Language, write_all_phases, write_skeleton};
pub use phase::write_body;

/// The packages of `tests/` that a student gets: what grades. The others would tell the answers, or are no use to a learner.
const GRADER: [&str; 2] = ["tests/kit", "tests/grader"];
const NOT_FOR_STUDENTS: [&str; 4] = ["tests/author", "tests/bench", "tests/oracle", "tests/e2e"];

/// Which of the two a handout is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edition {
    /// With the phase's bodies missing.
    Student,
    /// The same files with the bodies in place, for instructors.
    Solution,
}

/// Writes the workspace of `phase` from the reference at `root` into `target`, which must not exist or be empty.
///
/// # Errors
/// When the folder holds something, a step's region is missing, or files cannot be written.
pub fn write(root: &Path, phase: Phase, edition: Edition, target: &Path) -> Result<()> {
    let written = match edition {
        Edition::Student => 0,
        Edition::Solution => usize::MAX,
    };
    write_rung(root, phase, written, target)?;
    if edition == Edition::Student {
        State::new(root, phase)?.save(target)?;
    }
    write_file(&target.join("README.md"), &texts::readme(phase, edition, &Course::load(root)?))
}

/// The same with the first `written` bodies of the phase in place: one rung of the ladder that a learner climbs.
///
/// # Errors
/// As [`write`].
pub fn write_rung(root: &Path, phase: Phase, written: usize, target: &Path) -> Result<()> {
    refuse_full_folder(target)?;
    let course = Course::load(root)?;
    for earlier in Phase::ALL.into_iter().filter(|earlier| *earlier < phase) {
        phase::copy(root, earlier, &[], target)?;
    }
    let steps = course.of(phase);
    phase::copy(root, phase, &steps[written.min(steps.len())..], target)?;
    phase::write_tasks(root, phase, &course, target)?;
    for package in GRADER {
        copy_folder(&root.join(package), &target.join(package))?;
    }
    for file in [
        ".gitignore",
        ".rustfmt.toml",
        ".clippy.toml",
        "LICENSE",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "Cargo.lock",
        "tests/course.toml",
        "tests/contract.toml",
    ] {
        copy_file(&root.join(file), &target.join(file))?;
    }
    write_file(&target.join("Cargo.toml"), &manifest(root, phase)?)?;
    write_file(&target.join(".cargo/config.toml"), ALIASES)
}

/// What a learner types.
const ALIASES: &str = "[alias]\ngrade = \"run --package grader --bin grade --\"\n\
                       next = \"run --package grader --bin next --\"\n";

fn refuse_full_folder(target: &Path) -> Result<()> {
    let full = std::fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_some());
    if full {
        bail!("{} holds something already: name a new folder, nothing is overwritten", target.display());
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    for file in files_below(from)? {
        copy_file(&file, &to.join(file.strip_prefix(from).expect("listed below it")))?;
    }
    Ok(())
}

fn manifest(root: &Path, last: Phase) -> Result<String> {
    let mut text = std::fs::read_to_string(root.join("Cargo.toml")).context("Cargo.toml")?;
    let later = Phase::ALL.into_iter().filter(|phase| *phase > last).map(package);
    for folder in later.chain(NOT_FOR_STUDENTS) {
        text = without_package(&text, folder);
    }
    text = text.replace("starts the phase 4 server", &format!("starts the {} server", grow::ordinal(last)));
    text = text.replace("default-members = [\"phase4-keyspace\"]", &grow::default_members(last));
    // A body still to be written leaves imports unused and calls todo!: that is the state of things, not a mistake.
    text = text.replace("todo = \"deny\"\n", "").replace("missing_docs = \"warn\"\n", "unused = \"allow\"\n");
    Ok(text)
}

/// The workspace's manifest without one of its members, and without its line among the dependencies.
pub(crate) fn without_package(manifest: &str, folder: &str) -> String {
    let name = folder.trim_start_matches("tests/");
    let dependency = format!("{name} = {{ path = \"{folder}\" }}\n");
    manifest.replace(&format!(", \"{folder}\""), "").replace(&dependency, "")
}

pub(crate) fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(files) };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn copy_file(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::copy(from, to).with_context(|| from.display().to_string())?;
    Ok(())
}

fn write_file(to: &Path, text: &str) -> Result<()> {
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(to, text).with_context(|| to.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_leaves_the_manifest_as_member_and_as_dependency() {
        let manifest = "members = [\"a\", \"tests/b\", \"tests/c\"]\nb = { path = \"tests/b\" }\nc = { path = \"tests/c\" }\n";
        assert_eq!(
            without_package(manifest, "tests/b"),
            "members = [\"a\", \"tests/c\"]\nc = { path = \"tests/c\" }\n"
        );
    }

    #[test]
    fn a_folder_with_something_in_it_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(refuse_full_folder(folder.path()).is_ok());
        assert!(refuse_full_folder(&folder.path().join("new")).is_ok());
        std::fs::write(folder.path().join("mine.rs"), "precious").unwrap();
        assert!(
            refuse_full_folder(folder.path()).unwrap_err().to_string().contains("nothing is overwritten")
        );
    }
}
