//! Drawing a record at random, without the table that leads to them.
use super::{Slots, join, split};
use crate::record::Ref;
use crate::record::class::units_of;
use crate::record::page::PAGE_UNITS;

/// Pages looked at in search of the next record.
const PAGES_AT_ONCE: usize = 16;

impl<const MARK: usize> Slots<MARK> {
    /// A slot, given a random number; `None` if the draw hit nothing. What is known of pages is enough to draw, so no record is
    /// touched, and the slot may be free: see [`Slots::holds`].
    ///
    /// A page of long slots has few of them. So a slot number is drawn as well, from as many as the page with the most
    /// has, and a draw beyond the page's own is thrown away. Every slot is as likely as any other.
    pub fn draw(&self, random: u64) -> Option<Ref> {
        let shortest = self.classes.iter().position(|class| class.used > 0)?;
        let most = PAGE_UNITS / units_of(shortest);
        let page = ((random >> 32) as usize * self.info.len()) >> 32;
        let info = &self.info[page];
        let slot = ((random & 0xffff_ffff) as usize * most) >> 32;
        let unit = slot * info.slot_units();
        (info.used > 0 && unit < usize::from(info.fresh)).then(|| join(page, unit))
    }

    /// The next record behind a place in the pages, which is then behind that record; from the last page it goes to the first.
    /// `None` if there is none nearby: the place has moved on all the same.
    pub fn next_record(&self, page: &mut usize, unit: &mut usize) -> Option<Ref> {
        for _ in 0..PAGES_AT_ONCE {
            if let Some(info) = self.info.get(*page).filter(|info| info.used > 0) {
                // By now the page may have slots of another length.
                *unit = unit.next_multiple_of(info.slot_units());
                while *unit < usize::from(info.fresh) {
                    let reference = join(*page, *unit);
                    *unit += info.slot_units();
                    if self.slot(reference)[MARK] != 0 {
                        return Some(reference);
                    }
                }
            }
            (*page, *unit) = (if *page + 1 < self.info.len() { *page + 1 } else { 0 }, 0);
        }
        None
    }

    /// Whether a record begins at this place, which may come from anywhere.
    pub fn holds(&self, reference: Ref) -> bool {
        let (page, unit) = split(reference);
        let slots = self.info.get(page).filter(|info| info.used > 0 && unit < usize::from(info.fresh));
        slots.is_some_and(|info| unit.is_multiple_of(info.slot_units()) && self.slot(reference)[MARK] != 0)
    }
}
