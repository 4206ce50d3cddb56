//! Single operations in a loop, to be counted by `cargo compare micro`: `micro NAME TIMES` does one so many times,
//! `micro --list` names them all.
//!
//! A loop's body is the operation and nothing else, and everything is deterministic (fixed hash keys, fixed order), so
//! that the counts of two runs agree to the instruction.

use phase4_keyspace::keyspace::{DbMut, Deadline, Event, Hasher, Key, Keyspace};
use phase4_keyspace::wire::limits::{Limits, Parsed};
use phase4_keyspace::wire::reply::{Reply, Wire};
use phase4_keyspace::wire::resp;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::hint::black_box;
use std::process::ExitCode;

const NAMES: &[&str] = &[
    "siphash-16",
    "dict-hit",
    "dict-miss",
    "dict-hit-deadline",
    "dict-overwrite",
    "dict-overwrite-1k",
    "dict-remove-insert",
    "dict-move-deadline",
    "dict-warm-16",
    "keyspace-get-hit",
    "keyspace-get-miss",
    "keyspace-set-over",
    "keyspace-set-new",
    "hashmap-get-hit",
    "hashmap-get-miss",
    "hashmap-set-new",
    "reply-bulk",
    "reply-integer",
    "resp-decode",
    "frame-decode",
];

/// Keys in the tables that are looked into. A power of two, so that choosing one is a mask.
const KEYS: u64 = 1 << 14;
const VALUE: &[u8] = b"xyz";
const LATER: Deadline = Deadline::At(1 << 50);

