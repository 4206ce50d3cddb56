//! The heap of records: 16 KiB pages, each cut into slots of one size class.
//!
//! A record is named by a 32-bit reference: 21 bits of page, 11 bits of 8-byte unit within it; half of a pointer, and
//! good for 32 GiB of records in each database. One general-purpose allocation per entry would cost 8 to 16 bytes of
//! bookkeeping each, and freeing millions of them one by one makes the allocator itself pause.
//!
//! A heap of few records is small: the first pages of a class begin short and grow (see [`super::page`]), and the index grows with
//! them. A page whose last record goes is given back. After many removals every page may be partly empty; then
//! [`Heap::compaction_candidate`] names the page to empty next, and its owner moves the records one by one.
mod compact;
mod draw;
mod info;
mod records;

use info::{Class, Info, NO_PAGE, NO_SLOT};

use super::class::{UNIT, class_of, units_of};
use super::page::{PAGE, PAGE_UNITS, Page, Young, full_grown};
use super::{FLAGS, Ref};
use crate::memory::chunks::trim;
use crate::memory::prefetch;
use crate::memory::unused::Unused;

const UNIT_BITS: u32 = PAGE_UNITS.trailing_zeros();

/// The heap of a database's records.
pub type Heap = Slots<FLAGS>;

/// Slots in pages, named by 32-bit references. What is in a slot has a byte at `MARK`, 0 or 2, that is never 0; in a free
/// slot it is, and two other bytes of the first three lead to the next free one.
#[derive(Clone, Debug)]
pub struct Slots<const MARK: usize> {
    pages: Vec<Option<Page>>,
    /// Pages of a small heap that are not full-grown; theirs is no entry in `pages`.
    young: Young,
    info: Vec<Info>,
    /// The first page number without a page; `next` leads to the others.
    vacant: u32,
    /// Full-grown pages in use.
    in_use: usize,
    /// One page is kept, so that a record that comes and goes does not call the allocator each time.
    spare: Option<Page>,
    /// As many as have been needed; ascending.
    classes: Vec<Class>,
    /// Bytes of the pages, the spare one included, that no record takes.
    unused: Unused,
}

impl<const MARK: usize> Default for Slots<MARK> {
    fn default() -> Self {
        Slots {
            pages: Vec::new(),
            young: Young::default(),
            info: Vec::new(),
            vacant: NO_PAGE,
            in_use: 0,
            spare: None,
            classes: Vec::new(),
            unused: Unused::default(),
        }
    }
}

fn split(reference: Ref) -> (usize, usize) {
    ((reference.0 >> UNIT_BITS) as usize, reference.0 as usize % PAGE_UNITS)
}

fn join(page: usize, unit: usize) -> Ref {
    Ref((page << UNIT_BITS | unit) as u32)
}

impl<const MARK: usize> Slots<MARK> {
    /// Where a free slot says which is the next.
    const LINK: usize = if MARK == 0 { 1 } else { 0 };
    /// A collection's references have a bit less: the top one is for integers.
    const MAX_PAGES: usize = 1 << (32 - UNIT_BITS - if MARK == 0 { 1 } else { 0 });

    /// The bytes from a slot on, to the end of its page.
    #[inline(always)]
    pub fn slot(&self, reference: Ref) -> &[u8] {
        let (page, unit) = split(reference);
        match &self.pages[page] {
            Some(bytes) => &bytes[unit * UNIT..],
            None => self.young.slot(page, unit),
        }
    }

    /// The same, to be changed.
    #[inline(always)]
    pub fn slot_mut(&mut self, reference: Ref) -> &mut [u8] {
        let (page, unit) = split(reference);
        match &mut self.pages[page] {
            Some(bytes) => &mut bytes[unit * UNIT..],
            None => self.young.slot_mut(page, unit),
        }
    }

    /// Asks for the cache lines of a record's slot, without waiting for them.
    #[inline(always)]
    pub fn prefetch(&self, reference: Ref) {
        let (page, unit) = split(reference);
        if let (Some(Some(bytes)), Some(info)) = (self.pages.get(page), self.info.get(page)) {
            prefetch::lines(bytes.as_ptr().wrapping_add(unit * UNIT), info.slot_units() * UNIT);
        }
    }

    /// Whether a record of this length belongs in the slot of this one.
    #[inline]
    pub fn fits(&self, reference: Ref, len: usize) -> bool {
        self.info[split(reference).0].slot_units() == units_of(class_of(len))
    }

    /// Bytes of a slot.
    pub fn slot_len(&self, reference: Ref) -> usize {
        self.info[split(reference).0].slot_units() * UNIT
    }

    /// Takes a slot for so many bytes, at most [`super::class::MAX_SLOT`]; they are to be written at once.
    pub fn allocate(&mut self, len: usize) -> Ref {
        self.allocate_class(class_of(len))
    }

