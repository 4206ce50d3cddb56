//! What the client sends, in which pieces, and when the server has read them.
use std::time::Duration;

use nix::poll::PollFlags;

use super::Client;
use super::stall::{Stall, Stuck};
use crate::check::{Kind, Outcome, Verdict};
use crate::context::Patience;
use crate::procfs;
use crate::target::Shared;

impl Client {
    /// Sends all bytes. What the server answers meanwhile stays in the kernel: for large messages use
    /// [`Client::exchange`].
    ///
    /// # Errors
    /// A failure when the server closed or stopped reading.
    pub fn send(&mut self, bytes: &[u8]) -> Outcome {
        let mut stall = Stall::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.write_some(rest)? {
                0 => self.wait(
                    PollFlags::POLLOUT,
                    &mut stall,
                    "the server does not read what was sent",
                    Kind::NotReading,
                )?,
                sent => {
                    rest = &rest[sent..];
                    stall.progress();
                }
            }
        }
        Ok(())
    }

    /// Sends the bytes in several writes, cut at `offsets`, and lets the server read each part before the next goes
    /// out, so that it sees exactly these pieces.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub fn send_split(&mut self, bytes: &[u8], offsets: &[usize]) -> Outcome {
        let mut from = 0;
        for &to in offsets.iter().filter(|to| **to < bytes.len()) {
            self.send(&bytes[from..to])?;
            self.record.split();
            self.wait_read()?;
            from = to;
        }
        self.send(&bytes[from..])
    }

    /// Sends until the server takes no more (it sleeps and the socket is full) or all is sent; returns how much went.
    ///
    /// # Errors
    /// A failure when the server closed.
    pub fn send_until_stalled(&mut self, bytes: &[u8]) -> Outcome<usize> {
        let mut sent = 0;
        let mut stall = Stall::new();
        let patience = Patience { quiet: Duration::from_millis(150), ..self.patience };
        while sent < bytes.len() {
            match self.write_some(&bytes[sent..])? {
                0 if self.poll(PollFlags::POLLOUT, 10)?.is_empty() => {
                    if stall.look(&self.target, &patience).is_some() {
                        break;
                    }
                }
                0 => {}
                more => {
                    sent += more;
                    stall.progress();
                }
            }
        }
        Ok(sent)
    }

    /// Waits until the server has read all that was sent: its receive queue in /proc/net/tcp is empty. A server that
    /// leaves bytes there while it sleeps is not waited for.
    ///
    /// # Errors
    /// A failure when the server ended.
    pub fn wait_read(&mut self) -> Outcome {
        let mut stall = Stall::new();
        let patience = Patience { quiet: Duration::from_millis(200), ..self.patience };
        while self.splits_are_read {
            match procfs::queues(self.local, self.remote) {
                Ok(Some((0, 0)) | None) => return Ok(()),
                Ok(Some(_)) => {}
                Err(_) => self.splits_are_read = false,
            }
            if let Some(stuck) = stall.look(&self.target, &patience) {
                if stuck == Stuck::Died {
                    return Err(self.fail(Kind::ServerDied, "the server ended while it was sent bytes"));
                }
                self.splits_are_read = false;
                self.record.event("the server left sent bytes unread; the rest was sent all the same");
            }
            std::thread::sleep(Duration::from_micros(50));
        }
        Ok(())
    }

    /// Waits until the server has read all that was sent (true), or sleeps and leaves bytes unread (false).
    ///
    /// # Errors
    /// A failure when the server ended.
    pub fn read_by_server_or_asleep(&mut self, target: &Shared) -> Outcome<bool> {
        let mut stall = Stall::new();
        let patience = Patience { quiet: Duration::from_millis(100), ..self.patience };
        loop {
            match procfs::queues(self.local, self.remote) {
                Ok(Some((0, 0)) | None) => return Ok(true),
                Ok(Some(_)) => {}
                Err(_) => return Err(Verdict::NotRun("/proc/net/tcp cannot be read here".into())),
            }
            match stall.look(target, &patience) {
                Some(Stuck::Died) => {
                    return Err(self.fail(Kind::ServerDied, "the server ended while it was sent bytes"));
                }
                Some(_) => return Ok(false),
                None => std::thread::sleep(Duration::from_micros(50)),
            }
        }
    }

    /// Half-closes: sends FIN, keeps reading.
    ///
    /// # Errors
    /// A failure when the connection is gone.
    pub fn finish(&mut self) -> Outcome {
        self.record.event("sent FIN (shutdown for writing)");
        match self.stream.shutdown(std::net::Shutdown::Write) {
            Ok(()) => Ok(()),
            Err(_) => {
                Err(self.fail(Kind::Reset, "the connection was gone before the client could half-close it"))
            }
        }
    }

    /// Ends the connection with RST instead of FIN.
    pub fn reset(self) {
        // Should the option fail, a plain close is the next best thing.
        let _ = kit::conn::reset_when_closed(&self.stream);
    }
}
