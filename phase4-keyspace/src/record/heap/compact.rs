//! Compaction: which page to empty, and moving a record out of it.
use super::{Slots, join, split};
use crate::record::Ref;
use crate::record::class::{MAX_RECORD, UNIT, units_of};
use crate::record::page::PAGE_UNITS;

impl<const MARK: usize> Slots<MARK> {
    // ANCHOR: compaction
    /// A page whose records would all fit into the free slots of other pages of its class, when that class wastes more
    /// than an eighth of its memory.
    pub fn compaction_candidate(&self) -> Option<usize> {
        self.classes.iter().enumerate().find_map(|(class, list)| {
            let capacity = PAGE_UNITS / units_of(class);
            let pages = list.pages as usize;
            let free = pages * capacity - list.used as usize;
            let wasteful = free >= (2 + pages / 8) * capacity;
            (wasteful && list.first != list.last).then_some(list.last as usize)
        })
    }

    /// References of up to `count` records of a page.
    pub fn records_of(&self, page: usize, count: usize) -> Vec<Ref> {
        let info = self.info[page];
        if info.used == 0 {
            return Vec::new();
        }
        (0..usize::from(info.fresh))
            .step_by(info.slot_units())
            .map(|unit| join(page, unit))
            .filter(|reference| self.slot(*reference)[MARK] != 0)
            .take(count)
            .collect()
    }

    /// Moves a record to the first page with room, unchanged. Its new reference.
    pub fn relocate(&mut self, reference: Ref) -> Ref {
        let class = self.info[split(reference).0].class();
        let moved = self.allocate_class(class);
        let len = units_of(class) * UNIT;
        let mut record = [0; MAX_RECORD];
        record[..len].copy_from_slice(&self.slot(reference)[..len]);
        self.slot_mut(moved)[..len].copy_from_slice(&record[..len]);
        self.free(reference);
        moved
    }
    // ANCHOR_END: compaction
}
