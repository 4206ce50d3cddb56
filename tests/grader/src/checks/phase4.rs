//! The checks of phase 4. The core set asks either protocol for nothing but get, set, del, deadlines and a hashtable that
//! grows; every other topic stands for itself (`--only expiry`), so that an assignment can stop where it likes.

mod bitmaps;
mod blocking;
mod connection;
mod core;
mod counters;
mod elements;
mod events;
mod expiry;
mod expiry_edges;
mod framed;
mod hashes;
mod hashtable;
mod inline;
mod keys;
mod lists;
mod ping;
mod protocol_errors;
mod pubsub;
mod reply;
mod resp;
mod robustness;
mod scan;
mod set_algebra;
mod sets;
mod sort;
mod sorted_set_ranges;
mod sorted_sets;
mod strings;
mod talk;
mod transactions;
mod vocabulary;
mod watch;

use crate::check::Check;
pub(crate) use vocabulary::Vocabulary;

pub(super) const FAMILIES: &[&[Check]] = &[
    ping::CHECKS,
    core::CHECKS,
    hashtable::CHECKS,
    resp::CHECKS,
    protocol_errors::CHECKS,
    inline::CHECKS,
    framed::CHECKS,
    connection::CHECKS,
    strings::CHECKS,
    counters::CHECKS,
    keys::CHECKS,
    expiry::CHECKS,
    expiry_edges::CHECKS,
    scan::CHECKS,
    lists::CHECKS,
    sort::CHECKS,
    hashes::CHECKS,
    sets::CHECKS,
    set_algebra::CHECKS,
    sorted_sets::CHECKS,
    sorted_set_ranges::CHECKS,
    bitmaps::CHECKS,
    transactions::CHECKS,
    watch::CHECKS,
    pubsub::CHECKS,
    events::CHECKS,
    blocking::CHECKS,
    robustness::CHECKS,
];

/// The check of the table itself: a key that the table loses is missed in whatever command asks for it.
pub(super) const TABLE: &str = "rehash-lookup";

/// Whether a check's commands find their keys in the table. What the protocol is judged by comes before it.
pub(super) fn rests_on_the_table(check: &Check) -> bool {
    const TOPICS: [&str; 16] = [
        "expiry",
        "strings",
        "counters",
        "keys",
        "scan",
        "connection",
        "inline",
        "framed-protocol",
        "lists",
        "hashes",
        "sets",
        "sorted-sets",
        "bitmaps",
        "transactions",
        "pubsub",
        "blocking",
    ];
    TOPICS.contains(&check.topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_declares_commands_that_can_be_asked_for() {
        for check in FAMILIES.iter().copied().flatten() {
            assert!(!check.commands.is_empty(), "{} declares no command", check.name);
            for command in check.commands.iter().filter(|need| !vocabulary::is_port(need)) {
                assert!(vocabulary::has_sample(command), "{}: no sample of {command}", check.name);
            }
        }
    }
    #[test]
    fn what_stores_keys_comes_after_the_table_and_the_protocol_before_it() {
        for check in FAMILIES.iter().copied().flatten().filter(|check| check.topic != "table") {
            let protocol = ["core", "resp-protocol", "by-hand", "robustness"].contains(&check.topic);
            assert_ne!(rests_on_the_table(check), protocol, "{}: topic {}", check.name, check.topic);
        }
    }
}
