//! Runs checks against a server: blockers first, several at once, each within its time, whatever the server does.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::check::{Check, Context, Failure, Kind, Need, Outcome, Phase, Server, Verdict};
use crate::checks::{self, FOUNDATION};
use crate::client::note_death;
use crate::course::Chosen;
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
    let started = Instant::now();
    let board = Board {
        plan,
        started,
        state: Mutex::new(State {
            pending: (0..plan.checks.len()).collect(),
            running: Vec::new(),
            done: HashMap::new(),
            notices: Vec::new(),
        }),
        changed: Condvar::new(),
        asked: AtomicBool::new(false),
        on_event,
    };
    std::thread::scope(|scope| {
        for _ in 0..plan.jobs.max(1) {
            scope.spawn(|| board.work());
        }
    });
    let state = lock(&board.state);
    Run { finished: true, ..board.so_far(&state) }
}

struct Board<'a> {
    plan: &'a Plan,
    started: Instant,
    state: Mutex<State>,
    changed: Condvar,
    /// Whether the server has been asked who it is.
    asked: AtomicBool,
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
    /// One worker: takes checks until none is left. It keeps a server for those that may share one.
    fn work(&self) {
        let mut shared: Option<Shared> = None;
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
            let (status, notices) = self.try_check(self.plan.checks[index].check, &mut shared);
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
        if state.pending.is_empty() {
            return Next::Finished;
        }
        if self.started.elapsed() >= self.plan.timeout {
            let why = format!("the time of the whole run ({} s) was up", self.plan.timeout.as_secs());
            return Next::Settle(state.pending[0], Status::NotRun(why));
        }
        'pending: for &index in &state.pending {
            let check = self.plan.checks[index].check;
            for name in checks::blockers(self.plan.phase, check) {
                let chosen = self.plan.checks.iter().position(|other| other.check.name == name);
                let Some(blocker) = chosen else { continue };
                match state.done.get(&blocker).map(|result| &result.status) {
                    None => continue 'pending,
                    Some(Status::Failed(_) | Status::Blocked(_)) => {
                        let blocker = self.plan.checks[blocker].check.id(self.plan.phase);
                        return Next::Settle(index, Status::Blocked(blocker));
                    }
                    Some(Status::Infrastructure(_)) if name == FOUNDATION => {
                        let why =
                            format!("the server could not be started, see {}.{FOUNDATION}", self.plan.phase);
                        return Next::Settle(index, Status::NotRun(why));
                    }
                    Some(_) => {}
                }
            }
            return Next::Run(index);
        }
        Next::Wait
    }

    fn finish(&self, mut state: MutexGuard<'_, State>, index: usize, status: Status, duration: Duration) {
        let Chosen { check, points, visibility } = self.plan.checks[index];
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
            seed: self.plan.seed,
            student: self.plan.student.clone(),
            notices: state.notices.clone(),
            results: indices.into_iter().map(|index| state.done[index].clone()).collect(),
            duration: self.started.elapsed(),
            finished: false,
        }
    }

    fn try_check(&self, check: &'static Check, shared: &mut Option<Shared>) -> (Status, Vec<String>) {
        let plan = self.plan;
        if let Some(why) = missing(check, &plan.tracing) {
            return (Status::NotRun(why), Vec::new());
        }
        let limit = CHECK_LIMIT.min(plan.timeout.saturating_sub(self.started.elapsed()));
        let mut ctx =
            Context::new(check, plan.phase, plan.seed, plan.launch.clone(), plan.tracing.clone(), limit);
        if check.server == Server::Shared
            && let Some(target) = shared.take()
        {
            ctx.adopt(target);
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
        // After a failure the server may be in any state; the next check gets a fresh one.
        if check.server == Server::Shared && matches!(status, Status::Passed) {
            *shared = target;
        }
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

/// A verdict as a status. A server that ended although its check was content has still failed.
fn settle(outcome: Outcome, check: &Check, target: Option<&Shared>) -> Status {
    match outcome {
        Ok(()) => match target.filter(|target| target.ended().is_some()) {
            Some(target) => {
                // A parent may leave just after its child began to listen: then nobody has died.
                let summary = if !target.has_processes() {
                    "the server ended during this check".to_owned()
                } else {
                    StartError::Backgrounded.to_string()
                };
                let mut failure = Failure::new(Kind::ServerDied, summary);
                note_death(&mut failure, target);
                Status::Failed(Box::new(failure))
            }
            None => Status::Passed,
        },
        Err(Verdict::Failed(failure)) => {
            debug_assert!(
                failure.bug.is_none_or(|bug| check.bugs.contains(&bug)),
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
