//! `DEBUG JOURNAL`: the changes of past units, kept until they are asked for.
use std::collections::VecDeque;

use crate::keyspace::{Changes, Event};

/// Most entries that are kept; the oldest go first.
const MOST: usize = 10_000;

/// One change, by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recorded {
    /// The database.
    pub db: u32,
    /// What happened.
    pub event: Event,
    /// The key; `None` if it is about the whole database.
    pub key: Option<Vec<u8>>,
}

/// Keeps what the journal says at the end of each unit.
#[derive(Default)]
pub struct Recorder {
    entries: VecDeque<Recorded>,
}

impl Recorder {
    /// Copies the changes of a unit that has ended.
    pub fn take_in(&mut self, changes: &Changes) {
        for change in changes.iter() {
            if self.entries.len() == MOST {
                self.entries.pop_front();
            }
            self.entries.push_back(Recorded {
                db: change.db,
                event: change.event,
                key: change.key.map(<[u8]>::to_vec),
            });
        }
    }

    /// Hands out what was kept, oldest first, and forgets it.
    pub fn take(&mut self) -> VecDeque<Recorded> {
        std::mem::take(&mut self.entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest() {
        let (mut changes, mut recorder) = (Changes::default(), Recorder::default());
        changes.set_keep(true);
        for n in 0..MOST as u32 + 5 {
            changes.note(n, b"k", Event::Set, 1);
        }
        recorder.take_in(&changes);
        let kept = recorder.take();
        assert_eq!((kept.len(), kept[0].db), (MOST, 5));
        assert!(recorder.take().is_empty());
    }
}
