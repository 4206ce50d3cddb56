//! Frames out of, and into, a blocking socket.
use std::fmt;
use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use phase1_echo::calls::Calls;
use phase1_echo::io::write_all;

use crate::frame::{self, Cut, Decoded, FrameError};

/// How much one read may bring. Room for thousands of small frames, or for a part of a large one.
const READ: usize = 64 * 1024;

/// Replies are sent when there is nothing left to serve, or when this many bytes of them have come together.
const FLUSH_ABOVE: usize = 64 * 1024;

/// A connected socket seen as a sequence of frames in each direction.
///
/// Input: one read(2) brings as many frames as have arrived, and they are served from memory. The buffer grows by what
/// has *arrived*, never by what a header announces, so four bytes from a stranger cost four bytes.
///
/// Output: replies collect in a buffer and leave together, before the next wait for input at the latest. A client that
/// sends a hundred requests at once gets its hundred replies in a write or two.
pub struct FrameStream<'fd> {
    fd: BorrowedFd<'fd>,
    max: u32,
    scratch: Box<[u8]>,
    input: Vec<u8>,
    /// How much of `input` has been served.
    served: usize,
    output: Vec<u8>,
}

/// A received frame, and the place for replies to it.
pub struct Received<'a> {
    /// The message, without its header.
    pub payload: &'a [u8],
    /// Append with [`frame::encode`]; sent by the next call of [`FrameStream::next_frame`] or by [`FrameStream::flush`].
    pub replies: &'a mut Vec<u8>,
}

/// Why no more frames can be read. The end of the stream between two frames is not among them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StreamError {
    /// The peer closed in the middle of a frame.
    Cut(Cut),
    /// The peer sent a header that cannot be accepted.
    Frame(FrameError),
    /// A system call failed. ECONNRESET, EPIPE: the peer is gone. EAGAIN: a timeout on the socket ran out.
    Io(Errno),
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StreamError::Cut(cut) => cut.fmt(f),
            StreamError::Frame(error) => error.fmt(f),
            StreamError::Io(Errno::EAGAIN) => f.write_str("idle for too long"),
            StreamError::Io(errno) => f.write_str(errno.desc()),
        }
    }
}

impl std::error::Error for StreamError {}

impl From<Errno> for StreamError {
    fn from(errno: Errno) -> Self {
        StreamError::Io(errno)
    }
}

impl<'fd> FrameStream<'fd> {
    /// Frames over `fd`, which must block. Longer payloads than `max` bytes are refused in both directions.
    pub fn new(fd: BorrowedFd<'fd>, max: u32) -> Self {
        let scratch = vec![0; READ].into_boxed_slice();
        FrameStream { fd, max, scratch, input: Vec::new(), served: 0, output: Vec::new() }
    }

