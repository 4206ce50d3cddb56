//! What the keyspace asks of every collection, answered for the stream.
use super::{Group, Stream};
use crate::types::{Collection, Kind, Object};

/// A stream is never a run in a record, and one without entries stays: it remembers the last ID.
impl Collection for Stream {
    const KIND: Kind = Kind::Stream;

    fn from_run(_: Vec<u8>, _: bool) -> Self {
        Stream::default()
    }

    fn run(&self) -> Option<&[u8]> {
        None
    }

    fn into_run(self) -> Option<Vec<u8>> {
        None
    }

    fn of(object: &mut Object) -> Option<&mut Self> {
        match object {
            Object::Stream(stream) => Some(stream),
            _ => None,
        }
    }

    fn into_object(self) -> Object {
        Object::Stream(Box::new(self))
    }

    fn is_empty(&self) -> bool {
        false
    }

    fn bytes(&self) -> usize {
        let groups = self.groups.iter().chain(&self.discarded);
        size_of::<Stream>()
            + self.log.bytes()
            + groups.map(|group| size_of::<Group>() + group.bytes()).sum::<usize>()
    }

    fn free_some(&mut self) -> bool {
        if self.log.free_some() {
            return true;
        }
        self.groups.last_mut().is_some_and(|group| group.free_some()) || self.groups.pop().is_some()
    }

    fn take_discarded(&mut self) -> Option<Object> {
        if let Some(segment) = self.log.take_discarded() {
            return Some(Object::String(segment));
        }
        let group = self.discarded.pop()?;
        Some(Stream { groups: vec![group], ..Stream::default() }.into_object())
    }
}
