//! From a name as the client wrote it to the command's row: a small open-addressing table, built once at start.
use std::sync::{LazyLock, OnceLock};

use super::Command;
use crate::state::stats::CommandId;
use crate::wire::args::Args;

/// The server's command table, by name and by id.
pub fn table() -> &'static Lookup {
    static TABLE: LazyLock<Lookup> =
        LazyLock::new(|| Lookup::with_names(super::all(), RENAMED.get().map_or(&[], Vec::as_slice)));
    &TABLE
}

/// Names of commands and what they are called instead.
type Renames = Vec<(String, String)>;

static RENAMED: OnceLock<Renames> = OnceLock::new();

/// Gives commands other names (`rename-command`), before the table is used; by an empty one a command cannot be called.
///
/// # Errors
/// Names a command that there is not, or a new name that another command has.
pub fn rename(names: &[(Vec<u8>, Vec<u8>)]) -> Result<(), String> {
    let text = |name: &[u8]| String::from_utf8_lossy(name).to_lowercase();
    let mut renames = Renames::new();
    for (name, new) in names {
        let (name, new) = (text(name), text(new));
        if super::find(name.as_bytes()).is_none() || renames.iter().any(|(known, _)| *known == name) {
            return Err(format!("rename-command: there is no command '{name}'"));
        }
        let is_moved = |other: &str| other == name || renames.iter().any(|(known, _)| known == other);
        let taken = super::find(new.as_bytes()).is_some_and(|other| !is_moved(other.name));
        if taken || !new.is_empty() && renames.iter().any(|(_, known)| *known == new) {
            return Err(format!("rename-command: there is a command '{new}' already"));
        }
        renames.push((name, new));
    }
    RENAMED.set(renames).map_err(|_| "rename-command: names are given once, at the start".to_string())
}

/// What a request asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resolved {
    /// This command.
    Known(CommandId),
    /// No command has this name.
    Unknown,
    /// This command exists, but it has no such subcommand.
    UnknownSub(CommandId),
}

struct Entry {
    row: &'static Command,
    full_name: String,
    /// What clients call it, if that is something else; empty: it cannot be called.
    renamed: Option<String>,
    /// Subcommand `i` has the id `subs + i`.
    subs: CommandId,
    /// Neither a subcommand nor a command with some.
    simple: bool,
}

impl Entry {
    fn called(&self) -> &str {
        self.renamed.as_deref().unwrap_or(self.row.name)
    }
}

/// Every command by name and by id.
pub struct Lookup {
    entries: Vec<Entry>,
    rows: Vec<&'static Command>,
    /// At most a quarter full, so a probe rarely needs a second step.
    slots: Vec<Slot>,
}

#[derive(Clone, Copy)]
struct Slot {
    /// The name's [`fold`].
    folded: u64,
    /// [`EMPTY`] where there is none.
    id: CommandId,
    /// It has subcommands.
    container: bool,
    /// The number says it all: see [`fold`].
    exact: bool,
}

const EMPTY: CommandId = CommandId::MAX;

impl Lookup {
    /// Takes in all rows and their subcommands.
    pub fn new(rows: impl Iterator<Item = &'static Command>) -> Self {
        Self::with_names(rows, &[])
    }

    /// The same, with some commands renamed.
    fn with_names(rows: impl Iterator<Item = &'static Command>, renames: &[(String, String)]) -> Self {
        let renamed =
            |row: &Command| renames.iter().find(|(name, _)| name == row.name).map(|(_, new)| new.clone());
        let mut entries: Vec<Entry> = rows
            .map(|row| Entry {
                row,
                full_name: row.name.into(),
                renamed: renamed(row),
                subs: 0,
                simple: row.subcommands.is_empty(),
            })
            .collect();
        let top_level = entries.len();
        for id in 0..top_level {
            entries[id].subs = entries.len() as CommandId;
            let container = entries[id].row;
            entries.extend(container.subcommands.iter().map(|row| Entry {
                row,
                full_name: format!("{}|{}", container.name, row.name),
                renamed: None,
                subs: 0,
                simple: false,
            }));
        }
        let mut lookup = Lookup {
            slots: vec![
                Slot { folded: 0, id: EMPTY, container: false, exact: false };
                (top_level * 4).next_power_of_two()
            ],
            rows: entries.iter().map(|entry| entry.row).collect(),
            entries,
        };
        for id in 0..top_level {
            let row = lookup.entries[id].row;
            let name = lookup.entries[id].called().to_owned();
            if name.is_empty() {
                continue;
            }
            let (folded, container) = (fold(name.as_bytes()), !row.subcommands.is_empty());
            let mut at = lookup.first_slot(folded);
            while lookup.slots[at].id != EMPTY {
                at = (at + 1) & (lookup.slots.len() - 1);
            }
            let exact = name.len() <= EXACT && name.bytes().all(|byte| byte.is_ascii_alphabetic());
            lookup.slots[at] = Slot { folded, id: id as CommandId, container, exact };
        }
        lookup
    }

