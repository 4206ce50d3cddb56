//! What the keyspace asks of every collection, answered for the sorted set.
use super::{ZSet, ZSetRef};
use crate::memory::pieces::shed;
use crate::types::{Collection, Kind, Object};

impl Collection for ZSet {
    const KIND: Kind = Kind::ZSet;

    fn from_run(run: Vec<u8>, _raw: bool) -> Self {
        ZSet::Packed(run)
    }

    fn run(&self) -> Option<&[u8]> {
        match self {
            ZSet::Packed(run) => Some(run),
            ZSet::Large(_) => None,
        }
    }

    fn into_run(self) -> Option<Vec<u8>> {
        match self {
            ZSet::Packed(run) => Some(run),
            ZSet::Large(_) => None,
        }
    }

    fn of(object: &mut Object) -> Option<&mut Self> {
        match object {
            Object::ZSet(zset) => Some(zset),
            _ => None,
        }
    }

    fn into_object(self) -> Object {
        Object::ZSet(Box::new(self))
    }

    fn is_empty(&self) -> bool {
        match self {
            ZSet::Packed(run) => run.is_empty(),
            ZSet::Large(large) => large.len() == 0,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            ZSet::Packed(run) => run.capacity(),
            ZSet::Large(large) => large.bytes(),
        }
    }

    fn free_some(&mut self) -> bool {
        match self {
            ZSet::Packed(run) => shed(run),
            ZSet::Large(large) => large.free_some(),
        }
    }

    fn take_discarded(&mut self) -> Option<Object> {
        match self {
            ZSet::Packed(_) => None,
            ZSet::Large(large) => large.table_mut().take_discarded().map(Object::String),
        }
    }
}

impl<'a> ZSetRef<'a> {
    /// Whether it is small.
    pub fn is_packed(self) -> bool {
        matches!(self, ZSetRef::Packed(_))
    }

    /// Bytes of memory in use.
    pub fn bytes(self) -> usize {
        match self {
            ZSetRef::Packed(run) => run.len(),
            ZSetRef::Large(large) => large.bytes(),
        }
    }

    /// A deep copy.
    pub fn to_owned(self) -> ZSet {
        match self {
            ZSetRef::Packed(run) => ZSet::Packed(run.to_vec()),
            ZSetRef::Large(large) => ZSet::Large(Box::new(large.clone())),
        }
    }
}
