//! The last resort against a check that goes on for ever: at its deadline the server is killed, and whatever the check
//! waits for comes to its end.

use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// Process groups that are watched, each with its deadline.
static WATCHED: Mutex<Vec<(i32, Instant)>> = Mutex::new(Vec::new());

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Kills the group at the deadline, unless it is forgotten before.
pub(super) fn watch(group: i32, deadline: Instant) {
    static STARTED: Once = Once::new();
    watched().push((group, deadline));
    STARTED.call_once(|| {
        std::thread::spawn(|| {
            loop {
                std::thread::sleep(LOOK_EVERY);
                kill_overdue();
            }
        });
    });
}

/// For a group that has ended: its number may be given to another.
pub(super) fn forget(group: i32) {
    watched().retain(|(watched, _)| *watched != group);
}

fn kill_overdue() {
    let now = Instant::now();
    watched().retain(|(group, deadline)| {
        let overdue = now >= *deadline;
        if overdue {
            // ESRCH: it has ended by itself.
            let _ = killpg(Pid::from_raw(*group), Signal::SIGKILL);
        }
        !overdue
    });
}

fn watched() -> std::sync::MutexGuard<'static, Vec<(i32, Instant)>> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}
