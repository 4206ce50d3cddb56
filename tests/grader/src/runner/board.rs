//! The board of a run: which check comes next, which is in the way of which, and what has come of each.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::settle::settle;
use super::{Event, Plan, causes, missing, possible};
use crate::check::{Check, Context, Phase};
use crate::checks;
use crate::checks::phase4::Vocabulary;
use crate::course::Chosen;
use crate::identity;
use crate::report::{CheckResult, Run, Status};
use crate::target::Target;

/// The longest a single check may take.
const CHECK_LIMIT: Duration = Duration::from_secs(40);

/// What is known of a run while it goes on; its workers take their checks from here.
pub(super) struct Board<'a> {
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

impl<'a> Board<'a> {
    /// Nothing done yet.
    pub(super) fn new(plan: &'a Plan, on_event: &'a (dyn Fn(&Event<'_>) + Sync)) -> Self {
        Board {
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
        }
    }

    /// The run, once every worker has come back.
    pub(super) fn into_run(self) -> Run {
        let mut state = lock(&self.state);
        causes::regroup(&mut state.done, self.plan);
        Run { finished: true, ..self.so_far(&state) }
    }

    /// One worker: takes checks until none is left.
    pub(super) fn work(&self) {
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
        // A name that a check gives without declaring it is a bug of the grader: a debug build panics over it.
        let settled = outcome
            .and_then(|outcome| catch_unwind(AssertUnwindSafe(|| settle(outcome, check, target.as_ref()))));
        let status = settled.unwrap_or_else(|_| {
            Status::Infrastructure(format!("the check {} itself panicked: please report it", check.name))
        });
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
