//! One connection to each of the two servers, driven side by side.
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::step::{Piece, Request};
use kit::resp::{self, Value};

/// How long a server may be silent before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(10);

/// How an exchange ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Every reply is here.
    Complete,
    /// The server closed the connection.
    Closed,
    /// The server was silent for too long.
    Silent,
    /// What came is not RESP.
    NotResp(String),
}

/// A reply as it came and as it reads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// The bytes.
    pub raw: Vec<u8>,
    /// The tree.
    pub value: Value,
}

/// A nonblocking connection with what is still to be sent and what has come.
pub struct Connection {
    stream: TcpStream,
    outbox: Vec<u8>,
    inbox: Vec<u8>,
    /// The replies of the exchange under way.
    pub replies: Vec<Reply>,
    ending: Option<Ending>,
}

impl Connection {
    /// Connects.
    pub fn open(address: SocketAddr) -> std::io::Result<Self> {
        let stream = kit::conn::open(address, PATIENCE)?;
        stream.set_nonblocking(true)?;
        Ok(Connection { stream, outbox: Vec::new(), inbox: Vec::new(), replies: Vec::new(), ending: None })
    }

    /// The address that the server sees.
    pub fn local_address(&self) -> String {
        self.stream.local_addr().map(|address| address.to_string()).unwrap_or_default()
    }

    fn begin(&mut self, mut bytes: Vec<u8>, token: &[u8]) {
        resp::request(&[token], &mut bytes);
        self.outbox = bytes;
        self.replies.clear();
        self.ending = None;
    }

    fn advance(&mut self, token: &[u8]) {
        if self.ending.is_some() {
            return;
        }
        while !self.outbox.is_empty() {
            match self.stream.write(&self.outbox) {
                Ok(sent) => drop(self.outbox.drain(..sent)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // The server has closed; what it said before that is still to be read.
                Err(_) => self.outbox.clear(),
            }
        }
        let mut chunk = [0; 65536];
        match self.stream.read(&mut chunk) {
            Ok(0) => self.ending = Some(Ending::Closed),
            Ok(count) => self.inbox.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.ending = Some(Ending::Closed),
        }
        self.take_replies(token);
    }

    fn take_replies(&mut self, token: &[u8]) {
        let mut at = 0;
        loop {
            match resp::parse(&self.inbox[at..]) {
                Ok(Some((value, length))) => {
                    let raw = self.inbox[at..at + length].to_vec();
                    at += length;
                    if matches!(&value, Value::Error(text) if contains(text, token)) {
                        self.ending = Some(Ending::Complete);
                        break;
                    }
                    self.replies.push(Reply { raw, value });
                }
                Ok(None) => break,
                Err(why) => {
                    self.ending = Some(Ending::NotResp(why));
                    break;
                }
            }
        }
        self.inbox.drain(..at);
    }
}

fn contains(text: &[u8], token: &[u8]) -> bool {
    text.windows(token.len()).any(|window| window == token)
}

/// Sends each server its bytes and reads until both have answered to the end: the error about a command with the unique
/// name `token`, which is unknown to any server in any state, or until they close or fall silent.
pub fn exchange(pair: [&mut Connection; 2], requests: [Vec<u8>; 2], token: &[u8]) -> [Ending; 2] {
    let [a, b] = pair;
    let [for_a, for_b] = requests;
    a.begin(for_a, token);
    b.begin(for_b, token);
    let deadline = Instant::now() + PATIENCE;
    while (a.ending.is_none() || b.ending.is_none()) && wait(&[a, b], deadline) {
        a.advance(token);
        b.advance(token);
    }
    [a, b].map(|connection| connection.ending.clone().unwrap_or(Ending::Silent))
}

/// Sends one server one request and reads the one reply.
pub fn exchange_one(connection: &mut Connection, request: Vec<u8>) -> Option<&Reply> {
    connection.outbox = request;
    connection.replies.clear();
    let deadline = Instant::now() + PATIENCE;
    connection.ending = None;
    while connection.ending.is_none() && connection.replies.is_empty() && wait(&[connection], deadline) {
        connection.advance(b"no reply contains this line break\n");
    }
    connection.replies.first()
}

/// Waits until one of them can go on; false once the deadline has passed.
fn wait(connections: &[&mut Connection], deadline: Instant) -> bool {
    let left = deadline.saturating_duration_since(Instant::now());
    let unfinished = connections.iter().filter(|connection| connection.ending.is_none());
    let mut interests: Vec<PollFd<'_>> = unfinished
        .map(|connection| {
            let write = if connection.outbox.is_empty() { PollFlags::empty() } else { PollFlags::POLLOUT };
            PollFd::new(connection.stream.as_fd(), PollFlags::POLLIN | write)
        })
        .collect();
    // An error can only be EINTR: the caller tries again and the clock goes on.
    let _ = poll(&mut interests, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX));
    !left.is_zero()
}

/// A request as bytes, with ids and addresses filled in.
pub fn encode(request: &Request, ids: &[Vec<u8>], addresses: &[String], out: &mut Vec<u8>) {
    let pieces = match request {
        Request::Raw(bytes) => return out.extend_from_slice(bytes),
        Request::Command(pieces) => pieces,
    };
    let words = pieces.iter().map(|piece| match piece {
        Piece::Bytes(bytes) => &bytes[..],
        Piece::ClientId(connection) => &ids[*connection],
        Piece::Address(connection) => addresses[*connection].as_bytes(),
    });
    resp::request(&words.collect::<Vec<&[u8]>>(), out);
}
