//! `cargo handout`: the student's starter workspace, made from the one source of truth.
//!
//! Phases before the chosen one come whole; in the chosen one every `*-body` region is replaced by a `todo!` that names its
//! step, and the unit tests beside such a region are dropped, because they tell the answer. The grader comes along.

pub mod course;
mod language;
pub mod strip;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use course::Course;
use grader::check::Phase;
pub use language::{Language, write_skeleton};

const CRATES: [&str; 4] = ["phase1-echo", "phase2-framing", "phase3-eventloop", "phase4-keyspace"];

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
    refuse_full_folder(target)?;
    let course = Course::load(root)?;
    let last = Phase::ALL.iter().position(|p| *p == phase).expect("a phase is one of all phases");
    for (index, name) in CRATES.iter().enumerate().take(last + 1) {
        let steps = if index == last && edition == Edition::Student { course.of(phase) } else { Vec::new() };
        copy_crate(&root.join(name), &target.join(name), &steps)?;
    }
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
    ] {
        copy_file(&root.join(file), &target.join(file))?;
    }
    write_file(&target.join("Cargo.toml"), &manifest(root, last)?)?;
    write_file(
        &target.join(".cargo/config.toml"),
        "[alias]\ngrade = \"run --quiet --package grader --bin grade --\"\n",
    )?;
    write_file(&target.join("README.md"), &readme(phase, edition, &course))?;
    write_file(&target.join("TASKS.md"), &tasks(root, phase, &course)?)
}

fn refuse_full_folder(target: &Path) -> Result<()> {
    let full = std::fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_some());
    if full {
        bail!("{} holds something already: name a new folder, nothing is overwritten", target.display());
    }
    Ok(())
}

fn copy_crate(from: &Path, to: &Path, steps: &[&course::Step]) -> Result<()> {
    let mut missing: Vec<&str> = steps.iter().map(|step| step.anchor.as_str()).collect();
    for file in files_below(from)? {
        let relative = file.strip_prefix(from).expect("listed below it");
        if relative.extension().is_none_or(|ending| ending != "rs") {
            copy_file(&file, &to.join(relative))?;
            continue;
        }
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let emptied = strip::empty_regions(&text, steps).with_context(|| file.display().to_string())?;
        missing.retain(|anchor| !emptied.anchors.iter().any(|emptied| emptied == anchor));
        if emptied.anchors.is_empty() {
            write_file(&to.join(relative), &strip::without_marks(&text))?;
        } else {
            write_file(&to.join(relative), &strip::without_marks(&strip::without_tests(&emptied.text)))?;
        }
    }
    if let Some(anchor) = missing.first() {
        bail!("course.toml names the region {anchor}, which no file of {} holds", from.display());
    }
    drop_orphaned_tests(to)
}

/// `x/tests.rs` whose `mod tests;` was dropped from `x.rs`.
fn drop_orphaned_tests(crate_folder: &Path) -> Result<()> {
    for file in files_below(crate_folder)? {
        if file.file_name().is_some_and(|name| name == "tests.rs") {
            let module = file.parent().map(|folder| folder.with_extension("rs")).unwrap_or_default();
            let declared = std::fs::read_to_string(&module).is_ok_and(|text| text.contains("mod tests;"));
            if module.is_file() && !declared {
                std::fs::remove_file(&file)?;
            }
        }
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    for file in files_below(from)? {
        copy_file(&file, &to.join(file.strip_prefix(from).expect("listed below it")))?;
    }
    Ok(())
}

fn manifest(root: &Path, last: usize) -> Result<String> {
    let mut text = std::fs::read_to_string(root.join("Cargo.toml")).context("Cargo.toml")?;
    for folder in CRATES[last + 1..].iter().chain(&NOT_FOR_STUDENTS) {
        text = without_package(&text, folder);
    }
    text = text.replace("starts the phase 4 server", &format!("starts the phase {} server", last + 1));
    text = text.replace(
        "default-members = [\"phase4-keyspace\"]",
        &format!("default-members = [\"{}\"]", CRATES[last]),
    );
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

fn readme(phase: Phase, edition: Edition, course: &Course) -> String {
    let name = phase.name();
    let steps = course.of(phase);
    let list: String = steps
        .iter()
        .map(|step| format!("| {} | {} | `docs` chapter `{}` |\n", step.number, step.title, step.chapter))
        .collect();
    let what = match edition {
        Edition::Student => "Bodies marked `todo!(\"step …\")` are yours to write; everything else is given.",
        Edition::Solution => "This is the instructor's edition: the bodies are in place.",
    };
    format!(
        "# {}\n\n{what}\n\n\
         ```console\n$ cargo build                     # it compiles as it is\n$ cargo grade {name}             # and fails: that is where you start\n\
         $ cargo grade {name} --hint 1    # a nudge for each failure; 2 and 3 say more\n$ cargo grade {name} --watch     # grades again whenever you save\n```\n\n\
         Find the next step with `grep -rn todo! {crate_name}/src`. `TASKS.md` holds each chapter's task. The grader looks at \
         your programs from outside, through their sockets; `cargo grade --explain CHECK` says what a check wants and why.\n\n\
         | step | what to write | chapter |\n|---|---|---|\n{list}",
        phase.title(),
        crate_name =
            CRATES[Phase::ALL.iter().position(|p| *p == phase).expect("a phase is one of all phases")],
    )
}

/// The `Task` sections of the phase's chapters, in the order of the steps.
fn tasks(root: &Path, phase: Phase, course: &Course) -> Result<String> {
    let mut text = format!("# Tasks of {}\n", phase.title());
    let mut seen: Vec<&str> = Vec::new();
    for step in course.of(phase) {
        if seen.contains(&step.chapter.as_str()) {
            continue;
        }
        seen.push(&step.chapter);
        let file = root.join("docs/src").join(&step.chapter);
        let chapter = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let title = chapter.lines().next().unwrap_or_default().trim_start_matches("# ");
        text += &format!("\n## {title}\n\n{}\n", section(&chapter, "## Task").unwrap_or("See the chapter."));
    }
    Ok(text)
}

fn section<'a>(chapter: &'a str, heading: &str) -> Option<&'a str> {
    let begin = chapter.find(&format!("\n{heading}\n"))? + heading.len() + 2;
    let rest = &chapter[begin..];
    let end = rest.find("\n## ").unwrap_or(rest.len());
    Some(rest[..end].trim())
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
    fn a_chapters_task_ends_at_the_next_heading() {
        let chapter = "# Title\n\ntext\n\n## Task\n\nWrite it.\n\n## How it is graded\n\nSo.\n";
        assert_eq!(section(chapter, "## Task"), Some("Write it."));
        assert_eq!(section(chapter, "## Lab"), None);
    }

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
