//! A snapshot takes the place of the one before, and at no moment is there neither.
//!
//! It is written under another name, flushed to the disk, and renamed; then the folder is flushed, where the name stands. A
//! crash at any point leaves the old file or the new one, whole.
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::rdb::Fault;
use super::rdb::load::{Loaded, load};
use super::rdb::save::save;
use crate::keyspace::Keyspace;

pub use super::rdb::save::Options;

/// The name under which process `pid` writes, beside the snapshot.
pub fn temporary(path: &Path, pid: i32) -> PathBuf {
    path.with_file_name(format!("temp-{pid}.rdb"))
}

/// Writes all databases to `path`, by way of [`temporary`].
///
/// # Errors
/// Names the file. The old snapshot stands, and nothing beside it; only if the folder itself cannot be flushed, the new one has
/// taken its place.
pub fn write(keyspace: &Keyspace, path: &Path, options: Options) -> io::Result<()> {
    let beside = temporary(path, std::process::id() as i32);
    let named =
        |path: &Path, error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let written = write_through(keyspace, &beside, options)
        .map_err(|error| named(&beside, error))
        .and_then(|()| fs::rename(&beside, path).map_err(|error| named(path, error)));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&beside);
        return written;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| named(folder, error))
}

fn write_through(keyspace: &Keyspace, path: &Path, options: Options) -> io::Result<()> {
    save(File::create(path)?, keyspace, options)?.sync_all()
}

/// Loads a snapshot; `None` if there is no file.
///
/// # Errors
/// What is wrong with it, and where.
pub fn read(keyspace: &mut Keyspace, path: &Path, checksum: bool) -> Result<Option<Loaded>, Fault> {
    let unreadable = |error: io::Error| Fault { at: 0, what: format!("cannot be read: {error}") };
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(unreadable)?,
    };
    let size = file.metadata().map_err(unreadable)?.len();
    load(file, size, keyspace, checksum).map(Some)
}
