//! The grader as the server of a client under test: it listens, starts the client, feeds it, and misbehaves on purpose: it
//! drips, falls silent, half-closes, resets. Every wait has an end.

mod ends;
mod looks;
mod printed;
mod talk;

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::process::ChildStdin;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, SockRef, Socket, Type};

use crate::check::{Kind, Outcome, Verdict};
use crate::client::End;
use crate::client::record::Record;
use crate::client::stall::{Stall, Stuck};
use crate::context::Patience;
use crate::target::{Fed, Launch};
use crate::wire::Wire;
use crate::{ports, procfs};
pub use ends::{CLUTTER, MUTE, STATUS};
use printed::Printed;

/// Named when the client was found at the port whose two bytes are swapped.
pub const PORT_ORDER: &str = "port not in network byte order";

/// What the client under test finds.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// All of its standard input; `None` leaves it open, to be fed by [`Host::feed`].
    pub input: Option<Vec<u8>>,
    /// The server's receive and send buffer, about so many bytes: it soon takes no more, and soon has nowhere to put.
    pub buffers: Option<usize>,
    /// Nobody listens at the port.
    pub absent: bool,
}

impl Setup {
    /// A server that is there, and an input that ends.
    #[must_use]
    pub fn input(bytes: &[u8]) -> Self {
        Self { input: Some(bytes.to_vec()), ..Self::default() }
    }
}

/// A client under test and the grader's end of its connection.
#[derive(Debug)]
pub struct Host {
    fed: Fed,
    input: Option<ChildStdin>,
    printed: Printed,
    /// The port that the client is told, and its twin with the bytes swapped.
    listeners: Vec<TcpListener>,
    stream: Option<TcpStream>,
    end: Option<End>,
    wire: Wire,
    patience: Patience,
    record: Record,
}

impl Host {
    pub(crate) fn start(launch: &Launch, wire: Wire, patience: Patience, setup: Setup) -> Outcome<Self> {
        let (port, listeners) = place(&setup).map_err(trouble)?;
        let mut fed =
            launch.start_client(port).map_err(|error| Verdict::Infrastructure(error.to_string()))?;
        let printed = Printed::collect(fed.output.take());
        let mut input = fed.input.take();
        if let Some(bytes) = setup.input
            && let Some(mut pipe) = input.take()
        {
            // A client that does not read all of its input is judged by what it does instead.
            std::thread::spawn(move || pipe.write_all(&bytes));
        }
        Ok(Self {
            fed,
            input,
            printed,
            listeners,
            stream: None,
            end: None,
            wire,
            patience,
            record: Record::default(),
        })
    }

    /// Begins a step of the check: the report shows the bytes since the last step, under this heading.
    pub fn step(&mut self, what: &str) {
        self.record = Record::of(what.to_owned());
    }

    /// Writes to the client's standard input, which stays open.
    pub fn feed(&mut self, bytes: &[u8]) {
        if let Some(pipe) = &mut self.input {
            // What the client does not read it will not send, which is looked at.
            let _ = pipe.write_all(bytes);
        }
    }

    /// Ends the client's standard input.
    pub fn end_input(&mut self) {
        self.input = None;
    }

    /// Waits for the client's connection.
    ///
    /// # Errors
    /// A failure when it does not come.
    pub fn accept(&mut self) -> Outcome {
        let mut stall = Stall::new();
        let mut stuck = None;
        loop {
            for (at, listener) in self.listeners.iter().enumerate() {
                let Ok((stream, _)) = listener.accept() else { continue };
                if at > 0 {
                    let summary = "the client connects to the port whose two bytes are swapped: sockaddr_in wants the \
                                   port in network byte order; use htons() or to_be()";
                    let mut failure = self.failure(Kind::Refused, summary);
                    failure.bug = Some(PORT_ORDER.into());
                    return Err(failure.into());
                }
                stream.set_nonblocking(true).map_err(trouble)?;
                // Each piece is to arrive as one.
                stream.set_nodelay(true).map_err(trouble)?;
                self.stream = Some(stream);
                return Ok(());
            }
            // A client that has ended may have connected before: one more look at the listeners.
            if let Some(stuck) = stuck {
                return Err(self.stuck(stuck, Kind::Refused, "the client makes no connection"));
            }
            stuck = self.look(&mut stall);
            std::thread::sleep(Duration::from_micros(500));
        }
    }

    /// Address space of the client's processes, in bytes: an allocation shows here before it is touched.
    #[must_use]
    pub fn address_space(&self) -> u64 {
        let members = procfs::group_members(self.fed.process.pid());
        members.iter().filter_map(|member| procfs::status_number(member.pid, "VmSize")).sum::<u64>() * 1024
    }

    /// CPU time of the client's processes.
    #[must_use]
    pub fn cpu(&self) -> Option<Duration> {
        self.fed.process.activity().map(|activity| Duration::from_nanos(activity.cpu_nanos))
    }

    fn look(&self, stall: &mut Stall) -> Option<Stuck> {
        self.look_with(stall, &self.patience)
    }

    fn look_with(&self, stall: &mut Stall, patience: &Patience) -> Option<Stuck> {
        let process = &self.fed.process;
        stall.look_at(patience, || process.ended().is_some(), || process.activity())
    }

    /// The connection; a check accepts before it talks.
    fn stream(&self) -> Outcome<&TcpStream> {
        self.stream
            .as_ref()
            .ok_or_else(|| Verdict::Infrastructure("the check talks before it accepts".into()))
    }

    fn poll(&self, flags: PollFlags) -> Outcome {
        let mut fds = [PollFd::new(self.stream()?.as_fd(), flags)];
        match poll(&mut fds, PollTimeout::from(20_u16)) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
            Err(errno) => Err(trouble(errno.into())),
        }
    }
}

/// A port, and the listeners at it and at its twin with the bytes swapped, where a client that forgot htons() knocks.
fn place(setup: &Setup) -> std::io::Result<(u16, Vec<TcpListener>)> {
    /// A twin may be taken: among the ports that the kernel hands to outgoing connections any may be. And a port that was free
    /// may have become the twin of another check's.
    const ATTEMPTS: usize = 20;
    let mut attempts = 0;
    loop {
        let port = ports::free_port()?;
        if setup.absent {
            return Ok((port, Vec::new()));
        }
        attempts += 1;
        let mut listeners = match listen(port, setup.buffers) {
            Ok(listener) => vec![listener],
            Err(_) if attempts < ATTEMPTS => continue,
            Err(error) => return Err(error),
        };
        listeners.extend(listen(port.swap_bytes(), None));
        if listeners.len() == 2 || attempts >= ATTEMPTS {
            return Ok((port, listeners));
        }
    }
}

fn listen(port: u16, buffers: Option<usize>) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    if let Some(bytes) = buffers {
        // Accepted connections inherit them, and the window is negotiated before accept.
        socket.set_recv_buffer_size(bytes)?;
        socket.set_send_buffer_size(bytes)?;
    }
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    socket.listen(8)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Lets the connection end with RST.
fn abort(stream: &TcpStream) {
    // Should the option fail, a plain close is the next best thing.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

fn trouble(error: std::io::Error) -> Verdict {
    Verdict::Infrastructure(format!("the grader could not do its part: {error}"))
}
