//! `ACL LOG`: who was refused what, newest first. It is bounded, and what happens again and again is one entry with a count:
//! a million wrong passwords are no reason to forget the one entry that tells something.
use std::collections::VecDeque;

use super::selector::Reason;

/// Why an entry is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// A request.
    Request(Reason),
    /// A password.
    Auth,
}

impl Refused {
    /// As the log shows it.
    pub fn name(self) -> &'static str {
        match self {
            Refused::Request(Reason::Command) => "command",
            Refused::Request(Reason::Key) => "key",
            Refused::Request(Reason::Channel) => "channel",
            Refused::Auth => "auth",
        }
    }
}

/// What happened, as far as it makes two entries one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Why.
    pub refused: Refused,
    /// It belonged to a transaction.
    pub in_transaction: bool,
    /// The command, key or channel.
    pub object: Vec<u8>,
    /// The user; of a wrong password the name that was given with it.
    pub username: Vec<u8>,
}

/// One entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What happened.
    pub event: Event,
    /// How often.
    pub count: u64,
    /// When it last did, in milliseconds.
    pub time: i64,
    /// The client that did it last, as `CLIENT LIST` shows it.
    pub client: String,
}

/// How long ago an entry may be for the same thing to be counted there.
const GROUPED: i64 = 60_000;
/// How many of the newest entries are looked through for it.
const LOOKED_AT: usize = 10;

/// The log.
#[derive(Default)]
pub struct Log {
    entries: VecDeque<Entry>,
}

impl Log {
    /// Notes an event; at most `most` entries are kept.
    pub fn note(&mut self, event: Event, time: i64, client: String, most: usize) {
        let recent = self.entries.iter().take(LOOKED_AT);
        let mut same = recent.map(|entry| entry.event == event && (time - entry.time).abs() <= GROUPED);
        let known = same.position(|same| same).and_then(|at| self.entries.remove(at));
        let count = known.map_or(1, |entry| entry.count + 1);
        self.entries.push_front(Entry { event, count, time, client });
        self.entries.truncate(most);
    }

    /// The entries, newest first.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(object: &str) -> Event {
        let (object, username) = (object.into(), b"u".to_vec());
        Event { refused: Refused::Auth, in_transaction: false, object, username }
    }

    #[test]
    fn what_happens_again_is_counted() {
        let mut log = Log::default();
        for (time, object) in [(0, "a"), (1, "b"), (2, "a"), (60_003, "a")] {
            log.note(event(object), time, String::new(), 8);
        }
        let seen: Vec<(&[u8], u64)> =
            log.entries().map(|entry| (entry.event.object.as_slice(), entry.count)).collect();
        assert_eq!(seen, [(&b"a"[..], 1), (b"a", 2), (b"b", 1)], "a minute later it is news");
    }

    #[test]
    fn a_million_failures_stay_few() {
        let mut log = Log::default();
        for n in 0..1_000_000 {
            log.note(event(&(n % 20_011).to_string()), n, String::new(), 128);
        }
        assert_eq!(log.entries().len(), 128);
        log.note(event("x"), 0, String::new(), 0);
        assert_eq!(log.entries().len(), 0);
    }
}
