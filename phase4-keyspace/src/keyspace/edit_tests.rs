//! Collections in a database: made, changed, emptied, moved, freed.
use super::event::Event;
use super::{Deadline, Edit, Hash, Hasher, Key, Keyspace, Kind, Set, Value};
use crate::random::Random;
use crate::types::packed::Entry;

fn keyspace() -> (Keyspace, Hasher) {
    let keyspace = Keyspace::with_hasher(2, Hasher::with_key(1, 2));
    let hasher = keyspace.hasher.clone();
    (keyspace, hasher)
}

fn set_field(keyspace: &mut Keyspace, key: Key<'_>, field: &[u8], value: &[u8]) {
    let done = keyspace.db_mut(0).edit::<Hash, _>(key, Event::HSet, |hash, rules| {
        hash.set(field, value, rules);
        Edit::Changed(())
    });
    assert_eq!(done, Ok(()));
}

fn remove_field(keyspace: &mut Keyspace, key: Key<'_>, field: &[u8]) -> Option<bool> {
    let mut db = keyspace.db_mut(0);
    let done = db.update::<Hash, _>(key, Event::HDel, |hash, _| match hash.remove(field) {
        true => Edit::Changed(true),
        false => Edit::Untouched(false),
    });
    done.expect("a hash")
}

fn field(keyspace: &mut Keyspace, key: Key<'_>, field: &[u8]) -> Option<Vec<u8>> {
    match keyspace.db_mut(0).find(key)?.value {
        Value::Hash(hash) => hash.get(field).map(Entry::to_vec),
        other => panic!("{other:?}"),
    }
}

fn journal(keyspace: &mut Keyspace, act: impl FnOnce(&mut Keyspace)) -> (String, u64) {
    keyspace.changes.set_keep(true);
    let before = keyspace.changes.dirty();
    act(keyspace);
    let names: Vec<&str> = keyspace.changes.iter().map(|change| change.event.name()).collect();
    let noted = (names.join(" "), keyspace.changes.dirty() - before);
    keyspace.changes.set_keep(false);
    noted
}

#[test]
fn a_collection_is_made_and_goes_with_its_last_element() {
    let (mut keyspace, hasher) = keyspace();
    let key = hasher.key(b"h");
    assert_eq!(journal(&mut keyspace, |k| set_field(k, key, b"a", b"1")), ("new hset".into(), 1));
    assert_eq!(journal(&mut keyspace, |k| _ = remove_field(k, key, b"x")), (String::new(), 0));
    assert_eq!(journal(&mut keyspace, |k| _ = remove_field(k, key, b"a")), ("hdel del".into(), 1));
    assert_eq!(keyspace.db(0).len(), 0);
    assert_eq!(remove_field(&mut keyspace, key, b"a"), None);
    // An edit that adds nothing makes no key.
    let untouched = keyspace.db_mut(0).edit::<Hash, _>(key, Event::HSet, |_, _| Edit::Untouched(7));
    assert_eq!((untouched, keyspace.db(0).len()), (Ok(7), 0));
}

#[test]
fn another_type_is_refused_and_stays() {
    let (mut keyspace, hasher) = keyspace();
    let (short, long) = (hasher.key(b"short"), hasher.key(b"long"));
    keyspace.db_mut(0).set_string(short, b"text", Deadline::Clear, Event::Set);
    keyspace.db_mut(0).set_string(long, &[b'x'; 5000], Deadline::Clear, Event::Set);
    set_field(&mut keyspace, hasher.key(b"h"), b"f", b"v");
    for key in [short, long, hasher.key(b"h")] {
        let mut db = keyspace.db_mut(0);
        assert!(db.edit::<Set, ()>(key, Event::SAdd, |_, _| unreachable!()).is_err());
        assert!(db.update::<Set, ()>(key, Event::SAdd, |_, _| unreachable!()).is_err());
    }
    assert!(matches!(keyspace.db_mut(0).find(short).expect("there").value, Value::String(b"text")));
}

/// Sizes on both sides of every border: the record's slot, the record, the run, the table.
#[test]
fn every_form_keeps_its_fields_its_deadline_and_its_name() {
    let (mut keyspace, hasher) = keyspace();
    let (key, other) = (hasher.key(b"h"), hasher.key(b"other"));
    set_field(&mut keyspace, key, b"first", b"0");
    keyspace.db_mut(0).set_deadline(key, Some(1 << 50), Event::Expire);
    for n in 0..700_usize {
        set_field(&mut keyspace, key, n.to_string().as_bytes(), &vec![b'v'; n % 60]);
        if n % 50 == 0 {
            assert!(keyspace.rename(0, key, other) && keyspace.rename(0, other, key));
            assert!(keyspace.copy((0, key), (1, key)) && keyspace.move_key(1, 0, key));
            for at in 0..=n {
                let value = field(&mut keyspace, key, at.to_string().as_bytes());
                assert_eq!(value, Some(vec![b'v'; at % 60]), "{at} of {n}");
            }
        }
    }
    let found = keyspace.db_mut(0).into_found(key).expect("there");
    assert_eq!((found.deadline, found.value.kind()), (Some(1 << 50), Kind::Hash));
    keyspace.db_mut(0).set_deadline(key, None, Event::Persist);
    for n in 0..700_usize {
        assert_eq!(remove_field(&mut keyspace, key, n.to_string().as_bytes()), Some(true));
    }
    assert_eq!(field(&mut keyspace, key, b"first"), Some(b"0".to_vec()));
    assert_eq!(remove_field(&mut keyspace, key, b"first"), Some(true));
    assert_eq!(keyspace.db(0).len(), 0);
}

