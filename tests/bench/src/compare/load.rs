//! The load generator: one thread, one epoll, requests prebuilt and replies only counted.
//!
//! *Closed loop*: every client sends a batch, awaits its replies, sends the next. A slow server slows its clients, so
//! the latencies say what a client sees, not what a user would who does not wait for others.
//!
//! *Open loop*: requests are due at fixed instants whether or not earlier ones were answered, and latency counts from
//! the instant the request was due. A pause of the server is then felt by every request that fell into it, not by one
//! per client ("coordinated omission").

use super::skip::{Skipper, Wire};
use super::stats::Histogram;
use super::template::Batch;
use anyhow::{Context, Result, bail};
use kit::conn;
use kit::rng::Rng;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// A server that answers nothing for so long is given up.
const SILENCE: Duration = Duration::from_secs(30);
const READ_BUFFER: usize = 256 * 1024;

/// When a round ends.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// After so much time.
    Elapsed(Duration),
    /// After so many requests, rounded up to whole batches.
    Requests(u64),
}

/// What a round saw.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// Requests sent and answered.
    pub replies: u64,
    /// From the first request to the last reply.
    pub wall: Duration,
    /// Nanoseconds from when a request was sent (closed loop) or due (open loop) until its reply was read.
    pub latency: Histogram,
}

struct Client {
    stream: TcpStream,
    skipper: Skipper,
    /// Batches under way: when they were sent or due, and how many replies are still owed.
    owed: VecDeque<(u64, u64)>,
    /// What the socket did not take.
    unsent: Vec<u8>,
}

/// Connections to one server, and the requests they send.
pub struct Load {
    epoll: Epoll,
    clients: Vec<Client>,
    batch: Batch,
    keys: u64,
    random: Rng,
    buffer: Vec<u8>,
    started: Instant,
}

