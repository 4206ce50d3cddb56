//! A sorted set: members with scores, in the order of scores, and of names where scores are equal. Packed while it is small,
//! members and scores by turns in order; else a table beside a tree.
//!
//! A packed score is an integer where it is one, which makes of minus zero a zero, as in Redis; any other is eight bytes.
mod body;
pub mod bounds;
pub mod large;
pub mod merge;
#[cfg(test)]
mod tests;

use std::ops::Range;

use super::packed::{self, Entry, Sought};
use super::rules::Rules;
use bounds::Cut;
use large::{Large, score_of};

/// A sorted set to be changed.
#[derive(Clone, Debug)]
pub enum ZSet {
    /// Small.
    Packed(Vec<u8>),
    /// Large.
    Large(Box<Large>),
}

/// A sorted set to be read.
#[derive(Clone, Copy, Debug)]
pub enum ZSetRef<'a> {
    /// Small.
    Packed(&'a [u8]),
    /// Large.
    Large(&'a Large),
}

impl Default for ZSet {
    fn default() -> Self {
        ZSet::Packed(Vec::new())
    }
}

/// Whole scores up to here are kept as integers: half of what 64 bits hold, as Redis has it.
const WHOLE: f64 = (i64::MAX / 2) as f64;

/// The integer as which a score is packed, if it is one.
pub fn whole(score: f64) -> Option<i64> {
    (score.trunc() == score && (-WHOLE..=WHOLE).contains(&score)).then_some(score as i64)
}

/// Hands out a score as a packed entry.
fn with_packed<R>(score: f64, f: impl FnOnce(Sought<'_>) -> R) -> R {
    match whole(score) {
        Some(whole) => f(Sought::entry(Entry::Integer(whole))),
        None => f(Sought::entry(Entry::Bytes(&score.to_le_bytes()))),
    }
}

/// The score that an entry is.
fn unpacked(entry: Entry<'_>) -> f64 {
    match entry {
        Entry::Integer(whole) => whole as f64,
        Entry::Bytes(bytes) => f64::from_le_bytes(bytes.try_into().expect("a score has eight bytes")),
    }
}

/// Members of a packed set: where each begins, itself, its score, where the next begins.
fn members(run: &[u8]) -> impl Iterator<Item = (usize, Entry<'_>, f64, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        (at < run.len()).then(|| {
            let start = at;
            let (member, middle) = packed::entry(run, at);
            let (score, end) = packed::entry(run, middle);
            at = end;
            (start, member, unpacked(score), end)
        })
    })
}

impl<'a> ZSetRef<'a> {
    /// Number of members.
    pub fn len(self) -> usize {
        match self {
            ZSetRef::Packed(run) => packed::count(run) / 2,
            ZSetRef::Large(large) => large.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// A member's score.
    #[inline]
    pub fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            ZSetRef::Packed(run) => {
                let at = packed::find(run, &Sought::of(member), 2).ok()?.end;
                Some(unpacked(packed::entry(run, at).0))
            }
            ZSetRef::Large(large) => large.score(member),
        }
    }

    /// How many members stand in front of one, and its score.
    pub fn rank(self, member: &[u8]) -> Option<(u64, f64)> {
        match self {
            ZSetRef::Packed(run) => {
                let sought = Entry::of(member);
                let (rank, (_, _, score, _)) =
                    members(run).enumerate().find(|(_, (_, other, ..))| *other == sought)?;
                Some((rank as u64, score))
            }
            ZSetRef::Large(large) => large.rank(member),
        }
    }

    /// How many members stand to the left of a cut.
    pub fn count_before(self, cut: &Cut<'_>) -> u64 {
        match self {
            ZSetRef::Packed(run) => members(run)
                .take_while(|(_, member, score, _)| member.with(|name| cut.is_behind(*score, name)))
                .count() as u64,
            ZSetRef::Large(large) => large.count_before(cut),
        }
    }

    /// The ranks between two cuts.
    pub fn span(self, min: &Cut<'_>, max: &Cut<'_>) -> Range<u64> {
        let start = self.count_before(min);
        start..self.count_before(max).max(start)
    }

