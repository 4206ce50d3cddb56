//! The longest single operation while a table grows to COUNT keys and shrinks to none: `pauses [COUNT] [RUNS]`.
//!
//! Thread CPU time of each operation, so that other programs on the machine do not count; but interrupts do, and on a
//! virtual machine whatever its host does meanwhile. What belongs to the operation comes again in every run at the same
//! place, what does not comes elsewhere: so every operation is given its shortest time over the runs, and of those the
//! longest is the pause. The raw count above 1 ms is printed beside it, and so is that of *nothing*: after each thousand
//! operations the clock is read over and over for as long as they took, and what comes to 1 ms then is the machine's.
//!
//! The keys go in another order than they came, so that the pages empty all at once and not one by one. Background
//! work runs between the operations, as it does in the server, and is timed apart.
use nix::time::{ClockId, clock_gettime};
use phase4_keyspace::keyspace::{Deadline, Event, Hasher, Keyspace};
use std::collections::HashMap;

/// Operations between two rounds of background work.
const ROUND: usize = 1000;
/// From here on a raw operation is counted, in nanoseconds.
const RAW_LIMIT: u64 = 1_000_000;

fn main() {
    let mut args = std::env::args().skip(1).map(|a| a.replace('_', "").parse::<usize>());
    let count = args.next().and_then(Result::ok).unwrap_or(1_000_000);
    let runs = args.next().and_then(Result::ok).unwrap_or(3);
    println!("{count} keys in, then out; {runs} runs; thread CPU time, microseconds\n");
    println!("{:24} {:>12} {:>12} {:>14}", "", "longest", "raw longest", "raw over 1 ms");

    let mut insert = Fewest::new("insert");
    let mut background = Fewest::new("background, growing");
    let mut remove = Fewest::new("remove");
    let mut shrinking = Fewest::new("background, shrinking");
    let mut clear = Fewest::new("clear and its rounds");
    let mut nothing = Raw::default();
    for _ in 0..runs {
        let mut keyspace = Keyspace::with_hasher(1, Hasher::with_key(3, 4));
        let hasher = keyspace.hasher.clone();
        grow(&mut keyspace, count, &mut insert, &mut background, &mut nothing);
        let mut clock = Clock::new();
        for i in 0..count {
            let name = key(scattered(i, count));
            clock.skip();
            keyspace.db_mut(0).remove(hasher.key(&name), Event::Del);
            remove.note(clock.lap());
            if i % ROUND == 0 {
                clock.skip();
                keyspace.cron(true);
                shrinking.note(clock.lap());
                nothing_for_as_long_as(&mut remove, &mut nothing);
            }
        }
        assert!(keyspace.db_mut(0).is_empty());
        [&mut insert, &mut background, &mut remove, &mut shrinking].into_iter().for_each(Fewest::end_run);
        // Again, to be forgotten at one stroke.
        refill(&mut keyspace, count);
        clock.skip();
        keyspace.db_mut(0).clear();
        clear.note(clock.lap());
        while keyspace.cron(true).is_some_and(|wait| wait <= 1) {
            clear.note(clock.lap());
        }
        clear.end_run();
    }
    println!("this dict");
    [&insert, &remove, &background, &shrinking, &clear].into_iter().for_each(Fewest::print);
    println!("nothing, for as long as the insertions and removals");
    nothing.print("a reading of the clock", "");

    let (mut insert, mut remove) = (Fewest::new("insert"), Fewest::new("remove"));
    let mut clear = Fewest::new("drop");
    for _ in 0..runs.min(2) {
        let mut map: HashMap<Box<[u8]>, Box<[u8]>> = HashMap::new();
        let mut clock = Clock::new();
        for i in 0..count {
            clock.skip();
            map.insert(key(i)[..].into(), b"xxx"[..].into());
            insert.note(clock.lap());
        }
        for i in 0..count / 2 {
            clock.skip();
            map.remove(&key(scattered(i, count))[..]);
            remove.note(clock.lap());
        }
        drop(map);
        clear.note(clock.lap());
        [&mut insert, &mut remove, &mut clear].into_iter().for_each(Fewest::end_run);
    }
    println!("std::collections::HashMap");
    [&insert, &remove, &clear].into_iter().for_each(Fewest::print);
}