impl Load {
    /// Connects `clients` clients that will send `batch` over and over, its keys drawn from `0..keys`.
    ///
    /// # Errors
    /// Those of connect(2) and epoll_create1(2): no server there, too many descriptors.
    pub fn connect(address: SocketAddr, wire: Wire, batch: Batch, clients: usize, keys: u64) -> Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).context("epoll_create1(2)")?;
        let mut connected = Vec::with_capacity(clients);
        for index in 0..clients {
            let stream =
                conn::open(address, SILENCE).with_context(|| format!("client {index} cannot connect"))?;
            stream.set_nonblocking(true)?;
            epoll.add(&stream, EpollEvent::new(EpollFlags::EPOLLIN, index as u64)).context("epoll_ctl(2)")?;
            let skipper = Skipper::new(wire);
            connected.push(Client { stream, skipper, owed: VecDeque::new(), unsent: Vec::new() });
        }
        let random = Rng::new(0x9E37_79B9_7F4A_7C15);
        let buffer = vec![0; READ_BUFFER];
        Ok(Load { epoll, clients: connected, batch, keys, random, buffer, started: Instant::now() })
    }

    /// One batch on each connection: afterwards the server has accepted them all and has warm caches.
    ///
    /// # Errors
    /// As [`Load::closed_round`].
    pub fn warm_up(&mut self) -> Result<()> {
        let requests = (self.clients.len() * self.batch.requests()) as u64;
        self.closed_round(Until::Requests(requests)).map(drop)
    }

    /// A closed-loop round; every reply owed has been read when it returns.
    ///
    /// # Errors
    /// The server closes a connection, falls silent, answers with an error, or with something that is no reply.
    pub fn closed_round(&mut self, until: Until) -> Result<Round> {
        let mut round = Round::default();
        let mut limit = Limit::new(until, self.batch.requests());
        let begin = self.now();
        let mut busy = 0;
        for index in 0..self.clients.len() {
            if limit.another(0) {
                self.send(index, begin)?;
                busy += 1;
            }
        }
        let mut events = vec![EpollEvent::empty(); 1024];
        while busy > 0 {
            let ready = self.wait(&mut events, EpollTimeout::try_from(SILENCE)?)?;
            if ready == 0 {
                bail!("no reply for {SILENCE:?}");
            }
            for event in &events[..ready] {
                let index = event.data() as usize;
                self.ready(index, event.events(), &mut round)?;
                if self.clients[index].owed.is_empty() {
                    let now = self.now();
                    if limit.another(now - begin) {
                        self.send(index, now)?;
                    } else {
                        busy -= 1;
                    }
                }
            }
        }
        round.wall = Duration::from_nanos(self.now() - begin);
        Ok(round)
    }

    /// An open-loop round at `rate` requests a second, spread evenly over the clients.
    ///
    /// # Errors
    /// As [`Load::closed_round`].
    pub fn open_round(&mut self, rate: f64, until: Until) -> Result<Round> {
        let mut round = Round::default();
        let mut limit = Limit::new(until, self.batch.requests());
        let interval = self.batch.requests() as f64 * 1e9 / rate;
        let begin = self.now();
        let (mut sent, mut heard, mut over) = (0u64, begin, false);
        let mut events = vec![EpollEvent::empty(); 1024];
        loop {
            let due = begin + (sent as f64 * interval) as u64;
            let now = self.now();
            if !over && due <= now {
                over = !limit.another(due - begin);
                if !over {
                    self.send(sent as usize % self.clients.len(), due)?;
                    sent += 1;
                }
                // Replies are looked at between two requests even when the generator lags behind its timetable.
                if due + interval as u64 <= now && sent % 64 != 0 {
                    continue;
                }
            }
            let owed = sent * self.batch.requests() as u64 - round.replies;
            if over && owed == 0 {
                break;
            }
            let timeout = if over { EpollTimeout::from(100u8) } else { doze(due.saturating_sub(now)) };
            let ready = self.wait(&mut events, timeout)?;
            for event in &events[..ready] {
                self.ready(event.data() as usize, event.events(), &mut round)?;
            }
            if ready > 0 || owed == 0 {
                heard = now;
            }
            if now - heard > SILENCE.as_nanos() as u64 {
                bail!("no reply for {SILENCE:?}");
            }
        }
        round.wall = Duration::from_nanos(self.now() - begin);
        Ok(round)
    }

    fn now(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }

    fn wait(&self, events: &mut [EpollEvent], timeout: EpollTimeout) -> Result<usize> {
        match self.epoll.wait(events, timeout) {
            Err(nix::errno::Errno::EINTR) => Ok(0),
            other => other.context("epoll_wait(2)"),
        }
    }

    fn send(&mut self, index: usize, at: u64) -> Result<()> {
        let (random, keys) = (&mut self.random, self.keys);
        self.batch.set_keys(|| random.below(keys as usize) as u64);
        let client = &mut self.clients[index];
        client.owed.push_back((at, self.batch.requests() as u64));
        if !client.unsent.is_empty() {
            client.unsent.extend_from_slice(self.batch.bytes());
            return Ok(());
        }
        let taken = write_some(&mut client.stream, self.batch.bytes())?;
        if taken < self.batch.bytes().len() {
            client.unsent.extend_from_slice(&self.batch.bytes()[taken..]);
            self.interest(index, EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT)?;
        }
        Ok(())
    }

    fn interest(&self, index: usize, flags: EpollFlags) -> Result<()> {
        let mut event = EpollEvent::new(flags, index as u64);
        self.epoll.modify(&self.clients[index].stream, &mut event).context("epoll_ctl(2)")
    }

    fn ready(&mut self, index: usize, flags: EpollFlags, round: &mut Round) -> Result<()> {
        if flags.contains(EpollFlags::EPOLLOUT) {
            let client = &mut self.clients[index];
            let taken = write_some(&mut client.stream, &client.unsent)?;
            client.unsent.drain(..taken);
            if client.unsent.is_empty() {
                self.interest(index, EpollFlags::EPOLLIN)?;
            }
        }
        if flags.intersects(EpollFlags::EPOLLIN | EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR) {
            self.receive(index, round)?;
        }
        Ok(())
    }

    fn receive(&mut self, index: usize, round: &mut Round) -> Result<()> {
        let client = &mut self.clients[index];
        let got = match client.stream.read(&mut self.buffer) {
            Ok(0) => bail!("the server closed a connection in the middle of a round"),
            Ok(got) => got,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(());
            }
            Err(error) => return Err(error).context("a connection broke in the middle of a round"),
        };
        let now = self.started.elapsed().as_nanos() as u64;
        let fed = client.skipper.feed(&self.buffer[..got]);
        let mut replies =
            fed.map_err(|what| anyhow::anyhow!("the server sent something that is no reply: {what}"))?;
        if let Some(error) = client.skipper.error() {
            bail!("the server answered with an error: {error}");
        }
        round.replies += replies;
        while replies > 0 {
            let Some((at, owed)) = client.owed.front_mut() else { bail!("the server sent a reply too many") };
            let answered = replies.min(*owed);
            round.latency.record(now.saturating_sub(*at), answered);
            replies -= answered;
            *owed -= answered;
            if *owed == 0 {
                client.owed.pop_front();
            }
        }
        Ok(())
    }
}

