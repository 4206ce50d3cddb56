//! A second process with a copy of everything, which costs nothing until one of the two changes a page (copy-on-write).
#![allow(unsafe_code, reason = "fork(2), _exit(2) and close_range(2)")]
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::sys::signal::SigSet;
use nix::unistd::{ForkResult, Pid, fork};

/// Lets a child do `work` and end, with status 0 if that returns `true`. The child sees everything as it is now and keeps none
/// of this process's descriptors but the standard streams: no listener, no client, no poller.
///
/// # Errors
/// Those of fork(2).
pub fn spawn(work: impl FnOnce() -> bool) -> nix::Result<Pid> {
    // SAFETY: what another thread held would stay locked in the child. There is at most one more, which waits for the disk
    // (`aof/sync.rs`): it takes no lock but the allocator's, which fork(2) of the C library has in hand itself.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            // SAFETY: takes integers. What owns the descriptors is never dropped: this process ends below.
            unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
            // The loop has blocked them to read them as events; here they should end the process.
            let _ = SigSet::all().thread_unblock();
            // A panic must not unwind into the loop, of which there would be two.
            let done = catch_unwind(AssertUnwindSafe(work)).unwrap_or(false);
            // SAFETY: takes an integer. Nothing registered with atexit(3) runs: that is the parent's to do.
            unsafe { libc::_exit(i32::from(!done)) }
        }
    }
}
