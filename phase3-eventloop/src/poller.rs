//! Who is ready? One interface over poll(2) and epoll(7).
//!
//! Both answer the same question with the same words. The difference is who keeps the interest list: with poll the
//! caller hands over all of it on every call, so a call costs O(descriptors); with epoll the kernel keeps it and a call
//! costs O(ready ones).
pub mod epoll;
pub mod poll;

use std::os::fd::BorrowedFd;
use std::time::Duration;

/// What a registration is called when its event comes back. The kernel returns it untouched.
pub type Token = u64;

/// What to be woken for: states, reported for as long as they last. Errors and hang-ups are always reported.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Interest {
    /// Bytes, an end of stream, or a connection to accept.
    pub readable: bool,
    /// Room in the send buffer.
    pub writable: bool,
    /// The peer's FIN though nothing is to be read, reported as a hang-up (`EPOLLRDHUP`, `POLLRDHUP`).
    pub peer_fin: bool,
}

impl Interest {
    /// Nothing but errors.
    pub const NONE: Interest = Interest { readable: false, writable: false, peer_fin: false };
    /// Readable.
    pub const READ: Interest = Interest { readable: true, writable: false, peer_fin: false };
}

// ANCHOR: poller-event
/// One ready descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// As registered.
    pub token: Token,
    /// A read returns at once: with bytes, with 0, or with an error.
    pub readable: bool,
    /// A write of at least one byte returns at once.
    pub writable: bool,
    /// Both directions are closed, or an error is waiting, or the peer's FIN was asked for and is there. Bytes may still
    /// be there to read: read first.
    pub hang_up: bool,
}
// ANCHOR_END: poller-event

/// The readiness interface of the kernel.
pub trait Poller {
    /// Adds a descriptor to the interest list.
    ///
    /// # Errors
    /// `EEXIST` if it is on it. epoll only: `ENOSPC`, `ENOMEM`.
    fn register(&mut self, fd: BorrowedFd<'_>, token: Token, interest: Interest) -> nix::Result<()>;

    /// Changes what a registered descriptor is watched for.
    ///
    /// # Errors
    /// `ENOENT` if it is not on the list.
    fn modify(&mut self, fd: BorrowedFd<'_>, token: Token, interest: Interest) -> nix::Result<()>;

    /// Removes a descriptor; to be called *before* it is closed.
    ///
    /// # Errors
    /// `ENOENT` if it is not on the list.
    fn deregister(&mut self, fd: BorrowedFd<'_>) -> nix::Result<()>;

    /// Waits until something is ready or the time is up, and replaces the contents of `events` by what is ready.
    /// `None` waits for ever. An interruption by a signal (`EINTR`) returns no events and no error.
    ///
    /// # Errors
    /// Only a defect of the caller's, such as `EBADF`.
    fn wait(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> nix::Result<()>;
}

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PollerKind {
    /// poll(2): POSIX, everywhere.
    Poll,
    /// epoll(7): Linux.
    Epoll,
}

impl PollerKind {
    /// What a command line or a configuration calls them, the default first.
    pub const NAMES: &[(&str, PollerKind)] = &[("epoll", PollerKind::Epoll), ("poll", PollerKind::Poll)];

    /// Makes one.
    ///
    /// # Errors
    /// epoll: `EMFILE`, `ENFILE`, `ENOMEM`.
    pub fn open(self) -> nix::Result<Box<dyn Poller>> {
        Ok(match self {
            PollerKind::Poll => Box::new(poll::Poll::default()),
            PollerKind::Epoll => Box::new(epoll::Epoll::new()?),
        })
    }
}

// ANCHOR: to-millis
/// A timeout as both system calls take it: whole milliseconds, −1 for ever.
///
/// Rounded *up*: rounded down, a wait for the last 0.4 ms before a deadline would return at once, find nothing expired and
/// be called again, and the loop would burn a processor until the deadline came.
fn to_millis(timeout: Option<Duration>) -> i32 {
    match timeout {
        None => -1,
        Some(timeout) => {
            let up = timeout.saturating_add(Duration::from_nanos(999_999));
            up.as_millis().min(i32::MAX as u128) as i32
        }
    }
}
// ANCHOR_END: to-millis

#[cfg(test)]
mod tests;
