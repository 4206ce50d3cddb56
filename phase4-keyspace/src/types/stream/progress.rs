//! How far a group has got, in entries: what `entries-read` and `lag` are computed from.
//!
//! Entries have no numbers. But as long as none was removed by name, those that are there are the last ones of all that
//! were ever added, and the number of one of them follows from its distance to either end.
use std::cmp::Ordering;

use super::{Group, Id, Log};

/// A stream's entries and what is remembered of those that are gone.
#[derive(Clone, Copy, Debug)]
pub struct Tally<'a> {
    /// The entries.
    pub log: &'a Log,
    /// The last ID that was given.
    pub last: Id,
    /// The last of the entries that were removed by name.
    pub max_deleted: Id,
    /// How many entries there have ever been.
    pub added: u64,
}

impl Tally<'_> {
    /// Whether an entry was removed by name at this ID or behind it, as far as that is remembered.
    fn has_holes_from(self, id: Id) -> bool {
        self.max_deleted != Id::MIN
            && id <= self.max_deleted
            && self.log.first().is_some_and(|first| first <= self.max_deleted)
    }

    /// How many entries have ever been added up to this ID; `None`: that can't be told.
    pub fn number_of(self, id: Id) -> Option<u64> {
        if self.added == 0 {
            return Some(0);
        }
        if (self.log.is_empty() && id <= self.last) || id == self.last {
            return Some(self.added);
        }
        let first = self.log.first().filter(|_| id < self.last)?;
        if self.max_deleted != Id::MIN && self.max_deleted >= first {
            return None;
        }
        let before = self.added.wrapping_sub(self.log.len());
        match id.cmp(&first) {
            Ordering::Less => Some(before),
            Ordering::Equal => Some(before.wrapping_add(1)),
            Ordering::Greater => None,
        }
    }

    /// What a group will have read when it has been given this entry too, which is behind the last one that it was given.
    pub fn read_with(self, group: &Group, id: Id) -> Option<u64> {
        match group.read {
            Some(read) if !self.has_holes_from(id) => Some(read.wrapping_add(1)),
            old if self.added == 0 => old,
            _ => self.number_of(id),
        }
    }

    /// How many entries a group has still to be given; `None`: that can't be told.
    pub fn lag(self, group: &Group) -> Option<i64> {
        let read = match group.read {
            _ if self.added == 0 => return Some(0),
            Some(read) if !self.has_holes_from(group.last) => read,
            _ => self.number_of(group.last)?,
        };
        Some(self.added.wrapping_sub(read) as i64)
    }
}
