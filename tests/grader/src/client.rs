//! A TCP client that misbehaves on purpose and remembers everything: it splits, half-closes, stalls and resets, and
//! every wait of it has an end.

mod freeze;
mod receiving;
pub(crate) mod record;
mod sending;
pub(crate) mod stall;
mod verdicts;

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::check::{Failure, Kind, Outcome, Verdict};
use crate::context::Patience;
use crate::procfs;
use crate::target::Shared;
use crate::wire::Wire;
use record::Record;
use stall::{Stall, Stuck};
use verdicts::{grader_trouble, refused};

pub use verdicts::note_death;

/// How a connection is made.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Name in the report; empty for the only connection of a check.
    pub name: String,
    /// SO_RCVBUF, set before connect(2) so that the window is small from the first segment on.
    pub receive_buffer: Option<usize>,
    /// Connect to the `{framed_port}` instead.
    pub framed_port: bool,
}

/// How a connection's incoming stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The peer sent FIN: read(2) returns 0.
    Eof,
    /// The peer sent RST: ECONNRESET.
    Reset,
}

/// One connection to the server under test, Nagle's algorithm off.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    target: Shared,
    wire: Wire,
    patience: Patience,
    name: String,
    local: SocketAddr,
    remote: SocketAddr,
    record: Record,
    end: Option<End>,
    splits_are_read: bool,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// A failure when the server refuses or does not answer the handshake.
    pub fn connect(target: &Shared, options: &Options, wire: Wire, patience: Patience) -> Outcome<Self> {
        let port = if options.framed_port { target.framed_port.unwrap_or(target.port) } else { target.port };
        let remote = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        wait_for_room(target, port, &patience);
        let left = patience.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Failure::new(Kind::TimeUp, "the time for this check is up").into());
        }
        let stream =
            open(remote, options.receive_buffer, left).map_err(|error| refused(target, remote, &error))?;
        let local = stream.local_addr().map_err(grader_trouble)?;
        Ok(Self {
            stream,
            target: Shared::clone(target),
            wire,
            patience,
            name: options.name.clone(),
            local,
            remote,
            record: Record::default(),
            end: None,
            splits_are_read: true,
        })
    }

    /// Begins a step of the check: the report shows the bytes since the last step, under this heading.
    pub fn step(&mut self, what: impl Into<String>) {
        self.record = Record::of(what.into());
    }

    /// This end of the connection.
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// How the incoming stream ended, if it has been seen to.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// Changes how long this connection is patient.
    pub fn patience_mut(&mut self) -> &mut Patience {
        &mut self.patience
    }

    /// The inode of this connection's socket in the server.
    #[must_use]
    pub fn inode_at_server(&self) -> Option<u64> {
        let rows = procfs::tcp_rows_of_port(self.remote.port()).ok()?;
        rows.iter().find(|row| row.remote == self.local).map(|row| row.inode).filter(|inode| *inode != 0)
    }

    fn write_some(&mut self, bytes: &[u8]) -> Outcome<usize> {
        loop {
            match (&self.stream).write(bytes) {
                Ok(sent) => {
                    self.record.sent(&bytes[..sent]);
                    return Ok(sent);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    let text = format!("the server closed while the client was sending ({error})");
                    return Err(self.fail(Kind::Reset, text));
                }
            }
        }
    }

    /// `Ok(0)`: nothing there yet.
    fn read_some_into(&mut self, buffer: &mut [u8]) -> Result<usize, End> {
        loop {
            match (&self.stream).read(buffer) {
                Ok(0) => self.end = Some(End::Eof),
                Ok(got) => {
                    self.record.came(&buffer[..got]);
                    return Ok(got);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => self.end = Some(End::Reset),
            }
            return Err(self.end.unwrap_or(End::Eof));
        }
    }

    fn poll(&self, flags: PollFlags, millis: u16) -> Outcome<PollFlags> {
        let mut fds = [PollFd::new(self.stream.as_fd(), flags)];
        match poll(&mut fds, PollTimeout::from(millis)) {
            Ok(_) => Ok(fds[0].revents().unwrap_or(PollFlags::empty())),
            Err(nix::errno::Errno::EINTR) => Ok(PollFlags::empty()),
            Err(error) => Err(Verdict::Infrastructure(format!("poll failed in the grader: {error}"))),
        }
    }

    fn wait(&mut self, flags: PollFlags, stall: &mut Stall, summary: &str, kind: Kind) -> Outcome {
        if self.poll(flags, 20)?.is_empty()
            && let Some(stuck) = stall.look(&self.target, &self.patience)
        {
            let kind = if stuck == Stuck::Deadline { Kind::TimeUp } else { kind };
            let mut failure = self.failure(kind, summary);
            failure.notes.push(stuck.text().to_owned());
            return Err(failure.into());
        }
        Ok(())
    }
}

/// Waits while the server's accept queue is full: a SYN that is dropped there comes again after a second, which would be
/// the kernel's time and not the server's. A server that accepts nothing and sleeps is not waited for.
fn wait_for_room(target: &Shared, port: u16, patience: &Patience) {
    let mut stall = Stall::new();
    while procfs::accept_queue(port).is_some_and(|queue| queue.room() == 0) {
        if stall.look(target, patience).is_some() {
            return;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}

fn open(remote: SocketAddr, receive_buffer: Option<usize>, left: Duration) -> io::Result<TcpStream> {
    let patience = left.min(Duration::from_secs(5));
    let stream = kit::conn::open_with_receive_buffer(remote, patience, receive_buffer)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}
