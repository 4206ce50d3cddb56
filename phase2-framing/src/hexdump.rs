//! Bytes with their meaning beside them, field by field:
//!
//! ```text
//! 00000000  05 00 00 00                                      length: 5
//! 00000004  68 65 6c 6c 6f                                   payload: "hello"
//! ```
use std::fmt::Write as _;

use crate::frame::HEADER;
use crate::payload::{Field, quoted};

/// Bytes in a line.
const WIDTH: usize = 16;
/// Lines shown of one field; a megabyte of payload is no lesson.
const LINES: usize = 4;
/// Characters shown of a meaning.
const MEANING: usize = 60;

/// Describes one frame, header included, that starts at `offset` of its stream. `fields` take the payload apart; without
/// any, the payload is one field.
pub fn frame(bytes: &[u8], offset: usize, fields: &[Field]) -> String {
    let mut out = String::new();
    let (header, payload) = bytes.split_at(HEADER.min(bytes.len()));
    match <[u8; HEADER]>::try_from(header) {
        Ok(len) => field(header, offset, &format!("length: {}", u32::from_le_bytes(len)), &mut out),
        Err(_) => field(header, offset, "a part of a length", &mut out),
    }
    if fields.is_empty() && !payload.is_empty() {
        field(payload, offset + HEADER, &format!("payload: {}", quoted(payload)), &mut out);
    }
    for part in fields {
        field(&payload[part.at.clone()], offset + HEADER + part.at.start, &part.meaning, &mut out);
    }
    out
}

/// Appends a field of a stream, which starts at `offset`, and what it means.
pub fn field(bytes: &[u8], offset: usize, meaning: &str, out: &mut String) {
    let meaning = match meaning.char_indices().nth(MEANING) {
        Some((end, _)) => format!("{}…", &meaning[..end]),
        None => meaning.to_owned(),
    };
    for (i, line) in bytes.chunks(WIDTH).take(LINES).enumerate() {
        let mut hex = String::new();
        for byte in line {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x} ");
        }
        let beside = if i == 0 { &meaning } else { "" };
        let text = format!("{:08x}  {hex:<48} {beside}", offset + i * WIDTH);
        let _ = writeln!(out, "{}", text.trim_end());
    }
    if bytes.len() > WIDTH * LINES {
        let _ = writeln!(out, "          … {} more bytes", bytes.len() - WIDTH * LINES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::{decode_request, encode_request};

    #[test]
    fn a_frame_is_taken_apart() {
        assert_eq!(
            frame(b"\x05\0\0\0hello", 0, &[]),
            "00000000  05 00 00 00                                      length: 5\n\
             00000004  68 65 6c 6c 6f                                   payload: \"hello\"\n"
        );
        assert_eq!(
            frame(b"\0\0\0\0", 9, &[]),
            "00000009  00 00 00 00                                      length: 0\n"
        );
    }

    #[test]
    fn fields_of_a_payload_have_lines_of_their_own() {
        let payload = encode_request([&b"get"[..], b"k"].into_iter());
        let fields = decode_request(&payload).unwrap().1;
        let bytes = [&(payload.len() as u32).to_le_bytes()[..], &payload].concat();
        let dump = frame(&bytes, 0, &fields);
        let meanings: Vec<_> = dump.lines().map(|line| line[59..].to_owned()).collect();
        assert_eq!(
            meanings,
            [
                "length: 16",
                "number of words: 2",
                "length of word 1: 3",
                "word 1: \"get\"",
                "length of word 2: 1",
                "word 2: \"k\""
            ]
        );
    }

    #[test]
    fn long_payloads_are_cut_short() {
        let bytes = [&1000_u32.to_le_bytes()[..], &[b'x'; 1000]].concat();
        let dump = frame(&bytes, 0, &[]);
        assert_eq!(dump.lines().count(), 1 + LINES + 1);
        assert!(dump.contains("… 936 more bytes"));
    }
}
