//! A database against a model: a sorted map of values and deadlines.
use super::*;
use crate::random::Random;
use std::collections::{BTreeMap, HashSet};

impl Random {
    /// Mostly short, sometimes too long for one length byte, sometimes too long for a record.
    fn bytes(&mut self, long: bool) -> Vec<u8> {
        let len = match self.below(20) {
            0 => self.below(if long { 6000 } else { 1400 }),
            1 | 2 => self.below(700),
            _ => self.below(40),
        };
        let fill = self.next() as u8;
        vec![fill; len]
    }
}

type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<Millis>)>;

fn string(value: Value<'_>) -> Vec<u8> {
    let Value::String(s) = value else { panic!("{value:?}") };
    s.to_vec()
}

/// A key by number; every tenth is long, some longer than a record takes.
fn name(n: usize) -> Vec<u8> {
    let mut name = format!("key:{n}").into_bytes();
    name.resize(name.len() + if n % 10 == 3 { n * 37 % 3000 } else { 0 }, b'-');
    name
}

fn check(keyspace: &mut Keyspace, model: &Model, names: usize) {
    let now = keyspace.now();
    let hasher = keyspace.hasher.clone();
    let mut db = keyspace.db_mut(0);
    for n in 0..names {
        let bytes = name(n);
        let found = db.peek(hasher.key(&bytes)).map(|f| (string(f.value), f.deadline));
        let expected = model.get(&bytes).filter(|v| v.1.is_none_or(|d| d > now));
        assert_eq!(found.as_ref(), expected, "key {n}");
    }
    let live = || model.values().filter(|v| v.1.is_none_or(|d| d > now));
    assert_eq!(db.len(), live().count());
    assert_eq!(db.expires(), live().filter(|v| v.1.is_some()).count());
    let left: Millis = live().filter_map(|v| v.1).map(|d| d - now).sum();
    assert!((db.average_ttl() - left / db.expires().max(1) as Millis).abs() <= 1);
}

fn traffic(seed: u64, hasher: Hasher, names: usize, steps: usize) {
    let mut random = Random(seed);
    let mut keyspace = Keyspace::with_hasher(2, hasher);
    let hasher = keyspace.hasher.clone();
    let mut model = Model::new();
    let mut now = 1_700_000_000_000;
    for step in 0..steps {
        if random.below(8) == 0 {
            now += random.below(40) as Millis;
        }
        keyspace.set_now(now);
        model.retain(|_, v| v.1.is_none_or(|d| d > now));
        // Waves of growth and decay.
        let removing = step * 5 / steps % 2 == 1 && random.below(3) > 0;
        let bytes = name(random.below(names));
        let key = hasher.key(&bytes);
        let mut db = keyspace.db_mut(0);
        match if removing { 5 } else { random.below(12) } {
            0..=2 => {
                let value = random.bytes(true);
                let (how, at) = match random.below(4) {
                    0 => (Deadline::Keep, model.get(&bytes).and_then(|v| v.1)),
                    1 => {
                        let at = now + random.below(3000) as Millis;
                        (Deadline::At(at), Some(at))
                    }
                    _ => (Deadline::Clear, None),
                };
                db.set_string(key, &value, how, Event::Set);
                model.insert(bytes.clone(), (value, at));
            }
            3 => {
                let more = random.bytes(false);
                let entry = model.entry(bytes.clone()).or_insert((Vec::new(), None));
                entry.0.extend_from_slice(&more);
                let len = db.edit_string(key, Event::Append, |s| {
                    s.extend_from_slice(&more);
                    Edit::Changed(s.len())
                });
                assert_eq!(len, Ok(entry.0.len()));
                assert!(db.peek(key).is_some_and(|f| f.raw));
            }
            4 => {
                let at = (random.below(3) > 0).then(|| now + 1 + random.below(3000) as Millis);
                assert_eq!(db.set_deadline(key, at, Event::Expire), model.contains_key(&bytes));
                if let Some(v) = model.get_mut(&bytes) {
                    v.1 = at;
                }
            }
            5 => assert_eq!(db.remove(key, Event::Del), model.remove(&bytes).is_some()),
            6 => {
                let taken = db.take(key);
                assert_eq!(taken.is_some(), model.contains_key(&bytes));
                if let Some(taken) = taken {
                    let other = name(random.below(names));
                    keyspace.db_mut(0).put(hasher.key(&other), taken);
                    let value = model.remove(&bytes).expect("just seen");
                    model.insert(other, value);
                }
            }
            7 => {
                if let Some(copy) = db.clone_entry(key) {
                    let other = name(random.below(names));
                    db.put(hasher.key(&other), copy);
                    model.insert(other, model[&bytes].clone());
                }
            }
            8 => {
                let db_has = db.random_key().map(<[u8]>::to_vec);
                assert!(db_has.is_none_or(|k| model.contains_key(&k)));
            }
            9 => _ = keyspace.cron(random.below(2) == 0),
            _ => {
                let shared = keyspace.db(0);
                assert_eq!(shared.hash_and_prefetch(key.bytes), key.hash);
                shared.warm(&[key.hash, key.hash]);
                let found = keyspace.db_mut(0).find(key).map(|f| (string(f.value), f.deadline));
                assert_eq!(found.as_ref(), model.get(&bytes));
            }
        }
        if step % 500 == 0 {
            model.retain(|_, v| v.1.is_none_or(|d| d > now));
            check(&mut keyspace, &model, names);
        }
    }
    check(&mut keyspace, &model, names);
    for n in 0..names {
        let bytes = name(n);
        keyspace.db_mut(0).remove(hasher.key(&bytes), Event::Del);
    }
    while keyspace.cron(true).is_some() {}
    assert_eq!(keyspace.db_mut(0).len(), 0);
    // A chunk or two of each structure is kept; nothing else.
    assert!(keyspace.bytes() < 400_000, "{} bytes left", keyspace.bytes());
}

