//! Ranges by rank, by score and by name: ZRANGE, the seven commands that it has replaced, and ZRANGESTORE.
use std::ops::Range;

use super::{by_name, by_score, member, members, read, row};
use crate::command::{Command, Context, Group, KeySpec};
use crate::error::Error;
use crate::keyspace::zset::bounds::{self, Cut};
use crate::keyspace::zset::merge::Merge;
use crate::keyspace::{Event, ZSetRef};
use crate::text::integer;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[
    row(
        "zrange",
        -4,
        "readonly",
        zrange,
        "1.2.0",
        "Returns the members in a range of ranks, scores or names.",
    ),
    row(
        "zrevrange",
        -4,
        "readonly",
        zrevrange,
        "1.2.0",
        "Returns the members in a range of ranks, the last first.",
    ),
    row(
        "zrangebyscore",
        -4,
        "readonly",
        zrangebyscore,
        "1.0.5",
        "Returns the members whose scores are within bounds.",
    ),
    row(
        "zrevrangebyscore",
        -4,
        "readonly",
        zrevrangebyscore,
        "2.2.0",
        "Returns the members whose scores are within bounds, the last first.",
    ),
    row(
        "zrangebylex",
        -4,
        "readonly",
        zrangebylex,
        "2.8.9",
        "Returns the members whose names are within bounds.",
    ),
    row(
        "zrevrangebylex",
        -4,
        "readonly",
        zrevrangebylex,
        "2.8.9",
        "Returns the members whose names are within bounds, the last first.",
    ),
    Command::data("zrangestore", -5, "write denyoom", KeySpec::TWO, zrangestore)
        .doc(Group::SortedSet, "6.2.0", "Stores the members in a range of a sorted set as another one.")
        .access(&["OW update", "RO access"]),
];

/// What a range counts by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Name,
}

/// What a command's name says already, and its options need not.
#[derive(Clone, Copy)]
struct Given {
    /// The index of the key that is read.
    source: usize,
    by: Option<By>,
    reverse: Option<bool>,
    store: bool,
}

/// A range, read from a request.
struct Query<'a> {
    bounds: Bounds<'a>,
    reverse: bool,
    with_scores: bool,
    offset: i64,
    limit: i64,
}

enum Bounds<'a> {
    Ranks(i64, i64),
    Cuts(Cut<'a>, Cut<'a>),
}

impl<'a> Query<'a> {
    fn parse(args: Args<'a>, given: Given) -> Result<Self, Error> {
        let (mut by, mut reverse, mut with_scores) = (given.by, given.reverse, false);
        let (mut offset, mut limit) = (0, -1);
        let mut at = given.source + 3;
        while at < args.len() {
            match () {
                () if !given.store && args.is(at, "withscores") => with_scores = true,
                () if args.is(at, "limit") && at + 2 < args.len() => {
                    offset = integer::parse(args.get(at + 1)).ok_or(Error::NotInteger)?;
                    limit = integer::parse(args.get(at + 2)).ok_or(Error::NotInteger)?;
                    at += 2;
                }
                () if reverse.is_none() && args.is(at, "rev") => reverse = Some(true),
                () if by.is_none() && args.is(at, "bylex") => by = Some(By::Name),
                () if by.is_none() && args.is(at, "byscore") => by = Some(By::Score),
                () => return Err(Error::Syntax),
            }
            at += 1;
        }
        let (by, reverse) = (by.unwrap_or(By::Rank), reverse.unwrap_or(false));
        check(by, limit, with_scores)?;
        // Backwards, bounds are given from the greater to the lesser; ranks are not.
        let (first, second) = (args.get(given.source + 1), args.get(given.source + 2));
        let (min, max) = if reverse { (second, first) } else { (first, second) };
        let bounds = match by {
            By::Rank => {
                let rank = |text| integer::parse(text).ok_or(Error::NotInteger);
                Bounds::Ranks(rank(first)?, rank(second)?)
            }
            By::Score => by_score(min, max).map(|(min, max)| Bounds::Cuts(min, max))?,
            By::Name => by_name(min, max).map(|(min, max)| Bounds::Cuts(min, max))?,
        };
        Ok(Query { bounds, reverse, with_scores, offset, limit })
    }

    /// The ranks, from the lowest score on, that it means.
    fn span(&self, zset: ZSetRef<'_>) -> Range<u64> {
        let len = zset.len() as u64;
        match &self.bounds {
            Bounds::Ranks(start, stop) => {
                let span = bounds::by_rank(*start, *stop, len);
                if self.reverse && !span.is_empty() { len - span.end..len - span.start } else { span }
            }
            Bounds::Cuts(min, max) => self.limited(zset.span(min, max)),
        }
    }

    /// What LIMIT leaves of a span.
    fn limited(&self, span: Range<u64>) -> Range<u64> {
        let count = span.end - span.start;
        // A negative offset passes over all there is, a negative limit is none.
        let skipped = u64::try_from(self.offset).map_or(count, |offset| offset.min(count));
        let taken = u64::try_from(self.limit).map_or(count, |limit| limit).min(count - skipped);
        match self.reverse {
            false => span.start + skipped..span.start + skipped + taken,
            true => span.end - skipped - taken..span.end - skipped,
        }
    }
}

fn check(by: By, limit: i64, with_scores: bool) -> Result<(), Error> {
    Err(Error::bad_argument(match by {
        By::Rank if limit != -1 => {
            "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"
        }
        By::Name if with_scores => "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
        _ => return Ok(()),
    }))
}

/// `ZRANGE key min max [BYSCORE|BYLEX] [REV] [LIMIT offset count] [WITHSCORES]`
fn zrange(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    range(ctx, args, None, None, reply)
}

fn zrevrange(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    range(ctx, args, Some(By::Rank), Some(true), reply)
}

fn zrangebyscore(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    range(ctx, args, Some(By::Score), Some(false), reply)
}

fn zrevrangebyscore(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    range(ctx, args, Some(By::Score), Some(true), reply)
}

fn zrangebylex(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    range(ctx, args, Some(By::Name), Some(false), reply)
}

fn zrevrangebylex(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    range(ctx, args, Some(By::Name), Some(true), reply)
}

fn range(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    by: Option<By>,
    reverse: Option<bool>,
    reply: &mut Reply<'_>,
) -> Result<(), Error> {
    let query = Query::parse(args, Given { source: 1, by, reverse, store: false })?;
    let key = ctx.first_key(args.get(1));
    let Some(zset) = read(ctx, key)? else {
        reply.array(0);
        return Ok(());
    };
    let span = query.span(zset);
    members(reply, span.end - span.start, query.with_scores);
    zset.range(span, query.reverse, |name, score| member(reply, name, score, query.with_scores));
    Ok(())
}

/// `ZRANGESTORE destination source min max [BYSCORE|BYLEX] [REV] [LIMIT offset count]`
fn zrangestore(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let query = Query::parse(args, Given { source: 2, by: None, reverse: None, store: true })?;
    let (destination, source) = (ctx.first_key(args.get(1)), ctx.nth_key(1, args.get(2)));
    let rules = ctx.keyspace.db(ctx.db).rules().clone();
    let mut stored = Merge::new(&rules);
    if let Some(zset) = read(ctx, source)? {
        zset.range(query.span(zset), query.reverse, |name, score| stored.add(name, score, |_, new| new));
    }
    reply.integer(stored.len() as i64);
    ctx.db().store_collection(destination, stored.finish(&rules), Event::ZRangeStore);
    Ok(())
}
