//! Connections by slot: dense, reused, and never mistaken for one another.
//!
//! A descriptor is a poor name for a connection: the kernel hands out the lowest free number, so after a `close` the next
//! `accept` returns the *same* one, and an event still waiting in the list would reach the wrong client. A [`ConnId`]
//! adds the slot's generation, and an id from before the slot was reused finds nothing.
/// Names one connection for as long as it lives, and never another one afterwards.
///
/// The low 32 bits are a slot index, dense and reused, fit to index a `Vec`; the high 32 bits are the slot's generation,
/// so that an event, a timer or a message meant for a closed connection cannot reach the one that took its slot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnId(pub u64);

impl ConnId {
    /// Joins a slot index and its generation.
    pub fn new(index: u32, generation: u32) -> Self {
        ConnId(u64::from(generation) << 32 | u64::from(index))
    }

    /// The slot: dense, reused after close.
    pub fn index(self) -> usize {
        (self.0 & 0xffff_ffff) as usize
    }

    /// How often the slot had been used before this connection took it.
    pub fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// Values by [`ConnId`]; insert, look-up and removal are O(1), and a stale id finds nothing.
pub struct Slab<T> {
    slots: Vec<Slot<T>>,
    /// Empty slots, the last freed on top: it is the one most likely still in cache.
    free: Vec<u32>,
}

struct Slot<T> {
    /// How often this slot has been vacated. It wraps after 2³² tenants of one slot; an id kept that long is not defended
    /// against.
    generation: u32,
    value: Option<T>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Slab { slots: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    /// Stores what `make` builds from the id it is going to have.
    pub fn insert_with(&mut self, make: impl FnOnce(ConnId) -> T) -> ConnId {
        // ANCHOR: slab-insert
        // ANCHOR: slab-insert-body
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, value: None });
            (self.slots.len() - 1) as u32
        });
        let slot = &mut self.slots[index as usize];
        let id = ConnId::new(index, slot.generation);
        slot.value = Some(make(id));
        id
        // ANCHOR_END: slab-insert-body
        // ANCHOR_END: slab-insert
    }

    /// Takes a value out and makes its id stale.
    pub fn remove(&mut self, id: ConnId) -> Option<T> {
        // ANCHOR: slab-remove
        // ANCHOR: slab-remove-body
        let slot = self.slots.get_mut(id.index()).filter(|slot| slot.generation == id.generation())?;
        let value = slot.value.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.index() as u32);
        Some(value)
        // ANCHOR_END: slab-remove-body
        // ANCHOR_END: slab-remove
    }

    /// The value of a live id.
    pub fn get(&self, id: ConnId) -> Option<&T> {
        let slot = self.slots.get(id.index())?;
        if slot.generation == id.generation() { slot.value.as_ref() } else { None }
    }

    /// The value of a live id, to change.
    pub fn get_mut(&mut self, id: ConnId) -> Option<&mut T> {
        let slot = self.slots.get_mut(id.index())?;
        if slot.generation == id.generation() { slot.value.as_mut() } else { None }
    }

    /// Every value, with its id.
    pub fn iter(&self) -> impl Iterator<Item = (ConnId, &T)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(at, slot)| Some((ConnId::new(at as u32, slot.generation), slot.value.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn a_reused_slot_does_not_answer_to_the_old_id() {
        let mut slab = Slab::default();
        let first = slab.insert_with(|_| "first");
        assert_eq!(slab.remove(first), Some("first"));
        let second = slab.insert_with(|_| "second");
        assert_eq!(first.index(), second.index(), "the slot is reused");
        assert_ne!(first, second);
        assert_eq!(slab.get(first), None);
        assert_eq!(slab.get_mut(first), None);
        assert_eq!(slab.remove(first), None, "removing twice must not free the new tenant's slot");
        assert_eq!(slab.get(second), Some(&"second"));
    }

    #[test]
    fn the_value_knows_its_id() {
        let mut slab = Slab::default();
        let id = slab.insert_with(|id| id);
        assert_eq!(slab.get(id), Some(&id));
    }

    #[test]
    fn an_id_beyond_the_slab_is_stale_too() {
        let mut slab: Slab<u8> = Slab::default();
        assert_eq!(slab.get(ConnId::new(7, 0)), None);
        assert_eq!(slab.remove(ConnId::new(7, 0)), None);
    }

    #[test]
    fn behaves_like_a_map_over_many_steps() {
        let mut slab = Slab::default();
        let mut model: HashMap<ConnId, u32> = HashMap::new();
        let mut retired = Vec::new();
        let mut random = 0x2545_f491_u32;
        for step in 0..20_000 {
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            if !random.is_multiple_of(3) || model.is_empty() {
                let id = slab.insert_with(|_| step);
                assert!(model.insert(id, step).is_none(), "an id was given twice");
            } else {
                let id = *model.keys().nth(random as usize % model.len().min(8)).unwrap();
                assert_eq!(slab.remove(id), model.remove(&id));
                retired.push(id);
            }
        }
        assert!(model.iter().all(|(id, value)| slab.get(*id) == Some(value)));
        assert!(retired.iter().all(|id| slab.get(*id).is_none()));
        let all: HashMap<ConnId, u32> = slab.iter().map(|(id, value)| (id, *value)).collect();
        assert_eq!(all, model);
    }
}
