//! The server under test: watched, measured and stopped.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::{Announcement, Ended, Output, Process, watchdog};
use crate::procfs;

/// A running server. Dropping it kills its whole process group.
#[derive(Debug)]
pub struct Target {
    pub(super) process: Process,
    pub(super) server: Option<i32>,
    pub(super) announced: Vec<Announcement>,
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
        self.process.ended()
    }

    /// Waits up to `patience` for the command to end.
    #[must_use]
    pub fn wait_end(&self, patience: Duration) -> Option<Ended> {
        self.process.wait_end(patience)
    }

    /// Where it said that it listens, with this word behind the address.
    #[must_use]
    pub fn address_of(&self, word: &str) -> Option<SocketAddr> {
        self.announced.iter().find(|one| one.word == word).map(|one| one.address)
    }

    /// The process group, which is the pid of the command that was started.
    #[must_use]
    pub fn group(&self) -> i32 {
        self.process.pid()
    }

    /// Whether any process of its group is left, be it a child of the one that was started.
    #[must_use]
    pub fn has_processes(&self) -> bool {
        !procfs::group_members(self.group()).is_empty()
    }

    /// The living processes of its group.
    #[must_use]
    pub fn members(&self) -> Vec<procfs::Stat> {
        procfs::group_members(self.group())
    }

    /// The process that holds the listening socket: under `sh -c` or `cargo run` not the one started.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.server.unwrap_or(self.group())
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

    /// Kills the process group at once and reaps the command.
    pub fn kill(&self) {
        self.process.kill();
    }

    /// What the group is doing now; `None` where /proc does not tell.
    #[must_use]
    pub fn activity(&self) -> Option<Activity> {
        activity_of(self.group())
    }

    /// CPU time of the group's living processes.
    #[must_use]
    pub fn cpu(&self) -> Option<Duration> {
        self.activity().map(|activity| Duration::from_nanos(activity.cpu_nanos))
    }

    /// Resident memory of the group, in bytes.
    #[must_use]
    pub fn resident(&self) -> Option<u64> {
        let members = procfs::group_members(self.group());
        let sum: u64 = members.iter().filter_map(|m| procfs::status_number(m.pid, "VmRSS")).sum();
        (sum > 0).then_some(sum * 1024)
    }

    /// Address space of the group, in bytes: an allocation shows here before it is touched.
    #[must_use]
    pub fn address_space(&self) -> Option<u64> {
        let members = procfs::group_members(self.group());
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
        procfs::group_members(self.group()).len()
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

pub(super) fn activity_of(group: i32) -> Option<Activity> {
    let members = procfs::group_members(group);
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

impl Drop for Target {
    fn drop(&mut self) {
        self.kill();
        watchdog::forget(self.process.pid());
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

/// A server shared by a check and its connections.
pub type Shared = Arc<Target>;
