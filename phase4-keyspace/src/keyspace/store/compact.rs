//! Emptying pages of which little is in use.
use super::Store;
use crate::hash::Hasher;
use crate::record::DEADLINE;

impl Store {
    /// Moves some records out of a page that is worth emptying; whether there was one.
    pub fn compact(&mut self, hasher: &Hasher, records: usize) -> bool {
        let Some(page) = self.heap.compaction_candidate() else { return false };
        for reference in self.heap.records_of(page, records) {
            let (_, place) = self.place_of(hasher, reference);
            let moved = self.heap.relocate(reference);
            self.dict.redirect(place, moved);
            self.set_owners(moved);
            self.moved_in_queues(reference, moved);
            let record = self.heap.record(moved);
            if record.has(DEADLINE) {
                self.deadlines.moved(record.seat(), moved);
            }
        }
        true
    }
}
