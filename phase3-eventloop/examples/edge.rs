//! A whole server of frames on edge-triggered epoll, in one file.
//!
//! ```console
//! $ cargo run -p phase3-eventloop --example edge -- --port 7003
//! ```
//!
//! With EPOLLET the kernel reports a *change*, once. So the loop must not wait while a client may have bytes, or room for
//! bytes, of which no news will come: until a call on its socket has said EAGAIN, the client stays on the ready list. It
//! gets one bounded read a round all the same, or a client that sends without a pause would starve the others.
//!
//! The library's own loop is level-triggered. It also has what is left out here: timeouts, a limit on clients, shared
//! buffers, a trace, and services other than echo.
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use phase1_echo::args::{self, Args, Flag, Spec};
use phase1_echo::calls::Calls;
use phase1_echo::{log, server, signals, socket};
use phase2_framing::frame::{self, DEFAULT_MAX, Decoded};
use phase3_eventloop::slab::{ConnId, Slab};
use phase3_eventloop::syscalls;
use phase3_eventloop::timers::Timers;

const SPEC: Spec = Spec {
    program: "edge",
    about: "Sends frames back to any number of clients, on edge-triggered epoll.",
    operands: None,
    flags: &[
        Flag { name: "host", value: Some("HOST"), help: "address to listen on (127.0.0.1)" },
        Flag { name: "port", value: Some("PORT"), help: "port to listen on (7003; 0: the kernel picks one)" },
    ],
    epilogue: "Try: frame encode hello | nc -N 127.0.0.1 7003 | frame decode",
};

const LISTENER: u64 = u64::MAX;
/// Most bytes of one read.
const READ_SIZE: usize = 64 * 1024;
/// Above this many bytes of waiting output a client is neither served nor read.
const HIGH_MARK: usize = 1024 * 1024;
/// How long the peer may take to answer our FIN with its own.
const LINGER: Duration = Duration::from_secs(2);
/// When to call accept again that has found no descriptor.
const RETRY_AFTER: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// Send what is owed, then FIN.
    Closing,
    /// FIN is sent: throw away what arrives until the peer's FIN.
    Lingering,
    /// The connection is over.
    Gone,
}

struct Client {
    socket: OwnedFd,
    peer: SocketAddr,
    state: State,
    /// Received and not served.
    input: Vec<u8>,
    /// Whole frames may stand in `input`: serving stopped at the high mark.
    unserved: bool,
    output: Vec<u8>,
    sent: usize,
    /// The kernel said "readable" or "writable", and has not said EAGAIN since.
    can_read: bool,
    can_write: bool,
    peer_ended: bool,
    listed: bool,
}

impl Client {
    fn owed(&self) -> usize {
        self.output.len() - self.sent
    }

    fn may_read(&self) -> bool {
        match self.state {
            State::Open => self.owed() <= HIGH_MARK && !self.unserved,
            State::Lingering => true,
            State::Closing | State::Gone => false,
        }
    }

    // ANCHOR: edge-has-work
    /// Whether something can be done for it of which no event will tell.
    fn has_work(&self) -> bool {
        let read = self.can_read && self.may_read();
        let write = self.can_write && self.owed() > 0;
        read || write || self.unserved && self.owed() <= HIGH_MARK
    }
    // ANCHOR_END: edge-has-work

    /// One round: what has arrived, one read, and everything that the kernel takes.
    fn advance(&mut self) {
        self.serve();
        if self.can_read && self.may_read() {
            self.read();
        }
        self.write();
        if self.state == State::Closing && self.owed() == 0 {
            let told = !self.peer_ended && socket::shutdown_write(self.socket.as_fd()).is_ok();
            self.state = if told { State::Lingering } else { State::Gone };
        }
    }

    fn serve(&mut self) {
        let mut served = 0;
        self.unserved = false;
        while self.state == State::Open {
            if self.owed() > HIGH_MARK {
                self.unserved = true;
                break;
            }
            match frame::decode(&self.input[served..], DEFAULT_MAX) {
                Ok(Decoded::Frame { consumed, .. }) => {
                    self.output.extend_from_slice(&self.input[served..served + consumed]);
                    served += consumed;
                }
                Ok(Decoded::NeedMore) => break,
                Err(error) => {
                    log!("{}: {error}", self.peer);
                    self.state = State::Closing;
                }
            }
        }
        self.input.drain(..served);
    }

    // ANCHOR: edge-read
    fn read(&mut self) {
        match syscalls::recv(self.socket.as_fd(), &mut self.input, READ_SIZE) {
            // The only proof that nothing is left: from here on an edge will come.
            Err(Errno::EAGAIN) => self.can_read = false,
            Err(Errno::EINTR) => {}
            Err(errno) => self.fail(errno),
            Ok(0) => {
                (self.can_read, self.peer_ended) = (false, true);
                let lingering = self.state == State::Lingering;
                self.state = if lingering { State::Gone } else { State::Closing };
                if let Some(cut) = frame::cut(&self.input).filter(|_| !lingering) {
                    log!("{}: {cut}", self.peer);
                }
            }
            Ok(_) if self.state == State::Lingering => self.input.clear(),
            Ok(_) => self.serve(),
        }
        if self.input.is_empty() {
            self.input = Vec::new();
        }
    }
    // ANCHOR_END: edge-read

    // ANCHOR: edge-write
    fn write(&mut self) {
        while self.can_write && self.owed() > 0 {
            match syscalls::send(self.socket.as_fd(), &self.output[self.sent..]) {
                Err(Errno::EAGAIN) => self.can_write = false,
                Err(Errno::EINTR) => {}
                Err(errno) => self.fail(errno),
                Ok(0) => self.fail(Errno::EIO),
                Ok(count) => self.sent += count,
            }
        }
        if self.owed() == 0 {
            self.output = Vec::new();
            self.sent = 0;
        }
    }
    // ANCHOR_END: edge-write

