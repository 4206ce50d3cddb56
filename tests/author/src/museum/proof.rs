//! Proving that a bug is caught: its own check fails, for its own reason.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde::Deserialize;

use super::Bug;
use grader::check::Phase;
use grader::report::quoted;

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

/// What a run of every check says about a bug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whole {
    /// The right name comes first, and no other is given.
    Right,
    /// The right name comes first; these others are given as well.
    More(Vec<String>),
    /// Another name comes first, or none.
    Wrong(String),
}

impl Whole {
    /// What the outcomes of a whole run amount to. A check that follows from another gives no name of its own.
    pub fn of(bug: &Bug, ended: &[Ended]) -> Whole {
        let wanted = bug.card.whole.as_ref().unwrap_or(&bug.card.diagnosis);
        let mut named = ended.iter().filter(|check| check.status == "failed");
        let said = |check: &Ended| format!("{}: {}", check.id, check.bug.as_deref().unwrap_or("no name"));
        match named.next() {
            None => Whole::Wrong("no check failed".into()),
            Some(first) if first.bug.as_ref() != Some(wanted) => Whole::Wrong(said(first)),
            Some(_) => {
                let more: Vec<String> =
                    named.filter(|check| check.bug.as_ref() != Some(wanted)).map(said).collect();
                if more.is_empty() { Whole::Right } else { Whole::More(more) }
            }
        }
    }
}

/// The outcomes on one bug: alone, and in a whole run where one was asked for.
#[derive(Debug, Clone)]
pub struct Outcomes {
    /// Of the bug's own check.
    pub alone: Vec<Ended>,
    /// Of every check of its phase.
    pub whole: Option<Vec<Ended>>,
}

/// Runs the grader on a buggy server: its own check, or every check of the phase.
pub struct Prover {
    /// The `grade` binary.
    pub grade: PathBuf,
    /// The seed of every run.
    pub seed: u64,
}

impl Prover {
    /// Runs the bug's own check alone, and every check of the phase if `whole` is asked for: there its own may be blocked
    /// by another that sees the bug as well.
    ///
    /// # Errors
    /// When the grader cannot be run or its report cannot be read.
    pub fn run(&self, bug: &Bug, server: &Path, whole: bool) -> Result<Outcomes> {
        let alone = self.grade(bug, server, Some(&bug.check_id()))?;
        let whole = whole.then(|| self.grade(bug, server, None)).transpose()?;
        Ok(Outcomes { alone, whole })
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
        let program = server.display().to_string();
        let words = std::iter::once(program.as_str())
            .chain(arguments(bug.phase).iter().copied())
            .chain(bug.card.args.iter().map(String::as_str));
        if bug.card.client {
            command.arg("--client").arg(quoted(&words.map(str::to_owned).collect::<Vec<_>>()));
        } else {
            command.arg("--").args(words);
        }
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
            whole: None,
            lesson: String::new(),
            meet: String::new(),
            client: false,
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
