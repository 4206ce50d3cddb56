//! What every collection can do: be empty, be a run of bytes while it is small, be taken apart.
use super::member::Shape;
use super::table::Table;
use super::{Kind, Object};
use crate::memory::pieces::shed;

/// A value with elements. The keyspace edits any of them by [`crate::keyspace::DbMut::edit`].
pub trait Collection: Default {
    /// Its type.
    const KIND: Kind;
    /// It, out of its run of bytes and the mark that [`Collection::raw`] says.
    fn from_run(run: Vec<u8>, raw: bool) -> Self;
    /// Its run of bytes; `None` if it is large.
    fn run(&self) -> Option<&[u8]>;
    /// The same, to be taken out and kept for its memory.
    fn into_run(self) -> Option<Vec<u8>>;
    /// A mark that a record keeps beside the run.
    fn raw(&self) -> bool {
        false
    }
    /// It, if the object is one.
    fn of(object: &mut Object) -> Option<&mut Self>;
    /// As an object.
    fn into_object(self) -> Object;
    /// Whether it has no elements; then its key must go.
    fn is_empty(&self) -> bool;
    /// Bytes of memory in use.
    fn bytes(&self) -> usize;
    /// Frees a bounded share of it; whether anything is left.
    fn free_some(&mut self) -> bool;
    /// Something long of it that was removed, to be freed piece by piece.
    fn take_discarded(&mut self) -> Option<Object>;
}

/// A packed run, or a table: what a hash and a set are made of.
#[derive(Clone, Debug)]
pub enum Body<S> {
    /// Small.
    Packed(Vec<u8>),
    /// Large.
    Table(Box<Table<S>>),
}

/// The same, to be read.
#[derive(Debug)]
pub enum BodyRef<'a, S> {
    /// Small.
    Packed(&'a [u8]),
    /// Large.
    Table(&'a Table<S>),
}

impl<S> Clone for BodyRef<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for BodyRef<'_, S> {}

impl<S: Shape + Clone> BodyRef<'_, S> {
    /// Bytes of memory in use.
    pub fn bytes(self) -> usize {
        match self {
            BodyRef::Packed(run) => run.len(),
            BodyRef::Table(table) => table.bytes(),
        }
    }

    /// A deep copy.
    pub fn to_body(self) -> Body<S> {
        match self {
            BodyRef::Packed(run) => Body::Packed(run.to_vec()),
            BodyRef::Table(table) => Body::Table(Box::new(table.clone())),
        }
    }
}

impl<S: Shape> Body<S> {
    /// To be read.
    pub fn read(&self) -> BodyRef<'_, S> {
        match self {
            Body::Packed(run) => BodyRef::Packed(run),
            Body::Table(table) => BodyRef::Table(table),
        }
    }

    /// See [`Collection::run`].
    pub fn run(&self) -> Option<&[u8]> {
        match self {
            Body::Packed(run) => Some(run),
            Body::Table(_) => None,
        }
    }

    /// See [`Collection::into_run`].
    pub fn into_run(self) -> Option<Vec<u8>> {
        match self {
            Body::Packed(run) => Some(run),
            Body::Table(_) => None,
        }
    }

    /// See [`Collection::is_empty`].
    pub fn is_empty(&self) -> bool {
        match self {
            Body::Packed(run) => run.is_empty(),
            Body::Table(table) => table.len() == 0,
        }
    }

    /// See [`Collection::bytes`].
    pub fn bytes(&self) -> usize {
        match self {
            Body::Packed(run) => run.capacity(),
            Body::Table(table) => table.bytes(),
        }
    }

    /// See [`Collection::free_some`].
    pub fn free_some(&mut self) -> bool {
        match self {
            Body::Packed(run) => shed(run),
            Body::Table(table) => table.free_some(),
        }
    }

    /// See [`Collection::take_discarded`].
    pub fn take_discarded(&mut self) -> Option<Object> {
        match self {
            Body::Packed(_) => None,
            Body::Table(table) => table.take_discarded().map(Object::String),
        }
    }
}
