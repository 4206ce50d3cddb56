//! The conversation with a client under test.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::Shutdown;
use std::time::Duration;

use nix::poll::PollFlags;

use super::{Host, abort};
use crate::check::{Kind, Outcome};
use crate::client::End;
use crate::client::stall::Stall;
use crate::context::Patience;
use crate::hexdump::first_difference;

impl Host {
    /// Reads exactly `expected`, comparing as it comes.
    ///
    /// # Errors
    /// A failure with both sides and the first difference.
    pub fn expect(&mut self, expected: &[u8]) -> Outcome {
        let mut stall = Stall::new();
        let mut seen = 0;
        let mut buffer = vec![0; (64 << 10).min(expected.len().max(1))];
        while seen < expected.len() {
            let want = buffer.len().min(expected.len() - seen);
            match self.read_into(&mut buffer[..want])? {
                0 if self.end.is_some() => return Err(self.short(expected, seen, None)),
                0 => {
                    self.poll(PollFlags::POLLIN)?;
                    if let Some(stuck) = self.look(&mut stall) {
                        return Err(self.short(expected, seen, Some(stuck)));
                    }
                }
                got => {
                    if let Some(at) = first_difference(&buffer[..got], &expected[seen..seen + got]) {
                        return Err(self.differs(expected, seen + at, &buffer[at..got]));
                    }
                    seen += got;
                    stall.progress();
                }
            }
        }
        Ok(())
    }

    /// Waits for the client's FIN, behind which there is nothing.
    ///
    /// # Errors
    /// A failure when more bytes, a reset or nothing comes.
    pub fn expect_fin(&mut self) -> Outcome {
        let mut stall = Stall::new();
        let mut buffer = [0; 4 << 10];
        loop {
            match (self.read_into(&mut buffer)?, self.end) {
                (0, Some(End::Eof)) => return Ok(()),
                (0, Some(End::Reset)) => {
                    return Err(self.failure(Kind::Reset, "the client reset the connection").into());
                }
                (0, None) => self.poll(PollFlags::POLLIN)?,
                _ => {
                    let summary = "the client sends more than its input";
                    return Err(self.failure(Kind::ExtraBytes, summary).into());
                }
            }
            if let Some(stuck) = self.look(&mut stall) {
                let summary = "the client's input has ended, and it sends no FIN";
                return Err(self.stuck(stuck, Kind::NotClosed, summary));
            }
        }
    }

    /// Sends all bytes.
    ///
    /// # Errors
    /// A failure when the client closed, or does not read them.
    pub fn send(&mut self, bytes: &[u8]) -> Outcome {
        let mut stall = Stall::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.write_some(rest)? {
                0 => {
                    self.poll(PollFlags::POLLOUT)?;
                    if let Some(stuck) = self.look(&mut stall) {
                        let summary = "the client does not read what the server sends";
                        return Err(self.stuck(stuck, Kind::NotReading, summary));
                    }
                }
                sent => {
                    rest = &rest[sent..];
                    stall.progress();
                }
            }
        }
        Ok(())
    }

    /// Sends the bytes in pieces cut at `offsets`, and lets the client read each before the next goes out.
    ///
    /// # Errors
    /// As [`Host::send`].
    pub fn send_split(&mut self, bytes: &[u8], offsets: impl IntoIterator<Item = usize>) -> Outcome {
        let mut from = 0;
        for to in offsets.into_iter().filter(|to| *to < bytes.len()) {
            self.send(&bytes[from..to])?;
            self.record.split();
            self.wait_read()?;
            from = to;
        }
        self.send(&bytes[from..])
    }

    /// Echoes `expected` as a blocking server does: what was read is sent back before more is read.
    ///
    /// # Errors
    /// A failure when the client sends something else, or neither sends nor reads.
    pub fn echo(&mut self, expected: &[u8]) -> Outcome {
        let mut stall = Stall::new();
        let mut seen = 0;
        let mut buffer = vec![0; 16 << 10];
        while seen < expected.len() {
            let want = buffer.len().min(expected.len() - seen);
            match self.read_into(&mut buffer[..want])? {
                0 if self.end.is_some() => return Err(self.short(expected, seen, None)),
                0 => {
                    self.poll(PollFlags::POLLIN)?;
                    if let Some(stuck) = self.look(&mut stall) {
                        return Err(self.short(expected, seen, Some(stuck)));
                    }
                }
                got => {
                    let came = &expected[seen..seen + got];
                    if let Some(at) = first_difference(&buffer[..got], came) {
                        return Err(self.differs(expected, seen + at, &buffer[at..got]));
                    }
                    self.send(came)?;
                    seen += got;
                    stall.progress();
                }
            }
        }
        Ok(())
    }

    /// Sends FIN as an echo server does, once the client's has come; a client that sends none is not waited for.
    ///
    /// # Errors
    /// When the connection cannot be looked at.
    pub fn finish(&mut self) -> Outcome {
        self.wait_for_end()?;
        self.leave()
    }

    /// Waits for the client's FIN; one that sends none is not waited for.
    ///
    /// # Errors
    /// When the connection cannot be looked at.
    pub fn wait_for_end(&mut self) -> Outcome {
        let patience = Patience { quiet: Duration::from_millis(200), ..self.patience };
        let mut stall = Stall::new();
        let mut buffer = [0; 4 << 10];
        while self.end.is_none() && self.look_with(&mut stall, &patience).is_none() {
            // Bytes beyond what is owed are no check's business here.
            if self.read_into(&mut buffer)? == 0 && self.end.is_none() {
                self.poll(PollFlags::POLLIN)?;
            }
        }
        Ok(())
    }

    /// Sends FIN at once.
    ///
    /// # Errors
    /// When there is no connection.
    pub fn leave(&mut self) -> Outcome {
        self.record.event("the server sent FIN");
        // A client that has left already is judged by how it ended.
        let _ = self.stream()?.shutdown(Shutdown::Write);
        Ok(())
    }

    /// Ends the connection with RST.
    pub fn reset(&mut self) {
        self.record.event("the server sent RST");
        if let Some(stream) = self.stream.take() {
            abort(&stream);
        }
    }

    /// How the client's half of the connection ended, if it has been seen to.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// 0: nothing there yet, or the end.
    pub(super) fn read_into(&mut self, buffer: &mut [u8]) -> Outcome<usize> {
        loop {
            match self.stream()?.read(buffer) {
                Ok(0) => self.end = Some(End::Eof),
                Ok(got) => {
                    self.record.came(&buffer[..got]);
                    return Ok(got);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => self.end = Some(End::Reset),
            }
            return Ok(0);
        }
    }

    fn write_some(&mut self, bytes: &[u8]) -> Outcome<usize> {
        loop {
            match self.stream()?.write(bytes) {
                Ok(sent) => {
                    self.record.sent(&bytes[..sent]);
                    return Ok(sent);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    let summary = format!("the client closed while the server was sending ({error})");
                    return Err(self.failure(Kind::ClientEnded, summary).into());
                }
            }
        }
    }
}
