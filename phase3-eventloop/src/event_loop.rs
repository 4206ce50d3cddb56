//! The loop: one thread that waits for all descriptors at once and never for one of them.
//!
//! A tick in order: wait; then for each ready connection one bounded read and a turn of the service over all that it
//! can use, a few connections at a time; then timers and the service's background work; then the service's last word
//! before any reply leaves ([`Service::before_flush`]); then one write per connection that has something to say, and
//! whatever follows from that; last, newcomers are admitted. Connections begin and end at the end of a tick, so no list
//! is modified while it is being walked. The one exception: a lingering connection is evicted when accept finds no
//! descriptor.
mod accept;
mod batch;
mod flush;
mod shutdown;
mod signals;
mod timeouts;
mod turn;

use std::mem;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::errno::Errno;
use nix::sys::signalfd::SignalFd;

use crate::connection::{CloseReason, State};
use crate::event_loop::accept::{Listener, Newcomer};
use crate::limits::Limits;
use crate::outbox::Outbox;
use crate::poller::{Event, Interest, Poller, PollerKind, Token};
use crate::service::Service;
use crate::slab::ConnId;
use crate::timers::Timers;
use crate::trace::Trace;

/// The token of the signal descriptor; listeners count down from the one before. No [`ConnId`] comes near: its low half
/// would have to be a slot beyond 2³² − 65536.
const SIGNALS: Token = Token::MAX;
const MOST_LISTENERS: Token = 65535;

fn listener_token(position: usize) -> Token {
    SIGNALS - 1 - position as Token
}

fn listener_position(token: Token) -> Option<usize> {
    (SIGNALS - 1).checked_sub(token).filter(|&position| position < MOST_LISTENERS).map(|at| at as usize)
}

/// The loop, with everything that it looks after.
pub struct EventLoop {
    poller: Box<dyn Poller>,
    signals: SignalFd,
    /// By position; `None`: closed.
    listeners: Vec<Option<Listener>>,
    /// Accepted, and not admitted yet.
    newcomers: Vec<Newcomer>,
    timers: Timers<Token>,
    outbox: Outbox,
    trace: Trace,
    /// Read, and not served yet.
    waiting: Vec<ConnId>,
    waiting_bytes: usize,
    events: Vec<Event>,
}

impl EventLoop {
    /// Makes a loop and blocks SIGTERM, SIGINT and SIGCHLD in this thread: from here on they arrive as events.
    ///
    /// # Errors
    /// Those of epoll_create1(2) and signalfd(2).
    pub fn new(poller: PollerKind, limits: Limits, trace: Trace) -> nix::Result<Self> {
        let mut poller = poller.open()?;
        let signals = signals::open()?;
        poller.register(signals.as_fd(), SIGNALS, Interest::READ)?;
        Ok(EventLoop {
            poller,
            signals,
            listeners: Vec::new(),
            newcomers: Vec::new(),
            timers: Timers::default(),
            outbox: Outbox::new(limits),
            trace,
            waiting: Vec::new(),
            waiting_bytes: 0,
            events: Vec::new(),
        })
    }

    /// Serves until SIGTERM, SIGINT or [`Outbox::shut_down`], then finishes the replies in flight.
    ///
    /// # Errors
    /// What [`Service::before_flush`] or [`Service::shut_down`] report, or a defect of the poller.
    pub fn run(&mut self, service: &mut dyn Service) -> anyhow::Result<()> {
        self.outbox.now = Instant::now();
        while !self.outbox.stop {
            self.tick(service)?;
        }
        self.shut_down(service)
    }

    /// Once around.
    fn tick(&mut self, service: &mut dyn Service) -> anyhow::Result<()> {
        // ANCHOR: tick
        // ANCHOR: tick-body
        let timeout = self.timeout(service);
        let newcomers = self.newcomers.len();
        self.wait(timeout)?;
        let tick = self.trace.begin();
        self.dispatch_all(service);
        self.serve_batch(service);
        self.serve_ready(service);
        self.expire_timers(service);
        if service.next_deadline().is_some_and(|deadline| deadline <= self.outbox.now) {
            service.on_deadline(&mut self.outbox);
        }
        service.before_flush(&mut self.outbox)?;
        self.flush_dirty(service);
        self.admit(newcomers, service);
        self.trace.note(0, "tick", tick, || format!("\"events\":{}", self.events.len()));
        // ANCHOR_END: tick-body
        // ANCHOR_END: tick
        self.trace.write_out();
        self.rearm_if_limits_changed();
        self.replace_listeners();
        Ok(())
    }

    // ANCHOR: timeout
    /// How long the next wait may last: not at all if work is left, else until the nearest deadline.
    fn timeout(&mut self, service: &dyn Service) -> Option<Duration> {
        if !self.outbox.ready.is_empty() || self.has_newcomers() || self.outbox.stop {
            return Some(Duration::ZERO);
        }
        let next = [self.timers.earliest(), service.next_deadline()].into_iter().flatten().min()?;
        Some(next.saturating_duration_since(self.outbox.now))
    }
    // ANCHOR_END: timeout

    /// Waits, and reads the clock: once per tick, for every connection.
    fn wait(&mut self, timeout: Option<Duration>) -> anyhow::Result<()> {
        let start = self.trace.begin();
        self.poller.wait(&mut self.events, timeout).context("cannot wait for events")?;
        self.outbox.now = Instant::now();
        self.trace.note(0, "wait", start, || {
            let millis = timeout.map_or(-1, |timeout| timeout.as_millis() as i64);
            format!(r#""ready":{},"timeout_ms":{millis}"#, self.events.len())
        });
        Ok(())
    }

    /// Hands each event to what it is about.
    fn dispatch_all(&mut self, service: &mut dyn Service) {
        let events = mem::take(&mut self.events);
        for event in &events {
            if event.token == SIGNALS {
                let (stop, child) = signals::take(&self.signals);
                self.outbox.stop |= stop;
                if child {
                    service.child_exited(&mut self.outbox);
                }
            } else if let Some(position) = listener_position(event.token) {
                self.accept_some(position, service);
            } else {
                self.on_ready(ConnId(event.token), event, service);
            }
        }
        self.events = events;
    }

    // ANCHOR: on-ready
    /// Takes note of what the kernel says of a connection, and reads from it if there is something to read.
    fn on_ready(&mut self, id: ConnId, event: &Event, service: &mut dyn Service) {
        // A stale event: its connection ended earlier in this list. The slot's new connection has another id.
        let Some(connection) = self.outbox.connections.get_mut(id) else { return };
        connection.can_write |= event.writable;
        let readable = event.readable || event.hang_up;
        if event.writable {
            connection.enlist(&mut self.outbox.dirty);
        }
        if event.hang_up && !connection.wants_read() {
            // It is reported for as long as it lasts, and no read is going to see it.
            match connection.state {
                // Served in this tick or the next, and read then.
                State::Open => {}
                State::Held => return self.end_of_input(id, service),
                _ => {
                    connection.abandon(CloseReason::Error(Errno::ECONNRESET));
                    connection.enlist(&mut self.outbox.dirty);
                }
            }
        }
        if readable {
            self.read(id, service);
        }
    }
    // ANCHOR_END: on-ready

    /// Every connection, as a list of its own: what is done with it may end some.
    fn ids(&self) -> Vec<ConnId> {
        self.outbox.connections.iter().map(|(id, _)| id).collect()
    }
}

#[cfg(test)]
mod tests;
