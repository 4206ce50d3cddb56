//! What the heap knows of its pages and of its size classes.
use crate::record::class::{UNIT, class_of};
use crate::record::page::PAGE_UNITS;

/// No page.
pub const NO_PAGE: u32 = u32::MAX;
/// No slot.
pub const NO_SLOT: u16 = u16::MAX;

/// What the heap knows of a page.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// Neighbours among the pages of this class that have room.
    pub previous: u32,
    pub next: u32,
    /// Records in it.
    pub used: u16,
    /// The first unit of a slot freed earlier. Each free slot's first two bytes lead to the next.
    pub free: u16,
    /// The first unit never used yet: slots behind it need no list, and their memory is not touched.
    pub fresh: u16,
    /// Units of each slot.
    pub units: u16,
}

impl Info {
    pub fn slot_units(&self) -> usize {
        self.units.into()
    }

    pub fn class(&self) -> usize {
        class_of(self.slot_units() * UNIT)
    }

    pub fn capacity(&self) -> usize {
        PAGE_UNITS / self.slot_units()
    }

    pub fn is_full(&self) -> bool {
        usize::from(self.used) == self.capacity()
    }
}

/// What the heap knows of a size class.
#[derive(Clone, Copy, Debug)]
pub struct Class {
    /// First and last of the pages with room.
    pub first: u32,
    pub last: u32,
    pub pages: u32,
    pub used: u32,
}

impl Class {
    pub const EMPTY: Class = Class { first: NO_PAGE, last: NO_PAGE, pages: 0, used: 0 };
}
