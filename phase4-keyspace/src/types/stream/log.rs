//! The entries of a stream, in the order of their IDs: chunks that are full, under a tree that counts their entries, and
//! one that is open, to which entries are appended.
//!
//! An open chunk is a vector with room to grow. When it's full, its bytes move to where chunks lie closely packed, and no
//! byte of them is written again but for the marks of removed entries. A chunk without entries goes at once.
mod range;
mod trim;

pub use trim::Until;

use super::chunk::{self, Chunk};
use super::id::Id;
use super::segments::{Place, Segments};
use crate::types::packed::Entry;
use crate::types::rules::{Rules, Thresholds};
use crate::types::tree::{Item, Path, Tree};

/// A full chunk.
#[derive(Clone, Copy, Default, Debug)]
struct Sealed {
    first: Id,
    place: Place,
    /// Entries that are not removed.
    live: u32,
}

impl Item for Sealed {
    #[inline(always)]
    fn weight(self) -> u64 {
        self.live.into()
    }
}

/// The chunk that grows; none if it has no entries.
#[derive(Clone, Default, Debug)]
struct Open {
    first: Id,
    bytes: Vec<u8>,
    /// Entries that are not removed.
    live: u32,
    /// All of them.
    total: u64,
}

impl Open {
    fn chunk(&self) -> Chunk<'_> {
        Chunk::new(self.first, &self.bytes)
    }

    /// Whether an entry with so many bytes of fields and values does not belong here any more.
    fn is_full(&self, more: usize, limits: &Thresholds) -> bool {
        /// No chunk is longer, whatever is configured.
        const LONGEST: u64 = 1 << 30;
        let longest = if limits.stream_bytes == 0 { LONGEST } else { limits.stream_bytes.min(LONGEST) };
        (self.bytes.len() + more) as u64 >= longest
            || (limits.stream_entries > 0 && self.total >= limits.stream_entries)
    }

    /// Makes room without giving a short stream much of it.
    fn reserve(&mut self, more: usize) {
        if self.bytes.capacity() - self.bytes.len() < more {
            self.bytes.reserve_exact(more.max(self.bytes.len()));
        }
    }
}

/// Where an entry is.
enum Spot {
    Sealed(Path, Sealed, usize),
    Open(usize),
}

/// All entries of a stream.
#[derive(Clone, Default, Debug)]
pub struct Log {
    sealed: Tree<Sealed, 15, 11>,
    segments: Segments,
    open: Open,
}

impl Log {
    /// Number of entries.
    #[inline]
    pub fn len(&self) -> u64 {
        self.sealed.weight() + u64::from(self.open.live)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> usize {
        self.sealed.bytes() + self.segments.bytes() + self.open.bytes.capacity()
    }

    /// Number of chunks.
    pub fn chunk_count(&self) -> usize {
        self.chunks().count()
    }

    fn read(&self, sealed: Sealed) -> Chunk<'_> {
        Chunk::new(sealed.first, self.segments.get(sealed.place))
    }

    fn open_chunk(&self) -> Option<(Chunk<'_>, u32)> {
        (self.open.total > 0).then(|| (self.open.chunk(), self.open.live))
    }

    /// Every chunk in order, with the number of its entries that are not removed.
    pub fn chunks(&self) -> impl Iterator<Item = (Chunk<'_>, u32)> {
        let sealed = self.sealed.forward(self.sealed.at(0).0);
        sealed.map(|sealed| (self.read(sealed), sealed.live)).chain(self.open_chunk())
    }

