//! Which commands were slow: `SLOWLOG`, and the samples of `LATENCY`.
//!
//! Every command ends with one look at the processor's counter ([`Watch::is_slow`]); only if it took longer than the lower of the
//! two limits is anything else done.
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::State;
use crate::memory::ticks;

/// Looks how long each command takes.
pub struct Watch {
    /// The counter when the last command ended, or the batch began.
    last: u64,
    /// Ticks from which on a command is slow; [`u64::MAX`]: none is.
    limit: u64,
}

impl Default for Watch {
    fn default() -> Self {
        Watch { last: 0, limit: u64::MAX }
    }
}

impl Watch {
    /// What is slow from here on: what takes this long; `None`: nothing.
    pub fn set_limit(&mut self, limit: Option<Duration>) {
        self.limit = limit.map_or(u64::MAX, ticks::ticks);
    }

    /// A command begins that comes behind no other.
    #[inline(always)]
    pub fn begin(&mut self) {
        self.last = ticks::now();
    }

    /// A command ends, and the next one may begin. If it was slow: how long it took.
    #[inline(always)]
    pub fn is_slow(&mut self) -> Option<Duration> {
        let now = ticks::now();
        let took = now.wrapping_sub(self.last);
        self.last = now;
        // A counter that went back is no long time.
        if took < self.limit || took > i64::MAX as u64 { None } else { Some(ticks::duration(took)) }
    }
}

impl State {
    /// The limits have changed from which on a command is slow, or whether times are kept at all.
    pub fn update_watch(&mut self) {
        let micros =
            u64::try_from(self.config.watching.slowlog_log_slower_than).ok().map(Duration::from_micros);
        let millis = Some(self.config.watching.latency_monitor_threshold).filter(|limit| *limit > 0);
        let millis = millis.map(Duration::from_millis);
        self.watch.set_limit(micros.into_iter().chain(millis).min());
        self.slow_log.shorten(self.config.watching.slowlog_max_len as usize);
        self.stats.tracks = self.config.watching.latency_tracking;
    }
}

/// An entry of `SLOWLOG`.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Counts up for as long as the server runs.
    pub id: u64,
    /// When it ended, in seconds since 1970.
    pub time: i64,
    /// How long it took.
    pub took: Duration,
    /// The request, cut short.
    pub args: Vec<Vec<u8>>,
    /// The client's address.
    pub peer: String,
    /// And its name.
    pub name: Vec<u8>,
}

/// Most arguments of an entry, and most bytes of one.
const MOST_ARGS: usize = 32;
const MOST_BYTES: usize = 128;

/// A request as an entry keeps it.
pub fn shortened<'a>(args: impl ExactSizeIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let count = args.len();
    let kept = if count > MOST_ARGS { MOST_ARGS - 1 } else { count };
    let mut short: Vec<Vec<u8>> = args.take(kept).map(shortened_arg).collect();
    if kept < count {
        short.push(format!("... ({} more arguments)", count - kept).into_bytes());
    }
    short
}

fn shortened_arg(arg: &[u8]) -> Vec<u8> {
    if arg.len() <= MOST_BYTES {
        return arg.into();
    }
    let more = format!("... ({} more bytes)", arg.len() - MOST_BYTES);
    [&arg[..MOST_BYTES], more.as_bytes()].concat()
}

/// The slow log, newest first.
#[derive(Default)]
pub struct SlowLog {
    entries: VecDeque<Entry>,
    next_id: u64,
}

impl SlowLog {
    /// Adds an entry, which gets its number here; at most `most` are kept.
    pub fn add(&mut self, entry: Entry, most: usize) {
        self.entries.push_front(Entry { id: self.next_id, ..entry });
        self.next_id += 1;
        self.shorten(most);
    }

    /// Keeps the newest so many.
    pub fn shorten(&mut self, most: usize) {
        self.entries.truncate(most);
    }

    /// The entries, newest first.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

/// How many samples of an event are kept.
const SAMPLES: usize = 160;

/// What was slow of one kind: `command`, `fast-command`.
#[derive(Clone, Default, Debug)]
pub struct Samples {
    /// Seconds since 1970 and milliseconds, oldest first.
    pub samples: VecDeque<(i64, u64)>,
    /// The longest there ever was, in milliseconds.
    pub longest: u64,
}

/// The samples of `LATENCY`, by event.
#[derive(Default)]
pub struct Latency {
    /// By the event's name.
    pub events: BTreeMap<&'static str, Samples>,
}

impl Latency {
    /// Adds a sample. Of one second only the longest is kept.
    pub fn add(&mut self, event: &'static str, time: i64, millis: u64) {
        let kept = self.events.entry(event).or_default();
        kept.longest = kept.longest.max(millis);
        match kept.samples.back_mut() {
            Some((last, longest)) if *last == time => *longest = (*longest).max(millis),
            _ => kept.samples.push_back((time, millis)),
        }
        if kept.samples.len() > SAMPLES {
            kept.samples.pop_front();
        }
    }

    /// Forgets one event; whether there was any of it.
    pub fn forget(&mut self, event: &[u8]) -> bool {
        let known = self.events.keys().copied().find(|name| name.as_bytes().eq_ignore_ascii_case(event));
        known.is_some_and(|name| self.events.remove(name).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_requests_are_cut_short() {
        let words: Vec<Vec<u8>> = (0..40).map(|n| format!("{n}").into_bytes()).collect();
        let short = shortened(words.iter().map(Vec::as_slice));
        assert_eq!((short.len(), short[31].as_slice()), (32, &b"... (9 more arguments)"[..]));
        assert_eq!(shortened(words[..32].iter().map(Vec::as_slice)).len(), 32);
        let long = vec![b'x'; 130];
        assert_eq!(shortened([long.as_slice()].into_iter())[0][128..], b"... (2 more bytes)"[..]);
    }

    #[test]
    fn a_second_has_one_sample_and_an_event_a_bounded_number() {
        let mut latency = Latency::default();
        for (time, millis) in [(1, 5), (1, 7), (1, 6), (2, 3)] {
            latency.add("command", time, millis);
        }
        assert_eq!(latency.events["command"].samples, [(1, 7), (2, 3)]);
        (0..1000).for_each(|time| latency.add("fast-command", time, 1));
        assert_eq!(latency.events["fast-command"].samples.len(), SAMPLES);
        assert!(latency.forget(b"COMMAND") && !latency.forget(b"command"));
    }

    #[test]
    fn only_what_takes_long_is_slow() {
        let mut watch = Watch::default();
        watch.begin();
        assert_eq!(watch.is_slow(), None);
        watch.set_limit(Some(Duration::ZERO));
        assert!(watch.is_slow().is_some());
        watch.set_limit(Some(Duration::from_secs(100)));
        assert_eq!(watch.is_slow(), None);
        watch.set_limit(None);
        watch.last = ticks::now() + 1_000_000;
        assert_eq!(watch.is_slow(), None);
    }
}
