//! Ends of a connection: half of it, politely, and whether everything has arrived.
#![allow(unsafe_code, reason = "ioctl(SIOCOUTQ)")]

use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{self as sys, Shutdown};

use super::set_timeout;

/// "That is all from me": sends FIN after the bytes already written. The other direction stays open. shutdown(2).
pub fn shutdown_write(fd: BorrowedFd<'_>) -> nix::Result<()> {
    sys::shutdown(fd.as_raw_fd(), Shutdown::Write)
}

/// "Nothing more from you": reads give what has arrived, then 0, even one that is waiting right now. shutdown(2).
pub fn shutdown_read(fd: BorrowedFd<'_>) -> nix::Result<()> {
    sys::shutdown(fd.as_raw_fd(), Shutdown::Read)
}

// ANCHOR: socket-finish
/// Ends a connection on which the peer may still be sending, so that it gets our last reply. Close it afterwards.
///
/// Closing a socket with unread input sends RST, and an RST lets the peer's kernel throw away what it has not handed
/// over yet: the reply that explains the close would be lost. So: FIN first, then read and forget until the peer closes
/// too, for at most `timeout`. RFC 1122, section 4.2.2.13. Needs a blocking descriptor.
pub fn finish(stream: BorrowedFd<'_>, timeout: Duration) -> nix::Result<()> {
    shutdown_write(stream)?;
    let end = Instant::now() + timeout;
    let mut discard = [0; 16 * 1024];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        set_timeout(stream, Some(left))?;
        match nix::unistd::read(stream, &mut discard) {
            Ok(0) | Err(Errno::EAGAIN) => return Ok(()),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}
// ANCHOR_END: socket-finish

/// How many bytes were written here and not yet acknowledged by the peer's kernel. SIOCOUTQ, tcp(7).
pub fn unacknowledged(fd: BorrowedFd<'_>) -> nix::Result<usize> {
    let mut count: std::ffi::c_int = 0;
    // SAFETY: this request stores one int, and `count` is one.
    Errno::result(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCOUTQ, &raw mut count) })?;
    Ok(usize::try_from(count).unwrap_or(0))
}
