//! A stream: a log of entries that several read, each at their own pace.
//!
//! [`log`] keeps the entries, [`group`] how far a group of readers has got and what is pending for each of them. Beside
//! these a stream has a few numbers that outlive its entries: an ID is never given twice, even if its entry is gone.
mod body;
pub mod chunk;
pub mod group;
pub mod id;
pub mod log;
mod progress;
mod segments;
#[cfg(test)]
mod tests;

pub use chunk::Fields;
pub use group::{ConsumerId, Group, Pending};
pub use id::{Id, IdText};
pub use log::{Log, Until};
pub use progress::Tally;

use super::Millis;
use super::rules::Rules;

/// A stream.
#[derive(Clone, Default, Debug)]
pub struct Stream {
    log: Log,
    /// The last ID that was given, or that is said to have been.
    pub last: Id,
    /// The last of the entries that were removed by name.
    pub max_deleted: Id,
    /// How many entries there have ever been.
    pub added: u64,
    /// By name.
    groups: Vec<Group>,
    /// Groups that are no longer wanted.
    discarded: Vec<Group>,
}

impl Stream {
    /// Its entries.
    #[inline]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Its entries, to be filled from a file.
    pub fn log_mut(&mut self) -> &mut Log {
        &mut self.log
    }

    /// Number of entries.
    #[inline]
    pub fn len(&self) -> u64 {
        self.log.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The ID that an entry gets that is added now: the time, or the one behind the last if that is not earlier. `None`: there
    /// is none left.
    pub fn next_id(&self, now: Millis) -> Option<Id> {
        let now = Id { ms: now.max(0) as u64, seq: 0 };
        if now.ms > self.last.ms { Some(now) } else { self.last.next() }
    }

    /// Appends an entry, whose ID is behind the last one; `flat` is field, value, field, value.
    pub fn append<'f>(
        &mut self,
        id: Id,
        flat: impl ExactSizeIterator<Item = &'f [u8]> + Clone,
        rules: &Rules,
    ) {
        self.log.append(id, flat, rules);
        self.last = id;
        self.added += 1;
    }

    /// Removes an entry; whether it was there.
    pub fn delete(&mut self, id: Id) -> bool {
        let deleted = self.log.delete(id);
        if deleted {
            self.max_deleted = self.max_deleted.max(id);
        }
        deleted
    }

    /// Forgets the oldest entries: see [`Log::trim`].
    pub fn trim(&mut self, until: Until, approximately: bool, limit: u64) -> u64 {
        self.log.trim(until, approximately, limit)
    }

    /// Its groups, by name.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = &Group> {
        self.groups.iter()
    }

    fn position(&self, name: &[u8]) -> Result<usize, usize> {
        self.groups.binary_search_by(|group| group.name().cmp(name))
    }

    /// The group of this name.
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.position(name).ok().map(|at| &self.groups[at])
    }

    /// The group of this name.
    pub fn group_mut(&mut self, name: &[u8]) -> Option<&mut Group> {
        self.position(name).ok().map(|at| &mut self.groups[at])
    }

    /// The entries, and what is remembered of those that are gone.
    pub fn tally(&self) -> Tally<'_> {
        Tally { log: &self.log, last: self.last, max_deleted: self.max_deleted, added: self.added }
    }

    /// The same and a group, to give it some of the entries.
    pub fn tally_and_group(&mut self, name: &[u8]) -> Option<(Tally<'_>, &mut Group)> {
        let at = self.position(name).ok()?;
        let Stream { log, groups, last, max_deleted, added, .. } = self;
        Some((Tally { log, last: *last, max_deleted: *max_deleted, added: *added }, &mut groups[at]))
    }

    /// Adds a group; `false` if there is one of its name.
    pub fn add_group(&mut self, group: Group) -> bool {
        let at = self.position(group.name());
        at.map_err(|at| self.groups.insert(at, group)).is_err()
    }

    /// Removes a group; whether it was there.
    pub fn remove_group(&mut self, name: &[u8]) -> bool {
        let at = self.position(name);
        at.map(|at| self.discarded.push(self.groups.remove(at))).is_ok()
    }
}
