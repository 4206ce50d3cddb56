//! Whether the steps that have been written work: the unit tests and the checks that belong to them.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::Parser as _;

use crate::check::Phase;
use crate::cli;
use crate::report::{Run, RunVerdict};
use crate::runner;
use crate::steps::Step;
use crate::workspace;

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

/// Runs the unit tests of the steps, and if they pass, their checks.
///
/// # Errors
/// When the workspace does not compile, or nothing can be graded here.
pub fn steps(root: &Path, phase: Phase, steps: &[&Step], seed: u64) -> Result<Proof> {
    let tests: Vec<&str> = steps.iter().flat_map(|step| &step.tests).map(String::as_str).collect();
    let mut proof = Proof { run: None, failed_tests: Vec::new(), test_output: String::new() };
    if !tests.is_empty() {
        run_tests(root, phase, &tests, &mut proof)?;
    }
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

fn run_tests(root: &Path, phase: Phase, names: &[&str], proof: &mut Proof) -> Result<()> {
    let package = workspace::package(phase);
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(root)
        .args(["test", "--package", package, "--lib", "--", "--exact"])
        .args(names)
        .env_remove("RUST_BACKTRACE")
        .output()
        .context("cargo could not be started")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !said.contains("\ntest result: ") {
        bail!("{package} does not compile:\n{}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    let passed = |name: &&&str| said.lines().any(|line| line == format!("test {name} ... ok"));
    proof.failed_tests = names.iter().filter(|name| !passed(name)).map(|name| (*name).to_owned()).collect();
    proof.test_output = said;
    Ok(())
}