/// A run that was too long for its record goes back when it has become short.
#[test]
fn a_collection_that_has_shrunk_returns_to_its_record() {
    let (mut keyspace, hasher) = keyspace();
    let key = hasher.key(b"h");
    (0..100_u32).for_each(|n| set_field(&mut keyspace, key, &n.to_le_bytes(), &[b'v'; 60]));
    assert_eq!(keyspace.db_mut(0).store.objects.len(), 1);
    (0..90_u32).for_each(|n| _ = remove_field(&mut keyspace, key, &n.to_le_bytes()));
    assert_eq!(keyspace.db_mut(0).store.objects.len(), 0);
    assert_eq!(field(&mut keyspace, key, &99_u32.to_le_bytes()), Some(vec![b'v'; 60]));
}

#[test]
fn many_collections_under_random_edits_agree_with_maps() {
    use std::collections::{BTreeMap, BTreeSet};
    let (mut keyspace, hasher) = keyspace();
    let mut random = Random(7);
    let mut model: BTreeMap<Vec<u8>, BTreeSet<Vec<u8>>> = BTreeMap::new();
    for step in 0..30_000 {
        let name = format!("set {}", random.below(60)).into_bytes();
        let key = hasher.key(&name);
        let n = random.below(200);
        let member = if random.below(2) == 0 { n.to_string() } else { format!("{n:050}") }.into_bytes();
        if random.below(5) < if step % 10_000 < 6000 { 4 } else { 1 } {
            let mut db = keyspace.db_mut(0);
            let added =
                db.edit::<Set, _>(key, Event::SAdd, |set, rules| match set.add(Entry::of(&member), rules) {
                    true => Edit::Changed(true),
                    false => Edit::Untouched(false),
                });
            assert_eq!(added, Ok(model.entry(name.clone()).or_default().insert(member)));
        } else {
            let mut db = keyspace.db_mut(0);
            let removed =
                db.update::<Set, _>(key, Event::SRem, |set, _| match set.remove(Entry::of(&member)) {
                    true => Edit::Changed(true),
                    false => Edit::Untouched(false),
                });
            let there = model.get_mut(&name).map(|set| set.remove(&member));
            assert_eq!(removed, Ok(there));
            if model.get(&name).is_some_and(BTreeSet::is_empty) {
                model.remove(&name);
            }
        }
        if step % 100 == 0 {
            keyspace.cron(true);
        }
    }
    assert_eq!(keyspace.db(0).len(), model.len());
    for (name, members) in &model {
        let found = keyspace.db_mut(0).into_found(hasher.key(name));
        let Some(Value::Set(set)) = found.map(|found| found.value) else { panic!("no set") };
        let mut met = BTreeSet::new();
        set.for_each(|member| _ = met.insert(member.to_vec()));
        assert_eq!((&met, set.len()), (members, members.len()));
    }
}

/// Every way to lose a large collection leaves it to be freed by shares, and so does the loss of a long element.
#[test]
fn large_collections_wait_to_be_freed() {
    let (mut keyspace, hasher) = keyspace();
    let key = hasher.key(b"h");
    let fill = |keyspace: &mut Keyspace| {
        (0..20_000_u32).for_each(|n| set_field(keyspace, key, &n.to_le_bytes(), b"a value of sixteen"));
    };
    for way in ["remove", "overwrite", "expire", "flush"] {
        fill(&mut keyspace);
        let mut db = keyspace.db_mut(0);
        match way {
            "remove" => assert!(db.remove(key, Event::Del)),
            "overwrite" => db.set_string(key, b"short", Deadline::Clear, Event::Set),
            "expire" => {
                db.set_deadline(key, Some(0), Event::Expire);
                assert!(db.find(key).is_none());
            }
            _ => db.clear(),
        }
        assert_eq!(keyspace.lazyfree_pending(), 1, "{way}");
        while keyspace.cron(true) == Some(0) {}
        assert_eq!(keyspace.lazyfree_pending(), 0, "{way}");
        keyspace.db_mut(0).remove(key, Event::Del);
    }
    set_field(&mut keyspace, key, b"long", &[b'v'; 1 << 20]);
    set_field(&mut keyspace, key, b"other", b"v");
    set_field(&mut keyspace, key, b"long", b"short");
    assert_eq!(keyspace.lazyfree_pending(), 1);
}
