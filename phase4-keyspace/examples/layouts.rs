//! Ways to lay out a table of strings, behind one interface: `layouts [COUNT]` prints, for each, the memory a key takes
//! and the longest operation; `layouts NAME hit|miss TIMES` is for callgrind (two values of TIMES, the difference).
use nix::time::{ClockId, clock_gettime};
use phase4_keyspace::keyspace::{Deadline, Event, Hasher, Key, Keyspace};
use std::collections::HashMap;
use std::hint::black_box;
use std::process::Command;

/// What the comparison asks of a layout. Keys come hashed where the layout can use that.
trait Layout {
    fn set(&mut self, key: &[u8], value: &[u8]);
    fn has(&mut self, key: &[u8]) -> bool;
}

const NAMES: &[&str] = &["paged", "boxed", "chained", "hashmap"];

fn layout(name: &str) -> Box<dyn Layout> {
    match name {
        "paged" => Box::new(Paged(Keyspace::with_hasher(1, Hasher::with_key(1, 2)))),
        "boxed" => Box::new(Boxed { hasher: Hasher::with_key(1, 2), buckets: vec![Vec::new()], len: 0 }),
        "chained" => Box::new(Chained::new()),
        "hashmap" => Box::new(HashMap::<Box<[u8]>, Box<[u8]>>::new()),
        other => panic!("no layout is called {other}; there are {NAMES:?}"),
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [name, what @ ("hit" | "miss"), times] => lookups(name, what, times.parse().expect("TIMES")),
        [name, "fill", count, len] => fill(name, count.parse().expect("COUNT"), len.parse().expect("LEN")),
        [] => table("1000000"),
        [count] => table(count),
        _ => println!("usage: layouts [COUNT] | layouts NAME hit|miss TIMES"),
    }
}

/// Every measurement in a process of its own: what one layout leaves to the allocator is not the next one's.
fn table(count: &str) {
    println!("{count} keys of 16 bytes: layout, value length, RSS a key, longest insert");
    let program = std::env::current_exe().expect("this program has a path");
    for name in NAMES {
        for len in ["3", "16", "64"] {
            let ran = Command::new(&program).args([name, "fill", count, len]).status();
            assert!(ran.is_ok_and(|status| status.success()), "{name} failed");
        }
    }
}

fn fill(name: &str, count: u64, len: usize) {
    let mut table = layout(name);
    let value = vec![b'v'; len];
    let before = rss();
    let mut longest = 0_i64;
    for i in 0..count {
        let key = key(i);
        let start = thread_cpu_nanos();
        table.set(&key, &value);
        longest = longest.max(thread_cpu_nanos() - start);
    }
    let bytes = (rss() - before) as f64 / count as f64;
    println!("{name:10} {len:>3} {bytes:>8.1} bytes {:>9} µs", longest / 1000);
}

/// One run only, so an interrupt may be in it; the pauses example tells them apart.
fn thread_cpu_nanos() -> i64 {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every Linux has this clock");
    time.tv_sec() * 1_000_000_000 + time.tv_nsec()
}

fn lookups(name: &str, what: &str, times: u64) {
    const KEYS: u64 = 1 << 14;
    let mut table = layout(name);
    (0..KEYS).for_each(|i| table.set(&key(i), b"xyz"));
    let offset = if what == "hit" { 0 } else { KEYS };
    for i in 0..times {
        assert_eq!(table.has(black_box(&key((i & (KEYS - 1)) + offset))), offset == 0);
    }
}

fn key(number: u64) -> [u8; 16] {
    let mut key = *b"key:............";
    key[8..].copy_from_slice(&number.to_be_bytes());
    key
}

fn rss() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux has /proc");
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("a number of pages") * 4096
}

/// The layout of this crate: 32-bit references into pages.
struct Paged(Keyspace);

impl Layout for Paged {
    fn set(&mut self, key: &[u8], value: &[u8]) {
        let key: Key<'_> = self.0.hasher.key(key);
        self.0.db_mut(0).set_string(key, value, Deadline::Clear, Event::Set);
    }

    fn has(&mut self, key: &[u8]) -> bool {
        let key: Key<'_> = self.0.hasher.key(key);
        self.0.db_mut(0).find(key).is_some()
    }
}

/// Linear hashing too, but every entry an allocation of its own: key length, key, value. (Its list of buckets is a plain
/// `Vec`: what is compared is the record.)
struct Boxed {
    hasher: Hasher,
    buckets: Vec<Vec<(u8, Box<[u8]>)>>,
    len: usize,
}

