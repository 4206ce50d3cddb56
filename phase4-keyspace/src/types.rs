//! What a key can hold, and how a lookup hands it out.
pub mod bits;
pub mod collection;
pub mod hash;
pub mod list;
pub mod member;
pub mod packed;
pub mod rules;
pub mod set;
pub mod stream;
pub mod table;
pub mod tree;
pub mod zset;

pub use collection::Collection;
pub use hash::{Hash, HashRef};
pub use list::{List, ListRef};
pub use rules::{Rules, Thresholds};
pub use set::{Set, SetRef};
pub use stream::Stream;
pub use zset::{ZSet, ZSetRef};

use crate::memory::pieces::shed;
use crate::record;

/// Milliseconds since the Unix epoch.
pub type Millis = i64;

/// Records that a table moves together for each one that is removed, while it is full of holes.
const MOVED_A_REMOVAL: usize = 4;

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Bytes.
    String,
    /// Elements in order.
    List,
    /// Fields with values.
    Hash,
    /// Members without order.
    Set,
    /// Members with scores.
    ZSet,
    /// A log of entries.
    Stream,
}

impl Kind {
    /// As `TYPE` and `SCAN TYPE` name it.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::String => "string",
            Kind::List => "list",
            Kind::Hash => "hash",
            Kind::Set => "set",
            Kind::ZSet => "zset",
            Kind::Stream => "stream",
        }
    }

    /// The flag of a record that holds such a value itself; of a stream, which no record does, that of an object.
    pub const fn shape(self) -> u8 {
        match self {
            Kind::String => record::STRING,
            Kind::List => record::LIST,
            Kind::Hash => record::HASH,
            Kind::Set => record::SET,
            Kind::ZSet => record::ZSET,
            Kind::Stream => record::OBJECT,
        }
    }
}

/// A value on its own: of any type, but for what is small enough to live beside its key.
#[derive(Clone, Debug)]
pub enum Object {
    /// A string.
    String(Vec<u8>),
    /// A list.
    List(Box<List>),
    /// A hash.
    Hash(Box<Hash>),
    /// A set.
    Set(Box<Set>),
    /// A sorted set.
    ZSet(Box<ZSet>),
    /// A stream.
    Stream(Box<Stream>),
}

// A million long strings should not pay for the other types.
const _: () = assert!(size_of::<Object>() == 24);

impl Default for Object {
    fn default() -> Self {
        Object::String(Vec::new())
    }
}

impl Object {
    /// The value as commands see it.
    #[inline]
    pub fn as_value(&self) -> Value<'_> {
        match self {
            Object::String(s) => Value::String(s),
            Object::List(list) => Value::List(list.read()),
            Object::Hash(hash) => Value::Hash(hash.read()),
            Object::Set(set) => Value::Set(set.read()),
            Object::ZSet(zset) => Value::ZSet(zset.read()),
            Object::Stream(stream) => Value::Stream(stream),
        }
    }

    /// What a record would hold of it: the flags, and the bytes if there is no more to it than these.
    pub fn inline(&self) -> Option<(u8, &[u8])> {
        let (run, raw) = match self {
            Object::String(s) => (&s[..], false),
            Object::List(list) => (list.run()?, false),
            Object::Hash(hash) => (hash.run()?, false),
            Object::Set(set) => (set.run()?, set.raw()),
            Object::ZSet(zset) => (zset.run()?, false),
            Object::Stream(_) => return None,
        };
        Some((self.as_value().kind().shape() | if raw { record::RAW } else { 0 }, run))
    }

    /// Bytes of memory that it owns.
    pub fn bytes(&self) -> usize {
        match self {
            Object::String(s) => s.capacity(),
            Object::List(list) => list.bytes(),
            Object::Hash(hash) => hash.bytes(),
            Object::Set(set) => set.bytes(),
            Object::ZSet(zset) => zset.bytes(),
            Object::Stream(stream) => stream.bytes(),
        }
    }

    /// Frees a bounded share of an object that is no longer wanted; whether anything is left.
    pub fn free_some(&mut self) -> bool {
        match self {
            Object::String(s) => shed(s),
            Object::List(list) => list.free_some(),
            Object::Hash(hash) => hash.free_some(),
            Object::Set(set) => set.free_some(),
            Object::ZSet(zset) => zset.free_some(),
            Object::Stream(stream) => stream.free_some(),
        }
    }
}

