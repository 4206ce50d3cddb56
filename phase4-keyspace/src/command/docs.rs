//! What `COMMAND INFO` and `COMMAND DOCS` tell about a command beyond what the server itself needs.
//!
//! A row names only what cannot be derived: ACL categories follow from group and flags, key specifications from
//! [`KeySpec`](super::KeySpec), and the usual access from `readonly` and `write`.
use super::Command;

/// The chapter of the manual a command belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Group {
    /// Docs keys of any type.
    Generic,
    /// `SORT`: among the generic commands in the manual, in no category of the ACL.
    Sorting,
    /// Strings.
    String,
    /// Bits of strings.
    Bitmap,
    /// Hashes.
    Hash,
    /// Sets.
    Set,
    /// Lists.
    List,
    /// Sorted sets.
    SortedSet,
    /// Streams.
    Stream,
    /// Docs the client's connection.
    Connection,
    /// Docs the server.
    Server,
    /// Several commands as one.
    Transactions,
    /// Channels.
    PubSub,
}

impl Group {
    /// As `COMMAND DOCS` prints it.
    pub fn name(self) -> &'static str {
        match self {
            Group::Generic | Group::Sorting => "generic",
            Group::String => "string",
            Group::Bitmap => "bitmap",
            Group::Hash => "hash",
            Group::Set => "set",
            Group::List => "list",
            Group::SortedSet => "sorted-set",
            Group::Stream => "stream",
            Group::Connection => "connection",
            Group::Server => "server",
            Group::Transactions => "transactions",
            Group::PubSub => "pubsub",
        }
    }

    /// The ACL category its commands are in, without the `@`; empty: none.
    pub fn category(self) -> &'static str {
        match self {
            Group::Generic => "keyspace",
            Group::String => "string",
            Group::Bitmap => "bitmap",
            Group::Hash => "hash",
            Group::Set => "set",
            Group::List => "list",
            Group::SortedSet => "sortedset",
            Group::Stream => "stream",
            Group::Connection => "connection",
            Group::Server | Group::PubSub | Group::Sorting => "",
            Group::Transactions => "transaction",
        }
    }
}

/// A command's description.
#[derive(Clone, Copy, Debug)]
pub struct Docs {
    /// Its chapter.
    pub group: Group,
    /// The version of Redis that first had it.
    pub since: &'static str,
    /// One line for `COMMAND DOCS`.
    pub summary: &'static str,
    /// ACL categories that neither group nor flags imply, without the `@`, space-separated.
    pub categories: &'static str,
    /// What it does with its keys, as the flags of a key specification (`RW access update`). Empty: the usual, by
    /// `readonly` or `write`. Several: each key has a specification of its own.
    pub access: &'static [&'static str],
    /// The remark of its key specification; empty: none.
    pub note: &'static str,
    /// Hints for clients (`request_policy:multi_shard`), space-separated.
    pub tips: &'static str,
}

impl Docs {
    /// Nothing said yet.
    pub const NONE: Docs = Docs {
        group: Group::Generic,
        since: "",
        summary: "",
        categories: "",
        access: &[],
        note: "",
        tips: "",
    };
}

impl Command {
    /// Chapter, first version, and one line that says what it does.
    pub const fn doc(mut self, group: Group, since: &'static str, summary: &'static str) -> Command {
        self.docs.group = group;
        self.docs.since = since;
        self.docs.summary = summary;
        self
    }

    /// See [`Docs::categories`].
    pub const fn categories(mut self, categories: &'static str) -> Command {
        self.docs.categories = categories;
        self
    }

    /// See [`Docs::access`].
    pub const fn access(mut self, access: &'static [&'static str]) -> Command {
        self.docs.access = access;
        self
    }

    /// See [`Docs::note`].
    pub const fn note(mut self, note: &'static str) -> Command {
        self.docs.note = note;
        self
    }

    /// See [`Docs::tips`].
    pub const fn tips(mut self, tips: &'static str) -> Command {
        self.docs.tips = tips;
        self
    }
}
