//! New connections.
use std::mem;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use phase1_echo::{log, socket};

use super::{EventLoop, listener_token};
use crate::connection::{CloseReason, Connection, State};
use crate::poller::Interest;
use crate::service::{Accepted, Admission, Service};

/// Most connections accepted per listener and tick: a storm of newcomers must not starve the clients inside.
const ACCEPTS_PER_TICK: usize = 128;
/// How long to wait when there is no descriptor left.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// A socket to accept from.
pub(super) struct Listener {
    socket: OwnedFd,
    tag: usize,
    /// Whether the present shortage has been logged.
    complained: bool,
}

/// Accepted, but no connection yet; with its listener's tag.
pub(super) type Newcomer = (OwnedFd, SocketAddr, usize);

impl EventLoop {
    /// Accepts connections from a listening socket; [`Accepted::listener`] will be `tag`.
    ///
    /// # Errors
    /// Those of fcntl(2) and of the poller.
    pub fn listen(&mut self, socket: OwnedFd, tag: usize) -> nix::Result<()> {
        let free = self.listeners.iter().position(Option::is_none).unwrap_or(self.listeners.len());
        // Level-triggered readiness is no promise: the client may be gone again before accept, which would then block.
        socket::set_nonblocking(socket.as_fd(), true)?;
        self.poller.register(socket.as_fd(), listener_token(free), Interest::READ)?;
        self.listeners.resize_with(self.listeners.len().max(free + 1), || None);
        self.listeners[free] = Some(Listener { socket, tag, complained: false });
        Ok(())
    }

    // ANCHOR: accept-some
    /// Takes connections out of the queue. They are admitted at the end of the *next* tick ([`EventLoop::admit`]): a client that
    /// closes and connects again must not be refused because its old connection is still counted.
    pub(super) fn accept_some(&mut self, position: usize, service: &mut dyn Service) {
        for _ in 0..ACCEPTS_PER_TICK {
            let Some(Some(listener)) = self.listeners.get_mut(position) else { return };
            match socket::accept_nonblocking(listener.socket.as_fd()) {
                Ok((socket, peer)) => {
                    listener.complained = false;
                    self.newcomers.push((socket, peer, listener.tag));
                }
                Err(Errno::EAGAIN) => return,
                // The client left while it waited, or a signal came: the next one may be fine.
                Err(Errno::EINTR | Errno::ECONNABORTED) => {}
                Err(errno) if socket::is_network_error(errno) => {}
                Err(Errno::EMFILE | Errno::ENFILE) if self.evict_lingering(service) => {}
                // Some of those accepted just now may be refused, and can be evicted then.
                Err(Errno::EMFILE | Errno::ENFILE) if self.has_newcomers() => return,
                Err(errno) => return self.pause_accepting(position, errno),
            }
        }
    }
    // ANCHOR_END: accept-some

    // ANCHOR: pause-accepting
    /// Out of descriptors (`EMFILE`, `ENFILE`) or of something else that will be back: the connection stays in the backlog
    /// and the listener stays readable, so every wait would return at once and every accept fail. Look away, and try again
    /// in a while.
    fn pause_accepting(&mut self, position: usize, errno: Errno) {
        let Some(Some(listener)) = self.listeners.get_mut(position) else { return };
        if !mem::replace(&mut listener.complained, true) {
            let raise = if errno == Errno::EMFILE { "; raise the limit with `ulimit -n`" } else { "" };
            log!("new clients have to wait: {}{raise}", errno.desc());
        }
        self.watch_listener(position, Interest::NONE);
        self.timers.arm(listener_token(position), self.outbox.now + RETRY_AFTER);
    }
    // ANCHOR_END: pause-accepting

    pub(super) fn resume_accepting(&mut self, position: usize, service: &mut dyn Service) {
        self.watch_listener(position, Interest::READ);
        self.accept_some(position, service);
    }

    fn watch_listener(&mut self, position: usize, interest: Interest) {
        let Some(Some(listener)) = self.listeners.get(position) else { return };
        let modified = self.poller.modify(listener.socket.as_fd(), listener_token(position), interest);
        debug_assert!(modified.is_ok(), "a listener is registered: {modified:?}");
    }

