//! A connection's two system calls, and its buffers between them.
use std::mem;
use std::os::fd::AsFd;
use std::time::Instant;

use nix::errno::Errno;

use super::Connection;
use crate::buffers::BufferPool;
use crate::syscalls;

/// Most bytes of an ordinary read.
pub const READ_SIZE: usize = 64 * 1024;
/// Most bytes of a read into a big unfinished request.
const MAX_READ: usize = 1024 * 1024;
/// An unfinished request up to this long does not keep the buffer that it arrived in.
const SHORT: usize = READ_SIZE / 4;

impl Connection {
    /// One bounded read, behind what is pending. Returns how many bytes came; 0 is the peer's FIN.
    ///
    /// A request that arrives whole is served where the kernel put it. A long one grows in place, by ever larger reads, so
    /// that each of its bytes is written once. Room is never reserved on the word of a length field, only in proportion to
    /// what has arrived.
    ///
    /// # Errors
    /// Those of [`syscalls::recv`].
    pub fn receive(&mut self, buffers: &mut BufferPool) -> nix::Result<usize> {
        // ANCHOR: read-step
        // ANCHOR: read-step-body
        if self.pending.capacity() < READ_SIZE {
            let mut buffer = buffers.take();
            buffer.extend_from_slice(&self.pending);
            self.pending = buffer;
        }
        let room = self.pending.len().clamp(READ_SIZE, MAX_READ);
        let received = syscalls::recv(self.socket.as_fd(), &mut self.pending, room);
        if self.pending.is_empty() {
            buffers.give_back(&mut self.pending);
        }
        received
        // ANCHOR_END: read-step-body
        // ANCHOR_END: read-step
    }

    /// Offers the kernel what is owed, once. Returns how much it took.
    ///
    /// # Errors
    /// The peer is gone: `EPIPE`, `ECONNRESET`. The kernel took nothing and gave no reason: `EIO`. A full send buffer is not an error but 0 bytes.
    pub fn flush(&mut self, now: Instant) -> nix::Result<usize> {
        // ANCHOR: flush-step
        // ANCHOR: flush-step-body
        let offered = self.owed();
        let taken = match syscalls::send(self.socket.as_fd(), &self.output[self.sent..]) {
            Err(Errno::EAGAIN) => 0,
            Err(Errno::EINTR) => return Ok(0),
            // No room is EAGAIN; 0 is no answer at all, and waiting for "writable" would bring it for ever.
            Ok(0) if offered > 0 => return Err(Errno::EIO),
            taken => taken?,
        };
        self.sent += taken;
        // What is left stays where it is; moving it to the front after every short write would be O(n²).
        self.can_write = taken == offered;
        if taken > 0 {
            self.last_activity = now;
        }
        self.stalled_since = match self.stalled_since {
            _ if taken == offered => None,
            Some(since) if taken == 0 => Some(since),
            _ => Some(now),
        };
        Ok(taken)
        // ANCHOR_END: flush-step-body
        // ANCHOR_END: flush-step
    }

    /// Makes room for more output. What has been sent is dropped once it is no less than what has not: so no more bytes
    /// are moved than were sent.
    pub fn prepare_output(&mut self, buffers: &mut BufferPool) {
        if self.sent > 0 && self.sent >= self.owed() {
            self.output.drain(..self.sent);
            self.sent = 0;
        }
        if self.output.capacity() == 0 {
            self.output = buffers.take();
        }
    }
}

/// Drops what has been served. A short rest moves to a buffer of its own size: the large one is for the next read.
pub(crate) fn consume(pending: &mut Vec<u8>, served: usize, buffers: &mut BufferPool) {
    if pending.len() - served > SHORT {
        pending.drain(..served);
    } else {
        let rest = pending[served..].to_vec();
        buffers.give_back(&mut mem::replace(pending, rest));
    }
}
