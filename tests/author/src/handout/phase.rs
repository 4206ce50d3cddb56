//! One phase's crate, on its way from the course to a learner.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::course::{Course, Step};
use super::{copy_file, files_below, strip, texts, write_file};
use grader::check::Phase;
use grader::workspace::package;

/// Copies a phase's crate into the workspace `target`, with the bodies of `open` missing.
pub(super) fn copy(root: &Path, phase: Phase, open: &[&Step], target: &Path) -> Result<()> {
    copy_crate(&root.join(package(phase)), &target.join(package(phase)), open)
}

/// What the phase's chapters ask for, beside its sources.
pub(super) fn write_tasks(root: &Path, phase: Phase, course: &Course, target: &Path) -> Result<()> {
    write_file(&target.join(package(phase)).join("TASKS.md"), &texts::tasks(root, phase, course)?)
}

/// Writes the course's own body of one step into a learner's workspace, where its stub stands.
///
/// # Errors
/// When the step is not open there.
pub fn write_body(root: &Path, step: &Step, workspace: &Path) -> Result<()> {
    let package = package(step.phase().context("the step of a phase")?);
    let (begin, end) = (format!("// ANCHOR: {}", step.anchor), format!("// ANCHOR_END: {}", step.anchor));
    for file in files_below(&root.join(package))? {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let at = |mark: &str| lines.iter().position(|line| line.trim() == mark);
        let (Some(begin), Some(end)) = (at(&begin), at(&end)) else { continue };
        let mine = workspace.join(file.strip_prefix(root).expect("listed below it"));
        let text = std::fs::read_to_string(&mine).with_context(|| mine.display().to_string())?;
        let mut text: Vec<&str> = text.lines().collect();
        let stub =
            text.iter().position(|line| step.is_open_in(line)).context("the step is written already")?;
        text.splice(stub..stub + step.placeholder().len(), lines[begin + 1..end].iter().copied());
        return write_file(&mine, &strip::without_marks(&text.join("\n")));
    }
    bail!("no source holds the region {}", step.anchor)
}

fn copy_crate(from: &Path, to: &Path, open: &[&Step]) -> Result<()> {
    let mut missing: Vec<&str> = open.iter().map(|step| step.anchor.as_str()).collect();
    for file in files_below(from)? {
        let relative = file.strip_prefix(from).expect("listed below it");
        if relative.extension().is_none_or(|ending| ending != "rs") {
            copy_file(&file, &to.join(relative))?;
            continue;
        }
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let emptied = strip::empty_regions(&text, open).with_context(|| file.display().to_string())?;
        missing.retain(|anchor| !emptied.anchors.iter().any(|emptied| emptied == anchor));
        // Tests tell the answer, but for those that a step names because no socket shows what they show.
        let named = open.iter().any(|step| emptied.anchors.contains(&step.anchor) && !step.tests.is_empty());
        let keeps_tests = emptied.anchors.is_empty() || named;
        let text = if keeps_tests { emptied.text } else { strip::without_tests(&emptied.text) };
        write_file(&to.join(relative), &strip::without_marks(&text))?;
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
