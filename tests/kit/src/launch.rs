//! Starting programs and, whatever happens, ending them: the one launcher under `tests/`.
//!
//! A [`Process`] runs in a process group of its own, and its output is drained all the time: a full pipe would look like a
//! hang. A [`Launch`] starts a server from a command with placeholders, holds it within [`Limits`] and waits until its port
//! listens, never for a time; the [`Target`] it returns is watched, measured and stopped.

mod announced;
mod fed;
mod limits;
mod output;
mod process;
mod readiness;
mod start;
mod start_error;
mod target;
mod watchdog;

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

pub use announced::{Announcement, announcements};
pub use fed::Fed;
pub use limits::Limits;
pub use output::Output;
pub use process::{Ended, Process};
pub use start::{Launch, Ready, User};
pub use start_error::StartError;
pub use target::{Activity, Shared, Stopped, Target};

use crate::procfs;

/// Process groups that must not outlive this process.
static GROUPS: Mutex<Vec<i32>> = Mutex::new(Vec::new());

/// Environment variable that marks every process of a run, so that even a daemon that left its group is found.
pub const MARK: &str = "GRADER_RUN";

/// Kills every server this process still runs, and every process that carries this run's mark. For the end of a run
/// and for Ctrl-C.
pub fn kill_all() {
    for group in groups().drain(..) {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    kill_run(std::process::id());
}

/// Kills every process that carries the mark of the process with this number: what a killed one has left.
pub fn kill_run(started_by: u32) {
    kill_marked(&mark_of(started_by));
}

/// The processes whose environment carries `MARK=mark`.
fn marked(mark: &str) -> Vec<i32> {
    let entry = format!("{MARK}={mark}");
    procfs::processes()
        .filter(|stat| {
            std::fs::read(format!("/proc/{}/environ", stat.pid)).is_ok_and(|environ| {
                environ.split(|byte| *byte == 0).any(|item| item.starts_with(entry.as_bytes()))
            })
        })
        .map(|stat| stat.pid)
        .collect()
}

/// How often the list of marked processes is read again before its end is no longer waited for.
const ROUNDS: usize = 100;

fn run_mark() -> String {
    mark_of(std::process::id())
}

fn mark_of(process: u32) -> String {
    format!("{process}.")
}

fn groups() -> MutexGuard<'static, Vec<i32>> {
    lock(&GROUPS)
}

/// A panic in one check must not poison what the others need to clean up.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stops every marked process before any is killed: one that forks for ever would be ahead of a list of its children.
fn kill_marked(mark: &str) {
    let mut stopped = BTreeSet::new();
    for _ in 0..ROUNDS {
        let more: Vec<i32> = marked(mark).into_iter().filter(|pid| !stopped.contains(pid)).collect();
        if more.is_empty() {
            break;
        }
        for pid in more {
            let _ = kill(Pid::from_raw(pid), Signal::SIGSTOP);
            stopped.insert(pid);
        }
    }
    for pid in stopped {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}
