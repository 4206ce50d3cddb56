//! Turns in batches: bytes that have been read wait until a few connections have some.
//!
//! Serving each connection as soon as it is read would give the same replies. But a request mostly waits for memory, about a
//! hundred nanoseconds for each line that is in no cache, and a service that is told of several requests at once can ask for
//! the memory of all of them before it works on the first ([`Service::look_ahead`]). A pipeline is already a batch; single
//! requests of many clients become one here.
use std::ops::Range;

use super::EventLoop;
use crate::connection::READ_SIZE;
use crate::service::Service;
use crate::slab::ConnId;

/// Most connections read before the first of them is served: enough to hide memory's latency, few enough that their
/// records are still in the first-level cache when their turn comes.
const MOST: usize = 16;
/// Once this many bytes wait they are served, for the same reason.
const ENOUGH: usize = 1024;

/// The scratch buffer that all connections are read into, one behind the other, and whose the bytes in it are.
pub struct Batch {
    scratch: Box<[u8]>,
    waiting: Vec<Waiting>,
}

#[derive(Clone, Copy)]
struct Waiting {
    id: ConnId,
    start: usize,
    end: usize,
}

impl Batch {
    /// Room for `ENOUGH`, and behind it for a tail and one read.
    pub fn new() -> Self {
        Batch { scratch: vec![0; ENOUGH + 2 * READ_SIZE].into(), waiting: Vec::new() }
    }

    /// Where to read the next connection's bytes.
    pub fn room(&mut self) -> &mut [u8] {
        let start = self.end();
        &mut self.scratch[start..]
    }

    /// The bytes in this range of the buffer.
    pub fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.scratch[range]
    }

    /// Which connections wait, with what.
    fn iter(&self) -> impl Iterator<Item = (ConnId, &[u8])> {
        self.waiting.iter().map(|one| (one.id, &self.scratch[one.start..one.end]))
    }

    /// The first `length` bytes of the room are this connection's. They wait from now on.
    fn add(&mut self, id: ConnId, length: usize) {
        let start = self.end();
        self.waiting.push(Waiting { id, start, end: start + length });
    }

    fn is_full(&self) -> bool {
        self.waiting.len() == MOST || self.end() >= ENOUGH
    }

    fn end(&self) -> usize {
        self.waiting.last().map_or(0, |last| last.end)
    }
}

impl EventLoop {
    /// Lets what was just read wait for its turn, unless that completes a batch.
    pub(super) fn await_turn(&mut self, id: ConnId, length: usize, service: &mut dyn Service) {
        self.batch.add(id, length);
        if self.batch.is_full() {
            self.serve_batch(service);
        }
    }

    // ANCHOR: serve-batch
    /// Serves all that wait, in the order of their arrival.
    pub(super) fn serve_batch(&mut self, service: &mut dyn Service) {
        if self.batch.waiting.is_empty() {
            return;
        }
        if self.batch.waiting.len() > 1 {
            service.look_ahead(&mut self.batch.iter());
        }
        // `serve` reads no socket, so `waiting` does not grow in this loop.
        for at in 0..self.batch.waiting.len() {
            let Waiting { id, start, end } = self.batch.waiting[at];
            self.serve(id, Some(start..end), service);
        }
        self.batch.waiting.clear();
        service.turns_over();
    }
    // ANCHOR_END: serve-batch
}
