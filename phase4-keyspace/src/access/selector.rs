//! A selector: some commands, on some keys and channels. A user's first one is what `+get ~k*` outside of parentheses change.
use super::catalogue::Id;
use super::commands::CommandSet;
use crate::text::glob;
use crate::wire::args::Args;

/// What may be done to keys of some names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyPattern {
    /// The names.
    pub pattern: Vec<u8>,
    /// Their values may be seen (`%R~`).
    pub read: bool,
    /// Their values may be changed (`%W~`).
    pub write: bool,
}

/// What is permitted together.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Selector {
    /// These commands.
    pub commands: CommandSet,
    /// `~*`: any key; then there are no patterns.
    pub all_keys: bool,
    /// Keys of these names.
    pub keys: Vec<KeyPattern>,
    /// `&*`: any channel; then there are no patterns.
    pub all_channels: bool,
    /// Channels of these names.
    pub channels: Vec<Vec<u8>>,
}

/// A key among a request's arguments, and what the command does with its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyUse {
    /// Which argument it is.
    pub at: usize,
    /// The value, or something of it, comes back to the client or goes elsewhere.
    pub reads: bool,
    /// The value may be changed.
    pub writes: bool,
}

/// The channels among a request's arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChannelUse {
    /// None.
    None,
    /// The first argument alone (`PUBLISH`).
    First,
    /// All arguments (`SUBSCRIBE`).
    All,
    /// All arguments, and they are patterns (`PSUBSCRIBE`).
    Patterns,
}

/// What a request needs.
pub struct Request<'a> {
    /// Its command.
    pub command: Id,
    /// Its command is named by two arguments.
    pub is_subcommand: bool,
    /// Its command is for everybody, logged in or not (`AUTH`).
    pub is_free: bool,
    /// Its arguments.
    pub args: Args<'a>,
    /// Its keys.
    pub keys: &'a [KeyUse],
    /// Its channels.
    pub channels: ChannelUse,
}

/// Why a request may not run. What comes later is nearer to being permitted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Reason {
    /// Not this command.
    Command,
    /// Not this key.
    Key,
    /// Not this channel.
    Channel,
}

/// What a request is refused for. Ordered: by reason, then by how far the check came.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Denial {
    /// Why.
    pub reason: Reason,
    /// The argument that is the key or channel; 0 if the command itself is refused.
    pub at: usize,
}

impl Selector {
    /// Why this selector alone does not permit the request; `None`: it does.
    pub fn denies(&self, request: &Request<'_>) -> Option<Denial> {
        let Request { command, is_subcommand, is_free, args, keys, channels } = *request;
        if !is_free && !self.commands.permits(command, is_subcommand, args) {
            return Some(Denial { reason: Reason::Command, at: 0 });
        }
        if let Some(key) = keys.iter().find(|key| !self.reaches_key(args.get(key.at), **key)) {
            return Some(Denial { reason: Reason::Key, at: key.at });
        }
        let named = match channels {
            ChannelUse::None => 0..0,
            ChannelUse::First => 1..2.min(args.len()),
            ChannelUse::All | ChannelUse::Patterns => 1..args.len(),
        };
        let is_pattern = channels == ChannelUse::Patterns;
        let mut named = named.filter(|at| !self.reaches_channel(args.get(*at), is_pattern));
        named.next().map(|at| Denial { reason: Reason::Channel, at })
    }

    /// Whether a key may be used so.
    fn reaches_key(&self, key: &[u8], KeyUse { reads, writes, .. }: KeyUse) -> bool {
        let fits =
            |it: &KeyPattern| (it.read || !reads) && (it.write || !writes) && glob::matches(&it.pattern, key);
        self.all_keys || self.keys.iter().any(fits)
    }

    /// Whether a channel may be used. A pattern may be listened to only if it is one of the selector's own, letter by letter:
    /// whether all that fits one pattern fits another is not looked into.
    pub fn reaches_channel(&self, name: &[u8], is_pattern: bool) -> bool {
        let fits =
            |pattern: &Vec<u8>| if is_pattern { pattern == name } else { glob::matches(pattern, name) };
        self.all_channels || self.channels.iter().any(fits)
    }

    /// Whether the values of all keys, whatever their names, may be read.
    pub fn reads_everything(&self) -> bool {
        self.all_keys || self.keys.iter().any(|it| it.read && it.pattern == b"*")
    }

    /// Whether it permits any request at all.
    pub fn is_unlimited(&self) -> bool {
        self.commands.is_everything() && self.all_keys && self.all_channels
    }
}
