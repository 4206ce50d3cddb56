//! What one client listens to. `pubsub.rs` knows who listens to what.
use std::collections::BTreeSet;
use std::rc::Rc;

/// The three kinds of subscription: each has names of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Space {
    /// `SUBSCRIBE`: one channel.
    Channel,
    /// `PSUBSCRIBE`: all channels whose name fits a pattern.
    Pattern,
    /// `SSUBSCRIBE`: a channel of a cluster's shard. In a server that is no cluster it is one more set of channels.
    Shard,
}

/// What one client listens to. A name is stored once, however many clients share it.
#[derive(Default)]
pub struct Subscriptions {
    names: [BTreeSet<Rc<[u8]>>; 3],
}

impl Subscriptions {
    /// The names of one kind, in order.
    pub fn names(&self, space: Space) -> &BTreeSet<Rc<[u8]>> {
        &self.names[space as usize]
    }

    pub(super) fn names_mut(&mut self, space: Space) -> &mut BTreeSet<Rc<[u8]>> {
        &mut self.names[space as usize]
    }

    /// How many there are of one kind.
    pub fn count(&self, space: Space) -> usize {
        self.names(space).len()
    }

    /// The number that a confirmation shows: channels and patterns are counted together, shard channels apart.
    pub fn shown(&self, space: Space) -> usize {
        match space {
            Space::Shard => self.count(Space::Shard),
            Space::Channel | Space::Pattern => self.count(Space::Channel) + self.count(Space::Pattern),
        }
    }

    /// Whether it listens to nothing.
    pub fn is_empty(&self) -> bool {
        self.names.iter().all(BTreeSet::is_empty)
    }
}