#[test]
fn random_traffic_agrees_with_a_sorted_map() {
    for seed in 1..=3 {
        traffic(seed, Hasher::with_key(seed, 7), 1500, 15_000);
    }
}

#[test]
fn weak_hashes_collide_and_nothing_is_confused() {
    traffic(11, Hasher::weak(0), 60, 4000);
    traffic(12, Hasher::weak(0xff << 56), 120, 4000);
    traffic(13, Hasher::weak(0x3f), 400, 8000);
}

#[test]
fn dead_keys_are_nowhere_and_counted_once() {
    let mut keyspace = Keyspace::new(1);
    let hasher = keyspace.hasher.clone();
    for n in 0..300 {
        let at = if n % 3 == 0 { Deadline::At(1000) } else { Deadline::Clear };
        keyspace.db_mut(0).set_string(hasher.key(&name(n)), b"x", at, Event::Set);
    }
    assert_eq!((keyspace.db_mut(0).len(), keyspace.db_mut(0).expires()), (300, 100));
    keyspace.set_now(1000);
    let mut db = keyspace.db_mut(0);
    assert!(db.find(hasher.key(&name(0))).is_none());
    assert!(!db.remove(hasher.key(&name(3)), Event::Del));
    assert!(!db.set_deadline(hasher.key(&name(6)), None, Event::Expire));
    assert!(db.take(hasher.key(&name(9))).is_none());
    let mut seen = 0;
    db.scan(0, usize::MAX, |key, _| {
        seen += 1;
        assert!((0..300).any(|n| n % 3 > 0 && key == name(n)));
    });
    assert_eq!(seen, 200);
    for _ in 0..100 {
        let key = db.random_key().map(<[u8]>::to_vec).expect("live keys are left");
        assert!((0..300).any(|n| n % 3 > 0 && key == name(n)));
    }
    keyspace.cron(false);
    assert!(keyspace.db_mut(0).len() > 200, "expiry was off");
    keyspace.cron(true);
    assert_eq!(
        (keyspace.db_mut(0).len(), keyspace.db_mut(0).expires(), keyspace.expired_keys()),
        (200, 0, 100)
    );
}

#[test]
fn hidden_dead_keys_stay_until_they_are_hidden_no_more() {
    let mut keyspace = Keyspace::new(1);
    let hasher = keyspace.hasher.clone();
    let [brief, other] = [b"brief", b"other"].map(|name| hasher.key(name));
    let set = |keyspace: &mut Keyspace, key, at| keyspace.db_mut(0).set_string(key, b"v", at, Event::Set);
    set(&mut keyspace, brief, Deadline::At(10));
    set(&mut keyspace, other, Deadline::At(10));
    keyspace.set_now(10);
    keyspace.hide_expired(true);
    let mut db = keyspace.db_mut(0);
    assert!(db.find(brief).is_none() && db.peek(brief).is_none());
    // There is no live key to choose; this ends all the same.
    assert!(db.random_key().is_some());
    assert_eq!((db.len(), keyspace.expired_keys()), (2, 0));
    // A write finds no such key, and removes it.
    keyspace.db_mut(0).set_string(other, b"w", Deadline::Keep, Event::Set);
    assert_eq!((keyspace.db(0).len(), keyspace.db(0).expires(), keyspace.expired_keys()), (2, 1, 1));
    keyspace.hide_expired(false);
    assert!(keyspace.db_mut(0).find(brief).is_none());
    assert_eq!((keyspace.db(0).len(), keyspace.expired_keys()), (1, 2));
}