    /// Appends an entry, whose ID is behind all others; `flat` is field, value, field, value.
    pub fn append<'f>(
        &mut self,
        id: Id,
        flat: impl ExactSizeIterator<Item = &'f [u8]> + Clone,
        rules: &Rules,
    ) {
        /// An entry of packed text is longer than the text by no more than this.
        const HEAD: usize = 5;
        /// Length, marks and ID.
        const REST: usize = 40;
        let text: usize = flat.clone().map(<[u8]>::len).sum();
        if self.open.is_full(text, &rules.limits) {
            self.seal();
        }
        let entries = flat.map(Entry::of);
        self.open.reserve(text + entries.len() * HEAD + REST);
        if self.open.total == 0 {
            self.begin(id, entries.clone().step_by(2));
        }
        self.push(id, entries, false);
    }

    /// Begins a chunk with these names, the one before being done.
    pub fn begin<'f>(&mut self, first: Id, names: impl ExactSizeIterator<Item = Entry<'f>> + Clone) {
        self.seal();
        self.open.first = first;
        chunk::begin(&mut self.open.bytes, names);
    }

    /// Appends an entry to the chunk that was begun, or one that has been removed.
    pub fn push<'f>(
        &mut self,
        id: Id,
        flat: impl ExactSizeIterator<Item = Entry<'f>> + Clone,
        deleted: bool,
    ) {
        let at = self.open.bytes.len();
        chunk::append(&mut self.open.bytes, self.open.first, id, flat);
        self.open.total += 1;
        match deleted {
            true => chunk::delete(&mut self.open.bytes, at),
            false => self.open.live += 1,
        }
    }

    /// Puts the open chunk, if there is one, behind the full ones.
    fn seal(&mut self) {
        if self.open.live == 0 {
            self.open.total = 0;
            return;
        }
        let (place, next) = self.segments.add(std::mem::take(&mut self.open.bytes));
        let sealed = Sealed { first: self.open.first, place, live: self.open.live };
        self.sealed.insert(&self.sealed.at(u64::MAX).0, sealed);
        self.open = Open { bytes: next, ..Open::default() };
    }

    /// Whether the open chunk is where this ID belongs.
    fn is_in_open(&self, id: Id) -> bool {
        self.open.total > 0 && id >= self.open.first
    }

    /// The full chunk in which an ID would be: the last that does not begin behind it, or the first of all.
    fn sealed_with(&self, id: Id) -> Path {
        let (behind, _) = self.sealed.seek(|sealed| sealed.first <= id);
        self.sealed.previous(behind).unwrap_or(behind)
    }

    fn find(&self, id: Id) -> Option<Spot> {
        let at = |chunk: Chunk<'_>| {
            let found = chunk.walk().find(|found| found.id >= id)?;
            (found.id == id && !found.deleted).then_some(found.at)
        };
        if self.is_in_open(id) {
            return at(self.open.chunk()).map(Spot::Open);
        }
        let path = self.sealed_with(id);
        let sealed = self.sealed.get(&path)?;
        at(self.read(sealed)).map(|at| Spot::Sealed(path, sealed, at))
    }

    /// Removes an entry; whether it was there.
    pub fn delete(&mut self, id: Id) -> bool {
        let Some(spot) = self.find(id) else { return false };
        match spot {
            Spot::Open(at) => self.delete_in_open(at),
            Spot::Sealed(path, sealed, at) => self.delete_in_sealed(&path, sealed, &[at]),
        }
        true
    }

    fn delete_in_open(&mut self, at: usize) {
        chunk::delete(&mut self.open.bytes, at);
        self.open.live -= 1;
        if self.open.live == 0 {
            self.open.total = 0;
        }
    }

    fn delete_in_sealed(&mut self, path: &Path, sealed: Sealed, offsets: &[usize]) {
        let live = sealed.live - offsets.len() as u32;
        if live == 0 {
            self.sealed.remove(path);
            return self.segments.remove(sealed.place);
        }
        let bytes = self.segments.get_mut(sealed.place);
        offsets.iter().for_each(|at| chunk::delete(bytes, *at));
        self.sealed.set(path, Sealed { live, ..sealed });
    }

    /// A piece of memory that is not wanted any more.
    pub fn take_discarded(&mut self) -> Option<Vec<u8>> {
        self.segments.take_discarded()
    }

    /// Frees a piece of a log that is no longer wanted; whether anything is left.
    pub fn free_some(&mut self) -> bool {
        crate::memory::pieces::shed(&mut self.open.bytes)
            || self.sealed.release()
            || self.segments.free_some()
    }
}
