//! `XADD` and `XSETID`: IDs that only ever grow.
use super::args::{integer, strict};
use super::trim::{NewId, Options};
use super::{bulk_id, row};
use crate::command::{Command, Context};
use crate::error::Error;
use crate::keyspace::stream::Id;
use crate::keyspace::{Edit, Event, Millis, Rules, Stream};
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[
    row("xadd", -5, "write denyoom fast", xadd, "5.0.0", "Appends an entry to a stream and returns its ID.")
        .access(&["RW update"])
        .note("UPDATE instead of INSERT because of the optional trimming feature")
        .tips("nondeterministic_output"),
    row(
        "xsetid",
        -3,
        "write denyoom fast",
        xsetid,
        "5.0.0",
        "Says which ID of a stream was the last. For internal use.",
    )
    .access(&["RW update"]),
];

/// Fields and values of an entry have no more bytes together.
const LONGEST: usize = 1 << 30;

/// The ID of the next entry: behind the last one, or there is none.
fn choose(stream: &Stream, wanted: NewId, now: Millis) -> Result<Id, Error> {
    if stream.last == Id::MAX {
        let text = "ERR The stream has exhausted the last possible ID, unable to add more items";
        return Err(Error::other(text));
    }
    let id = match wanted {
        NewId::Any => stream.next_id(now),
        NewId::AnyOf(ms) if ms == stream.last.ms => stream.last.next().filter(|id| id.ms == ms),
        NewId::AnyOf(ms) => Some(Id { ms, seq: 0 }),
        NewId::This(id) => Some(id),
    };
    id.filter(|id| *id > stream.last).ok_or(Error::bad_argument(
        "ERR The ID specified in XADD is equal or smaller than the target stream top item",
    ))
}

/// `XADD key [NOMKSTREAM] [MAXLEN|MINID [=|~] threshold [LIMIT count]] *|id field value [field value ...]`
fn xadd(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let chunk = ctx.db().rules().limits.stream_entries;
    let options = Options::parse(args, true, chunk)?;
    let (wanted, at) = options.id.ok_or(Error::Arity("xadd".into()))?;
    let flat = args.from(at + 1);
    if flat.len() < 2 || flat.len() % 2 == 1 {
        return Err(Error::Arity("xadd".into()));
    }
    if wanted == NewId::This(Id::MIN) {
        return Err(Error::bad_argument("ERR The ID specified in XADD must be greater than 0-0"));
    }
    let (now, key) = (ctx.keyspace.now(), ctx.first_key(args.get(1)));
    let add = |stream: &mut Stream, rules: &Rules| match choose(stream, wanted, now) {
        Ok(_) if flat.clone().map(<[u8]>::len).sum::<usize>() > LONGEST => {
            Edit::Untouched(Err(Error::other("ERR Elements are too large to be stored")))
        }
        Ok(id) => {
            stream.append(id, flat.clone(), rules);
            Edit::Changed(Ok(id))
        }
        Err(error) => Edit::Untouched(Err(error)),
    };
    let mut db = ctx.db();
    let added = match options.make {
        true => Some(db.edit(key, Event::XAdd, add)?),
        false => db.update(key, Event::XAdd, add)?,
    };
    let Some(id) = added.transpose()? else {
        reply.nil();
        return Ok(());
    };
    if let Some(trim) = options.trim {
        db.update::<Stream, _>(key, Event::XTrim, |stream, _| match trim.run(stream) {
            0 => Edit::Untouched(()),
            _ => Edit::Counted(0, ()),
        })?;
    }
    bulk_id(reply, id);
    Ok(())
}

/// What `XSETID` sets.
struct Numbers {
    last: Id,
    added: Option<u64>,
    max_deleted: Id,
}

impl Numbers {
    fn parse(args: Args<'_>) -> Result<Numbers, Error> {
        let mut numbers = Numbers { last: strict(args, 2)?, added: None, max_deleted: Id::MIN };
        let mut at = 3;
        while at < args.len() {
            if at + 1 < args.len() && args.is(at, "ENTRIESADDED") {
                let added = u64::try_from(integer(args, at + 1)?);
                let refused = Error::bad_argument("ERR entries_added must be positive");
                numbers.added = Some(added.map_err(|_| refused)?);
            } else if at + 1 < args.len() && args.is(at, "MAXDELETEDID") {
                numbers.max_deleted = strict(args, at + 1)?;
                if numbers.last < numbers.max_deleted {
                    return Err(Error::bad_argument(
                        "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                    ));
                }
            } else {
                return Err(Error::Syntax);
            }
            at += 2;
        }
        Ok(numbers)
    }

    /// Whether they fit what the stream has and had.
    fn check(&self, stream: &Stream) -> Result<(), Error> {
        let refuse = |text| Err(Error::bad_argument(text));
        if stream.log().goes_beyond(self.last) {
            return refuse("ERR The ID specified in XSETID is smaller than the target stream top item");
        }
        if self.added.is_some_and(|added| added < stream.len()) {
            return refuse(
                "ERR The entries_added specified in XSETID is smaller than the target stream length",
            );
        }
        Ok(())
    }
}

/// `XSETID key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]`
fn xsetid(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let numbers = Numbers::parse(args)?;
    let key = ctx.first_key(args.get(1));
    let set = ctx.db().update::<Stream, _>(key, Event::XSetId, |stream, _| {
        if let Err(error) = numbers.check(stream) {
            return Edit::Untouched(Err(error));
        }
        stream.last = numbers.last;
        stream.added = numbers.added.unwrap_or(stream.added);
        if numbers.max_deleted != Id::MIN {
            stream.max_deleted = numbers.max_deleted;
        }
        Edit::Changed(Ok(()))
    })?;
    set.ok_or(Error::NoSuchKey)??;
    reply.ok();
    Ok(())
}
