#![allow(unsafe_code, reason = "recv into memory that is not initialised yet, which nix does not offer")]
//! The two system calls that a request costs, and what is needed beside them. None ever blocks, whatever the
//! descriptor's own setting.
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::socket::MsgFlags;

/// recv(2), at most `buffer.len()` bytes; 0 means that the peer sent FIN.
///
/// # Errors
/// `EAGAIN`: nothing has arrived. `ECONNRESET`: the peer is gone.
pub fn recv(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> nix::Result<usize> {
    nix::sys::socket::recv(socket.as_raw_fd(), buffer, MsgFlags::MSG_DONTWAIT)
}

/// recv(2) behind what `buffer` holds, up to `room` bytes, without zeroing or copying them first.
///
/// # Errors
/// As [`recv`]; `ENOMEM` if the buffer cannot grow.
pub fn recv_append(socket: BorrowedFd<'_>, buffer: &mut Vec<u8>, room: usize) -> nix::Result<usize> {
    buffer.try_reserve(room).map_err(|_| Errno::ENOMEM)?;
    let spare = buffer.spare_capacity_mut();
    let room = room.min(spare.len());
    // SAFETY: the kernel writes at most `room` bytes into spare capacity of at least that length.
    let count =
        unsafe { libc::recv(socket.as_raw_fd(), spare.as_mut_ptr().cast(), room, libc::MSG_DONTWAIT) };
    let count = Errno::result(count)? as usize;
    // SAFETY: the kernel initialised `count` bytes behind the old length.
    unsafe { buffer.set_len(buffer.len() + count) };
    Ok(count)
}

/// send(2): how many bytes the kernel took, often fewer than offered. A peer that has gone is `EPIPE`, not SIGPIPE.
///
/// # Errors
/// `EAGAIN`: the socket's send buffer is full. `EPIPE`, `ECONNRESET`: the peer is gone.
pub fn send(socket: BorrowedFd<'_>, bytes: &[u8]) -> nix::Result<usize> {
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    nix::sys::socket::send(socket.as_raw_fd(), bytes, flags)
}

/// An errno's symbol, for traces.
pub fn name(errno: Errno) -> &'static str {
    match errno {
        Errno::EAGAIN => "EAGAIN",
        Errno::EINTR => "EINTR",
        Errno::ECONNRESET => "ECONNRESET",
        Errno::EPIPE => "EPIPE",
        Errno::ETIMEDOUT => "ETIMEDOUT",
        other => other.desc(),
    }
}
