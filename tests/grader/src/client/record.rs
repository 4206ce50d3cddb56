//! What a connection sent and received in one step: the beginning and the end of each stream, whatever its length.

use std::collections::VecDeque;

use crate::hexdump::Dump;
use crate::wire::Wire;

const HEAD: usize = 2_048;
const TAIL: usize = 256;
const EVENTS: usize = 12;
/// How much of a stream on either side of a place makes its neighbourhood.
pub const NEAR: usize = 64;

#[derive(Debug, Default)]
pub struct Record {
    pub step: String,
    pub events: Vec<String>,
    sent: Tape,
    came: Tape,
    splits: Vec<usize>,
}

impl Record {
    pub fn of(step: String) -> Self {
        Self { step, ..Self::default() }
    }

    pub fn sent(&mut self, bytes: &[u8]) {
        self.sent.push(bytes);
    }

    pub fn came_total(&self) -> usize {
        self.came.total
    }

    pub fn came(&mut self, bytes: &[u8]) {
        self.came.push(bytes);
    }

    /// The write ends here, and the server has been given time to read it.
    pub fn split(&mut self) {
        self.splits.push(self.sent.total);
    }

    pub fn event(&mut self, text: &str) {
        if self.events.len() < EVENTS {
            self.events.push(text.to_owned());
        }
    }

    pub fn sent_dump(&self, wire: Wire) -> Dump {
        Dump { splits: self.splits.clone(), ..self.sent.dump(wire) }
    }

    pub fn came_dump(&self, wire: Wire) -> Dump {
        self.came.dump(wire)
    }
}

#[derive(Debug, Default)]
struct Tape {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: usize,
}

impl Tape {
    fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len();
        let room = HEAD - self.head.len();
        let (first, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend(first);
        self.tail.extend(&rest[rest.len().saturating_sub(TAIL)..]);
        let surplus = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..surplus);
    }

    fn dump(&self, wire: Wire) -> Dump {
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        let start = self.total - tail.len();
        // Only the head is annotated: behind a gap nobody knows where a frame begins.
        let fields = wire.fields(&self.head);
        Dump {
            pieces: vec![(0, self.head.clone()), (start, tail)],
            total: self.total,
            fields,
            ..Dump::default()
        }
    }
}

/// A dump of a stream that is at hand as a whole, of which the start and the neighbourhood of `at` matter.
pub fn around(bytes: &[u8], at: usize) -> Dump {
    let head = &bytes[..bytes.len().min(HEAD)];
    let from = at.saturating_sub(NEAR).clamp(head.len(), bytes.len());
    let to = (at + NEAR).clamp(from, bytes.len());
    Dump {
        pieces: vec![(0, head.to_vec()), (from, bytes[from..to].to_vec())],
        total: bytes.len(),
        focus: Some(at),
        ..Dump::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tape_keeps_both_ends() {
        let mut tape = Tape::default();
        let bytes: Vec<u8> = (0..10_000_u32).map(|n| n as u8).collect();
        for chunk in bytes.chunks(777) {
            tape.push(chunk);
        }
        let dump = tape.dump(Wire::Raw);
        assert_eq!(dump.total, 10_000);
        assert_eq!(dump.pieces[0], (0, bytes[..HEAD].to_vec()));
        assert_eq!(dump.pieces[1], (10_000 - TAIL, bytes[10_000 - TAIL..].to_vec()));
    }

    #[test]
    fn splits_are_counted_in_sent_bytes() {
        let mut record = Record::default();
        record.sent(b"abc");
        record.split();
        record.sent(b"def");
        assert_eq!(record.sent_dump(Wire::Raw).splits, [3]);
    }

    #[test]
    fn around_shows_the_place() {
        let bytes = vec![7; 100_000];
        let dump = around(&bytes, 50_000);
        assert!(
            dump.byte_at(50_000).is_some() && dump.byte_at(0).is_some() && dump.byte_at(30_000).is_none()
        );
        assert_eq!(around(b"ab", 2).total, 2);
    }
}
