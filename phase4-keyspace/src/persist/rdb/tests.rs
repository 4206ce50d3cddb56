use super::dump::{dump, restore};
use super::load::load;
use super::save::{Options, save};
use crate::keyspace::stream::{Group, Id, Pending};
use crate::keyspace::{Collection, Entry, Hash, Hasher, Keyspace, List, Object, Rules, Set, Stream, ZSet};
use crate::random::Random;

const PLAIN: Options = Options { compress: true, checksum: true, of_log: false };

fn text(random: &mut Random) -> Vec<u8> {
    match random.below(5) {
        0 => (random.next() as i64 >> random.below(64)).to_string().into_bytes(),
        1 => vec![b'a' + random.below(3) as u8; random.below(300)],
        2 => (0..random.below(90)).map(|_| random.next() as u8).collect(),
        3 => format!("member {}", random.below(1000)).into_bytes(),
        _ => random.below(100_000).to_string().into_bytes(),
    }
}

fn object(random: &mut Random, most: usize) -> Object {
    let (rules, count) = (Rules::default(), 1 + random.below(most));
    match random.below(7) {
        0 => Object::String(text(random)),
        6 => stream(random, count).into_object(),
        1 => {
            let mut list = List::default();
            (0..count).for_each(|_| list.push(&text(random), random.below(2) == 0, &rules));
            list.into_object()
        }
        2 => {
            let mut hash = Hash::default();
            (0..count).for_each(|_| _ = hash.set(&text(random), &text(random), &rules));
            hash.into_object()
        }
        3 => {
            let mut set = Set::default();
            (0..count).for_each(|_| _ = set.add(Entry::of(&text(random)), &rules));
            set.into_object()
        }
        4 => {
            let mut set = Set::default();
            let shift = random.below(60);
            (0..count).for_each(|_| _ = set.add(Entry::Integer(random.next() as i64 >> shift), &rules));
            set.into_object()
        }
        _ => {
            let mut zset = ZSet::default();
            for _ in 0..count {
                let score = [1.5, -7.0, f64::INFINITY, 1e300, random.below(9) as f64, 0.1][random.below(6)];
                zset.update(&text(random), &rules, |_| Some(score));
            }
            zset.into_object()
        }
    }
}

/// A stream with entries, holes, groups and consumers.
fn stream(random: &mut Random, count: usize) -> Stream {
    let (rules, mut stream) = (Rules::default(), Stream::default());
    for _ in 0..count {
        let id = match random.below(3) {
            0 => {
                Id { ms: stream.last.ms + 1 + (random.next() >> (10 + random.below(50))), seq: random.next() }
            }
            _ => stream.last.next().expect("far from the last"),
        };
        let flat = match random.below(3) {
            0 => vec![text(random), text(random), text(random), text(random)],
            _ => vec![b"name".to_vec(), text(random)],
        };
        stream.append(id, flat.iter().map(Vec::as_slice), &rules);
        if random.below(4) == 0 {
            let mut ids = Vec::new();
            stream.log().range(Id::MIN, Id::MAX, |id, _| {
                ids.push(id);
                true
            });
            stream.delete(ids[random.below(ids.len())]);
        }
    }
    for name in 0..random.below(3) {
        let read = (random.below(2) == 0).then_some(random.below(100) as u64);
        let mut group = Group::new(name.to_string().as_bytes(), stream.last, read);
        for consumer in 0..random.below(3) {
            let consumer = group.add(format!("consumer {consumer}").as_bytes(), 1000);
            for _ in 0..random.below(9) {
                let id = Id { ms: random.below(9) as u64, seq: random.below(9) as u64 };
                group.set_pending(Pending { id, delivered: 7, count: random.below(300) as u64, consumer });
            }
        }
        stream.add_group(group);
    }
    stream
}

/// What is in a stream.
fn stream_shown(stream: &Stream) -> Vec<String> {
    let mut parts = vec![format!("{:?} {:?} {} ", stream.last, stream.max_deleted, stream.added)];
    for (chunk, live) in stream.log().chunks() {
        parts.push(format!("{:?} {live}", chunk.first()));
        parts.extend(chunk.walk().map(|found| {
            let pairs: Vec<_> = found.fields.pairs().collect();
            format!("{:?} {} {} {pairs:?}", found.id, found.deleted, found.fields.are_names())
        }));
    }
    for group in stream.groups() {
        parts.push(format!("{:?} {:?} {:?}", group.name(), group.last, group.read));
        parts.extend(group.pending_from(Id::MIN).map(|pending| {
            let name = group.consumer(pending.consumer).name();
            format!("{:?} {} {} {name:?}", pending.id, pending.delivered, pending.count)
        }));
        parts.extend(group.consumers().map(|(_, consumer)| {
            let pending: Vec<Id> = consumer.pending_from(Id::MIN).collect();
            format!("{:?} {} {pending:?}", consumer.name(), consumer.seen)
        }));
    }
    parts
}

