//! The register of all checks: one line per family and phase.

pub mod client;
pub mod phase1;
pub mod phase2;
pub mod phase3;
pub mod phase4;

use crate::check::{Check, Phase, Subject};

/// The families of checks, in the order in which they run: what blocks others comes first.
const FAMILIES: [&[&[Check]]; 5] =
    [phase1::FAMILIES, phase2::FAMILIES, phase3::FAMILIES, phase4::FAMILIES, client::FAMILIES];

/// The checks of one phase, those it shares with others included.
pub fn of(phase: Phase) -> impl Iterator<Item = &'static Check> {
    FAMILIES.into_iter().flatten().copied().flatten().filter(move |check| check.phases.contains(&phase))
}

/// Every check once for each phase it belongs to.
pub fn all() -> impl Iterator<Item = (Phase, &'static Check)> {
    Phase::ALL.into_iter().flat_map(|phase| of(phase).map(move |check| (phase, check)))
}

/// The check without which no other of a server can be tried.
pub const FOUNDATION: &str = Subject::Server.foundation();

/// Every check whose failure explains a failure of `check`, directly or through others: a suite may leave out the ones
/// in between.
#[must_use]
pub fn blockers(phase: Phase, check: &Check) -> Vec<&'static str> {
    let mut found: Vec<&'static str> = check.blocked_by.to_vec();
    let mut at = 0;
    while let Some(name) = found.get(at).copied() {
        at += 1;
        for further in of(phase).filter(|other| other.name == name).flat_map(|other| other.blocked_by) {
            if !found.contains(further) {
                found.push(further);
            }
        }
    }
    let foundation = check.subject.foundation();
    if check.name != foundation && !found.contains(&foundation) {
        found.push(foundation);
    }
    found
}

/// Every check that runs before `check` and whose failure explains one of it, although this one is tried all the same.
#[must_use]
pub fn explainers(check: &Check) -> Vec<&'static str> {
    let mut found = check.after.to_vec();
    if phase4::rests_on_the_table(check) {
        found.push(phase4::TABLE);
    }
    found
}

/// Finds a check by id (`phase2.partial-header`).
#[must_use]
pub fn find(id: &str) -> Option<(Phase, &'static Check)> {
    all().find(|(phase, check)| check.id(*phase) == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_are_unique_and_plain() {
        let mut seen = HashSet::new();
        for (phase, check) in all() {
            assert!(seen.insert(check.id(phase)), "{} stands twice", check.id(phase));
            assert!(check.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
        }
    }

    #[test]
    fn chapters_exist() {
        let root =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("tests/ has a parent");
        for (phase, check) in all() {
            assert!(root.join(check.chapter).is_file(), "{}: no chapter {}", check.id(phase), check.chapter);
        }
    }

    #[test]
    fn blockers_exist_and_lead_to_no_circle() {
        for phase in Phase::ALL {
            let mut rest: Vec<&Check> = of(phase).collect();
            while !rest.is_empty() {
                let before = rest.len();
                let present: HashSet<&str> = rest.iter().map(|check| check.name).collect();
                rest.retain(|check| check.blocked_by.iter().any(|blocker| present.contains(blocker)));
                let names: Vec<&str> = rest.iter().map(|check| check.name).collect();
                assert!(rest.len() < before, "{phase}: these wait for each other: {names:?}");
            }
            for check in of(phase) {
                for blocker in check.blocked_by {
                    let somewhere =
                        check.phases.iter().any(|phase| of(*phase).any(|other| other.name == *blocker));
                    assert!(somewhere, "{} is blocked by {blocker}, which does not exist", check.id(phase));
                }
            }
        }
    }

    #[test]
    fn what_runs_first_leads_to_no_circle() {
        for phase in Phase::ALL {
            let mut rest: Vec<&Check> = of(phase).collect();
            while !rest.is_empty() {
                let (before, present) =
                    (rest.len(), rest.iter().map(|check| check.name).collect::<HashSet<_>>());
                rest.retain(|check| {
                    explainers(check).iter().chain(check.blocked_by).any(|name| present.contains(name))
                });
                let names: Vec<&str> = rest.iter().map(|check| check.name).collect();
                assert!(rest.len() < before, "{phase}: these wait for each other: {names:?}");
            }
            for name in of(phase).flat_map(explainers) {
                assert!(all().any(|(_, check)| check.name == name), "there is no {name} to come after");
            }
        }
    }

    #[test]
    fn every_check_teaches() {
        for (phase, check) in all() {
            let id = check.id(phase);
            assert!(check.lesson.len() > 60, "{id} has no lesson");
            assert!(
                check.chapter.starts_with("docs/src/") && check.chapter.ends_with(".md"),
                "{id}: chapter"
            );
            assert!(check.points > 0 && !check.bugs.is_empty(), "{id}: points and bugs");
            assert!(check.hints.iter().all(|hint| hint.len() > 15), "{id}: hints");
            assert!(!check.title.ends_with('.'), "{id}: title");
        }
    }

    #[test]
    fn the_catalogue_of_phases_1_to_3_is_covered() {
        let covered: HashSet<u8> = all().flat_map(|(_, check)| check.catalogue.iter().copied()).collect();
        // 25, inner counts, needs a request format and belongs to phase 4.
        let missing: Vec<u8> = (1..=45).filter(|entry| *entry != 25 && !covered.contains(entry)).collect();
        assert!(missing.is_empty(), "no check for {missing:?}");
    }
}
