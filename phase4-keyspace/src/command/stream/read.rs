//! `XREAD` and `XREADGROUP`: what has come since an entry, of several streams, and waiting until something does.
//!
//! A client that waits is tried again whenever one of its streams gets an entry. Then `$` must mean the entry that was last
//! when the client came, so the request that is kept has its ID instead ([`Wait::again`]). A reader of a group waits for what
//! the group has not been given, wherever that stands by then; it is told if the group or the stream has gone.
mod give;
mod request;

use super::args::naming;
use super::stream;
use crate::command::{Command, Context, Group, KeySpec, Tried};
use crate::error::Error;
use crate::keyspace::stream::{ConsumerId, Id};
use crate::keyspace::{Db, DbMut, Edit, Event, Key, Kind, Millis, Stream, Value};
use crate::state::waiting::Wait;
use crate::wire::args::{Args, OwnedArgs};
use crate::wire::reply::Reply;
use give::{give, remind};
use request::{GroupOf, Request, Since};

/// The rows.
pub const COMMANDS: &[Command] = &[
    Command::blocking(
        "xread",
        -4,
        "readonly blocking movablekeys",
        KeySpec::After { word: "STREAMS", from: 1 },
        xread,
    )
    .doc(
        Group::Stream,
        "5.0.0",
        "Returns what has come to several streams since an entry, or waits for it.",
    ),
    Command::blocking(
        "xreadgroup",
        -7,
        "write blocking movablekeys",
        KeySpec::After { word: "STREAMS", from: 4 },
        xreadgroup,
    )
    .doc(
        Group::Stream,
        "5.0.0",
        "Gives new entries of several streams to a consumer of a group, or waits for some.",
    )
    .access(&["RO access"]),
];

/// A client that has waited without COUNT gets no more entries than this.
const WAITED: u64 = 1000;

fn xread(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    only: Option<usize>,
    reply: &mut Reply<'_>,
) -> Result<Tried, Error> {
    read(ctx, Request::parse(args, false)?, args, only, reply)
}

fn xreadgroup(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    only: Option<usize>,
    reply: &mut Reply<'_>,
) -> Result<Tried, Error> {
    read(ctx, Request::parse(args, true)?, args, only, reply)
}

fn read(
    ctx: &mut Context<'_>,
    mut request: Request<'_>,
    args: Args<'_>,
    only: Option<usize>,
    reply: &mut Reply<'_>,
) -> Result<Tried, Error> {
    let keys = only.map_or(request.keys.clone(), |at| at..at + 1);
    let mut since = Vec::with_capacity(keys.len());
    for at in keys.clone() {
        since.push(look_up(ctx, &request, args, at, only.is_some())?);
    }
    if only.is_some() && request.count == 0 {
        request.count = WAITED;
    }
    let (mut body, mut served) = (Vec::new(), 0);
    for (at, since) in keys.zip(&since) {
        let mut part = Reply::new(&mut body, reply.wire());
        served += usize::from(match &request.group {
            None => read_alone(ctx, &request, (args.get(at), *since), only.is_some(), &mut part)?,
            Some(group) => {
                read_for_group(ctx, &request, group, (args.get(at), *since), only.is_some(), &mut part)?
            }
        });
    }
    if served > 0 {
        reply.pairs(served);
        reply.encoded(&body);
        return Ok(Tried::Done);
    }
    let Some(timeout) = request.block else {
        reply.nil_array();
        return Ok(Tried::Done);
    };
    let again = request.with_ids(args, &since);
    Ok(Tried::Nothing(Wait { keys: request.keys, kind: Kind::Stream, timeout, again }))
}

/// What a key holds. Nobody reads it who is told of it; and who asks reads it twice, as in Redis.
fn find<'a>(ctx: &'a mut Context<'_>, name: &[u8], waited: bool) -> Option<Value<'a>> {
    let key = ctx.key(name);
    match waited {
        true => ctx.keyspace.db(ctx.db).value(key),
        false => ctx.read(key).map(|found| found.value),
    }
}

/// What is asked of the stream at an argument, and whether that can be answered; `waited`: it has been, before.
fn look_up(
    ctx: &mut Context<'_>,
    request: &Request<'_>,
    args: Args<'_>,
    at: usize,
    waited: bool,
) -> Result<Since, Error> {
    let name = args.get(at);
    let found = find(ctx, name, waited);
    let found = match (found, &request.group) {
        (found, Some(_)) if waited && found.is_none_or(|value| value.kind() != Kind::Stream) => {
            return Err(Error::other("UNBLOCKED the stream key no longer exists"));
        }
        // Whatever is there now, it is not what is waited for.
        (Some(value), None) if waited && value.kind() != Kind::Stream => None,
        (found, _) => found.map(stream).transpose()?,
    };
    if let Some(group) = &request.group
        && found.and_then(|stream| stream.group(group.name)).is_none()
    {
        if waited {
            let text = "NOGROUP the consumer group this client was blocked on no longer exists";
            return Err(Error::other(text));
        }
        let middle = "' or consumer group '";
        return Err(naming(
            "NOGROUP No such key '",
            name,
            middle,
            group.name,
            "' in XREADGROUP with GROUP option",
        ));
    }
    let last = found.map_or(Id::MIN, |stream| stream.last);
    request.since(args, at, last)
}

