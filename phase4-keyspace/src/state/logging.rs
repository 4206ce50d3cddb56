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
use crate::persist::snapshot;

impl State {
    /// Goes on with a log whose files have been read, in a folder that is locked. Where there were none, it begins with what
    /// the databases hold.
    ///
    /// # Errors
    /// Names the file and what is the matter.
    pub fn begin_log(&mut self, folder: Folder, mut manifest: Manifest) -> io::Result<()> {
        let stem = &self.config.appendfilename;
        if manifest.files().next().is_none() {
            let part = manifest.replace_base(stem, true, 0);
            let options = snapshot::Options { of_log: true, ..self.config.rdb_options() };
            let temporary = folder.file(&format!("{TEMPORARY_BASE}{}.aof", std::process::id()));
            snapshot::write_by(&self.keyspace, &temporary, &folder.file(&part.name), options)?;
        }
        let last = manifest.increments.last().cloned();
        let name = last.unwrap_or_else(|| manifest.add_increment(stem)).name;
        let path = folder.file(&name);
        let file = LogFile::open(&path).map_err(|error| named(&path, error))?;
        folder.write_manifest(stem, &manifest)?;
        remove_history(&folder, stem, &mut manifest)?;
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
        self.aof.flush(self.config.appendfsync, false, now)
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
        if !self.aof.is_on() {
            return Ok(());
        }
        self.aof.flush_all(Instant::now()).inspect_err(|failure| log::warning(format_args!("{failure}")))
    }
}

/// Deletes the files that others have replaced. One that cannot be deleted is tried again at the next start.
fn remove_history(folder: &Folder, stem: &str, manifest: &mut Manifest) -> io::Result<()> {
    if manifest.history.is_empty() {
        return Ok(());
    }
    manifest.history.retain(|part| {
        let removed = fs::remove_file(folder.file(&part.name));
        removed.is_err_and(|error| error.kind() != io::ErrorKind::NotFound)
    });
    folder.write_manifest(stem, manifest)
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
