use std::collections::BTreeMap;

use super::*;
use crate::random::Random;
use crate::types::{Collection, Object};

type Model = BTreeMap<Id, Vec<Vec<u8>>>;

fn id(ms: u64, seq: u64) -> Id {
    Id { ms, seq }
}

fn rules(bytes: u64, entries: u64) -> Rules {
    let mut rules = Rules::default();
    (rules.limits.stream_bytes, rules.limits.stream_entries) = (bytes, entries);
    rules
}

/// Entries between two IDs, as both directions show them.
fn between(stream: &Stream, from: Id, to: Id, most: usize) -> [Vec<(Id, Vec<Vec<u8>>)>; 2] {
    let mut met = [Vec::new(), Vec::new()];
    for (reverse, met) in met.iter_mut().enumerate() {
        let visit = |id: Id, fields: Fields<'_>| {
            let flat = fields.pairs().flat_map(|(field, value)| [field.to_vec(), value.to_vec()]).collect();
            met.push((id, flat));
            met.len() < most
        };
        match reverse {
            0 => stream.log().range(from, to, visit),
            _ => stream.log().range_back(from, to, visit),
        }
    }
    met
}

fn assert_same(stream: &Stream, model: &Model, random: &mut Random) {
    assert_eq!(stream.len(), model.len() as u64);
    let (first, last) =
        (model.first_key_value().map(|(id, _)| *id), model.last_key_value().map(|(id, _)| *id));
    assert_eq!((stream.log().first(), stream.log().last()), (first, last));
    let some = |random: &mut Random| {
        let ms = random.below(stream.last.ms as usize + 3) as u64;
        id(ms, random.below(4) as u64)
    };
    let (a, b, most) = (some(random), some(random), 1 + random.below(50));
    let (from, to) = (a.min(b), a.max(b));
    let all = |entry: (&Id, &Vec<Vec<u8>>)| (*entry.0, entry.1.clone());
    let expected: Vec<_> = model.range(from..=to).map(all).take(most).collect();
    let backward: Vec<_> = model.range(from..=to).rev().map(all).take(most).collect();
    assert_eq!(between(stream, from, to, most), [expected, backward]);
    assert_eq!(stream.log().contains(from), model.contains_key(&from));
    assert_eq!(stream.log().goes_beyond(from), last.is_some_and(|last| last > from));
}

#[test]
fn it_agrees_with_a_map_of_entries() {
    let mut random = Random(17);
    for rules in [rules(4096, 100), rules(300, 0), rules(0, 3), rules(0, 0), rules(1, 1)] {
        let (mut stream, mut model) = (Stream::default(), Model::new());
        for step in 0..3000 {
            match random.below(20) {
                0..13 => {
                    let id = id(stream.last.ms + random.below(2) as u64, stream.last.seq + 1);
                    let mut flat: Vec<Vec<u8>> = vec![b"a".to_vec(), vec![b'x'; random.below(60)]];
                    if random.below(5) == 0 {
                        flat.extend([b"7".to_vec(), random.below(70_000).to_string().into_bytes()]);
                    }
                    if random.below(500) == 0 {
                        flat[1] = vec![b'y'; 100_000];
                    }
                    stream.append(id, flat.iter().map(Vec::as_slice), &rules);
                    model.insert(id, flat);
                }
                13..18 => {
                    let near = id(random.below(stream.last.ms as usize + 1) as u64, u64::MAX);
                    let chosen = model.range(..near).next_back().map_or(near, |(id, _)| *id);
                    assert_eq!(stream.delete(chosen), model.remove(&chosen).is_some());
                }
                18 => {
                    let length = model.len() * (90 + random.below(20)) / 100;
                    let gone = stream.trim(Until::Length(length as u64), false, 0);
                    assert_eq!(gone, model.len().saturating_sub(length) as u64);
                    (0..gone).for_each(|_| _ = model.pop_first());
                }
                _ => {
                    let until = id(random.below(stream.last.ms as usize + 1) as u64 / 4, 2);
                    let gone = stream.trim(Until::Id(until), false, 0);
                    let left = model.split_off(&until);
                    assert_eq!(gone, model.len() as u64);
                    model = left;
                }
            }
            while stream.take_discarded().is_some() {}
            if step % 5 == 0 {
                assert_same(&stream, &model, &mut random);
            }
        }
        let mut object: Object = stream.clone().into_object();
        while object.free_some() {}
        let all = stream.trim(Until::Length(0), true, 0);
        assert_eq!((all, stream.len(), stream.log().chunk_count()), (model.len() as u64, 0, 0));
    }
}

