//! Runs checks against a server: blockers first, several at once, each with a fresh server and within its time, whatever the
//! server does.

mod causes;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::check::{Check, Context, Failure, Kind, Need, Outcome, Phase, Verdict};
use crate::checks;
use crate::checks::phase4::Vocabulary;
use crate::client::note_death;
use crate::course::Chosen;
use crate::diagnosis;
use crate::identity;
use crate::procfs;
use crate::report::{CheckResult, Run, Status};
use crate::strace::Tracing;
use crate::target::{Launch, Shared, StartError, Target};

/// The longest a single check may take.
const CHECK_LIMIT: Duration = Duration::from_secs(40);

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
    let board = Board {
        plan,
        possible: possible(plan),
        left_out: plan.checks.iter().map(|chosen| missing(chosen.check, &plan.tracing)).collect(),
        started: Instant::now(),
        state: Mutex::new(State {
            pending: (0..plan.checks.len()).collect(),
            running: Vec::new(),
            done: HashMap::new(),
            notices: plan.notice.iter().cloned().collect(),
        }),
        changed: Condvar::new(),
        asked: AtomicBool::new(false),
        vocabulary: Vocabulary::default(),
        on_event,
    };
    std::thread::scope(|scope| {
        for _ in 0..plan.jobs.max(1) {
            scope.spawn(|| board.work());
        }
    });
    let mut state = lock(&board.state);
    causes::regroup(&mut state.done, plan);
    Run { finished: true, ..board.so_far(&state) }
}

/// Points that a run of this plan can earn: those of every check, but for what is left out from the start. They depend on
/// the plan and the machine, and on nothing that a server does.
#[must_use]
pub fn possible(plan: &Plan) -> f64 {
    let counts = |chosen: &&Chosen| missing(chosen.check, &plan.tracing).is_none();
    plan.checks.iter().filter(counts).map(|chosen| chosen.points).sum()
}

struct Board<'a> {
    plan: &'a Plan,
    started: Instant,
    /// Why a check takes no part in this run, by what was known before the first server was started.
    left_out: Vec<Option<String>>,
    /// Points of all the others.
    possible: f64,
    state: Mutex<State>,
    changed: Condvar,
    /// Whether the server has been asked who it is.
    asked: AtomicBool,
    /// What a key-value server understands.
    vocabulary: Vocabulary,
    on_event: &'a (dyn Fn(&Event<'_>) + Sync),
}

struct State {
    pending: Vec<usize>,
    running: Vec<usize>,
    done: HashMap<usize, CheckResult>,
    notices: Vec<String>,
}

enum Next {
    Run(usize),
    Settle(usize, Status),
    Wait,
    Finished,
}

