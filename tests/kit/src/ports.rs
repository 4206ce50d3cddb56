//! Ports for servers that have to be told one.

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::{Error, ErrorKind, Result};
use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::{Mutex, PoisonError};

/// How many claims are kept. Between a draw and the moment at which the server listens, other threads draw a few more.
const KEPT: usize = 64;

/// The latest ports drawn here. Each is claimed by a name that the kernel gives away once (unix(7), abstract addresses) and
/// takes back when this process ends: two graders at the same time would otherwise now and then draw the same port, and the
/// later server find it taken.
static CLAIMS: Mutex<VecDeque<UnixListener>> = Mutex::new(VecDeque::new());

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
        (usable && claim(port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()).then_some(port)
    });
    let none = "no free TCP port between 20000 and 32000 after 200 attempts";
    found.ok_or_else(|| Error::new(ErrorKind::AddrInUse, none))
}

/// Whether nobody else has claimed this port.
fn claim(port: u16) -> bool {
    let name = SocketAddr::from_abstract_name(format!("redis-at-home port {port}"));
    let Ok(claimed) = name.and_then(|name| UnixListener::bind_addr(&name)) else { return false };
    let mut claims = CLAIMS.lock().unwrap_or_else(PoisonError::into_inner);
    claims.push_back(claimed);
    if claims.len() > KEPT {
        claims.pop_front();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_drawn_once() {
        let port = free_port().unwrap();
        assert!(!claim(port), "somebody else could draw it, too");
        let mut drawn: Vec<u16> = (0..KEPT / 2).map(|_| free_port().unwrap()).collect();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn.len(), KEPT / 2);
    }
}
