//! Where a command's keys stand among its arguments.
use crate::text::integer;
use crate::wire::args::Args;

/// Where a command's keys stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeySpec {
    /// It has no keys.
    None,
    /// Every `step`-th argument from `first` to `last`; a negative `last` counts from the end.
    Range {
        /// Index of the first key.
        first: i32,
        /// Index of the last; negative counts from the end.
        last: i32,
        /// From one key to the next.
        step: i32,
    },
    /// Argument `count` says how many keys follow, from `first` on (`LMPOP`, `ZUNION`, `SINTERCARD`).
    Counted {
        /// Index of the number of keys.
        count: i32,
        /// Index of the first of them.
        first: i32,
        /// Index of one more key, the destination (`ZUNIONSTORE`); 0: none.
        also: i32,
    },
    /// Half of what follows this word are keys, the other half something about each of them (`XREAD … STREAMS`).
    After {
        /// The word, in upper case.
        word: &'static str,
        /// It is looked for from this argument on.
        from: i32,
    },
}

impl KeySpec {
    /// No keys.
    pub const NONE: KeySpec = KeySpec::None;
    /// The first argument.
    pub const ONE: KeySpec = KeySpec::Range { first: 1, last: 1, step: 1 };
    /// The first two arguments.
    pub const TWO: KeySpec = KeySpec::Range { first: 1, last: 2, step: 1 };
    /// Every argument.
    pub const ALL: KeySpec = KeySpec::Range { first: 1, last: -1, step: 1 };
    /// Every argument but the last, which is a timeout (`BLPOP`).
    pub const ALL_BUT_LAST: KeySpec = KeySpec::Range { first: 1, last: -2, step: 1 };
    /// Every second argument: key, value, key, value.
    pub const PAIRS: KeySpec = KeySpec::Range { first: 1, last: -1, step: 2 };

    /// Indexes of a request's keys; fewer than there should be if it has too few arguments or a count makes no sense.
    pub fn positions(self, args: Args<'_>) -> impl Iterator<Item = usize> + Clone {
        let (also, first, end, step) = self.bounds(args);
        let extra = (also > 0 && also < args.len()).then_some(also);
        extra.into_iter().chain((first..end).step_by(step))
    }

    /// Whether a request has the keys that it announces, and any at all.
    pub fn is_whole(self, args: Args<'_>) -> bool {
        match self {
            KeySpec::Counted { count, first, .. } => {
                let keys = args.at(count as usize).and_then(integer::parse).unwrap_or(0);
                keys > 0 && keys <= args.len() as i64 - i64::from(first)
            }
            _ => self.positions(args).next().is_some(),
        }
    }

    /// The keys of a request, in the order of [`KeySpec::positions`].
    pub fn of<'a>(self, args: Args<'a>) -> impl Iterator<Item = &'a [u8]> {
        self.positions(args).map(move |at| args.get(at))
    }

    /// One more key, first index, index behind the last, step.
    fn bounds(self, args: Args<'_>) -> (usize, usize, usize, usize) {
        let len = args.len();
        match self {
            KeySpec::None => (0, 0, 0, 1),
            KeySpec::Range { first, last, step } => {
                let last = if last < 0 { len as i64 + i64::from(last) } else { last.into() };
                let end = usize::try_from(last + 1).unwrap_or(0).min(len);
                (0, first as usize, end, step.max(1) as usize)
            }
            KeySpec::Counted { count, first, also } => {
                let keys = args.at(count as usize).map_or(0, integer::leading);
                let first = (first as usize).min(len);
                let keys = usize::try_from(keys).unwrap_or(0).min(len - first);
                (also as usize, first, first + keys, 1)
            }
            KeySpec::After { word, .. } => {
                let first = (1..len).find(|&at| args.is(at, word)).map_or(len, |at| at + 1);
                let half = if (len - first).is_multiple_of(2) { (len - first) / 2 } else { 0 };
                (0, first, first + half, 1)
            }
        }
    }

    /// First, last and step as `COMMAND INFO` has always told them: of movable keys only the destination.
    pub fn triple(self) -> (i32, i32, i32) {
        match self {
            KeySpec::Range { first, last, step } => (first, last, step),
            KeySpec::Counted { also, .. } if also > 0 => (also, also, 1),
            KeySpec::None | KeySpec::Counted { .. } | KeySpec::After { .. } => (0, 0, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::args::OwnedArgs;

    fn keys(spec: KeySpec, line: &str) -> Vec<String> {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let args = OwnedArgs::words(&words);
        spec.of(args.as_args()).map(|key| String::from_utf8_lossy(key).into_owned()).collect()
    }

    #[test]
    fn ranges_counts_and_words() {
        assert_eq!(keys(KeySpec::PAIRS, "MSET a 1 b 2"), ["a", "b"]);
        assert_eq!(keys(KeySpec::ALL, "DEL"), [""; 0]);
        let union = KeySpec::Counted { count: 2, first: 3, also: 1 };
        assert_eq!(keys(union, "ZUNIONSTORE d 2 a b WEIGHTS 1 2"), ["d", "a", "b"]);
        let mpop = KeySpec::Counted { count: 1, first: 2, also: 0 };
        assert_eq!(keys(mpop, "LMPOP 2 a b LEFT"), ["a", "b"]);
        let read = KeySpec::After { word: "STREAMS", from: 1 };
        assert_eq!(keys(read, "XREAD COUNT 2 streams a b 0 0"), ["a", "b"]);
    }

    #[test]
    fn a_count_is_not_believed() {
        let mpop = KeySpec::Counted { count: 1, first: 2, also: 0 };
        assert_eq!(keys(mpop, "LMPOP 99 a"), ["a"]);
        for line in ["LMPOP 9223372036854775807 a", "LMPOP -1 a", "LMPOP x a", "LMPOP", "LMPOP 3"] {
            assert_eq!(keys(mpop, line), [""; 0]);
        }
        assert_eq!(keys(KeySpec::After { word: "STREAMS", from: 1 }, "XREAD COUNT 2"), [""; 0]);
    }
}
