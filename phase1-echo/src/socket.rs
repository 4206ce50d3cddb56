//! The system calls of [`raw`](crate::raw) through `nix`: the same calls in the same order, with descriptors that close
//! themselves, errors that are values, and both address families. Phases 2, 3 and 4 use this file as it is.
#![allow(unsafe_code, reason = "accept4 hands out a bare descriptor that must get an owner")]
mod ending;
mod explain;
mod options;

use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{self as sys, AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, sockopt};

pub use self::ending::{finish, shutdown_read, shutdown_write, unacknowledged};
pub use self::explain::{explain_connect, explain_listen};
pub use self::options::{set_keepalive, set_nodelay, set_nonblocking, set_timeout};

// ANCHOR: socket-listen
/// A socket that listens on `address`; port 0 lets the kernel choose one (see [`local_addr`]). Blocking, close-on-exec.
///
/// `backlog` is how many connections may wait, handshake done, for [`accept`]; the kernel caps it at
/// `net.core.somaxconn`. An IPv6 address listens for IPv6 only. Errors: EADDRINUSE, EACCES, EADDRNOTAVAIL, which
/// [`explain_listen`] puts into words. socket(2), bind(2), listen(2), ip(7).
pub fn listen(address: SocketAddr, backlog: i32) -> nix::Result<OwnedFd> {
    // ANCHOR: socket-listen-body
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let socket = sys::socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    // Connections of the previous run may still be in TIME_WAIT on this port; without this option bind would refuse the
    // port for a minute. It does not let two servers listen at once.
    sys::setsockopt(&socket, sockopt::ReuseAddr, &true)?;
    if address.is_ipv6() {
        sys::setsockopt(&socket, sockopt::Ipv6V6Only, &true)?;
    }
    sys::bind(socket.as_raw_fd(), &SockaddrStorage::from(address))?;
    sys::listen(&socket, Backlog::new(backlog.clamp(0, i32::from(Backlog::MAXCONN)))?)?;
    Ok(socket)
    // ANCHOR_END: socket-listen-body
}
// ANCHOR_END: socket-listen

/// The next connection and its peer's address; waits for one if the listener blocks. Blocking, close-on-exec.
///
/// Errors that concern one connection or one moment, and must not end a server: ECONNABORTED (the client has left
/// already), EINTR, EMFILE and ENFILE (no descriptors left), ENOBUFS, ENOMEM; with a nonblocking listener EAGAIN. See
/// accept(2), "Error handling".
pub fn accept(listener: BorrowedFd<'_>) -> nix::Result<(OwnedFd, SocketAddr)> {
    accept_with(listener, SockFlag::SOCK_CLOEXEC)
}

/// [`accept`], but the new connection does not block. Whether the call itself waits is the listener's own setting.
pub fn accept_nonblocking(listener: BorrowedFd<'_>) -> nix::Result<(OwnedFd, SocketAddr)> {
    accept_with(listener, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK)
}

fn accept_with(listener: BorrowedFd<'_>, flags: SockFlag) -> nix::Result<(OwnedFd, SocketAddr)> {
    let fd = sys::accept4(listener.as_raw_fd(), flags)?;
    // SAFETY: the kernel has just made this descriptor; nothing else owns it.
    let stream = unsafe { OwnedFd::from_raw_fd(fd) };
    // A peer that reset the connection while it waited in the backlog has no address any more.
    let peer = peer_addr(stream.as_fd()).map_err(|_| Errno::ECONNABORTED)?;
    Ok((stream, peer))
}

/// Whether an error of [`accept`] belongs to the network of the connection that was to be accepted: Linux hands those
/// to accept, and the next connection may be fine. ETIMEDOUT and EPERM (a firewall) are of the kind. accept(2).
pub fn is_network_error(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::ENETDOWN
            | Errno::EPROTO
            | Errno::ENOPROTOOPT
            | Errno::EHOSTDOWN
            | Errno::ENONET
            | Errno::EHOSTUNREACH
            | Errno::EOPNOTSUPP
            | Errno::ENETUNREACH
            | Errno::ETIMEDOUT
            | Errno::EPERM
    )
}

// ANCHOR: socket-connect
/// A blocking connection to `address`. connect(2).
///
/// An interrupted connect cannot be repeated: the handshake goes on without us. So after EINTR this waits until the
/// socket is writable and asks for the outcome.
pub fn connect(address: SocketAddr) -> nix::Result<OwnedFd> {
    // ANCHOR: socket-connect-body
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let socket = sys::socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    match sys::connect(socket.as_raw_fd(), &SockaddrStorage::from(address)) {
        Err(Errno::EINTR) => {
            let mut writable = [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)];
            while poll(&mut writable, PollTimeout::NONE) == Err(Errno::EINTR) {}
            match sys::getsockopt(&socket, sockopt::SocketError)? {
                0 => {}
                errno => return Err(Errno::from_raw(errno)),
            }
        }
        outcome => outcome?,
    }
    Ok(socket)
    // ANCHOR_END: socket-connect-body
}
// ANCHOR_END: socket-connect

/// Our end of a connection, or the address a listener was given. getsockname(2).
pub fn local_addr(fd: BorrowedFd<'_>) -> nix::Result<SocketAddr> {
    address_from(sys::getsockname(fd.as_raw_fd())?)
}

/// The other end. ENOTCONN once the peer has reset the connection. getpeername(2).
pub fn peer_addr(fd: BorrowedFd<'_>) -> nix::Result<SocketAddr> {
    address_from(sys::getpeername(fd.as_raw_fd())?)
}

fn address_from(name: SockaddrStorage) -> nix::Result<SocketAddr> {
    let v4 = name.as_sockaddr_in().map(|name| SocketAddr::V4((*name).into()));
    let v6 = name.as_sockaddr_in6().map(|name| SocketAddr::V6((*name).into()));
    v4.or(v6).ok_or(Errno::EAFNOSUPPORT)
}

#[cfg(test)]
mod tests;
