//! The folder of the log: one server at a time, and a manifest that is replaced whole.
use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::manifest::Manifest;
use super::sync::Syncer;
use crate::persist::rdb::Fault;

/// What the temporary names of bases begin with.
pub const TEMPORARY_BASE: &str = "temp-rewriteaof-bg-";

/// A folder that this process has locked; open until it is dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    lock: Flock<File>,
}

impl Folder {
    /// Makes the folder if it is not there, and locks it.
    ///
    /// # Errors
    /// Names the folder and what is the matter: no place for it, no permission, another server that uses it.
    pub fn open(path: &Path) -> io::Result<Folder> {
        let made = match DirBuilder::new().mode(0o755).create(path) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            Err(error) => return Err(named(path, error)),
        };
        let file = File::open(path).map_err(|error| named(path, error))?;
        if !file.metadata()?.is_dir() {
            return Err(named(path, Errno::ENOTDIR.into()));
        }
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| match errno {
            Errno::EWOULDBLOCK => io::Error::new(
                ErrorKind::WouldBlock,
                format!("{}: another server uses this folder", path.display()),
            ),
            errno => named(path, errno.into()),
        })?;
        if made {
            // Its own name stands in the folder above.
            sync_folder(path.parent())?;
        }
        Ok(Folder { path: path.into(), lock })
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Has the names in it brought to the disk.
    ///
    /// # Errors
    /// Those of fsync(2).
    pub fn sync(&self) -> io::Result<()> {
        self.lock.sync_all().map_err(|error| named(&self.path, error))
    }

    /// Puts a manifest in the place of the one before: written beside it, on the disk before it is renamed, and the folder
    /// after that. A crash at any point leaves one of the two, whole.
    ///
    /// # Errors
    /// Names the file. The old manifest stands, unless it is the folder that could not be synced.
    pub fn write_manifest(&self, stem: &str, manifest: &Manifest) -> io::Result<()> {
        let (path, beside) =
            (self.file(&manifest_name(stem)), self.file(&format!("temp-{}", manifest_name(stem))));
        let written = File::create(&beside).and_then(|mut file| {
            file.write_all(manifest.to_text().as_bytes())?;
            file.sync_all()
        });
        let written = written
            .map_err(|error| named(&beside, error))
            .and_then(|()| fs::rename(&beside, &path).map_err(|error| named(&path, error)));
        if written.is_err() {
            // The first error is the one to tell.
            let _ = fs::remove_file(&beside);
        }
        written?;
        self.sync()
    }

    /// Deletes the files that others have replaced, and writes the manifest without them. One that cannot be deleted is tried
    /// again next time.
    ///
    /// # Errors
    /// As [`Folder::write_manifest`].
    pub fn remove_history(&self, stem: &str, manifest: &mut Manifest, sync: &mut Syncer) -> io::Result<()> {
        if manifest.history.is_empty() {
            return Ok(());
        }
        manifest.history.retain(|part| {
            let path = self.file(&part.name);
            // The last descriptor of a large file is closed where it may take its time.
            let open = File::open(&path);
            let removed = fs::remove_file(&path);
            open.into_iter().for_each(|file| sync.close(file));
            removed.is_err_and(|error| error.kind() != ErrorKind::NotFound)
        });
        self.write_manifest(stem, manifest)
    }

    /// Removes what a server has left behind that was killed while it wrote a base. The folder is locked: no one writes it now.
    pub fn remove_leftovers(&self) {
        let Ok(entries) = fs::read_dir(&self.path) else { return };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(TEMPORARY_BASE) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// The manifest's name in the folder.
pub fn manifest_name(stem: &str) -> String {
    format!("{stem}.manifest")
}

/// The manifest of a folder, `None` if there is none.
///
/// # Errors
/// It cannot be read, or makes no sense: what, and where.
pub fn read_manifest(path: &Path) -> Result<Option<Manifest>, Fault> {
    match fs::read(path) {
        Ok(text) => Manifest::parse(&text).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Fault { at: 0, what: format!("cannot be read: {error}") }),
    }
}

/// Has the names in a folder brought to the disk.
///
/// # Errors
/// Those of open(2) and fsync(2), with the folder's name.
pub fn sync_folder(path: Option<&Path>) -> io::Result<()> {
    let path = path.filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(path).and_then(|folder| folder.sync_all()).map_err(|error| named(path, error))
}

/// An error that names its file.
pub fn named(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