    /// Whether connections wait to be admitted, or were and have not been flushed.
    pub(super) fn has_newcomers(&self) -> bool {
        !self.newcomers.is_empty() || !self.outbox.dirty.is_empty()
    }

    // ANCHOR: evict-lingering
    /// Gives up the connection that has lingered longest, for the sake of its descriptor. False if there is none.
    fn evict_lingering(&mut self, service: &mut dyn Service) -> bool {
        let lingering =
            self.outbox.connections.iter().filter_map(|(id, connection)| match connection.state {
                State::Lingering { until } => Some((until, id)),
                _ => None,
            });
        let Some((_, oldest)) = lingering.min() else { return false };
        self.remove(oldest, service);
        true
    }
    // ANCHOR_END: evict-lingering

    // ANCHOR: admit
    /// Admits the first `count` newcomers, which were accepted before this tick's wait. Whatever ended before they
    /// connected was reported by that wait, and has left by now.
    pub(super) fn admit(&mut self, count: usize, service: &mut dyn Service) {
        for newcomer in self.newcomers.drain(..count).collect::<Vec<_>>() {
            self.admit_one(newcomer, service);
        }
    }
    // ANCHOR_END: admit

    fn admit_one(&mut self, (socket, peer, listener): Newcomer, service: &mut dyn Service) {
        // Replies are flushed once per tick already; Nagle's algorithm could only delay them.
        let _ = socket::set_nodelay(socket.as_fd(), true);
        if self.outbox.limits.keepalive.is_some() {
            let _ = socket::set_keepalive(socket.as_fd(), self.outbox.limits.keepalive);
        }
        // The peer may have gone since accept, or the kernel may be out of memory: then it is closed again.
        let Ok(local) = socket::local_addr(socket.as_fd()) else { return };
        let accepted = Accepted { listener, peer, local, fd: socket.as_raw_fd() };
        let (track, now) = (self.trace.open_track(peer), self.outbox.now);
        let connections = &mut self.outbox.connections;
        let id = connections.insert_with(|id| Connection::new(id, socket, track, now));
        let Some(connection) = connections.get(id) else { return };
        if let Err(errno) = self.poller.register(connection.socket.as_fd(), id.0, Interest::READ) {
            log!("cannot watch the connection of {peer}: {}", errno.desc());
            connections.remove(id);
            return;
        }
        self.trace.note(track, "accept", None, || format!(r#""fd":{},"peer":"{peer}""#, accepted.fd));
        let Some(mut lent) = self.outbox.lend(id) else { return };
        let refused = service.open(id, &accepted, &mut lent.output, &mut self.outbox) == Admission::Refuse;
        let flush = refused || !lent.output.is_empty();
        let connection = self.outbox.take_back(id, lent, flush);
        if refused {
            connection.reported = true;
            connection.close(CloseReason::ByService, false);
        }
        self.arm_timer(id);
    }

    /// Carries out [`Outbox::relisten`](crate::outbox::Outbox::relisten).
    pub(super) fn replace_listeners(&mut self) {
        for (tag, gone, fresh) in mem::take(&mut self.outbox.relisten) {
            self.stop_listening(|listener| {
                let address = socket::local_addr(listener.socket.as_fd());
                listener.tag == tag && address.is_ok_and(|address| gone.contains(&address))
            });
            for socket in fresh {
                if let Err(errno) = self.listen(socket, tag) {
                    log!("cannot watch a listening socket: {}", errno.desc());
                }
            }
        }
    }

    /// From here on a new client is refused by the kernel.
    pub(super) fn stop_accepting(&mut self) {
        self.newcomers.clear();
        self.stop_listening(|_| true);
    }

    fn stop_listening(&mut self, leaves: impl Fn(&Listener) -> bool) {
        for (position, place) in self.listeners.iter_mut().enumerate() {
            if let Some(listener) = place.take_if(|listener| leaves(listener)) {
                self.timers.disarm(listener_token(position));
                let deregistered = self.poller.deregister(listener.socket.as_fd());
                debug_assert!(deregistered.is_ok(), "a listener is registered: {deregistered:?}");
            }
        }
    }
}
