//! Stopping the server in the very moment in which a reply of it arrives, and looking at what it has done until then.
//!
//! The grader itself would always come too late: on a busy machine by a time slice, in which a server serves megabytes. So
//! the kernel does it, by signal-driven I/O (fcntl(2), F_SETOWN and F_SETSIG): the signal is raised while the server is
//! still inside its own send(2).
#![allow(unsafe_code, reason = "F_SETSIG and F_SETOWN are not among nix's fcntl arguments")]

use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant};

use super::Client;
use crate::check::Outcome;
use crate::context::not_run;
use crate::procfs;

/// `fcntl(2)`'s number for "raise this signal instead of SIGIO"; the same on every Linux.
const F_SETSIG: i32 = 10;

impl Client {
    /// The next bytes that arrive on this connection stop the server (SIGSTOP).
    ///
    /// # Errors
    /// Not run, where the kernel does not do that.
    pub fn freeze_on_arrival(&self) -> Outcome {
        // Owner and signal first: with the default signal, SIGIO, the server would end.
        let calls = [
            (F_SETSIG, libc::SIGSTOP),
            (libc::F_SETOWN, self.target.pid()),
            (libc::F_SETFL, libc::O_NONBLOCK | libc::O_ASYNC),
        ];
        self.control(&calls)
    }

    /// Waits until the server has stopped: with the reply the signal is on its way.
    ///
    /// # Errors
    /// Not run, when it does not stop.
    pub fn wait_frozen(&self) -> Outcome {
        let deadline = Instant::now() + Duration::from_secs(5);
        while procfs::stat(self.target.pid()).is_none_or(|stat| stat.state != 'T') {
            if Instant::now() > deadline {
                return Err(not_run("the kernel did not stop the server when its reply arrived"));
            }
            std::thread::sleep(Duration::from_micros(50));
        }
        Ok(())
    }

    /// Takes [`Client::freeze_on_arrival`] back. A server that is stopped stays so until it gets SIGCONT.
    ///
    /// # Errors
    /// As there.
    pub fn thaw(&self) -> Outcome {
        self.control(&[(libc::F_SETFL, libc::O_NONBLOCK), (libc::F_SETOWN, 0)])
    }

    fn control(&self, calls: &[(i32, i32)]) -> Outcome {
        for &(call, argument) in calls {
            // SAFETY: each of these calls takes an int, and the descriptor is open as long as `self` lives.
            if unsafe { libc::fcntl(self.stream.as_raw_fd(), call, argument) } == -1 {
                let error = std::io::Error::last_os_error();
                return Err(not_run(format!("a reply cannot be made to stop the server here: {error}")));
            }
        }
        Ok(())
    }

    /// How many bytes that were sent the server has not read yet, be they still on their way.
    ///
    /// # Errors
    /// Not run, when /proc does not tell.
    pub fn unread_by_server(&self) -> Outcome<usize> {
        match procfs::queues(self.local, self.remote) {
            Ok(Some((under_way, unread))) => Ok((under_way + unread) as usize),
            Ok(None) => Ok(0),
            Err(error) => Err(not_run(format!("the kernel does not tell what the server has read: {error}"))),
        }
    }

    /// Writes until the kernel takes no more, without waiting for the server; returns how much went.
    ///
    /// # Errors
    /// A failure when the server closed.
    pub fn send_what_fits(&mut self, bytes: &[u8]) -> Outcome<usize> {
        let mut sent = 0;
        while sent < bytes.len() {
            match self.write_some(&bytes[sent..])? {
                0 => break,
                more => sent += more,
            }
        }
        Ok(sent)
    }
}
