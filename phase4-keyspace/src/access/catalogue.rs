//! What rules can name: every command and subcommand of Redis, with its categories. Those that this server does not have are
//! in it, too, or rules written for Redis could not be read.
use std::collections::HashMap;

/// All categories, in the order in which Redis lists them.
pub const CATEGORIES: [&str; 21] = [
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "bitmap",
    "hyperloglog",
    "geo",
    "stream",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
];

/// A command's number in the catalogue; for commands that are here it is that of the command table.
pub type Id = u16;

/// A command as rules see it.
pub struct Entry {
    /// `get`, `config|set`
    pub name: String,
    /// The command that this is a subcommand of.
    pub parent: Option<Id>,
    /// Its subcommands, in the order of their names.
    pub subcommands: Vec<Id>,
    /// Whether Redis 7.0 has it, too. One that it has not counts for nothing when rules are described.
    pub is_redis: bool,
    categories: u32,
}

impl Entry {
    /// Whether the category of this number, an index into [`CATEGORIES`], holds it.
    pub fn is_in(&self, category: usize) -> bool {
        self.categories & 1 << category != 0
    }
}

/// One command for [`Catalogue::new`].
pub struct Named {
    /// Its full name.
    pub name: String,
    /// Its categories.
    pub categories: Vec<&'static str>,
    /// See [`Entry::is_redis`].
    pub is_redis: bool,
}

/// All commands, by name and by number.
pub struct Catalogue {
    entries: Vec<Entry>,
    by_name: HashMap<String, Id>,
    in_order: Vec<Id>,
}

impl Catalogue {
    /// Numbers the commands as they come. A command that comes twice keeps its first number; a subcommand comes behind its
    /// container.
    pub fn new(commands: impl Iterator<Item = Named>) -> Catalogue {
        let mut catalogue = Catalogue { entries: Vec::new(), by_name: HashMap::new(), in_order: Vec::new() };
        for Named { name, categories, is_redis } in commands {
            if catalogue.by_name.contains_key(&name) {
                continue;
            }
            let id = catalogue.entries.len() as Id;
            let parent = name.split_once('|').and_then(|(container, _)| catalogue.find(container.as_bytes()));
            let categories = categories.iter().filter_map(|name| category(name.as_bytes()));
            let categories = categories.fold(0, |bits, category| bits | 1 << category);
            catalogue.by_name.insert(name.clone(), id);
            catalogue.entries.push(Entry { name, parent, subcommands: Vec::new(), is_redis, categories });
        }
        let mut sorted: Vec<(&String, &Id)> = catalogue.by_name.iter().collect();
        sorted.sort_unstable();
        for id in sorted.into_iter().map(|(_, id)| *id).collect::<Vec<Id>>() {
            match catalogue.entries[id as usize].parent {
                Some(parent) => catalogue.entries[parent as usize].subcommands.push(id),
                None => catalogue.in_order.push(id),
            }
        }
        catalogue
    }

    /// How many commands there are, subcommands included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The command with this number.
    pub fn entry(&self, id: Id) -> &Entry {
        &self.entries[id as usize]
    }

    /// The command of this full name, in any case.
    pub fn find(&self, name: &[u8]) -> Option<Id> {
        let name = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
        self.by_name.get(&name).copied()
    }

    /// All commands in the order of their names, each followed by its subcommands.
    pub fn walk(&self) -> impl Iterator<Item = Id> {
        let with_subcommands =
            |id: &Id| std::iter::once(*id).chain(self.entry(*id).subcommands.iter().copied());
        self.in_order.iter().flat_map(with_subcommands)
    }
}

/// The number of a category, by its name in any case.
pub fn category(name: &[u8]) -> Option<usize> {
    CATEGORIES.iter().position(|category| category.as_bytes().eq_ignore_ascii_case(name))
}

/// A small catalogue for tests.
#[cfg(test)]
pub(super) fn sample() -> Catalogue {
    let rows = [
        ("get", "read string fast"),
        ("set", "write string slow"),
        ("strlen", "read string fast"),
        ("del", "keyspace write slow"),
        ("select", "fast connection"),
        ("ping", "fast connection"),
        ("config", "slow"),
        ("config|get", "admin slow dangerous"),
        ("config|set", "admin slow dangerous"),
        ("config|help", "slow"),
        ("debug", "admin slow dangerous"),
        ("monitor", "admin slow dangerous"),
        ("save", "admin slow dangerous"),
    ];
    let named = |(name, categories): (&str, &'static str)| Named {
        name: name.into(),
        categories: categories.split(' ').collect(),
        is_redis: true,
    };
    Catalogue::new(rows.into_iter().map(named))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_by_their_full_names() {
        let catalogue = sample();
        let set = catalogue.find(b"CONFIG|Set").expect("a subcommand");
        let config = catalogue.find(b"config").expect("a container");
        assert_eq!(catalogue.entry(set).parent, Some(config));
        assert!(catalogue.entry(set).is_in(category(b"ADMIN").expect("a category")));
        for name in ["", "config|", "config|set|x", "|", "nope", "config|nope"] {
            assert_eq!(catalogue.find(name.as_bytes()), None, "{name}");
        }
        let names: Vec<&str> = catalogue.walk().map(|id| catalogue.entry(id).name.as_str()).collect();
        assert_eq!(names[..5], ["config", "config|get", "config|help", "config|set", "debug"]);
        assert_eq!((names.len(), catalogue.is_empty()), (catalogue.len(), false));
    }
}
