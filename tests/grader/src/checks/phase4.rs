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
mod protocol_errors;
mod reply;
mod resp;
mod robustness;
mod scan;
mod strings;
mod talk;

use crate::check::Check;

pub(super) const FAMILIES: &[&[Check]] = &[
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
