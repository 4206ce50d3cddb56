//! What the keyspace asks of every collection, answered for the list.
use super::{List, ListRef};
use crate::memory::pieces::shed;
use crate::types::{Collection, Kind, Object};

impl Collection for List {
    const KIND: Kind = Kind::List;

    fn from_run(run: Vec<u8>, _raw: bool) -> Self {
        List::Packed(run)
    }

    fn run(&self) -> Option<&[u8]> {
        match self {
            List::Packed(run) => Some(run),
            List::Large(_) => None,
        }
    }

    fn into_run(self) -> Option<Vec<u8>> {
        match self {
            List::Packed(run) => Some(run),
            List::Large(_) => None,
        }
    }

    fn of(object: &mut Object) -> Option<&mut Self> {
        match object {
            Object::List(list) => Some(list),
            _ => None,
        }
    }

    fn into_object(self) -> Object {
        Object::List(Box::new(self))
    }

    fn is_empty(&self) -> bool {
        match self {
            List::Packed(run) => run.is_empty(),
            List::Large(large) => large.len() == 0,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            List::Packed(run) => run.capacity(),
            List::Large(large) => large.bytes(),
        }
    }

    fn free_some(&mut self) -> bool {
        match self {
            List::Packed(run) => shed(run),
            List::Large(large) => large.free_some(),
        }
    }

    fn take_discarded(&mut self) -> Option<Object> {
        match self {
            List::Packed(_) => None,
            List::Large(large) => large.take_discarded().map(Object::String),
        }
    }
}

impl<'a> ListRef<'a> {
    /// Whether it is small.
    pub fn is_packed(self) -> bool {
        matches!(self, ListRef::Packed(_))
    }

    /// Bytes of memory in use.
    pub fn bytes(self) -> usize {
        match self {
            ListRef::Packed(run) => run.len(),
            ListRef::Large(large) => large.bytes(),
        }
    }

    /// A deep copy.
    pub fn to_owned(self) -> List {
        match self {
            ListRef::Packed(run) => List::Packed(run.to_vec()),
            ListRef::Large(large) => List::Large(Box::new(large.clone())),
        }
    }
}
