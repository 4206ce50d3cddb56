//! Pages of the record heap: 16 KiB each, and shorter ones in a heap that is small.
use super::class::{MAX_SLOT, UNIT};

/// Bytes of a full-grown page.
pub const PAGE: usize = 16 * 1024;
/// Units of a full-grown page. A young one has the first of these.
pub const PAGE_UNITS: usize = PAGE / UNIT;
const _: () = assert!(PAGE == 2 * MAX_SLOT, "size classes are fractions of a page");
/// Page numbers from here on have full-grown pages only: their heap is not small.
const YOUNG_PAGES: usize = 64;
/// The shortest page, unless a single slot is longer.
const YOUNGEST: usize = 256;

/// A full-grown page. Its length is known where it is compiled, so that finding a slot in it needs no check.
pub type Page = Box<[u8; PAGE]>;

/// A full-grown page, empty.
pub fn full_grown() -> Page {
    vec![0; PAGE].into_boxed_slice().try_into().expect("a page's worth of bytes was asked for")
}

/// The pages that are not full-grown, by page number.
#[derive(Clone, Default, Debug)]
pub struct Young(Vec<Box<[u8]>>);

impl Young {
    /// Makes a young page of about so many bytes, at least one slot's; `false` if the page is to be full-grown at once.
    pub fn add(&mut self, page: usize, bytes: usize) -> bool {
        if page >= YOUNG_PAGES || bytes >= PAGE {
            return false;
        }
        if self.0.len() <= page {
            self.0.resize_with(page + 1, Box::default);
        }
        self.0[page] = vec![0; bytes.max(YOUNGEST)].into_boxed_slice();
        true
    }

    /// Bytes of a page, 0 if there is none.
    pub fn len(&self, page: usize) -> usize {
        self.0.get(page).map_or(0, |bytes| bytes.len())
    }

    /// The bytes of a page from a slot on, to its end.
    pub fn slot(&self, page: usize, unit: usize) -> &[u8] {
        &self.0[page][unit * UNIT..]
    }

    /// The same, to be changed.
    pub fn slot_mut(&mut self, page: usize, unit: usize) -> &mut [u8] {
        &mut self.0[page][unit * UNIT..]
    }

    /// Doubles a page, or gives it `least` bytes if that is more. Once it is full-grown it is returned.
    pub fn grow(&mut self, page: usize, least: usize) -> Option<Page> {
        let mut bytes = Vec::from(std::mem::take(&mut self.0[page]));
        let len = (bytes.len() * 2).max(least).min(PAGE);
        bytes.reserve_exact(len - bytes.len());
        bytes.resize(len, 0);
        match Page::try_from(bytes.into_boxed_slice()) {
            Ok(full_grown) => Some(full_grown),
            Err(young) => {
                self.0[page] = young;
                None
            }
        }
    }

    /// Frees a page. Its bytes.
    pub fn remove(&mut self, page: usize) -> usize {
        self.0.get_mut(page).map_or(0, |bytes| std::mem::take(bytes).len())
    }

    /// Bytes of all pages and of the list of them. There are few.
    pub fn bytes(&self) -> usize {
        self.0.iter().map(|page| page.len()).sum::<usize>() + self.0.capacity() * size_of::<Box<[u8]>>()
    }
}
