//! Runs checks against a server: blockers first, several at once, each with a fresh server and within its time, whatever the
//! server does.

mod board;
mod causes;
mod settle;

use std::time::Duration;

use crate::check::{Check, Need, Phase};
use crate::course::Chosen;
use crate::procfs;
use crate::report::{CheckResult, Run, Status};
use crate::strace::Tracing;
use crate::target::Launch;
use board::Board;

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The phase.
    pub phase: Phase,
    /// The checks, as the suite and `--only` left them.
    pub checks: Vec<Chosen>,
    /// How the server is started.
    pub launch: Launch,
    /// How the client under test is started, where one is graded.
    pub client: Option<Launch>,
    /// The client's command as the learner would type it; absent for the workspace's own client.
    pub client_command: Option<String>,
    /// What this run leaves out, for the report.
    pub notice: Option<String>,
    /// The command as the learner would type it for a replay; empty for the workspace's own server.
    pub command: Vec<String>,
    /// The seed.
    pub seed: u64,
    /// Whose server this is.
    pub student: Option<String>,
    /// How many checks run at once, each with a server of its own.
    pub jobs: usize,
    /// When the whole run ends; what is left is reported as not run.
    pub timeout: Duration,
    /// Whether strace may be used.
    pub tracing: Tracing,
}

/// What happens while a run goes on.
#[derive(Debug)]
pub enum Event<'a> {
    /// A check begins.
    Started(&'static Check),
    /// A check has ended; the run so far.
    Ended(&'a CheckResult, &'a Run),
}

/// Runs the plan; `on_event` is called from one thread at a time.
pub fn run(plan: &Plan, on_event: &(dyn Fn(&Event<'_>) + Sync)) -> Run {
    let board = Board::new(plan, on_event);
    std::thread::scope(|scope| {
        for _ in 0..plan.jobs.max(1) {
            scope.spawn(|| board.work());
        }
    });
    board.into_run()
}

/// The run of a server that could not be built or started: nothing is tried, the maximum is everybody's.
#[must_use]
pub fn not_tried(plan: &Plan, why: &str) -> Run {
    let result = |chosen: &Chosen| {
        let left_out = missing(chosen.check, &plan.tracing);
        CheckResult {
            check: chosen.check,
            phase: plan.phase,
            points: if left_out.is_some() { 0.0 } else { chosen.points },
            status: Status::NotRun(left_out.unwrap_or_else(|| "there was no server to try it on".to_owned())),
            visibility: chosen.visibility,
            duration: Duration::ZERO,
        }
    };
    Run {
        phase: plan.phase,
        command: plan.command.clone(),
        client_command: plan.client_command.clone(),
        seed: plan.seed,
        student: plan.student.clone(),
        notices: plan.notice.iter().cloned().chain([format!("not graded: {why}")]).collect(),
        possible: possible(plan),
        results: plan.checks.iter().map(result).collect(),
        duration: Duration::ZERO,
        finished: true,
    }
}

/// Points that a run of this plan can earn: those of every check, but for what is left out from the start. They depend on
/// the plan and the machine, and on nothing that a server does.
#[must_use]
pub fn possible(plan: &Plan) -> f64 {
    let counts = |chosen: &&Chosen| missing(chosen.check, &plan.tracing).is_none();
    plan.checks.iter().filter(counts).map(|chosen| chosen.points).sum()
}

fn missing(check: &Check, tracing: &Tracing) -> Option<String> {
    check.needs.iter().find_map(|need| match (need, tracing) {
        (Need::Strace, Tracing::Unavailable(why)) => Some(why.clone()),
        (Need::Strace, Tracing::Available) => None,
        (Need::Proc, _) => procfs::stat(std::process::id().cast_signed())
            .is_none()
            .then(|| "/proc cannot be read here".to_owned()),
    })
}
