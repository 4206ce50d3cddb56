//! The slots of a database: a record in each.
use super::{Heap, UNIT, split};
use crate::record::{Draft, Record, RecordMut, Ref};

impl Heap {
    /// A record.
    #[inline(always)]
    pub fn record(&self, reference: Ref) -> Record<'_> {
        Record(self.slot(reference))
    }

    /// A record, to be changed in place.
    #[inline(always)]
    pub fn record_mut(&mut self, reference: Ref) -> RecordMut<'_> {
        RecordMut(self.slot_mut(reference))
    }

    /// A record with nothing but header, short key and short string, if it is on a full-grown page. That is what most
    /// lookups meet in a heap that is not small, and the way that is made short for them.
    #[inline(always)]
    pub fn usual(&self, reference: Ref) -> Option<Record<'_>> {
        let (page, unit) = split(reference);
        let record = Record(&self.pages[page].as_ref()?[unit * UNIT..]);
        record.is_plain().then_some(record)
    }

    /// A record that [`Heap::usual`] has just been seen to find, to be changed in place.
    #[inline(always)]
    pub fn usual_mut(&mut self, reference: Ref) -> RecordMut<'_> {
        let (page, unit) = split(reference);
        let bytes = self.pages[page].as_mut().expect("a usual record is on a full-grown page");
        RecordMut(&mut bytes[unit * UNIT..])
    }

    /// Stores a new record.
    pub fn insert(&mut self, draft: &Draft<'_>) -> Ref {
        let reference = self.allocate(draft.len());
        draft.write(self.record_mut(reference).0);
        reference
    }

    /// Stores a new version of a record: in its place if it is of the same size class. The new reference. The old
    /// version is gone.
    pub fn replace(&mut self, reference: Ref, draft: &Draft<'_>) -> Ref {
        if self.fits(reference, draft.len()) {
            draft.write(self.record_mut(reference).0);
            return reference;
        }
        self.free(reference);
        self.insert(draft)
    }
}
