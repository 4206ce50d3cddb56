//! A consumer: a name, and the entries that it has been given and not acknowledged.
use crate::types::Millis;
use crate::types::stream::id::Id;
use crate::types::tree::{Item, Tree};

impl Item for Id {
    #[inline(always)]
    fn weight(self) -> u64 {
        1
    }
}

/// One of those who share the work of a group.
#[derive(Clone, Debug)]
pub struct Consumer {
    name: Box<[u8]>,
    /// When it last asked for something.
    pub seen: Millis,
    pending: Tree<Id, 31, 18>,
}

impl Consumer {
    pub(super) fn new(name: &[u8], now: Millis) -> Self {
        Consumer { name: name.into(), seen: now, pending: Tree::default() }
    }

    /// Its name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Bytes of memory in use beside itself.
    pub fn bytes(&self) -> usize {
        self.name.len() + self.pending.bytes()
    }

    /// How many entries it has.
    pub fn pending_count(&self) -> u64 {
        self.pending.weight()
    }

    /// The entries that it has, from an ID on.
    pub fn pending_from(&self, id: Id) -> impl Iterator<Item = Id> {
        self.pending.forward(self.pending.seek(|pending| pending < id).0)
    }

    pub(super) fn add(&mut self, id: Id) {
        let (path, _) = self.pending.seek(|pending| pending < id);
        self.pending.insert(&path, id);
    }

    pub(super) fn remove(&mut self, id: Id) {
        let (path, _) = self.pending.seek(|pending| pending < id);
        self.pending.remove(&path);
    }

    pub(super) fn free_some(&mut self) -> bool {
        self.pending.release()
    }
}
