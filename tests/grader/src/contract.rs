//! The contract of a phase in rungs, for programs in any language: `tests/contract.toml`.
//!
//! A learner who writes in Rust has bodies to fill in; one who writes in C, Python or Go has a contract. Its rungs are the
//! same ladder, told by what a socket shows.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::check::Phase;
use crate::report::{CheckResult, Run, Status};

/// One rung: something to build, and what turns green with it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rung {
    phase: String,
    /// In a few words.
    pub title: String,
    /// What to build.
    pub text: String,
    /// Names of checks.
    pub checks: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Contract {
    rung: Vec<Rung>,
}

static ALL: LazyLock<Contract> = LazyLock::new(|| {
    toml::from_str(include_str!("../../contract.toml"))
        .expect("a test reads the contract that is compiled in")
});

/// The rungs of a phase, in order.
pub fn of(phase: Phase) -> impl Iterator<Item = &'static Rung> {
    ALL.rung.iter().filter(move |rung| rung.phase == phase.name())
}

/// Where a program stands, after a run that graded more than one rung: the rungs that hold, and the one that comes next. Empty
/// where all that was graded holds.
#[must_use]
pub fn stand(run: &Run) -> String {
    let result = |name: &String| run.results.iter().find(|result| result.check.name == name);
    let graded = |rung: &&Rung| rung.checks.iter().all(|name| result(name).is_some());
    let rungs: Vec<&Rung> = of(run.phase).filter(graded).collect();
    let holds = |result: &CheckResult| matches!(result.status, Status::Passed | Status::NotRun(_));
    let red = |rung: &Rung| -> Vec<String> {
        rung.checks.iter().filter(|name| !result(name).is_some_and(holds)).cloned().collect()
    };
    let Some(next) = rungs.iter().position(|rung| !red(rung).is_empty()).filter(|_| rungs.len() > 1) else {
        return String::new();
    };
    let place = of(run.phase).position(|rung| rung.title == rungs[next].title).unwrap_or(next) + 1;
    let beyond = rungs[next + 1..].iter().filter(|rung| red(rung).is_empty()).count();
    let done = match (next, beyond) {
        (0, 0) => String::new(),
        (below, 0) => format!("{below} of {} rungs hold; ", rungs.len()),
        (below, more) => format!("{below} of {} rungs hold, and {more} further up; ", rungs.len()),
    };
    format!(
        "{done}next is rung {place}, {}:\n  {}\n  still red: {}\n",
        rungs[next].title,
        rungs[next].text,
        red(rungs[next]).join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Need;
    use crate::checks;
    use std::time::Duration;

    #[test]
    fn every_check_that_needs_no_strace_stands_on_one_rung() {
        for phase in Phase::ALL {
            let mut on_rungs: Vec<&str> =
                of(phase).flat_map(|rung| &rung.checks).map(String::as_str).collect();
            let mut all: Vec<&str> = checks::of(phase)
                .filter(|check| !check.needs.contains(&Need::Strace))
                .map(|check| check.name)
                .collect();
            on_rungs.sort_unstable();
            all.sort_unstable();
            assert_eq!(on_rungs, all, "{phase}");
        }
    }

    fn run(passing: &[&str], failing: &[&str]) -> Run {
        let result = |name: &&str, status: Status| CheckResult {
            check: checks::of(Phase::Echo).find(|check| check.name == *name).unwrap(),
            phase: Phase::Echo,
            status,
            points: 1.0,
            visibility: crate::course::Visibility::Visible,
            duration: Duration::ZERO,
        };
        let passed = passing.iter().map(|name| result(name, Status::Passed));
        let blocked = failing.iter().map(|name| result(name, Status::Blocked("x".into())));
        Run {
            phase: Phase::Echo,
            command: vec!["./server".into()],
            client_command: None,
            seed: 1,
            student: None,
            notices: Vec::new(),
            possible: 1.0,
            results: passed.chain(blocked).collect(),
            duration: Duration::ZERO,
            finished: true,
        }
    }

    #[test]
    fn the_next_rung_is_named_with_what_is_red_on_it() {
        let text = stand(&run(&["listens", "round-trip"], &["binary-safe"]));
        assert!(text.starts_with("1 of 2 rungs hold; next is rung 2, send back one message:"), "{text}");
        assert!(text.contains("still red: binary-safe\n"), "{text}");
        let text = stand(&run(&["listens", "stops", "restart"], &["round-trip", "binary-safe"]));
        assert!(text.starts_with("1 of 3 rungs hold, and 1 further up; next is rung 2"), "{text}");
    }

    #[test]
    fn nothing_is_said_where_all_holds_or_a_single_check_was_looked_at() {
        assert_eq!(stand(&run(&["listens", "round-trip", "binary-safe"], &[])), "");
        assert_eq!(stand(&run(&["round-trip"], &["binary-safe"])), "");
    }
}
