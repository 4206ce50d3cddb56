use super::super::db::Db;
use super::super::{Deadline, Event, Eviction, Hasher, Key, Keyspace, Policy, Round, Value};
use super::pool::Candidate;
use crate::random::Random;

const START: i64 = 1_700_000_000_000;

fn keyspace(databases: usize, policy: Policy) -> Keyspace {
    let mut keyspace = Keyspace::with_hasher(databases, Hasher::with_key(1, 2));
    keyspace.set_now(START);
    keyspace.set_eviction(&Eviction { policy, ..Eviction::default() });
    keyspace
}

fn name(n: usize) -> String {
    format!("key:{n}")
}

fn set(keyspace: &mut Keyspace, db: usize, n: usize, deadline: Deadline) {
    let (hasher, bytes) = (keyspace.hasher.clone(), name(n));
    keyspace.db_mut(db).set_string(hasher.key(bytes.as_bytes()), b"value", deadline, Event::Set);
}

fn has(keyspace: &Keyspace, db: usize, n: usize) -> bool {
    let bytes = name(n);
    keyspace.db(db).value(keyspace.hasher.key(bytes.as_bytes())).is_some()
}

/// So many seconds behind the beginning.
fn at(seconds: i64) -> Deadline {
    Deadline::At(START + seconds * 1000)
}

#[test]
fn without_eviction_nothing_goes() {
    let mut keyspace = keyspace(1, Policy::NoEviction);
    set(&mut keyspace, 0, 1, Deadline::Clear);
    assert_eq!(keyspace.evict(), Round::Nothing);
    assert_eq!((keyspace.db(0).len(), keyspace.evicted_keys()), (1, 0));
}

#[test]
fn every_policy_empties_what_it_may_and_nothing_else() {
    for (name, policy) in Policy::NAMES.iter().filter(|(_, policy)| *policy != Policy::NoEviction) {
        let mut keyspace = keyspace(3, *policy);
        for n in 0..600 {
            let deadline = if n % 3 == 0 { at(100) } else { Deadline::Clear };
            set(&mut keyspace, n % 2, n, deadline);
        }
        let mut evicted = 0;
        while evicts(&mut keyspace) {
            evicted += 1;
        }
        let expected = if policy.is_volatile() { 200 } else { 600 };
        let left = keyspace.db(0).len() + keyspace.db(1).len();
        assert_eq!(
            (evicted, left, keyspace.evicted_keys()),
            (expected, 600 - expected, expected as u64),
            "{name}"
        );
        assert!((0..600).all(|n| n % 3 == 0 || !policy.is_volatile() || has(&keyspace, n % 2, n)), "{name}");
        set(&mut keyspace, 2, 1, at(5));
        assert!(evicts(&mut keyspace) && !evicts(&mut keyspace), "{name}: the only key");
    }
}

#[test]
fn what_dies_next_goes_first() {
    let mut keyspace = keyspace(2, Policy::VolatileTtl);
    for n in 0..100 {
        set(&mut keyspace, n % 2, n, at(1000 + (n as i64 * 37) % 100));
    }
    set(&mut keyspace, 0, 1000, Deadline::Clear);
    for second in 0..100 {
        let next = (0..100).find(|n| (n * 37) % 100 == second).expect("each is there once");
        assert!(has(&keyspace, next % 2, next));
        assert!(evicts(&mut keyspace));
        assert!(!has(&keyspace, next % 2, next), "{next} has the earliest deadline");
    }
}

#[test]
fn evictions_are_noted_before_the_key_is_gone_and_count_nothing() {
    let mut keyspace = keyspace(2, Policy::AllKeysLru);
    set(&mut keyspace, 1, 7, Deadline::Clear);
    keyspace.changes.set_keep(true);
    let dirty = keyspace.changes.dirty();
    assert!(evicts(&mut keyspace));
    let noted: Vec<_> =
        keyspace.changes.iter().map(|it| (it.db, it.key.map(<[u8]>::to_vec), it.event)).collect();
    assert_eq!(noted, [(1, Some(b"key:7".to_vec()), Event::Evicted)]);
    assert_eq!(keyspace.changes.dirty(), dirty);
}

/// Forgets a key, however many rounds it takes; whether there was one.
fn evicts(keyspace: &mut Keyspace) -> bool {
    (0..10_000).map(|_| keyspace.evict()).find(|round| *round != Round::Unfinished) == Some(Round::Evicted)
}

