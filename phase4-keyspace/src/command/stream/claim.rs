//! `XCLAIM` and `XAUTOCLAIM`: work that someone was given and hasn't finished goes to someone else.
//!
//! What has been removed from the stream since is no work any more: it is forgotten on the way.
use super::args::{from, no_group, strict};
use super::{bulk_id, entry, row};
use crate::command::{Command, Context};
use crate::error::Error;
use crate::keyspace::stream::{ConsumerId, Group, Id, Pending, Tally};
use crate::keyspace::{DbMut, Edit, Event, Key, Millis, Stream};
use crate::text::integer;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[
    row("xclaim", -6, "write fast", xclaim, "5.0.0", "Gives pending entries to another consumer.")
        .access(&["RW update"])
        .tips("nondeterministic_output"),
    row(
        "xautoclaim",
        -6,
        "write fast",
        xautoclaim,
        "6.2.0",
        "Gives entries that have been pending for long to another consumer.",
    )
    .access(&["RW delete"])
    .tips("nondeterministic_output"),
];

/// Redis makes room for as many IDs as may be claimed, and refuses when there's no memory for them.
const MOST_REMEMBERED: u64 = 1 << 36;

/// An argument that is an integer, or what is said of one that isn't.
fn named(args: Args<'_>, at: usize, what: &str) -> Result<i64, Error> {
    integer::parse(args.get(at)).ok_or_else(|| Error::bad_argument(format!("ERR Invalid {what}")))
}

/// Who claims, and how.
struct Claim<'a> {
    group: &'a [u8],
    consumer: &'a [u8],
    min_idle: Millis,
    now: Millis,
    /// When the entries count as given.
    delivered: Millis,
    /// How often they count as given; `None`: once more.
    count: Option<u64>,
    /// Entries that aren't pending are claimed, too.
    force: bool,
    /// Only IDs are wanted, and the entries don't count as given once more.
    just_id: bool,
}

impl<'a> Claim<'a> {
    /// What both commands begin with: `key group consumer min-idle-time`. Without options.
    fn of(args: Args<'a>, min_idle: Millis, now: Millis) -> Self {
        let (group, consumer) = (args.get(2), args.get(3));
        Claim { group, consumer, min_idle, now, delivered: now, count: None, force: false, just_id: false }
    }

    /// Whether an entry has been pending for long enough.
    fn is_due(&self, pending: &Pending) -> bool {
        self.min_idle == 0 || self.now.saturating_sub(pending.delivered) >= self.min_idle
    }

    /// Gives an entry to the consumer and appends it; `pending` as it was, or as if it had been.
    fn take(
        &self,
        tally: Tally<'_>,
        group: &mut Group,
        (pending, consumer): (Pending, ConsumerId),
        reply: &mut Reply<'_>,
    ) {
        let count = match self.count {
            Some(count) => count,
            None if self.just_id => pending.count,
            None => pending.count.wrapping_add(1),
        };
        group.set_pending(Pending { id: pending.id, delivered: self.delivered, count, consumer });
        match self.just_id {
            true => bulk_id(reply, pending.id),
            false => _ = tally.log.get(pending.id, |fields| entry(reply, pending.id, fields)),
        }
    }

    /// The consumer, who has asked now; made, if there is none of this name.
    fn consumer(&self, db: &mut DbMut<'_>, key: Key<'_>) -> Result<Option<ConsumerId>, Error> {
        let found = db.update::<Stream, _>(key, Event::XGroupCreateConsumer, |stream, _| {
            let Some(group) = stream.group_mut(self.group) else { return Edit::Untouched(None) };
            match group.find(self.consumer) {
                Some(consumer) => {
                    group.consumer_mut(consumer).seen = self.now;
                    Edit::Untouched(Some(consumer))
                }
                None => Edit::Changed(Some(group.add(self.consumer, self.now))),
            }
        })?;
        Ok(found.flatten())
    }
}

/// The group's stream and the group, which have to be there.
fn check(ctx: &mut Context<'_>, args: Args<'_>, key: Key<'_>) -> Result<(), Error> {
    let stream = super::read(ctx, key)?;
    stream.and_then(|stream| stream.group(args.get(2))).map(|_| ()).ok_or_else(|| no_group(args))
}

