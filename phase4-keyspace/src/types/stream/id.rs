//! The ID of an entry: a time in milliseconds, and a number that tells entries of one millisecond apart.
use crate::text::integer::{self, Decimal};

/// An ID. In order of time, then of number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Id {
    /// Milliseconds since the Unix epoch, if the server chose it.
    pub ms: u64,
    /// The number within the millisecond.
    pub seq: u64,
}

/// Longer texts are no ID: Redis copies them into 128 bytes, of which the last is a NUL.
const LONGEST: usize = 127;

impl Id {
    /// The first one, which no entry has.
    pub const MIN: Id = Id { ms: 0, seq: 0 };
    /// The last one.
    pub const MAX: Id = Id { ms: u64::MAX, seq: u64::MAX };

    /// The one behind it; `None` behind the last.
    pub fn next(self) -> Option<Id> {
        match (self.ms.checked_add(1), self.seq.checked_add(1)) {
            (_, Some(seq)) => Some(Id { seq, ..self }),
            (Some(ms), None) => Some(Id { ms, seq: 0 }),
            (None, None) => None,
        }
    }

    /// The one in front of it; `None` in front of the first.
    pub fn previous(self) -> Option<Id> {
        match (self.ms.checked_sub(1), self.seq.checked_sub(1)) {
            (_, Some(seq)) => Some(Id { seq, ..self }),
            (Some(ms), None) => Some(Id { ms, seq: u64::MAX }),
            (None, None) => None,
        }
    }

    /// Reads `ms-seq`, or `ms` alone, which gets the number `missing`.
    pub fn parse(text: &[u8], missing: u64) -> Option<Id> {
        match Id::parse_open(text, missing)? {
            (id, true) => Some(id),
            (_, false) => None,
        }
    }

    /// The same, and `ms-*`: then its number is to be chosen, and the second part is `false`.
    pub fn parse_open(text: &[u8], missing: u64) -> Option<(Id, bool)> {
        if text.len() > LONGEST {
            return None;
        }
        // Redis reads a C string, which ends at a NUL.
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
        let mut parts = text.splitn(2, |byte| *byte == b'-');
        let ms = integer::parse_unsigned(parts.next()?)?;
        match parts.next() {
            None => Some((Id { ms, seq: missing }, true)),
            Some(b"*") => Some((Id { ms, seq: 0 }, false)),
            Some(seq) => Some((Id { ms, seq: integer::parse_unsigned(seq)? }, true)),
        }
    }

    /// Hands out `ms-seq`.
    pub fn with_text<R>(self, f: impl FnOnce(&[u8]) -> R) -> R {
        let (ms, seq) = (Decimal::unsigned(self.ms), Decimal::unsigned(self.seq));
        let (ms, seq) = (ms.as_bytes(), seq.as_bytes());
        let mut text = [b'-'; 41];
        text[..ms.len()].copy_from_slice(ms);
        text[ms.len() + 1..ms.len() + 1 + seq.len()].copy_from_slice(seq);
        f(&text[..ms.len() + 1 + seq.len()])
    }

    /// As RDB has it: both numbers, most significant byte first, so that bytes are in the order of IDs.
    pub fn to_bytes(self) -> [u8; 16] {
        ((u128::from(self.ms) << 64) | u128::from(self.seq)).to_be_bytes()
    }

    /// See [`Id::to_bytes`].
    pub fn from_bytes(bytes: [u8; 16]) -> Id {
        let both = u128::from_be_bytes(bytes);
        Id { ms: (both >> 64) as u64, seq: both as u64 }
    }
}

/// IDs as text, one after another: the time is written again only when it's another one.
pub struct IdText {
    ms: Option<u64>,
    text: [u8; 41],
    /// Where the number begins.
    start: usize,
}

impl Default for IdText {
    fn default() -> Self {
        IdText { ms: None, text: [b'-'; 41], start: 0 }
    }
}

impl IdText {
    /// An ID's text.
    #[inline]
    pub fn of(&mut self, id: Id) -> &[u8] {
        if self.ms != Some(id.ms) {
            let digits = Decimal::unsigned(id.ms);
            let digits = digits.as_bytes();
            self.text[..digits.len()].copy_from_slice(digits);
            self.text[digits.len()] = b'-';
            (self.ms, self.start) = (Some(id.ms), digits.len() + 1);
        }
        if id.seq < 10 {
            self.text[self.start] = b'0' + id.seq as u8;
            return &self.text[..=self.start];
        }
        let digits = Decimal::unsigned(id.seq);
        let digits = digits.as_bytes();
        let end = self.start + digits.len();
        self.text[self.start..end].copy_from_slice(digits);
        &self.text[..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(ms: u64, seq: u64) -> Id {
        Id { ms, seq }
    }

    #[test]
    fn texts_are_read_as_redis_reads_them() {
        for (text, expected) in [
            ("5-7", Some(id(5, 7))),
            ("5", Some(id(5, 9))),
            ("18446744073709551615-18446744073709551615", Some(Id::MAX)),
            ("005-07", Some(id(5, 7))),
            (" 5-+7", Some(id(5, 7))),
            ("5-7\0x", Some(id(5, 7))),
            ("5-*", None),
            ("", None),
            ("-", None),
            ("-5-1", None),
            ("5-", None),
            ("5--7", None),
            ("5-7-1", None),
            ("5-7 ", None),
            ("18446744073709551616-1", None),
            ("*", None),
        ] {
            assert_eq!(Id::parse(text.as_bytes(), 9), expected, "{text:?}");
        }
        assert_eq!(Id::parse_open(b"5-*", 0), Some((id(5, 0), false)));
        assert_eq!(Id::parse(&[b'0'; 128], 0), None);
        assert_eq!(Id::parse(&[b'0'; 127], 0), Some(Id::MIN));
    }

    #[test]
    fn neighbours_carry_over_and_stop_at_the_ends() {
        assert_eq!((id(1, u64::MAX).next(), id(2, 0).previous()), (Some(id(2, 0)), Some(id(1, u64::MAX))));
        assert_eq!((Id::MAX.next(), Id::MIN.previous()), (None, None));
        assert_eq!((id(1, 1).next(), id(1, 1).previous()), (Some(id(1, 2)), Some(id(1, 0))));
    }

    #[test]
    fn written_down_it_comes_back() {
        let mut texts = IdText::default();
        for one in [Id::MIN, id(1, 0), id(0, 1), id(1_700_000_000_000, 12), id(1_700_000_000_000, 7), Id::MAX]
        {
            assert_eq!(one.with_text(|text| Id::parse(text, 3)), Some(one));
            assert_eq!(Id::parse(texts.of(one), 3), Some(one));
            assert_eq!(Id::from_bytes(one.to_bytes()), one);
        }
        assert!(id(1, 256).to_bytes() < id(2, 0).to_bytes());
    }
}
