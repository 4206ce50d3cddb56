//! epoll(7): the kernel keeps the interest list and returns only what is ready.
use std::os::fd::BorrowedFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::epoll::{self, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::{Event, Interest, Poller, Token, to_millis};

/// Most events one call returns. The rest keep their place: the kernel serves its ready list in turn.
const MAX_EVENTS: usize = 1024;

/// An epoll instance, and room for what it returns.
pub struct Epoll {
    instance: epoll::Epoll,
    ready: Box<[EpollEvent]>,
}

impl Epoll {
    /// epoll_create1(2).
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOMEM`.
    pub fn new() -> nix::Result<Self> {
        let instance = epoll::Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        Ok(Epoll { instance, ready: vec![EpollEvent::empty(); MAX_EVENTS].into() })
    }
}

/// EPOLLERR and EPOLLHUP are reported whether asked for or not.
fn to_event(token: Token, interest: Interest) -> EpollEvent {
    let mut flags = EpollFlags::empty();
    flags.set(EpollFlags::EPOLLIN, interest.readable);
    flags.set(EpollFlags::EPOLLOUT, interest.writable);
    flags.set(EpollFlags::EPOLLRDHUP, interest.peer_fin);
    EpollEvent::new(flags, token)
}

impl Poller for Epoll {
    fn register(&mut self, fd: BorrowedFd<'_>, token: Token, interest: Interest) -> nix::Result<()> {
        self.instance.add(fd, to_event(token, interest))
    }

    fn modify(&mut self, fd: BorrowedFd<'_>, token: Token, interest: Interest) -> nix::Result<()> {
        self.instance.modify(fd, &mut to_event(token, interest))
    }

    fn deregister(&mut self, fd: BorrowedFd<'_>) -> nix::Result<()> {
        self.instance.delete(fd)
    }

    fn wait(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> nix::Result<()> {
        events.clear();
        // ANCHOR: epoll-wait
        // ANCHOR: epoll-wait-body
        let timeout = EpollTimeout::try_from(to_millis(timeout)).unwrap_or(EpollTimeout::NONE);
        let ready = match self.instance.wait(&mut self.ready, timeout) {
            Err(Errno::EINTR) => 0,
            ready => ready?,
        };
        let hung_up = EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR | EpollFlags::EPOLLRDHUP;
        events.extend(self.ready[..ready].iter().map(|event| Event {
            token: event.data(),
            readable: event.events().contains(EpollFlags::EPOLLIN),
            writable: event.events().contains(EpollFlags::EPOLLOUT),
            hang_up: event.events().intersects(hung_up),
        }));
        Ok(())
        // ANCHOR_END: epoll-wait-body
        // ANCHOR_END: epoll-wait
    }
}
