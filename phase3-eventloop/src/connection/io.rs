//! A connection's two system calls, and its buffers between them.
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

/// What one read brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Received {
    /// New bytes; 0 is the peer's FIN.
    pub count: usize,
    /// `Some(n)`: pending and new bytes stand together in the first n bytes of the scratch buffer. `None`: in `pending`.
    pub scratch: Option<usize>,
}

impl Connection {
    /// One bounded read. `scratch` has room for a tail in front and one read behind it: twice [`READ_SIZE`].
    ///
    /// A short tail is moved in front of the new bytes, in the shared scratch buffer: a request that arrives whole is
    /// served where the kernel put it and copied nowhere. A long tail (a value of megabytes) stays where it is and grows
    /// in place, by ever larger reads, so that each of its bytes is written once. Room is never reserved on the word of
    /// a length field, only in proportion to what has arrived.
    ///
    /// # Errors
    /// Those of [`syscalls::recv`] and [`syscalls::recv_append`].
    pub fn receive(&mut self, scratch: &mut [u8]) -> nix::Result<Received> {
        // ANCHOR: read-step
        // ANCHOR: read-step-body
        let tail = self.pending.len();
        if tail > READ_SIZE {
            let count = syscalls::recv_append(self.socket.as_fd(), &mut self.pending, tail.min(MAX_READ))?;
            return Ok(Received { count, scratch: None });
        }
        scratch[..tail].copy_from_slice(&self.pending);
        let count = syscalls::recv(self.socket.as_fd(), &mut scratch[tail..tail + READ_SIZE])?;
        Ok(Received { count, scratch: Some(tail + count) })
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

    /// Makes room for more output.
    pub fn prepare_output(&mut self, buffers: &mut BufferPool) {
        self.compact_output();
        if self.output.capacity() == 0 {
            self.output = buffers.take();
        }
    }

    /// Drops the sent half of the output before more is appended. At most as many bytes are moved as were sent since.
    pub fn compact_output(&mut self) {
        if self.sent > 0 && self.sent >= self.owed() {
            self.output.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// Keeps what the service did not consume: of bytes in the scratch buffer (`fresh`) a copy, of `pending` the rest.
    pub fn keep_rest(&mut self, fresh: Option<&[u8]>, consumed: usize) {
        match fresh {
            Some(input) if consumed == 0 => self.pending.extend_from_slice(&input[self.pending.len()..]),
            Some(input) => {
                self.pending.clear();
                self.pending.extend_from_slice(&input[consumed..]);
            }
            None => drop(self.pending.drain(..consumed)),
        }
    }
}
