//! One bug is charged once: a failure whose cause another check has named already follows from that one.

use std::collections::HashMap;

use super::Plan;
use crate::check::{Check, Failure, Phase};
use crate::checks;
use crate::diagnosis;
use crate::report::{CheckResult, Status};

type Done = HashMap<usize, CheckResult>;

/// The status of a check that failed: charged, or following from one that is done.
pub(super) fn charge(done: &Done, plan: &Plan, index: usize, failure: Box<Failure>) -> Status {
    let check = plan.checks[index].check;
    let earlier = earlier(plan.phase, check);
    let mut others: Vec<(&usize, &CheckResult)> = done.iter().collect();
    others.sort_by_key(|(at, _)| **at);
    let cause = others.iter().find_map(|(_, other)| {
        let Status::Failed(charged) = &other.status else { return None };
        let explained = earlier.contains(&other.check.name) || same_cause(charged, &failure);
        explained.then(|| other.id())
    });
    match cause {
        Some(id) => Status::Follows(id, failure),
        None => Status::Failed(failure),
    }
}

/// At the end of a run: checks run side by side, so a death may have been charged by its general name before the check
/// that is about it came to its end.
pub(super) fn regroup(done: &mut Done, plan: &Plan) {
    let mut charged: Vec<(usize, String, Box<Failure>)> = done
        .iter()
        .filter_map(|(at, result)| match &result.status {
            Status::Failed(failure) => Some((*at, result.id(), failure.clone())),
            _ => None,
        })
        .collect();
    charged.sort_by_key(|(at, ..)| *at);
    for (at, _, failure) in &charged {
        let general = failure.bug.as_deref().is_none_or(diagnosis::is_general);
        let better = charged.iter().find(|(other, _, named)| {
            let specific = named.bug.as_deref().is_some_and(|bug| !diagnosis::is_general(bug));
            let explains =
                earlier(plan.phase, plan.checks[*at].check).contains(&plan.checks[*other].check.name);
            // What no check has a word for is most likely one more sight of what another has a word for.
            let nameless = failure.bug.is_none() && named.bug.is_some();
            other != at && (explains || nameless || general && specific && same_cause(named, failure))
        });
        if let (Some((_, id, _)), Some(result)) = (better, done.get_mut(at)) {
            result.status = Status::Follows(id.clone(), failure.clone());
        }
    }
}

/// The same diagnosis, or the same end of the server, is the same bug.
fn same_cause(one: &Failure, other: &Failure) -> bool {
    let named_alike = one.bug.is_some() && one.bug == other.bug;
    let died_alike = one.death.is_some() && one.death == other.death;
    named_alike || died_alike
}

/// Every check whose failure explains one of `check`: those that it names, and those that block it.
fn earlier(phase: Phase, check: &Check) -> Vec<&'static str> {
    [checks::explainers(check), checks::blockers(phase, check)].concat()
}
