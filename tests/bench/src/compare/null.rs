//! The null server: the kernel's limit.
//!
//! It reads once from each ready connection, divides the bytes by the size of a request, and writes that many copies
//! of one fixed reply. No server that reads and writes TCP from one thread can be cheaper, so what a real one costs
//! beyond this is what its own code costs.

use anyhow::{Context, Result, bail};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

const READ_BUFFER: usize = 64 * 1024;
const LISTENER: u64 = u64::MAX;

struct Connection {
    stream: TcpStream,
    /// Bytes of a request that has not arrived whole.
    partial: usize,
    /// Bytes of replies that the socket did not take.
    unsent: usize,
    /// Whether the connection waits for room instead of requests.
    stuck: bool,
}

struct Null {
    epoll: Epoll,
    request_size: usize,
    reply_size: usize,
    /// As many replies as one read can ask for. They are all alike, so what is owed is always its tail.
    replies: Vec<u8>,
}

/// Serves until it is killed. Announces itself as the other servers do; the sizes decide which wire format it speaks.
///
/// # Errors
/// A size of zero, a reply that is not hexadecimal, or a failing system call.
pub fn serve(request_size: usize, reply: &str) -> Result<()> {
    let reply = from_hex(reply).context("the reply must be given in hexadecimal")?;
    if request_size == 0 || reply.is_empty() {
        bail!("requests and replies must have at least one byte");
    }
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port on 127.0.0.1")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    println!("listening on {address} resp\nlistening on {address} framed");
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    epoll.add(&listener, EpollEvent::new(EpollFlags::EPOLLIN, LISTENER))?;
    let replies = reply.repeat(READ_BUFFER / request_size + 1);
    let null = Null { epoll, request_size, reply_size: reply.len(), replies };
    null.run(&listener)
}

impl Null {
    fn run(&self, listener: &TcpListener) -> Result<()> {
        let mut connections: Vec<Option<Connection>> = Vec::new();
        let mut buffer = vec![0; READ_BUFFER];
        let mut events = vec![EpollEvent::empty(); 1024];
        loop {
            let ready = match self.epoll.wait(&mut events, EpollTimeout::NONE) {
                Err(nix::errno::Errno::EINTR) => continue,
                other => other.context("epoll_wait(2)")?,
            };
            for event in &events[..ready] {
                if event.data() == LISTENER {
                    self.accept_all(listener, &mut connections)?;
                    continue;
                }
                let slot = &mut connections[event.data() as usize];
                // Dropping the stream closes it, and closing takes it off the interest list.
                if slot.as_mut().is_some_and(|connection| !self.serve_one(connection, event, &mut buffer)) {
                    *slot = None;
                }
            }
        }
    }

    fn accept_all(&self, listener: &TcpListener, connections: &mut Vec<Option<Connection>>) -> Result<()> {
        loop {
            let stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("accept(2)"),
            };
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            self.epoll.add(&stream, EpollEvent::new(EpollFlags::EPOLLIN, connections.len() as u64))?;
            connections.push(Some(Connection { stream, partial: 0, unsent: 0, stuck: false }));
        }
    }

    /// One read, one write. False once the connection has ended.
    fn serve_one(&self, connection: &mut Connection, event: &EpollEvent, buffer: &mut [u8]) -> bool {
        if event.events().contains(EpollFlags::EPOLLOUT) {
            return self.flush(connection, event.data());
        }
        let got = match connection.stream.read(buffer) {
            Ok(0) => return false,
            Ok(got) => got,
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        };
        let bytes = connection.partial + got;
        connection.partial = bytes % self.request_size;
        connection.unsent = bytes / self.request_size * self.reply_size;
        connection.unsent == 0 || self.flush(connection, event.data())
    }

    /// While a reply is stuck the connection waits for room only, so that at most one read's worth is owed.
    fn flush(&self, connection: &mut Connection, token: u64) -> bool {
        let owed = connection.unsent;
        match connection.stream.write(&self.replies[self.replies.len() - owed..]) {
            Ok(taken) => connection.unsent -= taken,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return false,
        }
        let stuck = connection.unsent > 0;
        if stuck != connection.stuck {
            connection.stuck = stuck;
            let flag = if stuck { EpollFlags::EPOLLOUT } else { EpollFlags::EPOLLIN };
            let mut event = EpollEvent::new(flag, token);
            return self.epoll.modify(&connection.stream, &mut event).is_ok();
        }
        true
    }
}

/// Hexadecimal, for arguments that hold CR and LF.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_there_and_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(from_hex(&to_hex(&bytes)), Some(bytes));
        assert_eq!(from_hex("0"), None);
        assert_eq!(from_hex("zz"), None);
    }
}
