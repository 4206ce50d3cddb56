//! A child process in a group of its own.

use std::io::{self, ErrorKind};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use super::target::activity_of;
use super::{Activity, Output, groups, lock};

/// A running program. Dropping it kills its whole process group.
#[derive(Debug)]
pub struct Process {
    child: Mutex<Child>,
    group: i32,
    stdout: Output,
    stderr: Output,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended(pub ExitStatus);

impl Process {
    /// Starts a program without input. A file that is still open for writing is waited for as long as `patience`.
    ///
    /// # Errors
    /// Those of execve(2).
    pub fn spawn(
        command: &mut Command,
        patience: Duration,
        stdout: Output,
        stderr: Output,
    ) -> io::Result<Self> {
        let mut child = spawn_in_group(command, Stdio::null(), patience)?;
        if let Some(pipe) = child.stdout.take() {
            stdout.drain(pipe);
        }
        Ok(Self::of(child, stdout, stderr))
    }

    /// The same, its standard input and output in the caller's hands: the second must be read all the time.
    ///
    /// # Errors
    /// Those of execve(2).
    pub fn spawn_fed(
        command: &mut Command,
        patience: Duration,
    ) -> io::Result<(Self, Option<ChildStdin>, Option<ChildStdout>)> {
        let mut child = spawn_in_group(command, Stdio::piped(), patience)?;
        let pipes = (child.stdin.take(), child.stdout.take());
        Ok((Self::of(child, Output::default(), Output::default()), pipes.0, pipes.1))
    }

    fn of(mut child: Child, stdout: Output, stderr: Output) -> Self {
        if let Some(pipe) = child.stderr.take() {
            stderr.drain(pipe);
        }
        let group = i32::try_from(child.id()).expect("a pid fits an i32");
        groups().push(group);
        Self { child: Mutex::new(child), group, stdout, stderr }
    }

    /// What its group is doing now; `None` where /proc does not tell.
    #[must_use]
    pub fn activity(&self) -> Option<Activity> {
        activity_of(self.group)
    }

    /// The process, and the group that it leads.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.group
    }

    /// What it printed.
    #[must_use]
    pub fn stdout(&self) -> &Output {
        &self.stdout
    }

    /// What it complained about.
    #[must_use]
    pub fn stderr(&self) -> &Output {
        &self.stderr
    }

    /// `Some` once it has ended.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        lock(&self.child).try_wait().ok().flatten().map(Ended)
    }

    /// Waits up to `patience` for its end.
    #[must_use]
    pub fn wait_end(&self, patience: Duration) -> Option<Ended> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(ended) = self.ended() {
                return Some(ended);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            self.stdout.wait_for_more(left.min(Duration::from_millis(5)));
        }
    }

    /// Sends a signal to this process alone, not to its group.
    ///
    /// # Errors
    /// ESRCH when it is gone.
    pub fn signal(&self, signal: Signal) -> nix::Result<()> {
        kill(Pid::from_raw(self.group), signal)
    }

    /// Kills the process group at once and reaps the process.
    pub fn kill(&self) {
        let mut groups = groups();
        // Once only: when the process is reaped and its group empty, the number may be given to another.
        if let Some(at) = groups.iter().position(|group| *group == self.group) {
            groups.swap_remove(at);
            // ESRCH: nobody is left, which is what was wanted.
            let _ = killpg(Pid::from_raw(self.group), Signal::SIGKILL);
        }
        drop(groups);
        let _ = lock(&self.child).wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
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

fn spawn_in_group(command: &mut Command, stdin: Stdio, patience: Duration) -> io::Result<Child> {
    command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    spawn_once_written(command, Instant::now() + patience)
}

/// Starts a program that somebody may still have open for writing (ETXTBSY, execve(2)): a compiler, or for a moment a
/// process that was forked while this one copied the file.
fn spawn_once_written(command: &mut Command, deadline: Instant) -> io::Result<Child> {
    loop {
        match command.spawn() {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(2));
            }
            outcome => return outcome,
        }
    }
}
