//! The member table: a collection too large to be packed.
//!
//! It is what a database is, on a smaller scale: a [`Dict`] that leads from a hash to a record, and records in [`Slots`], so
//! that a member costs what a key costs, growth takes no pause, and the whole is freed page by page. All of it starts small.
//! A record is its member and a value, by the table's [`Shape`]; it knows no clock and no deadline:
//!
//! ```text
//! member length 1 | [value length 1] | [wide lengths 2 each] | member | value
//! ```
//!
//! A length byte of 252 announces a length of two bytes, 253 an index: what is longer than [`member::NEAR`] lives in a slab of its
//! own. Members that are integers need no record: the reference itself is the integer ([`Table::integer`]).
mod far;

use std::marker::PhantomData;

use super::member::{self, Part, Shape};
use crate::dict::{Dict, Place};
use crate::hash::Hasher;
use crate::memory::pieces::shed;
use crate::record::Ref;
use crate::record::heap::Slots;
use crate::record::side::Slab;

/// A reference with this bit is an integer of 31 bits, and no record.
const INTEGER: u32 = 1 << 31;

/// Members of one collection.
#[derive(Clone, Debug)]
pub struct Table<S> {
    dict: Dict,
    slots: Slots<0>,
    /// Members and values too long for a record.
    far: Slab<Vec<u8>>,
    /// Their bytes.
    far_bytes: usize,
    hasher: Hasher,
    /// Long parts that are not wanted any more.
    discarded: Vec<Vec<u8>>,
    shape: PhantomData<S>,
}

/// Where a member stands. Good until the table changes.
#[derive(Clone, Copy, Debug)]
pub struct Spot {
    hash: u64,
    place: Place,
}

impl Spot {
    /// The member's reference.
    pub fn reference(self) -> Ref {
        self.place.reference
    }
}

/// The integer that a reference is, if it is one.
#[inline(always)]
pub fn integer_of(reference: Ref) -> Option<i64> {
    // Shifted left and back, bit 30 is the sign.
    (reference.0 & INTEGER != 0).then(|| i64::from((reference.0 << 1) as i32 >> 1))
}

/// The reference that an integer can be without a record.
#[inline(always)]
pub fn reference_of(integer: i64) -> Option<Ref> {
    (-(1 << 30)..1 << 30).contains(&integer).then_some(Ref(integer as u32 | INTEGER))
}

#[inline(always)]
fn bytes<'a, S: Shape>(slots: &'a Slots<0>, far: &'a Slab<Vec<u8>>, reference: Ref, part: Part) -> &'a [u8] {
    let slot = slots.slot(reference);
    let field = member::field::<S>(slot, part);
    match field.far {
        false => &slot[field.start..field.start + field.len],
        true => far.get(member::index(slot, field)),
    }
}

#[inline(always)]
fn hash<S: Shape>(slots: &Slots<0>, far: &Slab<Vec<u8>>, hasher: &Hasher, reference: Ref) -> u64 {
    match integer_of(reference) {
        Some(integer) => hasher.hash(&integer.to_le_bytes()),
        None => hasher.hash(bytes::<S>(slots, far, reference, Part::Member)),
    }
}

