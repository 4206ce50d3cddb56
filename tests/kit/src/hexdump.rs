//! The annotated hexdump: fields named, write boundaries marked, a caret at the first difference.

use std::fmt::Write as _;
use std::ops::Range;

const WIDTH: usize = 16;

/// A named range of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Which bytes, counted from the start of the stream.
    pub range: Range<usize>,
    /// What they are: `length 5`, `payload`.
    pub name: String,
}

impl Field {
    /// A field of the given name.
    pub fn new(range: Range<usize>, name: impl Into<String>) -> Self {
        Self { range, name: name.into() }
    }
}

/// Bytes of a stream and what is to be shown about them. Long streams are cut: the start, the end, and the
/// neighbourhood of the caret or the focus stay.
#[derive(Debug, Clone, Default)]
pub struct Dump {
    /// Known pieces: where each begins in the stream, and its bytes. Where two overlap, they agree.
    pub pieces: Vec<(usize, Vec<u8>)>,
    /// Length of the whole stream, known pieces or not.
    pub total: usize,
    /// Names of byte ranges.
    pub fields: Vec<Field>,
    /// Offsets at which one write ended and the next began.
    pub splits: Vec<usize>,
    /// The byte to point at, and what to say there.
    pub caret: Option<(usize, String)>,
    /// Where to look in a dump without a caret.
    pub focus: Option<usize>,
}

impl Dump {
    /// A dump of bytes that are all at hand.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self { pieces: vec![(0, bytes.to_vec())], total: bytes.len(), ..Self::default() }
    }

    /// The bytes from the first on as text, up to where they are not at hand.
    #[must_use]
    pub fn text(&self) -> String {
        let bytes: Vec<u8> = (0..self.total).map_while(|at| self.byte_at(at)).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The dump as lines, without a trailing line end. Empty streams say so.
    #[must_use]
    pub fn render(&self) -> String {
        if self.total == 0 && self.caret.is_none() {
            return "(nothing)".to_owned();
        }
        let mut out = String::new();
        let mut next = 0;
        for row in self.rows() {
            if row > next {
                let _ = writeln!(out, "          … {} bytes not shown …", row - next);
            }
            self.render_row(&mut out, row);
            next = row + WIDTH;
        }
        if next < self.total {
            let _ = writeln!(out, "          … {} bytes not shown …", self.total - next);
        }
        out.truncate(out.trim_end().len());
        out
    }

    /// The byte at an offset of the stream, if it is at hand.
    #[must_use]
    pub fn byte_at(&self, at: usize) -> Option<u8> {
        self.pieces.iter().find_map(|(start, bytes)| bytes.get(at.checked_sub(*start)?).copied())
    }

    /// The first byte of each row worth a line, in order.
    fn rows(&self) -> Vec<usize> {
        let last = self.total.saturating_sub(1) / WIDTH;
        let caret = self.caret.as_ref().map(|(at, _)| at / WIDTH);
        let focus = caret.or(self.focus.map(|at| at / WIDTH));
        let wanted = |row: usize| {
            let near = focus.is_some_and(|focus| row + 2 >= focus && row <= focus + 1);
            near || row < 6 || row + 2 > last
        };
        let known = |row: usize| (row * WIDTH..(row + 1) * WIDTH).any(|at| self.byte_at(at).is_some());
        let end = last.max(caret.unwrap_or(0));
        // Of a long stream only few rows can be wanted: look at those instead of at millions.
        let candidates: Vec<usize> = if end < 64 {
            (0..=end).collect()
        } else {
            let near = focus.unwrap_or(0);
            let mut rows: Vec<usize> =
                (0..8).chain(near.saturating_sub(2)..near + 2).chain(last.saturating_sub(2)..=end).collect();
            rows.sort_unstable();
            rows.dedup();
            rows
        };
        candidates
            .into_iter()
            .filter(|row| (wanted(*row) && known(*row)) || caret == Some(*row))
            .map(|row| row * WIDTH)
            .collect()
    }

    fn render_row(&self, out: &mut String, row: usize) {
        let mut hex = String::new();
        let mut ascii = String::new();
        for at in row..row + WIDTH {
            let gap = if at > 0 && self.splits.contains(&at) && at < self.total { "/" } else { " " };
            let wide = if at > row && (at - row).is_multiple_of(8) { " " } else { "" };
            let _ = match self.byte_at(at) {
                Some(byte) => write!(hex, "{wide}{gap}{byte:02x}"),
                None => write!(hex, "{wide}{gap}  "),
            };
            ascii.extend(self.byte_at(at).map(|byte| match byte {
                0x20..=0x7e => char::from(byte),
                _ => '.',
            }));
        }
        let names: Vec<&str> = self
            .fields
            .iter()
            .filter(|field| (row..row + WIDTH).contains(&field.range.start))
            .map(|field| field.name.as_str())
            .collect();
        let line = format!("{row:08x} {hex}  |{ascii:<WIDTH$}|  {}", names.join(" · "));
        let _ = writeln!(out, "{}", line.trim_end());
        if let Some((at, text)) = &self.caret
            && (row..row + WIDTH).contains(at)
        {
            let column = 10 + (at - row) * 3 + usize::from(at - row >= 8);
            let _ = writeln!(out, "{:column$}^^ {text}", "");
        }
    }
}