/// Counts down the batches of a round.
struct Limit {
    until: Until,
    batch: u64,
    sent: u64,
}

impl Limit {
    fn new(until: Until, batch: usize) -> Self {
        Limit { until, batch: batch as u64, sent: 0 }
    }

    /// Whether another batch may be sent, `elapsed` nanoseconds into the round.
    fn another(&mut self, elapsed: u64) -> bool {
        let open = match self.until {
            Until::Elapsed(duration) => u128::from(elapsed) < duration.as_nanos(),
            Until::Requests(requests) => self.sent < requests,
        };
        self.sent += if open { self.batch } else { 0 };
        open
    }
}

/// Sleeps through long gaps; the last two milliseconds are spent polling, since epoll_wait(2) counts in milliseconds.
fn doze(nanoseconds: u64) -> EpollTimeout {
    let milliseconds = (nanoseconds / 1_000_000).saturating_sub(2).min(100);
    EpollTimeout::from(milliseconds as u8)
}

fn write_some(stream: &mut TcpStream, bytes: &[u8]) -> Result<usize> {
    match stream.write(bytes) {
        Ok(taken) => Ok(taken),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(0),
        Err(error) => Err(error).context("a connection broke in the middle of a round"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::template::Template;
    use std::net::TcpListener;
    use std::thread;

    /// Serves one connection: answers each PING, `pause` before the first, and hangs up before answer `limit`.
    fn server(pause: Duration, limit: usize, reply: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut bytes, mut answered) = (0, 0);
            let mut buffer = [0; 4096];
            while answered < limit {
                match stream.read(&mut buffer) {
                    Ok(got) if got > 0 => bytes += got,
                    _ => return,
                }
                if answered == 0 {
                    thread::sleep(pause);
                }
                while bytes >= PING.len() && answered < limit {
                    stream.write_all(reply).unwrap();
                    bytes -= PING.len();
                    answered += 1;
                }
            }
        });
        address
    }

    const PING: &str = "*1\r\n$4\r\nPING\r\n";

    fn load(address: SocketAddr, depth: usize) -> Load {
        let batch = Template::parse("PING").unwrap().batch(Wire::Resp, b"", depth);
        assert_eq!(batch.request_size(), PING.len());
        Load::connect(address, Wire::Resp, batch, 1, 1).unwrap()
    }

    #[test]
    fn a_closed_round_counts_every_reply_once() {
        let mut load = load(server(Duration::ZERO, usize::MAX, b"+PONG\r\n"), 7);
        load.warm_up().unwrap();
        let round = load.closed_round(Until::Requests(70)).unwrap();
        assert_eq!(round.replies, 70);
        assert!(round.latency.percentile(0.5) > 0);
    }

    /// Coordinated omission: a closed loop feels the server's pause once, an open one with every request due in it.
    #[test]
    fn an_open_loop_charges_a_pause_to_all_that_waited() {
        let pause = Duration::from_millis(100);
        let requests = Until::Requests(100);
        let closed = load(server(pause, usize::MAX, b"+PONG\r\n"), 1).closed_round(requests).unwrap();
        assert!(closed.latency.max() >= pause.as_nanos() as u64);
        let open = load(server(pause, usize::MAX, b"+PONG\r\n"), 1).open_round(1000.0, requests).unwrap();
        assert_eq!((closed.replies, open.replies), (100, 100));
        // Due one a millisecond, the fiftieth waited for about half the pause.
        assert!(open.latency.percentile(0.5) >= 40_000_000, "{}", open.latency.percentile(0.5));
        assert!(closed.latency.percentile(0.5) < open.latency.percentile(0.5));
    }

    #[test]
    fn what_ends_a_round_is_named() {
        let died =
            load(server(Duration::ZERO, 3, b"+PONG\r\n"), 1).closed_round(Until::Requests(10)).unwrap_err();
        assert!(died.to_string().contains("in the middle of a round"), "{died}");
        let error = load(server(Duration::ZERO, 9, b"-ERR full\r\n"), 1)
            .closed_round(Until::Requests(1))
            .unwrap_err();
        assert!(error.to_string().contains("ERR full"), "{error}");
        let twice =
            load(server(Duration::ZERO, 9, b"+A\r\n+B\r\n"), 1).closed_round(Until::Requests(2)).unwrap_err();
        assert!(twice.to_string().contains("a reply too many"), "{twice}");
    }
}
