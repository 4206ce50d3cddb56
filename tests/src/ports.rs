//! Ports for servers that have to be told one.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::{Error, ErrorKind, Result};
use std::net::{Ipv4Addr, TcpListener};

/// A port nobody listens on, below the range the kernel hands to outgoing connections, so that no client of anybody's
/// takes it before the server does. Its byte-swapped twin is unprivileged: a server that forgot `htons` must be able to
/// show it.
///
/// # Errors
/// Two hundred attempts found none.
pub fn free_port() -> Result<u16> {
    let found = (0..200_u64).find_map(|attempt| {
        let draw = RandomState::new().hash_one((attempt, std::process::id()));
        let port = 20_000 + (draw % 12_000) as u16;
        let [_, low] = port.to_be_bytes();
        let usable = low >= 4 && port != port.swap_bytes();
        (usable && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()).then_some(port)
    });
    let none = "no free TCP port between 20000 and 32000 after 200 attempts";
    found.ok_or_else(|| Error::new(ErrorKind::AddrInUse, none))
}
