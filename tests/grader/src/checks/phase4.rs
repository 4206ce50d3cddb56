//! The checks of phase 4. The core set asks either protocol for nothing but get, set, del, deadlines and a hashtable that
//! grows; every other topic stands for itself (`--only expiry`), so that an assignment can stop where it likes.

mod connection;
mod core;
mod counters;
mod expiry;
mod expiry_edges;
mod framed;
mod hashtable;
mod inline;
mod keys;
mod ping;
mod protocol_errors;
mod reply;
mod resp;
mod robustness;
mod scan;
mod strings;
mod talk;
mod vocabulary;

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
    robustness::CHECKS,
];

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
}
