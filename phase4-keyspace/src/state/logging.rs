//! The append-only file of this server: begun at the start, written at the end of each tick, closed at the end.
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Instant;

use super::State;
use crate::error::Error;
use crate::log;
use crate::persist::aof::Failure;
use crate::persist::aof::file::LogFile;
use crate::persist::aof::folder::{Folder, TEMPORARY_BASE, named, sync_folder};
use crate::persist::aof::manifest::Manifest;
use crate::persist::aof::rewrite;
use crate::persist::snapshot::Options;

impl State {
    /// Goes on with a log whose files have been read, in a folder that is locked. Where there were none, it begins with what
    /// the databases hold.
    ///
    /// # Errors
    /// Names the file and what is the matter.
    pub fn begin_log(&mut self, folder: Folder, mut manifest: Manifest) -> io::Result<()> {
        let stem = &self.config.appendfilename;
        if manifest.files().next().is_none() {
            let as_snapshot = self.config.aof_use_rdb_preamble;
            let path = folder.file(&manifest.replace_base(stem, as_snapshot, 0).name);
            let options = as_snapshot.then_some(Options { of_log: true, ..self.config.rdb_options() });
            let temporary = rewrite::temporary(&folder.file(TEMPORARY_BASE), std::process::id() as i32);
            rewrite::write(&temporary, &self.keyspace, options).map_err(|error| named(&temporary, error))?;
            fs::rename(&temporary, &path).map_err(|error| named(&path, error))?;
        }
        let last = manifest.increments.last().map(|part| folder.file(&part.name));
        let file = match &last {
            Some(path) => LogFile::open(path).map_err(|error| named(path, error))?,
            None => {
                let path = folder.file(&manifest.add_increment(stem).name);
                LogFile::create(&path).map_err(|error| named(&path, error))?
            }
        };
        folder.write_manifest(stem, &manifest)?;
        folder.remove_history(stem, &mut manifest, &mut self.aof.sync)?;
        let sizes =
            manifest.files().map(|part| fs::metadata(folder.file(&part.name)).map_or(0, |it| it.len()));
        self.aof.size_before = sizes.sum::<u64>() - file.size;
        (self.aof.folder, self.aof.manifest, self.aof.file) = (Some(folder), manifest, Some(file));
        self.aof.base_size = self.aof.size();
        self.aof.log.begin_file();
        self.update_journal();
        Ok(())
    }

    /// Writes what the tick has logged; see [`Aof::flush`](crate::persist::aof::Aof::flush).
    ///
    /// # Errors
    /// Under `always`, what failed: the server must not answer any more.
    pub fn flush_log(&mut self, now: Instant) -> Result<(), Failure> {
        let quiet = self.config.no_appendfsync_on_rewrite && self.has_child();
        self.aof.flush(self.config.appendfsync, quiet, now)
    }

    /// Why commands that write are refused, if they are: what they would do might never be on the disk.
    pub fn refusal_by_log(&self) -> Option<Error> {
        let failure = self.aof.failure.as_ref()?;
        let why = failure.error.to_string();
        // strerror's words, without the number that Rust puts behind them.
        let why = why.split(" (os error").next().unwrap_or(&why);
        Some(Error::other(format!("MISCONF Errors writing to the AOF file: {why}")))
    }

    /// Brings all of the log to the disk, before the server ends.
    ///
    /// # Errors
    /// What failed.
    pub fn close_log(&mut self) -> Result<(), Failure> {
        self.stop_rewriting();
        if !self.aof.is_on() {
            return Ok(());
        }
        self.aof.flush_all(Instant::now()).inspect_err(|failure| log::warning(format_args!("{failure}")))
    }
}

/// Moves a log of one file, as versions before 7 have it, into the folder. A manifest says so first, so that a crash in
/// between is seen.
///
/// # Errors
/// Names the file and what is the matter.
pub fn adopt_single(single: &Path, folder: &Folder, stem: &str) -> io::Result<Manifest> {
    let manifest = Manifest::of_single(stem);
    File::open(single).and_then(|file| file.sync_all()).map_err(|error| named(single, error))?;
    folder.write_manifest(stem, &manifest)?;
    let path = folder.file(stem);
    fs::rename(single, &path).map_err(|error| named(&path, error))?;
    folder.sync()?;
    sync_folder(single.parent())?;
    log::notice(format_args!("{} is now in {}", single.display(), path.display()));
    Ok(manifest)
}
