//! What is known about snapshots: the last one, the one that is being written, what went wrong.
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::rdb::load::Loaded;
use crate::clock::wall_clock;

/// After a failure, save points wait this long before they try again.
const RETRY: Duration = Duration::from_secs(5);

/// After so many seconds with so many changes a snapshot is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SavePoint {
    /// Seconds since the last snapshot.
    pub seconds: u64,
    /// Changes since the last snapshot.
    pub changes: u64,
}

/// A child that writes a snapshot.
#[derive(Clone, Copy, Debug)]
pub struct Saving {
    /// Its process id.
    pub pid: Pid,
    /// When it was started.
    pub started: Instant,
    /// The journal's count of changes at that moment.
    pub dirty: u64,
}

/// What is known about snapshots.
#[derive(Debug)]
pub struct Persist {
    /// The child that writes one now.
    pub saving: Option<Saving>,
    /// One is to be written as soon as possible.
    pub scheduled: bool,
    /// The last background save failed.
    pub failed: bool,
    /// When the last one began.
    last_try: Option<Instant>,
    /// When the last one was completed, or the server was started: seconds since 1970.
    pub last_save: u64,
    /// The journal's count of changes that the last snapshot has.
    pub saved_dirty: u64,
    /// How long the last background save took.
    pub last_took: Option<Duration>,
    /// Completed snapshots.
    pub saves: u64,
    /// Children started.
    pub forks: u64,
    /// How long the last fork(2) took.
    pub last_fork: Duration,
    /// What was loaded at the start.
    pub loaded: Loaded,
    /// What `SHUTDOWN` said about saving.
    pub at_exit: Option<bool>,
}

impl Default for Persist {
    fn default() -> Self {
        Persist {
            saving: None,
            scheduled: false,
            failed: false,
            last_try: None,
            last_save: wall_clock().as_secs(),
            saved_dirty: 0,
            last_took: None,
            saves: 0,
            forks: 0,
            last_fork: Duration::ZERO,
            loaded: Loaded::default(),
            at_exit: None,
        }
    }
}

impl Persist {
    /// The save point that says a snapshot is due, given the changes since the last one.
    pub fn due(&self, points: &[SavePoint], changes: u64, now: Instant) -> Option<SavePoint> {
        let may_try =
            !self.failed || self.last_try.is_none_or(|last| now.saturating_duration_since(last) > RETRY);
        let age = wall_clock().as_secs().saturating_sub(self.last_save);
        let is_due = |point: &&SavePoint| changes >= point.changes && age > point.seconds;
        if may_try && self.saving.is_none() { points.iter().find(is_due).copied() } else { None }
    }

    /// A child has been started, or could not be.
    pub fn began(&mut self, child: Option<Pid>, dirty: u64, now: Instant, took: Duration) {
        (self.scheduled, self.last_try) = (false, Some(now));
        match child {
            Some(pid) => {
                self.saving = Some(Saving { pid, started: now, dirty });
                self.forked(took);
            }
            None => self.failed = true,
        }
    }

    /// A child has been made, which took so long.
    pub fn forked(&mut self, took: Duration) {
        self.forks += 1;
        self.last_fork = took;
    }

    /// A snapshot with the changes up to `dirty` is complete.
    pub fn saved(&mut self, dirty: u64) {
        self.last_save = wall_clock().as_secs();
        self.saved_dirty = dirty;
        self.saves += 1;
        self.failed = false;
    }
}
