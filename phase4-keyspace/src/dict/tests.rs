use super::*;
use crate::random::Random;
use std::collections::{BTreeSet, HashSet};

/// A good hash of a reference, of which only some bits survive.
fn hash(reference: u32, mask: u64) -> u64 {
    Random(u64::from(reference) * 2 + 1).next().rotate_left(17).wrapping_mul(0x9e37_79b9_7f4a_7c15) & mask
}

/// Everything that must hold between calls.
fn check(dict: &Dict, model: &BTreeSet<u32>, mask: u64) {
    assert_eq!(dict.len(), model.len());
    let mut seen = BTreeSet::new();
    let mut overflow = HashSet::new();
    for home in 0..dict.table.len() {
        let mut at = At::Table(home as u32);
        loop {
            let bucket = dict.bucket(at);
            for slot in 0..bucket.count() {
                let (tag_here, Ref(reference)) = bucket.entry(slot);
                assert_eq!(tag_here, tag(hash(reference, mask)));
                assert_eq!(dict.home(hash(reference, mask)), home, "an entry is in its home chain");
                assert!(seen.insert(reference));
            }
            let Some(child) = bucket.child() else { break };
            assert_eq!(bucket.count(), bucket::SLOTS, "only the end of a chain has free slots");
            assert!(dict.overflow[child].count() > 0, "no bucket of a chain is empty");
            assert!(overflow.insert(child));
            at = At::Overflow(child as u32);
        }
    }
    assert_eq!(&seen, model);
    assert_eq!(overflow.len(), dict.overflow.len(), "overflow buckets stand without holes");
    let buckets = dict.table.len();
    assert!(buckets <= dict.mask + 1 && buckets > dict.mask >> 1 || buckets <= 1);
    assert!(dict.len() <= buckets * SPLIT_ABOVE, "a split for every insert over the load");
}

fn traffic(seed: u64, mask: u64, most: usize, steps: usize) {
    let mut random = Random(seed);
    let (mut dict, mut model) = (Dict::default(), BTreeSet::new());
    let mut all: Vec<u32> = Vec::new();
    for step in 0..steps {
        // Waves: the table grows to its most, shrinks to none, and so on.
        let rising = (step * 6 / steps).is_multiple_of(2);
        if (all.len() < most && random.below(10) < if rising { 8 } else { 2 }) || all.is_empty() {
            let reference = random.next() as u32;
            if model.insert(reference) {
                dict.insert(hash(reference, mask), Ref(reference), |r| hash(r.0, mask));
                all.push(reference);
            }
        } else {
            let reference = all.swap_remove(random.below(all.len()));
            let place = dict.find(hash(reference, mask), |r| r.0 == reference).expect("present");
            dict.remove(hash(reference, mask), place, |r| hash(r.0, mask));
            model.remove(&reference);
        }
        let probe = random.next() as u32;
        assert_eq!(dict.find(hash(probe, mask), |r| r.0 == probe).is_some(), model.contains(&probe));
        if step % 64 == 0 || all.len() < 40 {
            check(&dict, &model, mask);
        }
    }
    for reference in all {
        let place = dict.find(hash(reference, mask), |r| r.0 == reference).expect("present");
        dict.remove(hash(reference, mask), place, |r| hash(r.0, mask));
        model.remove(&reference);
    }
    check(&dict, &model, mask);
    assert_eq!((dict.table.len(), dict.overflow.len()), (1, 0));
}

#[test]
fn random_traffic_agrees_with_a_set() {
    for seed in 1..=4 {
        traffic(seed, u64::MAX, 3000, 12_000);
    }
}

#[test]
fn collisions_make_long_chains_and_lose_nothing() {
    traffic(5, 0, 120, 4000); // every key in one chain
    traffic(6, 0xff << 56 | 3, 400, 6000); // four homes, good tags
    traffic(7, 0x1f, 600, 6000); // good homes to 32, one tag
    traffic(8, 1 << 56 | 0xfff, 2000, 8000); // two tags
}

#[test]
fn a_chain_emptied_from_any_place_keeps_the_rest() {
    for victim in 0..40 {
        let (mut dict, mut model) = (Dict::default(), BTreeSet::new());
        for reference in 0..40 {
            dict.insert(0, Ref(reference), |_| 0);
            model.insert(reference);
        }
        for step in 0..40 {
            let reference = (victim + step * 13) % 40;
            let place = dict.find(0, |r| r.0 == reference).expect("present");
            dict.remove(0, place, |_| 0);
            model.remove(&reference);
            check(&dict, &model, 0);
        }
    }
}

#[test]
fn a_lookup_finds_its_entry_and_no_other() {
    // Good hashes, four tags for all, one chain for all.
    for mask in [u64::MAX, 3 << 56 | 0xfff, 0xff << 56] {
        let mut dict = Dict::default();
        assert_eq!(dict.get(hash(0, mask), |_| true), None);
        for reference in 0..100 {
            dict.insert(hash(reference, mask), Ref(reference), |r| hash(r.0, mask));
        }
        for reference in 0..100 {
            assert_eq!(dict.get(hash(reference, mask), |r| r.0 == reference), Some(Ref(reference)));
            assert_eq!(dict.get(hash(reference, mask), |_| false), None);
        }
    }
}