impl Board<'_> {
    /// One worker: takes checks until none is left.
    fn work(&self) {
        loop {
            let mut state = lock(&self.state);
            let (index, status) = match self.next(&state) {
                Next::Finished => return,
                Next::Wait => {
                    drop(self.changed.wait(state));
                    continue;
                }
                Next::Settle(index, status) => (index, Some(status)),
                Next::Run(index) => (index, None),
            };
            state.pending.retain(|pending| *pending != index);
            if let Some(status) = status {
                self.finish(state, index, status, Duration::ZERO);
                continue;
            }
            state.running.push(index);
            (self.on_event)(&Event::Started(self.plan.checks[index].check));
            drop(state);
            let began = Instant::now();
            let (status, notices) = self.try_check(self.plan.checks[index].check);
            let mut state = lock(&self.state);
            state.running.retain(|running| *running != index);
            for notice in notices {
                if !state.notices.contains(&notice) {
                    state.notices.push(notice);
                }
            }
            self.finish(state, index, status, began.elapsed());
        }
    }

    fn next(&self, state: &State) -> Next {
        let Some(&first) = state.pending.first() else { return Next::Finished };
        let left_out = state.pending.iter().find_map(|index| Some((*index, self.left_out[*index].clone()?)));
        if let Some((index, why)) = left_out {
            return Next::Settle(index, Status::NotRun(why));
        }
        if self.started.elapsed() >= self.plan.timeout {
            return Next::Settle(first, Status::NotRun(self.time_is_up()));
        }
        'pending: for &index in &state.pending {
            let check = self.plan.checks[index].check;
            for name in checks::explainers(check).into_iter().chain(checks::blockers(self.plan.phase, check))
            {
                let chosen = self.plan.checks.iter().position(|other| other.check.name == name);
                if chosen.is_some_and(|earlier| !state.done.contains_key(&earlier)) {
                    continue 'pending;
                }
            }
            return self.blocked(state, check).map_or(Next::Run(index), |status| Next::Settle(index, status));
        }
        Next::Wait
    }

    /// Why a check whose turn it is need not be tried.
    fn blocked(&self, state: &State, check: &Check) -> Option<Status> {
        for name in checks::blockers(self.plan.phase, check) {
            let chosen = self.plan.checks.iter().position(|other| other.check.name == name);
            let Some(blocker) = chosen else { continue };
            match state.done.get(&blocker).map(|result| &result.status) {
                Some(Status::Failed(_) | Status::Follows(..) | Status::Blocked(_)) => {
                    return Some(Status::Blocked(self.plan.checks[blocker].check.id(self.plan.phase)));
                }
                Some(Status::Infrastructure(_)) if name == check.subject.foundation() => {
                    let why = format!("it could not be started, see {}.{name}", self.plan.phase);
                    return Some(Status::NotRun(why));
                }
                _ => {}
            }
        }
        None
    }

    fn time_is_up(&self) -> String {
        format!("the time of the whole run ({} s) was up", self.plan.timeout.as_secs())
    }

    fn finish(&self, mut state: MutexGuard<'_, State>, index: usize, status: Status, duration: Duration) {
        let Chosen { check, points, visibility } = self.plan.checks[index];
        let status = match status {
            Status::Failed(failure) => causes::charge(&state.done, self.plan, index, failure),
            other => other,
        };
        let points = if self.left_out[index].is_some() { 0.0 } else { points };
        let result = CheckResult { check, phase: self.plan.phase, status, points, visibility, duration };
        state.done.insert(index, result.clone());
        (self.on_event)(&Event::Ended(&result, &self.so_far(&state)));
        self.changed.notify_all();
    }

    fn so_far(&self, state: &State) -> Run {
        let mut indices: Vec<&usize> = state.done.keys().collect();
        indices.sort_unstable();
        Run {
            phase: self.plan.phase,
            command: self.plan.command.clone(),
            client_command: self.plan.client_command.clone(),
            seed: self.plan.seed,
            student: self.plan.student.clone(),
            notices: state.notices.clone(),
            possible: self.possible,
            results: indices.into_iter().map(|index| state.done[index].clone()).collect(),
            duration: self.started.elapsed(),
            finished: false,
        }
    }

    /// Runs a check with a server of its own, which nothing has happened to yet.
    fn try_check(&self, check: &'static Check) -> (Status, Vec<String>) {
        let plan = self.plan;
        let limit = CHECK_LIMIT.min(plan.timeout.saturating_sub(self.started.elapsed()));
        let mut ctx =
            Context::new(check, plan.phase, plan.seed, plan.launch.clone(), plan.tracing.clone(), limit);
        ctx.client = plan.client.clone();
        if !check.commands.is_empty() {
            match self.vocabulary.missing(&mut ctx, check.commands) {
                Ok(missing) if missing.is_empty() => {}
                Ok(missing) => return (Status::Missing(missing), Vec::new()),
                // Who cannot be asked is not known to lack anything: the check itself will tell.
                Err(_) => {}
            }
            ctx.release();
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| (check.run)(&mut ctx)));
        let target = ctx.release();
        let status = match outcome {
            Ok(outcome) => settle(outcome, check, target.as_ref()),
            Err(_) => {
                Status::Infrastructure(format!("the check {} itself panicked: please report it", check.name))
            }
        };
        let notices = target.as_deref().map(|target| self.notices(target)).unwrap_or_default();
        let late = self.started.elapsed() >= plan.timeout;
        let status = if late && !matches!(status, Status::Passed) {
            Status::NotRun(format!("{} in the middle of it", self.time_is_up()))
        } else {
            status
        };
        (status, notices)
    }

    /// Who this is. Asking the server itself is a conversation, and one in a run is enough.
    fn notices(&self, target: &Target) -> Vec<String> {
        let mut notices = identity::notices(target);
        if self.plan.phase == Phase::Keyspace
            && target.ended().is_none()
            && !self.asked.swap(true, Ordering::Relaxed)
        {
            notices.extend(identity::asked::notices(target));
        }
        notices
    }
}

/// A verdict as a status. A check that was content has passed, even if the server ended at its client's goodbye: that is
/// for `end-of-stream` to judge. One that put itself into the background cannot be judged at all.
fn settle(outcome: Outcome, check: &Check, target: Option<&Shared>) -> Status {
    match outcome {
        Ok(()) => match target.filter(|target| target.ended().is_some() && target.has_processes()) {
            Some(_) => {
                Status::Failed(Box::new(Failure::new(Kind::ServerDied, StartError::Backgrounded.to_string())))
            }
            None => Status::Passed,
        },
        Err(Verdict::Failed(mut failure)) => {
            if let Some(target) = target {
                if matches!(failure.kind, Kind::EarlyEof | Kind::Reset | Kind::Refused | Kind::ServerDied) {
                    note_death(&mut failure, target);
                }
                diagnosis::complete(&mut failure, &target.output.tail(usize::MAX));
            }
            debug_assert!(
                failure
                    .bug
                    .as_ref()
                    .is_none_or(|bug| { check.bugs.contains(&bug.as_ref()) || diagnosis::is_general(bug) }),
                "{} names a bug it does not declare: {:?}",
                check.name,
                failure.bug
            );
            Status::Failed(failure)
        }
        Err(Verdict::NotRun(why)) => Status::NotRun(why),
        Err(Verdict::Infrastructure(why)) => Status::Infrastructure(why),
    }
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
