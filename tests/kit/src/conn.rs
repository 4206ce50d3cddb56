//! Opening and resetting connections: what every client under `tests/` begins and may end with.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

/// A connection on which every small write leaves at once, Nagle's algorithm being off.
///
/// # Errors
/// The server refuses, or does not answer the handshake within `patience`.
pub fn open(remote: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    open_with_receive_buffer(remote, patience, None)
}

/// The same with a receive buffer of about so many bytes: a slow reader. It is set before connecting, because the window
/// is negotiated then.
///
/// # Errors
/// As [`open`].
pub fn open_with_receive_buffer(
    remote: SocketAddr,
    patience: Duration,
    bytes: Option<usize>,
) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(remote), Type::STREAM, None)?;
    if let Some(bytes) = bytes {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.connect_timeout(&remote.into(), patience)?;
    socket.set_tcp_nodelay(true)?;
    Ok(socket.into())
}

/// A blocking connection of which no call takes longer than `patience`.
///
/// # Errors
/// As [`open`].
pub fn open_blocking(remote: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    let stream = open(remote, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    Ok(stream)
}

/// Makes the connection end with RST instead of FIN once it is closed: SO_LINGER with a time of 0.
///
/// # Errors
/// Those of setsockopt(2).
pub fn reset_when_closed(stream: &TcpStream) -> io::Result<()> {
    SockRef::from(stream).set_linger(Some(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{ErrorKind, Read as _};
    use std::net::TcpListener;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn a_reset_is_seen_as_one() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = open_blocking(listener.local_addr().unwrap(), PATIENCE).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        reset_when_closed(&client).unwrap();
        drop(client);
        assert_eq!(server.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    }

    #[test]
    fn nobody_listens_where_nobody_listens() {
        let port = crate::ports::free_port().unwrap();
        let refused = open(SocketAddr::from(([127, 0, 0, 1], port)), PATIENCE).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }
}