/// Appends the stream's name and the entries behind an ID; whether there are any. A client that has waited is told of an
/// entry that has come and gone since, by an empty list.
fn read_alone(
    ctx: &mut Context<'_>,
    request: &Request<'_>,
    (name, since): (&[u8], Since),
    waited: bool,
    reply: &mut Reply<'_>,
) -> Result<bool, Error> {
    let Since::Id(id) = since else { return Ok(false) };
    let Some(Value::Stream(stream)) = find(ctx, name, waited) else { return Ok(false) };
    let from = id.next().unwrap_or_default();
    if stream.last <= id || !(waited || stream.log().goes_beyond(id)) {
        return Ok(false);
    }
    reply.pair();
    reply.bulk(name);
    super::entries(reply, stream, (from, Id::MAX), request.count, false);
    Ok(true)
}

/// The same for a consumer: entries that the group has not been given yet, or again those that this consumer has.
fn read_for_group(
    ctx: &mut Context<'_>,
    request: &Request<'_>,
    group: &GroupOf<'_>,
    (name, since): (&[u8], Since),
    waited: bool,
    reply: &mut Reply<'_>,
) -> Result<bool, Error> {
    if find(ctx, name, waited).is_none() {
        return Ok(false);
    }
    let (now, key) = (ctx.keyspace.now(), ctx.key(name));
    let mut db = ctx.db();
    // A consumer is known from the first time that there is anything for it.
    let wanted = |stream: &Stream| match (since, stream.group(group.name)) {
        (Since::New, Some(group)) if waited => stream.last > group.last,
        (Since::New, Some(group)) => stream.log().goes_beyond(group.last),
        (Since::Id(_), _) => true,
        (Since::New, None) => false,
    };
    let Some(consumer) = consumer(&mut db, key, group, now, wanted)? else {
        return Ok(false);
    };
    let behind = match since {
        Since::Id(id) => id,
        Since::New => last_given(&db, key, group.name),
    };
    let served = db.update::<Stream, _>(key, Event::XReadGroup, |stream, _| {
        reply.pair();
        reply.bulk(name);
        match since {
            Since::New => give(stream, (group.name, consumer), (request.count, request.noack), now, reply),
            Since::Id(id) => remind(stream, (group.name, consumer), (id, request.count), now, reply),
        }
        Edit::Changed(true)
    })?;
    let changes = &mut ctx.keyspace.changes;
    if changes.keeps_details() {
        behind.with_text(|id| changes.detail(id));
    }
    Ok(served.unwrap_or(false))
}

/// Up to where the group's consumers have been given entries.
fn last_given(db: &Db, key: Key<'_>, group: &[u8]) -> Id {
    match db.value(key) {
        Some(Value::Stream(stream)) => stream.group(group).map_or(Id::MIN, |group| group.last),
        _ => Id::MIN,
    }
}

/// The consumer, who has asked now, or is made if nobody of its name has before; `None`: it is not wanted.
fn consumer(
    db: &mut DbMut<'_>,
    key: Key<'_>,
    group: &GroupOf<'_>,
    now: Millis,
    wanted: impl FnOnce(&Stream) -> bool,
) -> Result<Option<ConsumerId>, Error> {
    let found = db.update::<Stream, _>(key, Event::XGroupCreateConsumer, |stream, _| {
        if !wanted(stream) {
            return Edit::Untouched(None);
        }
        match stream.group_mut(group.name).map(|found| (found.find(group.consumer), found)) {
            None => Edit::Untouched(None),
            Some((Some(consumer), found)) => {
                found.consumer_mut(consumer).seen = now;
                Edit::Untouched(Some(consumer))
            }
            Some((None, found)) => Edit::Changed(Some(found.add(group.consumer, now))),
        }
    })?;
    Ok(found.flatten())
}

impl Request<'_> {
    /// The request as it is to be tried again: every `$` is the ID that it means. `None`: it is as it came.
    fn with_ids(&self, args: Args<'_>, since: &[Since]) -> Option<OwnedArgs> {
        let ids = self.keys.end..args.len();
        if !ids.clone().any(|at| args.get(at) == b"$") {
            return None;
        }
        let text = |since: &Since| match since {
            Since::Id(id) => id.with_text(<[u8]>::to_vec),
            Since::New => b">".to_vec(),
        };
        let texts: Vec<Vec<u8>> = since.iter().map(text).collect();
        let words: Vec<&[u8]> = args.from(0).take(ids.start).chain(texts.iter().map(Vec::as_slice)).collect();
        Some(OwnedArgs::words(&words))
    }
}
