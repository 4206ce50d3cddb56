//! A TCP client that misbehaves on purpose and remembers everything: it splits, half-closes, stalls and resets, and
//! every wait of it has an end.

mod freeze;
mod record;
mod stall;

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::AsFd as _;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Protocol, Socket, Type};

use crate::check::{Failure, Kind, Outcome, Verdict};
use crate::context::Patience;
use crate::hexdump::{Dump, first_difference};
use crate::procfs;
use crate::target::Shared;
use crate::wire::Wire;
use record::Record;
use stall::{Stall, Stuck};

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
        let stream = open(remote, options.receive_buffer).map_err(|error| refused(target, remote, &error))?;
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

    /// Sends all bytes. What the server answers meanwhile stays in the kernel: for large messages use
    /// [`Client::exchange`].
    ///
    /// # Errors
    /// A failure when the server closed or stopped reading.
    pub fn send(&mut self, bytes: &[u8]) -> Outcome {
        let mut stall = Stall::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.write_some(rest)? {
                0 => self.wait(
                    PollFlags::POLLOUT,
                    &mut stall,
                    "the server does not read what was sent",
                    Kind::NotReading,
                )?,
                sent => {
                    rest = &rest[sent..];
                    stall.progress();
                }
            }
        }
        Ok(())
    }

    /// Sends the bytes in several writes, cut at `offsets`, and lets the server read each part before the next goes
    /// out, so that it sees exactly these pieces.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub fn send_split(&mut self, bytes: &[u8], offsets: &[usize]) -> Outcome {
        let mut from = 0;
        for &to in offsets.iter().filter(|to| **to < bytes.len()) {
            self.send(&bytes[from..to])?;
            self.record.split();
            self.wait_read()?;
            from = to;
        }
        self.send(&bytes[from..])
    }

    /// Waits until the server has read all that was sent: its receive queue in /proc/net/tcp is empty. A server that
    /// leaves bytes there while it sleeps is not waited for.
    ///
    /// # Errors
    /// A failure when the server ended.
    pub fn wait_read(&mut self) -> Outcome {
        let mut stall = Stall::new();
        let patience = Patience { quiet: Duration::from_millis(200), ..self.patience };
        while self.splits_are_read {
            match procfs::queues(self.local, self.remote) {
                Ok(Some((0, 0)) | None) => return Ok(()),
                Ok(Some(_)) => {}
                Err(_) => self.splits_are_read = false,
            }
            if let Some(stuck) = stall.look(&self.target, &patience) {
                if stuck == Stuck::Died {
                    return Err(self.fail(Kind::ServerDied, "the server ended while it was sent bytes"));
                }
                self.splits_are_read = false;
                self.record.event("the server left sent bytes unread; the rest was sent all the same");
            }
            std::thread::sleep(Duration::from_micros(50));
        }
        Ok(())
    }

    /// Waits until the server has read all that was sent (true), or sleeps and leaves bytes unread (false).
    ///
    /// # Errors
    /// A failure when the server ended.
    pub fn read_by_server_or_asleep(&mut self, target: &Shared) -> Outcome<bool> {
        let mut stall = Stall::new();
        let patience = Patience { quiet: Duration::from_millis(100), ..self.patience };
        loop {
            match procfs::queues(self.local, self.remote) {
                Ok(Some((0, 0)) | None) => return Ok(true),
                Ok(Some(_)) => {}
                Err(_) => return Err(Verdict::NotRun("/proc/net/tcp cannot be read here".into())),
            }
            match stall.look(target, &patience) {
                Some(Stuck::Died) => {
                    return Err(self.fail(Kind::ServerDied, "the server ended while it was sent bytes"));
                }
                Some(_) => return Ok(false),
                None => std::thread::sleep(Duration::from_micros(50)),
            }
        }
    }

    /// The inode of this connection's socket in the server.
    #[must_use]
    pub fn inode_at_server(&self) -> Option<u64> {
        let rows = procfs::tcp_rows_of_port(self.remote.port()).ok()?;
        rows.iter().find(|row| row.remote == self.local).map(|row| row.inode).filter(|inode| *inode != 0)
    }

    /// Sends until the server takes no more (it sleeps and the socket is full) or all is sent; returns how much went.
    ///
    /// # Errors
    /// A failure when the server closed.
    pub fn send_until_stalled(&mut self, bytes: &[u8]) -> Outcome<usize> {
        let mut sent = 0;
        let mut stall = Stall::new();
        let patience = Patience { quiet: Duration::from_millis(150), ..self.patience };
        while sent < bytes.len() {
            match self.write_some(&bytes[sent..])? {
                0 if self.poll(PollFlags::POLLOUT, 10)?.is_empty() => {
                    if stall.look(&self.target, &patience).is_some() {
                        break;
                    }
                }
                0 => {}
                more => {
                    sent += more;
                    stall.progress();
                }
            }
        }
        Ok(sent)
    }

    /// Reads exactly `expected`, comparing as it comes.
    ///
    /// # Errors
    /// A failure with both sides and the first difference.
    pub fn expect(&mut self, expected: &[u8]) -> Outcome {
        self.exchange(&[], expected)
    }

    /// Sends `bytes` and reads exactly `expected`, both at once: what a client must do when both are larger than the
    /// kernel's buffers.
    ///
    /// # Errors
    /// As [`Client::expect`].
    pub fn exchange(&mut self, bytes: &[u8], expected: &[u8]) -> Outcome {
        let (mut rest, mut seen) = (bytes, 0);
        let before = self.record.came_total();
        let mut stall = Stall::new();
        let mut buffer = vec![0; (64 << 10).min(expected.len().max(1))];
        while !rest.is_empty() || seen < expected.len() {
            let mut moved = 0;
            if !rest.is_empty() {
                let sent = self.write_some(rest)?;
                rest = &rest[sent..];
                moved += sent;
            }
            let want = buffer.len().min(expected.len() - seen);
            if want > 0 {
                let got = match self.read_some_into(&mut buffer[..want]) {
                    Ok(got) => got,
                    Err(end) => return Err(self.ended_early(end, expected, seen)),
                };
                if let Some(at) = first_difference(&buffer[..got], &expected[seen..seen + got]) {
                    return Err(self.differs(expected, seen, &buffer[..got], at, before));
                }
                seen += got;
                moved += got;
            }
            if moved > 0 {
                stall.progress();
                continue;
            }
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::POLLOUT, !rest.is_empty());
            flags.set(PollFlags::POLLIN, seen < expected.len());
            if self.poll(flags, 20)?.is_empty()
                && let Some(stuck) = stall.look(&self.target, &self.patience)
            {
                return Err(self.hangs(stuck, expected, seen, rest.len()));
            }
        }
        Ok(())
    }

    /// Reads what there is, waiting for at least one byte; empty at the end of the stream (see [`Client::end`]).
    ///
    /// # Errors
    /// A failure when nothing comes.
    pub fn read_some(&mut self) -> Outcome<Vec<u8>> {
        let mut stall = Stall::new();
        let mut buffer = vec![0; 64 << 10];
        loop {
            match self.read_some_into(&mut buffer) {
                Err(_) => return Ok(Vec::new()),
                Ok(0) => self.wait(PollFlags::POLLIN, &mut stall, "no reply came", Kind::NoReply)?,
                Ok(got) => {
                    buffer.truncate(got);
                    return Ok(buffer);
                }
            }
        }
    }

    /// Reads exactly `len` bytes of unknown content.
    ///
    /// # Errors
    /// A failure when fewer come.
    pub fn read_exact(&mut self, len: usize) -> Outcome<Vec<u8>> {
        let mut stall = Stall::new();
        let mut out = vec![0; len];
        let mut seen = 0;
        while seen < len {
            match self.read_some_into(&mut out[seen..]) {
                Err(End::Eof) => {
                    let text = format!("the stream ended after {seen} of {len} bytes");
                    return Err(self.fail(Kind::EarlyEof, text));
                }
                Err(End::Reset) => {
                    return Err(
                        self.fail(Kind::Reset, format!("connection reset after {seen} of {len} bytes"))
                    );
                }
                Ok(0) => {
                    let text = format!("only {seen} of {len} bytes came");
                    self.wait(PollFlags::POLLIN, &mut stall, &text, Kind::NoReply)?;
                }
                Ok(got) => {
                    seen += got;
                    stall.progress();
                }
            }
        }
        Ok(out)
    }

    /// Reads what has already arrived, without waiting.
    ///
    /// # Errors
    /// None yet; the type leaves room for trouble of the grader's own.
    pub fn read_arrived(&mut self) -> Outcome<Vec<u8>> {
        let mut out = Vec::new();
        let mut buffer = vec![0; 64 << 10];
        while let Ok(got @ 1..) = self.read_some_into(&mut buffer) {
            out.extend(&buffer[..got]);
        }
        Ok(out)
    }

    /// Expects a clean end of stream (FIN), and nothing before it.
    ///
    /// # Errors
    /// A failure when bytes, a reset or nothing at all come instead.
    pub fn expect_eof(&mut self) -> Outcome {
        match self.expect_closed()? {
            End::Eof => Ok(()),
            End::Reset => {
                Err(self.fail(Kind::Reset, "the connection was reset (RST) instead of closed (FIN)"))
            }
        }
    }

    /// Expects the end of the stream, by FIN or by RST, and nothing before it.
    ///
    /// # Errors
    /// A failure when bytes or nothing at all come instead.
    pub fn expect_closed(&mut self) -> Outcome<End> {
        let mut stall = Stall::new();
        let mut buffer = [0; 512];
        loop {
            match self.read_some_into(&mut buffer) {
                Err(end) => return Ok(end),
                Ok(0) => {
                    self.wait(
                        PollFlags::POLLIN,
                        &mut stall,
                        "the server does not close the connection",
                        Kind::NotClosed,
                    )?;
                }
                Ok(got) => {
                    let text = format!("{got} bytes came where the end of the stream was due");
                    let mut failure = self.failure(Kind::ExtraBytes, text);
                    failure.expected = Some(Dump::default());
                    return Err(failure.into());
                }
            }
        }
    }

    /// Expects silence: the server goes to sleep, the connection stays open, no byte has come.
    ///
    /// # Errors
    /// A failure when bytes or the end of the stream come.
    pub fn expect_silence(&mut self) -> Outcome {
        self.wait_read()?;
        // False when /proc is closed or other clients keep the server busy: then what has arrived must do.
        let _ = self.target.wait_idle(Duration::from_millis(500));
        let mut buffer = [0; 512];
        match self.read_some_into(&mut buffer) {
            Ok(0) => Ok(()),
            Ok(got) => Err(self.fail(Kind::ExtraBytes, format!("{got} bytes came although nothing is owed"))),
            Err(End::Eof) => {
                Err(self.fail(Kind::EarlyEof, "the server closed the connection, which should stay open"))
            }
            Err(End::Reset) => {
                Err(self.fail(Kind::Reset, "the server reset the connection, which should stay open"))
            }
        }
    }

    /// Half-closes: sends FIN, keeps reading.
    ///
    /// # Errors
    /// A failure when the connection is gone.
    pub fn finish(&mut self) -> Outcome {
        self.record.event("sent FIN (shutdown for writing)");
        match self.stream.shutdown(std::net::Shutdown::Write) {
            Ok(()) => Ok(()),
            Err(_) => {
                Err(self.fail(Kind::Reset, "the connection was gone before the client could half-close it"))
            }
        }
    }

    /// Ends the connection with RST instead of FIN: SO_LINGER with a time of 0.
    pub fn reset(self) {
        // Should the option fail, a plain close is the next best thing.
        let _ = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }

    /// A failure of this connection, with what was sent and received in this step.
    #[must_use]
    pub fn failure(&mut self, kind: Kind, summary: impl Into<String>) -> Failure {
        let mut failure = Failure::new(kind, summary);
        if !self.record.step.is_empty() {
            failure.step = Some(match self.name.as_str() {
                "" => self.record.step.clone(),
                name => format!("{name}: {}", self.record.step),
            });
        }
        failure.sent = Some(self.record.sent_dump(self.wire));
        failure.came = Some(self.record.came_dump(self.wire));
        failure.notes.extend(self.record.events.iter().cloned());
        if matches!(kind, Kind::Reset | Kind::EarlyEof | Kind::NoReply | Kind::ServerDied) {
            note_death(&mut failure, &self.target);
        }
        failure
    }

    /// [`Client::failure`] as a verdict.
    #[must_use]
    pub fn fail(&mut self, kind: Kind, summary: impl Into<String>) -> Verdict {
        self.failure(kind, summary).into()
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
            let mut failure = self.failure(kind, summary);
            failure.notes.push(stuck.text().to_owned());
            return Err(failure.into());
        }
        Ok(())
    }

    fn hangs(&mut self, stuck: Stuck, expected: &[u8], seen: usize, unsent: usize) -> Verdict {
        let (kind, summary) = match (seen, unsent) {
            (_, 1..) if seen == expected.len() => {
                (Kind::NotReading, format!("the server stopped reading; {unsent} bytes could not be sent"))
            }
            (0, _) => (Kind::NoReply, "no reply came".to_owned()),
            _ => (Kind::NoReply, format!("only {seen} of {} bytes came", expected.len())),
        };
        let mut failure = self.compare(kind, summary, expected, seen, &[]);
        failure.notes.push(stuck.text().to_owned());
        if unsent > 0 {
            failure.notes.push(format!("{unsent} bytes were still to be sent"));
        }
        failure.into()
    }

    fn ended_early(&mut self, end: End, expected: &[u8], seen: usize) -> Verdict {
        let (kind, how) = match end {
            End::Eof => (Kind::EarlyEof, "ended (FIN)"),
            End::Reset => (Kind::Reset, "was reset (RST)"),
        };
        let summary = format!("the connection {how} after {seen} of {} bytes", expected.len());
        self.compare(kind, summary, expected, seen, &[]).into()
    }

    fn differs(&mut self, expected: &[u8], seen: usize, got: &[u8], at: usize, before: usize) -> Verdict {
        let mut got = got.to_vec();
        // What follows the difference often tells more than the difference.
        if got.len() < at + 32 && self.poll(PollFlags::POLLIN, 50).is_ok() {
            got.extend(self.read_arrived().unwrap_or_default());
        }
        let summary = format!("byte {} of the reply is wrong", seen + at);
        self.compare(Kind::WrongBytes, summary, expected, seen, &got[at..]).on_difference(seen + at, before)
    }

    /// A failure whose `came` agrees with `expected` up to the difference, and goes on with `tail`.
    fn compare(&mut self, kind: Kind, summary: String, expected: &[u8], seen: usize, tail: &[u8]) -> Failure {
        let mut failure = self.failure(kind, summary);
        let mut dump = record::around(expected, seen);
        dump.fields = self.wire.fields(expected);
        failure.expected = Some(dump);
        if tail.is_empty()
            && let Some(came) = &mut failure.came
        {
            came.caret = Some((came.total, "the reply stops here".to_owned()));
        }
        failure
    }
}

