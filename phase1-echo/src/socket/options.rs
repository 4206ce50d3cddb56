//! What a socket can be told to do differently.
use std::os::fd::BorrowedFd;
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{self as sys, sockopt};
use nix::sys::time::TimeVal;

/// With `true`, a read or write that would have to wait fails with EAGAIN instead. fcntl(2), O_NONBLOCK.
///
/// The flag belongs to the open socket, not to the descriptor: it is shared with duplicates and with forked children.
pub fn set_nonblocking(fd: BorrowedFd<'_>, on: bool) -> nix::Result<()> {
    let mut flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
    flags.set(OFlag::O_NONBLOCK, on);
    fcntl(fd, FcntlArg::F_SETFL(flags)).map(drop)
}

/// With `true`, small writes leave at once instead of waiting for the acknowledgement of earlier ones (Nagle's
/// algorithm, RFC 896). Right for a server that writes whole batches of replies. tcp(7).
pub fn set_nodelay(fd: BorrowedFd<'_>, on: bool) -> nix::Result<()> {
    sys::setsockopt(&fd, sockopt::TcpNoDelay, &on)
}

/// Probes a peer that has been silent for `idle`, three times, a third of `idle` apart; one that answers none is gone,
/// and reads fail with ETIMEDOUT. Whole seconds, at least 1. `None` turns probing off. tcp(7).
pub fn set_keepalive(fd: BorrowedFd<'_>, idle: Option<Duration>) -> nix::Result<()> {
    sys::setsockopt(&fd, sockopt::KeepAlive, &idle.is_some())?;
    if let Some(idle) = idle {
        // The kernel takes at most 32,767 seconds.
        let seconds = idle.as_secs().clamp(1, 32_767) as u32;
        sys::setsockopt(&fd, sockopt::TcpKeepIdle, &seconds)?;
        sys::setsockopt(&fd, sockopt::TcpKeepInterval, &(seconds / 3).max(1))?;
        sys::setsockopt(&fd, sockopt::TcpKeepCount, &3)?;
    }
    Ok(())
}

/// Lets a blocking read or write fail with EAGAIN once it has waited for `limit`; `None`: wait for ever. socket(7),
/// SO_RCVTIMEO and SO_SNDTIMEO.
pub fn set_timeout(fd: BorrowedFd<'_>, limit: Option<Duration>) -> nix::Result<()> {
    // A zero timeval means "for ever" to the kernel, so the shortest wait is a microsecond.
    let micros = limit.map_or(0, |limit| limit.as_micros().clamp(1, i64::MAX as u128) as i64);
    let value = TimeVal::new(micros / 1_000_000, micros % 1_000_000);
    sys::setsockopt(&fd, sockopt::ReceiveTimeout, &value)?;
    sys::setsockopt(&fd, sockopt::SendTimeout, &value)
}
