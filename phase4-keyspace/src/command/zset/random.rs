//! Members by chance, and a step at a time: ZRANDMEMBER and ZSCAN.
use std::collections::BTreeSet;

use super::{member, members, read, row};
use crate::command::element::{Selection, check_repeats, signed_count};
use crate::command::key::scan::{ScanOptions, cursor, empty_scan};
use crate::command::{Command, Context};
use crate::error::Error;
use crate::keyspace::Key;
use crate::keyspace::zset::whole;
use crate::text::double::Double;
use crate::text::integer::Decimal;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[
    row(
        "zrandmember",
        -2,
        "readonly",
        zrandmember,
        "6.2.0",
        "Returns members of a sorted set, chosen by chance.",
    )
    .tips("nondeterministic_output"),
    row("zscan", -3, "readonly", zscan, "2.8.0", "Returns some members and the cursor to ask for more with.")
        .tips("nondeterministic_output"),
];

/// `ZRANDMEMBER key [count [WITHSCORES]]`
fn zrandmember(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    let Some(count) = args.at(2) else {
        let mut random = ctx.keyspace.random();
        match read(ctx, key)? {
            Some(zset) => {
                let rank = (random.next() >> 16) % zset.len() as u64;
                zset.range(rank..rank + 1, false, |name, _| reply.bulk(name));
            }
            None => reply.nil(),
        }
        return Ok(());
    };
    let count = signed_count(count)?;
    let with_scores = args.len() == 4 && args.is(3, "withscores");
    if args.len() > 3 && !with_scores {
        return Err(Error::Syntax);
    }
    if with_scores && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(Error::bad_argument("ERR value is out of range"));
    }
    if count < 0 {
        return repeated(ctx, key, count.unsigned_abs(), with_scores, reply);
    }
    let (mut random, again) = (ctx.keyspace.random(), ctx.keyspace.random());
    let Some(zset) = read(ctx, key)? else {
        reply.array(0);
        return Ok(());
    };
    let all = zset.len();
    let mut selection = Selection::new(usize::try_from(count).unwrap_or(usize::MAX), all, again);
    members(reply, selection.wanted() as u64, with_scores);
    if selection.wanted() > all / 8 {
        zset.range(0..all as u64, false, |name, score| {
            if selection.takes() {
                member(reply, name, score, with_scores);
            }
        });
        return Ok(());
    }
    // Few of many: drawn by rank, and drawn again where a rank comes twice.
    let mut ranks = BTreeSet::new();
    while ranks.len() < selection.wanted() {
        ranks.insert((random.next() >> 16) % all as u64);
    }
    for rank in ranks {
        zset.range(rank..rank + 1, false, |name, score| member(reply, name, score, with_scores));
    }
    Ok(())
}

/// So many members, any of which may come several times.
fn repeated(
    ctx: &mut Context<'_>,
    key: Key<'_>,
    count: u64,
    with_scores: bool,
    reply: &mut Reply<'_>,
) -> Result<(), Error> {
    let checked = check_repeats(ctx, count);
    let mut random = ctx.keyspace.random();
    let Some(zset) = read(ctx, key)? else {
        reply.array(0);
        return Ok(());
    };
    checked?;
    members(reply, count, with_scores);
    for _ in 0..count {
        let rank = (random.next() >> 16) % zset.len() as u64;
        zset.range(rank..rank + 1, false, |name, score| member(reply, name, score, with_scores));
    }
    Ok(())
}

/// `ZSCAN key cursor [MATCH pattern] [COUNT count]`
fn zscan(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let cursor = cursor(args.get(2))?;
    let key = ctx.first_key(args.get(1));
    let Some(zset) = read(ctx, key)? else {
        empty_scan(reply);
        return Ok(());
    };
    let options = ScanOptions::parse(args, 3, false)?;
    // The next cursor comes first and is known last.
    let mut found = Vec::new();
    let mut next = 0;
    Reply::new(&mut found, reply.wire()).counted_array(|elements| {
        let mut count = 0;
        next = zset.scan(cursor, options.count, |name, score| {
            if options.pattern.matches(name) {
                elements.bulk(name);
                // Redis shows what it has packed: a whole number without an exponent.
                match whole(score) {
                    Some(whole) if zset.is_packed() => elements.bulk(Decimal::new(whole).as_bytes()),
                    _ => elements.bulk(Double::new(score).as_str().as_bytes()),
                }
                count += 2;
            }
        });
        count
    });
    reply.array(2);
    reply.bulk(Decimal::unsigned(next).as_bytes());
    reply.encoded(&found);
    Ok(())
}
