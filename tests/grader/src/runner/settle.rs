//! What a check's outcome amounts to, with what only a look at the server itself can add: how it ended, what it said.

use crate::check::{Check, Failure, Kind, Outcome, Verdict};
use crate::client::note_death;
use crate::diagnosis;
use crate::report::Status;
use crate::target::{Shared, StartError};

/// A verdict as a status. A check that was content has passed, even if the server ended at its client's goodbye: that is
/// for `end-of-stream` to judge. One that put itself into the background cannot be judged at all.
pub(super) fn settle(outcome: Outcome, check: &Check, target: Option<&Shared>) -> Status {
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
