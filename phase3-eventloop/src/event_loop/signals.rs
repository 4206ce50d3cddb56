//! Signals as events.
//!
//! A handler runs between any two instructions and may call next to nothing (signal-safety(7)). With signalfd(2) a signal is
//! a readable descriptor like any other, and arrives between two ticks.
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

pub(super) struct Signals {
    descriptor: SignalFd,
}

/// What has arrived since the last look.
#[derive(Default)]
pub(super) struct Arrived {
    /// SIGTERM or SIGINT.
    pub stop: bool,
    /// SIGCHLD; several children may stand behind one.
    pub child: bool,
}

impl Signals {
    // ANCHOR: signals-new
    pub fn new() -> nix::Result<Self> {
        let signals = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT, Signal::SIGCHLD]);
        phase1_echo::signals::ignore_surroundings()?;
        // Blocked, or their default action would come first. A child inherits this across fork.
        signals.thread_block()?;
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        Ok(Signals { descriptor: SignalFd::with_flags(&signals, flags)? })
    }
    // ANCHOR_END: signals-new

    pub fn take(&mut self) -> Arrived {
        let mut arrived = Arrived::default();
        while let Ok(Some(signal)) = self.descriptor.read_signal() {
            let is_child = signal.ssi_signo == Signal::SIGCHLD as u32;
            arrived.child |= is_child;
            arrived.stop |= !is_child;
        }
        arrived
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}
