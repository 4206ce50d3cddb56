//! Signals as events.
//!
//! A handler runs between any two instructions and may call next to nothing (signal-safety(7)). With signalfd(2) a signal is
//! a readable descriptor like any other, and arrives between two ticks.
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

// ANCHOR: signals-new
pub(super) fn open() -> nix::Result<SignalFd> {
    let signals = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT, Signal::SIGCHLD]);
    phase1_echo::signals::ignore_surroundings()?;
    // Blocked, or their default action would come first. A child inherits this across fork.
    signals.thread_block()?;
    SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
}
// ANCHOR_END: signals-new

/// Takes all signals that have arrived: whether one of them says to stop, and whether a child has changed state. Several
/// children may stand behind one SIGCHLD.
pub(super) fn take(signals: &SignalFd) -> (bool, bool) {
    let (mut stop, mut child) = (false, false);
    while let Ok(Some(signal)) = signals.read_signal() {
        let is_child = signal.ssi_signo == Signal::SIGCHLD as u32;
        child |= is_child;
        stop |= !is_child;
    }
    (stop, child)
}
