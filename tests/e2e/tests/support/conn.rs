//! A client that can do what clients do to servers: split, drip, stuff, half-close, reset.
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::{DEADLINE, eventually};

/// A client's connection.
pub struct Conn {
    /// For what the methods below do not offer.
    pub stream: TcpStream,
}

impl Conn {
    /// Connects; every small write leaves at once.
    pub fn to(addr: SocketAddr) -> Conn {
        Self::open(addr, None)
    }

    /// Connects with a receive buffer of about `bytes`: a slow reader.
    pub fn with_receive_buffer(addr: SocketAddr, bytes: usize) -> Conn {
        Self::open(addr, Some(bytes))
    }

    fn open(addr: SocketAddr, receive_buffer: Option<usize>) -> Conn {
        let stream = kit::conn::open_with_receive_buffer(addr, DEADLINE, receive_buffer)
            .unwrap_or_else(|error| panic!("connect {addr}: {error}"));
        stream.set_read_timeout(Some(DEADLINE)).expect("SO_RCVTIMEO");
        stream.set_write_timeout(Some(DEADLINE)).expect("SO_SNDTIMEO");
        Conn { stream }
    }

    /// Our own address: the server calls it the peer's.
    pub fn local_addr(&self) -> SocketAddr {
        self.stream.local_addr().expect("connected")
    }

    /// Sends all of `bytes`.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("send");
    }

    /// Sends each byte in a segment of its own and waits until the server has read it before the next one leaves.
    pub fn drip(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.send(std::slice::from_ref(byte));
            self.wait_until_taken();
        }
    }

    /// Sends `bytes` in pieces that end at `offsets`; the server has read each piece before the next one leaves.
    pub fn send_split(&mut self, bytes: &[u8], offsets: &[usize]) {
        let mut from = 0;
        for &to in offsets.iter().chain([&bytes.len()]) {
            if to > from {
                self.send(&bytes[from..to]);
                self.wait_until_taken();
                from = to;
            }
        }
    }

    /// Waits until the server's kernel holds no byte of ours that the server has not read.
    pub fn wait_until_taken(&self) {
        eventually("the server reads what was sent", || (self.unread_by_server() == (0, 0)).then_some(()));
    }

    /// Waits until bytes of ours lie unread in the server's kernel.
    pub fn wait_until_arrived(&self) {
        eventually("what was sent arrives", || (self.unread_by_server().1 > 0).then_some(()));
    }

    /// Bytes of ours that have not yet arrived in the server's kernel, and bytes there that the server has not read.
    pub fn unread_by_server(&self) -> (u32, u32) {
        let (ours, theirs) = (self.local_addr(), self.stream.peer_addr().expect("connected"));
        (queues(ours, theirs).0, queues(theirs, ours).1)
    }

    /// Sends until nothing more fits anywhere and the server no longer reads: it is stuck writing to us, who do not read.
    pub fn stuff(&mut self) {
        self.stream.set_nonblocking(true).expect("O_NONBLOCK");
        let chunk = [b'x'; 65536];
        let mut stuck = 0;
        eventually("the server stops reading", || {
            let mut wrote = false;
            while self.stream.write(&chunk).is_ok() {
                wrote = true;
            }
            stuck = if !wrote && self.unread_by_server().1 > 0 { stuck + 1 } else { 0 };
            (stuck == 20).then_some(())
        });
        self.stream.set_nonblocking(false).expect("O_NONBLOCK");
    }

    /// Receives exactly `n` bytes.
    pub fn read_exact(&mut self, n: usize) -> Vec<u8> {
        let mut bytes = vec![0; n];
        let mut filled = 0;
        while filled < n {
            match self.stream.read(&mut bytes[filled..]) {
                Ok(0) => panic!("end of stream after {filled} of {n} bytes: {:?}", preview(&bytes[..filled])),
                Ok(more) => filled += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("{error} after {filled} of {n} bytes: {:?}", preview(&bytes[..filled])),
            }
        }
        bytes
    }

    /// Receives up to the next line feed.
    pub fn read_line(&mut self) -> String {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            line.extend(self.read_exact(1));
        }
        String::from_utf8(line).expect("a line is text")
    }

    /// Receives until the server's end of stream; panics on a reset.
    pub fn read_to_end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.stream.read_to_end(&mut bytes).unwrap_or_else(|e| panic!("{e} after {} bytes", bytes.len()));
        bytes
    }

    /// The server must close, without a further byte and without a reset.
    pub fn expect_eof(&mut self) {
        let rest = self.read_to_end();
        assert!(rest.is_empty(), "expected the end of the stream, got {:?}", preview(&rest));
    }

    /// The server must close; a reset counts as a close. Returns what came before.
    pub fn read_until_closed(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self.stream.read_to_end(&mut bytes) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("{error} after {} bytes", bytes.len()),
        }
        bytes
    }

    /// Reads `n` bytes, or fewer if the stream ends before.
    pub fn read_up_to(&mut self, n: usize) -> Vec<u8> {
        let mut bytes = vec![0; n];
        let mut filled = 0;
        while filled < n {
            match self.stream.read(&mut bytes[filled..]) {
                Ok(0) | Err(_) => break,
                Ok(count) => filled += count,
            }
        }
        bytes.truncate(filled);
        bytes
    }

    /// Nothing may be waiting for us right now. Meaningful after something that proves the server has had its turn.
    pub fn expect_silence(&mut self) {
        self.stream.set_nonblocking(true).expect("O_NONBLOCK");
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            other => panic!("expected silence, got {other:?} {byte:?}"),
        }
        self.stream.set_nonblocking(false).expect("O_NONBLOCK");
    }

    /// Sends FIN; receiving stays possible.
    pub fn half_close(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("shutdown");
    }

    /// Closes with RST instead of FIN.
    pub fn reset(self) {
        kit::conn::reset_when_closed(&self.stream).expect("SO_LINGER");
    }
}

/// Send and receive queue, in bytes, of the TCP socket of this machine that connects `local` to `remote`; zeros if there
/// is none.
pub fn queues(local: SocketAddr, remote: SocketAddr) -> (u32, u32) {
    let found = kit::sockdiag::queues(local, remote).expect("the kernel has sock_diag");
    found.map_or((0, 0), |queues| (queues.unacknowledged, queues.unread))
}

fn preview(bytes: &[u8]) -> String {
    let shown: String =
        bytes.iter().take(60).flat_map(|&b| std::ascii::escape_default(b)).map(char::from).collect();
    if bytes.len() > 60 { format!("{shown}… ({} bytes)", bytes.len()) } else { shown }
}
