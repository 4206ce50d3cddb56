//! A large sorted set: a table that leads from a member to its score, and a tree that has the members in order.
//!
//! The record holds member and score. The tree holds eight bytes a member: the upper half of the score, so mapped that
//! greater scores are greater integers, and the record's reference. Most comparisons end with the half score; a tie reads
//! the record.
use std::cmp::Ordering;
use std::ops::Range;

use super::bounds::Cut;
use crate::record::Ref;
use crate::types::member::Scored;
use crate::types::rules::Rules;
use crate::types::table::Table;
use crate::types::tree::{Item, Path, Tree};

/// What the tree holds of a member.
#[derive(Clone, Copy, Default, Debug)]
struct Ranked {
    upper: u32,
    member: Ref,
}

impl Item for Ranked {
    #[inline(always)]
    fn weight(self) -> u64 {
        1
    }
}

/// Integers in the order of the scores. Adding zero makes of minus zero the other one, which is equal to it.
#[inline(always)]
fn ordered(score: f64) -> u64 {
    let bits = (score + 0.0).to_bits();
    if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
}

#[inline(always)]
fn ranked(score: f64, member: Ref) -> Ranked {
    Ranked { upper: (ordered(score) >> 32) as u32, member }
}

/// A sorted set that is not packed.
#[derive(Clone, Debug)]
pub struct Large {
    table: Table<Scored>,
    order: Tree<Ranked, 63, 25>,
}

impl Large {
    /// An empty one.
    pub fn new(rules: &Rules) -> Self {
        Large { table: Table::new(&rules.hasher), order: Tree::default() }
    }

    /// Members of a table, put in order.
    pub fn of(table: Table<Scored>) -> Self {
        let mut order = Tree::default();
        let mut members: Vec<(u64, Ref)> =
            table.iter().map(|member| (ordered(score_of(&table, member)), member)).collect();
        members.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| table.member(a.1).cmp(table.member(b.1))));
        for (score, member) in members {
            order.insert(&order.at(u64::MAX).0, Ranked { upper: (score >> 32) as u32, member });
        }
        Large { table, order }
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> usize {
        self.table.bytes() + self.order.bytes()
    }

    /// The members, in no order.
    pub fn table(&self) -> &Table<Scored> {
        &self.table
    }

    /// The members, to be taken apart.
    pub fn table_mut(&mut self) -> &mut Table<Scored> {
        &mut self.table
    }

    /// A member's score.
    #[inline]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        Some(score_of(&self.table, self.table.find(member)?.reference()))
    }

    /// How many members stand in front of one, and its score.
    pub fn rank(&self, member: &[u8]) -> Option<(u64, f64)> {
        let score = self.score(member)?;
        Some((self.seek(score, member).1, score))
    }

    /// The place of a member of this score, or where it would be, and how many stand in front of it.
    fn seek(&self, score: f64, member: &[u8]) -> (Path, u64) {
        let sought = ordered(score);
        let upper = (sought >> 32) as u32;
        self.order.seek(|item| match item.upper.cmp(&upper) {
            Ordering::Equal => self.is_before(item.member, sought, member),
            order => order == Ordering::Less,
        })
    }

    /// Compares whole scores, and of equal scores the members.
    fn is_before(&self, item: Ref, sought: u64, member: &[u8]) -> bool {
        match ordered(score_of(&self.table, item)).cmp(&sought) {
            Ordering::Equal => self.table.member(item) < member,
            order => order == Ordering::Less,
        }
    }

    /// How many members stand to the left of a cut.
    pub fn count_before(&self, cut: &Cut<'_>) -> u64 {
        let sought = if let Cut::Score(score, _) = *cut { (ordered(score) >> 32) as u32 } else { 0 };
        let by_score = matches!(cut, Cut::Score(..));
        let (_, count) = self.order.seek(|item| {
            if by_score && item.upper != sought {
                return item.upper < sought;
            }
            cut.is_behind(score_of(&self.table, item.member), self.table.member(item.member))
        });
        count
    }

    /// The members from one rank to another, with their scores; from the last to the first if `reverse`.
    pub fn range(&self, span: Range<u64>, reverse: bool, mut visit: impl FnMut(&[u8], f64)) {
        let count = (span.end - span.start) as usize;
        let mut each = |item: Ranked| {
            visit(self.table.member(item.member), score_of(&self.table, item.member));
        };
        if reverse {
            self.order.backward(self.order.at(span.end).0).take(count).for_each(&mut each);
        } else {
            self.order.forward(self.order.at(span.start).0).take(count).for_each(&mut each);
        }
    }

    /// Sets a member's score, as `decide` says from the one it has; `None`: nothing is to be done.
    pub fn update(&mut self, member: &[u8], decide: impl FnOnce(Option<f64>) -> Option<f64>) {
        let Some(spot) = self.table.find(member) else {
            if let Some(score) = decide(None) {
                self.insert(member, score);
            }
            return;
        };
        let old = score_of(&self.table, spot.reference());
        let Some(score) = decide(Some(old)) else { return };
        let (path, _) = self.seek(old, member);
        if ordered(old) != ordered(score) {
            self.order.remove(&path);
        }
        let reference = self.table.set_value(spot, &score.to_le_bytes());
        if ordered(old) != ordered(score) {
            let (path, _) = self.seek(score, member);
            self.order.insert(&path, ranked(score, reference));
        }
    }

    /// Adds a member that is not there.
    pub fn insert(&mut self, member: &[u8], score: f64) {
        let (path, _) = self.seek(score, member);
        let reference = self.table.insert(member, &score.to_le_bytes());
        self.order.insert(&path, ranked(score, reference));
    }

    /// Removes a member; whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        let Some(spot) = self.table.find(member) else { return false };
        let (path, _) = self.seek(score_of(&self.table, spot.reference()), member);
        self.order.remove(&path);
        self.table.remove(spot);
        self.compact();
        true
    }

    /// Removes the member of a rank, after it was looked at.
    pub fn remove_at(&mut self, rank: u64, visit: impl FnOnce(&[u8], f64)) {
        let member = self.order.remove(&self.order.at(rank).0).member;
        visit(self.table.member(member), score_of(&self.table, member));
        let spot = self.table.find_reference(member).expect("the tree names members of the table");
        self.table.remove(spot);
        self.compact();
    }

    /// Moves a few records out of a page with many holes. One at a time: the tree still names where the record was, and that
    /// item alone is not compared.
    fn compact(&mut self) {
        for _ in 0..crate::types::MOVED_A_REMOVAL {
            let mut moved = None;
            self.table.compact(1, |old, new| moved = Some((old, new)));
            let Some((old, new)) = moved else { return };
            let score = score_of(&self.table, new);
            let (sought, member) = (ordered(score), self.table.member(new));
            let (path, _) =
                self.order.seek(|item| item.member != old && self.is_before(item.member, sought, member));
            self.order.set(&path, ranked(score, new));
        }
    }

    /// Frees a piece of a set that is no longer wanted; whether anything is left.
    pub fn free_some(&mut self) -> bool {
        self.order.release() || self.table.free_some()
    }
}

/// The score in a member's record.
#[inline(always)]
pub fn score_of(table: &Table<Scored>, member: Ref) -> f64 {
    f64::from_le_bytes(table.value(member).try_into().expect("a score has eight bytes"))
}
