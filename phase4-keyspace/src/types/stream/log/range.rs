//! Entries looked up and walked through by their IDs.
use super::{Chunk, Log};
use crate::types::stream::chunk::{Fields, Found};
use crate::types::stream::id::Id;

impl Log {
    /// Shows the entries between two IDs, both included, in order, until `visit` says `false`.
    pub fn range(&self, from: Id, to: Id, mut visit: impl FnMut(Id, Fields<'_>) -> bool) {
        let mut show = |chunk: Chunk<'_>| {
            if chunk.first() > to {
                return false;
            }
            let inside = chunk.walk().skip_while(|found| found.id < from);
            let mut wanted = inside.take_while(|found| found.id <= to).filter(|found| !found.deleted);
            wanted.all(|found| visit(found.id, found.fields))
        };
        let open = if self.open.total > 0 { Some(self.open.chunk()) } else { None };
        if !self.is_in_open(from) {
            let path = self.sealed_with(from);
            if !self.sealed.forward(path).all(|sealed| show(self.read(sealed))) {
                return;
            }
        }
        open.map(show);
    }

    /// The same from the last to the first.
    pub fn range_back(&self, from: Id, to: Id, mut visit: impl FnMut(Id, Fields<'_>) -> bool) {
        let mut show = |chunk: Chunk<'_>| {
            // Entries are read forward only; those of a chunk are few.
            let wanted = chunk.walk().take_while(|found| found.id <= to).filter(|found| !found.deleted);
            let wanted: Vec<Found<'_>> = wanted.collect();
            let mut inside = wanted.iter().rev().take_while(|found| found.id >= from);
            inside.all(|found| visit(found.id, found.fields)) && chunk.first() > from
        };
        if self.is_in_open(to) && !show(self.open.chunk()) {
            return;
        }
        let (behind, _) = self.sealed.seek(|sealed| sealed.first <= to);
        let _ = self.sealed.backward(behind).all(|sealed| show(self.read(sealed)));
    }

    /// The first entry's ID.
    pub fn first(&self) -> Option<Id> {
        let mut first = None;
        self.range(Id::MIN, Id::MAX, |id, _| {
            first = Some(id);
            false
        });
        first
    }

    /// The last entry's ID.
    pub fn last(&self) -> Option<Id> {
        let mut last = None;
        self.range_back(Id::MIN, Id::MAX, |id, _| {
            last = Some(id);
            false
        });
        last
    }

    /// Whether there is an entry of this ID.
    pub fn contains(&self, id: Id) -> bool {
        self.get(id, |_| ())
    }

    /// Shows the entry of this ID; whether there is one.
    pub fn get(&self, id: Id, visit: impl FnOnce(Fields<'_>)) -> bool {
        let mut visit = Some(visit);
        let mut found = false;
        self.range(id, id, |_, fields| {
            found = true;
            if let Some(visit) = visit.take() {
                visit(fields);
            }
            false
        });
        found
    }

    /// Whether there is an entry behind this ID.
    pub fn goes_beyond(&self, id: Id) -> bool {
        let Some(next) = id.next() else { return false };
        let mut found = false;
        self.range(next, Id::MAX, |_, _| {
            found = true;
            false
        });
        found
    }
}