#[test]
fn a_database_of_dead_keys_has_no_random_key() {
    let mut keyspace = Keyspace::new(1);
    for n in 0..50 {
        let hasher = keyspace.hasher.clone();
        keyspace.db_mut(0).set_string(hasher.key(&name(n)), b"x", Deadline::At(5), Event::Set);
    }
    keyspace.set_now(5);
    assert_eq!(keyspace.db_mut(0).random_key(), None);
    assert_eq!(keyspace.expired_keys(), 50);
}

#[test]
fn deadlines_moved_over_and_over_leave_nothing_behind() {
    let mut keyspace = Keyspace::new(1);
    let hasher = keyspace.hasher.clone();
    let key = hasher.key(b"k");
    let mut bytes = 0;
    for round in 0..10_000 {
        let mut db = keyspace.db_mut(0);
        db.set_string(key, b"v", Deadline::At(1_000_000 + round), Event::Set);
        db.set_deadline(key, Some(2_000_000 - round), Event::Expire);
        db.set_deadline(key, None, Event::Expire);
        db.set_deadline(key, Some(3_000_000), Event::Expire);
        assert_eq!(db.expires(), 1);
        db.remove(key, Event::Del);
        assert_eq!(db.expires(), 0);
        if round == 10 {
            bytes = db.bytes();
        }
    }
    assert_eq!(keyspace.bytes(), bytes);
}

#[test]
fn extreme_deadlines_neither_overflow_nor_fire() {
    let mut keyspace = Keyspace::new(1);
    keyspace.set_now(1_700_000_000_000);
    let hasher = keyspace.hasher.clone();
    for n in 0..4 {
        keyspace.db_mut(0).set_string(hasher.key(&name(n)), b"", Deadline::At(Millis::MAX), Event::Set);
    }
    assert_eq!(keyspace.cron(true), Some(1000));
    assert_eq!(keyspace.db_mut(0).len(), 4);
    assert_eq!(keyspace.db_mut(0).average_ttl(), Millis::MAX - 1_700_000_000_000);
    keyspace.db_mut(0).set_deadline(hasher.key(&name(0)), Some(Millis::MIN), Event::Expire);
    keyspace.cron(true);
    assert_eq!(keyspace.db_mut(0).len(), 3);
}

#[test]
fn memory_comes_back_after_mass_removal_and_resizing_churn() {
    let mut keyspace = Keyspace::new(1);
    let hasher = keyspace.hasher.clone();
    let keys: Vec<Vec<u8>> = (0..40_000).map(|n| format!("key:{n:012}").into_bytes()).collect();
    for key in &keys {
        keyspace.db_mut(0).set_string(hasher.key(key), b"xxx", Deadline::Clear, Event::Set);
    }
    let small = keyspace.bytes();
    assert!(small < keys.len() * 38, "{} bytes a key", small / keys.len());
    // Every value grows, then shrinks again: other size classes, then the first.
    for len in [60, 200, 3] {
        for key in &keys {
            keyspace.db_mut(0).set_string(hasher.key(key), &[b'y'; 200][..len], Deadline::Clear, Event::Set);
        }
    }
    while keyspace.cron(true).is_some_and(|wait| wait <= 1) {}
    assert!(keyspace.bytes() < small * 5 / 4, "{} of {small}", keyspace.bytes());
    // Nine of ten go, everywhere: only moving the rest together frees pages.
    for (n, key) in keys.iter().enumerate().filter(|(n, _)| n % 10 != 0) {
        assert!(keyspace.db_mut(0).remove(hasher.key(key), Event::Del), "{n}");
    }
    while keyspace.cron(true).is_some_and(|wait| wait <= 1) {}
    assert!(keyspace.bytes() < small / 4, "{} of {small}", keyspace.bytes());
    for (n, key) in keys.iter().enumerate() {
        assert_eq!(keyspace.db_mut(0).find(hasher.key(key)).is_some(), n % 10 == 0, "{n}");
    }
}

