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
        // What follows from a check that follows itself is charged where that one is.
        let (charged_at, charged) = match &other.status {
            Status::Failed(charged) => (other.id(), charged),
            Status::Follows(id, charged) => (id.clone(), charged),
            _ => return None,
        };
        let explained = earlier.contains(&other.check.name) || same_cause(charged, &failure);
        explained.then_some(charged_at)
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::check::{Explain as _, Kind};
    use crate::course::Suite;
    use crate::strace::Tracing;
    use crate::target::Launch;

    fn plan() -> Plan {
        Plan {
            phase: Phase::Keyspace,
            checks: Suite::default().choose(Phase::Keyspace),
            launch: Launch::new(Vec::new()),
            client: None,
            client_command: None,
            notice: None,
            command: Vec::new(),
            seed: 1,
            student: None,
            jobs: 1,
            timeout: Duration::ZERO,
            tracing: Tracing::off(),
        }
    }

    /// Lets a check fail with this diagnosis; what it was charged with, or what it follows from.
    fn fail(done: &mut Done, plan: &Plan, name: &str, bug: Option<&'static str>) -> String {
        let at =
            plan.checks.iter().position(|chosen| chosen.check.name == name).expect("there is such a check");
        let failure = Box::new(Failure::new(Kind::WrongBytes, "a byte is wrong"));
        let failure = bug.into_iter().fold(failure, |failure, bug| failure.likely(bug));
        let status = charge(done, plan, at, failure);
        let chosen = &plan.checks[at];
        let result = CheckResult {
            check: chosen.check,
            phase: plan.phase,
            status,
            points: chosen.points,
            visibility: chosen.visibility,
            duration: Duration::ZERO,
        };
        done.insert(at, result);
        cause(done, at)
    }

    fn cause(done: &Done, at: usize) -> String {
        match &done[&at].status {
            Status::Follows(id, _) => id.clone(),
            Status::Failed(failure) => failure.bug.as_deref().unwrap_or("nameless").to_owned(),
            other => other.word().to_owned(),
        }
    }

    #[test]
    fn what_follows_from_something_that_follows_is_charged_to_its_cause() {
        let (plan, mut done) = (plan(), Done::new());
        assert_eq!(fail(&mut done, &plan, "resp-missing-crlf", Some("in pieces")), "in pieces");
        assert_eq!(fail(&mut done, &plan, "resp-split", Some("split")), "phase4.resp-missing-crlf");
        assert_eq!(fail(&mut done, &plan, "resp-sizes", Some("cut")), "phase4.resp-missing-crlf");
        // `idle` has nothing to do with any of them.
        assert_eq!(fail(&mut done, &plan, "idle", Some("spins")), "spins");
    }

    #[test]
    fn a_failure_without_a_name_follows_from_one_with_a_name_whichever_came_first() {
        let (plan, mut done) = (plan(), Done::new());
        assert_eq!(fail(&mut done, &plan, "framed-replies", None), "nameless");
        assert_eq!(fail(&mut done, &plan, "half-request", Some("half")), "half");
        regroup(&mut done, &plan);
        let at =
            plan.checks.iter().position(|chosen| chosen.check.name == "framed-replies").expect("as above");
        assert_eq!(cause(&done, at), "phase4.half-request");
    }
}
