//! Lines for the operator, one per event, with the time in front: on stderr, or in a file.
use std::fmt::Arguments;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

/// How much is said (`loglevel`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// What only a developer of this server wants to know: nothing yet that is not verbose too.
    Debug,
    /// Connections and protocol errors too.
    Verbose,
    /// What an operator wants to know.
    Notice,
    /// What an operator should look at.
    Warning,
}

static LEVEL: AtomicU8 = AtomicU8::new(Level::Notice as u8);
static FILE: OnceLock<PathBuf> = OnceLock::new();

/// Writes to a file from here on. It is opened for every line, as in Redis: who renames it to keep it (logrotate) finds a new
/// one begun.
///
/// # Errors
/// The file cannot be opened now. If it cannot be later, lines are lost.
pub fn to_file(path: PathBuf) -> io::Result<()> {
    open(&path)?;
    // Set once, at the start.
    let _ = FILE.set(path);
    Ok(())
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// Says only what is at least this important from here on.
pub fn set_level(level: Level) {
    LEVEL.store(level as u8, Ordering::Relaxed);
}

/// See [`Level::Verbose`].
pub fn verbose(what: Arguments<'_>) {
    line(Level::Verbose, what);
}

/// See [`Level::Notice`].
pub fn notice(what: Arguments<'_>) {
    line(Level::Notice, what);
}

/// See [`Level::Warning`].
pub fn warning(what: Arguments<'_>) {
    line(Level::Warning, what);
}

fn line(level: Level, what: Arguments<'_>) {
    if (level as u8) < LEVEL.load(Ordering::Relaxed) {
        return;
    }
    let now = crate::clock::wall_clock();
    let (hours, minutes, seconds) = (now.as_secs() / 3600 % 24, now.as_secs() / 60 % 60, now.as_secs() % 60);
    let millis = now.subsec_millis();
    let line = format!("{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z {what}\n");
    // The disk may be full, and stderr may have no reader any more; that must not end the server.
    let _ = match FILE.get() {
        Some(path) => open(path).and_then(|mut file| file.write_all(line.as_bytes())),
        None => io::stderr().write_all(line.as_bytes()),
    };
}
