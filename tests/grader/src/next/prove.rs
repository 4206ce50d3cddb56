//! Whether the steps that have been written work: the unit tests and the checks that belong to them.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser as _;

use crate::check::Phase;
use crate::cli;
use crate::report::{Run, RunVerdict};
use crate::runner;
use crate::steps::Step;
use crate::target::{Output, Process};
use crate::workspace;

/// The longest that unit tests may take; they are made for a fraction of a second.
const TEST_LIMIT: Duration = Duration::from_secs(60);

/// What came of it.
pub struct Proof {
    /// The checks' results; absent where no check belongs to the steps, or a unit test failed before.
    pub run: Option<Run>,
    /// Unit tests that failed, and what they said.
    pub failed_tests: Vec<String>,
    /// What `cargo test` printed, if one failed.
    pub test_output: String,
}

impl Proof {
    /// Whether everything is as it should be.
    #[must_use]
    pub fn holds(&self) -> bool {
        let graded = self.run.as_ref().is_none_or(|run| run.verdict() != RunVerdict::Failed);
        self.failed_tests.is_empty() && graded
    }

    /// Whether a step has a red test or check.
    #[must_use]
    pub fn refutes(&self, step: &Step) -> bool {
        let red = |name: &String| {
            let results = self.run.iter().flat_map(|run| &run.results);
            let mut of_name = results.filter(|result| result.check.name == name);
            of_name.any(|result| !matches!(result.status.word(), "passed" | "not run"))
        };
        step.tests.iter().any(|name| self.failed_tests.contains(name)) || step.checks.iter().any(red)
    }
}

/// Runs the unit tests of the steps that are not `done`, and if they pass, the checks of all of them.
///
/// # Errors
/// When the workspace does not compile, or nothing can be graded here.
pub fn steps(root: &Path, phase: Phase, steps: &[&Step], done: &[String], seed: u64) -> Result<Proof> {
    // A crate is compiled once more for its unit tests, so those that have passed are left to the end of the phase.
    let fresh = steps.iter().filter(|step| !done.contains(&step.number));
    let tests: Vec<&str> = fresh.flat_map(|step| &step.tests).map(String::as_str).collect();
    let mut proof = Proof { run: None, failed_tests: Vec::new(), test_output: String::new() };
    (proof.failed_tests, proof.test_output) = failed_tests(root, phase, &tests)?;
    let checks: Vec<String> =
        steps.iter().flat_map(|step| &step.checks).map(|name| format!("{phase}.{name}")).collect();
    if proof.failed_tests.is_empty() && !checks.is_empty() {
        proof.run = Some(grade(phase, &["--only", &checks.join(",")], seed, &|_| ())?);
    }
    Ok(proof)
}

/// A grade of this workspace's own programs. It must be the current directory.
///
/// # Errors
/// As [`steps`].
pub fn grade(
    phase: Phase,
    more: &[&str],
    seed: u64,
    on_event: &(dyn Fn(&runner::Event<'_>) + Sync),
) -> Result<Run> {
    let seed = seed.to_string();
    let words = ["grade", phase.name(), "--seed", &seed].into_iter().chain(more.iter().copied());
    let plan = cli::plan(&cli::Arguments::try_parse_from(words).context("grading")?)?;
    Ok(runner::run(&plan, on_event))
}

/// Which of these unit tests of the phase's crate fail, and what they printed. A body that never returns fails, too.
///
/// # Errors
/// When the crate does not compile; the compiler's own messages go to stderr.
pub fn failed_tests(root: &Path, phase: Phase, names: &[&str]) -> Result<(Vec<String>, String)> {
    if names.is_empty() {
        return Ok((Vec::new(), String::new()));
    }
    let program = workspace::build_tests(root, workspace::package(phase))?;
    let mut command = Command::new(program);
    command.arg("--exact").args(names).current_dir(root).env_remove("RUST_BACKTRACE");
    let process = Process::spawn(&mut command, TEST_LIMIT, Output::whole(), Output::default())
        .context("the unit tests do not start")?;
    let ended = process.wait_end(TEST_LIMIT);
    process.kill();
    process.stdout().wait_to_the_end(TEST_LIMIT);
    let mut said = process.stdout().text();
    let passed = |name: &str| said.lines().any(|line| line == format!("test {name} ... ok"));
    let failed: Vec<String> =
        names.iter().filter(|name| !passed(name)).map(|name| (*name).to_owned()).collect();
    for name in failed.iter().filter(|_| ended.is_none()) {
        said += &format!("\n---- {name} stdout ----\nno result after {} s\n\n", TEST_LIMIT.as_secs());
    }
    Ok((failed, said))
}
