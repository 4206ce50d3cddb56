//! A stream in RDB: its chunks as listpacks, a few numbers, and the groups with what is pending.
//!
//! ```text
//! number of chunks · for each: ID (a string of 16 bytes), listpack
//! number of entries · last ID (two lengths) · [first ID · last removed ID · entries ever added]
//! number of groups · for each: name · last ID · [entries read]
//!     number pending · for each: ID (16 bytes) · when (8 bytes) · how often
//!     number of consumers · for each: name · seen (8 bytes) · [active (8 bytes)] · number pending · for each: ID (16 bytes)
//!
//! a listpack's entries:
//! entries · removed ones · number of names · names · 0
//! for each entry: marks · ms and number behind the chunk's ID · [number of fields] · [field] value · … · entries of it (0 is the last)
//! ```
//!
//! What stands in brackets is not in the oldest form (type 15); "active" is in the newest alone (type 21).
use std::io::{self, Read, Write};

use super::listpack::{self, Builder};
use super::reader::Reader;
use super::writer::Writer;
use super::{Fault, form};
use crate::keyspace::Entry;
use crate::keyspace::Stream;
use crate::keyspace::stream::chunk::Chunk;
use crate::keyspace::stream::{Group, Id, Pending};

/// The entry was removed.
const DELETED: i64 = 1;
/// Its fields are the names of its chunk.
const SAME: i64 = 2;

/// Writes a stream.
///
/// # Errors
/// Those of writing.
pub fn write<W: Write>(out: &mut Writer<W>, stream: &Stream) -> io::Result<()> {
    out.length(stream.log().chunk_count() as u64)?;
    let mut builder = Builder::default();
    for (chunk, live) in stream.log().chunks() {
        builder.clear();
        write_chunk(&mut builder, chunk, live);
        out.string(&chunk.first().to_bytes())?;
        out.string(builder.finish())?;
    }
    out.length(stream.len())?;
    write_id(out, stream.last)?;
    write_id(out, stream.log().first().unwrap_or_default())?;
    write_id(out, stream.max_deleted)?;
    out.length(stream.added)?;
    out.length(stream.groups().len() as u64)?;
    stream.groups().try_for_each(|group| write_group(out, group))
}

fn write_id<W: Write>(out: &mut Writer<W>, id: Id) -> io::Result<()> {
    out.length(id.ms)?;
    out.length(id.seq)
}

fn write_chunk(builder: &mut Builder, chunk: Chunk<'_>, live: u32) {
    let total = chunk.walk().count();
    let int = |builder: &mut Builder, value: i64| builder.push(Entry::Integer(value));
    int(builder, live.into());
    int(builder, total as i64 - i64::from(live));
    int(builder, chunk.name_count() as i64);
    chunk.names().for_each(|name| builder.push(name));
    int(builder, 0);
    for found in chunk.walk() {
        let (first, same, fields) = (chunk.first(), found.fields.are_names(), found.fields.len() as i64);
        int(builder, if found.deleted { DELETED } else { 0 } | if same { SAME } else { 0 });
        int(builder, found.id.ms.wrapping_sub(first.ms) as i64);
        int(builder, found.id.seq.wrapping_sub(first.seq) as i64);
        if !same {
            int(builder, fields);
        }
        for (field, value) in found.fields.pairs() {
            if !same {
                builder.push(field);
            }
            builder.push(value);
        }
        int(builder, 3 + if same { fields } else { 2 * fields + 1 });
    }
}

fn write_group<W: Write>(out: &mut Writer<W>, group: &Group) -> io::Result<()> {
    out.string(group.name())?;
    write_id(out, group.last)?;
    // What isn't known is -1.
    out.length(group.read.unwrap_or(u64::MAX))?;
    out.length(group.pending_count())?;
    for pending in group.pending_from(Id::MIN) {
        out.put(&pending.id.to_bytes())?;
        out.put(&pending.delivered.to_le_bytes())?;
        out.length(pending.count)?;
    }
    out.length(group.consumers().len() as u64)?;
    for (_, consumer) in group.consumers() {
        out.string(consumer.name())?;
        out.put(&consumer.seen.to_le_bytes())?;
        out.length(consumer.pending_count())?;
        for id in consumer.pending_from(Id::MIN) {
            out.put(&id.to_bytes())?;
        }
    }
    Ok(())
}

/// Reads a stream of this form.
///
/// # Errors
/// It is damaged.
pub fn read<R: Read>(reader: &mut Reader<R>, form: u8) -> Result<Stream, Fault> {
    let mut stream = Stream::default();
    let mut last = None;
    for _ in 0..reader.count()? {
        let at = reader.offset();
        let first = reader.string()?;
        let listpack = reader.string()?;
        let chunk = read_chunk(&mut stream, &first, &listpack, &mut last);
        chunk.map_err(|what| Fault { at, what })?;
    }
    if reader.length()? != stream.len() {
        return reader.fault("a stream with another number of entries than it says");
    }
    stream.last = read_id(reader)?;
    if last.is_some_and(|last| last > stream.last) {
        return reader.fault("a stream with an entry behind its last ID");
    }
    if form == form::STREAM_LISTPACKS {
        stream.added = stream.len();
    } else {
        read_id(reader)?;
        stream.max_deleted = read_id(reader)?;
        stream.added = reader.length()?;
    }
    for _ in 0..reader.count()? {
        let group = read_group(reader, form, &stream)?;
        if !stream.add_group(group) {
            return reader.fault("a group that a stream has twice");
        }
    }
    Ok(stream)
}

fn read_id<R: Read>(reader: &mut Reader<R>) -> Result<Id, Fault> {
    Ok(Id { ms: reader.length()?, seq: reader.length()? })
}

