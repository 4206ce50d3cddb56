//! Values too big for a record: stored, taken out, and handed to lazyfree.
use super::{Content, Store};
use crate::dict::Place;
use crate::hash::Hasher;
use crate::keyspace::lazyfree::Pieces;
use crate::keyspace::{Key, Object};
use crate::memory::alloc::LARGE;
use crate::record::{OBJECT, RAW};

impl Store {
    /// Stores an object under a key; `place` is where the key was found, if it was. An object held there before has been
    /// dealt with by [`Store::drop_object`], [`Store::take_object`] or [`Store::take_buffer`].
    pub fn put(
        &mut self,
        hasher: &Hasher,
        key: Key<'_>,
        place: Option<Place>,
        object: Object,
        rest: Content<'_>,
    ) {
        if let Some((flags, bytes)) = object.inline()
            && Self::is_short(key.bytes, bytes.len())
        {
            let flags = flags | rest.flags & RAW;
            return self.write(hasher, key, place, Content { field: bytes, flags, ..rest });
        }
        let index = self.objects.insert(object).0.to_le_bytes();
        let flags = OBJECT | rest.flags & RAW;
        self.write(hasher, key, place, Content { field: &index, flags, ..rest });
    }

    /// Frees the object that a record owns, if it does. The record must be rewritten or removed next.
    pub fn drop_object(&mut self, place: Option<Place>) {
        if let Some(object) = self.take_object(place) {
            self.lazyfree.object(object);
        }
    }

    /// An empty string with room for `len` bytes, to be the record's next object: the old one's memory if that is about as
    /// long, or large and short of it, since the allocator can lengthen a large block without copying it. So two long
    /// strings need not fit at once where one follows the other.
    pub fn take_buffer(&mut self, place: Option<Place>, len: usize) -> Vec<u8> {
        match self.take_object(place) {
            Some(Object::String(mut old))
                if (len..=len * 2).contains(&old.capacity()) || (LARGE..len).contains(&old.capacity()) =>
            {
                old.clear();
                old.reserve_exact(len);
                return old;
            }
            Some(object) => self.lazyfree.object(object),
            None => {}
        }
        Vec::with_capacity(len)
    }

    /// Takes the object that a record owns, if it does. The record must be rewritten or removed next.
    pub fn take_object(&mut self, place: Option<Place>) -> Option<Object> {
        let index = self.heap.record(place?.reference).object()?;
        let (object, moved) = self.objects.remove(index);
        if let Some(owner) = moved {
            self.heap.record_mut(owner).set_object(index);
        }
        Some(object)
    }

    /// Forgets every entry; the memory goes the way of [`Lazyfree`].
    pub fn detach(&mut self) {
        let (lazyfree, access) = (std::mem::take(&mut self.lazyfree), std::mem::take(&mut self.access));
        let queues = self.queues.take().map(|queues| Box::new(queues.emptied()));
        let old = std::mem::replace(self, Store { lazyfree, access, queues, ..Store::default() });
        let keys = old.dict.len() as u64;
        self.lazyfree.store(Box::new(old), keys);
    }
}

impl Pieces for Store {
    /// A long key counts as an object.
    fn pop_object(&mut self) -> Option<Object> {
        self.objects.pop().or_else(|| self.keys.pop().map(|key| Object::String(Vec::from(key))))
    }

    fn release(&mut self) -> bool {
        self.heap.release() || self.dict.release() || self.deadlines.release()
    }

    fn bytes(&self) -> usize {
        self.dict.bytes()
            + self.heap.bytes()
            + self.objects.bytes()
            + self.keys.bytes()
            + self.deadlines.bytes()
            + self.lazyfree.bytes()
    }
}
