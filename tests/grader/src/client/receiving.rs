//! What the client reads, and what it expects there.
use std::time::Duration;

use nix::poll::PollFlags;

use super::stall::Stall;
use super::{Client, End};
use crate::check::{Kind, Outcome};
use crate::hexdump::{Dump, first_difference};

impl Client {
    /// Reads exactly `expected`, comparing as it comes.
    ///
    /// # Errors
    /// A failure with both sides and the first difference.
    pub fn expect(&mut self, expected: &[u8]) -> Outcome {
        self.exchange(&[], expected)
    }

    /// Sends `bytes` and reads exactly `expected`, both at once: what a client must do when both are larger than the
    /// kernel's buffers.
    ///
    /// # Errors
    /// As [`Client::expect`].
    pub fn exchange(&mut self, bytes: &[u8], expected: &[u8]) -> Outcome {
        let (mut rest, mut seen) = (bytes, 0);
        let before = self.record.came_total();
        let mut stall = Stall::new();
        let mut buffer = vec![0; (64 << 10).min(expected.len().max(1))];
        while !rest.is_empty() || seen < expected.len() {
            let mut moved = 0;
            if !rest.is_empty() {
                let sent = self.write_some(rest)?;
                rest = &rest[sent..];
                moved += sent;
            }
            let want = buffer.len().min(expected.len() - seen);
            if want > 0 {
                let got = match self.read_some_into(&mut buffer[..want]) {
                    Ok(got) => got,
                    Err(end) => return Err(self.ended_early(end, expected, seen)),
                };
                if let Some(at) = first_difference(&buffer[..got], &expected[seen..seen + got]) {
                    return Err(self.differs(expected, seen, &buffer[..got], at, before));
                }
                seen += got;
                moved += got;
            }
            if moved > 0 {
                stall.progress();
                continue;
            }
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::POLLOUT, !rest.is_empty());
            flags.set(PollFlags::POLLIN, seen < expected.len());
            if self.poll(flags, 20)?.is_empty()
                && let Some(stuck) = stall.look(&self.target, &self.patience)
            {
                return Err(self.hangs(stuck, expected, seen, rest.len()));
            }
        }
        Ok(())
    }

    /// Reads what there is, waiting for at least one byte; empty at the end of the stream (see [`Client::end`]).
    ///
    /// # Errors
    /// A failure when nothing comes.
    pub fn read_some(&mut self) -> Outcome<Vec<u8>> {
        let mut stall = Stall::new();
        let mut buffer = vec![0; 64 << 10];
        loop {
            match self.read_some_into(&mut buffer) {
                Err(_) => return Ok(Vec::new()),
                Ok(0) => self.wait(PollFlags::POLLIN, &mut stall, "no reply came", Kind::NoReply)?,
                Ok(got) => {
                    buffer.truncate(got);
                    return Ok(buffer);
                }
            }
        }
    }

    /// Reads exactly `len` bytes of unknown content.
    ///
    /// # Errors
    /// A failure when fewer come.
    pub fn read_exact(&mut self, len: usize) -> Outcome<Vec<u8>> {
        let mut stall = Stall::new();
        let mut out = vec![0; len];
        let mut seen = 0;
        while seen < len {
            match self.read_some_into(&mut out[seen..]) {
                Err(End::Eof) => {
                    let text = format!("the stream ended after {seen} of {len} bytes");
                    return Err(self.fail(Kind::EarlyEof, text));
                }
                Err(End::Reset) => {
                    return Err(
                        self.fail(Kind::Reset, format!("connection reset after {seen} of {len} bytes"))
                    );
                }
                Ok(0) => {
                    let text = format!("only {seen} of {len} bytes came");
                    self.wait(PollFlags::POLLIN, &mut stall, &text, Kind::NoReply)?;
                }
                Ok(got) => {
                    seen += got;
                    stall.progress();
                }
            }
        }
        Ok(out)
    }

    /// Reads what has already arrived, without waiting.
    ///
    /// # Errors
    /// None yet; the type leaves room for trouble of the grader's own.
    pub fn read_arrived(&mut self) -> Outcome<Vec<u8>> {
        let mut out = Vec::new();
        let mut buffer = vec![0; 64 << 10];
        while let Ok(got @ 1..) = self.read_some_into(&mut buffer) {
            out.extend(&buffer[..got]);
        }
        Ok(out)
    }

    /// Expects a clean end of stream (FIN), and nothing before it.
    ///
    /// # Errors
    /// A failure when bytes, a reset or nothing at all come instead.
    pub fn expect_eof(&mut self) -> Outcome {
        match self.expect_closed()? {
            End::Eof => Ok(()),
            End::Reset => {
                Err(self.fail(Kind::Reset, "the connection was reset (RST) instead of closed (FIN)"))
            }
        }
    }

    /// Expects the end of the stream, by FIN or by RST, and nothing before it.
    ///
    /// # Errors
    /// A failure when bytes or nothing at all come instead.
    pub fn expect_closed(&mut self) -> Outcome<End> {
        let mut stall = Stall::new();
        let mut buffer = [0; 512];
        loop {
            match self.read_some_into(&mut buffer) {
                Err(end) => return Ok(end),
                Ok(0) => {
                    self.wait(
                        PollFlags::POLLIN,
                        &mut stall,
                        "the server does not close the connection",
                        Kind::NotClosed,
                    )?;
                }
                Ok(got) => {
                    let text = format!("{got} bytes came where the end of the stream was due");
                    let mut failure = self.failure(Kind::ExtraBytes, text);
                    failure.expected = Some(Dump::default());
                    return Err(failure.into());
                }
            }
        }
    }

    /// Expects silence: the server goes to sleep, the connection stays open, no byte has come.
    ///
    /// # Errors
    /// A failure when bytes or the end of the stream come.
    pub fn expect_silence(&mut self) -> Outcome {
        self.wait_read()?;
        // False when /proc is closed or other clients keep the server busy: then what has arrived must do.
        let _ = self.target.wait_idle(Duration::from_millis(500));
        let mut buffer = [0; 512];
        match self.read_some_into(&mut buffer) {
            Ok(0) => Ok(()),
            Ok(got) => Err(self.fail(Kind::ExtraBytes, format!("{got} bytes came although nothing is owed"))),
            Err(End::Eof) => {
                Err(self.fail(Kind::EarlyEof, "the server closed the connection, which should stay open"))
            }
            Err(End::Reset) => {
                Err(self.fail(Kind::Reset, "the server reset the connection, which should stay open"))
            }
        }
    }
}
