//! A sorted set in the making: members come in any order, and are put in order once, at the end.
use super::large::{Large, score_of};
use super::{ZSet, insert_packed};
use crate::types::member::Scored;
use crate::types::rules::Rules;
use crate::types::table::Table;

/// Members with scores, in no order yet.
pub struct Merge {
    table: Table<Scored>,
    longest: usize,
}

impl Merge {
    /// Nothing yet.
    pub fn new(rules: &Rules) -> Self {
        Merge { table: Table::new(&rules.hasher), longest: 0 }
    }

    /// Sets a member's score, made by `combine` of the one it has if it is there already.
    pub fn add(&mut self, member: &[u8], score: f64, combine: impl FnOnce(f64, f64) -> f64) {
        match self.table.find(member) {
            Some(spot) => {
                let score = combine(score_of(&self.table, spot.reference()), score);
                self.table.set_value(spot, &score.to_le_bytes());
            }
            None => {
                self.longest = self.longest.max(member.len());
                self.table.insert(member, &score.to_le_bytes());
            }
        }
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Shows every member with its score, in order.
    pub fn show(self, visit: impl FnMut(&[u8], f64)) {
        let large = Large::of(self.table);
        large.range(0..large.len() as u64, false, visit);
    }

    /// The sorted set: packed if it is small.
    pub fn finish(self, rules: &Rules) -> ZSet {
        let limits = &rules.limits;
        let small = self.len() as u64 <= limits.zset_entries && self.longest as u64 <= limits.zset_value;
        let large = Large::of(self.table);
        if !small {
            return ZSet::Large(Box::new(large));
        }
        let mut run = Vec::new();
        large.range(0..large.len() as u64, false, |member, score| insert_packed(&mut run, member, score));
        ZSet::Packed(run)
    }
}
