//! Forgetting the oldest entries: whole chunks as far as that goes, then, if it must be exact, entries of the next one.
use super::{Chunk, Log, Sealed};
use crate::types::stream::id::Id;
use crate::types::tree::Path;

/// Up to where a log is trimmed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Until {
    /// Only so many entries are left.
    Length(u64),
    /// All entries before this one are gone.
    Id(Id),
}

impl Log {
    /// Removes entries from the front; how many. `approximately`: only whole chunks; of more than `limit` entries, only as
    /// many chunks as have no more (0: no limit).
    pub fn trim(&mut self, until: Until, approximately: bool, limit: u64) -> u64 {
        let mut removed = 0;
        loop {
            if matches!(until, Until::Length(length) if self.len() <= length) {
                return removed;
            }
            let Some((front, live)) = self.front() else { return removed };
            if limit > 0 && removed + u64::from(live) > limit {
                return removed;
            }
            if self.goes_whole(front, live, until) {
                self.remove_front(front);
                removed += u64::from(live);
                continue;
            }
            return removed + if approximately { 0 } else { self.trim_front(front, until) };
        }
    }

    /// The first chunk, and its entries that are not removed.
    fn front(&self) -> Option<(Option<(Path, Sealed)>, u32)> {
        let path = self.sealed.at(0).0;
        match self.sealed.get(&path) {
            Some(sealed) => Some((Some((path, sealed)), sealed.live)),
            None => self.open_chunk().map(|(_, live)| (None, live)),
        }
    }

    fn chunk_of(&self, front: Option<(Path, Sealed)>) -> Chunk<'_> {
        front.map_or_else(|| self.open.chunk(), |(_, sealed)| self.read(sealed))
    }

    fn goes_whole(&self, front: Option<(Path, Sealed)>, live: u32, until: Until) -> bool {
        match until {
            Until::Length(length) => self.len() - u64::from(live) >= length,
            Until::Id(id) => self.chunk_of(front).walk().last().is_none_or(|last| last.id < id),
        }
    }

    fn remove_front(&mut self, front: Option<(Path, Sealed)>) {
        match front {
            Some((path, sealed)) => {
                self.sealed.remove(&path);
                self.segments.remove(sealed.place);
            }
            None => (self.open.live, self.open.total) = (0, 0),
        }
    }

    /// Removes entries of the first chunk, not all of which go.
    fn trim_front(&mut self, front: Option<(Path, Sealed)>, until: Until) -> u64 {
        let most = match until {
            Until::Length(length) => (self.len() - length) as usize,
            Until::Id(_) => usize::MAX,
        };
        let live = self.chunk_of(front).walk().filter(|found| !found.deleted);
        let gone = live.take_while(|found| !matches!(until, Until::Id(id) if found.id >= id));
        let offsets: Vec<usize> = gone.take(most).map(|found| found.at).collect();
        match front {
            _ if offsets.is_empty() => {}
            Some((path, sealed)) => self.delete_in_sealed(&path, sealed, &offsets),
            None => offsets.iter().for_each(|at| self.delete_in_open(*at)),
        }
        offsets.len() as u64
    }
}
