//! A page of the record heap: 16 KiB, or less while it is the young page of a small heap.
use super::class::UNIT;

/// Bytes of a full-grown page.
pub const PAGE: usize = 16 * 1024;
/// Units of a full-grown page; the units of a younger one are the first of these.
pub const PAGE_UNITS: usize = PAGE / UNIT;
/// The shortest page, unless a single slot is longer.
const YOUNGEST: usize = 256;

/// Memory for slots, or none: the page number is vacant.
#[derive(Default, Debug)]
pub struct Page(Box<[u8]>);

impl Page {
    /// The first page of so many bytes.
    pub fn new(bytes: usize) -> Self {
        Page(vec![0; bytes.clamp(YOUNGEST, PAGE)].into_boxed_slice())
    }

    /// Bytes of memory.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The bytes from a unit on, to the end of the page.
    #[inline(always)]
    pub fn slot(&self, unit: usize) -> &[u8] {
        let at = unit * UNIT;
        // Says that there is a header too, so that reading one needs no further check.
        assert!(at + UNIT <= self.0.len(), "a reference leads to a slot in use");
        &self.0[at..]
    }

    /// The same, to be changed.
    #[inline(always)]
    pub fn slot_mut(&mut self, unit: usize) -> &mut [u8] {
        let at = unit * UNIT;
        assert!(at + UNIT <= self.0.len(), "a reference leads to a slot in use");
        &mut self.0[at..]
    }

    /// Where a unit is in memory, to be asked for ahead.
    #[inline(always)]
    pub fn address(&self, unit: usize) -> *const u8 {
        self.0.as_ptr().wrapping_add(unit * UNIT)
    }

    /// Doubles a young page, once or until it has `least` bytes. What moves is less than 16 KiB.
    #[cold]
    pub fn grow(&mut self, least: usize) {
        let mut bytes = Vec::from(std::mem::take(&mut self.0));
        let len = (bytes.len() * 2).max(least).min(PAGE);
        bytes.reserve_exact(len - bytes.len());
        bytes.resize(len, 0);
        self.0 = bytes.into_boxed_slice();
    }

    /// Copies a slot to another place in the same page.
    pub fn copy(&mut self, from: usize, to: usize, units: usize) {
        self.0.copy_within(from * UNIT..(from + units) * UNIT, to * UNIT);
    }
}
