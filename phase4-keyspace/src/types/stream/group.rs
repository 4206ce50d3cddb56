//! A consumer group: how far its consumers have got together, and what each of them has been given and not acknowledged.
//!
//! What is pending stands in two trees: in the group's by ID, with who has it, since when and for the how manieth time; and
//! in its consumer's, the ID alone. The group's answers who has an entry, the consumer's what one of them has. Whatever
//! changes one changes the other, and does it here.
mod consumer;

pub use consumer::Consumer;

use super::id::Id;
use crate::types::Millis;
use crate::types::tree::{Item, Path, Tree};

/// Who a consumer is, within its group.
pub type ConsumerId = u32;

/// An entry that was given to a consumer and not acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Pending {
    /// The entry.
    pub id: Id,
    /// When it was last given to someone.
    pub delivered: Millis,
    /// How often it was.
    pub count: u64,
    /// Who has it.
    pub consumer: ConsumerId,
}

impl Item for Pending {
    #[inline(always)]
    fn weight(self) -> u64 {
        1
    }
}

/// A consumer group.
#[derive(Clone, Default, Debug)]
pub struct Group {
    name: Box<[u8]>,
    /// The last entry that was given to any of its consumers.
    pub last: Id,
    /// How many entries of the stream stand up to there, those since removed included; `None`: not known.
    pub read: Option<u64>,
    pending: Tree<Pending, 12, 9>,
    /// Places of consumers that are gone are used again.
    consumers: Vec<Option<Consumer>>,
    /// Consumers by name.
    order: Vec<ConsumerId>,
}

impl Group {
    /// A group that has read up to this entry.
    pub fn new(name: &[u8], last: Id, read: Option<u64>) -> Self {
        Group { name: name.into(), last, read, ..Group::default() }
    }

    /// Its name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> usize {
        self.name.len()
            + self.pending.bytes()
            + self.consumers.capacity() * size_of::<Option<Consumer>>()
            + self.order.capacity() * size_of::<ConsumerId>()
            + self.consumers.iter().flatten().map(Consumer::bytes).sum::<usize>()
    }

    /// How many entries are pending.
    pub fn pending_count(&self) -> u64 {
        self.pending.weight()
    }

    fn seek(&self, id: Id) -> Path {
        self.pending.seek(|pending| pending.id < id).0
    }

    /// What is pending from an ID on, in order.
    pub fn pending_from(&self, id: Id) -> impl Iterator<Item = Pending> {
        self.pending.forward(self.seek(id))
    }

    /// The last that is pending.
    pub fn last_pending(&self) -> Option<Pending> {
        self.pending.backward(self.pending.at(u64::MAX).0).next()
    }

    /// What is known of an entry, if it is pending.
    pub fn pending(&self, id: Id) -> Option<Pending> {
        self.pending.get(&self.seek(id)).filter(|pending| pending.id == id)
    }

    /// Makes an entry pending, or changes what is known of it.
    pub fn set_pending(&mut self, pending: Pending) {
        let path = self.seek(pending.id);
        let old = self.pending.get(&path).filter(|old| old.id == pending.id);
        match old {
            // Its place in the order is the same.
            Some(_) => self.pending.set(&path, pending),
            None => self.pending.insert(&path, pending),
        }
        if let Some(Pending { consumer, .. }) = old {
            if consumer == pending.consumer {
                return;
            }
            self.consumer_mut(consumer).remove(pending.id);
        }
        self.consumer_mut(pending.consumer).add(pending.id);
    }

    /// An entry is done with; whether it was pending.
    pub fn acknowledge(&mut self, id: Id) -> bool {
        let path = self.seek(id);
        let Some(pending) = self.pending.get(&path).filter(|pending| pending.id == id) else { return false };
        self.pending.remove(&path);
        self.consumer_mut(pending.consumer).remove(id);
        true
    }

    /// The consumers, by name.
    pub fn consumers(&self) -> impl ExactSizeIterator<Item = (ConsumerId, &Consumer)> {
        self.order.iter().map(|id| (*id, self.consumer(*id)))
    }

    /// A consumer that is there.
    pub fn consumer(&self, id: ConsumerId) -> &Consumer {
        self.consumers[id as usize].as_ref().expect("who is named is there")
    }

    /// See [`Group::consumer`].
    pub fn consumer_mut(&mut self, id: ConsumerId) -> &mut Consumer {
        self.consumers[id as usize].as_mut().expect("who is named is there")
    }

    fn position(&self, name: &[u8]) -> Result<usize, usize> {
        self.order.binary_search_by(|id| self.consumer(*id).name().cmp(name))
    }

    /// The consumer of this name.
    pub fn find(&self, name: &[u8]) -> Option<ConsumerId> {
        self.position(name).ok().map(|at| self.order[at])
    }

    /// Adds a consumer of this name, which is not there.
    pub fn add(&mut self, name: &[u8], now: Millis) -> ConsumerId {
        let consumer = Some(Consumer::new(name, now));
        let id = match self.consumers.iter().position(Option::is_none) {
            Some(vacant) if self.order.len() < self.consumers.len() => {
                self.consumers[vacant] = consumer;
                vacant as ConsumerId
            }
            _ => {
                self.consumers.push(consumer);
                (self.consumers.len() - 1) as ConsumerId
            }
        };
        let at = self.order.partition_point(|other| self.consumer(*other).name() < name);
        self.order.insert(at, id);
        id
    }

    /// Removes a consumer and all that is pending for it; how much that was.
    pub fn remove(&mut self, name: &[u8]) -> Option<u64> {
        let at = self.position(name).ok()?;
        let id = self.order.remove(at);
        let consumer = self.consumers[id as usize].take()?;
        for pending in consumer.pending_from(Id::MIN) {
            self.pending.remove(&self.seek(pending));
        }
        Some(consumer.pending_count())
    }

    /// Frees a piece of a group that is no longer wanted; whether anything is left.
    pub fn free_some(&mut self) -> bool {
        if self.pending.release() {
            return true;
        }
        let last = self.consumers.last_mut().and_then(Option::as_mut);
        last.is_some_and(Consumer::free_some) || self.consumers.pop().is_some()
    }
}
