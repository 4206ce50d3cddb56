//! The append-only file: every change as the request that repeats it, in the files of Redis 7.
//!
//! ```text
//! appendonlydir/
//!   appendonly.aof.manifest      which files there are, in which order
//!   appendonly.aof.3.base.rdb    what stood when the log was last rewritten: a snapshot, or requests
//!   appendonly.aof.7.incr.aof    what was changed since: requests in RESP
//! ```
//!
//! [`text`] is what is waiting to be written, [`parse`] reads it back, [`manifest`] and [`folder`] keep the files in order,
//! [`rewrite`] writes a base, [`file`] appends and says what went wrong, [`sync`] waits for the disk in a thread of its own, and
//! `flush` says when. Which request repeats a
//! change is the commands' to say (`command/logged.rs`), and when what is written, the server's (`state/logging.rs`).
pub mod file;
mod flush;
pub mod folder;
pub mod manifest;
pub mod parse;
pub mod rewrite;
pub mod sync;
pub mod text;

use std::io;
use std::path::PathBuf;
use std::time::Instant;

use crate::keyspace::Mark;
use file::LogFile;
use folder::Folder;
use manifest::Manifest;
use rewrite::Rewrite;
use sync::Syncer;
use text::Log;

/// When what was written is known to be on the disk (`appendfsync`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policy {
    /// Before the reply.
    Always,
    /// About a second later.
    EverySecond,
    /// When the kernel likes.
    No,
}

/// What the log could not do, and why the last change may not last.
#[derive(Debug)]
pub struct Failure {
    /// What failed.
    pub what: What,
    /// Which file.
    pub path: PathBuf,
    /// Why.
    pub error: io::Error,
}

/// What can fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// write(2). What it left behind was cut off; it will be tried again.
    Write,
    /// fdatasync(2). Which bytes are on the disk is not known any more, and no later one tells: only a new file helps.
    Sync,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = if self.what == What::Write { "write" } else { "fdatasync" };
        write!(f, "{}: {what}: {}", self.path.display(), self.error)
    }
}

impl std::error::Error for Failure {}

/// The log of this server.
#[derive(Default)]
pub struct Aof {
    /// What is to be written.
    pub log: Log,
    /// Up to where the unit that runs has been logged.
    pub mark: Mark,
    /// The folder, while the log is on.
    pub folder: Option<Folder>,
    /// Which files there are.
    pub manifest: Manifest,
    /// The one that grows; none: the log is off.
    pub file: Option<LogFile>,
    /// Bytes of the files before it.
    pub size_before: u64,
    /// Bytes of all files when the log was last rewritten, or loaded.
    pub base_size: u64,
    /// The thread that waits for the disk.
    pub sync: Syncer,
    /// Something written is not known to be on the disk.
    pub unsynced: bool,
    /// When that was last cared for.
    pub last_sync: Option<Instant>,
    /// Since when writing waits for the disk.
    pub postponed: Option<Instant>,
    /// How often it has waited in vain (`aof_delayed_fsync`).
    pub delayed: u64,
    /// What went wrong and is not mended.
    pub failure: Option<Failure>,
    /// When that was last tried again.
    pub last_try: Option<Instant>,
    /// What is known about rewriting it.
    pub rewrite: Rewrite,
    /// The file that grows has no base and no place in the manifest yet.
    pub temporary: bool,
}

impl Aof {
    /// Whether changes are logged.
    pub fn is_on(&self) -> bool {
        self.file.is_some()
    }

    /// Goes on in another file.
    pub fn change_file(&mut self, fresh: LogFile) {
        if let Some(old) = self.file.replace(fresh) {
            self.size_before += old.size;
            self.sync.close(old.into_file());
        }
        self.log.begin_file();
        (self.unsynced, self.postponed) = (false, None);
    }

    /// Ends the log; its files stay.
    pub fn close(&mut self) {
        if let Some(file) = self.file.take() {
            self.sync.close(file.into_file());
        }
        (self.folder, self.manifest, self.log) = (None, Manifest::default(), Log::default());
        (self.failure, self.temporary, self.unsynced, self.postponed) = (None, false, false, None);
        (self.rewrite.scheduled, self.mark) = (false, Mark::default());
    }

    /// Whether what was written to a file may not be on the disk, for good.
    pub fn has_lost(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.what == What::Sync)
    }

    /// Everything that may have been lost is in a new base.
    pub fn forget_loss(&mut self) {
        self.failure.take_if(|failure| failure.what == What::Sync);
    }

    /// Whether it has grown by so many hundredths since it was rewritten, and is larger than `least`.
    pub fn has_grown(&self, percentage: u64, least: u64) -> bool {
        let (size, base) = (self.size(), self.base_size.max(1));
        percentage > 0 && size > least && (size * 100 / base).saturating_sub(100) >= percentage
    }

    /// Bytes of all files.
    pub fn size(&self) -> u64 {
        self.size_before + self.file.as_ref().map_or(0, |file| file.size)
    }
}
