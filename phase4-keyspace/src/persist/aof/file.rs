//! The file that grows. What cannot be written whole is not there at all: a reader of the file never meets half of it with
//! something behind.
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::{Failure, What};

/// An open log file.
#[derive(Debug)]
pub struct LogFile {
    file: File,
    path: PathBuf,
    /// Its length in bytes.
    pub size: u64,
}

impl LogFile {
    /// Opens a file to append to it, and makes it if it is not there.
    ///
    /// # Errors
    /// Those of open(2).
    pub fn open(path: &Path) -> io::Result<LogFile> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(ErrorKind::InvalidInput, "this is no file of bytes"));
        }
        Ok(LogFile { file, path: path.into(), size: metadata.len() })
    }

    /// Makes a file that is empty, whatever is there.
    ///
    /// # Errors
    /// Those of open(2).
    pub fn create(path: &Path) -> io::Result<LogFile> {
        // To append needs no truncate flag of its own: two opens keep the two meanings apart.
        File::create(path)?;
        LogFile::open(path)
    }

    /// The descriptor.
    pub fn into_file(self) -> File {
        self.file
    }

    /// Its name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// It has another name now.
    pub fn renamed(&mut self, path: PathBuf) {
        self.path = path;
    }

    /// Appends all of `bytes` or nothing. If a part that was written cannot be cut off again, `size` says how much stays, and
    /// the error says how much of `bytes` that is.
    ///
    /// # Errors
    /// Those of write(2), with the number of bytes that stay.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), (Failure, usize)> {
        let mut written = 0;
        while written < bytes.len() {
            match self.file.write(&bytes[written..]) {
                Ok(0) => return Err(self.undo(written, ErrorKind::WriteZero.into())),
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.undo(written, error)),
            }
        }
        self.size += bytes.len() as u64;
        Ok(())
    }

    fn undo(&mut self, written: usize, error: io::Error) -> (Failure, usize) {
        let cut_off = written == 0 || self.file.set_len(self.size).is_ok();
        let stays = if cut_off { 0 } else { written };
        self.size += stays as u64;
        (Failure { what: What::Write, path: self.path.clone(), error }, stays)
    }

    /// Waits until all that was written is on the disk.
    ///
    /// # Errors
    /// Those of fdatasync(2).
    pub fn sync(&self) -> Result<(), Failure> {
        self.file.sync_data().map_err(|error| self.failed_sync(error))
    }

    /// What is told when the disk has refused what was written.
    pub fn failed_sync(&self, error: io::Error) -> Failure {
        Failure { what: What::Sync, path: self.path.clone(), error }
    }

    /// Another descriptor of the same file, for the thread that waits for the disk.
    ///
    /// # Errors
    /// Those of dup(2).
    pub fn duplicate(&self) -> io::Result<File> {
        self.file.try_clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_appended_stands_behind_what_was_there() {
        let path = std::env::temp_dir().join(format!("keyspace-log-file-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let mut file = LogFile::open(&path).unwrap();
        file.append(b"one").unwrap();
        let mut again = LogFile::open(&path).unwrap();
        assert_eq!(again.size, 3);
        again.append(b"two").unwrap();
        again.sync().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"onetwo");
        std::fs::remove_file(&path).unwrap();
        assert!(LogFile::open(&std::env::temp_dir()).is_err(), "a folder");
        assert!(LogFile::open(Path::new("/dev/null")).is_err());
    }

    #[test]
    fn half_a_write_is_cut_off() {
        let path = std::env::temp_dir().join(format!("keyspace-log-undo-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let mut file = LogFile::open(&path).unwrap();
        file.append(b"whole").unwrap();
        std::fs::write(&path, b"wholeha").unwrap();
        let (failure, stays) = file.undo(2, io::Error::from_raw_os_error(28));
        assert_eq!((stays, file.size, failure.what), (0, 5, What::Write));
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        std::fs::remove_file(&path).unwrap();
    }
}