    /// The members from one rank to another, with their scores; from the last to the first if `reverse`.
    pub fn range(self, span: Range<u64>, reverse: bool, mut visit: impl FnMut(&[u8], f64)) {
        let count = (span.end - span.start) as usize;
        match self {
            ZSetRef::Packed(run) => {
                let some = members(run).skip(span.start as usize).take(count);
                let mut each = |member: Entry<'_>, score| member.with(|member| visit(member, score));
                if reverse {
                    let backward: Vec<_> = some.collect();
                    backward.iter().rev().for_each(|(_, member, score, _)| each(*member, *score));
                } else {
                    some.for_each(|(_, member, score, _)| each(member, score));
                }
            }
            ZSetRef::Large(large) => large.range(span, reverse, visit),
        }
    }

    /// Every member with its score, in no order.
    pub fn for_each(self, mut visit: impl FnMut(&[u8], f64)) {
        match self {
            ZSetRef::Packed(_) => self.range(0..u64::MAX, false, visit),
            ZSetRef::Large(large) => {
                let table = large.table();
                table.iter().for_each(|member| visit(table.member(member), score_of(table, member)));
            }
        }
    }

    /// One step of ZSCAN: about `count` members; the next cursor, 0 at the end. A small set is one step.
    pub fn scan(self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8], f64)) -> u64 {
        match self {
            ZSetRef::Packed(_) => {
                self.for_each(visit);
                0
            }
            ZSetRef::Large(large) => {
                let table = large.table();
                table.scan(cursor, count, |member| visit(table.member(member), score_of(table, member)))
            }
        }
    }
}

impl ZSet {
    /// The set, to be read.
    pub fn read(&self) -> ZSetRef<'_> {
        match self {
            ZSet::Packed(run) => ZSetRef::Packed(run),
            ZSet::Large(large) => ZSetRef::Large(large),
        }
    }

    /// Sets a member's score, as `decide` says from the one it has; `None`: nothing is to be done.
    pub fn update(&mut self, member: &[u8], rules: &Rules, decide: impl FnOnce(Option<f64>) -> Option<f64>) {
        let run = match self {
            ZSet::Packed(run) => run,
            ZSet::Large(large) => return large.update(member, decide),
        };
        match packed::find(run, &Sought::of(member), 2) {
            Ok(found) => {
                let (old, end) = packed::entry(run, found.end);
                let Some(score) = decide(Some(unpacked(old))) else { return };
                packed::remove(run, found.start..end);
                insert_packed(run, member, score);
            }
            Err(entries) => {
                let Some(score) = decide(None) else { return };
                let most = rules.limits.zset_entries;
                if entries as u64 / 2 >= most || member.len() as u64 > rules.limits.zset_value {
                    self.unpack(rules).insert(member, score);
                } else {
                    insert_packed(run, member, score);
                }
            }
        }
    }

    /// Removes a member; whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            ZSet::Packed(run) => match packed::find(run, &Sought::of(member), 2) {
                Ok(found) => {
                    let end = packed::next(run, found.end);
                    packed::remove(run, found.start..end);
                    true
                }
                Err(_) => false,
            },
            ZSet::Large(large) => large.remove(member),
        }
    }

    /// Removes the members from one rank to another, handing them out; from the last to the first if `reverse`.
    pub fn remove_range(&mut self, span: Range<u64>, reverse: bool, mut visit: impl FnMut(&[u8], f64)) {
        match self {
            ZSet::Packed(run) => {
                ZSetRef::Packed(run).range(span.clone(), reverse, visit);
                let start = packed::position(run, 2 * span.start as usize);
                let end = packed::position(run, 2 * span.end as usize);
                packed::remove(run, start..end);
            }
            ZSet::Large(large) if reverse => {
                span.rev().for_each(|rank| large.remove_at(rank, &mut visit));
            }
            ZSet::Large(large) => {
                span.clone().for_each(|_| large.remove_at(span.start, &mut visit));
            }
        }
    }

    fn unpack(&mut self, rules: &Rules) -> &mut Large {
        let mut large = Box::new(Large::new(rules));
        self.read().for_each(|member, score| large.insert(member, score));
        *self = ZSet::Large(large);
        match self {
            ZSet::Large(large) => large,
            ZSet::Packed(_) => unreachable!("it has just become large"),
        }
    }
}

/// Puts a member that is not there into a packed set, where it belongs.
fn insert_packed(run: &mut Vec<u8>, member: &[u8], score: f64) {
    let is_before = |other: Entry<'_>, its: f64| its < score || (its == score && other.with(|o| o < member));
    let place = members(run).find(|(_, other, its, _)| !is_before(*other, *its));
    let at = place.map_or(run.len(), |(start, ..)| start);
    let member = Sought::of(member);
    member.splice(run, at..at);
    with_packed(score, |score| score.splice(run, at + member.len()..at + member.len()));
}
