//! The machine's TCP sockets: who listens, what waits to be accepted, what is under way.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::sockdiag;

/// State number of a listening socket in /proc/net/tcp (`TCP_LISTEN` in the kernel's `tcp_states.h`).
pub const LISTEN: u8 = 0x0a;

/// One socket of /proc/net/tcp or /proc/net/tcp6. An IPv4 peer of a dual-stack socket is shown as IPv4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpRow {
    /// The address the socket is bound to.
    pub local: SocketAddr,
    /// The peer; port 0 while listening.
    pub remote: SocketAddr,
    /// Kernel state number, see [`LISTEN`].
    pub state: u8,
    /// Bytes written and not yet acknowledged by the peer.
    pub tx_queue: u64,
    /// Bytes received and not yet read by the application.
    pub rx_queue: u64,
    /// The socket's inode; 0 while a connection waits to be accepted.
    pub inode: u64,
}

/// All TCP sockets of this network namespace.
///
/// # Errors
/// When /proc/net/tcp cannot be read. A missing tcp6 (no IPv6 in the kernel) is no error.
pub fn tcp_rows() -> io::Result<Vec<TcpRow>> {
    tcp_rows_where(|_| true)
}

/// The sockets that listen, without looking at the others where the kernel can be asked for them.
///
/// # Errors
/// As [`tcp_rows`].
pub fn listeners() -> io::Result<Vec<TcpRow>> {
    let Ok(listeners) = sockdiag::listeners() else {
        return Ok(tcp_rows()?.into_iter().filter(|row| row.state == LISTEN).collect());
    };
    let row = |one: sockdiag::Listener| TcpRow {
        local: one.local,
        remote: SocketAddr::new(one.local.ip(), 0),
        state: LISTEN,
        tx_queue: 0,
        rx_queue: 0,
        inode: one.inode.into(),
    };
    Ok(listeners.into_iter().map(row).collect())
}

/// A listener's queue of connections that the kernel has made and the server has not accepted yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptQueue {
    /// Connections in it.
    pub waiting: u32,
    /// What listen(2) was given, as far as the kernel allows it.
    pub backlog: u32,
}

impl AcceptQueue {
    /// How many more connections fit. The kernel lets in one more than the backlog says.
    #[must_use]
    pub fn room(self) -> usize {
        (self.backlog + 1).saturating_sub(self.waiting) as usize
    }
}

/// The accept queue of the listener at `port`; `None` where the kernel does not tell.
#[must_use]
pub fn accept_queue(port: u16) -> Option<AcceptQueue> {
    let listener = sockdiag::listeners().ok()?.into_iter().find(|listener| listener.local.port() == port)?;
    Some(AcceptQueue { waiting: listener.waiting, backlog: listener.backlog })
}

/// The TCP sockets whose own port is `port`: cheaper than [`tcp_rows`] when the machine holds thousands.
///
/// # Errors
/// As [`tcp_rows`].
pub fn tcp_rows_of_port(port: u16) -> io::Result<Vec<TcpRow>> {
    let needle = format!(":{port:04X} ");
    tcp_rows_where(|line| {
        // The local address is the second column, so its port ends within the first 46 bytes even for IPv6.
        line.get(..line.len().min(46)).is_some_and(|head| head.contains(&needle))
    })
    .map(|rows| rows.into_iter().filter(|row| row.local.port() == port).collect())
}

/// Bytes under way from `client` to `server`: sent by the one and not acknowledged, received by the other and not
/// read. `None` when the server's side of the connection is gone.
///
/// # Errors
/// As [`tcp_rows`].
pub fn queues(client: SocketAddr, server: SocketAddr) -> io::Result<Option<(u64, u64)>> {
    if let Ok(receiving) = sockdiag::queues(server, client) {
        let sending = sockdiag::queues(client, server)?;
        return Ok(receiving.map(|queues| {
            (sending.map_or(0, |queues| u64::from(queues.unacknowledged)), u64::from(queues.unread))
        }));
    }
    let needle = format!(":{:04X} ", client.port());
    let rows = tcp_rows_where(|line| line.contains(&needle))?;
    let sending = rows.iter().find(|row| row.local == client && row.remote == server);
    let receiving = rows.iter().find(|row| row.local == server && row.remote == client);
    Ok(receiving.map(|receiving| (sending.map_or(0, |row| row.tx_queue), receiving.rx_queue)))
}

fn tcp_rows_where(keep: impl Fn(&str) -> bool) -> io::Result<Vec<TcpRow>> {
    let mut text = fs::read_to_string("/proc/net/tcp")?;
    text.push_str(&fs::read_to_string("/proc/net/tcp6").unwrap_or_default());
    Ok(text.lines().filter(|line| keep(line)).filter_map(parse_row).collect())
}

fn parse_row(line: &str) -> Option<TcpRow> {
    let mut columns = line.split_ascii_whitespace();
    columns.next()?;
    let local = parse_address(columns.next()?)?;
    let remote = parse_address(columns.next()?)?;
    let state = u8::from_str_radix(columns.next()?, 16).ok()?;
    let (tx, rx) = columns.next()?.split_once(':')?;
    let inode = columns.nth(4)?.parse().ok()?;
    Some(TcpRow {
        local,
        remote,
        state,
        tx_queue: u64::from_str_radix(tx, 16).ok()?,
        rx_queue: u64::from_str_radix(rx, 16).ok()?,
        inode,
    })
}

/// `0100007F:1B59`: each 32-bit word of the address is printed in the machine's own byte order, the port as a number.
fn parse_address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let mut bytes = Vec::with_capacity(16);
    for at in (0..address.len()).step_by(8) {
        bytes.extend(u32::from_str_radix(address.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    }
    let ip = match bytes.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
        16 => Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).to_canonical(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Whether a socket bound to `ip` accepts a connection made to 127.0.0.1.
#[must_use]
pub fn reachable_on_loopback(ip: IpAddr) -> bool {
    ip.is_unspecified() || ip == IpAddr::V4(Ipv4Addr::LOCALHOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_row_is_read_in_full() {
        let line = "   2: 0100007F:E112 0100007F:5BA0 01 00000000:00000003 00:00000000 00000000     0        0 18470 1 0 20 4 30 11 -1";
        let row = parse_row(line).expect("a row");
        assert_eq!(row.local, "127.0.0.1:57618".parse().unwrap());
        assert_eq!(row.remote, "127.0.0.1:23456".parse().unwrap());
        assert_eq!((row.state, row.tx_queue, row.rx_queue, row.inode), (1, 0, 3, 18470));
    }

    #[test]
    fn a_mapped_ipv6_address_is_shown_as_ipv4() {
        let mapped = parse_address("0000000000000000FFFF00000100007F:1B59");
        assert_eq!(mapped, Some("127.0.0.1:7001".parse().unwrap()));
        assert_eq!(parse_address("00000000:zz"), None);
    }
}
