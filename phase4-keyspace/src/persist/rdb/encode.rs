//! A value as RDB has it, in the form that Redis 7.0 would choose.
use std::io::{self, Write};

use super::listpack::Builder;
use super::writer::Writer;
use super::{form, stream};
use crate::keyspace::{Entry, HashRef, ListRef, SetRef, Value, ZSetRef};
use crate::text::double::Double;

/// A node of a list holds about so many bytes.
const NODE: usize = 8 << 10;
/// A listpack node.
const PACKED: u64 = 2;

/// The form in which [`value`] writes it.
pub fn form_of(value: Value<'_>) -> u8 {
    match value {
        Value::String(_) => form::STRING,
        Value::List(_) => form::LIST_QUICKLIST_2,
        Value::Hash(hash) if hash.is_packed() => form::HASH_LISTPACK,
        Value::Hash(_) => form::HASH,
        // A small set of strings is packed here, which Redis 7.0 does not know.
        Value::Set(set) if set.hashtable => form::SET,
        Value::Set(_) => form::SET_INTSET,
        Value::ZSet(ZSetRef::Packed(_)) => form::ZSET_LISTPACK,
        Value::ZSet(_) => form::ZSET_2,
        Value::Stream(_) => form::STREAM_LISTPACKS_2,
    }
}

/// A value, without its form.
///
/// # Errors
/// Those of writing.
pub fn value<W: Write>(out: &mut Writer<W>, value: Value<'_>) -> io::Result<()> {
    match value {
        Value::String(text) => out.string(text),
        Value::List(list) => write_list(out, list),
        Value::Hash(hash) => write_hash(out, hash),
        Value::Set(set) if set.hashtable => write_set(out, set),
        Value::Set(set) => write_integers(out, set),
        Value::ZSet(zset) => write_zset(out, zset),
        Value::Stream(stream) => stream::write(out, stream),
    }
}

fn write_list<W: Write>(out: &mut Writer<W>, list: ListRef<'_>) -> io::Result<()> {
    let mut count = 0;
    if let ListRef::Packed(_) = list {
        count = 1;
    } else {
        nodes(list, |_| {
            count += 1;
            Ok(())
        })?;
    }
    out.length(count)?;
    nodes(list, |node| {
        out.length(PACKED)?;
        out.string(node)
    })
}

/// A list in pieces, each a listpack.
fn nodes(list: ListRef<'_>, mut visit: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let (mut builder, mut result) = (Builder::default(), Ok(()));
    // Elements of a packed list are few and short: one node, as its length has been told.
    let most = if let ListRef::Packed(_) = list { usize::MAX } else { NODE };
    list.walk(0, false, |entry| {
        if !builder.is_empty() && builder.len() + entry.len() > most {
            result = visit(builder.finish());
            builder.clear();
        }
        builder.push(entry);
        result.is_ok()
    });
    result?;
    if builder.is_empty() { Ok(()) } else { visit(builder.finish()) }
}

fn write_hash<W: Write>(out: &mut Writer<W>, hash: HashRef<'_>) -> io::Result<()> {
    if hash.is_packed() {
        let mut builder = Builder::default();
        hash.for_each(|field, value| {
            builder.push(field);
            builder.push(value);
        });
        return out.string(builder.finish());
    }
    out.length(hash.len() as u64)?;
    let mut result = Ok(());
    hash.for_each(|field, value| {
        if result.is_ok() {
            result = field.with(|text| out.string(text)).and_then(|()| value.with(|text| out.string(text)));
        }
    });
    result
}

fn write_set<W: Write>(out: &mut Writer<W>, set: SetRef<'_>) -> io::Result<()> {
    out.length(set.len() as u64)?;
    let mut result = Ok(());
    set.each_while(|member| {
        result = member.with(|text| out.string(text));
        result.is_ok()
    });
    result
}

/// A set that is an intset to Redis: the width, the number, the integers in order.
fn write_integers<W: Write>(out: &mut Writer<W>, set: SetRef<'_>) -> io::Result<()> {
    let mut integers = Vec::with_capacity(set.len());
    set.for_each(|member| match member {
        Entry::Integer(integer) => integers.push(integer),
        Entry::Bytes(_) => {}
    });
    integers.sort_unstable();
    let fits = |bits: u32| integers.iter().all(|n| n << (64 - bits) >> (64 - bits) == *n);
    let width: usize = if fits(16) {
        2
    } else if fits(32) {
        4
    } else {
        8
    };
    let mut bytes = (width as u32).to_le_bytes().to_vec();
    bytes.extend_from_slice(&(integers.len() as u32).to_le_bytes());
    integers.iter().for_each(|n| bytes.extend_from_slice(&n.to_le_bytes()[..width]));
    out.string(&bytes)
}

fn write_zset<W: Write>(out: &mut Writer<W>, zset: ZSetRef<'_>) -> io::Result<()> {
    if let ZSetRef::Packed(_) = zset {
        let mut builder = Builder::default();
        zset.for_each(|member, score| {
            builder.push(Entry::of(member));
            builder.push(Entry::of(Double::new(score).as_str().as_bytes()));
        });
        return out.string(builder.finish());
    }
    out.length(zset.len() as u64)?;
    let mut result = Ok(());
    zset.for_each(|member, score| {
        if result.is_ok() {
            result = out.string(member).and_then(|()| out.put(&score.to_le_bytes()));
        }
    });
    result
}
