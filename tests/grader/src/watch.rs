//! Grades again whenever a file changes, and on a key.
//!
//! Files are compared by their time of change, twice a second: no inotify, so it works on network folders and in
//! containers alike. On a terminal single keys are read without Enter; elsewhere lines are.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::SystemTime;

use anyhow::Context as _;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{self, LocalFlags, SetArg, Termios};

use crate::cli::{self, Arguments};
use crate::target;

/// Milliseconds between two looks at the files.
const LOOK_EVERY: u16 = 500;
/// Folders that hold what is built, not what is written.
const SKIPPED: [&str; 6] = ["target", ".git", "node_modules", "__pycache__", ".venv", "book"];
/// More files than any homework has; beyond, watching would cost more than it gives.
const MOST_FILES: usize = 20_000;

/// The terminal as it was found.
static FOUND: Mutex<Option<Termios>> = Mutex::new(None);

/// Grades until told to stop.
///
/// # Errors
/// When the first plan makes no sense or standard input cannot be watched.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    cli::plan(arguments)?;
    let keys = std::io::stdin().is_terminal();
    if keys {
        read_single_keys().context("the terminal does not give single keys")?;
    }
    let outcome = watch(arguments);
    restore_terminal();
    outcome
}

fn watch(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let here = std::env::current_dir().context("the current directory is gone")?;
    let mut hints = arguments.hint;
    loop {
        let seen = stamps(&here);
        match cli::grade_once(arguments, hints) {
            Ok(_) => {}
            // It does not compile, for instance: the learner is about to mend that.
            Err(error) => eprintln!("{error:#}"),
        }
        target::kill_all();
        println!("\nwatching {} file(s): r rerun, h hint, q quit", seen.len());
        std::io::stdout().flush().ok();
        match next_wish(&here, &seen)? {
            Wish::Rerun => {}
            Wish::Hint => hints = (hints + 1).min(3),
            Wish::Quit => return Ok(ExitCode::SUCCESS),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Wish {
    Rerun,
    Hint,
    Quit,
}

/// Waits for a key or a changed file, whichever comes first.
fn next_wish(here: &Path, seen: &BTreeMap<PathBuf, SystemTime>) -> anyhow::Result<Wish> {
    let stdin = std::io::stdin();
    let mut open = true;
    loop {
        let mut waiting = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        let watched = if open { &mut waiting[..] } else { &mut [] };
        match poll(watched, PollTimeout::from(LOOK_EVERY)) {
            Ok(0) | Err(nix::errno::Errno::EINTR) => {}
            Ok(_) => {
                let mut key = [0];
                match stdin.lock().read(&mut key) {
                    // Standard input ended: files are still watched.
                    Ok(0) | Err(_) => open = false,
                    Ok(_) => {
                        if let Some(wish) = wish(key[0]) {
                            return Ok(wish);
                        }
                    }
                }
            }
            Err(errno) => return Err(errno).context("waiting for a key"),
        }
        if stamps(here) != *seen {
            return Ok(Wish::Rerun);
        }
    }
}

fn wish(key: u8) -> Option<Wish> {
    match key {
        b'r' | b'R' => Some(Wish::Rerun),
        b'h' | b'H' => Some(Wish::Hint),
        b'q' | b'Q' | 3 | 4 => Some(Wish::Quit),
        _ => None,
    }
}

/// Every file below a folder with the time it was changed.
fn stamps(folder: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && !SKIPPED.iter().any(|skipped| name == *skipped) {
                folders.push(entry.path());
            } else if kind.is_file()
                && found.len() < MOST_FILES
                && let Ok(changed) = entry.metadata().and_then(|data| data.modified())
            {
                found.insert(entry.path(), changed);
            }
        }
    }
    found
}

fn read_single_keys() -> nix::Result<()> {
    let stdin = std::io::stdin();
    let found = termios::tcgetattr(stdin.as_fd())?;
    let mut raw = found.clone();
    // ISIG stays: Ctrl-C still ends the program.
    raw.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO);
    termios::tcsetattr(stdin.as_fd(), SetArg::TCSANOW, &raw)?;
    if let Ok(mut slot) = FOUND.lock() {
        *slot = Some(found);
    }
    Ok(())
}

/// Puts the terminal back as it was found.
pub fn restore_terminal() {
    if let Ok(mut slot) = FOUND.lock()
        && let Some(found) = slot.take()
    {
        let _ = termios::tcsetattr(std::io::stdin().as_fd(), SetArg::TCSANOW, &found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_wishes() {
        assert_eq!(wish(b'r'), Some(Wish::Rerun));
        assert_eq!(wish(b'H'), Some(Wish::Hint));
        assert_eq!(wish(b'q'), Some(Wish::Quit));
        assert_eq!(wish(b'x'), None);
    }

    #[test]
    fn a_changed_file_is_seen_and_a_built_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("src")).unwrap();
        std::fs::create_dir_all(folder.path().join("target")).unwrap();
        let source = folder.path().join("src/main.rs");
        std::fs::write(&source, "one").unwrap();
        let before = stamps(folder.path());
        assert_eq!(before.len(), 1);
        std::fs::write(folder.path().join("target/out"), "built").unwrap();
        assert_eq!(stamps(folder.path()), before);
        let later = SystemTime::now() + std::time::Duration::from_secs(5);
        std::fs::File::options().write(true).open(&source).unwrap().set_modified(later).unwrap();
        assert_ne!(stamps(folder.path()), before);
    }
}
