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
use crate::report::{CheckResult, Run, RunVerdict, Status};
use crate::target;

/// Milliseconds between two looks at the files.
const LOOK_EVERY: u16 = 500;
/// Folders that hold what is built, not what is written.
const SKIPPED: [&str; 6] = ["target", ".git", "node_modules", "__pycache__", ".venv", "book"];
/// Files that this program writes itself while it looks.
const OWN: [&str; 3] = [".course.toml", ".course.toml.new", "Cargo.lock"];
/// More files than any homework has; beyond, watching would cost more than it gives.
const MOST_FILES: usize = 20_000;

/// The terminal as it was found.
static FOUND: Mutex<Option<Termios>> = Mutex::new(None);

/// Grades until told to stop: with one seed, so that a failure stays the same until it is mended.
///
/// # Errors
/// When the first plan makes no sense or standard input cannot be watched.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let first = cli::plan(arguments)?;
    let mut arguments = arguments.clone();
    if arguments.student.is_none() {
        arguments.seed = Some(first.seed);
    }
    let here = std::env::current_dir().context("the current directory is gone")?;
    let mut before: Option<Vec<String>> = None;
    again_and_again(&here, arguments.hint, "r rerun, h hint, q quit", |hints| {
        let run = cli::grade_and_report(&arguments, hints)?;
        if let Some(before) = &before {
            println!("\n{}", since(before, &passed(&run), run.verdict()));
        }
        before = Some(passed(&run));
        Ok(())
    })
}

fn passed(run: &Run) -> Vec<String> {
    let passed = run.results.iter().filter(|result| matches!(result.status, Status::Passed));
    passed.map(CheckResult::id).collect()
}

/// What has been mended since the round before, and what has been broken.
fn since(before: &[String], now: &[String], verdict: RunVerdict) -> String {
    let more = |of: &[String], than: &[String]| -> Vec<String> {
        of.iter().filter(|id| !than.contains(id)).cloned().collect()
    };
    let (mended, broken) = (more(now, before), more(before, now));
    let mut lines = Vec::new();
    if !mended.is_empty() {
        lines.push(format!("mended: {}", mended.join(", ")));
    }
    if !broken.is_empty() {
        lines.push(format!("broken since the last round: {}", broken.join(", ")));
    }
    match verdict {
        RunVerdict::Passed => lines.push("everything that was graded passes".to_owned()),
        _ if lines.is_empty() => lines.push("the same as before".to_owned()),
        _ => {}
    }
    lines.join("\n")
}

/// Does `round` now, and again after each change of a file below `here` and on a key, until told to stop. It is told how many
/// hints are wanted.
///
/// # Errors
/// When standard input cannot be watched. An error of a round is shown, and the next may mend it.
pub fn again_and_again(
    here: &Path,
    hints: u8,
    keys: &str,
    mut round: impl FnMut(u8) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    if std::io::stdin().is_terminal() {
        read_single_keys().context("the terminal does not give single keys")?;
    }
    let mut hints = hints;
    let outcome = loop {
        let seen = stamps(here);
        // It does not compile, for instance: the learner is about to mend that.
        if let Err(error) = round(hints) {
            eprintln!("{error:#}");
        }
        target::kill_all();
        println!("\nwatching {} file(s): {keys}", seen.len());
        std::io::stdout().flush().ok();
        match next_wish(here, &seen) {
            Ok(Wish::Rerun) => {}
            Ok(Wish::Hint) => hints = (hints + 1).min(3),
            Ok(Wish::Quit) => break Ok(ExitCode::SUCCESS),
            Err(error) => break Err(error),
        }
    };
    restore_terminal();
    outcome
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
                && !OWN.iter().any(|own| name == *own)
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
    fn what_was_mended_and_what_was_broken_is_said() {
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let (old, new) = (ids(&["a", "b"]), ids(&["b", "c"]));
        assert_eq!(since(&old, &new, RunVerdict::Failed), "mended: c\nbroken since the last round: a");
        assert_eq!(since(&old, &old, RunVerdict::Failed), "the same as before");
        assert!(since(&[], &old, RunVerdict::Passed).ends_with("everything that was graded passes"));
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
