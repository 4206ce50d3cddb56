//! The table against std's map, at sizes where its parts change form.
use std::collections::HashMap;

use super::*;
use crate::random::Random;
use crate::types::member::{Member, Pair, Scored};

/// Lengths at which a part's form changes.
const LENGTHS: [usize; 12] = [0, 1, 8, 15, 16, 249, 250, 251, 252, 1000, 1001, 70_000];

fn text(random: &mut Random, members: usize) -> Vec<u8> {
    let n = random.below(members);
    let mut text = format!("{n}:").into_bytes();
    text.resize(LENGTHS[n % 11].max(text.len()), b'x');
    text
}

#[test]
fn a_table_of_pairs_agrees_with_a_map() {
    for (seed, hasher) in [(1, Hasher::weak(0x0f)), (2, Hasher::with_key(1, 2))] {
        let mut random = Random(seed);
        let mut table = Table::<Pair>::new(&hasher);
        let mut model: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
        for step in 0..12_000 {
            let growing = step % 4000 < 2500;
            let member = text(&mut random, 400);
            let value = vec![step as u8; LENGTHS[random.below(12)]];
            match (table.find(&member), random.below(10)) {
                (None, 0..8) if growing => {
                    table.insert(&member, &value);
                    model.insert(member, value);
                }
                (Some(spot), 0..4) => {
                    let reference = table.set_value(spot, &value);
                    assert_eq!(table.member(reference), member);
                    model.insert(member, value);
                }
                (Some(spot), _) if !growing => {
                    table.remove(spot);
                    table.compact(4, |_, _| {});
                    assert!(model.remove(&member).is_some());
                }
                (found, _) => assert_eq!(found.is_some(), model.contains_key(&member)),
            }
            while table.take_discarded().is_some() {}
            if step % 500 == 0 {
                assert_eq!(table.len(), model.len());
                for (member, value) in &model {
                    let spot = table.find(member).expect("a member");
                    assert_eq!(table.value(spot.reference()), value);
                }
                let met: HashMap<Vec<u8>, Vec<u8>> =
                    table.iter().map(|r| (table.member(r).to_vec(), table.value(r).to_vec())).collect();
                assert_eq!(met, model);
                assert_eq!(table.clone().iter().count(), model.len());
            }
        }
        while table.free_some() {}
        assert_eq!(table.far_bytes, 0);
    }
}

#[test]
fn integers_are_their_own_records() {
    for n in [0, 1, -1, (1 << 30) - 1, -(1 << 30)] {
        assert_eq!(reference_of(n).and_then(integer_of), Some(n), "{n}");
    }
    assert_eq!((reference_of(1 << 30), reference_of(-(1 << 30) - 1)), (None, None));
    let mut table = Table::<Member>::new(&Hasher::with_key(1, 2));
    for n in 0..5000 {
        let reference = reference_of(n * 7 - 10_000).expect("small");
        assert!(table.find_reference(reference).is_none());
        table.insert_reference(reference);
        // A member whose bytes are those that the integer is hashed by is another one.
        if n < 10 {
            table.insert(&(n * 7 - 10_000).to_le_bytes(), b"");
        }
    }
    assert!(table.bytes() < 5000 * 12 + 2000, "{} bytes", table.bytes());
    for n in 0..5000 {
        let spot = table.find_reference(reference_of(n * 7 - 10_000).expect("small")).expect("a member");
        table.remove(spot);
    }
    assert_eq!(table.len(), 10);
}

#[test]
fn compaction_says_what_has_moved() {
    let mut table = Table::<Scored>::new(&Hasher::with_key(1, 2));
    let name = |n: u32| format!("member {n:09}");
    let mut known: HashMap<u32, Ref> =
        (0..20_000).map(|n| (n, table.insert(name(n).as_bytes(), &f64::from(n).to_le_bytes()))).collect();
    let full = table.bytes();
    for n in (0..20_000).filter(|n| n % 16 != 0) {
        let spot = table.find(name(n).as_bytes()).expect("a member");
        assert_eq!(Some(spot.reference()), known.remove(&n));
        table.remove(spot);
        table.compact(2, |old, new| {
            let moved = known.values_mut().find(|reference| **reference == old).expect("a member");
            *moved = new;
        });
    }
    for (n, reference) in known {
        assert_eq!(table.member(reference), name(n).as_bytes());
        assert_eq!(table.value(reference), f64::from(n).to_le_bytes());
    }
    assert!(table.bytes() < full / 4, "{} of {full}", table.bytes());
}
