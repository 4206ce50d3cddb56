//! The format: `u32 little-endian length | payload`. Pure functions; nothing here knows of sockets, so the blocking
//! server of this phase and the event loop of the next use the same decoder.
use std::fmt;

/// Bytes in front of every payload.
pub const HEADER: usize = 4;

/// The largest payload accepted unless told otherwise: 32 MiB.
pub const DEFAULT_MAX: u32 = 32 << 20;

// ANCHOR: frame-decoded
/// What a decoder found at the front of its input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decoded<T> {
    /// A whole message. `consumed` bytes of the input are done with; the next message, or a part of it, starts there.
    Frame {
        /// The message.
        value: T,
        /// Its length in the input, header included.
        consumed: usize,
    },
    /// So far, so good. Come back with the same bytes and more behind them.
    NeedMore,
}
// ANCHOR_END: frame-decoded

/// A header that cannot be accepted. There is no way to find the next frame after one: the connection must be closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameError {
    /// The payload is longer than the maximum agreed on. Known from the header alone, before any byte of the payload.
    TooLong {
        /// The length that the header claims.
        len: u32,
        /// The largest that is accepted.
        max: u32,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FrameError::TooLong { len, max } = *self;
        write!(f, "a frame of {len} bytes is announced, more than the {max} allowed (--max-frame)")?;
        // Lengths of real messages are small, so three low bytes of zero suggest that the bytes were swapped.
        let swapped = len.swap_bytes();
        if swapped <= max && swapped < 1 << 16 {
            write!(f, "; in big-endian it would be {swapped}: is the client's length little-endian?")?;
        }
        Ok(())
    }
}

impl std::error::Error for FrameError {}

// ANCHOR: frame-decode
/// Looks for one frame at the front of `input`.
///
/// Borrows the payload from the input and copies nothing. The length is unsigned, compared with `max` before it is used,
/// and never added to anything that could overflow. A length of 0 is a frame like any other.
pub fn decode(input: &[u8], max: u32) -> Result<Decoded<&[u8]>, FrameError> {
    // ANCHOR: frame-decode-body
    let Some((header, rest)) = input.split_first_chunk::<HEADER>() else {
        return Ok(Decoded::NeedMore);
    };
    let len = u32::from_le_bytes(*header);
    if len > max {
        return Err(FrameError::TooLong { len, max });
    }
    match rest.get(..len as usize) {
        Some(payload) => Ok(Decoded::Frame { value: payload, consumed: HEADER + payload.len() }),
        None => Ok(Decoded::NeedMore),
    }
    // ANCHOR_END: frame-decode-body
}
// ANCHOR_END: frame-decode

// ANCHOR: frame-encode
/// Appends one frame to `out`. On error `out` is unchanged.
pub fn encode(payload: &[u8], max: u32, out: &mut Vec<u8>) -> Result<(), FrameError> {
    // ANCHOR: frame-encode-body
    let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    if len > max || payload.len() != len as usize {
        return Err(FrameError::TooLong { len, max });
    }
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(payload);
    Ok(())
    // ANCHOR_END: frame-encode-body
}
// ANCHOR_END: frame-encode

// ANCHOR: frame-cut
/// Where a stream was cut if `rest`, its last bytes, is the beginning of a frame: the header or the body, how many bytes
/// of how many. `None` if nothing is left or a whole frame is: the stream ended on a boundary.
pub fn cut(rest: &[u8]) -> Option<Cut> {
    match rest.split_first_chunk::<HEADER>() {
        None if rest.is_empty() => None,
        None => Some(Cut { part: "header", got: rest.len(), of: HEADER }),
        Some((header, body)) => {
            let of = u32::from_le_bytes(*header) as usize;
            (body.len() < of).then_some(Cut { part: "body", got: body.len(), of })
        }
    }
}
// ANCHOR_END: frame-cut

