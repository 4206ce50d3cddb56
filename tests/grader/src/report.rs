//! The results of a run, and the formats in which they are written down.

mod autolab;
mod classroom;
mod destination;
pub mod explain;
mod gradescope;
pub mod invocation;
mod json;
mod junit;
mod markdown;
pub mod text;

use std::time::Duration;

use crate::check::{Check, Failure, Phase, Subject};
use crate::course::Visibility;
use crate::stages::{self, Stage};
pub use destination::{Destination, Format, write_file, write_partial};

/// The results of one run against one server.
#[derive(Debug, Clone)]
pub struct Run {
    /// The phase that was graded.
    pub phase: Phase,
    /// The command under test, as given.
    pub command: Vec<String>,
    /// The client's command under test, as given.
    pub client_command: Option<String>,
    /// The seed from which every payload came.
    pub seed: u64,
    /// The student, where the run is somebody's.
    pub student: Option<String>,
    /// Facts about the run as a whole: a real Redis noticed, a server that prints megabytes.
    pub notices: Vec<String>,
    /// Points that can be earned in all.
    pub possible: f64,
    /// One result per check, in the checks' order. Checks still to come are absent while the run goes on.
    pub results: Vec<CheckResult>,
    /// Wall-clock time so far.
    pub duration: Duration,
    /// False in a partial report, written while the run goes on.
    pub finished: bool,
}

/// One check's result.
#[derive(Debug, Clone)]
pub struct CheckResult {
    /// The check.
    pub check: &'static Check,
    /// The phase in which it ran.
    pub phase: Phase,
    /// What came of it.
    pub status: Status,
    /// Points it is worth in this suite.
    pub points: f64,
    /// Who may see it.
    pub visibility: Visibility,
    /// Wall-clock time.
    pub duration: Duration,
}

/// What a run amounts to, and with it the exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunVerdict {
    /// Every check that counts passed: 0.
    Passed,
    /// A check failed, or was blocked: 1.
    Failed,
    /// Nothing failed, and something that counts could not be judged: 2.
    NotJudged,
}

/// What came of a check.
#[derive(Debug, Clone)]
pub enum Status {
    /// The server did what it should.
    Passed,
    /// It did not.
    Failed(Box<Failure>),
    /// It did not, for the reason for which the named check failed: one bug, charged there.
    Follows(String, Box<Failure>),
    /// Not tried: the failure of the named check explains whatever would fail here.
    Blocked(String),
    /// Not tried: it needs these commands, which the server does not know.
    Missing(Vec<&'static str>),
    /// Not tried, and why.
    NotRun(String),
    /// The grader or the machine failed; says nothing about the server.
    Infrastructure(String),
}

impl Status {
    /// The word used in every format.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "failed",
            Self::Follows(..) => "follows",
            Self::Blocked(_) | Self::Missing(_) => "blocked",
            Self::NotRun(_) => "not run",
            Self::Infrastructure(_) => "infrastructure error",
        }
    }
}

impl CheckResult {
    /// `phase2.partial-header`.
    #[must_use]
    pub fn id(&self) -> String {
        self.check.id(self.phase)
    }

    /// Points earned, and points that can be earned: the second does not depend on what became of the check.
    #[must_use]
    pub fn score(&self) -> (f64, f64) {
        let earned = if matches!(self.status, Status::Passed) { self.points } else { 0.0 };
        (earned, self.points)
    }
}

impl Run {
    /// Points earned, and points that could be: those of every check that was chosen, whatever became of it.
    #[must_use]
    pub fn score(&self) -> (f64, f64) {
        (self.results.iter().map(|result| result.score().0).sum(), self.possible)
    }

    /// The same for each stage that has a check in this run.
    #[must_use]
    pub fn stages(&self) -> Vec<(&'static Stage, f64, f64)> {
        let sum = |stage: &Stage| {
            let of_stage = |result: &&CheckResult| stages::of_check(self.phase, result.check) == stage;
            let scores = self.results.iter().filter(of_stage).map(CheckResult::score);
            scores.fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
        };
        let all = stages::of(self.phase).iter().map(|stage| (stage, sum(stage)));
        all.filter(|(_, (_, possible))| *possible > 0.0)
            .map(|(stage, (earned, max))| (stage, earned, max))
            .collect()
    }

    /// How many results have this status word.
    #[must_use]
    pub fn count(&self, word: &str) -> usize {
        self.results.iter().filter(|result| result.status.word() == word).count()
    }

    /// True when every check that counts passed.
    #[must_use]
    pub fn all_passed(&self) -> bool {
        self.verdict() == RunVerdict::Passed
    }

    /// What the run as a whole amounts to.
    #[must_use]
    pub fn verdict(&self) -> RunVerdict {
        let mut verdict = RunVerdict::Passed;
        for result in &self.results {
            match result.status {
                Status::Passed => {}
                Status::Failed(_) | Status::Follows(..) | Status::Blocked(_) | Status::Missing(_) => {
                    return RunVerdict::Failed;
                }
                // What this run leaves out from the start is worth nothing in it.
                Status::NotRun(_) if result.points == 0.0 => {}
                Status::NotRun(_) | Status::Infrastructure(_) => verdict = RunVerdict::NotJudged,
            }
        }
        verdict
    }

    /// The command that runs one check again with the same bytes.
    #[must_use]
    pub fn replay(&self, result: &CheckResult) -> String {
        let needs_strace = result.check.needs.contains(&crate::check::Need::Strace);
        let mut line = format!(
            "{} {} --only {} --seed {}",
            invocation::this_program(),
            self.phase,
            result.check.name,
            self.seed
        );
        if needs_strace {
            line.push_str(" --strace");
        }
        if let (Subject::Client, Some(client)) = (result.check.subject, &self.client_command) {
            line.push_str(" --client ");
            line.push_str(&quoted(std::slice::from_ref(client)));
        } else if !self.command.is_empty() {
            line.push_str(" -- ");
            line.push_str(&quoted(&self.command));
        }
        line
    }
}

/// A command line that a shell reads back as these arguments.
#[must_use]
pub fn quoted(argv: &[String]) -> String {
    let quote = |arg: &String| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./={}:,+@%".contains(&byte);
        if !arg.is_empty() && arg.bytes().all(plain) {
            arg.clone()
        } else {
            format!("'{}'", arg.replace('\'', r"'\''"))
        }
    };
    argv.iter().map(quote).collect::<Vec<_>>().join(" ")
}

/// How a report is to look.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// ANSI colours.
    pub colour: bool,
    /// How many hints to show with each failure, 0 to 3.
    pub hints: usize,
}

impl Run {
    /// The run in a format.
    #[must_use]
    pub fn render(&self, format: Format, style: Style) -> String {
        match format {
            Format::Text => text::render(self, style),
            Format::Json => json::render(self),
            Format::Gradescope => gradescope::render(self, style),
            Format::Classroom50 => classroom::render_50(self),
            Format::ClassroomLegacy => classroom::render_legacy(self, style),
            Format::Autolab => autolab::render(self),
            Format::Junit => junit::render(self, style),
            Format::Markdown => markdown::render(self, style),
        }
    }
}

#[cfg(test)]
mod tests;
