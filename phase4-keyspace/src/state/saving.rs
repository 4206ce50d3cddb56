//! Snapshots of this server's databases: in the foreground, by a child, at the start and at the end.
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

use super::State;
use crate::log;
use crate::persist::status::Saving;
use crate::persist::{child, snapshot};

impl State {
    /// Changes since the last snapshot.
    pub fn unsaved(&self) -> u64 {
        self.keyspace.changes.dirty().saturating_sub(self.persist.saved_dirty)
    }

    /// Whether commands that write are refused, because what they would do might never be saved.
    pub fn refuses_writes(&self) -> bool {
        self.persist.failed && self.config.stop_writes_on_bgsave_error && !self.config.save.is_empty()
    }

    /// Loads the snapshot with which the server begins, if there is one.
    ///
    /// # Errors
    /// Names the file, what is wrong with it, and at which offset.
    pub fn load_snapshot(&mut self) -> anyhow::Result<()> {
        let path = self.config.snapshot();
        let start = Instant::now();
        let loaded = snapshot::read(&mut self.keyspace, &path, self.config.rdbchecksum)
            .map_err(|fault| anyhow::anyhow!("cannot load {}: {fault}", path.display()))?;
        if let Some(loaded) = loaded {
            self.persist.loaded = loaded;
            log::notice(format_args!(
                "loaded {} keys from {} in {:.3} s; {} had expired",
                loaded.keys,
                path.display(),
                start.elapsed().as_secs_f64(),
                loaded.expired
            ));
        }
        self.persist.saved_dirty = self.keyspace.changes.dirty();
        Ok(())
    }

    /// Writes a snapshot while every client waits.
    ///
    /// # Errors
    /// Names the file. It is logged.
    pub fn save(&mut self) -> std::io::Result<()> {
        let path = self.config.snapshot();
        let saved = snapshot::write(&self.keyspace, &path, self.config.rdb_options());
        match &saved {
            Ok(()) => {
                log::notice(format_args!("saved to {}", path.display()));
                self.persist.saved(self.keyspace.changes.dirty());
            }
            Err(error) => log::warning(format_args!("cannot save: {error}")),
        }
        saved
    }

    /// Starts a child that writes a snapshot. There is none yet.
    ///
    /// # Errors
    /// Those of fork(2). It is logged.
    pub fn save_in_background(&mut self) -> nix::Result<()> {
        let (path, options, keyspace) =
            (self.config.snapshot(), self.config.rdb_options(), &mut self.keyspace);
        let start = Instant::now();
        let forked = child::spawn(|| {
            let saved = snapshot::write(keyspace, &path, options);
            if let Err(error) = &saved {
                log::warning(format_args!("cannot save: {error}"));
            }
            saved.is_ok()
        });
        let dirty = self.keyspace.changes.dirty();
        self.persist.began(forked.ok(), dirty, start, start.elapsed());
        match forked {
            Ok(pid) => log::notice(format_args!("process {pid} saves in the background")),
            Err(errno) => log::warning(format_args!("cannot save in the background: fork: {}", errno.desc())),
        }
        forked.map(drop)
    }

    /// A child has ended: learns whether the snapshot is complete.
    pub fn reap(&mut self) {
        let Some(saving) = self.persist.saving else { return };
        match waitpid(saving.pid, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => {}
            Ok(WaitStatus::Exited(_, 0)) => {
                log::notice(format_args!("saved to {} in the background", self.config.snapshot().display()));
                self.persist.saved(saving.dirty);
                self.ended(saving);
            }
            status => {
                log::warning(format_args!("process {} has not saved: {status:?}", saving.pid));
                self.persist.failed = true;
                // What it may have left behind, if it was killed.
                let _ =
                    std::fs::remove_file(snapshot::temporary(&self.config.snapshot(), saving.pid.as_raw()));
                self.ended(saving);
            }
        }
    }

    fn ended(&mut self, saving: Saving) {
        self.persist.saving = None;
        self.persist.last_took = Some(saving.started.elapsed());
    }

    /// Ends the child that writes a snapshot, if there is one, and waits for that.
    pub fn stop_saving(&mut self) {
        let Some(saving) = self.persist.saving.take() else { return };
        // It may have ended by itself; until it is waited for, the number is its own.
        let _ = kill(saving.pid, Signal::SIGKILL);
        let _ = waitpid(saving.pid, None);
        let _ = std::fs::remove_file(snapshot::temporary(&self.config.snapshot(), saving.pid.as_raw()));
    }

    /// The last snapshot, if one is due: `SHUTDOWN` may have said so or not, else save points do. One that would hold no
    /// more than the file is not written again.
    ///
    /// # Errors
    /// As [`State::save`].
    pub fn save_at_exit(&mut self) -> std::io::Result<()> {
        self.stop_saving();
        let wanted = self.persist.at_exit.unwrap_or(!self.config.save.is_empty());
        let is_new = self.unsaved() > 0 || !self.config.snapshot().exists();
        if wanted && is_new {
            self.save()?;
        }
        self.close_log().map_err(std::io::Error::other)
    }
}