    fn fail(&mut self, errno: Errno) {
        log!("{}: {}", self.peer, errno.desc());
        self.state = State::Gone;
        self.output.clear();
        self.sent = 0;
    }
}

struct Loop {
    epoll: Epoll,
    listener: OwnedFd,
    clients: Slab<Client>,
    /// Those with work of which no event will tell.
    ready: Vec<ConnId>,
    lingering: Timers<ConnId>,
    /// Accept failed for want of a descriptor, and no edge will say that there is one.
    accept_again: bool,
}

fn main() -> ExitCode {
    args::run(&SPEC, run)
}

fn run(args: &Args) -> Result<()> {
    server::raise_descriptor_limit(16_384)?;
    // It also installs phase 1's signal handlers: SIGTERM shuts the listener, which is an event.
    let listener = server::open(Calls::Nix, args.address(7003)?, |bound| {
        format!("edge: type `frame encode hello | {} | frame decode`", server::nc(bound))
    })?;
    socket::set_nonblocking(listener.as_fd(), true).context("O_NONBLOCK")?;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).context("epoll")?;
    let edge = EpollFlags::EPOLLIN | EpollFlags::EPOLLET;
    epoll.add(&listener, EpollEvent::new(edge, LISTENER)).context("epoll")?;
    let (clients, ready) = (Slab::default(), Vec::new());
    Loop { epoll, listener, clients, ready, lingering: Timers::default(), accept_again: false }.run()
}

impl Loop {
    fn run(&mut self) -> Result<()> {
        let mut events = vec![EpollEvent::empty(); 1024];
        loop {
            let timeout = self.timeout();
            let count = match self.epoll.wait(&mut events, timeout) {
                Err(Errno::EINTR) => 0,
                count => count.context("epoll_wait")?,
            };
            for event in &events[..count] {
                self.note(event);
            }
            self.accept();
            if signals::stopping() {
                self.close_all();
                if self.clients.iter().next().is_none() {
                    return Ok(());
                }
            }
            for id in std::mem::take(&mut self.ready) {
                self.advance(id);
            }
            while let Some(id) = self.lingering.pop_expired(Instant::now()) {
                self.clients.remove(id);
            }
        }
    }

    fn timeout(&mut self) -> EpollTimeout {
        let wait = match self.lingering.earliest() {
            _ if !self.ready.is_empty() => Duration::ZERO,
            _ if self.accept_again => RETRY_AFTER,
            Some(end) => end.saturating_duration_since(Instant::now()) + Duration::from_millis(1),
            None => return EpollTimeout::NONE,
        };
        wait.try_into().unwrap_or(EpollTimeout::NONE)
    }

    // ANCHOR: edge-note
    /// Takes note of what has changed. Both directions come in one event.
    fn note(&mut self, event: &EpollEvent) {
        if event.data() == LISTENER {
            self.accept_again = true;
            return;
        }
        let id = ConnId(event.data());
        let Some(client) = self.clients.get_mut(id) else { return };
        let broken = EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR;
        client.can_read |= event.events().intersects(EpollFlags::EPOLLIN | broken);
        client.can_write |= event.events().intersects(EpollFlags::EPOLLOUT | broken);
        self.list(id);
    }
    // ANCHOR_END: edge-note

    fn list(&mut self, id: ConnId) {
        if let Some(client) = self.clients.get_mut(id).filter(|client| !client.listed) {
            client.listed = true;
            self.ready.push(id);
        }
    }

    // ANCHOR: edge-advance
    fn advance(&mut self, id: ConnId) {
        let Some(client) = self.clients.get_mut(id) else { return };
        client.listed = false;
        let was = client.state;
        client.advance();
        match client.state {
            State::Gone => drop(self.clients.remove(id)),
            State::Lingering if was != State::Lingering => {
                self.lingering.arm(id, Instant::now() + LINGER);
                self.list(id);
            }
            _ if client.has_work() => self.list(id),
            _ => {}
        }
    }
    // ANCHOR_END: edge-advance

    /// Until EAGAIN: the listener, too, is reported once.
    fn accept(&mut self) {
        while self.accept_again && !signals::stopping() {
            match socket::accept_nonblocking(self.listener.as_fd()) {
                Ok((socket, peer)) => self.admit(socket, peer),
                Err(Errno::EAGAIN) => self.accept_again = false,
                Err(Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM) => return,
                Err(_) => {}
            }
        }
    }

    fn admit(&mut self, socket: OwnedFd, peer: SocketAddr) {
        let _ = socket::set_nodelay(socket.as_fd(), true);
        let id = self.clients.insert_with(|_| Client {
            socket,
            peer,
            state: State::Open,
            input: Vec::new(),
            unserved: false,
            output: Vec::new(),
            sent: 0,
            can_read: false,
            can_write: true,
            peer_ended: false,
            listed: false,
        });
        let Some(client) = self.clients.get(id) else { return };
        let edges = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | EpollFlags::EPOLLET;
        if self.epoll.add(&client.socket, EpollEvent::new(edges, id.0)).is_err() {
            self.clients.remove(id);
        }
    }

    fn close_all(&mut self) {
        for id in self.clients.iter().map(|(id, _)| id).collect::<Vec<_>>() {
            if let Some(client) = self.clients.get_mut(id).filter(|client| client.state == State::Open) {
                client.state = State::Closing;
                self.list(id);
            }
        }
    }
}
