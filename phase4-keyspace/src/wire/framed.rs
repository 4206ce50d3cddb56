//! Framed requests: `u32 length | u32 n | n × (u32 len | bytes)`, all little-endian.
//!
//! The outer frame is phase 2's. What is inside makes claims of its own, and each is checked against the bytes that are
//! really there before anything is believed or allocated.
use super::args::Span;
use super::limits::{Limits, Parsed, ProtocolError};

/// Takes the frame at `pos` apart, appending one span per argument. A frame without arguments is nothing to run, but it
/// is owed an answer, so it is refused like the other malformed ones.
pub fn parse(
    input: &[u8],
    pos: usize,
    limits: &Limits,
    spans: &mut Vec<Span>,
) -> Result<Parsed, ProtocolError> {
    // ANCHOR: parse-framed-body
    let Some(len) = u32_at(input, pos) else { return Ok(Parsed::NeedMore) };
    let max =
        if limits.unauthenticated { limits.max_frame.min(UNAUTHENTICATED_FRAME) } else { limits.max_frame };
    if len > max {
        return Err(ProtocolError::FrameLength);
    }
    let end = pos + 4 + len;
    let Some(frame) = input.get(..end) else { return Ok(Parsed::NeedMore) };
    let count = u32_at(frame, pos + 4).ok_or(ProtocolError::FrameInside)?;
    let mut at = pos + 8;
    for _ in 0..count {
        // Even an absurd count ends here, at the first argument that the frame has no room for.
        let len = u32_at(frame, at).ok_or(ProtocolError::FrameInside)?;
        let (start, stop) = (at + 4, at + 4 + len);
        if stop > end {
            return Err(ProtocolError::FrameInside);
        }
        if len > limits.max_bulk {
            return Err(ProtocolError::FrameArgument);
        }
        spans.push(Span { start: start as u32, end: stop as u32 });
        at = stop;
    }
    if at != end || count == 0 {
        return Err(ProtocolError::FrameInside);
    }
    Ok(Parsed::Request(end))
    // ANCHOR_END: parse-framed-body
}

/// Whether the first bytes of a client on a RESP port are those of a frame: a length below 16 MiB, whose last byte is a NUL as it
/// never is in text, and a count of arguments that fit into it.
pub fn is_frame(input: &[u8]) -> bool {
    let (Some(len), Some(count)) = (u32_at(input, 0), u32_at(input, 4)) else { return false };
    len < 1 << 24 && count > 0 && 4 + 4 * count <= len
}

/// Whether the first bytes of a client on a framed port are RESP or typed by hand. As a frame, four bytes of text are a length
/// beyond 160 MiB; then the line is over before a count could be, or the count does not fit into such a frame.
pub fn is_text(input: &[u8]) -> bool {
    let text = |bytes: &[u8]| bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\r' | b'\n'));
    let (Some(len), Some(head)) = (u32_at(input, 0), input.get(..4)) else { return false };
    let is_line = (input.len() > 5 || len > 1 << 30) && text(input) && input.ends_with(b"\n");
    let fits = u32_at(input, 4).map(|count| 4 + 4 * count <= len);
    text(head) && fits.map_or(is_line, |fits| !fits)
}

/// What a client that owes the password may send in one frame.
const UNAUTHENTICATED_FRAME: usize = 64 * 1024;

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
}

/// Begins a reply frame at the end of `out`; hand the result to [`end_reply`].
pub fn begin_reply(out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    start
}

