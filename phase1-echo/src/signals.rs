//! SIGTERM and SIGINT: finish the replies in flight, then leave.
//!
//! A blocking server spends its life asleep in `accept` or `read`, and a flag set by a signal handler does not wake a
//! sleeper: if the signal arrives between the look at the flag and the call, the call sleeps on. So the handler leaves
//! its message where the calls will find it, in the sockets: `shutdown(2)` for reading makes a waiting `accept` fail and
//! a waiting `read` return 0, now and for ever after. The loops then see what they see every day, an end of stream,
//! send what they owe and close. Phase 3 has a better place to hear of signals: a descriptor in the loop.
#![allow(unsafe_code, reason = "sigaction(2), and a handler that may call only async-signal-safe functions")]

use std::ffi::c_int;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::SeqCst};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// How long a client may take to accept its last replies once the server has been asked to stop, in seconds.
pub const GRACE: u32 = 5;

const NONE: c_int = -1;
static STOPPING: AtomicBool = AtomicBool::new(false);
static LISTENER: AtomicI32 = AtomicI32::new(NONE);
static STREAM: AtomicI32 = AtomicI32::new(NONE);

// ANCHOR: signal-stop
/// Only async-signal-safe functions may be called here (signal-safety(7)): no allocation, no lock, no println.
extern "C" fn stop(_: c_int) {
    STOPPING.store(true, SeqCst);
    for socket in [&LISTENER, &STREAM] {
        let fd = socket.load(SeqCst);
        if fd != NONE {
            // SAFETY: takes two integers; a descriptor that is no socket merely gives an error. Nothing else touches
            // errno between the interrupted call and its caller, which sees EINTR or the call's own result.
            unsafe { libc::shutdown(fd, libc::SHUT_RD) };
        }
    }
    // SAFETY: takes an integer.
    unsafe { libc::alarm(GRACE) };
}
// ANCHOR_END: signal-stop

extern "C" fn give_up(_: c_int) {
    let last_words = b"stopped: a client did not take its last replies in time\n";
    // SAFETY: both are async-signal-safe, and the text is static.
    unsafe {
        libc::write(2, last_words.as_ptr().cast(), last_words.len());
        libc::_exit(0)
    }
}

extern "C" fn only_interrupt(_: c_int) {}

fn on(signal: Signal, handler: extern "C" fn(c_int), flags: SaFlags) -> nix::Result<()> {
    let action = SigAction::new(SigHandler::Handler(handler), flags, SigSet::empty());
    // SAFETY: each handler in this file confines itself to async-signal-safe functions.
    unsafe { sigaction(signal, &action) }.map(drop)
}

// ANCHOR: signal-install
/// From now on SIGTERM and SIGINT stop the server: no more clients, what is owed gets sent, within [`GRACE`] seconds.
///
/// SA_RESTART is left out: an interrupted call returns EINTR and its loop decides.
pub fn install(listener: BorrowedFd<'_>) -> nix::Result<()> {
    LISTENER.store(listener.as_raw_fd(), SeqCst);
    on(Signal::SIGALRM, give_up, SaFlags::empty())?;
    on(Signal::SIGTERM, stop, SaFlags::empty())?;
    on(Signal::SIGINT, stop, SaFlags::empty())?;
    ignore_surroundings()
}
// ANCHOR_END: signal-install

// ANCHOR: signal-ignore
/// Ignores the signals by which the surroundings would end a server. A write to a client that has left is then an error
/// (EPIPE) and not the end of the process; Rust's runtime has already seen to that, a server in C must do it itself. A
/// log that has reached the limit on file sizes is an error too (EFBIG, SIGXFSZ), and a terminal that closes (SIGHUP) does
/// not take the server along.
pub fn ignore_surroundings() -> nix::Result<()> {
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    for signal in [Signal::SIGPIPE, Signal::SIGHUP, Signal::SIGXFSZ] {
        // SAFETY: no handler runs.
        unsafe { sigaction(signal, &ignore) }?;
    }
    Ok(())
}
// ANCHOR_END: signal-ignore

/// Lets the death of a child interrupt a waiting `accept`, which then returns EINTR.
pub fn interrupt_on_child_exit() -> nix::Result<()> {
    on(Signal::SIGCHLD, only_interrupt, SaFlags::SA_NOCLDSTOP)
}

/// In a forked child: the listener is the parent's business. `shutdown` acts on the socket, which both share, so a child
/// told to stop would take the listener from its parent.
pub fn forget_listener() {
    LISTENER.store(NONE, SeqCst);
}

/// Has SIGTERM or SIGINT arrived?
pub fn stopping() -> bool {
    STOPPING.load(SeqCst)
}

/// While this lives, SIGTERM ends the stream it watches, for reading. One at a time.
pub struct Watch(());

/// Puts `stream` within the handler's reach; at once, if the signal was faster.
pub fn watch(stream: BorrowedFd<'_>) -> Watch {
    STREAM.store(stream.as_raw_fd(), SeqCst);
    if stopping() {
        // A peer that has gone meanwhile makes this fail, and the next read says so.
        let _ = crate::socket::shutdown_read(stream);
    }
    Watch(())
}

impl Drop for Watch {
    /// The number may soon name another socket.
    fn drop(&mut self) {
        STREAM.store(NONE, SeqCst);
    }
}