#[test]
fn what_is_removed_is_gone_and_the_rest_is_found() {
    let place = |dict: &Dict, reference: u32| dict.find(hash(reference, u64::MAX), |r| r.0 == reference);
    let mut dict = Dict::default();
    for reference in 0..50 {
        dict.insert(hash(reference, u64::MAX), Ref(reference), |r| hash(r.0, u64::MAX));
    }
    for removed in 0..50 {
        let reference = removed * 7 % 50;
        let at = place(&dict, reference).expect("present");
        dict.remove(hash(reference, u64::MAX), at, |r| hash(r.0, u64::MAX));
        let left: Vec<u32> = (0..50).filter(|&r| place(&dict, r).is_some()).collect();
        let expected = (0..50).filter(|r| (0..=removed).all(|gone| gone * 7 % 50 != *r));
        assert_eq!(left, expected.collect::<Vec<_>>());
        assert_eq!(dict.len(), left.len());
    }
}

#[test]
fn redirect_keeps_the_entry() {
    let mut dict = Dict::default();
    for reference in 0..100 {
        dict.insert(hash(reference, u64::MAX), Ref(reference), |r| hash(r.0, u64::MAX));
    }
    let place = dict.find(hash(42, u64::MAX), |r| r.0 == 42).expect("present");
    dict.redirect(place, Ref(1042));
    assert!(dict.find(hash(42, u64::MAX), |r| r.0 == 42).is_none());
    assert!(dict.find(hash(42, u64::MAX), |r| r.0 == 1042).is_some());
}

/// SCAN's promise: whatever is present from the first call to the last is met, while the table splits and merges between
/// the calls, in both directions and over several doublings.
#[test]
fn a_scan_meets_everything_that_stays() {
    for seed in 1..=60 {
        let mut random = Random(seed);
        let mask = if seed % 4 == 0 { 0xff << 56 | 0x3f } else { u64::MAX };
        let mut dict = Dict::default();
        let stays: Vec<u32> = (0..random.below(400) as u32 + 1).collect();
        for &reference in &stays {
            dict.insert(hash(reference, mask), Ref(reference), |r| hash(r.0, mask));
        }
        let mut passing: Vec<u32> = Vec::new();
        let (mut met, mut cursor, mut calls) = (HashSet::new(), 0, 0);
        let (mut grown, mut shrunk) = (0, 0);
        loop {
            cursor = dict.scan(cursor, |reference| _ = met.insert(reference));
            if cursor == 0 {
                break;
            }
            calls += 1;
            assert!(calls < 100_000, "a scan ends");
            let before = dict.table.len();
            // Bursts longer than the table is large, growing at first or shrinking at first.
            for _ in 0..random.below(before * 4 + 4) {
                if random.below(2) == 0 && passing.len() < 6000 {
                    let reference = 1_000_000 + random.next() as u32 % 1_000_000;
                    if dict.find(hash(reference, mask), |r| r.0 == reference).is_none() {
                        dict.insert(hash(reference, mask), Ref(reference), |r| hash(r.0, mask));
                        passing.push(reference);
                    }
                }
            }
            if random.below(3) == 0 {
                for reference in passing.drain(..) {
                    let place = dict.find(hash(reference, mask), |r| r.0 == reference).expect("present");
                    dict.remove(hash(reference, mask), place, |r| hash(r.0, mask));
                }
            }
            grown += usize::from(dict.table.len() > before);
            shrunk += usize::from(dict.table.len() < before);
        }
        assert!(stays.iter().all(|r| met.contains(&Ref(*r))), "seed {seed}");
        assert!(calls < 10 || grown > 0 && shrunk > 0, "seed {seed}: the table moved");
    }
}

#[test]
fn one_step_of_a_scan_visits_a_bucket_or_two() {
    let mut dict = Dict::default();
    for reference in 0..1000 {
        dict.insert(hash(reference, u64::MAX), Ref(reference), |r| hash(r.0, u64::MAX));
    }
    let mut met = 0;
    let next = dict.scan(0, |_| met += 1);
    assert!(next != 0 && met < 60, "{met} of 1000 in one step, next cursor {next}");
}

#[test]
fn a_scan_of_a_quiet_table_meets_everything_once() {
    for entries in [0, 1, 7, 8, 100, 1000] {
        let mut dict = Dict::default();
        for reference in 0..entries {
            dict.insert(hash(reference, u64::MAX), Ref(reference), |r| hash(r.0, u64::MAX));
        }
        let (mut met, mut cursor) = (Vec::new(), 0);
        loop {
            cursor = dict.scan(cursor, |reference| met.push(reference));
            if cursor == 0 {
                break;
            }
        }
        met.sort_unstable();
        assert_eq!(met, (0..entries).map(Ref).collect::<Vec<_>>());
    }
}

#[test]
fn picks_are_even() {
    let mut dict = Dict::default();
    for reference in 0..500 {
        dict.insert(hash(reference, u64::MAX), Ref(reference), |r| hash(r.0, u64::MAX));
    }
    let mut random = Random(9);
    let mut times = [0; 500];
    for _ in 0..200_000 {
        times[dict.pick(|| random.next()).expect("not empty").0 as usize] += 1;
    }
    // 400 each expected, standard deviation 20: six of them allowed.
    assert!(times.iter().all(|t| (280..=520).contains(t)), "{:?}", (times.iter().min(), times.iter().max()));
    assert_eq!(Dict::default().pick(|| 0), None);
}

#[test]
fn what_a_lookup_touches_holds_what_it_finds() {
    let mut dict = Dict::default();
    assert_eq!(dict.candidate(1), None);
    dict.prefetch(1);
    for reference in 0..300 {
        dict.insert(hash(reference, u64::MAX), Ref(reference), |r| hash(r.0, u64::MAX));
    }
    let found = (0..300).filter(|&r| dict.candidate(hash(r, u64::MAX)) == Some(Ref(r))).count();
    assert!(found > 250, "nearly every entry is in the first bucket of its chain: {found}");
}