impl Boxed {
    fn home(&self, hash: u64) -> usize {
        let mask = self.buckets.len().next_power_of_two() - 1;
        let wide = hash as usize & mask;
        if wide < self.buckets.len() { wide } else { wide & (mask >> 1) }
    }

    fn find(&self, key: &[u8]) -> (usize, Option<usize>) {
        let hash = self.hasher.hash(key);
        let (home, tag) = (self.home(hash), (hash >> 56) as u8);
        let found = self.buckets[home].iter().position(|(t, entry)| *t == tag && key_of(entry) == key);
        (home, found)
    }
}

fn key_of(entry: &[u8]) -> &[u8] {
    &entry[1..1 + usize::from(entry[0])]
}

impl Layout for Boxed {
    fn set(&mut self, key: &[u8], value: &[u8]) {
        let entry: Box<[u8]> = [&[key.len() as u8], key, value].concat().into();
        let (home, found) = self.find(key);
        if let Some(slot) = found {
            self.buckets[home][slot].1 = entry;
            return;
        }
        let tag = (self.hasher.hash(key) >> 56) as u8;
        self.buckets[home].push((tag, entry));
        self.len += 1;
        if self.len > self.buckets.len() * 7 {
            self.buckets.push(Vec::new());
            let new = self.buckets.len() - 1;
            let split = new & ((self.buckets.len().next_power_of_two() - 1) >> 1);
            for (tag, entry) in std::mem::take(&mut self.buckets[split]) {
                let home = self.home(self.hasher.hash(key_of(&entry)));
                self.buckets[home].push((tag, entry));
            }
        }
    }

    fn has(&mut self, key: &[u8]) -> bool {
        self.find(key).1.is_some()
    }
}

/// Redis's way: chains of separately allocated nodes, and two tables while entries move from one to the other, a bucket
/// with every operation.
struct Chained {
    hasher: Hasher,
    tables: [Vec<Option<Box<Node>>>; 2],
    len: usize,
    moved: usize,
}

#[derive(Clone)]
struct Node {
    next: Option<Box<Node>>,
    key: Box<[u8]>,
    value: Box<[u8]>,
}

impl Chained {
    fn new() -> Self {
        Chained { hasher: Hasher::with_key(1, 2), tables: [vec![None; 4], Vec::new()], len: 0, moved: 0 }
    }

    fn step(&mut self) {
        if self.tables[1].is_empty() {
            return;
        }
        let mut chain = self.tables[0][self.moved].take();
        while let Some(mut node) = chain {
            chain = node.next.take();
            let home = self.hasher.hash(&node.key) as usize & (self.tables[1].len() - 1);
            node.next = self.tables[1][home].take();
            self.tables[1][home] = Some(node);
        }
        self.moved += 1;
        if self.moved == self.tables[0].len() {
            self.tables[0] = std::mem::take(&mut self.tables[1]);
            self.moved = 0;
        }
    }

    fn find(&mut self, key: &[u8]) -> Option<&mut Node> {
        let hash = self.hasher.hash(key) as usize;
        self.tables.iter_mut().filter(|t| !t.is_empty()).find_map(|table| {
            let home = hash & (table.len() - 1);
            let mut node = table[home].as_deref_mut();
            while let Some(n) = node {
                if *n.key == *key {
                    return Some(n);
                }
                node = n.next.as_deref_mut();
            }
            None
        })
    }
}

impl Layout for Chained {
    fn set(&mut self, key: &[u8], value: &[u8]) {
        self.step();
        if let Some(node) = self.find(key) {
            node.value = value.into();
            return;
        }
        if self.tables[1].is_empty() && self.len >= self.tables[0].len() {
            // A vector of None is asked of calloc: zero pages, not a loop.
            self.tables[1] = vec![None; self.tables[0].len() * 2];
        }
        let table = if self.tables[1].is_empty() { &mut self.tables[0] } else { &mut self.tables[1] };
        let home = self.hasher.hash(key) as usize & (table.len() - 1);
        let next = table[home].take();
        table[home] = Some(Box::new(Node { next, key: key.into(), value: value.into() }));
        self.len += 1;
    }

    fn has(&mut self, key: &[u8]) -> bool {
        self.step();
        self.find(key).is_some()
    }
}

impl Layout for HashMap<Box<[u8]>, Box<[u8]>> {
    fn set(&mut self, key: &[u8], value: &[u8]) {
        self.insert(key.into(), value.into());
    }

    fn has(&mut self, key: &[u8]) -> bool {
        self.contains_key(key)
    }
}
