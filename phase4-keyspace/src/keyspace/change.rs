//! The journal: what one unit of execution did to keys, written down where it happens and read once at its end.
//!
//! To change a key, call a method of [`DbMut`](super::DbMut): each takes the [`Event`] as an argument, so a command cannot
//! forget it. To learn what happened, read [`Changes::iter`] at the end of the unit, then [`Changes::clear`]. The dirty
//! count is Redis's, and neither one per event nor per command: `SET k v EX 100` counts 1 and has two events, `SADD` of
//! three members counts 3 and has one.
use std::ops::Range;

use super::event::Event;

/// One entry of the journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change<'a> {
    /// The database.
    pub db: u32,
    /// The key; `None` if it is about the whole database.
    pub key: Option<&'a [u8]>,
    /// What happened.
    pub event: Event,
}

#[derive(Debug)]
struct Entry {
    db: u32,
    key: Option<Range<u32>>,
    event: Event,
}

/// What a unit of execution changed.
#[derive(Default, Debug)]
pub struct Changes {
    /// Changes since the start, as Redis counts them.
    dirty: u64,
    /// Something reads the entries; otherwise only the count is kept.
    keep: bool,
    /// Lookups that find nothing are noted, too.
    keep_misses: bool,
    entries: Vec<Entry>,
    keys: Vec<u8>,
    /// Details are kept, too.
    keep_details: bool,
    details: Vec<Range<u32>>,
}

/// A place in a unit's journal: what one of its commands did stands behind it.
#[derive(Clone, Copy, Default, Debug)]
pub struct Mark {
    entries: usize,
    details: usize,
}

impl Changes {
    /// Notes what happened to a key. With no reader it costs an addition and a branch.
    #[inline(always)]
    pub fn note(&mut self, db: u32, key: &[u8], event: Event, dirty: u32) {
        self.dirty += u64::from(dirty);
        if self.keep {
            self.push(db, Some(key), event);
        }
    }

    /// Notes what happened to a whole database.
    pub fn note_database(&mut self, db: u32, event: Event, dirty: u64) {
        self.dirty += dirty;
        if self.keep {
            self.push(db, None, event);
        }
    }

    /// Notes that a lookup on behalf of a reading command found nothing.
    #[inline]
    pub fn note_miss(&mut self, db: u32, key: &[u8]) {
        if self.keep_misses {
            self.push(db, Some(key), Event::KeyMiss);
        }
    }

    /// Counts changes that no key shows (`SWAPDB 0 0`).
    pub fn count(&mut self, dirty: u64) {
        self.dirty += dirty;
    }

    #[cold]
    fn push(&mut self, db: u32, key: Option<&[u8]>, event: Event) {
        let key = key.map(|key| self.keep_bytes(key));
        self.entries.push(Entry { db, key, event });
    }

    fn keep_bytes(&mut self, bytes: &[u8]) -> Range<u32> {
        let start = self.keys.len() as u32;
        self.keys.extend_from_slice(bytes);
        start..self.keys.len() as u32
    }

    /// Whether something reads what chance has decided (which members `SPOP` took): such a command says it with
    /// [`Changes::detail`] then, and only then.
    pub fn keeps_details(&self) -> bool {
        self.keep_details
    }

    /// Notes what neither the request nor the keyspace will tell about the command that runs.
    pub fn detail(&mut self, bytes: &[u8]) {
        let detail = self.keep_bytes(bytes);
        self.details.push(detail);
    }

    /// The details noted since a mark.
    pub fn details_since(&self, mark: Mark) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        self.details[mark.details..].iter().map(|at| &self.keys[at.start as usize..at.end as usize])
    }

    /// Starts or stops keeping details.
    pub fn set_keep_details(&mut self, keep: bool) {
        self.keep_details = keep;
    }

    /// The place behind all that this unit has noted so far.
    pub fn mark(&self) -> Mark {
        Mark { entries: self.entries.len(), details: self.details.len() }
    }

    /// Starts or stops keeping lookups in vain as well.
    pub fn set_keep_misses(&mut self, keep: bool) {
        self.keep_misses = keep;
    }

    /// Starts or stops keeping entries: on while there is a reader.
    pub fn set_keep(&mut self, keep: bool) {
        if self.keep != keep {
            self.keep = keep;
            self.clear();
        }
    }

    /// How many changes there were since the start.
    pub fn dirty(&self) -> u64 {
        self.dirty
    }

    /// Whether this unit has entries.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// This unit's entries, in order.
    pub fn iter(&self) -> impl Iterator<Item = Change<'_>> {
        self.since(Mark::default())
    }

    /// The entries since a mark, in order.
    pub fn since(&self, mark: Mark) -> impl Iterator<Item = Change<'_>> {
        self.entries[mark.entries..].iter().map(|entry| Change {
            db: entry.db,
            key: entry.key.as_ref().map(|key| &self.keys[key.start as usize..key.end as usize]),
            event: entry.event,
        })
    }

    /// The unit has ended and its entries have been read.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.keys.clear();
        self.details.clear();
        // One huge unit (a MSET of a million keys) leaves no huge buffers.
        self.entries.shrink_to(1024);
        self.details.shrink_to(1024);
        self.keys.shrink_to(64 * 1024);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_command_did_stands_behind_a_mark() {
        let mut changes = Changes::default();
        changes.set_keep(true);
        assert!(!changes.keeps_details());
        changes.note(0, b"a", Event::SPop, 1);
        changes.detail(b"member");
        let mark = changes.mark();
        changes.note(0, b"b", Event::SPop, 1);
        changes.detail(b"");
        changes.detail(b"x");
        assert_eq!(changes.since(mark).map(|change| change.key).collect::<Vec<_>>(), [Some(&b"b"[..])]);
        assert_eq!(changes.details_since(mark).collect::<Vec<_>>(), [&b""[..], b"x"]);
        changes.clear();
        assert_eq!(changes.details_since(changes.mark()).len(), 0);
    }

    #[test]
    fn the_count_is_kept_always_and_the_entries_for_a_reader() {
        let mut changes = Changes::default();
        changes.note(0, b"k", Event::Set, 1);
        assert!(changes.is_empty() && changes.dirty() == 1);
        changes.set_keep(true);
        changes.note(3, b"k", Event::New, 0);
        changes.note(3, b"", Event::Set, 1);
        changes.note_database(3, Event::Flush, 7);
        assert_eq!(
            changes.iter().collect::<Vec<_>>(),
            [
                Change { db: 3, key: Some(b"k"), event: Event::New },
                Change { db: 3, key: Some(b""), event: Event::Set },
                Change { db: 3, key: None, event: Event::Flush },
            ]
        );
        assert_eq!(changes.dirty(), 9);
        changes.clear();
        assert!(changes.is_empty() && changes.dirty() == 9);
    }
}