/// A borrowed value, wherever it is stored.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// A string.
    String(&'a [u8]),
    /// A list.
    List(ListRef<'a>),
    /// A hash.
    Hash(HashRef<'a>),
    /// A set.
    Set(SetRef<'a>),
    /// A sorted set.
    ZSet(ZSetRef<'a>),
    /// A stream.
    Stream(&'a Stream),
}

impl<'a> Value<'a> {
    /// What a record with these flags holds in these bytes.
    #[inline]
    pub fn inline(flags: u8, bytes: &'a [u8]) -> Self {
        match flags & record::SHAPE {
            record::LIST => Value::List(ListRef::Packed(bytes)),
            record::ZSET => Value::ZSet(ZSetRef::Packed(bytes)),
            record::HASH => Value::Hash(HashRef::packed(bytes)),
            record::SET => Value::Set(SetRef::packed(bytes, flags & record::RAW != 0)),
            _ => Value::String(bytes),
        }
    }

    /// Its type.
    pub fn kind(self) -> Kind {
        match self {
            Value::String(_) => Kind::String,
            Value::List(_) => Kind::List,
            Value::Hash(_) => Kind::Hash,
            Value::Set(_) => Kind::Set,
            Value::ZSet(_) => Kind::ZSet,
            Value::Stream(_) => Kind::Stream,
        }
    }

    /// Bytes of the string, or of memory that the collection takes.
    pub fn bytes(self) -> usize {
        match self {
            Value::String(s) => s.len(),
            Value::List(list) => list.bytes(),
            Value::Hash(hash) => hash.bytes(),
            Value::Set(set) => set.bytes(),
            Value::ZSet(zset) => zset.bytes(),
            Value::Stream(stream) => stream.bytes(),
        }
    }

    /// A deep copy.
    pub fn to_object(self) -> Object {
        match self {
            Value::String(s) => Object::String(s.to_vec()),
            Value::List(list) => list.to_owned().into_object(),
            Value::Hash(hash) => hash.to_hash().into_object(),
            Value::Set(set) => set.to_set().into_object(),
            Value::ZSet(zset) => zset.to_owned().into_object(),
            Value::Stream(stream) => stream.clone().into_object(),
        }
    }
}

/// What an edit of a value came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Edit<R> {
    /// The value is another one now.
    Changed(R),
    /// The same, and the dirty count grows by so many.
    Counted(u32, R),
    /// It is as it was: nothing is noted.
    Untouched(R),
}

impl<R> Edit<R> {
    /// How much the dirty count grows.
    pub fn dirty(&self) -> u32 {
        match self {
            Edit::Changed(_) => 1,
            Edit::Counted(dirty, _) => *dirty,
            Edit::Untouched(_) => 0,
        }
    }

    /// The edit's result.
    pub fn into_inner(self) -> R {
        match self {
            Edit::Changed(result) | Edit::Counted(_, result) | Edit::Untouched(result) => result,
        }
    }
}

/// What to do with a key's deadline when its value is replaced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deadline {
    /// Remove it: the key lives for ever.
    Clear,
    /// Leave it as it is.
    Keep,
    /// The key dies at this time.
    At(Millis),
}

/// A live key.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// Its value.
    pub value: Value<'a>,
    /// When it dies.
    pub deadline: Option<Millis>,
    /// When or how often it is used: [`Db::idle`](crate::keyspace::Db::idle) and its neighbour read it.
    pub stamp: u16,
    /// A string was built by APPEND or SETRANGE (`OBJECT ENCODING` says `raw`).
    pub raw: bool,
}

/// An entry taken out of a database, to be put under another name or into another database.
#[derive(Clone, Debug)]
pub struct Taken {
    pub(crate) object: Object,
    pub(crate) deadline: Option<Millis>,
    pub(crate) raw: bool,
}
