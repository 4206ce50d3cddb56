//! From memory to the file and from the file to the disk, at the end of each tick, before any reply leaves.
//!
//! Under `always` one fdatasync(2) serves all writes of the tick (group commit). Under `everysec` it runs in a thread; while
//! it does, write(2) on the same file would wait for it on many filesystems, so writing is put off, for up to two seconds.
use std::time::{Duration, Instant};

use super::{Aof, Failure, Policy, What};
use crate::log;

/// From one fdatasync(2) to the next under `everysec`.
const INTERVAL: Duration = Duration::from_secs(1);
/// So long a write waits for one that is slow.
const PATIENCE: Duration = Duration::from_secs(2);
/// A write that has failed is tried again after so long.
const RETRY: Duration = Duration::from_secs(1);

impl Aof {
    /// Writes what is to be written, and sees to it that it gets to the disk as `policy` asks. `quiet`: a child writes much
    /// just now, and the disk is to be left to it (`no-appendfsync-on-rewrite`).
    ///
    /// # Errors
    /// Under `always`, what failed: no reply may leave any more. Otherwise a failure is kept in [`Aof::failure`].
    pub fn flush(&mut self, policy: Policy, quiet: bool, now: Instant) -> Result<(), Failure> {
        self.learn();
        if !self.log.bytes().is_empty() && self.may_write(policy, now) {
            self.write(policy, now)?;
        }
        match policy {
            _ if quiet || !self.unsynced => Ok(()),
            Policy::Always => self.sync_now(),
            Policy::EverySecond if self.last_sync.is_none_or(|last| now >= last + INTERVAL) => {
                self.sync_in_thread(now)
            }
            Policy::EverySecond | Policy::No => Ok(()),
        }
    }

    /// Writes everything and waits for the disk, whatever the policy.
    ///
    /// # Errors
    /// What failed. What could not be written is still to be written.
    pub fn flush_all(&mut self, now: Instant) -> Result<(), Failure> {
        self.learn();
        if !self.log.bytes().is_empty() {
            self.write(Policy::Always, now)?;
        }
        if self.unsynced && !self.has_lost() { self.sync_now() } else { Ok(()) }
    }

    /// Learns how the thread's work ended.
    fn learn(&mut self) {
        if let (Some(error), Some(file)) = (self.sync.take_error(), &self.file) {
            let failure = file.failed_sync(error);
            log::warning(format_args!("{failure}: writes are refused until the log has been rewritten"));
            self.failure = Some(failure);
        }
    }

    /// Whether writing need not wait, for a slow disk or after a failure.
    fn may_write(&mut self, policy: Policy, now: Instant) -> bool {
        if self.failure.as_ref().is_some_and(|failure| failure.what == What::Write)
            && self.last_try.is_some_and(|last| now < last + RETRY)
        {
            return false;
        }
        if policy != Policy::EverySecond || !self.sync.is_busy() {
            return true;
        }
        let since = *self.postponed.get_or_insert(now);
        if now < since + PATIENCE {
            return false;
        }
        self.delayed += 1;
        log::warning(format_args!(
            "fdatasync of the log takes more than two seconds (is the disk busy?): it is written all the same, and every \
             client may wait"
        ));
        true
    }

    fn write(&mut self, policy: Policy, now: Instant) -> Result<(), Failure> {
        let Some(file) = &mut self.file else { return Ok(()) };
        self.postponed = None;
        match file.append(self.log.bytes()) {
            Ok(()) => {
                self.log.clear();
                self.unsynced = true;
                if self.failure.take_if(|failure| failure.what == What::Write).is_some() {
                    log::notice(format_args!("{}: written again", file.path().display()));
                }
                Ok(())
            }
            Err((failure, stays)) => {
                self.log.drop_front(stays);
                if policy == Policy::Always {
                    return Err(failure);
                }
                if self.failure.is_none() {
                    log::warning(format_args!("{failure}: writes are refused until it succeeds"));
                    self.failure = Some(failure);
                }
                self.last_try = Some(now);
                Ok(())
            }
        }
    }

    fn sync_now(&mut self) -> Result<(), Failure> {
        let Some(file) = &self.file else { return Ok(()) };
        file.sync()?;
        self.unsynced = false;
        Ok(())
    }

    fn sync_in_thread(&mut self, now: Instant) -> Result<(), Failure> {
        // After a failure the kernel may take for written what is lost: another try would succeed and say nothing.
        let may_sync = !self.has_lost() && !self.sync.is_busy();
        let Some(file) = self.file.as_ref().filter(|_| may_sync) else { return Ok(()) };
        self.last_sync = Some(now);
        self.unsynced = false;
        let started = file.duplicate().and_then(|file| self.sync.start(file));
        if started.is_err() {
            // No descriptor or no thread to be had: the loop waits itself.
            self.failure = file.sync().inspect_err(|failure| log::warning(format_args!("{failure}"))).err();
        }
        Ok(())
    }
}