/// The offset of the first byte in which two streams differ; the shorter's length when one begins the other.
#[must_use]
pub fn first_difference(left: &[u8], right: &[u8]) -> Option<usize> {
    let common = left.iter().zip(right).position(|(a, b)| a != b);
    common.or((left.len() != right.len()).then(|| left.len().min(right.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_splits_and_caret_stand_where_they_belong() {
        let mut dump = Dump::of(b"\x05\0\0\0hello\x02\0\0\0hi");
        dump.fields = crate::wire::Wire::Framed.fields(b"\x05\0\0\0hello\x02\0\0\0hi");
        dump.splits = vec![3];
        dump.caret = Some((9, "expected 03".to_owned()));
        let text = dump.render();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "00000000  05 00 00/00 68 65 6c 6c  6f 02 00 00 00 68 69     |....hello....hi |  length 5 · payload · length 2 · payload"
        );
        let caret = lines[1].find("^^").expect("a caret");
        assert_eq!(&lines[0][caret..caret + 2], "02");
        assert!(lines[1].ends_with("^^ expected 03"));
    }

    #[test]
    fn a_caret_in_the_first_half_points_at_its_byte() {
        let mut dump = Dump::of(b"abcdefgh");
        dump.caret = Some((2, String::new()));
        let text = dump.render();
        let lines: Vec<&str> = text.lines().collect();
        let caret = lines[1].find("^^").expect("a caret");
        assert_eq!(&lines[0][caret..caret + 2], "63");
    }

    #[test]
    fn long_streams_keep_their_start_the_caret_and_their_end() {
        let mut dump = Dump::of(&vec![b'x'; 100_000]);
        dump.caret = Some((50_000, "here".to_owned()));
        let text = dump.render();
        assert!(text.lines().count() < 20, "{text}");
        assert!(text.contains("00000000 ") && text.contains("0000c350") && text.contains("^^ here"));
        assert!(text.contains("00018690") && text.matches("bytes not shown").count() == 2, "{text}");
    }

    #[test]
    fn a_focus_shows_its_neighbourhood_without_a_caret() {
        let mut dump = Dump::of(&vec![b'x'; 100_000]);
        dump.focus = Some(50_000);
        let text = dump.render();
        assert!(text.contains("0000c350") && !text.contains("^^"), "{text}");
    }

    #[test]
    fn a_caret_behind_the_last_byte_is_shown() {
        let mut dump = Dump::of(&[b'x'; 16]);
        dump.caret = Some((16, "the stream ended here".to_owned()));
        assert!(dump.render().ends_with("^^ the stream ended here"));
        assert_eq!(Dump::of(b"").render(), "(nothing)");
    }

    #[test]
    fn the_first_difference_is_found() {
        assert_eq!(first_difference(b"abc", b"abc"), None);
        assert_eq!(first_difference(b"abc", b"abd"), Some(2));
        assert_eq!(first_difference(b"ab", b"abc"), Some(2));
    }
}
