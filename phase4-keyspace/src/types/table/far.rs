//! Members and values too long for a record: each in a slab of the table's own, and an index in the record.
use super::Table;
use crate::record::Ref;
use crate::types::member::{self, Part, Shape};

/// Long parts that are freed here and now; longer ones are left to lazyfree.
const SMALL: usize = 64 * 1024;

impl<S: Shape> Table<S> {
    /// A long part that is not wanted any more, to be freed piece by piece.
    pub fn take_discarded(&mut self) -> Option<Vec<u8>> {
        self.discarded.pop()
    }

    /// Stores a part elsewhere if it is too long for a record.
    pub(super) fn near(&mut self, part: &[u8]) -> Near {
        if part.len() <= member::NEAR {
            return Near::Here;
        }
        self.far_bytes += part.len();
        Near::Far(self.far.insert(part.to_vec()).0.to_le_bytes())
    }

    /// Frees a part of a record that lives elsewhere. The record must be rewritten or removed next.
    pub(super) fn discard(&mut self, reference: Ref, part: Part) {
        let slot = self.slots.slot(reference);
        let field = member::field::<S>(slot, part);
        if !field.far {
            return;
        }
        let index = member::index(slot, field);
        let (bytes, moved) = self.far.remove(index);
        self.far_bytes -= bytes.capacity();
        if bytes.len() >= SMALL {
            self.discarded.push(bytes);
        }
        if let Some(owner) = moved {
            let was = self.far.len() as u32;
            member::move_index::<S>(self.slots.slot_mut(owner), was, index);
        }
    }

    /// Tells the parts of a record that live elsewhere where it is.
    pub(super) fn set_owners(&mut self, reference: Ref) {
        for part in [Part::Member, Part::Value] {
            let slot = self.slots.slot(reference);
            let field = member::field::<S>(slot, part);
            if field.far {
                self.far.set_owner(member::index(slot, field), reference);
            }
        }
    }
}

/// Where a part of a record lives.
pub(super) enum Near {
    Here,
    Far([u8; 4]),
}

impl Near {
    /// What the record holds of it, and whether that is an index.
    pub(super) fn bytes<'a>(&'a self, part: &'a [u8]) -> (&'a [u8], bool) {
        match self {
            Near::Here => (part, false),
            Near::Far(index) => (index, true),
        }
    }
}
