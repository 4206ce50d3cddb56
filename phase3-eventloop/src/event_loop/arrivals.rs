//! Bytes that have been read and wait for their turn: a few connections at a time.
//!
//! Serving each connection as soon as it is read would give the same replies. But a request mostly waits for memory, about a
//! hundred nanoseconds for each line that is in no cache, and a service that is told of several requests at once can ask for
//! the memory of all of them before it works on the first ([`Service::look_ahead`]). A client's pipeline brings its
//! own crowd; a crowd of clients with one request each only becomes one here.
use std::ops::Range;

use super::EventLoop;
use crate::connection::{READ_SIZE, State};
use crate::service::Service;
use crate::slab::ConnId;

/// Most connections read before the first of them is served: enough to hide memory's latency, few enough that their
/// records are still in the first-level cache when their turn comes.
const MOST: usize = 16;
/// Once this many bytes wait they are served, for the same reason.
const ENOUGH: usize = 1024;

/// The scratch buffer that all connections are read into, one behind the other, and whose the bytes in it are.
pub struct Arrivals {
    scratch: Box<[u8]>,
    waiting: Vec<Arrived>,
}

#[derive(Clone, Copy)]
struct Arrived {
    id: ConnId,
    start: usize,
    end: usize,
}

impl Arrivals {
    /// Room for `ENOUGH`, and behind it for a tail and one read.
    pub fn new() -> Self {
        Arrivals { scratch: vec![0; ENOUGH + 2 * READ_SIZE].into(), waiting: Vec::new() }
    }

    /// Where to read the next connection's bytes; nobody's bytes are in it.
    pub fn room(&mut self) -> &mut [u8] {
        let start = self.end();
        &mut self.scratch[start..]
    }

    /// The bytes in this range of the buffer.
    pub fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.scratch[range]
    }

    /// Who waits, with what.
    fn iter(&self) -> impl Iterator<Item = (ConnId, &[u8])> {
        self.waiting.iter().map(|one| (one.id, &self.scratch[one.start..one.end]))
    }

    /// The first `length` bytes of the room are this connection's. They wait from now on.
    fn add(&mut self, id: ConnId, length: usize) {
        let start = self.end();
        self.waiting.push(Arrived { id, start, end: start + length });
    }

    fn is_full(&self) -> bool {
        self.waiting.len() == MOST || self.end() >= ENOUGH
    }

    fn end(&self) -> usize {
        self.waiting.last().map_or(0, |last| last.end)
    }
}

impl EventLoop {
    /// Lets what was just read wait for its turn, unless that makes a crowd.
    pub(super) fn await_turn(&mut self, id: ConnId, length: usize, service: &mut dyn Service) {
        self.arrivals.add(id, length);
        if self.arrivals.is_full() {
            self.serve_arrivals(service);
        }
    }

    // ANCHOR: serve-arrivals
    /// Serves all who wait, in the order of their arrival.
    pub(super) fn serve_arrivals(&mut self, service: &mut dyn Service) {
        if self.arrivals.waiting.is_empty() {
            return;
        }
        if self.arrivals.waiting.len() > 1 {
            service.look_ahead(&mut self.arrivals.iter());
        }
        // Nobody is read in a turn, so nobody joins them meanwhile.
        for at in 0..self.arrivals.waiting.len() {
            let Arrived { id, start, end } = self.arrivals.waiting[at];
            // A turn before this one may have closed it.
            if self.outbox.connections.get(id).is_some_and(|connection| connection.state == State::Open) {
                self.serve(id, Some(start..end), service);
            }
        }
        self.arrivals.waiting.clear();
        service.turns_over();
    }
    // ANCHOR_END: serve-arrivals
}
