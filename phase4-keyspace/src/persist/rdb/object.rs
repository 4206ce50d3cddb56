//! A value out of RDB, from any form that Redis has written it in.
use std::io::Read;

use super::reader::Reader;
use super::{Fault, form, listpack, old, stream};
use crate::keyspace::{Collection, Entry, Hash, List, Object, Rules, Set, ZSet};
use crate::text::double;

/// A node of a list that is one element.
const PLAIN: u64 = 1;
/// A node of a list that is a listpack.
const PACKED: u64 = 2;

/// Reads a value of this form; `None` if it is a collection without elements, which old versions have written.
///
/// # Errors
/// Damaged, or of a form that this server has no value for.
pub fn object<R: Read>(reader: &mut Reader<R>, form: u8, rules: &Rules) -> Result<Option<Object>, Fault> {
    let start = reader.offset();
    match form {
        form::STRING => Ok(Some(Object::String(reader.string()?))),
        form::LIST | form::LIST_ZIPLIST | form::LIST_QUICKLIST | form::LIST_QUICKLIST_2 => {
            whole(list(reader, form, rules)?)
        }
        form::SET | form::SET_INTSET | form::SET_LISTPACK => whole(set(reader, form, rules)?),
        form::HASH | form::HASH_ZIPMAP | form::HASH_ZIPLIST | form::HASH_LISTPACK => {
            whole(hash(reader, form, rules)?)
        }
        form::ZSET | form::ZSET_2 | form::ZSET_ZIPLIST | form::ZSET_LISTPACK => {
            whole(zset(reader, form, rules)?)
        }
        form::STREAM_LISTPACKS | form::STREAM_LISTPACKS_2 | form::STREAM_LISTPACKS_3 => {
            stream::read(reader, form).map(|stream| Some(stream.into_object()))
        }
        _ => Err(Fault { at: start, what: unknown(form) }),
    }
}

fn whole<T: Collection>(value: T) -> Result<Option<Object>, Fault> {
    Ok((!value.is_empty()).then(|| value.into_object()))
}

/// Whether [`object`] would refuse the form itself.
pub fn is_unknown(form: u8) -> bool {
    !matches!(form, 0..=5 | 9..=21)
}

/// What is said of a form that this server has no value for.
pub fn unknown(form: u8) -> String {
    match form {
        6 | 7 => "a value of a module, and this server has no modules".into(),
        22..=25 => "a hash whose fields have deadlines, and this server has none such".into(),
        _ => format!("there is no type {form}"),
    }
}

/// Says at which offset a small collection is damaged.
fn within(at: u64, result: Result<(), String>) -> Result<(), Fault> {
    result.map_err(|what| Fault { at, what })
}

fn list<R: Read>(reader: &mut Reader<R>, form: u8, rules: &Rules) -> Result<List, Fault> {
    let mut list = List::default();
    let nodes = if form == form::LIST_ZIPLIST { 1 } else { reader.count()? };
    for _ in 0..nodes {
        let at = reader.offset();
        let container = if form == form::LIST_QUICKLIST_2 { reader.length()? } else { PACKED };
        let bytes = reader.string()?;
        let mut push = |entry: Entry<'_>| {
            entry.with(|element| list.push(element, false, rules));
            Ok(())
        };
        within(
            at,
            match (form, container) {
                (form::LIST, _) | (_, PLAIN) => push(Entry::Bytes(&bytes)),
                (form::LIST_QUICKLIST_2, PACKED) => listpack::read(&bytes, push),
                (_, PACKED) => old::ziplist(&bytes, push),
                _ => Err(format!("there is no node of kind {container} in a list")),
            },
        )?;
    }
    Ok(list)
}

