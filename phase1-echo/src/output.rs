//! What a program says: results on stdout, a log on stderr.
//!
//! `println!` and `eprintln!` panic when the write fails, and it fails when the disk behind a log is full or the reader of
//! a pipe has left. A server must not end, and lose what it holds, because a line of its log cannot be written. So the
//! programs of this workspace write through this file alone:
//!
//! - [`log!`](crate::log) writes one line to stderr and ignores failure;
//! - [`announce`] writes a server's `listening on` line to stdout and ignores failure: a server whose stdout is closed
//!   keeps serving;
//! - [`print()`] writes a tool's results to stdout. A reader that has left (`| head`) ends the tool quietly; any other
//!   failure is an error to report.
use std::fmt::Arguments;
use std::io::{ErrorKind, Write as _, stderr, stdout};

use anyhow::{Context, Result};

/// Logs one line to stderr, formatted as by `format!`.
#[macro_export]
macro_rules! log {
    ($($words:tt)*) => { $crate::output::log_line(format_args!($($words)*)) };
}

/// What [`log!`](crate::log) calls. One write(2) a line, so that the lines of several processes do not mix.
pub fn log_line(line: Arguments<'_>) {
    let _ = stderr().write_all(format!("{line}\n").as_bytes());
}

/// Tells scripts that a server accepts connections.
pub fn announce(lines: &str) {
    let _ = stdout().write_all(lines.as_bytes()).and_then(|()| stdout().flush());
}

/// Writes results to stdout, at once.
pub fn print(bytes: &[u8]) -> Result<()> {
    let mut stdout = stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        outcome => outcome.context("writing standard output"),
    }
}
