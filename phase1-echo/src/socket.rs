//! The system calls of [`raw`](crate::raw) through `nix`: the same calls in the same order, with descriptors that close
//! themselves, errors that are values, and both address families. Phases 2, 3 and 4 use this file as it is.
#![allow(
    unsafe_code,
    reason = "accept4 hands out a bare descriptor that someone has to own; ioctl(SIOCOUTQ)"
)]

use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    self as sys, AddressFamily, Backlog, Shutdown, SockFlag, SockType, SockaddrStorage, sockopt,
};
use nix::sys::time::TimeVal;

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
    // SAFETY: the kernel has just made this descriptor and nobody else knows it.
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
/// too, for at most `patience`. RFC 1122, section 4.2.2.13. Needs a blocking descriptor.
pub fn finish(stream: BorrowedFd<'_>, patience: Duration) -> nix::Result<()> {
    shutdown_write(stream)?;
    let end = Instant::now() + patience;
    let mut bin = [0; 16 * 1024];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        set_timeout(stream, Some(left))?;
        match nix::unistd::read(stream, &mut bin) {
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

// ANCHOR: explain-listen
/// One line that says why [`listen`] failed and what to do about it.
pub fn explain_listen(address: SocketAddr, errno: Errno) -> String {
    let port = address.port();
    match errno {
        Errno::EADDRINUSE => format!(
            "port {port} on {} is in use: stop the program that listens there (`ss -ltnp sport = :{port}` names it) \
             or choose another with --port",
            address.ip()
        ),
        Errno::EACCES if port < 1024 => {
            format!("port {port} is privileged: ports below 1024 are root's, choose one above with --port")
        }
        Errno::EADDRNOTAVAIL => format!(
            "{} is not an address of this machine: use 127.0.0.1 for this machine alone, 0.0.0.0 for every IPv4 \
             address it has",
            address.ip()
        ),
        errno => format!("cannot listen on {address}: {}", errno.desc()),
    }
}
// ANCHOR_END: explain-listen

/// One line that says why [`connect`] failed and what to do about it.
pub fn explain_connect(address: SocketAddr, errno: Errno) -> String {
    match errno {
        Errno::ECONNREFUSED => {
            format!("nothing listens on {address}: start the server first, or name its port with --port")
        }
        Errno::ETIMEDOUT | Errno::EHOSTUNREACH | Errno::ENETUNREACH => {
            format!("{address} does not answer ({}): check --host and --port", errno.desc())
        }
        errno => format!("cannot connect to {address}: {}", errno.desc()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(host: &str) -> (OwnedFd, OwnedFd) {
        let listener = listen(format!("{host}:0").parse().unwrap(), 8).unwrap();
        let address = local_addr(listener.as_fd()).unwrap();
        let client = connect(address).unwrap();
        let (server, peer) = accept(listener.as_fd()).unwrap();
        assert_eq!(peer, local_addr(client.as_fd()).unwrap());
        assert_eq!(local_addr(server.as_fd()).unwrap(), address, "both ends of the 4-tuple agree");
        (client, server)
    }

    #[test]
    fn either_family_connects() {
        pair("127.0.0.1");
        // Some containers have no IPv6 loopback; then there is nothing to test.
        if std::net::TcpListener::bind("[::1]:0").is_ok() {
            pair("[::1]");
        }
    }

    #[test]
    fn options_reach_the_kernel() {
        let (client, _server) = pair("127.0.0.1");
        set_nodelay(client.as_fd(), true).unwrap();
        assert!(sys::getsockopt(&client, sockopt::TcpNoDelay).unwrap());
        set_keepalive(client.as_fd(), Some(Duration::from_secs(300))).unwrap();
        assert!(sys::getsockopt(&client, sockopt::KeepAlive).unwrap());
        assert_eq!(sys::getsockopt(&client, sockopt::TcpKeepIdle).unwrap(), 300);
        assert_eq!(sys::getsockopt(&client, sockopt::TcpKeepInterval).unwrap(), 100);
        set_keepalive(client.as_fd(), None).unwrap();
        assert!(!sys::getsockopt(&client, sockopt::KeepAlive).unwrap());
        let flags = fcntl(&client, FcntlArg::F_GETFD).unwrap();
        assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC);
    }

    #[test]
    fn nonblocking_accept_says_so() {
        let listener = listen("127.0.0.1:0".parse().unwrap(), 8).unwrap();
        set_nonblocking(listener.as_fd(), true).unwrap();
        assert_eq!(accept_nonblocking(listener.as_fd()).unwrap_err(), Errno::EAGAIN);
    }

    #[test]
    fn a_timeout_ends_a_blocking_read() {
        let (client, _server) = pair("127.0.0.1");
        set_timeout(client.as_fd(), Some(Duration::from_millis(1))).unwrap();
        assert_eq!(nix::unistd::read(&client, &mut [0; 8]), Err(Errno::EAGAIN));
    }

    #[test]
    fn finishing_delivers_the_last_reply() {
        let (client, server) = pair("127.0.0.1");
        nix::unistd::write(&client, &[7; 4096]).unwrap();
        nix::unistd::write(&server, b"last words").unwrap();
        let closing = std::thread::spawn(move || finish(server.as_fd(), Duration::from_secs(10)));
        let mut reply = [0; 32];
        assert_eq!(crate::io::read_full(client.as_fd(), &mut reply), Ok(10), "the reply, then the end");
        drop(client);
        closing.join().unwrap().unwrap();
    }

    #[test]
    fn mistakes_are_explained() {
        let line = |errno| explain_listen("127.0.0.1:80".parse().unwrap(), errno);
        assert!(line(Errno::EADDRINUSE).contains("port 80 on 127.0.0.1 is in use"));
        assert!(line(Errno::EACCES).contains("privileged"));
        assert!(line(Errno::EADDRNOTAVAIL).contains("not an address of this machine"));
        assert!(line(Errno::ENOMEM).contains("cannot listen on 127.0.0.1:80"));
    }
}