#[test]
fn trimming_by_whole_chunks_stops_at_what_is_wanted_and_at_its_limit() {
    let (rules, mut stream) = (rules(0, 10), Stream::default());
    (1..=95).for_each(|ms| stream.append(id(ms, 0), [&b"f"[..], b"v"].into_iter(), &rules));
    assert_eq!(stream.trim(Until::Length(50), true, 15), 10);
    assert_eq!(stream.trim(Until::Length(50), true, 0), 30);
    assert_eq!(stream.trim(Until::Length(50), false, 0), 5);
    assert_eq!(stream.trim(Until::Id(id(50, 0)), true, 0), 0);
    assert_eq!(stream.trim(Until::Id(id(51, 0)), true, 0), 5);
    assert_eq!((stream.len(), stream.log().first()), (45, Some(id(51, 0))));
}

#[test]
fn a_group_agrees_with_a_map_of_who_has_what() {
    let (mut random, mut group) = (Random(5), Group::new(b"g", Id::MIN, None));
    let mut model: BTreeMap<Id, Pending> = BTreeMap::new();
    for step in 0..20_000 {
        let id = id(random.below(200) as u64, random.below(2) as u64);
        let name = random.below(7).to_string().into_bytes();
        match random.below(100) {
            0..60 => {
                let consumer = group.find(&name).unwrap_or_else(|| group.add(&name, 1));
                let pending = Pending { id, delivered: step, count: 1, consumer };
                group.set_pending(pending);
                model.insert(id, pending);
            }
            60..98 => assert_eq!(group.acknowledge(id), model.remove(&id).is_some()),
            _ => {
                let found = group.find(&name);
                let had = model.values().filter(|pending| Some(pending.consumer) == found).count() as u64;
                model.retain(|_, pending| Some(pending.consumer) != found);
                assert_eq!(group.remove(&name), found.map(|_| had));
            }
        }
        assert_eq!((group.pending(id), group.pending_count()), (model.get(&id).copied(), model.len() as u64));
        if step % 100 == 0 {
            assert!(group.pending_from(id).eq(model.range(id..).map(|(_, pending)| *pending)));
            assert_eq!(group.last_pending(), model.values().next_back().copied());
            assert!(group.consumers().map(|(_, consumer)| consumer.name()).is_sorted());
            for (number, consumer) in group.consumers() {
                let his =
                    model.values().filter(|pending| pending.consumer == number).map(|pending| pending.id);
                assert!(consumer.pending_from(Id::MIN).eq(his));
            }
        }
    }
    while group.free_some() {}
}

#[test]
fn a_clock_that_goes_back_takes_no_id_back() {
    let mut stream = Stream::default();
    assert_eq!(stream.next_id(5), Some(id(5, 0)));
    stream.last = id(9, 3);
    assert_eq!((stream.next_id(5), stream.next_id(9)), (Some(id(9, 4)), Some(id(9, 4))));
    assert_eq!((stream.next_id(10), stream.next_id(-1)), (Some(id(10, 0)), Some(id(9, 4))));
    stream.last = Id::MAX;
    assert_eq!(stream.next_id(i64::MAX), None);
}

#[test]
fn many_entries_are_freed_in_pieces() {
    let (rules, mut stream) = (Rules::default(), Stream::default());
    let flat = [&b"field"[..], b"sixteen bytes 16", b"other", b"sixteen bytes 16"];
    (1..=100_000).for_each(|ms| stream.append(id(ms, 0), flat.into_iter(), &rules));
    let bytes = Collection::bytes(&stream);
    assert!(bytes < 45 * 100_000, "{bytes} bytes");
    let mut pieces = 0;
    while Collection::free_some(&mut stream) {
        pieces += 1;
    }
    assert!(pieces > 50, "{pieces} pieces");
}
