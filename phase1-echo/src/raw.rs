//! The system calls as they are: integers in, integers out.
//!
//! Everything above this file, in this workspace and in most others, is a wrapper around these ten. A call answers −1
//! when it fails and leaves the reason in `errno`, a variable of the calling thread; `strace` prints exactly what
//! passes here. IPv4 only: one `sockaddr_in` shows the idea.
#![allow(unsafe_code, reason = "the one file of this phase that shows the libc calls bare")]

use std::ffi::c_int;
use std::mem::size_of;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};

use nix::errno::Errno;

// ANCHOR: raw-check
/// Turns C's way of failing into Rust's: −1 becomes the errno of this thread.
fn check(result: isize) -> nix::Result<usize> {
    // SAFETY: __errno_location returns a valid pointer to this thread's errno.
    usize::try_from(result).map_err(|_| Errno::from_raw(unsafe { *libc::__errno_location() }))
}
// ANCHOR_END: raw-check

/// The 16 bytes that name an IPv4 address and port to the kernel.
///
/// Port and address travel in network byte order, the most significant byte first, whatever the machine's own order is.
/// Without `to_be` a little-endian server asked for port 7001 (0x1b59) would listen on 22811 (0x591b), where no
/// client looks for it.
// ANCHOR: sockaddr
pub fn sockaddr(address: SocketAddrV4) -> libc::sockaddr_in {
    // ANCHOR: raw-sockaddr-body
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(*address.ip()).to_be() },
        sin_zero: [0; 8],
    }
    // ANCHOR_END: raw-sockaddr-body
}
// ANCHOR_END: sockaddr

fn from_sockaddr(raw: libc::sockaddr_in) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::from(u32::from_be(raw.sin_addr.s_addr)), u16::from_be(raw.sin_port))
}

const SOCKADDR_LEN: libc::socklen_t = size_of::<libc::sockaddr_in>() as libc::socklen_t;

/// A new TCP socket, not yet tied to any address: socket(2).
pub fn socket() -> nix::Result<OwnedFd> {
    // SAFETY: takes three integers, touches no memory of ours.
    let fd =
        check(unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) } as isize)?;
    // SAFETY: the kernel has just made this descriptor; nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as c_int) })
}

// ANCHOR: raw-listen
/// socket(2), setsockopt(2), bind(2), listen(2): a socket in state LISTEN.
pub fn listen(address: SocketAddrV4, backlog: c_int) -> nix::Result<OwnedFd> {
    let socket = socket()?;
    let fd = socket.as_raw_fd();
    let on: c_int = 1;
    let name = sockaddr(address);
    // SAFETY: `on` is an int that lives through the call, and its size is given with it.
    check(unsafe {
        libc::setsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_REUSEADDR,
            (&raw const on).cast(),
            size_of::<c_int>() as libc::socklen_t,
        )
    } as isize)?;
    // SAFETY: `name` is a sockaddr_in that lives through the call, and its size is given with it.
    check(unsafe { libc::bind(fd, (&raw const name).cast(), SOCKADDR_LEN) } as isize)?;
    // SAFETY: takes two integers.
    check(unsafe { libc::listen(fd, backlog) } as isize)?;
    Ok(socket)
}
// ANCHOR_END: raw-listen

/// Waits for the next client: accept4(2). The kernel fills in who it is.
pub fn accept(listener: BorrowedFd<'_>) -> nix::Result<(OwnedFd, SocketAddrV4)> {
    let mut name = sockaddr(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0));
    let mut len = SOCKADDR_LEN;
    // SAFETY: `name` has room for `len` bytes, and both live through the call.
    let fd = check(unsafe {
        libc::accept4(listener.as_raw_fd(), (&raw mut name).cast(), &raw mut len, libc::SOCK_CLOEXEC)
    } as isize)?;
    // SAFETY: the kernel has just made this descriptor; nothing else owns it.
    Ok((unsafe { OwnedFd::from_raw_fd(fd as c_int) }, from_sockaddr(name)))
}

/// The client's side: socket(2), then connect(2). The kernel chooses our own port.
pub fn connect(address: SocketAddrV4) -> nix::Result<OwnedFd> {
    let socket = socket()?;
    let name = sockaddr(address);
    // SAFETY: `name` is a sockaddr_in that lives through the call, and its size is given with it.
    check(unsafe { libc::connect(socket.as_raw_fd(), (&raw const name).cast(), SOCKADDR_LEN) } as isize)?;
    Ok(socket)
}

/// Our own end of a connection: getsockname(2).
pub fn local_addr(fd: BorrowedFd<'_>) -> nix::Result<SocketAddrV4> {
    let mut name = sockaddr(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0));
    let mut len = SOCKADDR_LEN;
    // SAFETY: `name` has room for `len` bytes, and both live through the call.
    check(unsafe { libc::getsockname(fd.as_raw_fd(), (&raw mut name).cast(), &raw mut len) } as isize)?;
    Ok(from_sockaddr(name))
}

// ANCHOR: raw-read
/// One read(2): from 1 byte up to the buffer's length, or 0 at the end of the stream.
pub fn read(fd: BorrowedFd<'_>, buf: &mut [u8]) -> nix::Result<usize> {
    // SAFETY: `buf` is writable for `buf.len()` bytes.
    check(unsafe { libc::read(fd.as_raw_fd(), buf.as_mut_ptr().cast(), buf.len()) })
}
// ANCHOR_END: raw-read

/// One write(2): perhaps fewer bytes than given.
pub fn write(fd: BorrowedFd<'_>, buf: &[u8]) -> nix::Result<usize> {
    // SAFETY: `buf` is readable for `buf.len()` bytes.
    check(unsafe { libc::write(fd.as_raw_fd(), buf.as_ptr().cast(), buf.len()) })
}

/// Sends FIN and keeps reading: shutdown(2) with SHUT_WR.
pub fn shutdown_write(fd: BorrowedFd<'_>) -> nix::Result<()> {
    // SAFETY: takes two integers.
    check(unsafe { libc::shutdown(fd.as_raw_fd(), libc::SHUT_WR) } as isize).map(drop)
}

/// Gives the descriptor back: close(2). Dropping an `OwnedFd` does the same and keeps silent about errors.
///
/// On Linux the descriptor is gone even when close fails with EINTR: never retry, it may already be someone else's.
pub fn close(fd: OwnedFd) -> nix::Result<()> {
    // SAFETY: we own the descriptor and give it up here.
    check(unsafe { libc::close(fd.into_raw_fd()) } as isize).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_in_network_order() {
        let raw = sockaddr("127.0.0.1:7001".parse().unwrap());
        assert_eq!(raw.sin_port.to_ne_bytes(), [0x1b, 0x59]);
        assert_eq!(raw.sin_addr.s_addr.to_ne_bytes(), [127, 0, 0, 1]);
        assert_eq!(from_sockaddr(raw), "127.0.0.1:7001".parse().unwrap());
    }

    #[test]
    fn a_failed_call_reports_its_errno() {
        let listener = listen("127.0.0.1:0".parse().unwrap(), 1).unwrap();
        let address = local_addr(std::os::fd::AsFd::as_fd(&listener)).unwrap();
        assert_eq!(listen(address, 1).unwrap_err(), Errno::EADDRINUSE);
        close(listener).unwrap();
        assert_eq!(connect(address).unwrap_err(), Errno::ECONNREFUSED);
    }
}