/// std's map with SipHash under a fixed key; each entry owns its key and value, as a server's would.
type StdMap = HashMap<Box<[u8]>, Box<[u8]>, BuildHasherDefault<DefaultHasher>>;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (name, times) = (arguments.next(), arguments.next().and_then(|times| times.parse().ok()));
    match (name.as_deref(), times) {
        (Some("--list"), None) => println!("{}", NAMES.join("\n")),
        (Some(name), Some(times)) if NAMES.contains(&name) => run(name, times),
        _ => {
            eprintln!("usage: micro --list | micro NAME TIMES");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn run(name: &str, times: u64) {
    match name {
        "siphash-16" => siphash(times),
        "dict-hit" => dict(times, VALUE, Deadline::Clear, |db, key, _| assert!(db.find(key).is_some())),
        "dict-miss" => {
            dict(times, VALUE, Deadline::Clear, |db, _, absent| assert!(db.find(absent).is_none()))
        }
        "dict-hit-deadline" => dict(times, VALUE, LATER, |db, key, _| assert!(db.find(key).is_some())),
        "dict-overwrite" => dict(times, VALUE, Deadline::Clear, overwrite(VALUE)),
        "dict-overwrite-1k" => dict(times, &[1; 1024], Deadline::Clear, overwrite(&[2; 1024])),
        "dict-remove-insert" => dict(times, VALUE, Deadline::Clear, |db, key, _| {
            assert!(db.remove(key, Event::Del));
            db.set_string(key, black_box(VALUE), Deadline::Clear, Event::Set);
        }),
        "dict-move-deadline" => dict(times, VALUE, LATER, |db, key, _| {
            assert!(db.set_deadline(key, Some((key.hash >> 8) as i64), Event::Expire));
        }),
        "dict-warm-16" => warm(times),
        "keyspace-get-hit" => keyspace_get(times, 0),
        "keyspace-get-miss" => keyspace_get(times, KEYS),
        "keyspace-set-over" => keyspace_set(times, KEYS - 1),
        "keyspace-set-new" => keyspace_set(times, u64::MAX),
        "hashmap-get-hit" => hashmap_get(times, 0),
        "hashmap-get-miss" => hashmap_get(times, KEYS),
        "hashmap-set-new" => hashmap_set(times),
        "reply-bulk" => reply(times, |reply| reply.bulk(black_box(VALUE))),
        "reply-integer" => reply(times, |reply| reply.integer(black_box(1_234_567))),
        "resp-decode" => resp_decode(times),
        "frame-decode" => frame_decode(times),
        other => unreachable!("{other} is listed and has no operation"),
    }
}

/// A key of 16 bytes from its number. Its cost is part of every figure, the same for both tables.
fn key(number: u64) -> [u8; 16] {
    let mut key = *b"key:............";
    key[8..].copy_from_slice(&number.to_be_bytes());
    key
}

fn siphash(times: u64) {
    let hasher = Hasher::with_key(1, 2);
    for _ in 0..times {
        black_box(hasher.hash(black_box(b"key:000000000000")));
    }
}

/// One operation on a database of `KEYS` keys, over and over: it is given a key that is there and one that is not, both
/// hashed before, as the server hashes a batch ahead.
fn dict(
    times: u64,
    value: &[u8],
    deadline: Deadline,
    mut operation: impl FnMut(&mut DbMut<'_>, Key<'_>, Key<'_>),
) {
    let hasher = Hasher::with_key(1, 2);
    let mut keyspace = Keyspace::with_hasher(1, hasher.clone());
    let names: Vec<[u8; 16]> = (0..KEYS * 2).map(key).collect();
    let keys: Vec<Key<'_>> = names.iter().map(|name| hasher.key(name)).collect();
    let (there, absent) = keys.split_at(KEYS as usize);
    for &key in there {
        keyspace.db_mut(0).set_string(key, value, deadline, Event::Set);
    }
    for i in 0..times {
        let i = (i & (KEYS - 1)) as usize;
        operation(&mut keyspace.db_mut(0), there[i], absent[i]);
    }
}

fn overwrite(value: &[u8]) -> impl FnMut(&mut DbMut<'_>, Key<'_>, Key<'_>) + '_ {
    |db, key, _| db.set_string(key, black_box(value), Deadline::Clear, Event::Set)
}

/// A batch of sixteen keys at a time, hashed and warmed.
fn warm(times: u64) {
    let hasher = Hasher::with_key(1, 2);
    let mut keyspace = Keyspace::with_hasher(1, hasher.clone());
    let names: Vec<[u8; 16]> = (0..KEYS).map(key).collect();
    let keys: Vec<Key<'_>> = names.iter().map(|name| hasher.key(name)).collect();
    for &key in &keys {
        keyspace.db_mut(0).set_string(key, VALUE, Deadline::Clear, Event::Set);
    }
    for i in 0..times {
        let first = ((i * 16) & (KEYS - 1)) as usize;
        let hashes: [u64; 16] =
            std::array::from_fn(|at| keyspace.db(0).hash_and_prefetch(keys[first + at].bytes));
        keyspace.db(0).warm(&hashes);
    }
}

fn keyspace_get(times: u64, offset: u64) {
    let hasher = Hasher::with_key(1, 2);
    let mut keyspace = Keyspace::with_hasher(1, hasher.clone());
    let mut db = keyspace.db_mut(0);
    for number in 0..KEYS {
        db.set_string(hasher.key(&key(number)), VALUE, Deadline::Clear, Event::Set);
    }
    for i in 0..times {
        let key = key((i & (KEYS - 1)) + offset);
        let found = db.find(hasher.key(&key)).is_some();
        assert_eq!(found, offset == 0);
    }
}

fn keyspace_set(times: u64, mask: u64) {
    let hasher = Hasher::with_key(1, 2);
    let mut keyspace = Keyspace::with_hasher(1, hasher.clone());
    let mut db = keyspace.db_mut(0);
    for i in 0..times {
        db.set_string(hasher.key(&key(i & mask)), black_box(VALUE), Deadline::Clear, Event::Set);
    }
    assert_eq!(db.len() as u64, times.min(mask.saturating_add(1)));
}

fn hashmap_get(times: u64, offset: u64) {
    let mut map = StdMap::default();
    for number in 0..KEYS {
        map.insert(Box::new(key(number)), VALUE.into());
    }
    for i in 0..times {
        let found = map.contains_key(&key((i & (KEYS - 1)) + offset)[..]);
        assert_eq!(found, offset == 0);
    }
}

fn hashmap_set(times: u64) {
    let mut map = StdMap::default();
    for i in 0..times {
        map.insert(Box::new(key(i)), black_box(VALUE).into());
    }
    assert_eq!(map.len() as u64, times);
}

fn reply(times: u64, write: impl Fn(&mut Reply<'_>)) {
    let mut out = Vec::with_capacity(64);
    for _ in 0..times {
        out.clear();
        write(&mut Reply::new(&mut out, Wire::Resp2));
        black_box(&out);
    }
}

fn resp_decode(times: u64) {
    let input = b"*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000001\r\n$3\r\nxyz\r\n";
    let limits = Limits { max_bulk: 1 << 29, max_frame: 1 << 30, unauthenticated: false };
    let mut spans = Vec::with_capacity(8);
    for _ in 0..times {
        spans.clear();
        let parsed = resp::parse(black_box(input), &mut resp::Progress::at(0), &limits, &mut spans);
        assert!(matches!(parsed, Ok(Parsed::Request(end)) if end == input.len()));
    }
}

fn frame_decode(times: u64) {
    let input = [&16u32.to_le_bytes()[..], b"sixteen bytes ..", b"and the next"].concat();
    for _ in 0..times {
        let decoded = phase2_framing::frame::decode(black_box(&input), 1 << 25);
        assert!(matches!(black_box(decoded), Ok(phase2_framing::frame::Decoded::Frame { consumed: 20, .. })));
    }
}