/// The place where a stream ended too early.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cut {
    /// `header` or `body`.
    pub part: &'static str,
    /// Bytes that arrived of this part.
    pub got: usize,
    /// Bytes it should have had.
    pub of: usize,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cut { part, got, of } = self;
        write!(f, "the stream ended inside a frame's {part}, after {got} of {of} bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(payload, DEFAULT_MAX, &mut out).unwrap();
        out
    }

    /// Feeds `pieces` one after the other, as reads would bring them, and collects whole messages.
    fn feed<'a>(
        pieces: impl IntoIterator<Item = &'a [u8]>,
        max: u32,
    ) -> Result<(Vec<Vec<u8>>, usize), FrameError> {
        let (mut buffer, mut messages) = (Vec::new(), Vec::new());
        for piece in pieces {
            buffer.extend_from_slice(piece);
            while let Decoded::Frame { value, consumed } = decode(&buffer, max)? {
                messages.push(value.to_vec());
                buffer.drain(..consumed);
            }
        }
        Ok((messages, buffer.len()))
    }

    #[test]
    fn the_length_comes_first_and_its_lowest_byte_first() {
        assert_eq!(frame(b"hello"), b"\x05\0\0\0hello");
        assert_eq!(frame(b""), b"\0\0\0\0");
        assert_eq!(frame(&[b'x'; 0x0102])[..4], [2, 1, 0, 0]);
    }

    // ANCHOR: frame-splits
    #[test]
    fn a_message_survives_every_split_into_two_and_three() {
        let stream = [frame(b"first"), frame(b""), frame(b"third one")].concat();
        let expected = vec![b"first".to_vec(), b"".to_vec(), b"third one".to_vec()];
        for a in 0..=stream.len() {
            for b in a..=stream.len() {
                let pieces = [&stream[..a], &stream[a..b], &stream[b..]];
                assert_eq!(feed(pieces, 100), Ok((expected.clone(), 0)), "split at {a} and {b}");
            }
        }
        assert_eq!(feed(stream.chunks(1), 100), Ok((expected, 0)), "byte by byte");
    }
    // ANCHOR_END: frame-splits

    #[test]
    fn what_follows_a_frame_is_left_alone() {
        let two_and_a_half = [frame(b"one"), frame(b"two"), frame(b"three")[..6].to_vec()].concat();
        assert_eq!(feed([&two_and_a_half[..]], 100), Ok((vec![b"one".to_vec(), b"two".to_vec()], 6)));
        assert_eq!(decode(&two_and_a_half, 100), Ok(Decoded::Frame { value: &b"one"[..], consumed: 7 }));
    }

    #[test]
    fn every_prefix_needs_more() {
        let whole = frame(b"payload");
        for cut in 0..whole.len() {
            assert_eq!(decode(&whole[..cut], 100), Ok(Decoded::NeedMore), "{cut} bytes");
        }
    }

    #[test]
    fn the_maximum_itself_is_allowed() {
        for (len, fits) in [(9, true), (10, true), (11, false)] {
            let whole = frame(&vec![b'x'; len]);
            assert_eq!(decode(&whole, 10).is_ok(), fits, "{len} of at most 10");
            assert_eq!(encode(&vec![b'x'; len], 10, &mut Vec::new()).is_ok(), fits);
        }
        assert!(decode(b"\xff\xff\xff\xff", u32::MAX).is_ok(), "a limit of 2^32-1 refuses nothing");
    }

    #[test]
    fn lengths_that_would_be_negative_or_overflow_are_too_long() {
        for len in [0x7fff_ffff_u32, 0x8000_0000, 0xffff_fffc, 0xffff_ffff] {
            let error = FrameError::TooLong { len, max: DEFAULT_MAX };
            assert_eq!(
                decode(&len.to_le_bytes(), DEFAULT_MAX),
                Err(error),
                "known before the payload arrives"
            );
            assert!(error.to_string().contains(&len.to_string()));
        }
    }

    #[test]
    fn swapped_bytes_are_suspected() {
        let message = decode(&5_u32.to_be_bytes(), DEFAULT_MAX).unwrap_err().to_string();
        assert!(message.contains("in big-endian it would be 5"), "{message}");
        let message = decode(&u32::MAX.to_le_bytes(), DEFAULT_MAX).unwrap_err().to_string();
        assert!(!message.contains("big-endian"), "{message}");
    }

    #[test]
    fn a_cut_stream_is_described() {
        let whole = frame(b"hello");
        assert_eq!(cut(b""), None);
        assert_eq!(cut(&whole), None);
        assert_eq!(cut(&whole[..3]), Some(Cut { part: "header", got: 3, of: 4 }));
        assert_eq!(cut(&whole[..4]), Some(Cut { part: "body", got: 0, of: 5 }));
        let message = cut(&whole[..8]).unwrap().to_string();
        assert_eq!(message, "the stream ended inside a frame's body, after 4 of 5 bytes");
    }
}