/// Writes the length of the reply frame that began at `start`; `false` if it is longer than the header can say.
pub fn end_reply(out: &mut [u8], start: usize) -> bool {
    let Ok(len) = u32::try_from(out.len() - start - 4) else { return false };
    out[start..start + 4].copy_from_slice(&len.to_le_bytes());
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { max_bulk: 1000, max_frame: 2000, unauthenticated: false };

    fn frame(inside: &[u8]) -> Vec<u8> {
        [&(inside.len() as u32).to_le_bytes()[..], inside].concat()
    }

    fn request(args: &[&[u8]]) -> Vec<u8> {
        let mut inside = (args.len() as u32).to_le_bytes().to_vec();
        for arg in args {
            inside.extend_from_slice(&(arg.len() as u32).to_le_bytes());
            inside.extend_from_slice(arg);
        }
        frame(&inside)
    }

    fn run(input: &[u8]) -> Result<(Parsed, Vec<Vec<u8>>), ProtocolError> {
        let mut spans = Vec::new();
        let parsed = parse(input, 0, &LIMITS, &mut spans)?;
        Ok((parsed, spans.iter().map(|s| input[s.start as usize..s.end as usize].to_vec()).collect()))
    }

    #[test]
    fn a_request_is_understood_once_it_is_whole() {
        let input = request(&[b"set", b"k", b"", b"\0\r\n"]);
        for split in 0..input.len() {
            assert_eq!(run(&input[..split]).map(|r| r.0), Ok(Parsed::NeedMore), "{split}");
        }
        let args = vec![b"set".to_vec(), b"k".to_vec(), Vec::new(), b"\0\r\n".to_vec()];
        assert_eq!(run(&input), Ok((Parsed::Request(input.len()), args)));
    }

    #[test]
    fn inner_counts_are_not_believed() {
        let ping = [4, 0, 0, 0, b'p', b'i', b'n', b'g'];
        let cases: &[&[u8]] = &[
            &[],
            &[1, 0],
            &[0, 0, 0, 0],
            &[0xff, 0xff, 0xff, 0xff],
            &[&[0xff, 0xff, 0xff, 0xff], &ping[..]].concat(),
            &[&[2, 0, 0, 0], &ping[..]].concat(),
            &[1, 0, 0, 0, 5, 0, 0, 0, b'p', b'i', b'n', b'g'],
            &[1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, b'p'],
            &[&[1, 0, 0, 0], &ping[..], b"x"].concat(),
        ];
        for inside in cases {
            assert_eq!(run(&frame(inside)), Err(ProtocolError::FrameInside), "{inside:?}");
        }
    }

    #[test]
    fn lengths_beyond_the_limits_are_refused_before_their_bytes_arrive() {
        assert_eq!(run(&[0xff, 0xff, 0xff, 0xff]), Err(ProtocolError::FrameLength));
        assert_eq!(run(&2001u32.to_le_bytes()), Err(ProtocolError::FrameLength));
        assert_eq!(run(&2000u32.to_le_bytes()).map(|r| r.0), Ok(Parsed::NeedMore));
        assert_eq!(run(&request(&[&[b'x'; 1001]])), Err(ProtocolError::FrameArgument));
        assert!(run(&request(&[&[b'x'; 1000]])).is_ok());
    }

    #[test]
    fn the_other_protocol_is_recognized() {
        for text in [&b"*1\r\n$4\r\nPING\r\n"[..], b"PING\r\n", b"PING\n", b"GET k\r\n", b"*10\r\n$3\r\n"] {
            assert!(is_text(text) && !is_frame(text), "{}", text.escape_ascii());
        }
        for args in [&[&b"get"[..], b"k"][..], &[b"ping"], &[b"set", b"\n\r\n\0", &[b'x'; 1 << 20]]] {
            let frame = request(args);
            assert!(is_frame(&frame) && !is_text(&frame));
            assert!((0..8).all(|cut| !is_frame(&frame[..cut]) && !is_text(&frame[..cut])));
        }
        // A frame of 168,636,714 bytes begins like RESP.
        for rest in [&[1, 0, 0, 0][..], &[10, 0, 0, 0], &[0xff, 0xff, 0, 0]] {
            let frame = [b"*1\r\n", rest].concat();
            assert!((0..=8).all(|cut| !is_text(&frame[..cut])), "{rest:?}");
        }
    }

    #[test]
    fn a_reply_frame_carries_its_length() {
        let mut out = b"before".to_vec();
        let start = begin_reply(&mut out);
        out.extend_from_slice(b"abc");
        assert!(end_reply(&mut out, start));
        assert_eq!(out, b"before\x03\0\0\0abc");
    }
}
