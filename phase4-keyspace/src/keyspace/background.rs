//! The work that no command waits for, each piece of it a bounded share.
use std::time::Instant;

use super::Keyspace;
use super::db::Db;
use super::db_mut::DbMut;
use super::usage;

/// Keys expired per database and round. Each of these shares is chosen to take less than a tenth of a millisecond.
const EXPIRED_A_ROUND: usize = 128;
/// Records moved by compaction per database and round.
const MOVED_A_ROUND: usize = 64;
/// Pages swept per database and round, at most.
const SWEPT_A_ROUND: i64 = 8;

impl Keyspace {
    /// A bounded share of background work: keys whose deadline has passed (unless `expire` is off), values still to be
    /// freed, compaction. Returns when it wants to run again, in milliseconds: 0 means in the next tick.
    pub fn cron(&mut self, expire: bool) -> Option<u64> {
        let next = (0..self.dbs.len()).filter_map(|index| self.db_mut(index).cron(expire)).min();
        if self.free_share() { Some(0) } else { next }
    }

    /// Frees a piece of what waits to be freed; `false` if nothing waits.
    pub fn free_piece(&mut self) -> bool {
        let waiting = self.dbs.iter_mut().map(|db| &mut db.store.lazyfree).find(|l| !l.is_idle());
        waiting.is_some_and(|lazyfree| {
            lazyfree.step();
            true
        })
    }

    /// Frees a share of what waits, for all databases together; whether anything is left.
    fn free_share(&mut self) -> bool {
        let mut waiting =
            self.dbs.iter_mut().map(|db| &mut db.store.lazyfree).filter(|l| !l.is_idle()).peekable();
        waiting.peek().is_some() && {
            let start = Instant::now();
            waiting.any(|lazyfree| lazyfree.share(start))
        }
    }

    /// Values that no key leads to any more and that are not yet freed (`INFO memory`).
    pub fn lazyfree_pending(&self) -> u64 {
        self.dbs.iter().map(|db| db.store.lazyfree.pending()).sum()
    }

    /// Values that have been freed a piece at a time (`INFO memory`).
    pub fn lazyfreed(&self) -> u64 {
        self.dbs.iter().map(|db| db.store.lazyfree.freed()).sum()
    }
}

impl DbMut<'_> {
    fn cron(&mut self, expire: bool) -> Option<u64> {
        let due = expire && self.expire_due();
        if self.is_empty() {
            return None;
        }
        let sparse = self.db.store.compact(&self.db.hasher, MOVED_A_ROUND);
        if due || sparse {
            return Some(1);
        }
        self.db.sweep();
        let next = self.store.deadlines.first().filter(|_| expire);
        Some(next.map_or(1000, |(at, _)| at.saturating_sub(self.now).clamp(1, 1000) as u64))
    }

    // ANCHOR: expire-step
    /// Active expiry: removes the keys at the head of the queue whose time has come; whether more are due.
    fn expire_due(&mut self) -> bool {
        // ANCHOR: expire-step-body
        for _ in 0..EXPIRED_A_ROUND {
            match self.store.deadlines.first() {
                Some((at, reference)) if at <= self.now => {
                    let (hash, place) = self.store.place_of(&self.hasher, reference);
                    self.expire(hash, place);
                }
                _ => return false,
            }
        }
        true
        // ANCHOR_END: expire-step-body
    }
    // ANCHOR_END: expire-step
}

impl Db {
    /// Ages the access stamps of as many pages as the time since the last round asks for.
    fn sweep(&mut self) {
        let pages = self.store.heap.page_numbers();
        let elapsed = (self.now - self.sweep.at).clamp(0, usage::SWEEP_MS);
        self.sweep.at = self.now;
        self.sweep.owed += elapsed * pages as i64;
        let due = self.sweep.owed / usage::SWEEP_MS;
        self.sweep.owed -= due * usage::SWEEP_MS;
        for _ in 0..due.min(SWEPT_A_ROUND) {
            self.sweep.page = (self.sweep.page + 1) % pages;
            for reference in self.store.heap.records_of(self.sweep.page, usize::MAX) {
                let clock = self.store.record(reference).clock();
                let aged = self.store.access.aged(clock);
                if aged != clock {
                    self.store.heap.record_mut(reference).set_clock(aged);
                }
            }
        }
    }
}