    /// How many ids there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no command at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The row of an id.
    #[inline]
    pub fn row(&self, id: CommandId) -> &'static Command {
        self.rows[id as usize]
    }

    /// `get`, `client|list`.
    pub fn full_name(&self, id: CommandId) -> &str {
        &self.entries[id as usize].full_name
    }

    /// Whether a command was found by its name alone, so that the same name always means it.
    pub fn is_simple(&self, id: CommandId) -> bool {
        self.entries[id as usize].simple
    }

    /// Resolves name and subcommand of a request.
    #[inline]
    pub fn resolve(&self, args: Args<'_>) -> Resolved {
        match self.slot(args.get(0)) {
            None => Resolved::Unknown,
            Some(Slot { id, container: true, .. }) if args.len() > 1 => self.resolve_sub(id, args),
            Some(Slot { id, .. }) => Resolved::Known(id),
        }
    }

    #[inline(never)]
    fn resolve_sub(&self, id: CommandId, args: Args<'_>) -> Resolved {
        let row = self.row(id);
        let name = args.get(1);
        match row.subcommands.iter().position(|sub| sub.name.as_bytes().eq_ignore_ascii_case(name)) {
            Some(at) => Resolved::Known(self.entries[id as usize].subs + at as CommandId),
            None => Resolved::UnknownSub(id),
        }
    }

    /// The command of this name, in any case; no allocation.
    pub fn find(&self, name: &[u8]) -> Option<CommandId> {
        self.slot(name).map(|slot| slot.id)
    }

    #[inline]
    fn slot(&self, name: &[u8]) -> Option<Slot> {
        let folded = fold(name);
        let mut at = self.first_slot(folded);
        loop {
            let slot = self.slots[at];
            if slot.id == EMPTY {
                return None;
            }
            if slot.folded == folded && (slot.exact || self.is_named(slot.id, name)) {
                return Some(slot);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    #[cold]
    fn is_named(&self, id: CommandId, name: &[u8]) -> bool {
        self.entries[id as usize].called().as_bytes().eq_ignore_ascii_case(name)
    }

    /// Multiplying spreads the low bits up; the top ones are the best mixed.
    #[inline]
    fn first_slot(&self, folded: u64) -> usize {
        (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize & (self.slots.len() - 1)
    }
}

/// Names up to this length are packed without loss.
const EXACT: usize = 7;

/// A name's length and letters, in lower case, packed into a number; of a long name only the first and the last four.
/// Setting bit 5 makes letters lower case. Two different short names of letters never get the same number, so a short name is
/// known by its number alone; long names, and those with an underscore, are compared in full. The fold needs no secret key, as
/// the dict's hash does: this table holds our names, not the clients'.
#[inline]
fn fold(name: &[u8]) -> u64 {
    const LOWER: u64 = 0x2020_2020_2020_2020;
    let len = name.len();
    let (front, back): (u64, u64) = match (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        // They overlap in names of fewer than eight letters, and then agree where they do.
        (Some(front), Some(back)) => (u32::from_le_bytes(*front).into(), u32::from_le_bytes(*back).into()),
        _ => {
            let byte = |at| name.get(at).copied().unwrap_or_default();
            (u32::from_le_bytes([byte(0), byte(1), byte(2), 0]).into(), 0)
        }
    };
    (front | back << (8 * (len.min(8) - len.min(4))) | LOWER) ^ (len as u64) << 56
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::args::Span;

    fn resolve(lookup: &Lookup, words: &str) -> Option<String> {
        let mut spans = Vec::new();
        let mut start = 0;
        for word in words.split(' ') {
            spans.push(Span { start, end: start + word.len() as u32 });
            start += word.len() as u32 + 1;
        }
        match lookup.resolve(Args::new(words.as_bytes(), &spans)) {
            Resolved::Known(id) => Some(lookup.full_name(id).into()),
            _ => None,
        }
    }

    #[test]
    fn every_command_is_found_in_any_case_and_nothing_else_is() {
        let lookup = Lookup::new(super::super::all());
        for row in super::super::all() {
            assert_eq!(resolve(&lookup, row.name), Some(row.name.to_string()));
            assert_eq!(resolve(&lookup, &row.name.to_uppercase()), Some(row.name.to_string()));
            for sub in row.subcommands {
                let full = format!("{}|{}", row.name, sub.name);
                assert_eq!(
                    resolve(&lookup, &format!("{} {}", row.name, sub.name.to_uppercase())),
                    Some(full)
                );
            }
            assert_eq!(resolve(&lookup, &format!("{}-", row.name)), None);
        }
        // The first is `sort_ro` but for a bit that the fold sets in both.
        for name in ["sort\x7fro", "", "nope", "G\x05T", "\x07\x05\x14", "`et", &"x".repeat(10_000)] {
            assert_eq!(lookup.find(name.as_bytes()), None);
        }
    }
}