    fn allocate_class(&mut self, class: usize) -> Ref {
        let page = match self.classes.get(class) {
            Some(&Class { first, .. }) if first != NO_PAGE => first as usize,
            _ => self.add_page(class),
        };
        let info = &mut self.info[page];
        let unit = usize::from(if info.free == NO_SLOT { info.fresh } else { info.free });
        if info.free == NO_SLOT {
            info.fresh += units_of(class) as u16;
            let needed = usize::from(info.fresh) * UNIT;
            if self.pages[page].is_none() && self.young.len(page) < needed {
                self.grow(page, needed);
            }
        } else {
            let slot = self.slot(join(page, unit));
            self.info[page].free = u16::from_le_bytes([slot[Self::LINK], slot[Self::LINK + 1]]);
        }
        self.unused.take(units_of(class) * UNIT);
        let info = &mut self.info[page];
        info.used += 1;
        let full = info.is_full();
        self.classes[class].used += 1;
        if full {
            self.unlink(page);
        }
        join(page, unit)
    }

    /// Frees a record's slot, and its page if that was the last.
    pub fn free(&mut self, reference: Ref) {
        let (page, unit) = split(reference);
        let info = &mut self.info[page];
        let was_full = info.is_full();
        let next = std::mem::replace(&mut info.free, unit as u16);
        info.used -= 1;
        let (empty, class) = (info.used == 0, info.class());
        self.unused.add(info.slot_units() * UNIT);
        let slot = self.slot_mut(reference);
        slot[Self::LINK..Self::LINK + 2].copy_from_slice(&next.to_le_bytes());
        slot[MARK] = 0;
        self.classes[class].used -= 1;
        if was_full {
            self.link(page);
        }
        if empty {
            self.unlink(page);
            self.classes[class].pages -= 1;
            self.info[page].next = std::mem::replace(&mut self.vacant, page as u32);
            match self.pages[page].take() {
                Some(full_grown) => {
                    self.in_use -= 1;
                    if self.spare.replace(full_grown).is_some() {
                        self.unused.take(PAGE);
                    }
                }
                None => self.unused.take(self.young.remove(page)),
            }
        }
    }

    fn add_page(&mut self, class: usize) -> usize {
        if self.classes.len() <= class {
            self.classes.resize(class + 1, Class::EMPTY);
        }
        let units = units_of(class) as u16;
        let info = Info { previous: NO_PAGE, next: NO_PAGE, used: 0, free: NO_SLOT, fresh: 0, units };
        let page = match self.vacant {
            NO_PAGE => {
                // Like running out of memory, which also ends the process: maxmemory is there to be set lower.
                assert!(self.pages.len() < Self::MAX_PAGES, "a database holds at most 32 GiB of records");
                self.pages.push(None);
                self.info.push(info);
                self.pages.len() - 1
            }
            page => {
                self.vacant = std::mem::replace(&mut self.info[page as usize], info).next;
                page as usize
            }
        };
        // A quarter of what the class has so far, so that little of a small class is empty.
        let bytes = (self.classes[class].pages as usize * PAGE / 4).max(units_of(class) * UNIT);
        if self.young.add(page, bytes) {
            self.unused.add(self.young.len(page));
        } else {
            if self.spare.is_none() {
                self.unused.add(PAGE);
            }
            self.pages[page] = Some(self.spare.take().unwrap_or_else(full_grown));
            self.in_use += 1;
        }
        self.classes[class].pages += 1;
        self.link(page);
        page
    }

    #[cold]
    fn grow(&mut self, page: usize, least: usize) {
        let before = self.young.len(page);
        self.pages[page] = self.young.grow(page, least);
        self.in_use += usize::from(self.pages[page].is_some());
        self.unused.add(self.page_bytes(page) - before);
    }

    /// Puts a page at the head of its class's list of pages with room: a page with one hole is filled before one with
    /// many.
    fn link(&mut self, page: usize) {
        let class = self.info[page].class();
        let next = std::mem::replace(&mut self.classes[class].first, page as u32);
        self.info[page].previous = NO_PAGE;
        self.info[page].next = next;
        match next {
            NO_PAGE => self.classes[class].last = page as u32,
            next => self.info[next as usize].previous = page as u32,
        }
    }

    fn unlink(&mut self, page: usize) {
        let Info { previous, next, .. } = self.info[page];
        let class = self.info[page].class();
        match previous {
            NO_PAGE => self.classes[class].first = next,
            previous => self.info[previous as usize].next = next,
        }
        match next {
            NO_PAGE => self.classes[class].last = previous,
            next => self.info[next as usize].previous = previous,
        }
    }

