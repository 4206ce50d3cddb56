//! What comes out while the museum's bugs are proven, line by line, and what it adds up to.

use anyhow::{Context, Result};

use super::Bug;
use super::matrix::Row;
use super::proof::{Outcomes, Verdict, Whole};

/// What may come of a busy machine: one repeat is allowed.
pub fn is_to_repeat(bug: &Bug, verdict: &Verdict, outcomes: &Outcomes) -> bool {
    let wrong = outcomes.whole.as_ref().is_some_and(|ended| Whole::of(bug, ended) != Whole::Right);
    matches!(verdict, Verdict::Missed | Verdict::NotRun(_)) || wrong
}

/// Why a bug is proven once more.
pub fn doubt(bug: &Bug, verdict: &Verdict, outcomes: &Outcomes) -> String {
    match outcomes.whole.as_ref().map(|ended| Whole::of(bug, ended)) {
        _ if *verdict != Verdict::Caught => format!("alone {verdict:?}"),
        Some(Whole::Wrong(said)) => format!("in a whole run first {said}"),
        Some(Whole::More(more)) => format!("in a whole run also {}", more.join(", ")),
        _ => "nothing was wrong".to_owned(),
    }
}

/// The verdict of the bug's own check, run alone.
///
/// # Errors
/// When it did not run at all.
pub fn verdict(bug: &Bug, outcomes: &Outcomes) -> Result<Verdict> {
    let own =
        outcomes.alone.iter().find(|e| e.id == bug.check_id()).context("its check did not run at all")?;
    Ok(Verdict::of(bug, own))
}

/// What has come out so far.
#[derive(Default)]
pub struct Tally {
    /// Bugs that their own check catches for their own reason.
    pub caught: usize,
    /// All others.
    pub defects: usize,
    /// Whole runs that gave another name.
    pub wrong: usize,
    /// For the kill matrix.
    pub rows: Vec<Row>,
}

impl Tally {
    /// Counts and tells how one bug ended.
    pub fn note(&mut self, bug: &Bug, verdict: &Verdict, outcomes: Outcomes) {
        let (name, check) = (format!("{} {}", bug.phase, bug.name), bug.check_id());
        let wanted = &bug.card.diagnosis;
        match verdict {
            Verdict::Caught => println!("caught        {name}: {check} says \"{wanted}\""),
            Verdict::OtherReason(said) => {
                println!("OTHER REASON  {name}: wanted \"{wanted}\", {check} said {said}");
            }
            Verdict::Missed => println!("MISSED        {name}: {check} passed"),
            Verdict::NotRun(why) => println!("NOT RUN       {name}: {check} {why}"),
        }
        if *verdict == Verdict::Caught {
            self.caught += 1;
        } else {
            self.defects += 1;
        }
        match outcomes.whole.as_ref().map(|ended| Whole::of(bug, ended)) {
            None | Some(Whole::Right) => {}
            Some(Whole::More(more)) => {
                println!("MORE NAMES    {name}: in a whole run also {}", more.join(", "));
                self.wrong += 1;
            }
            Some(Whole::Wrong(said)) => {
                println!("WRONG NAME    {name}: in a whole run first {said}");
                self.wrong += 1;
            }
        }
        self.rows.push((bug.clone(), outcomes));
    }

    /// Counts and tells that one could not be built or graded.
    pub fn broken(&mut self, bug: &Bug, error: &anyhow::Error) {
        println!("BROKEN        {} {}: {error:#}", bug.phase, bug.name);
        self.defects += 1;
    }
}
