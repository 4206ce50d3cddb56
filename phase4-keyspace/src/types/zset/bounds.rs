//! Cuts in a sorted set: the ends of ranges by score and by name, as places between members.
//!
//! A range is what stands between two cuts. Each says of any member whether it stands to its left; so a range by score, by
//! name or by rank comes down to two positions, and an impossible one (`(5 (5`, `+ -`) to an empty span.
use std::ops::Range;

use crate::text::double;

/// A place between members, or at either end.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Cut<'a> {
    /// In front of all members.
    Start,
    /// Behind all members.
    End,
    /// In front of the members with this score; behind them if `true`.
    Score(f64, bool),
    /// In front of the member with this name, or where it would be; behind it if `true`. The scores must be all the same.
    Name(&'a [u8], bool),
}

impl Cut<'_> {
    /// Whether a member stands to the left of this place.
    #[inline]
    pub fn is_behind(&self, score: f64, name: &[u8]) -> bool {
        match *self {
            Cut::Start => false,
            Cut::End => true,
            Cut::Score(cut, after) => score < cut || (after && score == cut),
            Cut::Name(cut, after) => name < cut || (after && name == cut),
        }
    }
}

/// Which end of a range a text means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// Where it begins.
    Min,
    /// Where it ends.
    Max,
}

/// Reads `1.5`, `(1.5` or `-inf`: an end of a range by score.
pub fn by_score(text: &[u8], end: End) -> Option<Cut<'static>> {
    let (text, inclusive) = match text {
        [b'(', rest @ ..] => (rest, false),
        text => (text, true),
    };
    // What is included stands behind the first cut and in front of the last.
    Some(Cut::Score(double::parse_bound(text)?, inclusive == (end == End::Max)))
}

/// Reads `[name`, `(name`, `-` or `+`: an end of a range by name.
pub fn by_name(text: &[u8], end: End) -> Option<Cut<'_>> {
    match text {
        // C's strings end with a NUL, and Redis looks no further.
        [b'-'] | [b'-', 0, ..] => Some(Cut::Start),
        [b'+'] | [b'+', 0, ..] => Some(Cut::End),
        [b'[', name @ ..] => Some(Cut::Name(name, end == End::Max)),
        [b'(', name @ ..] => Some(Cut::Name(name, end == End::Min)),
        _ => None,
    }
}

/// Ranks from `start` to `stop`, negative ones counted from the end, of `len` members.
pub fn by_rank(start: i64, stop: i64, len: u64) -> Range<u64> {
    let len = len as i64;
    let from_start = |rank: i64| if rank < 0 { rank.saturating_add(len).max(0) } else { rank };
    let stop = if stop < 0 { stop.saturating_add(len) } else { stop.min(len - 1) };
    let start = from_start(start);
    if start > stop { 0..0 } else { start as u64..stop as u64 + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_cuts() {
        assert_eq!(by_score(b"5", End::Min), Some(Cut::Score(5.0, false)));
        assert_eq!(by_score(b"5", End::Max), Some(Cut::Score(5.0, true)));
        assert_eq!(by_score(b"(5", End::Min), Some(Cut::Score(5.0, true)));
        assert_eq!(by_score(b"(-inf", End::Max), Some(Cut::Score(f64::NEG_INFINITY, false)));
        assert_eq!(by_score(b"((5", End::Max), None);
        assert_eq!(by_score(b"[5", End::Max), None);
        assert_eq!(by_name(b"[a", End::Min), Some(Cut::Name(b"a", false)));
        assert_eq!(by_name(b"(a", End::Max), Some(Cut::Name(b"a", false)));
        assert_eq!(by_name(b"(", End::Min), Some(Cut::Name(b"", true)));
        assert_eq!((by_name(b"+", End::Min), by_name(b"-\0x", End::Max)), (Some(Cut::End), Some(Cut::Start)));
        assert_eq!([by_name(b"", End::Min), by_name(b"a", End::Min), by_name(b"-a", End::Min)], [None; 3]);
    }

    #[test]
    fn ranks_stay_inside() {
        assert_eq!(by_rank(0, -1, 5), 0..5);
        assert_eq!(by_rank(1, 1, 5), 1..2);
        assert_eq!(by_rank(-2, 100, 5), 3..5);
        assert_eq!(by_rank(i64::MIN, i64::MAX, 5), 0..5);
        for (start, stop, len) in
            [(3, 2, 5), (5, 5, 5), (0, -6, 5), (0, i64::MIN, 5), (i64::MAX, -1, 5), (0, -1, 0)]
        {
            assert!(by_rank(start, stop, len).is_empty(), "{start} {stop} {len}");
        }
    }
}
