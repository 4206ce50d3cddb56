//! `XACK` and `XPENDING`: what consumers have been given, and are done with.
use super::args::{from, integer, no_group, strict, to};
use super::{bulk_id, read, row};
use crate::command::{Command, Context};
use crate::error::Error;
use crate::keyspace::stream::{Group, Id, Pending};
use crate::keyspace::{Edit, Event, Millis, Stream};
use crate::text::integer::Decimal;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[
    row("xack", -4, "write fast", xack, "5.0.0", "Says that entries are done with; how many were pending.")
        .access(&["RW update"]),
    row(
        "xpending",
        -3,
        "readonly",
        xpending,
        "5.0.0",
        "Tells what was given to consumers and isn't done with.",
    )
    .tips("nondeterministic_output"),
];

/// `XACK key group id [id ...]`
fn xack(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    // It counts as a reading command, as in Redis.
    read(ctx, key)?;
    let done = ctx.db().update::<Stream, _>(key, Event::XAck, |stream, _| {
        let Some(group) = stream.group_mut(args.get(2)) else { return Edit::Untouched(Ok(0)) };
        // All or nothing: no entry is done with if one of the texts is no ID.
        let ids: Result<Vec<Id>, Error> = (3..args.len()).map(|at| strict(args, at)).collect();
        match ids.map(|ids| ids.into_iter().filter(|id| group.acknowledge(*id)).count()) {
            Ok(0) => Edit::Untouched(Ok(0)),
            Ok(done) => Edit::Counted(done as u32, Ok(done)),
            Err(error) => Edit::Untouched(Err(error)),
        }
    })?;
    reply.integer(done.unwrap_or(Ok(0))? as i64);
    Ok(())
}

/// Which pending entries are wanted.
struct Wanted {
    min_idle: Millis,
    from: Id,
    to: Id,
    count: u64,
    /// The argument that names a consumer.
    consumer: Option<usize>,
}

impl Wanted {
    /// `[IDLE min-idle-time] start end count [consumer]`, from argument 3 on; `None`: only the overview.
    fn parse(args: Args<'_>) -> Result<Option<Wanted>, Error> {
        match args.len() {
            3 => return Ok(None),
            6..=9 => {}
            _ => return Err(Error::Syntax),
        }
        let (mut at, mut min_idle) = (3, 0);
        if args.is(3, "IDLE") {
            min_idle = integer(args, 4)?;
            if args.len() < 8 {
                return Err(Error::Syntax);
            }
            at = 5;
        }
        let count = integer(args, at + 2)?.max(0) as u64;
        let (from, to) = (from(args, at)?, to(args, at + 1)?);
        let consumer = (at + 3 < args.len()).then_some(at + 3);
        Ok(Some(Wanted { min_idle, from, to, count, consumer }))
    }
}

/// `XPENDING key group [[IDLE min-idle-time] start end count [consumer]]`
fn xpending(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let wanted = Wanted::parse(args)?;
    let (now, key) = (ctx.keyspace.now(), ctx.first_key(args.get(1)));
    let group = read(ctx, key)?.and_then(|stream| stream.group(args.get(2)));
    let group = group.ok_or_else(|| no_group(args))?;
    match wanted {
        None => overview(reply, group),
        Some(wanted) => list(reply, group, &wanted, args, now),
    }
    Ok(())
}

/// How many are pending, the first and the last of them, and how many of them each consumer has.
fn overview(reply: &mut Reply<'_>, group: &Group) {
    reply.array(4);
    reply.integer(group.pending_count() as i64);
    let ends = group.pending_from(Id::MIN).next().zip(group.last_pending());
    let Some((first, last)) = ends else {
        reply.nil();
        reply.nil();
        return reply.nil_array();
    };
    bulk_id(reply, first.id);
    bulk_id(reply, last.id);
    let busy = || group.consumers().filter(|(_, consumer)| consumer.pending_count() > 0);
    reply.array(busy().count());
    for (_, consumer) in busy() {
        reply.array(2);
        reply.bulk(consumer.name());
        reply.bulk(Decimal::unsigned(consumer.pending_count()).as_bytes());
    }
}

fn list(reply: &mut Reply<'_>, group: &Group, wanted: &Wanted, args: Args<'_>, now: Millis) {
    let idle = |pending: &Pending| now.saturating_sub(pending.delivered);
    let consumer = match wanted.consumer.map(|at| group.find(args.get(at))) {
        None => None,
        Some(Some(consumer)) => Some(group.consumer(consumer)),
        Some(None) => return reply.array(0),
    };
    let all: Box<dyn Iterator<Item = Pending>> = match consumer {
        None => Box::new(group.pending_from(wanted.from)),
        Some(consumer) => Box::new(consumer.pending_from(wanted.from).filter_map(|id| group.pending(id))),
    };
    let some = all
        .take_while(|pending| pending.id <= wanted.to)
        .filter(|pending| wanted.min_idle == 0 || idle(pending) >= wanted.min_idle)
        .take(usize::try_from(wanted.count).unwrap_or(usize::MAX));
    reply.counted_array(|reply| {
        some.map(|pending| {
            reply.array(4);
            bulk_id(reply, pending.id);
            reply.bulk(group.consumer(pending.consumer).name());
            reply.integer(idle(&pending).max(0));
            reply.integer(pending.count as i64);
        })
        .count()
    });
}