fn set<R: Read>(reader: &mut Reader<R>, form: u8, rules: &Rules) -> Result<Set, Fault> {
    let mut set = Set::default();
    let mut add = |entry: Entry<'_>| match set.add(entry, rules) {
        true => Ok(()),
        false => Err("a member that a set has twice".to_string()),
    };
    if form == form::SET {
        for _ in 0..reader.count()? {
            let at = reader.offset();
            let member = reader.string()?;
            within(at, add(Entry::of(&member)))?;
        }
        return Ok(set);
    }
    let at = reader.offset();
    let bytes = reader.string()?;
    let result = match form {
        form::SET_INTSET => old::intset(&bytes, |integer| add(Entry::Integer(integer))),
        _ => listpack::read(&bytes, |entry| entry.with(|text| add(Entry::of(text)))),
    };
    within(at, result)?;
    Ok(set)
}

fn hash<R: Read>(reader: &mut Reader<R>, form: u8, rules: &Rules) -> Result<Hash, Fault> {
    let mut hash = Hash::default();
    let mut set = |field: &[u8], value: &[u8]| match hash.set(field, value, rules) {
        true => Ok(()),
        false => Err("a field that a hash has twice".to_string()),
    };
    if form == form::HASH {
        for _ in 0..reader.count()? {
            let at = reader.offset();
            let (field, value) = (reader.string()?, reader.string()?);
            within(at, set(&field, &value))?;
        }
        return Ok(hash);
    }
    let at = reader.offset();
    let bytes = reader.string()?;
    let set = |field: Entry<'_>, value: Entry<'_>| field.with(|field| value.with(|value| set(field, value)));
    let result = match form {
        form::HASH_ZIPMAP => old::zipmap(&bytes, set),
        form::HASH_ZIPLIST => pairs(|visit| old::ziplist(&bytes, visit), set),
        _ => pairs(|visit| listpack::read(&bytes, visit), set),
    };
    within(at, result)?;
    Ok(hash)
}

fn zset<R: Read>(reader: &mut Reader<R>, form: u8, rules: &Rules) -> Result<ZSet, Fault> {
    let mut zset = ZSet::default();
    let mut add = |member: &[u8], score: f64| {
        let mut twice = false;
        if score.is_nan() {
            return Err("a score that is no number".to_string());
        }
        zset.update(member, rules, |old| {
            twice = old.is_some();
            Some(score)
        });
        if twice { Err("a member that a sorted set has twice".to_string()) } else { Ok(()) }
    };
    if form == form::ZSET || form == form::ZSET_2 {
        for _ in 0..reader.count()? {
            let at = reader.offset();
            let member = reader.string()?;
            let score =
                if form == form::ZSET_2 { f64::from_le_bytes(reader.array()?) } else { old_score(reader)? };
            within(at, add(&member, score))?;
        }
        return Ok(zset);
    }
    let at = reader.offset();
    let bytes = reader.string()?;
    let add = |member: Entry<'_>, score: Entry<'_>| {
        let score = match score {
            Entry::Integer(score) => score as f64,
            Entry::Bytes(text) => double::parse(text).ok_or("a score that is no number")?,
        };
        member.with(|member| add(member, score))
    };
    let result = match form {
        form::ZSET_ZIPLIST => pairs(|visit| old::ziplist(&bytes, visit), add),
        _ => pairs(|visit| listpack::read(&bytes, visit), add),
    };
    within(at, result)?;
    Ok(zset)
}

/// A score as text behind its length; three lengths are words.
fn old_score<R: Read>(reader: &mut Reader<R>) -> Result<f64, Fault> {
    match reader.byte()? {
        253 => reader.fault("a score that is no number"),
        254 => Ok(f64::INFINITY),
        255 => Ok(f64::NEG_INFINITY),
        len => {
            let score = double::parse(reader.bytes(len.into())?);
            score.map_or_else(|| reader.fault("a score that is no number"), Ok)
        }
    }
}

/// Entries two by two.
fn pairs<'a>(
    walk: impl FnOnce(&mut dyn FnMut(Entry<'a>) -> Result<(), String>) -> Result<(), String>,
    mut visit: impl FnMut(Entry<'a>, Entry<'a>) -> Result<(), String>,
) -> Result<(), String> {
    let mut first = None;
    walk(&mut |entry| match first.take() {
        None => {
            first = Some(entry);
            Ok(())
        }
        Some(first) => visit(first, entry),
    })?;
    if first.is_some() { Err("an odd number of entries".into()) } else { Ok(()) }
}
