#![allow(unsafe_code, reason = "poll(2) over descriptors that the caller keeps open between calls")]
//! poll(2): the interest list lives here, and the kernel walks all of it every time.
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;

use super::{Event, Interest, Poller, Token, to_millis};

/// How often everything is tried when poll(2) cannot be asked.
const RETRY_EVERY: Duration = Duration::from_millis(10);
/// Belongs to no descriptor; the kernel skips it.
const GAP: libc::pollfd = libc::pollfd { fd: -1, events: 0, revents: 0 };

/// The interest list, one flat array as the kernel wants it. A descriptor's entry and token stand at the descriptor's own
/// number: the kernel hands out the lowest free one, so there are few gaps.
#[derive(Default)]
pub struct Poll {
    entries: Vec<libc::pollfd>,
    tokens: Vec<Token>,
}

impl Poll {
    fn entry(&mut self, fd: BorrowedFd<'_>) -> nix::Result<&mut libc::pollfd> {
        let entry = self.entries.get_mut(fd.as_raw_fd() as usize);
        entry.filter(|entry| entry.fd >= 0).ok_or(Errno::ENOENT)
    }

    /// poll(2) refuses a list that is longer than RLIMIT_NOFILE, and that limit may be lowered under a running program.
    /// Then all that is watched for is said to be there, a hundred times a second: a try in vain costs a call and is EAGAIN.
    fn assume_ready(&mut self, timeout: Option<Duration>) -> usize {
        std::thread::sleep(timeout.map_or(RETRY_EVERY, |timeout| timeout.min(RETRY_EVERY)));
        for entry in &mut self.entries {
            entry.revents = entry.events & (libc::POLLIN | libc::POLLOUT);
        }
        self.entries.len()
    }
}

impl Poller for Poll {
    fn register(&mut self, fd: BorrowedFd<'_>, token: Token, interest: Interest) -> nix::Result<()> {
        if self.entry(fd).is_ok() {
            return Err(Errno::EEXIST);
        }
        let number = fd.as_raw_fd();
        let length = self.entries.len().max(number as usize + 1);
        self.entries.resize(length, GAP);
        self.tokens.resize(length, 0);
        self.entries[number as usize].fd = number;
        self.modify(fd, token, interest)
    }

    fn modify(&mut self, fd: BorrowedFd<'_>, token: Token, interest: Interest) -> nix::Result<()> {
        let flag = |on: bool, flag: libc::c_short| if on { flag } else { 0 };
        // POLLERR and POLLHUP are reported whether asked for or not.
        self.entry(fd)?.events = flag(interest.readable, libc::POLLIN)
            | flag(interest.writable, libc::POLLOUT)
            | flag(interest.peer_fin, libc::POLLRDHUP);
        self.tokens[fd.as_raw_fd() as usize] = token;
        Ok(())
    }

    fn deregister(&mut self, fd: BorrowedFd<'_>) -> nix::Result<()> {
        *self.entry(fd)? = GAP;
        // When a crowd has left, the kernel need not walk over its places.
        while self.entries.pop_if(|entry| entry.fd < 0).is_some() {}
        Ok(())
    }

    fn wait(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> nix::Result<()> {
        events.clear();
        // ANCHOR: poll-wait
        // ANCHOR: poll-wait-body
        let count = self.entries.len() as libc::nfds_t;
        // SAFETY: the array holds `count` entries and outlives the call; a descriptor closed meanwhile is reported, not used.
        let ready = unsafe { libc::poll(self.entries.as_mut_ptr(), count, to_millis(timeout)) };
        let ready = match Errno::result(ready) {
            Err(Errno::EINTR) => 0,
            Err(Errno::EINVAL) => self.assume_ready(timeout),
            ready => ready? as usize,
        };
        // The kernel says how many are ready but not which: every entry is looked at until all of them are found.
        let reported = self.entries.iter().zip(&self.tokens).filter(|(entry, _)| entry.revents != 0);
        for (entry, &token) in reported.take(ready) {
            let has = |flags: libc::c_short| entry.revents & flags != 0;
            events.push(Event {
                token,
                readable: has(libc::POLLIN),
                writable: has(libc::POLLOUT),
                hang_up: has(libc::POLLHUP | libc::POLLERR | libc::POLLNVAL | libc::POLLRDHUP),
            });
        }
        Ok(())
        // ANCHOR_END: poll-wait-body
        // ANCHOR_END: poll-wait
    }
}