    /// Number of page numbers given out, for a walk over all pages.
    pub fn page_numbers(&self) -> usize {
        self.pages.len()
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> usize {
        let pages = (self.in_use + usize::from(self.spare.is_some())) * PAGE + self.young.bytes();
        let index =
            self.pages.capacity() * size_of::<Option<Page>>() + self.info.capacity() * size_of::<Info>();
        pages + index + self.classes.capacity() * size_of::<Class>()
    }

    /// Bytes of a page, 0 if there is none of this number.
    fn page_bytes(&self, page: usize) -> usize {
        if self.pages[page].is_some() { PAGE } else { self.young.len(page) }
    }

    /// Bytes of the pages that no record takes.
    #[cfg(test)]
    pub fn unused(&self) -> usize {
        self.unused.bytes()
    }

    /// Gives a page back, of a heap that is no longer wanted; whether any is left.
    pub fn release(&mut self) -> bool {
        if self.spare.take().is_some() {
            self.unused.take(PAGE);
        }
        if let Some(last) = self.pages.len().checked_sub(1) {
            let taken = usize::from(self.info[last].used) * self.info[last].slot_units() * UNIT;
            self.unused.take(self.page_bytes(last) - taken);
            self.in_use -= usize::from(self.pages[last].is_some());
            self.pages.pop();
            self.young.remove(last);
        }
        self.info.truncate(self.pages.len());
        trim(&mut self.pages);
        trim(&mut self.info);
        !self.pages.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Draft, STRING};
    use super::*;
    use crate::random::Random;

    fn draft(value: &[u8]) -> Draft<'_> {
        Draft { flags: STRING, key: b"", value, clock: 0, deadline: 0 }
    }

    #[test]
    fn records_survive_random_traffic_and_pages_come_back() {
        let mut heap = Heap::default();
        let mut live: Vec<(Ref, Vec<u8>)> = Vec::new();
        let mut source = Random(88_172_645_463_325_252);
        let mut random = move |below: usize| source.below(below);
        for step in 0..60_000 {
            let growing = step % 20_000 < 12_000;
            if live.is_empty() || random(10) < if growing { 7 } else { 3 } {
                let len = if random(4) == 0 { random(2000) } else { random(60) };
                let value = vec![random(256) as u8; len];
                live.push((heap.insert(&draft(&value)), value));
            } else {
                let at = random(live.len());
                if random(3) == 0 {
                    let value = vec![random(256) as u8; random(300)];
                    let moved = heap.replace(live[at].0, &draft(&value));
                    live[at] = (moved, value);
                } else {
                    heap.free(live.swap_remove(at).0);
                }
            }
            if random(3) == 0
                && let Some(page) = heap.compaction_candidate()
            {
                for old in heap.records_of(page, 5) {
                    let entry = live.iter_mut().find(|e| e.0 == old).expect("a live record");
                    entry.0 = heap.relocate(old);
                }
            }
            if step % 500 == 0 {
                assert!(live.iter().all(|(r, value)| heap.record(*r).value() == value));
                let taken: usize = live.iter().map(|(r, _)| heap.slot_len(*r)).sum();
                let pages = (heap.in_use + usize::from(heap.spare.is_some())) * PAGE;
                let young: usize = (0..heap.page_numbers()).map(|page| heap.young.len(page)).sum();
                assert_eq!(heap.unused(), pages + young - taken, "step {step}");
            }
        }
        live.drain(..).for_each(|(r, _)| heap.free(r));
        assert!(heap.pages.iter().all(Option::is_none) && heap.compaction_candidate().is_none());
        assert!(heap.bytes() < PAGE + 64 * heap.page_numbers() + 2048, "one spare page");
        while heap.release() {}
        assert_eq!(
            (heap.in_use, heap.spare.is_some(), heap.unused()),
            (0, false, 0),
            "every page was counted"
        );
    }

    #[test]
    fn a_heap_of_few_records_is_small() {
        let mut heap = Heap::default();
        assert_eq!(heap.bytes(), 0);
        let first = heap.insert(&draft(b"one"));
        assert!(heap.bytes() < 700, "{} bytes for one record", heap.bytes());
        let mut all = vec![(first, b"one".to_vec())];
        for i in 1..5000_usize {
            let value = vec![i as u8; if i % 50 == 0 { 1500 } else { i % 30 }];
            all.push((heap.insert(&draft(&value)), value));
            let asked: usize = all.iter().map(|(_, value)| draft(value).len().next_multiple_of(UNIT)).sum();
            assert!(heap.bytes() < 2500 + asked * 3, "{} bytes for {asked}, {i} records", heap.bytes());
        }
        assert!(all.iter().all(|(r, value)| heap.record(*r).value() == value));
    }

    #[test]
    fn compaction_empties_pages() {
        let mut heap = Heap::default();
        let mut all: Vec<Ref> = (0..20_000).map(|i: u32| heap.insert(&draft(&i.to_le_bytes()))).collect();
        let full = heap.bytes();
        let kept: Vec<Ref> = all.iter().copied().filter(|r| r.0 % 16 == 0).collect();
        all.iter().filter(|r| r.0 % 16 != 0).for_each(|r| heap.free(*r));
        assert!(heap.bytes() > full / 2, "holes do not give pages back by themselves");
        all = kept;
        let mut steps = 0;
        while let Some(page) = heap.compaction_candidate() {
            for old in heap.records_of(page, 64) {
                let at = all.iter().position(|r| *r == old).expect("a live record");
                all[at] = heap.relocate(old);
            }
            steps += 1;
            assert!(steps < 1000, "compaction ends");
        }
        assert!(heap.bytes() < full / 3, "{} of {full}", heap.bytes());
    }
}
