//! The ladder: with the first k steps of a phase written, the server lives and every check and unit test of those steps passes,
//! and those of the next step are still red.
//!
//! Each rung is a handout of its own, laid into one folder so that only what differs is compiled again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::handout::course::{Course, Step};
use crate::handout::{files_below, write_rung};
use grader::check::Phase;
use grader::next::prove;

/// What was seen on one rung.
#[derive(Debug)]
pub struct Rung {
    /// How many steps are written.
    pub written: usize,
    /// Names of the checks that passed.
    pub passed: BTreeSet<String>,
    /// Names of the unit tests that passed, of those that belong to a step.
    pub green: BTreeSet<String>,
    /// How long it took.
    pub took: Duration,
}

impl Rung {
    /// What is not as the course says.
    #[must_use]
    pub fn complaints(&self, steps: &[&Step]) -> Vec<String> {
        let mut complaints = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            let is_written = at < self.written;
            let checks = step.checks.iter().map(|name| (name, self.passed.contains(name)));
            let tests = step.tests.iter().map(|name| (name, self.green.contains(name)));
            for (name, is_green) in checks.chain(tests).filter(|(_, is_green)| *is_green != is_written) {
                let how = if is_green { "is green already" } else { "is red" };
                complaints
                    .push(format!("{} steps written: {name} of step {} {how}", self.written, step.number));
            }
        }
        complaints
    }
}

/// Climbs the rungs of a phase and tells of each. Rung 0 is the handout itself.
///
/// # Errors
/// When a rung does not compile or cannot be graded.
pub fn climb(
    root: &Path,
    phase: Phase,
    rungs: impl IntoIterator<Item = usize>,
    mut tell: impl FnMut(&Rung),
) -> Result<()> {
    let course = Course::load(root)?;
    let steps = course.of(phase);
    let tests: Vec<&str> = steps.iter().flat_map(|step| &step.tests).map(String::as_str).collect();
    let workspace = root.join("target/ladder").join(phase.name());
    for written in rungs {
        let started = Instant::now();
        lay(root, phase, written, &workspace)?;
        // The grader builds and grades the workspace around it.
        std::env::set_current_dir(&workspace).with_context(|| workspace.display().to_string())?;
        let failed = prove::failed_tests(&workspace, phase, &tests)?.0;
        let (below, above) = steps.split_at(written.min(steps.len()));
        // Apart, as `cargo next` does it: what is red above would keep others from being tried.
        let mut passed = passing(phase, below)?;
        passed.extend(passing(phase, &above[..above.len().min(1)])?);
        tell(&Rung {
            written,
            passed,
            green: tests
                .iter()
                .map(|name| (*name).to_owned())
                .filter(|name| !failed.contains(name))
                .collect(),
            took: started.elapsed(),
        });
    }
    Ok(())
}

/// The names of the steps' checks that pass.
fn passing(phase: Phase, steps: &[&Step]) -> Result<BTreeSet<String>> {
    let names: Vec<String> =
        steps.iter().flat_map(|step| &step.checks).map(|name| format!("{phase}.{name}")).collect();
    if names.is_empty() {
        return Ok(BTreeSet::new());
    }
    let run = prove::grade(phase, &["--timeout", "600", "--only", &names.join(",")], 1, &|_| ())?;
    let passed = run.results.iter().filter(|result| result.status.word() == "passed");
    Ok(passed.map(|result| result.check.name.to_owned()).collect())
}

/// Writes a rung and changes of the folder only what differs, so that little is compiled again.
fn lay(root: &Path, phase: Phase, written: usize, workspace: &Path) -> Result<()> {
    let fresh = tempfile::tempdir().context("room for a rung")?;
    let rung = fresh.path().join("rung");
    write_rung(root, phase, written, &rung)?;
    let files = relative(&rung)?;
    for old in relative(workspace)?.difference(&files).filter(|file| !file.starts_with("target")) {
        std::fs::remove_file(workspace.join(old))?;
    }
    for file in &files {
        let (from, to) = (rung.join(file), workspace.join(file));
        let text = std::fs::read(&from)?;
        if std::fs::read(&to).ok().as_ref() != Some(&text) {
            std::fs::create_dir_all(to.parent().unwrap_or(workspace))?;
            std::fs::write(&to, text)?;
        }
    }
    Ok(())
}

fn relative(folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let all = files_below(folder)?.into_iter();
    Ok(all.filter_map(|file| Some(file.strip_prefix(folder).ok()?.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rung_complains_of_what_is_red_below_and_green_above() {
        let step = |number: &str, check: &str| Step {
            number: number.into(),
            checks: vec![check.into()],
            tests: vec![format!("test_of_{check}")],
            ..Step::default()
        };
        let (low, high) = (step("1.1", "low"), step("1.2", "high"));
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let mut rung = Rung {
            written: 1,
            passed: names(&["low"]),
            green: names(&["test_of_low"]),
            took: Duration::ZERO,
        };
        assert_eq!(rung.complaints(&[&low, &high]), Vec::<String>::new());
        rung.passed = names(&["high"]);
        assert_eq!(
            rung.complaints(&[&low, &high]),
            ["1 steps written: low of step 1.1 is red", "1 steps written: high of step 1.2 is green already"]
        );
    }
}
