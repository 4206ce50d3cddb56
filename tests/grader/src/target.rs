//! The server under test: started, watched, measured and, whatever happens, ended.
//!
//! A server runs in a process group of its own with resource limits, its output is drained all the time (a full pipe
//! would look like a hang), and it counts as ready once its port listens: never after a sleep.

mod launch;
mod limits;
mod output;
mod readiness;
mod start_error;

use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

pub use launch::Launch;
pub use limits::Limits;
pub use output::Output;
pub use start_error::StartError;

use crate::check::Outcome;
use crate::context::not_run;
use crate::procfs;

/// Process groups that must not outlive the grader.
static GROUPS: Mutex<Vec<i32>> = Mutex::new(Vec::new());

/// Environment variable that marks every process of a run, so that even a daemon that left its group is found.
pub const MARK: &str = "GRADER_RUN";

/// A running server. Dropping it kills its whole process group.
#[derive(Debug)]
pub struct Target {
    child: Mutex<Child>,
    group: i32,
    server: Option<i32>,
    /// The port it was told to listen on.
    pub port: u16,
    /// The second port, when the command has a `{framed_port}`.
    pub framed_port: Option<u16>,
    /// Its own empty directory, when the command has a `{dir}`; removed with the target.
    pub dir: Option<PathBuf>,
    /// From the start to the first accepted connection.
    pub ready_after: Duration,
    /// What it printed.
    pub output: Output,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended(pub ExitStatus);

/// What the server's processes were doing when looked at; two looks tell work from waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activity {
    /// CPU time so far, in nanoseconds.
    pub cpu_nanos: u64,
    /// Every thread of every process of the group sleeps.
    pub asleep: bool,
}

