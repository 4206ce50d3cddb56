//! What the report says when the bytes were not the right ones.
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use nix::poll::PollFlags;

use super::stall::Stuck;
use super::{Client, End, record};
use crate::check::{Failure, Kind, Verdict};
use crate::diagnosis;
use crate::target::Shared;

impl Client {
    /// A failure of this connection, with what was sent and received in this step.
    #[must_use]
    pub fn failure(&mut self, kind: Kind, summary: impl Into<String>) -> Failure {
        let mut failure = Failure::new(kind, summary);
        if !self.record.step.is_empty() {
            failure.step = Some(match self.name.as_str() {
                "" => self.record.step.clone(),
                name => format!("{name}: {}", self.record.step),
            });
        }
        failure.sent = Some(self.record.sent_dump(self.wire));
        failure.came = Some(self.record.came_dump(self.wire));
        failure.notes.extend(self.record.events.iter().cloned());
        if matches!(kind, Kind::Reset | Kind::EarlyEof | Kind::NoReply | Kind::ServerDied) {
            note_death(&mut failure, &self.target);
        }
        failure
    }

    /// [`Client::failure`] as a verdict.
    #[must_use]
    pub fn fail(&mut self, kind: Kind, summary: impl Into<String>) -> Verdict {
        self.failure(kind, summary).into()
    }

    pub(super) fn hangs(&mut self, stuck: Stuck, expected: &[u8], seen: usize, unsent: usize) -> Verdict {
        let (kind, summary) = match (seen, unsent) {
            (_, 1..) if seen == expected.len() => {
                (Kind::NotReading, format!("the server stopped reading; {unsent} bytes could not be sent"))
            }
            (0, _) => (Kind::NoReply, "no reply came".to_owned()),
            _ => (Kind::NoReply, format!("only {seen} of {} bytes came", expected.len())),
        };
        let kind = if stuck == Stuck::Deadline { Kind::TimeUp } else { kind };
        let mut failure = self.compare(kind, summary, expected, seen, &[]);
        failure.notes.push(stuck.text().to_owned());
        if unsent > 0 {
            failure.notes.push(format!("{unsent} bytes were still to be sent"));
        }
        failure.into()
    }

    pub(super) fn ended_early(&mut self, end: End, expected: &[u8], seen: usize) -> Verdict {
        let (kind, how) = match end {
            End::Eof => (Kind::EarlyEof, "ended (FIN)"),
            End::Reset => (Kind::Reset, "was reset (RST)"),
        };
        let summary = format!("the connection {how} after {seen} of {} bytes", expected.len());
        self.compare(kind, summary, expected, seen, &[]).into()
    }

    pub(super) fn differs(
        &mut self,
        expected: &[u8],
        seen: usize,
        got: &[u8],
        at: usize,
        before: usize,
    ) -> Verdict {
        let mut got = got.to_vec();
        // What follows the difference often tells more than the difference.
        if got.len() < at + 32 && self.poll(PollFlags::POLLIN, 50).is_ok() {
            got.extend(self.read_arrived().unwrap_or_default());
        }
        let (place, tail) = (seen + at, &got[at..]);
        let summary = format!("byte {place} of the reply is wrong");
        let mut failure = self.compare(Kind::WrongBytes, summary, expected, place, tail);
        failure.notes.extend(moved(expected, place, tail));
        failure.on_difference(expected, place, before, tail).into()
    }

    /// A failure whose `came` agrees with `expected` for `seen` bytes, and goes on with `tail`.
    fn compare(&mut self, kind: Kind, summary: String, expected: &[u8], seen: usize, tail: &[u8]) -> Failure {
        let mut failure = self.failure(kind, summary);
        let mut dump = record::around(expected, seen);
        dump.fields = self.wire.fields(expected);
        failure.expected = Some(dump);
        if tail.is_empty()
            && let Some(came) = &mut failure.came
        {
            came.caret = Some((came.total, "the reply stops here".to_owned()));
        }
        failure
    }
}

/// Bytes that are the right ones at a wrong place: a part was left out, or came twice.
fn moved(expected: &[u8], place: usize, tail: &[u8]) -> Option<String> {
    // Fewer than eight may be there by chance, and of more than sixteen a later difference may be one.
    let piece = &tail[..tail.len().min(16)];
    if piece.len() < 8 || piece.iter().all(|byte| *byte == piece[0]) {
        return None;
    }
    let find = |bytes: &[u8]| bytes.windows(piece.len()).position(|window| window == piece);
    if let Some(left_out) = find(&expected[place..]) {
        let belong = place + left_out;
        return Some(format!(
            "from byte {place} on, what came belongs at byte {belong}: {left_out} bytes were left out"
        ));
    }
    let belong = find(&expected[..place])?;
    let twice = place - belong;
    Some(format!("from byte {place} on, what came belongs at byte {belong}: {twice} bytes came twice"))
}

impl Failure {
    /// Points the caret at the difference, which is `place` bytes into the compared reply; that began `before` bytes
    /// into the step and goes on with `tail`.
    fn on_difference(mut self, expected: &[u8], place: usize, before: usize, tail: &[u8]) -> Self {
        if let (Some(came), Some(want), Some(got)) = (&mut self.came, expected.get(place), tail.first()) {
            let near = &expected[place.saturating_sub(record::NEAR)..place];
            let shown = &tail[..tail.len().min(record::NEAR)];
            came.pieces.push((before + place - near.len(), [near, shown].concat()));
            came.caret = Some((
                before + place,
                format!("first difference, byte {place}: {got:02x} came, {want:02x} expected"),
            ));
        }
        self
    }
}

pub(super) fn refused(target: &Shared, remote: SocketAddr, error: &io::Error) -> Verdict {
    if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::EADDRNOTAVAIL | libc::ENOBUFS))
    {
        return grader_trouble(io::Error::from_raw_os_error(error.raw_os_error().unwrap_or(0)));
    }
    let mut failure = Failure::new(Kind::Refused, format!("no connection to {remote}: {error}"));
    note_death(&mut failure, target);
    failure.into()
}

pub(super) fn grader_trouble(error: io::Error) -> Verdict {
    Verdict::Infrastructure(format!("the grader could not do its part: {error}"))
}

/// If the server ended, says how, and shows its last lines.
pub fn note_death(failure: &mut Failure, target: &Shared) {
    /// FIN or RST of a dying process arrives before the process can be reaped, and its last words may come later still.
    const LATE: Duration = Duration::from_millis(300);
    let Some(ended) = target.wait_end(LATE) else { return };
    if failure.death.is_some() {
        return;
    }
    target.output.wait_to_the_end(LATE);
    failure.kind = Kind::ServerDied;
    failure.death = Some(diagnosis::death(ended, &target.output));
    failure.notes.push(format!("the server {ended}"));
    let lines = target.output.tail(usize::MAX);
    if let Some(place) = diagnosis::place(&lines) {
        failure.notes.push(format!("it stood at {place}"));
    }
    let telling = diagnosis::telling_lines(&lines);
    if !telling.is_empty() {
        failure.notes.push(format!("its last lines:\n    {}", telling.join("\n    ")));
    }
}
