#![allow(unsafe_code, reason = "poll(2) over descriptors that the caller keeps open between calls")]
//! poll(2): the interest list lives here, and the kernel walks all of it every time.
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;

use super::{Event, Interest, Poller, Token, to_millis};

/// How often everything is tried when poll(2) cannot be asked.
const RETRY_EVERY: Duration = Duration::from_millis(10);

/// The interest list.
#[derive(Default)]
pub struct Poll {
    /// As the kernel wants it: one flat array.
    entries: Vec<libc::pollfd>,
    /// The token of each entry, at the same position.
    tokens: Vec<Token>,
    /// Where in `entries` a descriptor stands; indexed by descriptor, which the kernel keeps small.
    positions: Vec<Option<u32>>,
}

impl Poll {
    fn position(&self, fd: BorrowedFd<'_>) -> nix::Result<usize> {
        let position = self.positions.get(fd.as_raw_fd() as usize).copied().flatten();
        position.map(|position| position as usize).ok_or(Errno::ENOENT)
    }

    fn wait_for_list(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> nix::Result<()> {
        // ANCHOR: poll-wait
        // ANCHOR: poll-wait-body
        let count = self.entries.len() as libc::nfds_t;
        // SAFETY: the array holds `count` entries and outlives the call; a descriptor closed meanwhile is reported, not used.
        let ready = unsafe { libc::poll(self.entries.as_mut_ptr(), count, to_millis(timeout)) };
        let ready = match Errno::result(ready) {
            Err(Errno::EINTR) => 0,
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

    /// poll(2) refuses a list that is longer than RLIMIT_NOFILE, and that limit may be lowered under a running program.
    /// Then whatever is watched is reported as ready a hundred times a second: a try in vain costs a call and is EAGAIN.
    fn report_all(&self, events: &mut Vec<Event>, timeout: Option<Duration>) -> nix::Result<()> {
        std::thread::sleep(timeout.map_or(RETRY_EVERY, |timeout| timeout.min(RETRY_EVERY)));
        for (entry, &token) in self.entries.iter().zip(&self.tokens) {
            let readable = entry.events & libc::POLLIN != 0;
            let writable = entry.events & libc::POLLOUT != 0;
            if readable || writable {
                events.push(Event { token, readable, writable, hang_up: false });
            }
        }
        Ok(())
    }
}

/// POLLERR and POLLHUP are reported whether asked for or not.
fn to_flags(interest: Interest) -> libc::c_short {
    let flag = |on: bool, flag: libc::c_short| if on { flag } else { 0 };
    flag(interest.readable, libc::POLLIN)
        | flag(interest.writable, libc::POLLOUT)
        | flag(interest.peer_fin, libc::POLLRDHUP)
}

impl Poller for Poll {
    fn register(&mut self, fd: BorrowedFd<'_>, token: Token, interest: Interest) -> nix::Result<()> {
        if self.position(fd).is_ok() {
            return Err(Errno::EEXIST);
        }
        let fd = fd.as_raw_fd();
        if self.positions.len() <= fd as usize {
            self.positions.resize(fd as usize + 1, None);
        }
        self.positions[fd as usize] = Some(self.entries.len() as u32);
        self.entries.push(libc::pollfd { fd, events: to_flags(interest), revents: 0 });
        self.tokens.push(token);
        Ok(())
    }

    fn modify(&mut self, fd: BorrowedFd<'_>, token: Token, interest: Interest) -> nix::Result<()> {
        let position = self.position(fd)?;
        self.entries[position].events = to_flags(interest);
        self.tokens[position] = token;
        Ok(())
    }

    fn deregister(&mut self, fd: BorrowedFd<'_>) -> nix::Result<()> {
        let position = self.position(fd)?;
        self.positions[fd.as_raw_fd() as usize] = None;
        // The last entry takes the empty place: O(1), and order means nothing here.
        self.entries.swap_remove(position);
        self.tokens.swap_remove(position);
        if let Some(moved) = self.entries.get(position) {
            self.positions[moved.fd as usize] = Some(position as u32);
        }
        Ok(())
    }

    fn wait(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> nix::Result<()> {
        events.clear();
        match self.wait_for_list(events, timeout) {
            Err(Errno::EINVAL) => self.report_all(events, timeout),
            outcome => outcome,
        }
    }
}
