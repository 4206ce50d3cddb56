//! S3-FIFO (Yang, Zhang, Qiu, Yue, Vigfusson, 2023), in a byte and a half for each key.
//!
//! Most keys that are asked for once are not asked for again soon. So a newcomer waits in a small queue, a tenth of all keys; whoever
//! is used there moves to the main queue, and the others are forgotten early. What a ghost of the forgotten ones
//! remembers goes straight to the main queue when it comes back. Hits move nothing: they count uses, up to three, in two
//! bits of the record.
//!
//! | part | by the book | here |
//! |---|---|---|
//! | small queue | a linked list | references in order ([`ring`]): four bytes for a tenth of the keys |
//! | main queue | a linked list whose first goes to the back while it has uses left | a hand that goes over the pages of records: no byte |
//! | ghost | hashes in order, and a table to find them | a byte a key in buckets that are queues ([`ghost`]) |
//!
//! What the hand gives up is the order among keys that came into the main queue in the same round. The simulation says
//! that this costs nothing that can be seen.
use crate::record::Ref;

mod ghost;
mod ring;

use ghost::Ghost;
use ring::{Ring, TICKETS};

/// The record is a newcomer; its low bits are its ticket.
const NEW: u16 = 1 << 15;
/// Where the uses are counted, and the most that are.
pub const USE: u16 = 1 << 13;
/// See [`USE`].
pub const USES: u16 = 3 * USE;
/// One key in so many may be a newcomer.
pub const SHARE: usize = 10;
/// Records looked at in one go.
pub const STEPS: usize = 64;

/// The stamp behind a use.
pub fn used(stamp: u16) -> u16 {
    if stamp & USES == USES { stamp } else { stamp + USE }
}

/// How many uses a stamp has counted: three are three or more.
pub fn uses(stamp: u16) -> u8 {
    (stamp / USE) as u8 & 3
}

/// What came of looking for a key to forget.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Search {
    /// This one.
    Found(Ref),
    /// None yet, among those looked at.
    Unfinished,
    /// There is none.
    Nothing,
}

/// The queues of one database.
#[derive(Default)]
pub struct Queues {
    /// Only keys with a deadline are forgotten.
    pub volatile: bool,
    /// The small queue.
    pub ring: Ring,
    /// What left it lately.
    pub ghost: Ghost,
    /// Where the hand is: a page …
    pub page: usize,
    /// … and a unit of it,
    pub unit: usize,
    /// or a seat in the queue of deadlines.
    pub seat: usize,
}

impl Queues {
    /// The same queues, empty.
    pub fn emptied(&self) -> Self {
        Queues::new(self.volatile)
    }

    /// Empty, for all keys or for those with a deadline.
    pub fn new(volatile: bool) -> Self {
        Queues { volatile, ..Queues::default() }
    }

    /// The stamp of a new record: a newcomer, unless the ghost knows it or it is not to be forgotten.
    pub fn enter(&mut self, hash: u64, reference: Ref, volatile: bool) -> u16 {
        if (self.volatile && !volatile) || self.ghost.holds(hash) {
            return 0;
        }
        NEW | self.ring.push(reference)
    }

    /// A record is gone.
    pub fn leave(&mut self, stamp: u16, reference: Ref) {
        if stamp & NEW != 0 {
            self.ring.remove(ticket(stamp), reference);
        }
    }

    /// A record has been moved.
    pub fn moved(&mut self, stamp: u16, from: Ref, to: Ref) {
        if stamp & NEW != 0 {
            self.ring.redirect(ticket(stamp), from, to);
        }
    }

    /// Whether a record waits in the small queue. A stamp from before another policy was followed may say so and be wrong.
    pub fn is_new(&self, stamp: u16, reference: Ref) -> bool {
        stamp & NEW != 0 && self.ring.holds(ticket(stamp), reference)
    }

    /// Records in the small queue.
    #[cfg(test)]
    pub fn waiting(&self) -> usize {
        self.ring.len()
    }

    /// Whether the small queue has far more than its share: without a limit on memory nothing else would shorten it.
    pub fn overflows(&self, keys: usize) -> bool {
        self.ring.len() > keys / 8 + STEPS || self.ring.places() > keys / 4 + 1024
    }
}

fn ticket(stamp: u16) -> u16 {
    stamp % TICKETS as u16
}
