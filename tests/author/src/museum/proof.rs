//! Proving that a bug is caught: its own check fails, for its own reason.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde::Deserialize;

use super::Bug;
use grader::check::Phase;

/// How one check ended on one buggy server.
#[derive(Debug, Clone, Deserialize)]
pub struct Ended {
    /// `phase2.partial-header`.
    pub id: String,
    /// `passed`, `failed`, `blocked`, …
    pub status: String,
    /// The diagnosis, if it failed and knew one.
    #[serde(default)]
    pub bug: Option<String>,
    /// What the check saw.
    #[serde(default)]
    pub summary: Option<String>,
    /// Why it was not run.
    #[serde(default)]
    pub reason: Option<String>,
}

/// The verdict on a bug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Its check failed with its diagnosis.
    Caught,
    /// Its check failed with another diagnosis.
    OtherReason(String),
    /// Its check passed: either the bug does nothing or the check is blind.
    Missed,
    /// Its check could not judge.
    NotRun(String),
}

impl Verdict {
    /// What the outcome of a bug's own check amounts to.
    pub fn of(bug: &Bug, ended: &Ended) -> Verdict {
        match (ended.status.as_str(), &ended.bug) {
            ("failed", Some(said)) if *said == bug.card.diagnosis => Verdict::Caught,
            ("failed", said) => Verdict::OtherReason(format!(
                "{}: {}",
                said.as_deref().unwrap_or("no diagnosis"),
                ended.summary.as_deref().unwrap_or_default()
            )),
            ("passed", _) => Verdict::Missed,
            (status, _) => {
                Verdict::NotRun(format!("{status}: {}", ended.reason.as_deref().unwrap_or("no reason given")))
            }
        }
    }
}

/// Runs the grader on a buggy server: its own check, or every check of the phase.
pub struct Prover {
    /// The `grade` binary.
    pub grade: PathBuf,
    /// The seed of every run.
    pub seed: u64,
}

impl Prover {
    /// The outcomes, in the grader's order. With `every_check` those of the whole phase, but the bug's own check is run
    /// alone all the same: in a whole run it may be blocked by another that sees the bug as well.
    ///
    /// # Errors
    /// When the grader cannot be run or its report cannot be read.
    pub fn run(&self, bug: &Bug, server: &Path, every_check: bool) -> Result<Vec<Ended>> {
        let own = self.grade(bug, server, Some(&bug.check_id()))?;
        if !every_check {
            return Ok(own);
        }
        let mut ended = self.grade(bug, server, None)?;
        for check in own {
            match ended.iter_mut().find(|other| other.id == check.id) {
                Some(other) => *other = check,
                None => ended.push(check),
            }
        }
        Ok(ended)
    }

    fn grade(&self, bug: &Bug, server: &Path, only: Option<&str>) -> Result<Vec<Ended>> {
        #[derive(Deserialize)]
        struct Report {
            checks: Vec<Ended>,
        }
        let report = tempfile::NamedTempFile::new()?;
        let mut command = Command::new(&self.grade);
        command.arg(bug.phase.name()).args(["--strace", "--jobs", "2", "--seed", &self.seed.to_string()]);
        command.arg(format!("--format=json={}", report.path().display()));
        if let Some(check) = only {
            command.args(["--only", check]);
        }
        command.arg("--").arg(server).args(arguments(bug.phase)).args(&bug.card.args);
        let output = command.stdin(Stdio::null()).output().context("the grader could not be started")?;
        let text = std::fs::read_to_string(report.path())?;
        let report: Report = serde_json::from_str(&text).with_context(|| {
            format!("the grader wrote no report:\n{}", String::from_utf8_lossy(&output.stderr))
        })?;
        Ok(report.checks)
    }
}

fn arguments(phase: Phase) -> &'static [&'static str] {
    match phase {
        Phase::Keyspace => &["--port", "{port}", "--framed-port", "{framed_port}", "--dir", "{dir}"],
        _ => &["--port", "{port}"],
    }
}

#[cfg(test)]
mod tests {
    use super::super::Card;
    use super::*;

    fn verdict(status: &str, said: Option<&str>) -> Verdict {
        let card = Card {
            title: String::new(),
            catalogue: 2,
            check: "short-write".into(),
            diagnosis: "short write ignored".into(),
            lesson: String::new(),
            meet: String::new(),
            args: Vec::new(),
            example: None,
            edit: Vec::new(),
        };
        let bug = Bug { name: "b".into(), phase: Phase::Echo, card };
        let ended = Ended {
            id: bug.check_id(),
            status: status.into(),
            bug: said.map(str::to_owned),
            summary: None,
            reason: None,
        };
        Verdict::of(&bug, &ended)
    }

    #[test]
    fn only_the_named_reason_counts() {
        assert_eq!(verdict("failed", Some("short write ignored")), Verdict::Caught);
        assert!(matches!(verdict("failed", Some("something else")), Verdict::OtherReason(_)));
        assert!(matches!(verdict("failed", None), Verdict::OtherReason(_)));
        assert_eq!(verdict("passed", None), Verdict::Missed);
        assert!(matches!(verdict("not run", None), Verdict::NotRun(_)));
    }
}
