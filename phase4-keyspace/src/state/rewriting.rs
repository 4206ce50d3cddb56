//! Rewriting the log, so that it does not grow for ever: a child writes what stands now as a new base, the parent goes on in
//! a new increment, and when the child is done a manifest puts the two in the place of all the others.
//!
//! The same way leads to a log on a server that had none: until the first base is there, the increment has a temporary name
//! and no manifest speaks of it.
use std::fs;
use std::io;
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

use super::State;
use crate::log;
use crate::persist::aof::file::LogFile;
use crate::persist::aof::folder::{self, Folder, TEMPORARY_BASE, manifest_name, named};
use crate::persist::aof::rewrite::{self, Rewriting};
use crate::persist::child;
use crate::persist::snapshot::Options;

impl State {
    /// Whether a child writes a snapshot or a base. There is never more than one.
    pub fn has_child(&self) -> bool {
        self.persist.saving.is_some() || self.aof.rewrite.child.is_some()
    }

    /// Starts a child that writes a new base. There is no child yet.
    ///
    /// # Errors
    /// Names the file, or fork(2). It is logged.
    pub fn rewrite_log(&mut self) -> io::Result<()> {
        let started = self.begin_rewrite();
        let now = Instant::now();
        self.aof.rewrite.began(started.is_ok(), now);
        started
            .inspect_err(|error| log::warning(format_args!("cannot rewrite the append-only file: {error}")))
    }

    fn begin_rewrite(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if self.aof.folder.is_none() {
            self.enter_log_folder()?;
        }
        if self.aof.is_on() {
            self.next_increment(now)?;
        }
        let Some(folder) = &self.aof.folder else { return Ok(()) };
        let as_snapshot = self.config.aof_use_rdb_preamble;
        let options = as_snapshot.then_some(Options { of_log: true, ..self.config.rdb_options() });
        let (folder, keyspace) = (folder.file(TEMPORARY_BASE), &self.keyspace);
        let forked = child::spawn(|| {
            let path = rewrite::temporary(&folder, std::process::id() as i32);
            let written = rewrite::write(&path, keyspace, options);
            if let Err(error) = &written {
                log::warning(format_args!(
                    "cannot rewrite the append-only file: {}: {error}",
                    path.display()
                ));
            }
            written.is_ok()
        });
        let took = now.elapsed();
        let pid = forked.map_err(|errno| io::Error::other(format!("fork: {}", errno.desc())))?;
        self.persist.forked(took);
        self.aof.rewrite.child = Some(Rewriting { pid, started: now, as_snapshot });
        log::notice(format_args!("process {pid} rewrites the append-only file"));
        Ok(())
    }

    /// Locks the folder of a log that is off, and learns which files are there.
    fn enter_log_folder(&mut self) -> io::Result<()> {
        let folder = Folder::open(&self.config.log_folder())?;
        folder.remove_leftovers();
        let path = folder.file(&manifest_name(&self.config.appendfilename));
        let manifest = folder::read_manifest(&path).map_err(|fault| named(&path, io::Error::other(fault)))?;
        (self.aof.folder, self.aof.manifest) = (Some(folder), manifest.unwrap_or_default());
        Ok(())
    }

    /// Goes on in a new file. What stands in the one before is on the disk first: a power cut must not leave a hole between
    /// the two.
    fn next_increment(&mut self, now: Instant) -> io::Result<()> {
        // Of a file whose fdatasync has failed, nothing more can be known.
        if !self.aof.has_lost() {
            self.aof.flush_all(now).map_err(io::Error::other)?;
        }
        let Some(folder) = &self.aof.folder else { return Ok(()) };
        let stem = &self.config.appendfilename;
        let mut manifest = self.aof.manifest.clone();
        let fresh = if self.aof.temporary {
            // The one before was for a base that did not come.
            let path = folder.file(&rewrite::temporary_increment(stem));
            LogFile::create(&path).map_err(|error| named(&path, error))?
        } else {
            let path = folder.file(&manifest.add_increment(stem).name);
            let fresh = LogFile::create(&path).map_err(|error| named(&path, error))?;
            folder.write_manifest(stem, &manifest)?;
            fresh
        };
        self.aof.manifest = manifest;
        self.aof.change_file(fresh);
        Ok(())
    }

    /// A child has ended: if it was the one that rewrites, puts its base in place.
    pub fn reap_rewrite(&mut self) {
        let Some(child) = self.aof.rewrite.child else { return };
        let status = waitpid(child.pid, Some(WaitPidFlag::WNOHANG));
        if status == Ok(WaitStatus::StillAlive) {
            return;
        }
        self.aof.rewrite.child = None;
        let done = match status {
            Ok(WaitStatus::Exited(_, 0)) => self.finish_rewrite(child),
            status => Err(io::Error::other(format!("process {} has not done it: {status:?}", child.pid))),
        };
        self.aof.rewrite.ended(done.is_ok(), child.started.elapsed());
        match done {
            Ok(()) => {
                log::notice(format_args!("the append-only file is rewritten: {} bytes", self.aof.size()))
            }
            Err(error) => {
                log::warning(format_args!("cannot rewrite the append-only file: {error}"));
                self.remove_temporary_base(child);
                // A log that has no base yet is none.
                self.aof.rewrite.scheduled |= self.aof.temporary;
            }
        }
        if !self.aof.is_on() {
            self.aof.folder = None;
        }
    }

