//! The commands of Redis 7.0 for the access rules: those in the table, and the names of those that this server does not have.
//! A rule may name one of them (`-eval`, `+@all -cluster`), and what a user may do is told in the same words as Redis tells it.
use std::sync::LazyLock;

use super::Command;
use super::lookup;
use crate::access::Catalogue;
use crate::access::catalogue::{CATEGORIES, Named};
use crate::access::rules::Rules;
use crate::config::Config;

/// Categories, and the commands that are in these.
const ABSENT: &[(&str, &str)] = &[
    ("fast connection", "asking readonly readwrite"),
    (
        "admin slow dangerous",
        "cluster|addslots cluster|addslotsrange cluster|bumpepoch cluster|count-failure-reports cluster|delslots cluster|delslotsrange cluster|failover cluster|flushslots cluster|forget cluster|meet cluster|replicas cluster|replicate cluster|reset cluster|saveconfig cluster|set-config-epoch cluster|setslot cluster|slaves failover module|list module|load module|loadex module|unload psync replconf replicaof slaveof sync",
    ),
    ("slow connection", "client|caching client|getredir client|tracking client|trackinginfo wait"),
    (
        "slow",
        "cluster cluster|countkeysinslot cluster|getkeysinslot cluster|help cluster|info cluster|keyslot cluster|links cluster|myid cluster|nodes cluster|shards cluster|slots function module module|help script",
    ),
    (
        "slow scripting",
        "eval eval_ro evalsha evalsha_ro fcall fcall_ro function|dump function|help function|kill function|list function|stats script|debug script|exists script|flush script|help script|kill script|load",
    ),
    ("write slow scripting", "function|delete function|flush function|load function|restore"),
    ("write geo slow", "geoadd georadius georadiusbymember geosearchstore"),
    ("read geo slow", "geodist geohash geopos georadius_ro georadiusbymember_ro geosearch"),
    ("keyspace write slow dangerous", "migrate restore-asking"),
    ("write hyperloglog fast", "pfadd"),
    ("read hyperloglog slow", "pfcount"),
    ("write hyperloglog admin slow dangerous", "pfdebug"),
    ("write hyperloglog slow", "pfmerge"),
    ("hyperloglog admin slow dangerous", "pfselftest"),
    ("admin fast dangerous", "role"),
];

/// The catalogue; its numbers are those of the command table.
pub fn catalogue() -> &'static Catalogue {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::new(here().chain(absent())));
    &CATALOGUE
}

/// How rules are to be read under this configuration.
pub fn rules(config: &Config) -> Rules<'static> {
    Rules { catalogue: catalogue(), open_channels: config.open_channels }
}

/// The commands of the table, in its order.
fn here() -> impl Iterator<Item = Named> {
    (0..lookup::table().len()).map(|id| {
        let (row, name) = (lookup::table().row(id as u16), lookup::table().full_name(id as u16));
        let categories = CATEGORIES.into_iter().filter(|category| has_category(row, category)).collect();
        Named { name: name.into(), categories, is_redis: is_redis(row.docs.since) }
    })
}

/// Whether an ACL category (without the `@`) holds the command: by its flags, its group, or because its row says so.
pub fn has_category(command: &Command, category: &str) -> bool {
    let flag = |flag| command.flags.text().split(' ').any(|one| one == flag);
    // A bare container such as OBJECT only leads to its subcommands.
    let bare_container = command.flags.text().is_empty() && !command.subcommands.is_empty();
    let implied = match category {
        "read" => flag("readonly"),
        "write" | "admin" | "pubsub" | "blocking" | "fast" => flag(category),
        "slow" => !flag("fast"),
        "dangerous" => flag("admin"),
        _ => category == command.docs.group.category() && !bare_container,
    };
    implied || command.docs.categories.split(' ').any(|one| one == category)
}

/// Whether Redis 7.0 has what came with this version.
fn is_redis(since: &str) -> bool {
    let mut numbers = since.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) <= (7, 0)
}

/// The others; a container comes before its subcommands.
fn absent() -> impl Iterator<Item = Named> {
    let rows =
        ABSENT.iter().flat_map(|(categories, names)| names.split(' ').map(move |name| (name, *categories)));
    let mut rows: Vec<(&str, &str)> = rows.collect();
    rows.sort_unstable();
    rows.into_iter().map(|(name, categories)| Named {
        name: name.into(),
        categories: categories.split(' ').collect(),
        is_redis: true,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::access::catalogue::category;

    #[test]
    fn the_table_comes_first_and_every_category_is_one() {
        for id in 0..lookup::table().len() {
            assert_eq!(catalogue().entry(id as u16).name, lookup::table().full_name(id as u16));
        }
        for word in ABSENT.iter().flat_map(|(categories, _)| categories.split(' ')) {
            assert!(category(word.as_bytes()).is_some(), "{word}");
        }
        let names: HashSet<&str> =
            (0..lookup::table().len()).map(|id| lookup::table().full_name(id as u16)).collect();
        for absent in ABSENT.iter().flat_map(|(_, names)| names.split(' ')) {
            assert!(!names.contains(absent), "{absent} is here by now");
        }
        let load = catalogue().find(b"module|load").expect("a command of Redis");
        assert_eq!(catalogue().entry(load).parent, catalogue().find(b"module"));
        assert!(is_redis("1.0.0") && is_redis("7.0.3") && !is_redis("7.2.0") && !is_redis("8.0"));
    }
}