fn grow(
    keyspace: &mut Keyspace,
    count: usize,
    insert: &mut Fewest,
    background: &mut Fewest,
    nothing: &mut Raw,
) {
    let hasher = keyspace.hasher.clone();
    let mut clock = Clock::new();
    for i in 0..count {
        let name = key(i);
        clock.skip();
        keyspace.db_mut(0).set_string(hasher.key(&name), b"xxx", Deadline::Clear, Event::Set);
        insert.note(clock.lap());
        if i % ROUND == 0 {
            clock.skip();
            keyspace.cron(true);
            background.note(clock.lap());
            nothing_for_as_long_as(insert, nothing);
        }
    }
}

/// [`grow`] without the clocks.
fn refill(keyspace: &mut Keyspace, count: usize) {
    let hasher = keyspace.hasher.clone();
    for i in 0..count {
        keyspace.db_mut(0).set_string(hasher.key(&key(i)), b"xxx", Deadline::Clear, Event::Set);
        if i % ROUND == 0 {
            keyspace.cron(true);
        }
    }
}

/// A key of sixteen bytes.
fn key(n: usize) -> [u8; 16] {
    let mut key = *b"key:000000000000";
    key[8..].copy_from_slice(&(n as u64).to_be_bytes());
    key
}

/// A permutation of `0..count`.
fn scattered(i: usize, count: usize) -> usize {
    // A prime above any count a machine holds keys for, so it shares no factor with it.
    (i as u128 * 2_147_483_647 % count as u128) as usize
}

/// Thread CPU time from lap to lap.
struct Clock {
    at: u64,
}

impl Clock {
    fn new() -> Self {
        Clock { at: Self::now() }
    }

    fn now() -> u64 {
        let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every Linux has this clock");
        time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64
    }

    fn skip(&mut self) {
        self.at = Self::now();
    }

    fn lap(&mut self) -> u64 {
        let before = std::mem::replace(&mut self.at, Self::now());
        self.at - before
    }
}

/// Reads the clock for as long as was noted of `operations` since the last call: what the machine does to a thread.
fn nothing_for_as_long_as(operations: &mut Fewest, nothing: &mut Raw) {
    let mut left = std::mem::take(&mut operations.unmatched);
    let mut clock = Clock::new();
    while left > 0 {
        let lap = clock.lap();
        left = left.saturating_sub(lap);
        nothing.note(lap);
    }
}

/// Times as they were taken, in nanoseconds.
#[derive(Default)]
struct Raw {
    longest: u64,
    /// How many were longer than [`RAW_LIMIT`].
    over: usize,
}

impl Raw {
    fn note(&mut self, nanos: u64) {
        self.longest = self.longest.max(nanos);
        self.over += usize::from(nanos > RAW_LIMIT);
    }

    fn print(&self, name: &str, longest_of_fewest: &str) {
        let raw_longest = self.longest as f64 / 1e3;
        println!("  {name:22} {longest_of_fewest:>12} {raw_longest:>12.1} {:>14}", self.over);
    }
}

/// For each operation of a run, its shortest time over the runs.
struct Fewest {
    name: &'static str,
    /// In nanoseconds; 4.3 s stand for that and all beyond.
    fewest: Vec<u32>,
    at: usize,
    raw: Raw,
    /// Time noted since nothing was done for as long.
    unmatched: u64,
}

impl Fewest {
    fn new(name: &'static str) -> Self {
        Fewest { name, fewest: Vec::new(), at: 0, raw: Raw::default(), unmatched: 0 }
    }

    fn note(&mut self, nanos: u64) {
        let short = u32::try_from(nanos).unwrap_or(u32::MAX);
        match self.fewest.get_mut(self.at) {
            Some(fewest) => *fewest = short.min(*fewest),
            None => self.fewest.push(short),
        }
        self.at += 1;
        self.raw.note(nanos);
        self.unmatched += nanos;
    }

    fn end_run(&mut self) {
        self.at = 0;
    }

    fn print(&self) {
        let longest = self.fewest.iter().max().copied().unwrap_or(0);
        self.raw.print(self.name, &format!("{:.1}", f64::from(longest) / 1e3));
    }
}
