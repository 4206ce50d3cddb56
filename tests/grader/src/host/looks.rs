//! What can be seen of a client under test without a word: whether it sleeps, reads, waits, has left; and what a report says
//! of bytes that are not the right ones.

use std::time::{Duration, Instant};

use super::{Host, trouble};
use crate::check::{Kind, Outcome, Verdict};
use crate::client::End;
use crate::client::record::around;
use crate::client::stall::{Stall, Stuck};
use crate::context::Patience;
use crate::procfs;

impl Host {
    /// Reads nothing until the client sleeps, or cannot be waited for: its writes fill the buffers.
    pub fn wait_until_stalled(&mut self) {
        let patience = Patience { quiet: Duration::from_millis(150), ..self.patience };
        let mut stall = Stall::new();
        while self.look_with(&mut stall, &patience).is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Says nothing for so long.
    ///
    /// # Errors
    /// A failure when the client does not wait.
    pub fn stays(&mut self, silence: Duration) -> Outcome {
        let until = Instant::now() + silence;
        while Instant::now() < until {
            if self.fed.process.wait_end(Duration::from_millis(10)).is_some() {
                return Err(self.failure(Kind::ClientEnded, "the client did not wait for the reply").into());
            }
        }
        Ok(())
    }

    /// Whether what was sent has met a client that had closed its reading half as well: the answer is an RST.
    #[must_use]
    pub fn was_refused(&self) -> bool {
        let error = self.stream.as_ref().and_then(|stream| stream.take_error().ok().flatten());
        error.is_some() || self.end == Some(End::Reset)
    }

    /// Whether bytes that were sent lie in the client's receive buffer.
    #[must_use]
    pub fn leaves_unread(&self) -> bool {
        let Some(stream) = &self.stream else { return false };
        let (Ok(here), Ok(there)) = (stream.local_addr(), stream.peer_addr()) else { return false };
        procfs::queues(here, there).is_ok_and(|queues| queues.is_some_and(|(_, unread)| unread > 0))
    }

    /// Waits until the client has read all that was sent; one that sleeps beside unread bytes is not waited for.
    pub(super) fn wait_read(&mut self) -> Outcome {
        let (here, there) = {
            let stream = self.stream()?;
            (stream.local_addr().map_err(trouble)?, stream.peer_addr())
        };
        let Ok(there) = there else { return Ok(()) };
        let patience = Patience { quiet: Duration::from_millis(200), ..self.patience };
        let mut stall = Stall::new();
        while let Ok(Some((unacknowledged, unread))) = procfs::queues(here, there) {
            if unacknowledged == 0 && unread == 0 || self.look_with(&mut stall, &patience).is_some() {
                break;
            }
            std::thread::sleep(Duration::from_micros(50));
        }
        Ok(())
    }

    pub(super) fn short(&mut self, expected: &[u8], seen: usize, stuck: Option<Stuck>) -> Verdict {
        let summary = match (stuck, seen) {
            (Some(_), 0) => "the client sends nothing".to_owned(),
            (Some(_), _) => format!("only {seen} of {} bytes came from the client", expected.len()),
            (None, _) => format!("the client closed after {seen} of {} bytes", expected.len()),
        };
        let kind = if stuck.is_none() { Kind::ClientEnded } else { Kind::NoReply };
        let mut dump = around(expected, seen);
        dump.fields = self.wire.fields(expected);
        let verdict = match stuck {
            Some(stuck) => self.stuck(stuck, kind, &summary),
            None => self.failure(kind, summary).into(),
        };
        let Verdict::Failed(mut failure) = verdict else { return verdict };
        failure.expected = Some(dump);
        failure.into()
    }

    pub(super) fn differs(&mut self, expected: &[u8], place: usize, tail: &[u8]) -> Verdict {
        let mut failure = self.failure(Kind::WrongBytes, format!("byte {place} from the client is wrong"));
        let mut dump = around(expected, place);
        dump.fields = self.wire.fields(expected);
        failure.expected = Some(dump);
        if let (Some(came), Some(want), Some(got)) = (&mut failure.came, expected.get(place), tail.first()) {
            came.pieces.push((place, tail[..tail.len().min(64)].to_vec()));
            came.caret = Some((place, format!("first difference: {got:02x} came, {want:02x} expected")));
        }
        failure.into()
    }
}