/// Of a thousand keys, the mean rank of the first hundred that go, when the key of rank 0 deserves it most.
fn mean_rank(keyspace: &mut Keyspace) -> f64 {
    let mut ranks = Vec::new();
    let mut there: Vec<usize> = (0..1000).collect();
    for _ in 0..100 {
        assert!(evicts(keyspace));
        let gone = there.iter().position(|n| !has(keyspace, 0, *n)).expect("one is gone");
        ranks.push(there.remove(gone));
    }
    ranks.iter().sum::<usize>() as f64 / 100.0
}

#[test]
fn what_was_not_used_for_long_goes_first() {
    for policy in [Policy::AllKeysLru, Policy::VolatileLru] {
        let mut keyspace = keyspace(1, policy);
        for n in 0..1000 {
            set(&mut keyspace, 0, n, at(1_000_000));
        }
        for n in 0..1000 {
            keyspace.set_now(keyspace.now() + 2000);
            let (hasher, bytes) = (keyspace.hasher.clone(), name(n));
            assert!(keyspace.db_mut(0).find(hasher.key(bytes.as_bytes())).is_some());
        }
        let rank = mean_rank(&mut keyspace);
        assert!(rank < 140.0, "{policy:?}: mean rank {rank}, where the best of five has 166");
    }
}

#[test]
fn what_is_used_least_goes_first() {
    for policy in [Policy::AllKeysLfu, Policy::VolatileLfu] {
        let mut keyspace = keyspace(1, policy);
        keyspace.set_eviction(&Eviction { policy, log_factor: 0, ..Eviction::default() });
        for n in 0..1000 {
            set(&mut keyspace, 0, n, at(1_000_000));
            let (hasher, bytes) = (keyspace.hasher.clone(), name(n));
            for _ in 0..n / 5 {
                let stamp = keyspace.db_mut(0).find(hasher.key(bytes.as_bytes())).map(|found| found.stamp);
                assert!(stamp.is_some());
            }
        }
        let rank = mean_rank(&mut keyspace);
        assert!(rank < 140.0, "{policy:?}: mean rank {rank}");
    }
}

#[test]
fn what_was_used_since_it_became_a_candidate_stays() {
    let mut keyspace = keyspace(1, Policy::AllKeysLru);
    for n in 0..17 {
        set(&mut keyspace, 0, n, Deadline::Clear);
        keyspace.set_now(keyspace.now() + 1000);
    }
    // With as many samples as there are keys, the pool knows the oldest.
    keyspace.set_eviction(&Eviction { policy: Policy::AllKeysLru, samples: 200, ..Eviction::default() });
    assert!(evicts(&mut keyspace) && !has(&keyspace, 0, 0));
    set(&mut keyspace, 0, 1, Deadline::Clear);
    assert!(evicts(&mut keyspace));
    assert!(has(&keyspace, 0, 1) && !has(&keyspace, 0, 2));
}

#[test]
fn draws_are_even_whatever_the_sizes() {
    let mut keyspace = keyspace(1, Policy::AllKeysLru);
    let hasher = keyspace.hasher.clone();
    for n in 0..400 {
        let value = vec![b'v'; if n % 4 == 0 { 1000 } else { n % 90 }];
        let bytes = name(n);
        keyspace.db_mut(0).set_string(hasher.key(bytes.as_bytes()), &value, Deadline::Clear, Event::Set);
    }
    let mut long = 0;
    for _ in 0..40_000 {
        let reference = keyspace.dbs[0].draw(false).expect("there are keys");
        let Value::String(value) = keyspace.dbs[0].store.value(reference) else { panic!("a string") };
        long += usize::from(value.len() == 1000);
    }
    // 10,000 expected, standard deviation 87.
    assert!((9_600..10_400).contains(&long), "{long} of 40,000 draws, where a quarter of the keys is long");
}

#[test]
fn a_candidate_may_point_anywhere_by_now() {
    let mut keyspace = keyspace(1, Policy::AllKeysLru);
    let mut random = Random(5);
    for n in 0..50 {
        set(&mut keyspace, 0, n, Deadline::Clear);
    }
    for _ in 0..100_000 {
        let reference = crate::record::Ref(random.next() as u32 >> random.below(20));
        let candidate = Candidate { score: 1, db: 0, reference, stamp: random.next() as u16 };
        keyspace.dbs[0].stands(&candidate, true);
    }
    let hasher = keyspace.hasher.clone();
    let key: Key<'_> = hasher.key(b"key:3");
    assert!(keyspace.db_mut(0).remove(key, Event::Del));
    assert_eq!((0..50).filter(|_| evicts(&mut keyspace)).count(), 49);
}