    // ANCHOR: next-frame
    /// The next frame; waits for it if need be. `None`: the peer's stream ended, and it ended on a boundary.
    ///
    /// Whatever the outcome, all replies to earlier frames have been sent before this blocks on input, or returns an error from it.
    pub fn next_frame(&mut self) -> Result<Option<Received<'_>>, StreamError> {
        // ANCHOR: next-frame-body
        if self.output.len() > FLUSH_ABOVE {
            self.flush()?;
        }
        let (from, to) = loop {
            match frame::decode(&self.input[self.served..], self.max) {
                Ok(Decoded::Frame { value, consumed }) => {
                    self.served += consumed;
                    break (self.served - value.len(), self.served);
                }
                Ok(Decoded::NeedMore) => {
                    self.flush()?;
                    if !self.read_more()? {
                        return match frame::cut(&self.input) {
                            None => Ok(None),
                            Some(cut) => Err(StreamError::Cut(cut)),
                        };
                    }
                }
                Err(error) => {
                    self.flush()?;
                    return Err(StreamError::Frame(error));
                }
            }
        };
        // ANCHOR_END: next-frame-body
        // The loop finds a place, not a slice: borrowed in one of its arms, the buffer could not be read into in another.
        Ok(Some(Received { payload: &self.input[from..to], replies: &mut self.output }))
    }
    // ANCHOR_END: next-frame

    // ANCHOR: frame-read-more
    /// Appends what one read(2) brings; false at the end of the stream.
    fn read_more(&mut self) -> nix::Result<bool> {
        // Once per read and not once per frame, else a buffer full of tiny frames would be moved thousands of times.
        self.input.drain(..self.served);
        self.served = 0;
        let n = Calls::Nix.read(self.fd, &mut self.scratch)?;
        self.input.extend_from_slice(&self.scratch[..n]);
        Ok(n > 0)
    }
    // ANCHOR_END: frame-read-more

    /// Queues one frame. Sent by [`FrameStream::flush`], or when [`FrameStream::next_frame`] must wait.
    pub fn push(&mut self, payload: &[u8]) -> Result<(), FrameError> {
        frame::encode(payload, self.max, &mut self.output)
    }

    /// Sends what is queued.
    pub fn flush(&mut self) -> nix::Result<()> {
        write_all(self.fd, &self.output)?;
        self.output.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
    use std::os::fd::{AsFd, OwnedFd};

    fn pair() -> (OwnedFd, OwnedFd) {
        socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_CLOEXEC).unwrap()
    }

    /// What a stream yields of `bytes` followed by the end: the messages, then how it ended.
    fn read_all(bytes: &[u8], max: u32) -> (Vec<Vec<u8>>, Result<(), StreamError>) {
        let (near, far) = pair();
        write_all(far.as_fd(), bytes).unwrap();
        drop(far);
        let mut stream = FrameStream::new(near.as_fd(), max);
        let mut messages = Vec::new();
        loop {
            match stream.next_frame() {
                Ok(Some(received)) => messages.push(received.payload.to_vec()),
                Ok(None) => return (messages, Ok(())),
                Err(error) => return (messages, Err(error)),
            }
        }
    }

    #[test]
    fn a_stream_may_end_on_a_boundary_and_nowhere_else() {
        let bytes = b"\x02\0\0\0ab\0\0\0\0\x03\0\0\0xyz";
        for cut in 0..=bytes.len() {
            let (messages, end) = read_all(&bytes[..cut], 100);
            assert_eq!(messages.len(), [6, 10, 17].iter().filter(|&&boundary| boundary <= cut).count());
            assert_eq!(end.is_ok(), [0, 6, 10, 17].contains(&cut), "after {cut} bytes: {end:?}");
        }
        let (_, end) = read_all(&bytes[..15], 100);
        assert_eq!(
            end.unwrap_err().to_string(),
            "the stream ended inside a frame's body, after 1 of 3 bytes"
        );
    }

    #[test]
    fn replies_owed_are_sent_before_an_error_is_reported() {
        let (near, far) = pair();
        write_all(far.as_fd(), b"\x02\0\0\0ok\xff\xff\xff\xff").unwrap();
        let mut stream = FrameStream::new(near.as_fd(), 100);
        let received = stream.next_frame().unwrap().unwrap();
        frame::encode(received.payload, 100, received.replies).unwrap();
        assert!(matches!(stream.next_frame(), Err(StreamError::Frame(FrameError::TooLong { .. }))));
        let mut reply = [0; 6];
        assert_eq!(phase1_echo::io::read_full(far.as_fd(), &mut reply), Ok(6));
        assert_eq!(&reply, b"\x02\0\0\0ok");
    }

    #[test]
    fn a_claim_costs_nothing_until_bytes_arrive() {
        let (near, far) = pair();
        write_all(far.as_fd(), &(32_u32 << 20).to_le_bytes()).unwrap();
        drop(far);
        let mut stream = FrameStream::new(near.as_fd(), 32 << 20);
        assert!(stream.next_frame().is_err());
        assert!(stream.input.capacity() <= READ, "{} bytes for a header", stream.input.capacity());
    }
}