impl<S: Shape> Table<S> {
    /// An empty table.
    pub fn new(hasher: &Hasher) -> Self {
        Table {
            dict: Dict::default(),
            slots: Slots::default(),
            far: Slab::default(),
            far_bytes: 0,
            hasher: hasher.clone(),
            discarded: Vec::new(),
            shape: PhantomData,
        }
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        self.dict.len()
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> usize {
        self.dict.bytes() + self.slots.bytes() + self.far.bytes() + self.far_bytes
    }

    /// Finds a member that is no integer.
    #[inline]
    pub fn find(&self, member: &[u8]) -> Option<Spot> {
        let hash = self.hasher.hash(member);
        let is = |reference: Ref| reference.0 & INTEGER == 0 && self.member(reference) == member;
        self.dict.find(hash, is).map(|place| Spot { hash, place })
    }

    /// Finds an integer's entry.
    #[inline]
    pub fn find_reference(&self, reference: Ref) -> Option<Spot> {
        let hash = hash::<S>(&self.slots, &self.far, &self.hasher, reference);
        self.dict.find(hash, |other| other == reference).map(|place| Spot { hash, place })
    }

    /// The member of a record.
    #[inline]
    pub fn member(&self, reference: Ref) -> &[u8] {
        bytes::<S>(&self.slots, &self.far, reference, Part::Member)
    }

    /// The value of a record.
    #[inline]
    pub fn value(&self, reference: Ref) -> &[u8] {
        bytes::<S>(&self.slots, &self.far, reference, Part::Value)
    }

    // ANCHOR: member-insert
    /// Adds a member that is not there yet, with its value.
    pub fn insert(&mut self, member: &[u8], value: &[u8]) -> Ref {
        let hash = self.hasher.hash(member);
        let (near_member, near_value) = (self.near(member), self.near(value));
        let draft = member::Draft::new::<S>(near_member.bytes(member), near_value.bytes(value));
        let reference = self.slots.allocate(draft.len());
        draft.write(self.slots.slot_mut(reference));
        self.set_owners(reference);
        self.enter(hash, reference);
        reference
    }
    // ANCHOR_END: member-insert

    /// Adds an integer that is not there yet, by its [`reference_of`].
    pub fn insert_reference(&mut self, reference: Ref) {
        self.enter(hash::<S>(&self.slots, &self.far, &self.hasher, reference), reference);
    }

    fn enter(&mut self, hash_of_it: u64, reference: Ref) {
        let Table { dict, slots, far, hasher, .. } = self;
        dict.insert(hash_of_it, reference, |other| hash::<S>(slots, far, hasher, other));
    }

    /// Gives a member another value. Its new reference, perhaps the same.
    pub fn set_value(&mut self, spot: Spot, value: &[u8]) -> Ref {
        let old = spot.reference();
        let slot = self.slots.slot_mut(old);
        let field = member::field::<S>(slot, Part::Value);
        if !field.far && field.len == value.len() {
            slot[field.start..field.start + field.len].copy_from_slice(value);
            return old;
        }
        self.discard(old, Part::Value);
        let near_value = self.near(value);
        let slot = self.slots.slot(old);
        let member_field = member::field::<S>(slot, Part::Member);
        let mut member = [0; member::NEAR];
        let member = &mut member[..member_field.len];
        member.copy_from_slice(&slot[member_field.start..member_field.start + member_field.len]);
        let draft = member::Draft::new::<S>((member, member_field.far), near_value.bytes(value));
        let mut reference = old;
        if !self.slots.fits(old, draft.len()) {
            self.slots.free(old);
            reference = self.slots.allocate(draft.len());
            self.dict.redirect(spot.place, reference);
        }
        draft.write(self.slots.slot_mut(reference));
        self.set_owners(reference);
        reference
    }

    /// Removes a member.
    pub fn remove(&mut self, spot: Spot) {
        let Table { dict, slots, far, hasher, .. } = self;
        dict.remove(spot.hash, spot.place, |other| hash::<S>(slots, far, hasher, other));
        let reference = spot.reference();
        if reference.0 & INTEGER == 0 {
            self.discard(reference, Part::Value);
            self.discard(reference, Part::Member);
            self.slots.free(reference);
        }
    }

    /// Moves up to so many records out of a page that is worth emptying, and tells where each was and is.
    pub fn compact(&mut self, records: usize, mut moved: impl FnMut(Ref, Ref)) {
        let Some(page) = self.slots.compaction_candidate() else { return };
        for old in self.slots.records_of(page, records) {
            let Some(spot) = self.find_reference(old) else { continue };
            let new = self.slots.relocate(old);
            self.dict.redirect(spot.place, new);
            self.set_owners(new);
            moved(old, new);
        }
    }

    /// Every member's reference, in no order.
    pub fn iter(&self) -> impl Iterator<Item = Ref> + '_ {
        self.dict.iter()
    }

    /// A member, each as likely as any other; `None` only if there is none.
    pub fn pick(&self, random: impl FnMut() -> u64) -> Option<Ref> {
        self.dict.pick(random)
    }

    /// One step of an iteration that survives changes: at least one bucket and about `count` members; the next cursor, 0 at
    /// the end.
    pub fn scan(&self, mut cursor: u64, count: usize, mut visit: impl FnMut(Ref)) -> u64 {
        let mut visited = 0;
        for _ in 0..count.saturating_mul(10).max(1) {
            cursor = self.dict.scan(cursor, |reference| {
                visited += 1;
                visit(reference);
            });
            if cursor == 0 || visited >= count {
                break;
            }
        }
        cursor
    }

    /// Frees a piece of a table that is no longer wanted; whether anything is left.
    pub fn free_some(&mut self) -> bool {
        if let Some(mut long) = self.far.pop() {
            self.far_bytes = self.far_bytes.saturating_sub(long.capacity());
            if shed(&mut long) {
                self.far_bytes += long.capacity();
                self.far.insert(long);
            }
            return true;
        }
        self.slots.release() || self.dict.release()
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod table_tests;
