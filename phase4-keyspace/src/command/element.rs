//! What the commands of all collections share: replies of entries, counts as arguments, and choosing some of many at random.
use std::ops::Range;
use std::time::Duration;

use super::Context;
use crate::error::Error;
use crate::keyspace::{Entry, Random};
use crate::text::extended::Extended;
use crate::text::integer;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// Appends an entry as a string.
#[inline]
pub fn bulk(reply: &mut Reply<'_>, entry: Entry<'_>) {
    match entry {
        Entry::Bytes(bytes) => reply.bulk(bytes),
        Entry::Integer(_) => entry.with(|text| reply.bulk(text)),
    }
}

/// A count whose sign means something: negative, elements may come twice.
pub fn signed_count(text: &[u8]) -> Result<i64, Error> {
    let count = integer::parse(text).ok_or(Error::NotInteger)?;
    if count == i64::MIN {
        let text =
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
        return Err(Error::bad_argument(text));
    }
    Ok(count)
}

/// A count that is not negative.
pub fn positive_count(text: &[u8]) -> Result<u64, Error> {
    let count = integer::parse(text).and_then(|count| u64::try_from(count).ok());
    count.ok_or(Error::bad_argument("ERR value is out of range, must be positive"))
}

/// The number of keys that an argument announces: all of them are there, and at least one argument follows.
pub fn numkeys(args: Args<'_>, at: usize) -> Result<usize, Error> {
    let count = integer::parse(args.get(at)).and_then(|count| usize::try_from(count).ok());
    let count = count.filter(|count| *count > 0);
    let count = count.ok_or(Error::bad_argument("ERR numkeys should be greater than 0"))?;
    if count < args.len() - at - 1 { Ok(count) } else { Err(Error::Syntax) }
}

/// How long a command waits, in seconds, rounded up to the millisecond; `None`: for ever.
pub fn timeout(text: &[u8]) -> Result<Option<Duration>, Error> {
    let seconds = Extended::parse(text)
        .ok_or(Error::bad_argument("ERR timeout is not a float or out of range"))?
        .to_f64();
    let millis = (seconds * 1000.0).ceil();
    // What no 64-bit number can hold is negative in Redis.
    if millis < 0.0 || millis >= i64::MAX as f64 {
        return Err(Error::bad_argument("ERR timeout is negative"));
    }
    Ok((millis > 0.0).then(|| Duration::from_millis(millis as u64)))
}

/// All of a command's keys, or the only one that it may look at.
pub fn keys_or_one(keys: &Range<usize>, only: Option<usize>) -> Range<usize> {
    only.map_or(keys.clone(), |at| at..at + 1)
}

/// Refuses a reply of more elements than the longest string has room for at thirty-two bytes each. Redis would go on until its
/// memory is full.
pub fn check_repeats(ctx: &Context<'_>, repeats: u64) -> Result<(), Error> {
    match repeats <= ctx.max_string as u64 / 32 {
        true => Ok(()),
        false => Err(Error::bad_argument("ERR value is out of range")),
    }
}

/// Chooses so many of the elements that pass by, each set of them as likely as any other (Fan, Muller and Rezucha, 1962).
pub struct Selection {
    wanted: usize,
    left: usize,
    random: Random,
}

impl Selection {
    /// `wanted` of `all`.
    pub fn new(wanted: usize, all: usize, random: Random) -> Self {
        Selection { wanted: wanted.min(all), left: all, random }
    }

    /// How many will have been taken at the end.
    pub fn wanted(&self) -> usize {
        self.wanted
    }

    /// Whether the next element is one of the chosen.
    pub fn takes(&mut self) -> bool {
        let takes = (self.random.next() >> 16) as usize % self.left.max(1) < self.wanted;
        self.left = self.left.saturating_sub(1);
        self.wanted -= usize::from(takes);
        takes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_so_many_are_chosen_and_each_as_often() {
        let mut hits = [0_u32; 10];
        for seed in 1..=20_000 {
            let mut selection = Selection::new(3, 10, Random(seed));
            let chosen: Vec<usize> = (0..10).filter(|_| selection.takes()).collect();
            assert_eq!(chosen.len(), 3);
            chosen.into_iter().for_each(|at| hits[at] += 1);
        }
        assert!(hits.iter().all(|hits| (5_700..6_300).contains(hits)), "{hits:?}");
        assert_eq!(Selection::new(9, 4, Random(1)).wanted(), 4);
    }
}