#[test]
fn a_database_of_one_key_takes_a_kilobyte() {
    let mut keyspace = Keyspace::new(1);
    let hasher = keyspace.hasher.clone();
    assert_eq!(keyspace.bytes(), 0);
    keyspace.db_mut(0).set_string(hasher.key(b"a key of 16 byte"), b"xyz", Deadline::At(1 << 50), Event::Set);
    assert!(keyspace.bytes() < 1024, "{}", keyspace.bytes());
    keyspace.db_mut(0).clear();
    while keyspace.cron(true) == Some(0) {}
    assert!(keyspace.bytes() < 100, "{}", keyspace.bytes());
}

#[test]
fn a_cleared_database_is_empty_at_once_and_freed_by_and_by() {
    let mut keyspace = Keyspace::new(2);
    let hasher = keyspace.hasher.clone();
    for n in 0..60_000 {
        let value = if n % 100 == 0 { vec![0; 5000] } else { vec![0; 20] };
        keyspace.db_mut(0).set_string(hasher.key(&name(n * 10)), &value, Deadline::At(1 << 50), Event::Set);
    }
    let full = keyspace.bytes();
    keyspace.db_mut(0).clear();
    assert_eq!((keyspace.db_mut(0).len(), keyspace.db_mut(0).expires()), (0, 0));
    assert!(keyspace.db_mut(0).find(hasher.key(&name(10))).is_none());
    assert_eq!(keyspace.bytes(), full, "clear itself frees nothing");
    keyspace.db_mut(0).set_string(hasher.key(b"new"), b"life", Deadline::Clear, Event::Set);
    assert_eq!((keyspace.lazyfree_pending(), keyspace.lazyfreed()), (60_000, 0));
    while keyspace.cron(true) == Some(0) {}
    assert_eq!((keyspace.lazyfree_pending(), keyspace.lazyfreed()), (0, 60_000));
    assert!(keyspace.bytes() < 20_000, "{} left", keyspace.bytes());
    assert!(keyspace.db_mut(0).find(hasher.key(b"new")).is_some());
}