/// `XCLAIM key group consumer min-idle-time id [id ...] [IDLE ms] [TIME ms] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID id]`
fn xclaim(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let (now, key) = (ctx.keyspace.now(), ctx.first_key(args.get(1)));
    check(ctx, args, key)?;
    let min_idle = named(args, 4, "min-idle-time argument for XCLAIM")?.max(0);
    let ids: Vec<Id> = (5..args.len()).map_while(|at| strict(args, at).ok()).collect();
    let mut claim = Claim::of(args, min_idle, now);
    let last = options(&mut claim, args, 5 + ids.len())?;
    let mut db = ctx.db();
    // A consumer is made for the first entry that it gets.
    let gets_any = db.value(key).is_some_and(|value| match super::stream(value) {
        Ok(stream) => ids.iter().any(|id| can_claim(&claim, stream, *id)),
        Err(_) => false,
    });
    let consumer = if gets_any { claim.consumer(&mut db, key)? } else { None };
    db.update::<Stream, _>(key, Event::XClaim, |stream, _| {
        let Some((tally, group)) = stream.tally_and_group(claim.group) else { return Edit::Untouched(()) };
        let mut dirty = u32::from(last > group.last);
        group.last = group.last.max(last);
        reply.counted_array(|reply| {
            let mut claimed = 0;
            for id in &ids {
                let pending = group.pending(*id);
                if !tally.log.contains(*id) {
                    dirty += u32::from(group.acknowledge(*id));
                    continue;
                }
                let fresh = Pending { id: *id, delivered: now, count: 1, consumer: 0 };
                let due = pending.filter(|pending| claim.is_due(pending));
                let due = due.or((claim.force && pending.is_none()).then_some(fresh));
                if let (Some(pending), Some(consumer)) = (due, consumer) {
                    claim.take(tally, group, (pending, consumer), reply);
                    claimed += 1;
                }
            }
            dirty += claimed as u32;
            claimed
        });
        if dirty == 0 { Edit::Untouched(()) } else { Edit::Counted(dirty, ()) }
    })?;
    Ok(())
}

fn can_claim(claim: &Claim<'_>, stream: &Stream, id: Id) -> bool {
    let Some(group) = stream.group(claim.group) else { return false };
    let pending = group.pending(id);
    pending.map_or(claim.force, |pending| claim.is_due(&pending)) && stream.log().contains(id)
}

/// What stands behind the IDs. The ID that the group is to count as given last.
fn options(claim: &mut Claim<'_>, args: Args<'_>, from: usize) -> Result<Id, Error> {
    let (mut at, mut delivered, mut last, now) = (from, -1, Id::MIN, claim.now);
    let mut count = -1;
    while at < args.len() {
        let more = at + 1 < args.len();
        if args.is(at, "FORCE") {
            claim.force = true;
        } else if args.is(at, "JUSTID") {
            claim.just_id = true;
        } else if more && args.is(at, "IDLE") {
            at += 1;
            delivered = now.wrapping_sub(named(args, at, "IDLE option argument for XCLAIM")?);
        } else if more && args.is(at, "TIME") {
            at += 1;
            delivered = named(args, at, "TIME option argument for XCLAIM")?;
        } else if more && args.is(at, "RETRYCOUNT") {
            at += 1;
            count = named(args, at, "RETRYCOUNT option argument for XCLAIM")?;
        } else if more && args.is(at, "LASTID") {
            at += 1;
            last = strict(args, at)?;
        } else {
            let option = crate::error::c_string(args.get(at), usize::MAX);
            return Err(Error::bytes([b"ERR Unrecognized XCLAIM option '", option, b"'"].concat()));
        }
        at += 1;
    }
    // A time that can't be is now: clocks differ, and that's no reason to refuse.
    claim.delivered = if (0..=now).contains(&delivered) { delivered } else { now };
    claim.count = u64::try_from(count).ok();
    Ok(last)
}

