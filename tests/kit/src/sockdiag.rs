//! One TCP connection's queues, or all listening sockets, asked of the kernel directly (sock_diag(7)).
//!
//! /proc/net/tcp lists every socket of the machine, with those in TIME-WAIT: after a storm of connections tens of
//! thousands, a tenth of a second to read. A split message needs the answer for one of them, the start of a server
//! that for the few that listen, and both need it at once.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd as _, OwnedFd};

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
/// `NLM_F_ROOT | NLM_F_MATCH`: all that the request's filter lets through.
const NLM_F_DUMP: u16 = 0x300;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// Length of a reply about one socket: header and `struct inet_diag_msg`.
const MESSAGE: usize = HEADER + 72;
const HEADER: usize = 16;
/// `struct inet_diag_req_v2`: eight bytes, then `struct inet_diag_sockid` of 48.
const REQUEST: usize = HEADER + 8 + 48;

/// Bytes that a connection's socket holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queues {
    /// Received and not yet read by the application.
    pub unread: u32,
    /// Written and not yet acknowledged by the peer.
    pub unacknowledged: u32,
}

/// The socket bound to `local` and connected to `remote`; `None` when there is none.
///
/// # Errors
/// When the kernel has no sock_diag, or does not answer.
pub fn queues(local: SocketAddr, remote: SocketAddr) -> io::Result<Option<Queues>> {
    thread_local! {
        static NETLINK: io::Result<OwnedFd> = open();
    }
    NETLINK.with(|netlink| {
        let netlink = netlink.as_ref().map_err(|error| io::Error::from(error.kind()))?;
        send(netlink.as_raw_fd(), &request(local, remote), MsgFlags::empty())?;
        let mut reply = [0; 1_024];
        let len = recv(netlink.as_raw_fd(), &mut reply, MsgFlags::empty())?;
        parse(&reply[..len])
    })
}

/// A socket that listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listener {
    /// Where. An IPv4 address of a dual-stack socket is shown as IPv4.
    pub local: SocketAddr,
    /// The socket's inode.
    pub inode: u32,
    /// Connections that wait to be accepted.
    pub waiting: u32,
    /// How many may wait.
    pub backlog: u32,
}

/// All listening TCP sockets of this network namespace.
///
/// # Errors
/// When the kernel has no sock_diag, or does not answer.
pub fn listeners() -> io::Result<Vec<Listener>> {
    let mut found = Vec::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        // A socket of its own: after an error the rest of the answer must not be taken for that of the next question.
        let netlink = open()?;
        let listening = 1 << crate::procfs::LISTEN;
        send(netlink.as_raw_fd(), &head(family, NLM_F_DUMP, listening), MsgFlags::empty())?;
        let mut reply = [0; 32 * 1_024];
        loop {
            let len = recv(netlink.as_raw_fd(), &mut reply, MsgFlags::empty())?;
            if !parse_listeners(&reply[..len], &mut found)? {
                break;
            }
        }
    }
    Ok(found)
}

fn open() -> io::Result<OwnedFd> {
    let (family, protocol) = (AddressFamily::Netlink, SockProtocol::NetlinkSockDiag);
    Ok(socket(family, SockType::Datagram, SockFlag::SOCK_CLOEXEC, protocol)?)
}

