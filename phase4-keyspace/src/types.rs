//! What a key can hold, and how a lookup hands it out.

/// Milliseconds since the Unix epoch.
pub type Millis = i64;

/// Bytes of a string that are freed in one call: the kernel takes less than a tenth of a millisecond for them.
const PIECE: usize = 512 * 1024;

/// A value of any type but a short string. Lists, hashes, sets, sorted sets and streams join here.
#[derive(Clone, PartialEq, Debug)]
pub enum Object {
    /// A string too long to live beside its key.
    String(Vec<u8>),
}

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
        }
    }

    /// Bytes of memory that it owns.
    pub fn bytes(&self) -> usize {
        match self {
            Object::String(s) => s.capacity(),
        }
    }

    /// Frees a bounded share of an object that is no longer wanted; whether anything is left.
    pub fn free_some(&mut self) -> bool {
        match self {
            Object::String(s) => {
                let left = s.capacity().saturating_sub(PIECE);
                s.truncate(left);
                // From 16 KiB on this unmaps the last pages, and the rest stays where it is.
                s.shrink_to(left);
                left > 0
            }
        }
    }
}

/// A borrowed value. A string is a string wherever it is stored.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// A string, short or long.
    String(&'a [u8]),
}

/// What an edit of a value came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Edit<R> {
    /// The value is another one now.
    Changed(R),
    /// It is as it was: nothing is noted.
    Untouched(R),
}

impl<R> Edit<R> {
    /// The edit's result.
    pub fn into_inner(self) -> R {
        match self {
            Edit::Changed(result) | Edit::Untouched(result) => result,
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
    /// Seconds since it was last used (`OBJECT IDLETIME`); to the hour from ten hours on.
    pub idle_secs: u64,
    /// The string was built by APPEND or SETRANGE (`OBJECT ENCODING` says `raw`).
    pub raw: bool,
}

/// An entry taken out of a database, to be put under another name or into another database.
#[derive(Clone, Debug)]
pub struct Taken {
    pub(crate) object: Object,
    pub(crate) deadline: Option<Millis>,
    pub(crate) raw: bool,
}
