//! A process that outlives a killed grader, and ends the servers that it left running.
//!
//! SIGKILL leaves no time for anything. So the grader keeps the writing end of a pipe whose reading end belongs to a small
//! process in a group of its own: the pipe ends with the grader, however that ends. PR_SET_PDEATHSIG of prctl(2) would reach
//! the server that was started and none of its children.

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use crate::target;

/// The waiting process. It is told that all is well by the end of its input, like by a death, and finds nothing to do.
#[derive(Debug)]
pub struct Supervisor(Child);

/// Starts it; `None` where this program cannot start itself, in which case a killed grader leaves its servers.
#[must_use]
pub fn start() -> Option<Supervisor> {
    let program = std::env::current_exe().ok()?;
    let child = Command::new(program)
        .args(["--clean-up-after", &std::process::id().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    child.ok().map(Supervisor)
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// What the waiting process does.
pub fn clean_up_after(run: u32) {
    let mut nothing = Vec::new();
    let _ = std::io::stdin().read_to_end(&mut nothing);
    target::kill_run(run);
}
