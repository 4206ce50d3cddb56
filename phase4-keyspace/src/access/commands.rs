//! The commands that a selector permits: a bit for each command and subcommand.
use std::collections::BTreeMap;

use super::catalogue::{Catalogue, Id};
use crate::wire::args::Args;

/// Which commands may run.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct CommandSet {
    /// Those that anything was said about one by one; for what lies behind the last, `future` counts.
    bits: Vec<u64>,
    /// `+@all` was said, so a command that a later version brings is permitted, too.
    future: bool,
    /// And nothing has been taken away since.
    everything: bool,
    /// `+select|0`: a command that is not permitted, but for these first arguments.
    first_args: BTreeMap<Id, Vec<Vec<u8>>>,
}

impl CommandSet {
    /// `-@all`
    pub fn nothing() -> CommandSet {
        CommandSet::default()
    }

    /// `+@all`
    pub fn everything() -> CommandSet {
        CommandSet { future: true, everything: true, ..CommandSet::default() }
    }

    /// Whether any command may run, with any arguments.
    pub fn is_everything(&self) -> bool {
        self.everything
    }

    /// Whether commands that do not exist yet may.
    pub fn has_future(&self) -> bool {
        self.future
    }

    /// Whether the command's bit is set.
    pub fn has(&self, id: Id) -> bool {
        self.bits.get(usize::from(id) / 64).map_or(self.future, |word| word & 1 << (id % 64) != 0)
    }

    /// The first arguments with which a command may run that otherwise may not.
    pub fn first_args(&self, id: Id) -> &[Vec<u8>] {
        self.first_args.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Whether the request may run. A subcommand's first argument stands behind its name.
    pub fn permits(&self, id: Id, is_subcommand: bool, args: Args<'_>) -> bool {
        let first = || args.at(if is_subcommand { 2 } else { 1 });
        let named = |allowed: &Vec<u8>| first().is_some_and(|arg| arg.eq_ignore_ascii_case(allowed));
        self.everything || self.has(id) || self.first_args(id).iter().any(named)
    }

    /// Permits or forbids a command with all its subcommands.
    pub fn change(&mut self, catalogue: &Catalogue, id: Id, permitted: bool) {
        self.first_args.remove(&id);
        self.set(id, permitted);
        for sub in &catalogue.entry(id).subcommands {
            self.set(*sub, permitted);
        }
    }

    /// The same for everything in a category.
    pub fn change_category(&mut self, catalogue: &Catalogue, category: usize, permitted: bool) {
        for id in catalogue.walk() {
            if catalogue.entry(id).is_in(category) {
                self.change(catalogue, id, permitted);
            }
        }
    }

    /// Permits a command with one first argument.
    pub fn add_first_arg(&mut self, id: Id, arg: &[u8]) {
        let known = self.first_args.entry(id).or_default();
        if !known.iter().any(|allowed| allowed.eq_ignore_ascii_case(arg)) {
            known.push(arg.into());
        }
    }

    fn set(&mut self, id: Id, permitted: bool) {
        let (word, bit) = (usize::from(id) / 64, 1 << (id % 64));
        if self.bits.len() <= word {
            self.bits.resize(word + 1, if self.future { u64::MAX } else { 0 });
        }
        if permitted {
            self.bits[word] |= bit;
        } else {
            self.bits[word] &= !bit;
            self.everything = false;
        }
    }
}