    fn finish_rewrite(&mut self, child: Rewriting) -> io::Result<()> {
        let Some(folder) = self.aof.folder.take() else { return Ok(()) };
        let done = self.replace_base(&folder, child);
        self.aof.folder = Some(folder);
        done
    }

    /// The base gets its name, then the manifest says so, then what it replaces is deleted.
    fn replace_base(&mut self, folder: &Folder, child: Rewriting) -> io::Result<()> {
        let stem = &self.config.appendfilename;
        let mut manifest = self.aof.manifest.clone();
        let keep = usize::from(self.aof.is_on() && !self.aof.temporary);
        let base = folder.file(&manifest.replace_base(stem, child.as_snapshot, keep).name);
        let written = rewrite::temporary(&folder.file(TEMPORARY_BASE), child.pid.as_raw());
        fs::rename(&written, &base).map_err(|error| named(&base, error))?;
        if let Some(file) = self.aof.file.as_mut().filter(|_| self.aof.temporary) {
            let path = folder.file(&manifest.add_increment(stem).name);
            fs::rename(file.path(), &path).map_err(|error| named(&path, error))?;
            file.renamed(path);
        }
        folder.write_manifest(stem, &manifest)?;
        self.aof.size_before = fs::metadata(&base).map_or(0, |base| base.len());
        self.aof.temporary = false;
        // What was lost on the way to the disk is in the new base.
        self.aof.forget_loss();
        self.aof.base_size = self.aof.size();
        folder.remove_history(stem, &mut manifest, &mut self.aof.sync)?;
        self.aof.manifest = manifest;
        Ok(())
    }

    fn remove_temporary_base(&self, child: Rewriting) {
        if let Some(folder) = &self.aof.folder {
            let _ = fs::remove_file(rewrite::temporary(&folder.file(TEMPORARY_BASE), child.pid.as_raw()));
        }
    }

    /// Starts a rewrite that is due: asked for while another child wrote, or because the log has grown too much, or because
    /// only a new file can be trusted.
    pub fn rewrite_if_due(&mut self, now: Instant) {
        if self.has_child() {
            return;
        }
        let (aof, config) = (&self.aof, &self.config);
        let grown = aof.is_on()
            && aof.has_grown(config.auto_aof_rewrite_percentage, config.auto_aof_rewrite_min_size);
        let by_itself =
            (grown || aof.has_lost() || aof.rewrite.scheduled && aof.temporary) && aof.rewrite.may_try(now);
        let asked = aof.rewrite.scheduled && !aof.temporary;
        if by_itself || asked {
            if grown && !asked {
                log::notice(format_args!("the append-only file has {} bytes: rewriting it", aof.size()));
            }
            let _ = self.rewrite_log();
        }
    }

    /// Ends the child that rewrites, if there is one, and waits for that.
    pub fn stop_rewriting(&mut self) {
        let Some(child) = self.aof.rewrite.child.take() else { return };
        let _ = kill(child.pid, Signal::SIGKILL);
        let _ = waitpid(child.pid, None);
        self.remove_temporary_base(child);
    }

    /// `CONFIG SET appendonly yes`: logs from now on, into an increment that has no place before its base is written.
    ///
    /// # Errors
    /// Names the file and what is the matter; the log stays off.
    pub fn switch_log_on(&mut self) -> io::Result<()> {
        self.stop_rewriting();
        self.enter_log_folder()?;
        let Some(folder) = &self.aof.folder else { return Ok(()) };
        let path = folder.file(&rewrite::temporary_increment(&self.config.appendfilename));
        self.aof.temporary = true;
        self.aof.change_file(LogFile::create(&path).map_err(|error| named(&path, error))?);
        self.aof.size_before = 0;
        // What a transaction has done up to here is in the base.
        self.aof.mark = self.keyspace.changes.mark();
        self.update_journal();
        if self.has_child() {
            self.aof.rewrite.scheduled = true;
            return Ok(());
        }
        self.rewrite_log().inspect_err(|_| self.switch_log_off())
    }

    /// `CONFIG SET appendonly no`: what is logged is brought to the disk, and the files stay.
    pub fn switch_log_off(&mut self) {
        self.stop_rewriting();
        // It is logged.
        let _ = self.close_log();
        if let (true, Some(file)) = (self.aof.temporary, &self.aof.file) {
            let _ = fs::remove_file(file.path());
        }
        self.aof.close();
        self.update_journal();
    }
}