impl Target {
    /// `Some` once the started command has ended.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        lock(&self.child).try_wait().ok().flatten().map(Ended)
    }

    /// Waits up to `patience` for the command to end.
    #[must_use]
    pub fn wait_end(&self, patience: Duration) -> Option<Ended> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(ended) = self.ended() {
                return Some(ended);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            self.output.wait_for_more(left.min(Duration::from_millis(5)));
        }
    }

    /// Whether any process of its group is left, be it a child of the one that was started.
    #[must_use]
    pub fn has_processes(&self) -> bool {
        !procfs::group_members(self.group).is_empty()
    }

    /// The living processes of its group.
    #[must_use]
    pub fn members(&self) -> Vec<procfs::Stat> {
        procfs::group_members(self.group)
    }

    /// The process that holds the listening socket: under `sh -c` or `cargo run` not the one started.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.server.unwrap_or(self.group)
    }

    /// Sends a signal to the serving process alone.
    ///
    /// # Errors
    /// ESRCH when it is gone.
    pub fn signal(&self, signal: Signal) -> nix::Result<()> {
        nix::sys::signal::kill(Pid::from_raw(self.pid()), signal)
    }

    /// Stops the serving process until the guard is dropped. Every thread stands when this returns; kill(2) alone
    /// returns earlier.
    ///
    /// # Errors
    /// ESRCH when it is gone, EPERM when it is somebody else's.
    pub fn stop(&self) -> nix::Result<Stopped<'_>> {
        self.signal(Signal::SIGSTOP)?;
        let stopped = Stopped(self);
        // A thread in a call that no signal interrupts holds up nobody for longer than this.
        let deadline = Instant::now() + Duration::from_secs(1);
        while !procfs::stopped(self.pid()) && Instant::now() < deadline {
            std::thread::yield_now();
        }
        Ok(stopped)
    }

    /// Stops the serving process, acts, and lets it go on, whatever came of that: it finds everything at once.
    ///
    /// # Errors
    /// Not run, when it cannot be stopped; otherwise those of `act`.
    pub fn while_stopped<T>(&self, act: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        let _stopped = self.stop().map_err(|_| not_run("the server could not be stopped for a moment"))?;
        act()
    }

    /// Kills the process group at once and reaps the command.
    pub fn kill(&self) {
        // ESRCH: nobody is left, which is what was wanted.
        let _ = killpg(Pid::from_raw(self.group), Signal::SIGKILL);
        let _ = lock(&self.child).wait();
    }

    /// What the group is doing now; `None` where /proc does not tell.
    #[must_use]
    pub fn activity(&self) -> Option<Activity> {
        let members = procfs::group_members(self.group);
        if members.is_empty() {
            return None;
        }
        let mut sum = Activity { cpu_nanos: 0, asleep: true };
        for member in members {
            sum.cpu_nanos += procfs::cpu_nanos(member.pid)?;
            sum.asleep &= procfs::asleep(member.pid);
        }
        Some(sum)
    }

    /// CPU time of the group's living processes.
    #[must_use]
    pub fn cpu(&self) -> Option<Duration> {
        self.activity().map(|activity| Duration::from_nanos(activity.cpu_nanos))
    }

    /// Resident memory of the group, in bytes.
    #[must_use]
    pub fn resident(&self) -> Option<u64> {
        let members = procfs::group_members(self.group);
        let sum: u64 = members.iter().filter_map(|m| procfs::status_number(m.pid, "VmRSS")).sum();
        (sum > 0).then_some(sum * 1024)
    }

    /// Address space of the group, in bytes: an allocation shows here before it is touched.
    #[must_use]
    pub fn address_space(&self) -> Option<u64> {
        let members = procfs::group_members(self.group);
        let sum: u64 = members.iter().filter_map(|m| procfs::status_number(m.pid, "VmSize")).sum();
        (sum > 0).then_some(sum * 1024)
    }

    /// Open descriptors of the serving process.
    #[must_use]
    pub fn descriptors(&self) -> Option<usize> {
        procfs::descriptors(self.pid())
    }

    /// Threads of the serving process.
    #[must_use]
    pub fn threads(&self) -> Option<u64> {
        procfs::status_number(self.pid(), "Threads")
    }

    /// Living processes of the group.
    #[must_use]
    pub fn processes(&self) -> usize {
        procfs::group_members(self.group).len()
    }

    /// Waits until the server has nothing left to do: all threads asleep and no CPU time between two looks.
    /// False when that does not come within `patience`, or cannot be seen.
    #[must_use]
    pub fn wait_idle(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let mut before = None;
        while Instant::now() < deadline {
            let now = self.activity();
            if now.is_some_and(|now| now.asleep) && now == before {
                return true;
            }
            before = now;
            self.output.wait_for_more(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.kill();
        groups().retain(|group| *group != self.group);
        if let Some(dir) = &self.dir {
            let _ = std::fs::remove_dir_all(dir);
        }
    }
}

/// A stopped server; it goes on when this is dropped.
#[derive(Debug)]
pub struct Stopped<'a>(&'a Target);

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        let _ = self.0.signal(Signal::SIGCONT);
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A shell reports the death of its child as 128 + signal.
        let from_shell = self.0.code().filter(|code| *code > 128 && *code < 128 + 65).map(|code| code - 128);
        match (self.0.signal().or(from_shell), self.0.code()) {
            (Some(number), _) => match Signal::try_from(number) {
                Ok(signal) => write!(f, "was killed by signal {number} ({signal})"),
                Err(_) => write!(f, "was killed by signal {number}"),
            },
            (None, Some(code)) => write!(f, "exited with status {code}"),
            (None, None) => write!(f, "ended"),
        }
    }
}

/// Kills every server this process still runs, and every process that carries this run's mark. For the end of a run
/// and for Ctrl-C.
pub fn kill_all() {
    for group in groups().drain(..) {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    for pid in marked(&run_mark()) {
        let _ = nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
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

fn run_mark() -> String {
    format!("{}.", std::process::id())
}

fn groups() -> MutexGuard<'static, Vec<i32>> {
    lock(&GROUPS)
}

/// A panic in one check must not poison what the others need to clean up.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A server shared by a check and its connections.
pub type Shared = Arc<Target>;

fn kill_marked(mark: &str) {
    for pid in marked(mark) {
        let _ = nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}
