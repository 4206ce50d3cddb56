//! A process for each client.
#![allow(unsafe_code, reason = "fork(2)")]

use std::collections::BTreeSet;
use std::os::fd::{AsFd, OwnedFd};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

use super::{Next, Serve, next_client, serve_watched};
use crate::calls::Calls;
use crate::{log, signals};

// ANCHOR: fork
/// A process per client: each has its own memory and its own descriptors, and a crash stays its own.
pub fn fork_per_client(calls: Calls, listener: OwnedFd, serve: Serve<'_>) -> Result<()> {
    signals::interrupt_on_child_exit().context("sigaction")?;
    let mut children = BTreeSet::new();
    loop {
        reap(&mut children);
        let client = match next_client(calls, listener.as_fd())? {
            Next::Client(client) => client,
            Next::Again => continue,
            Next::Stop => break,
        };
        // SAFETY: this process has one thread, so no lock can be held by a thread that the child lacks.
        match unsafe { fork() } {
            Ok(ForkResult::Child) => {
                signals::forget_listener();
                // Else the port would stay taken for as long as this client stays.
                drop(listener);
                serve_watched(serve, &client);
                calls.close(client.stream);
                std::process::exit(0);
            }
            Ok(ForkResult::Parent { child }) => {
                children.insert(child);
                // The child has its own descriptor. Kept open here, the connection would never end.
                calls.close(client.stream);
            }
            Err(errno) => log!("closed {}: cannot fork: {}", client.peer, errno.desc()),
        }
    }
    for child in &children {
        // Reaped last time round at the latest, so the number still names our child; it may have just exited.
        let _ = kill(*child, Signal::SIGTERM);
    }
    while !children.is_empty() {
        wait_for_child(&mut children, WaitPidFlag::empty());
    }
    Ok(())
}

/// Collects children that have exited; until then the kernel keeps each as a zombie for its exit status.
///
/// One that exits between this call and the next `accept` is collected when anything next wakes the server.
fn reap(children: &mut BTreeSet<Pid>) {
    while wait_for_child(children, WaitPidFlag::WNOHANG) {}
}

/// True if a child was collected or the call was interrupted; without children left, forgets the list.
fn wait_for_child(children: &mut BTreeSet<Pid>, flags: WaitPidFlag) -> bool {
    match waitpid(None, Some(flags)) {
        Ok(WaitStatus::StillAlive) => false,
        Ok(status) => {
            if let Some(child) = status.pid() {
                children.remove(&child);
            }
            true
        }
        Err(Errno::EINTR) => true,
        Err(_) => {
            children.clear();
            false
        }
    }
}
// ANCHOR_END: fork
