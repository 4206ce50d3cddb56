//! New connections.
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use phase1_echo::{log, socket};

use super::{EventLoop, listener_token};
use crate::connection::CloseReason;
use crate::connection::Connection;
use crate::outbox::Relisten;
use crate::poller::Interest;
use crate::service::{Accepted, Admission, Service};
use crate::trace::Track;

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

/// Accepted, but no connection yet.
pub(super) struct Newcomer {
    socket: OwnedFd,
    peer: SocketAddr,
    /// The listener's tag.
    listener: usize,
}

impl EventLoop {
    /// Accepts connections from a listening socket; [`Accepted::listener`] will be `tag`. At most 255 of them.
    ///
    /// # Errors
    /// Those of fcntl(2) and of the poller.
    pub fn listen(&mut self, socket: OwnedFd, tag: usize) -> nix::Result<()> {
        if self.listeners.len() >= 255 {
            return Err(Errno::ENOSPC);
        }
        // Level-triggered readiness is no promise: the client may be gone again before accept, which would then block.
        socket::set_nonblocking(socket.as_fd(), true)?;
        self.poller.register(socket.as_fd(), listener_token(self.listeners.len()), Interest::READ)?;
        self.listeners.push(Listener { socket, tag, complained: false });
        Ok(())
    }

    // ANCHOR: accept-some
    /// Takes connections out of the queue. They are admitted at the end of the *next* tick ([`EventLoop::admit`]): a client that
    /// closes and connects again must not be refused because its old connection is still counted.
    pub(super) fn accept_some(&mut self, position: usize, service: &mut dyn Service) {
        for _ in 0..ACCEPTS_PER_TICK {
            let Some(listener) = self.listeners.get_mut(position) else { return };
            match socket::accept_nonblocking(listener.socket.as_fd()) {
                Ok((socket, peer)) => {
                    listener.complained = false;
                    self.newcomers.push(Newcomer { socket, peer, listener: listener.tag });
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
        let listener = &mut self.listeners[position];
        if !std::mem::replace(&mut listener.complained, true) {
            let remedy = match errno {
                Errno::EMFILE => "; raise the limit with `ulimit -n`",
                _ => "",
            };
            log!("new clients have to wait: {}{remedy}", errno.desc());
        }
        let paused = self.poller.modify(listener.socket.as_fd(), listener_token(position), Interest::NONE);
        debug_assert!(paused.is_ok(), "a listener is registered: {paused:?}");
        self.timers.arm(listener_token(position), self.outbox.now + RETRY_AFTER);
    }
    // ANCHOR_END: pause-accepting

    pub(super) fn resume_accepting(&mut self, position: usize, service: &mut dyn Service) {
        let Some(listener) = self.listeners.get(position) else { return };
        let resumed = self.poller.modify(listener.socket.as_fd(), listener_token(position), Interest::READ);
        debug_assert!(resumed.is_ok(), "a listener is registered: {resumed:?}");
        self.accept_some(position, service);
    }

    /// Whether connections wait to be admitted, or were and have not been flushed.
    pub(super) fn has_newcomers(&self) -> bool {
        !self.newcomers.is_empty() || !self.outbox.dirty.is_empty()
    }

    // ANCHOR: evict-lingering
    /// Gives up the connection that has lingered longest, for the sake of its descriptor. False if there is none.
    fn evict_lingering(&mut self, service: &mut dyn Service) -> bool {
        while let Some(id) = self.lingering.pop_front() {
            if self.is_lingering(id) {
                self.remove(id, service);
                return true;
            }
        }
        false
    }
    // ANCHOR_END: evict-lingering

    // ANCHOR: admit
    /// Admits the first `count` newcomers, which were accepted before this tick's wait. Whatever ended before they
    /// connected was reported by that wait, and has left by now.
    pub(super) fn admit(&mut self, count: usize, service: &mut dyn Service) {
        let newcomers: Vec<Newcomer> = self.newcomers.drain(..count).collect();
        for newcomer in newcomers {
            self.admit_one(newcomer, service);
        }
    }
    // ANCHOR_END: admit

    fn admit_one(&mut self, newcomer: Newcomer, service: &mut dyn Service) {
        let Newcomer { socket, peer, listener } = newcomer;
        // Replies are flushed once per tick already; Nagle's algorithm could only delay them.
        let _ = socket::set_nodelay(socket.as_fd(), true);
        if self.outbox.limits.keepalive.is_some() {
            let _ = socket::set_keepalive(socket.as_fd(), self.outbox.limits.keepalive);
        }
        // The peer may have gone since accept, or the kernel may be out of memory: then it is closed again.
        let Ok(local) = socket::local_addr(socket.as_fd()) else { return };
        let accepted = Accepted { listener, peer, local, fd: socket.as_raw_fd() };
        let now = self.outbox.now;
        let connections = &mut self.outbox.connections;
        let id = connections.insert_with(|id| Box::new(Connection::new(id, socket, peer, now)));
        let Some(connection) = connections.get(id) else { return };
        if let Err(errno) = self.poller.register(connection.socket.as_fd(), id.0, Interest::READ) {
            log!("cannot watch the connection of {peer}: {}", errno.desc());
            connections.remove(id);
            return;
        }
        self.trace.open_track(id, peer);
        let args = format_args!(r#""fd":{},"peer":"{peer}""#, accepted.fd);
        self.trace.note(Track::Connection(id), "accept", None, args);
        let Some(mut lent) = self.outbox.lend(id, None) else { return };
        let admission = service.open(id, &accepted, &mut lent.out, &mut self.outbox);
        let mut connection = self.outbox.take_back(lent.out);
        if admission == Admission::Refuse {
            connection.reported = true;
            connection.close(CloseReason::ByService, false);
        }
        let flush = connection.owed() > 0 || connection.is_ending();
        self.outbox.store(connection, flush);
        self.arm_timer(id);
    }

    /// Carries out [`Outbox::relisten`](crate::outbox::Outbox::relisten). A listener's token is its position, so all of them
    /// are registered anew.
    pub(super) fn replace_listeners(&mut self) {
        for Relisten { tag, gone, fresh } in std::mem::take(&mut self.outbox.relisten) {
            let old = std::mem::take(&mut self.listeners);
            for (position, listener) in old.iter().enumerate() {
                self.timers.disarm(listener_token(position));
                let deregistered = self.poller.deregister(listener.socket.as_fd());
                debug_assert!(deregistered.is_ok(), "a listener is registered: {deregistered:?}");
            }
            let stays = |listener: &Listener| {
                let address = socket::local_addr(listener.socket.as_fd());
                listener.tag != tag || address.is_ok_and(|address| !gone.contains(&address))
            };
            let kept = old.into_iter().filter(stays).map(|listener| (listener.socket, listener.tag));
            let all: Vec<(OwnedFd, usize)> =
                kept.chain(fresh.into_iter().map(|socket| (socket, tag))).collect();
            for (socket, tag) in all {
                if let Err(errno) = self.listen(socket, tag) {
                    log!("cannot watch a listening socket: {}", errno.desc());
                }
            }
        }
    }

    /// From here on a new client is refused by the kernel.
    pub(super) fn stop_accepting(&mut self) {
        self.newcomers.clear();
        for (position, listener) in self.listeners.drain(..).enumerate() {
            self.timers.disarm(listener_token(position));
            let deregistered = self.poller.deregister(listener.socket.as_fd());
            debug_assert!(deregistered.is_ok(), "a listener is registered: {deregistered:?}");
        }
    }
}
