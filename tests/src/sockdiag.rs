//! One TCP connection's queues, asked of the kernel directly (sock_diag(7)).
//!
//! /proc/net/tcp lists every socket of the machine, tens of thousands after a storm of connections; a split message
//! needs the answer for one of them, and needs it at once.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd as _, OwnedFd};

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const NLMSG_ERROR: u16 = 2;
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
        static NETLINK: io::Result<OwnedFd> = Ok(socket(
            AddressFamily::Netlink,
            SockType::Datagram,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkSockDiag,
        )?);
    }
    NETLINK.with(|netlink| {
        let netlink = netlink.as_ref().map_err(|error| io::Error::from(error.kind()))?;
        send(netlink.as_raw_fd(), &request(local, remote)?, MsgFlags::empty())?;
        let mut reply = [0; 1_024];
        let len = recv(netlink.as_raw_fd(), &mut reply, MsgFlags::empty())?;
        parse(&reply[..len])
    })
}

/// Ports and addresses stand in network byte order, everything else in the machine's own.
fn request(local: SocketAddr, remote: SocketAddr) -> io::Result<[u8; REQUEST]> {
    let (IpAddr::V4(source), IpAddr::V4(destination)) = (local.ip(), remote.ip()) else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    let mut out = [0; REQUEST];
    out[0..4].copy_from_slice(&(REQUEST as u32).to_ne_bytes());
    out[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    out[6..8].copy_from_slice(&NLM_F_REQUEST.to_ne_bytes());
    out[16] = libc::AF_INET as u8;
    out[17] = libc::IPPROTO_TCP as u8;
    out[20..24].copy_from_slice(&u32::MAX.to_ne_bytes());
    out[24..26].copy_from_slice(&local.port().to_be_bytes());
    out[26..28].copy_from_slice(&remote.port().to_be_bytes());
    out[28..32].copy_from_slice(&source.octets());
    out[44..48].copy_from_slice(&destination.octets());
    // No cookie: any socket with these addresses.
    out[64..72].copy_from_slice(&[0xff; 8]);
    Ok(out)
}

fn parse(reply: &[u8]) -> io::Result<Option<Queues>> {
    let word = |at: usize| {
        let bytes = reply.get(at..at + 4).ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok::<u32, io::Error>(u32::from_ne_bytes(bytes.try_into().expect("four bytes")))
    };
    let kind = reply.get(4..6).ok_or(io::ErrorKind::UnexpectedEof)?;
    if kind == NLMSG_ERROR.to_ne_bytes() {
        let errno = i32::from_ne_bytes(word(HEADER)?.to_ne_bytes());
        return if errno == -libc::ENOENT { Ok(None) } else { Err(io::Error::from_raw_os_error(-errno)) };
    }
    // `struct inet_diag_msg`: four bytes, the socket's id of 48, expires, then the two queues.
    Ok(Some(Queues { unread: word(HEADER + 56)?, unacknowledged: word(HEADER + 60)? }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn the_kernel_tells_what_is_unread() {
        for address in ["127.0.0.1:0", "[::]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let port = listener.local_addr().unwrap().port();
            let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
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
    fn an_unknown_connection_is_none() {
        let nowhere = "127.0.0.1:1".parse().unwrap();
        assert_eq!(queues(nowhere, nowhere).unwrap(), None);
    }
}