/// A request for sockets of this family in these states (bit n: state n), without addresses.
fn head(family: i32, flags: u16, states: u32) -> [u8; REQUEST] {
    let mut out = [0; REQUEST];
    out[0..4].copy_from_slice(&(REQUEST as u32).to_ne_bytes());
    out[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    out[6..8].copy_from_slice(&(NLM_F_REQUEST | flags).to_ne_bytes());
    out[16] = family as u8;
    out[17] = libc::IPPROTO_TCP as u8;
    out[20..24].copy_from_slice(&states.to_ne_bytes());
    out
}

/// Ports and addresses stand in network byte order, everything else in the machine's own.
fn request(local: SocketAddr, remote: SocketAddr) -> [u8; REQUEST] {
    let family = if local.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    let mut out = head(family, 0, u32::MAX);
    out[24..26].copy_from_slice(&local.port().to_be_bytes());
    out[26..28].copy_from_slice(&remote.port().to_be_bytes());
    for (at, address) in [(28, local), (44, remote)] {
        match address.ip() {
            IpAddr::V4(ip) => out[at..at + 4].copy_from_slice(&ip.octets()),
            IpAddr::V6(ip) => out[at..at + 16].copy_from_slice(&ip.octets()),
        }
    }
    // No cookie: any socket with these addresses.
    out[64..72].copy_from_slice(&[0xff; 8]);
    out
}

fn parse(reply: &[u8]) -> io::Result<Option<Queues>> {
    if kind(reply)? == NLMSG_ERROR {
        let error = refusal(reply)?;
        return if error.raw_os_error() == Some(libc::ENOENT) { Ok(None) } else { Err(error) };
    }
    // Where the connection is gone, the kernel tells of the socket that listens at its port.
    if reply.get(HEADER + 1) == Some(&crate::procfs::LISTEN) {
        return Ok(None);
    }
    // `struct inet_diag_msg`: four bytes, the socket's id of 48, expires, then the two queues.
    Ok(Some(Queues { unread: word(reply, HEADER + 56)?, unacknowledged: word(reply, HEADER + 60)? }))
}

/// Takes in the messages of one datagram; `false` after the last of a dump.
fn parse_listeners(mut datagram: &[u8], found: &mut Vec<Listener>) -> io::Result<bool> {
    while !datagram.is_empty() {
        let len = word(datagram, 0)? as usize;
        match kind(datagram)? {
            NLMSG_DONE => return Ok(false),
            NLMSG_ERROR => return Err(refusal(datagram)?),
            _ => {}
        }
        if len < MESSAGE || len > datagram.len() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let message = &datagram[HEADER..];
        let port = u16::from_be_bytes([message[4], message[5]]);
        let ip = if i32::from(message[0]) == libc::AF_INET6 {
            let bytes: [u8; 16] = message[8..24].try_into().expect("sixteen bytes");
            Ipv6Addr::from(bytes).to_canonical()
        } else {
            IpAddr::from(Ipv4Addr::new(message[8], message[9], message[10], message[11]))
        };
        found.push(Listener {
            local: SocketAddr::new(ip, port),
            inode: word(message, 68)?,
            // Of a listener the two queues are: connections that wait to be accepted, and how many may.
            waiting: word(message, 56)?,
            backlog: word(message, 60)?,
        });
        // Messages begin at multiples of four.
        datagram = datagram.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(true)
}

fn kind(message: &[u8]) -> io::Result<u16> {
    let bytes = message.get(4..6).ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(u16::from_ne_bytes(bytes.try_into().expect("two bytes")))
}

fn word(bytes: &[u8], at: usize) -> io::Result<u32> {
    let bytes = bytes.get(at..at + 4).ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(u32::from_ne_bytes(bytes.try_into().expect("four bytes")))
}

/// What an error message says.
fn refusal(message: &[u8]) -> io::Result<io::Error> {
    let errno = i32::from_ne_bytes(word(message, HEADER)?.to_ne_bytes());
    Ok(io::Error::from_raw_os_error(-errno))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::time::{Duration, Instant};

    #[test]
    fn the_kernel_tells_what_is_unread() {
        for (address, host) in [("127.0.0.1:0", "127.0.0.1"), ("[::]:0", "127.0.0.1"), ("[::1]:0", "::1")] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let port = listener.local_addr().unwrap().port();
            let mut client = TcpStream::connect((host, port)).unwrap();
            let (mut server, _) = listener.accept().unwrap();
            let (near, far) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
            client.write_all(b"hello").unwrap();
            assert_eq!(
                queues(far, near).unwrap(),
                Some(Queues { unread: 5, unacknowledged: 0 }),
                "{address}"
            );
            server.read_exact(&mut [0; 5]).unwrap();
            assert_eq!(queues(far, near).unwrap().unwrap().unread, 0);
            assert_eq!(queues(near, far).unwrap(), Some(Queues { unread: 0, unacknowledged: 0 }));
        }
    }

    #[test]
    fn an_unknown_connection_is_none_be_there_a_listener_or_not() {
        for nowhere in ["127.0.0.1:1", "[::1]:1"] {
            let nowhere = nowhere.parse().unwrap();
            assert_eq!(queues(nowhere, nowhere).unwrap(), None);
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            assert_eq!(queues(listener.local_addr().unwrap(), nowhere).unwrap(), None);
        }
    }

    #[test]
    fn those_who_listen_are_found_and_nobody_else() {
        let here = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = here.local_addr().unwrap();
        let _client = TcpStream::connect(address).unwrap();
        let (server, _) = here.accept().unwrap();
        // By the inode: another test may be given a port as soon as it is free.
        let own = crate::procfs::socket_inodes(std::process::id() as i32);
        let found = listeners().unwrap().into_iter().find(|one| one.local == address).unwrap();
        assert!(own.contains(&found.inode.into()));
        assert!(listeners().unwrap().iter().all(|one| one.local != server.peer_addr().unwrap()));
        drop((server, here));
        // Not at once, perhaps: a process that another test has just forked holds a copy of every descriptor until
        // it executes its program.
        let deadline = Instant::now() + Duration::from_secs(10);
        while listeners().unwrap().iter().any(|one| one.inode == found.inode) {
            assert!(Instant::now() < deadline, "a closed listener is still listed");
            std::thread::yield_now();
        }
        if let Ok(six) = TcpListener::bind("[::]:0") {
            let address = six.local_addr().unwrap();
            assert!(listeners().unwrap().iter().any(|one| one.local == address));
        }
    }

    #[test]
    fn more_listeners_than_fit_in_one_answer_are_all_found() {
        let many: Vec<TcpListener> = (0..300).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let found: Vec<SocketAddr> = listeners().unwrap().into_iter().map(|one| one.local).collect();
        assert!(many.iter().all(|one| found.contains(&one.local_addr().unwrap())));
    }
}