impl Failure {
    /// Points the caret at the difference, counted within the compared reply, which began `before` bytes into the step.
    fn on_difference(mut self, at: usize, before: usize) -> Verdict {
        if let (Some(expected), Some(came)) = (&mut self.expected, &mut self.came) {
            let (want, got) = (expected.byte_at(at), came.byte_at(before + at));
            if let (Some(want), Some(got)) = (want, got) {
                came.caret = Some((
                    before + at,
                    format!("first difference, byte {at}: {got:02x} came, {want:02x} expected"),
                ));
            }
        }
        self.into()
    }
}

fn open(remote: SocketAddr, receive_buffer: Option<usize>) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    if let Some(size) = receive_buffer {
        socket.set_recv_buffer_size(size)?;
    }
    socket.connect_timeout(&remote.into(), Duration::from_secs(5))?;
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn refused(target: &Shared, remote: SocketAddr, error: &io::Error) -> Verdict {
    if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::EADDRNOTAVAIL | libc::ENOBUFS))
    {
        return grader_trouble(io::Error::from_raw_os_error(error.raw_os_error().unwrap_or(0)));
    }
    let mut failure = Failure::new(Kind::Refused, format!("no connection to {remote}: {error}"));
    note_death(&mut failure, target);
    failure.into()
}

fn grader_trouble(error: io::Error) -> Verdict {
    Verdict::Infrastructure(format!("the grader could not do its part: {error}"))
}

/// If the server ended, says how, and shows its last lines.
pub fn note_death(failure: &mut Failure, target: &Shared) {
    // FIN or RST of a dying process arrives before the process can be reaped.
    let Some(ended) = target.wait_end(Duration::from_millis(100)) else { return };
    failure.kind = Kind::ServerDied;
    failure.notes.push(format!("the server {ended}"));
    let tail = target.output.tail(5);
    if !tail.is_empty() {
        failure.notes.push(format!("its last lines:\n    {}", tail.join("\n    ")));
    }
}
