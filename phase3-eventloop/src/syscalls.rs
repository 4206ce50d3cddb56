#![allow(unsafe_code, reason = "recv into memory that is not initialised yet, which nix does not offer")]
//! The two system calls that a request costs. Neither ever blocks, whatever the descriptor's own setting.
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::socket::MsgFlags;

/// recv(2) behind what `buffer` holds, up to `room` bytes, without zeroing them first; 0 means that the peer sent FIN.
///
/// # Errors
/// `EAGAIN`: nothing has arrived. `ECONNRESET`: the peer is gone. `ENOMEM`: the buffer cannot grow.
pub fn recv(socket: BorrowedFd<'_>, buffer: &mut Vec<u8>, room: usize) -> nix::Result<usize> {
    buffer.try_reserve(room).map_err(|_| Errno::ENOMEM)?;
    let (fd, spare) = (socket.as_raw_fd(), buffer.spare_capacity_mut().as_mut_ptr().cast());
    // SAFETY: the kernel writes at most `room` bytes into spare capacity of at least that length.
    let count = Errno::result(unsafe { libc::recv(fd, spare, room, libc::MSG_DONTWAIT) })? as usize;
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
