//! Streams in the log. What depends on the clock (IDs, when an entry was given to whom) and on how entries lie in chunks
//! (`MAXLEN ~`) is written as what came of it; `XCLAIM` and `XGROUP SETID` say how a group stands, and may say so twice.
use super::Logged;
use crate::command::stream::args::strict;
use crate::command::stream::trim::Options;
use crate::keyspace::stream::{Group, Id};
use crate::keyspace::{Event, Stream, Value};
use crate::text::integer::Decimal;

/// `XADD` with the ID that the entry has, and what is left if it trimmed.
pub(super) fn added(it: &mut Logged<'_>) {
    let (args, key) = (it.ran.args, it.ran.args.get(1));
    let chunk = it.keyspace.db(it.ran.db).rules().limits.stream_entries;
    let Some(stream) = stream(it, key) else { return };
    let Ok(Options { id: Some((_, at)), .. }) = Options::parse(args, true, chunk) else { return };
    stream.last.with_text(|id| {
        let words: Vec<&[u8]> = [&b"XADD"[..], key, id].into_iter().chain(args.from(at + 1)).collect();
        it.put(&words);
    });
    if it.keyspace.changes.since(it.mark).any(|change| change.event == Event::XTrim) {
        trimmed(it);
    }
}

/// As many entries as are left: which go is clear then.
pub(super) fn trimmed(it: &mut Logged<'_>) {
    let key = it.ran.args.get(1);
    if let Some(stream) = stream(it, key) {
        it.put(&[b"XTRIM", key, b"MAXLEN", Decimal::unsigned(stream.len()).as_bytes()]);
    }
}

/// `XREADGROUP`: the command has noted, for each stream that it gave entries of, behind which ID they stand.
pub(super) fn given(it: &mut Logged<'_>) {
    let args = it.ran.args;
    let Some(at) = (1..args.len()).find(|at| args.is(*at, "group")) else { return };
    let (name, consumer) = (args.get(at + 1), args.get(at + 2));
    let keyspace = it.keyspace;
    let mut since = keyspace.changes.details_since(it.mark);
    for change in keyspace.changes.since(it.mark) {
        let Some(key) = change.key else { continue };
        match change.event {
            Event::XGroupCreateConsumer => it.put(&[b"XGROUP", b"CREATECONSUMER", key, name, consumer]),
            Event::XReadGroup => {
                let behind = since.next().and_then(|id| Id::parse(id, 0)).unwrap_or_default();
                let Some(group) = stream(it, key).and_then(|stream| stream.group(name)) else { continue };
                let Some(consumer) = group.find(consumer) else { continue };
                // Others that it was given in the same millisecond are said once more.
                let mine = group.consumer(consumer).pending_from(behind.next().unwrap_or_default());
                let fresh = |id: &Id| group.pending(*id).is_some_and(|it| it.delivered == keyspace.now());
                let ids: Vec<Id> = mine.filter(fresh).collect();
                stand(it, key, group, &ids);
            }
            _ => {}
        }
    }
}

/// `XCLAIM` names the entries, `XAUTOCLAIM` has noted them.
pub(super) fn claimed(it: &mut Logged<'_>) {
    let (args, keyspace) = (it.ran.args, it.keyspace);
    let (key, name, consumer) = (args.get(1), args.get(2), args.get(3));
    let ids: Vec<Id> = match args.is(0, "xclaim") {
        true => (5..args.len()).map_while(|at| strict(args, at).ok()).collect(),
        false => keyspace.changes.details_since(it.mark).filter_map(|id| Id::parse(id, 0)).collect(),
    };
    if keyspace.changes.since(it.mark).any(|change| change.event == Event::XGroupCreateConsumer) {
        it.put(&[b"XGROUP", b"CREATECONSUMER", key, name, consumer]);
    }
    if let Some(group) = stream(it, key).and_then(|stream| stream.group(name)) {
        stand(it, key, group, &ids);
    }
}

/// How a group stands: who has these entries, since when, for the how manieth time; and up to where it has read.
fn stand(it: &mut Logged<'_>, key: &[u8], group: &Group, ids: &[Id]) {
    for id in ids {
        id.with_text(|text| match group.pending(*id) {
            None => it.put(&[b"XACK", key, group.name(), text]),
            Some(pending) => {
                let (time, count) = (Decimal::new(pending.delivered), Decimal::unsigned(pending.count));
                let consumer = group.consumer(pending.consumer).name();
                let (who, when) = ([b"XCLAIM", key, group.name(), consumer, b"0", text], time.as_bytes());
                let how = [b"TIME", when, b"RETRYCOUNT", count.as_bytes(), b"FORCE", b"JUSTID"];
                it.put(&[&who[..], &how[..]].concat());
            }
        });
    }
    let read = group.read.map_or_else(|| Decimal::new(-1), Decimal::unsigned);
    group.last.with_text(|last| {
        it.put(&[b"XGROUP", b"SETID", key, group.name(), last, b"ENTRIESREAD", read.as_bytes()]);
    });
}

fn stream<'a>(it: &Logged<'a>, key: &[u8]) -> Option<&'a Stream> {
    let keyspace = it.keyspace;
    match keyspace.db(it.ran.db).stored(keyspace.hasher.key(key))?.value {
        Value::Stream(stream) => Some(stream),
        _ => None,
    }
}