/// `COUNT` and `JUSTID` behind `XAUTOCLAIM`'s start. The most entries to be claimed.
fn auto_options(claim: &mut Claim<'_>, args: Args<'_>) -> Result<u64, Error> {
    /// Redis keeps sixteen bytes for each.
    const MOST: i64 = i64::MAX / 16;
    let (mut at, mut count) = (6, 100);
    while at < args.len() {
        if at + 1 < args.len() && args.is(at, "COUNT") {
            at += 1;
            let given = integer::parse(args.get(at)).filter(|count| (1..=MOST).contains(count));
            count = given.ok_or(Error::bad_argument("ERR COUNT must be > 0"))?;
        } else if args.is(at, "JUSTID") {
            claim.just_id = true;
        } else {
            return Err(Error::Syntax);
        }
        at += 1;
    }
    Ok(count as u64)
}

/// What `XAUTOCLAIM` does with an entry.
enum Fate {
    Claimed(Pending),
    Gone(Id),
}

/// `XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID]`
fn xautoclaim(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let (now, key) = (ctx.keyspace.now(), ctx.first_key(args.get(1)));
    let group_is_there = check(ctx, args, key);
    let min_idle = named(args, 4, "min-idle-time argument for XAUTOCLAIM")?.max(0);
    let start = from(args, 5)?;
    let mut claim = Claim::of(args, min_idle, now);
    let count = auto_options(&mut claim, args)?;
    group_is_there?;
    if count > MOST_REMEMBERED {
        return Err(Error::other(
            "ERR Insufficient memory, failed allocating transient memory, COUNT too high.",
        ));
    }
    let mut db = ctx.db();
    let found = match db.value(key).map(super::stream) {
        Some(Ok(stream)) => find_due(&claim, stream, start, count),
        _ => (Vec::new(), Id::MIN),
    };
    let (fates, cursor) = found;
    let gets_any = fates.iter().any(|fate| matches!(fate, Fate::Claimed(_)));
    let consumer = if gets_any { claim.consumer(&mut db, key)? } else { None };
    reply.array(3);
    bulk_id(reply, cursor);
    db.update::<Stream, _>(key, Event::XClaim, |stream, _| {
        let Some((tally, group)) = stream.tally_and_group(claim.group) else { return Edit::Untouched(()) };
        let claimed = fates.iter().filter(|fate| matches!(fate, Fate::Claimed(_)));
        reply.array(claimed.count());
        for fate in &fates {
            match (fate, consumer) {
                (Fate::Claimed(pending), Some(consumer)) => {
                    claim.take(tally, group, (*pending, consumer), reply);
                }
                (Fate::Gone(id), _) => _ = group.acknowledge(*id),
                _ => {}
            }
        }
        if fates.is_empty() { Edit::Untouched(()) } else { Edit::Counted(fates.len() as u32, ()) }
    })?;
    let changes = &mut ctx.keyspace.changes;
    if changes.keeps_details() {
        for Fate::Gone(id) | Fate::Claimed(Pending { id, .. }) in &fates {
            id.with_text(|id| changes.detail(id));
        }
    }
    let gone = || fates.iter().filter_map(|fate| if let Fate::Gone(id) = fate { Some(*id) } else { None });
    reply.array(gone().count());
    gone().for_each(|id| bulk_id(reply, id));
    Ok(())
}

/// What is due from an ID on, `count` at most, and the ID to go on from; [`Id::MIN`] at the end.
fn find_due(claim: &Claim<'_>, stream: &Stream, start: Id, count: u64) -> (Vec<Fate>, Id) {
    /// So many entries are looked at for each that may be claimed.
    const ATTEMPTS: u64 = 10;
    let mut fates = Vec::new();
    let Some(group) = stream.group(claim.group) else { return (fates, Id::MIN) };
    let mut attempts = count.saturating_mul(ATTEMPTS);
    for pending in group.pending_from(start) {
        if attempts == 0 || fates.len() as u64 == count {
            return (fates, pending.id);
        }
        attempts -= 1;
        if !stream.log().contains(pending.id) {
            fates.push(Fate::Gone(pending.id));
        } else if claim.is_due(&pending) {
            fates.push(Fate::Claimed(pending));
        }
    }
    (fates, Id::MIN)
}
