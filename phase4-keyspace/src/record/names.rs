//! Three kinds of number that would be easy to confuse, each with a type of its own.

/// Names a record in its heap: 21 bits of page, 11 bits of 8-byte unit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Ref(pub u32);

/// Names a value or a key in a side slab ([`crate::keyspace`]).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct SideIndex(pub u32);

/// A record's place in the queue of deadlines.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Seat(pub u32);