/// A value, so that two can be compared: its type, its form, and what is in it, sorted where there is no order.
fn shown(object: &Object) -> String {
    use crate::keyspace::Value;
    let form = super::encode::form_of(object.as_value());
    let mut parts = Vec::new();
    match object.as_value() {
        Value::String(text) => parts.push(text.escape_ascii().to_string()),
        Value::List(list) => list.walk(0, false, |entry| {
            parts.push(entry.to_vec().escape_ascii().to_string());
            true
        }),
        Value::Hash(hash) => hash.for_each(|field, value| {
            parts.push(format!("{}={}", field.to_vec().escape_ascii(), value.to_vec().escape_ascii()));
        }),
        Value::Set(set) => set.for_each(|member| parts.push(member.to_vec().escape_ascii().to_string())),
        Value::ZSet(zset) => zset.for_each(|member, score| {
            parts.push(format!("{}={:x}", member.escape_ascii(), score.to_bits()));
        }),
        Value::Stream(stream) => parts = stream_shown(stream),
    }
    if !matches!(object, Object::List(_) | Object::Stream(_)) {
        parts.sort();
    }
    format!("{form} {parts:?}")
}

fn all(keyspace: &Keyspace) -> Vec<String> {
    let mut all: Vec<String> = (0..keyspace.databases())
        .flat_map(|db| {
            let entries = keyspace.db(db).entries();
            entries.map(move |(key, value, deadline)| {
                format!("{db} {} {deadline:?} {}", key.escape_ascii(), shown(&value.to_object()))
            })
        })
        .collect();
    all.sort();
    all
}

fn empty() -> Keyspace {
    let mut keyspace = Keyspace::with_hasher(4, Hasher::new());
    keyspace.set_now(1_000_000);
    keyspace
}

fn filled(seed: u64, keys: usize, most: usize) -> Keyspace {
    let (mut keyspace, mut random) = (empty(), Random(seed));
    for _ in 0..keys {
        let (name, value) = (text(&mut random), object(&mut random, most));
        let deadline = (random.below(3) == 0).then(|| 1_000_001 + random.below(1 << 40) as i64);
        let key = keyspace.hasher.key(&name);
        keyspace.db_mut(random.below(4)).load(key, value, deadline, None);
    }
    keyspace
}

#[test]
fn every_type_comes_back_from_a_file() {
    for (seed, keys, most) in [(1, 300, 20), (2, 60, 900), (3, 20, 5000), (4, 0, 1)] {
        for (compress, checksum) in [(true, true), (false, false)] {
            let before = filled(seed, keys, most);
            let file = save(Vec::new(), &before, Options { compress, checksum, of_log: false })
                .expect("written to memory");
            let mut after = empty();
            let loaded = load(&file[..], file.len() as u64, &mut after, true).expect("valid");
            assert_eq!(all(&after), all(&before));
            assert_eq!(loaded.keys, (0..4).map(|db| before.db(db).len() as u64).sum::<u64>());
        }
    }
}

#[test]
fn every_type_comes_back_from_a_payload() {
    let mut random = Random(9);
    for round in 0..300 {
        let before = object(&mut random, 1 + round * 3);
        let payload = dump(before.as_value(), round % 2 == 0);
        let after = restore(&payload, &Rules::default()).expect("valid");
        assert_eq!(shown(&after), shown(&before));
    }
}

#[test]
fn no_damage_to_a_file_goes_unseen() {
    let before = filled(11, 14, 5);
    let file = save(Vec::new(), &before, PLAIN).expect("written to memory");
    let expected = all(&before);
    let try_out = |bytes: &[u8], checksum: bool| {
        let mut after = empty();
        load(bytes, bytes.len() as u64, &mut after, checksum).map(|_| all(&after))
    };
    for len in 0..file.len() {
        let fault = try_out(&file[..len], true).expect_err("it is cut");
        assert!(fault.at <= len as u64, "{fault}");
    }
    for bit in 0..file.len() * 8 {
        let mut damaged = file.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(
            try_out(&damaged, true).is_err_and(|fault| fault.at <= file.len() as u64)
                || try_out(&damaged, true).as_ref() == Ok(&expected),
            "bit {bit}"
        );
        // Without a checksum it may mean something else, but nothing worse happens.
        let _ = try_out(&damaged, false);
    }
}