fn s3fifo(keys: std::ops::Range<usize>) -> Keyspace {
    let mut keyspace = keyspace(1, Policy::AllKeysS3Fifo);
    keys.for_each(|n| set(&mut keyspace, 0, n, Deadline::Clear));
    keyspace
}

#[test]
fn what_is_asked_for_once_does_not_drive_out_what_is_used() {
    let mut keyspace = s3fifo(0..1000);
    let hasher = keyspace.hasher.clone();
    for n in 0..200 {
        assert!(keyspace.db_mut(0).find(hasher.key(name(n).as_bytes())).is_some());
    }
    for n in 1000..4000 {
        assert!(evicts(&mut keyspace));
        set(&mut keyspace, 0, n, Deadline::Clear);
    }
    let kept = (0..200).filter(|n| has(&keyspace, 0, *n)).count();
    assert!(kept > 190, "{kept} of the 200 keys that were used outlive three thousand that were not");
    assert_eq!(keyspace.db(0).len(), 1000);
}

#[test]
fn what_the_ghost_remembers_is_not_a_newcomer_again() {
    let mut keyspace = s3fifo(0..1000);
    for n in 1000..1500 {
        assert!(evicts(&mut keyspace));
        set(&mut keyspace, 0, n, Deadline::Clear);
    }
    let gone: Vec<usize> = (900..1400).filter(|n| !has(&keyspace, 0, *n)).take(50).collect();
    assert_eq!(gone.len(), 50);
    for n in &gone {
        evicts(&mut keyspace);
        set(&mut keyspace, 0, *n, Deadline::Clear);
    }
    for n in 2000..2200 {
        assert!(evicts(&mut keyspace));
        set(&mut keyspace, 0, n, Deadline::Clear);
    }
    let kept = gone.iter().filter(|n| has(&keyspace, 0, **n)).count();
    assert!(kept > 40, "{kept} of 50 that came back outlive two hundred newcomers");
}

#[test]
fn queues_know_every_record_whatever_becomes_of_it() {
    for policy in [Policy::AllKeysS3Fifo, Policy::VolatileS3Fifo] {
        let (mut keyspace, mut random) = (keyspace(2, Policy::AllKeysLru), Random(11));
        let hasher = keyspace.hasher.clone();
        for step in 0..120_000 {
            if step == 5_000 {
                // Stamps that mean times stay, and are taken for uses and tickets.
                keyspace.set_eviction(&Eviction { policy, ..Eviction::default() });
            }
            let (db, n) = (random.below(2), random.below(20_000));
            let bytes = name(n);
            let key = hasher.key(bytes.as_bytes());
            match random.below(12) {
                0 => _ = keyspace.db_mut(db).remove(key, Event::Del),
                1 => _ = keyspace.db_mut(db).find(key).is_some(),
                2 if step > 90_000 => _ = evicts(&mut keyspace),
                3 => _ = keyspace.db_mut(db).set_deadline(key, Some(START + 1_000_000), Event::Expire),
                4 => _ = keyspace.cron(true),
                _ => {
                    let longest = if random.below(9) == 0 { 3000 } else { 50 };
                    let value = vec![b'v'; random.below(longest)];
                    let deadline = if random.below(2) == 0 { at(1000) } else { Deadline::Clear };
                    keyspace.db_mut(db).set_string(key, &value, deadline, Event::Set);
                }
            }
            if step % 60_001 == 60_000 {
                keyspace.db_mut(0).clear();
            }
        }
        for db in &keyspace.dbs {
            let queues = db.store.queues.as_ref().expect("the policy has them");
            let (waiting, claimed) = (queues.waiting(), db.store.newcomers());
            assert!(waiting > 50 && claimed == waiting, "{policy:?}: {waiting} wait, {claimed} say so");
        }
        let may_go = |db: &Db| if policy.is_volatile() { db.expires() } else { db.len() };
        let expected: usize = keyspace.dbs.iter().map(may_go).sum();
        assert_eq!((0..100_000).filter(|_| evicts(&mut keyspace)).count(), expected, "{policy:?}");
    }
}
