//! Two faces of the same system calls, so that one program can be compared with itself under `strace`.
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::unistd;

use crate::io::write_all_with;
use crate::{raw, socket};

/// Which face of the system calls to use. They make the same calls; compare them under `strace`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Calls {
    /// [`raw`]: libc, IPv4 only.
    Raw,
    /// [`socket`]: nix.
    Nix,
}

impl Calls {
    /// See [`socket::listen`]. The raw face answers EAFNOSUPPORT to an IPv6 address.
    pub fn listen(self, address: SocketAddr, backlog: i32) -> nix::Result<OwnedFd> {
        match (self, address) {
            (Calls::Nix, address) => socket::listen(address, backlog),
            (Calls::Raw, SocketAddr::V4(address)) => raw::listen(address, backlog),
            (Calls::Raw, SocketAddr::V6(_)) => Err(Errno::EAFNOSUPPORT),
        }
    }

    /// See [`socket::accept`].
    pub fn accept(self, listener: BorrowedFd<'_>) -> nix::Result<(OwnedFd, SocketAddr)> {
        match self {
            Calls::Nix => socket::accept(listener),
            Calls::Raw => raw::accept(listener).map(|(stream, peer)| (stream, SocketAddr::V4(peer))),
        }
    }

    /// See [`socket::connect`].
    pub fn connect(self, address: SocketAddr) -> nix::Result<OwnedFd> {
        match (self, address) {
            (Calls::Nix, address) => socket::connect(address),
            (Calls::Raw, SocketAddr::V4(address)) => raw::connect(address),
            (Calls::Raw, SocketAddr::V6(_)) => Err(Errno::EAFNOSUPPORT),
        }
    }

    // ANCHOR: read-once
    /// One read(2), repeated only if a signal ended it before any byte came. 0 is the end of the stream.
    pub fn read(self, fd: BorrowedFd<'_>, buf: &mut [u8]) -> nix::Result<usize> {
        loop {
            let outcome = match self {
                Calls::Nix => unistd::read(fd, buf),
                Calls::Raw => raw::read(fd, buf),
            };
            if outcome != Err(Errno::EINTR) {
                return outcome;
            }
        }
    }
    // ANCHOR_END: read-once

    /// See [`crate::io::write_all`].
    pub fn write_all(self, fd: BorrowedFd<'_>, buf: &[u8]) -> nix::Result<()> {
        match self {
            Calls::Nix => write_all_with(|rest| unistd::write(fd, rest), buf),
            Calls::Raw => write_all_with(|rest| raw::write(fd, rest), buf),
        }
    }

    /// See [`socket::shutdown_write`].
    pub fn shutdown_write(self, fd: BorrowedFd<'_>) -> nix::Result<()> {
        match self {
            Calls::Nix => socket::shutdown_write(fd),
            Calls::Raw => raw::shutdown_write(fd),
        }
    }

    /// Gives a descriptor back. Nothing can be done about an error: the descriptor is gone either way.
    pub fn close(self, fd: OwnedFd) {
        match self {
            Calls::Nix => drop(fd),
            Calls::Raw => drop(raw::close(fd)),
        }
    }
}