/// Every way to lose a long value leaves it to be freed by shares, and what was long and is short again.
#[test]
fn long_values_wait_to_be_freed() {
    const LONG: usize = 4 << 20;
    let mut keyspace = Keyspace::new(1);
    let hasher = keyspace.hasher.clone();
    let (key, other) = (hasher.key(b"key"), hasher.key(b"other"));
    let long_key = vec![b'k'; LONG];
    type Way<'a> = &'a dyn Fn(&mut DbMut<'_>);
    let ways: [(&str, Way<'_>); 6] = [
        ("DEL", &|db| assert!(db.remove(key, Event::Del))),
        ("SET", &|db| db.set_string(key, b"short", Deadline::Clear, Event::Set)),
        ("SET of half", &|db| db.set_string(key, &[1; LONG / 2 - 1], Deadline::Clear, Event::Set)),
        ("RENAME", &|db| {
            db.set_string(other, b"another", Deadline::Clear, Event::Set);
            let taken = db.take(other).expect("just set");
            db.put(key, taken);
        }),
        ("expiry", &|db| {
            db.set_deadline(key, Some(0), Event::Expire);
            assert!(db.find(key).is_none());
        }),
        ("FLUSHDB", &|db| db.clear()),
    ];
    for (way, lose) in ways {
        keyspace.db_mut(0).set_string(key, &[7; LONG], Deadline::Clear, Event::Set);
        let before = keyspace.lazyfreed();
        lose(&mut keyspace.db_mut(0));
        assert_eq!((keyspace.lazyfree_pending(), keyspace.lazyfreed()), (1, before), "{way}");
        while keyspace.cron(true) == Some(0) {}
        assert_eq!((keyspace.lazyfree_pending(), keyspace.lazyfreed()), (0, before + 1), "{way}");
        keyspace.db_mut(0).remove(key, Event::Del);
        while keyspace.cron(true) == Some(0) {}
    }
    // A key may be long as well.
    keyspace.db_mut(0).set_string(hasher.key(&long_key), b"v", Deadline::Clear, Event::Set);
    assert!(keyspace.db_mut(0).remove(hasher.key(&long_key), Event::Del));
    assert_eq!(keyspace.lazyfree_pending(), 1);
}

/// A long string over another of about its length, or a little longer, takes its memory.
#[test]
fn long_values_follow_each_other_in_place() {
    let mut keyspace = Keyspace::new(1);
    let hasher = keyspace.hasher.clone();
    let key = hasher.key(b"key");
    for (len, fill) in [(1 << 20, 1), (1 << 20, 2), (900_000, 3), (3 << 20, 4), (2 << 20, 5)] {
        keyspace.db_mut(0).set_string(key, &vec![fill; len], Deadline::Clear, Event::Set);
        assert_eq!(keyspace.lazyfree_pending(), 0, "{len}");
        let found = keyspace.db_mut(0).find(key).map(|found| string(found.value));
        assert!(found == Some(vec![fill; len]), "{len}");
    }
}

#[test]
fn databases_swap_and_stay_apart() {
    let mut keyspace = Keyspace::new(3);
    let hasher = keyspace.hasher.clone();
    keyspace.db_mut(0).set_string(hasher.key(b"k"), b"zero", Deadline::Clear, Event::Set);
    keyspace.db_mut(2).set_string(hasher.key(b"k"), b"two", Deadline::At(9), Event::Set);
    keyspace.swap(0, 2);
    assert_eq!(keyspace.db_mut(0).find(hasher.key(b"k")).map(|f| string(f.value)), Some(b"two".to_vec()));
    assert_eq!(keyspace.db_mut(2).find(hasher.key(b"k")).map(|f| string(f.value)), Some(b"zero".to_vec()));
    assert!(keyspace.db_mut(1).is_empty());
    keyspace.set_now(9);
    assert!(keyspace.db_mut(0).find(hasher.key(b"k")).is_none());
}

#[test]
fn idle_time_counts_uses_only() {
    let mut keyspace = Keyspace::new(1);
    let hasher = keyspace.hasher.clone();
    let key = hasher.key(b"k");
    keyspace.set_now(1_000_000_000);
    keyspace.db_mut(0).set_string(key, b"v", Deadline::Clear, Event::Set);
    let mut now = 1_000_000_000;
    let mut later = |keyspace: &mut Keyspace, seconds: i64| {
        // The server's cron comes by at least once a second; a round every minute is enough here.
        for _ in 0..seconds / 60 {
            now += 60_000;
            keyspace.set_now(now);
            keyspace.cron(true);
        }
        now += seconds % 60 * 1000;
        keyspace.set_now(now);
        let stamp = keyspace.db_mut(0).peek(key)?.stamp;
        keyspace.db(0).idle(stamp)
    };
    assert_eq!(later(&mut keyspace, 90), Some(90));
    assert_eq!(later(&mut keyspace, 35_000), Some(35_090));
    let days = later(&mut keyspace, 30 * 86_400).expect("alive") as i64 - 35_090 - 30 * 86_400;
    assert!((0..3600).contains(&days), "{days}");
    keyspace.db_mut(0).find(key);
    assert_eq!(later(&mut keyspace, 7), Some(7));
    keyspace.db_mut(0).set_string(key, b"w", Deadline::Keep, Event::Set);
    assert_eq!(later(&mut keyspace, 0), Some(0));
}

#[test]
fn a_clock_put_back_makes_no_key_old_or_young() {
    let mut keyspace = Keyspace::new(1);
    let hasher = keyspace.hasher.clone();
    let key = hasher.key(b"k");
    let start = 1_700_000_000_000;
    keyspace.set_now(start);
    keyspace.db_mut(0).set_string(key, b"v", Deadline::Clear, Event::Set);
    let mut idle = |now| {
        keyspace.set_now(now);
        let stamp = keyspace.db_mut(0).peek(key)?.stamp;
        keyspace.db(0).idle(stamp)
    };
    assert_eq!(idle(start + 100_000), Some(100));
    assert_eq!(idle(start - 3_600_000), Some(100), "an hour back");
    assert_eq!(idle(start - 3_590_000), Some(110), "and ten seconds on");
}

#[test]
fn a_scan_over_the_database_survives_growth_and_decay() {
    for seed in 1..=6 {
        let mut random = Random(seed);
        let mut keyspace = Keyspace::with_hasher(1, Hasher::with_key(seed, seed));
        let hasher = keyspace.hasher.clone();
        let mut db = keyspace.db_mut(0);
        for n in 0..300 {
            db.set_string(hasher.key(&name(n)), b"stays", Deadline::Clear, Event::Set);
        }
        let (mut met, mut cursor, mut extra) = (HashSet::new(), 0, 300);
        loop {
            cursor = db.scan(cursor, 10, |key, _| _ = met.insert(key.to_vec()));
            if cursor == 0 {
                break;
            }
            if random.below(2) == 0 {
                for _ in 0..random.below(300) {
                    db.set_string(hasher.key(&name(extra)), b"passes", Deadline::Clear, Event::Set);
                    extra += 1;
                }
            } else {
                for n in 300..extra {
                    db.remove(hasher.key(&name(n)), Event::Del);
                }
                extra = 300;
            }
        }
        assert!((0..300).all(|n| met.contains(&name(n))), "seed {seed}");
    }
}
