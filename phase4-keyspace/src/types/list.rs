//! A list: elements by position. Packed while it is small; else chunks under a tree that counts.
mod body;
mod chunk;
mod far;
pub mod large;
#[cfg(test)]
mod tests;

use super::packed::{self, Entry, Sought};
use super::rules::Rules;
use large::Large;

/// The most elements of a packed list. Its end is found by walking from its start.
const MOST: u64 = 128;
/// The most bytes of a packed list.
const LONGEST: usize = 2048;
/// A list of chunks with so few elements and bytes is packed again.
const FEW: u64 = 16;
/// See [`FEW`].
const SHORT: usize = 512;

/// A list to be changed.
#[derive(Clone, Debug)]
pub enum List {
    /// Small.
    Packed(Vec<u8>),
    /// Large.
    Large(Box<Large>),
}

/// A list to be read.
#[derive(Clone, Copy, Debug)]
pub enum ListRef<'a> {
    /// Small.
    Packed(&'a [u8]),
    /// Large.
    Large(&'a Large),
}

impl Default for List {
    fn default() -> Self {
        List::Packed(Vec::new())
    }
}

impl<'a> ListRef<'a> {
    /// Number of elements.
    pub fn len(self) -> u64 {
        match self {
            ListRef::Packed(run) => packed::count(run) as u64,
            ListRef::Large(large) => large.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Element number `index`, if there are so many.
    pub fn get(self, index: u64) -> Option<Entry<'a>> {
        match self {
            ListRef::Packed(run) => {
                let at = packed::position(run, index.min(run.len() as u64) as usize);
                (at < run.len()).then(|| packed::entry(run, at).0)
            }
            ListRef::Large(large) => (index < large.len()).then(|| large.get(index)),
        }
    }

    /// Shows the elements from number `index` on, until it is told to stop with `false`; back to the first if `reverse`.
    pub fn walk(self, index: u64, reverse: bool, mut visit: impl FnMut(Entry<'_>) -> bool) {
        match self {
            ListRef::Packed(run) if reverse => {
                let back: Vec<Entry<'_>> = packed::entries(run).take(index as usize + 1).collect();
                let _ = back.iter().rev().all(|entry| visit(*entry));
            }
            ListRef::Packed(run) => {
                let _ = packed::entries(run).skip(index as usize).all(visit);
            }
            ListRef::Large(large) => large.walk(index, reverse, visit),
        }
    }

    /// Which element an index means that may count from the end; `None` outside.
    pub fn index(self, index: i64) -> Option<u64> {
        let len = self.len();
        let index = if index < 0 { index.checked_add(len as i64)? } else { index };
        u64::try_from(index).ok().filter(|index| *index < len)
    }
}

impl List {
    /// The list, to be read.
    pub fn read(&self) -> ListRef<'_> {
        match self {
            List::Packed(run) => ListRef::Packed(run),
            List::Large(large) => ListRef::Large(large),
        }
    }

    /// Puts an element at the front or at the end.
    pub fn push(&mut self, element: &[u8], front: bool, rules: &Rules) {
        match self {
            List::Packed(run) => {
                let at = if front { 0 } else { packed::count(run) as u64 };
                self.insert(at, element, rules);
            }
            List::Large(large) => large.push(element, front, rules),
        }
    }

    /// Puts an element in front of number `index`, or behind the last.
    pub fn insert(&mut self, index: u64, element: &[u8], rules: &Rules) {
        match self {
            List::Packed(run) => {
                let new = Sought::of(element);
                let most = rules.limits.list_size.try_into().unwrap_or(MOST).min(MOST);
                if run.len() + new.len() > LONGEST || packed::count(run) as u64 >= most {
                    return self.unpack(rules).insert(index, element, rules);
                }
                let at = packed::position(run, index as usize);
                new.splice(run, at..at);
            }
            List::Large(large) => large.insert(index, element, rules),
        }
    }

    /// Takes out the first element or the last, after it was looked at. The list is not empty.
    pub fn pop(&mut self, front: bool, rules: &Rules, visit: impl FnOnce(Entry<'_>)) {
        match self {
            List::Packed(run) => {
                let last = if front { 0 } else { packed::count(run) - 1 };
                let at = packed::position(run, last);
                let (entry, end) = packed::entry(run, at);
                visit(entry);
                packed::remove(run, at..end);
            }
            List::Large(large) => {
                large.pop(front, rules, visit);
                self.pack();
            }
        }
    }

    /// Replaces element number `index`, which is there.
    pub fn set(&mut self, index: u64, element: &[u8], rules: &Rules) {
        match self {
            List::Packed(run) => {
                let new = Sought::of(element);
                if run.len() + new.len() > LONGEST {
                    return self.unpack(rules).set(index, element, rules);
                }
                let at = packed::position(run, index as usize);
                let end = packed::next(run, at);
                new.splice(run, at..end);
            }
            List::Large(large) => large.set(index, element, rules),
        }
    }

    /// Removes `count` elements from number `index` on; no more than there are.
    pub fn remove(&mut self, index: u64, count: u64, rules: &Rules) {
        match self {
            List::Packed(run) => {
                let start = packed::position(run, index as usize);
                let end = (0..count).try_fold(start, |at, _| (at < run.len()).then(|| packed::next(run, at)));
                packed::remove(run, start..end.unwrap_or(run.len()));
            }
            List::Large(large) => {
                let len = large.len();
                if index < len {
                    large.remove(index, count.min(len - index), rules);
                }
                self.pack();
            }
        }
    }

    fn unpack(&mut self, rules: &Rules) -> &mut Large {
        let mut large = Box::<Large>::default();
        for entry in packed::entries(if let List::Packed(run) = self { run } else { &[] }) {
            entry.with(|element| large.insert(large.len(), element, rules));
        }
        *self = List::Large(large);
        match self {
            List::Large(large) => large,
            List::Packed(_) => unreachable!("it has just become large"),
        }
    }

    /// Packs a list again that has become small.
    fn pack(&mut self) {
        let List::Large(large) = self else { return };
        if large.len() > FEW {
            return;
        }
        let mut run = Vec::new();
        large.walk(0, false, |entry| {
            Sought::entry(entry).push(&mut run);
            run.len() <= SHORT
        });
        if run.len() <= SHORT {
            *self = List::Packed(run);
        }
    }
}
