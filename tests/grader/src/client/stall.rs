//! When to give up waiting: at once if the server died, early if it is seen to sleep, late if it works.

use std::time::{Duration, Instant};

use crate::context::Patience;
use crate::target::{Activity, Target};

/// Why waiting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stuck {
    /// The server process is gone.
    Died,
    /// It sleeps, with no CPU time spent, although it owes something.
    Asleep,
    /// It works (or cannot be seen), but nothing has moved for long.
    Busy,
    /// The check's own time is up.
    Deadline,
}

impl Stuck {
    pub fn text(self) -> &'static str {
        match self {
            Self::Died => "the server process ended",
            Self::Asleep => "the server is asleep, waiting for something that will not come: this is a hang",
            Self::Busy => "the server is busy, yet nothing moved for seconds",
            Self::Deadline => "the time for this check is up",
        }
    }
}

/// Follows one wait from progress to progress.
#[derive(Debug)]
pub struct Stall {
    progress: Instant,
    quiet: Option<Instant>,
    looked: Instant,
    last: Option<Activity>,
}

/// Reading /proc for every poll would cost more than the poll.
const LOOK_EVERY: Duration = Duration::from_millis(40);

/// A runtime's housekeeping is not work.
const HOUSEKEEPING_NANOS: u64 = 500_000;

impl Stall {
    pub fn new() -> Self {
        let now = Instant::now();
        Self { progress: now, quiet: None, looked: now, last: None }
    }

    /// Something moved: patience starts over.
    pub fn progress(&mut self) {
        self.progress = Instant::now();
        self.quiet = None;
        self.last = None;
    }

    /// `Some` when there is no use in waiting on.
    pub fn look(&mut self, target: &Target, patience: &Patience) -> Option<Stuck> {
        self.look_at(patience, || target.ended().is_some(), || target.activity())
    }

    /// The same for any process: whether it has ended, and what it is doing.
    pub fn look_at(
        &mut self,
        patience: &Patience,
        ended: impl FnOnce() -> bool,
        activity: impl FnOnce() -> Option<Activity>,
    ) -> Option<Stuck> {
        let now = Instant::now();
        if now >= patience.deadline {
            return Some(Stuck::Deadline);
        }
        if now.duration_since(self.progress) >= patience.stall {
            return Some(Stuck::Busy);
        }
        if now.duration_since(self.looked) < LOOK_EVERY {
            return None;
        }
        self.looked = now;
        if ended() {
            return Some(Stuck::Died);
        }
        let seen = activity();
        let calm = match (seen, self.last) {
            (Some(seen), Some(last)) => seen.asleep && seen.cpu_nanos < last.cpu_nanos + HOUSEKEEPING_NANOS,
            _ => false,
        };
        self.last = seen;
        if !calm {
            self.quiet = None;
            return None;
        }
        let since = *self.quiet.get_or_insert(now);
        (now.duration_since(since) >= patience.quiet).then_some(Stuck::Asleep)
    }
}