#[test]
fn no_damage_to_a_value_does_harm() {
    let mut random = Random(5);
    for _ in 0..4000 {
        let mut payload = dump(object(&mut random, 30).as_value(), random.below(2) == 0);
        let body = payload.len() - 10;
        payload.truncate(body);
        for _ in 0..1 + random.below(3) {
            let at = random.below(body);
            payload[at] = random.next() as u8;
        }
        payload.extend_from_slice(&10u16.to_le_bytes());
        let crc = super::crc64::update(0, &payload);
        payload.extend_from_slice(&crc.to_le_bytes());
        let _ = restore(&payload, &Rules::default());
    }
}

#[test]
fn expired_keys_stay_away_and_twins_are_refused() {
    let mut before = empty();
    before.set_now(1);
    for (name, deadline) in [("dead", Some(1_000_000)), ("alive", Some(1_000_001))] {
        let key = before.hasher.key(name.as_bytes());
        before.db_mut(0).load(key, Object::String(b"v".to_vec()), deadline, None);
    }
    let file = save(Vec::new(), &before, PLAIN).expect("written to memory");
    let mut after = empty();
    let loaded = load(&file[..], file.len() as u64, &mut after, true).expect("valid");
    assert_eq!((loaded.keys, loaded.expired, after.db(0).len()), (1, 1, 1));
    let twice = load(&file[..], file.len() as u64, &mut after, true).expect_err("it is there already");
    assert!(twice.what.contains("key 'alive' for the second time"), "{twice}");
}

/// A file of this version with these bytes between header and end.
fn file(version: u32, body: &[&[u8]]) -> Vec<u8> {
    [format!("REDIS{version:04}").as_bytes(), &body.concat(), b"\xff", &[0; 8]].concat()
}

fn loaded(file: &[u8]) -> Result<Vec<String>, String> {
    let mut keyspace = empty();
    let loaded = load(file, file.len() as u64, &mut keyspace, true);
    loaded.map(|_| all(&keyspace)).map_err(|fault| fault.to_string())
}

#[test]
fn old_forms_are_read() {
    let ziplist = b"\x17\x17\0\0\0\x13\0\0\0\x04\0\0\x01a\x03\xf2\x02\xc0\x2c\x01\x04\xfe\xff\xff";
    let old = loaded(&file(6, &[b"\x0a\x01l", ziplist])).expect("valid");
    assert_eq!(old, [r#"0 l None 18 ["a", "1", "300", "-1"]"#]);
    let hash = loaded(&file(6, &[b"\x0d\x01h", ziplist])).expect("valid");
    assert_eq!(hash, [r#"0 h None 16 ["300=-1", "a=1"]"#]);
    let zipmap = b"\x0d\x01\x01f\x02\x01vw.\x01g\x00\x00\xff";
    let zipmap = loaded(&file(3, &[b"\x09\x01h", zipmap])).expect("valid");
    assert_eq!(zipmap, [r#"0 h None 16 ["f=vw", "g="]"#]);
    let seconds = loaded(&file(6, &[b"\xfd\x10\x27\0\0\x03\x01z\x02\x01a\x031.5\x01b\xff"])).expect("valid");
    assert_eq!(seconds, [r#"0 z Some(10000000) 17 ["a=3ff8000000000000", "b=fff0000000000000"]"#]);
    let many = loaded(&file(9, &[b"\xfe\x02\xfb\x01\x00\xf8\x05\xf9\x07\x00\x01k\x01v"])).expect("valid");
    assert_eq!(many, [r#"2 k None 0 ["v"]"#]);
}

#[test]
fn what_is_not_ours_is_refused_by_name() {
    for (body, expected) in [
        (&b"\xf7"[..], "at offset 9: what a module keeps"),
        (b"\xf5", "at offset 9: a function"),
        (b"\x07\x01k", "at offset 9: a value of a module"),
        (b"\x0f\x01k", "at offset 13: a length should stand here"),
        (b"\x18\x01k", "at offset 9: a hash whose fields have deadlines"),
        (b"\x63\x01k", "at offset 9: there is no type 99"),
        (b"\xfe\x04", "at offset 9: database 4 of 4"),
        (
            b"\x00\x81\xff\xff\xff\xff\xff\xff\xff\xff",
            "at offset 19: 18446744073709551615 bytes should follow",
        ),
        (b"\x02\x01s\x80\xff\xff\xff\xff", "at offset 17: 4294967295 elements cannot follow"),
    ] {
        let fault = loaded(&file(10, &[body])).expect_err("refused");
        assert!(fault.starts_with(expected), "{fault}");
    }
    assert_eq!(loaded(b"REDIS0013\xff"), Err("at offset 5: version 13 of the format is not known".into()));
    assert_eq!(loaded(b"not a snapshot"), Err("at offset 0: this is no RDB file".into()));
}