fn raw_id<R: Read>(reader: &mut Reader<R>) -> Result<Id, Fault> {
    Ok(Id::from_bytes(reader.array()?))
}

/// The entries of a listpack one after another.
struct Entries<'a>(std::vec::IntoIter<Entry<'a>>);

impl<'a> Entries<'a> {
    fn any(&mut self) -> Result<Entry<'a>, String> {
        self.0.next().ok_or_else(|| "a chunk of a stream that ends too early".into())
    }

    fn integer(&mut self) -> Result<i64, String> {
        match self.any()? {
            Entry::Integer(integer) => Ok(integer),
            Entry::Bytes(_) => Err("a text in a chunk of a stream where a number should be".into()),
        }
    }

    /// So many entries as follow at least.
    fn some(&mut self, count: i64, each: usize) -> Result<Vec<Entry<'a>>, String> {
        let count = usize::try_from(count).ok().and_then(|count| count.checked_mul(each));
        let count = count.filter(|count| *count <= self.0.len());
        let count = count.ok_or("a chunk of a stream with fewer fields than it says")?;
        Ok(self.0.by_ref().take(count).collect())
    }
}

fn read_chunk(stream: &mut Stream, first: &[u8], bytes: &[u8], last: &mut Option<Id>) -> Result<(), String> {
    let first = first.try_into().map_err(|_| "a chunk of a stream without an ID")?;
    let first = Id::from_bytes(first);
    let mut all = Vec::new();
    listpack::read(bytes, |entry| {
        // A text that is an integer is kept as one, wherever it comes from.
        all.push(match entry {
            Entry::Bytes(text) => Entry::of(text),
            integer => integer,
        });
        Ok(())
    })?;
    let mut entries = Entries(all.into_iter());
    let (live, deleted) = (entries.integer()?, entries.integer()?);
    let names = entries.integer()?;
    let names = entries.some(names, 1)?;
    if entries.integer()? != 0 {
        return Err("a chunk of a stream whose names have no end".into());
    }
    if live < 0 || deleted < 0 || live.checked_add(deleted).is_none_or(|total| total == 0) {
        return Err("a chunk of a stream without entries".into());
    }
    stream.log_mut().begin(first, names.iter().copied());
    let mut gone = 0;
    for _ in 0..live + deleted {
        gone += i64::from(read_entry(stream, first, &names, &mut entries, last)?);
    }
    if gone != deleted || entries.0.len() > 0 {
        return Err("a chunk of a stream whose entries aren't as many as it says".into());
    }
    Ok(())
}

/// Whether it was a removed one.
fn read_entry(
    stream: &mut Stream,
    first: Id,
    names: &[Entry<'_>],
    entries: &mut Entries<'_>,
    last: &mut Option<Id>,
) -> Result<bool, String> {
    let (marks, ms, seq) = (entries.integer()?, entries.integer()?, entries.integer()?);
    let ms = u64::try_from(ms).ok().and_then(|more| first.ms.checked_add(more));
    let id = Id { ms: ms.ok_or("an entry before its chunk")?, seq: first.seq.wrapping_add(seq as u64) };
    if last.is_some_and(|last| id <= last) || id < first {
        return Err("entries of a stream that are not in order".into());
    }
    *last = Some(id);
    let same = marks & SAME != 0;
    let flat: Vec<Entry<'_>> = if same {
        let values = entries.some(names.len() as i64, 1)?;
        names.iter().copied().zip(values).flat_map(|(name, value)| [name, value]).collect()
    } else {
        let fields = entries.integer()?;
        entries.some(fields, 2)?
    };
    let said = entries.integer()?;
    if said != 3 + if same { names.len() as i64 } else { flat.len() as i64 + 1 } {
        return Err("an entry of a stream that isn't as long as it says".into());
    }
    let deleted = marks & DELETED != 0;
    stream.log_mut().push(id, flat.into_iter(), deleted);
    Ok(deleted)
}

fn read_group<R: Read>(reader: &mut Reader<R>, form: u8, stream: &Stream) -> Result<Group, Fault> {
    let name = reader.string()?;
    let last = read_id(reader)?;
    let mut group = Group::new(&name, last, None);
    group.read = match form {
        form::STREAM_LISTPACKS => stream.tally().number_of(last),
        _ => Some(reader.length()?).filter(|read| *read != u64::MAX),
    };
    let mut pending = Vec::new();
    for _ in 0..reader.count()? {
        let id = raw_id(reader)?;
        let delivered = i64::from_le_bytes(reader.array()?);
        pending.push(Pending { id, delivered, count: reader.length()?, consumer: 0 });
    }
    if !pending.is_sorted_by(|a, b| a.id < b.id) {
        return reader.fault("entries that are pending, out of order");
    }
    for _ in 0..reader.count()? {
        let name = reader.string()?;
        let seen = i64::from_le_bytes(reader.array()?);
        if form == form::STREAM_LISTPACKS_3 {
            reader.array::<8>()?;
        }
        if group.find(&name).is_some() {
            return reader.fault("a consumer that a group has twice");
        }
        let consumer = group.add(&name, seen);
        for _ in 0..reader.count()? {
            let id = raw_id(reader)?;
            let at = pending.binary_search_by(|pending| pending.id.cmp(&id)).ok();
            match at.filter(|_| group.pending(id).is_none()) {
                Some(at) => group.set_pending(Pending { consumer, ..pending[at] }),
                None => {
                    return reader
                        .fault("an entry that is pending for a consumer and not for its group, or for two");
                }
            }
        }
    }
    if group.pending_count() != pending.len() as u64 {
        return reader.fault("an entry that is pending for a group and for no consumer of it");
    }
    Ok(group)
}
