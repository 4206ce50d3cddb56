//! Union, intersection and difference of sorted sets, and of plain sets, whose members count as 1.
mod options;
mod source;

use crate::command::{Command, Context, DataFn, Group, KeySpec};
use crate::error::Error;
use crate::keyspace::zset::merge::Merge;
use crate::keyspace::{Event, Rules};
use crate::wire::args::Args;
use crate::wire::reply::Reply;
use options::{Options, Takes};
use source::{Source, read_all};

/// The keys of a command that stores, and of one that does not.
const STORED: KeySpec = KeySpec::Counted { count: 2, first: 3, also: 1 };
const SHOWN: KeySpec = KeySpec::Counted { count: 1, first: 2, also: 0 };

/// The rows.
pub const COMMANDS: &[Command] = &[
    show("zunion", zunion, "6.2.0", "Returns the members of any of several sorted sets."),
    show("zinter", zinter, "6.2.0", "Returns the members of all of several sorted sets."),
    show("zdiff", zdiff, "6.2.0", "Returns the members of a sorted set that are in none of others."),
    show("zintercard", zintercard, "7.0.0", "Counts the members of all of several sorted sets."),
    store("zunionstore", zunionstore, "2.0.0", "Stores the members of any of several sorted sets."),
    store("zinterstore", zinterstore, "2.0.0", "Stores the members of all of several sorted sets."),
    store(
        "zdiffstore",
        zdiffstore,
        "6.2.0",
        "Stores the members of a sorted set that are in none of others.",
    ),
];

const fn show(name: &'static str, run: DataFn, since: &'static str, summary: &'static str) -> Command {
    Command::data(name, -3, "readonly movablekeys", SHOWN, run)
        .doc(Group::SortedSet, since, summary)
        .access(&["RO access"])
}

const fn store(name: &'static str, run: DataFn, since: &'static str, summary: &'static str) -> Command {
    Command::data(name, -4, "write denyoom movablekeys", STORED, run)
        .doc(Group::SortedSet, since, summary)
        .access(&["OW update", "RO access"])
}

/// Which members the result has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

fn zunion(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    show_result(ctx, args, "zunion", Operation::Union, reply)
}

fn zinter(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    show_result(ctx, args, "zinter", Operation::Intersection, reply)
}

fn zdiff(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    show_result(ctx, args, "zdiff", Operation::Difference, reply)
}

fn zunionstore(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    store_result(ctx, args, "zunionstore", Operation::Union, Event::ZUnionStore, reply)
}

fn zinterstore(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    store_result(ctx, args, "zinterstore", Operation::Intersection, Event::ZInterStore, reply)
}

fn zdiffstore(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    store_result(ctx, args, "zdiffstore", Operation::Difference, Event::ZDiffStore, reply)
}

/// `ZUNION numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE SUM|MIN|MAX] [WITHSCORES]`
fn show_result(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    name: &str,
    operation: Operation,
    reply: &mut Reply<'_>,
) -> Result<(), Error> {
    let keys = read_all(ctx, args, 1, name)?;
    let takes = Takes { weights: operation != Operation::Difference, scores: true, limit: false };
    let options = Options::parse(args, 2 + keys, keys, takes)?;
    let result = combine(ctx, args, 2, keys, operation, &options);
    super::members(reply, result.len() as u64, options.with_scores);
    result.show(|name, score| super::member(reply, name, score, options.with_scores));
    Ok(())
}

fn store_result(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    name: &str,
    operation: Operation,
    event: Event,
    reply: &mut Reply<'_>,
) -> Result<(), Error> {
    let keys = read_all(ctx, args, 2, name)?;
    let takes = Takes { weights: operation != Operation::Difference, scores: false, limit: false };
    let options = Options::parse(args, 3 + keys, keys, takes)?;
    let result = combine(ctx, args, 3, keys, operation, &options);
    let destination = ctx.first_key(args.get(1));
    reply.integer(result.len() as i64);
    let result = result.finish(ctx.keyspace.db(ctx.db).rules());
    ctx.db().store_collection(destination, result, event);
    Ok(())
}

/// `ZINTERCARD numkeys key [key ...] [LIMIT limit]`
fn zintercard(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let keys = read_all(ctx, args, 1, "zintercard")?;
    let takes = Takes { weights: false, scores: false, limit: true };
    let options = Options::parse(args, 2 + keys, keys, takes)?;
    let sources = source::smallest_first(source::all(ctx, args, 2, keys, &options));
    let most = if options.limit == 0 { u64::MAX } else { options.limit };
    let mut count = 0;
    if let [first, others @ ..] = &sources[..] {
        first.for_each(|name, _| {
            count += u64::from(others.iter().all(|other| other.score(name).is_some()));
            count < most
        });
    }
    reply.integer(count as i64);
    Ok(())
}

fn combine(
    ctx: &Context<'_>,
    args: Args<'_>,
    first: usize,
    keys: usize,
    operation: Operation,
    options: &Options,
) -> Merge {
    let rules = ctx.keyspace.db(ctx.db).rules();
    let sources = source::all(ctx, args, first, keys, options);
    match operation {
        Operation::Union => union(source::smallest_first(sources), options, rules),
        Operation::Intersection => intersection(&source::smallest_first(sources), options, rules),
        Operation::Difference => difference(&sources, rules),
    }
}

/// The order in which scores are added decides how the sum is rounded: Redis goes from the smallest set to the largest.
fn union(sources: Vec<Source<'_>>, options: &Options, rules: &Rules) -> Merge {
    let mut result = Merge::new(rules);
    for source in sources {
        source.for_each(|name, score| {
            result.add(name, source.weighted(score), |a, b| options.aggregate.of(a, b));
            true
        });
    }
    result
}

fn intersection(sources: &[Source<'_>], options: &Options, rules: &Rules) -> Merge {
    let mut result = Merge::new(rules);
    let [first, others @ ..] = sources else { return result };
    first.for_each(|name, score| {
        let all = others.iter().try_fold(first.weighted(score), |sum, other| {
            // Unlike the first one's, a product that is not a number is not made a zero before it is added.
            Some(options.aggregate.of(sum, other.score(name)? * other.weight))
        });
        if let Some(score) = all {
            result.add(name, score, |_, new| new);
        }
        true
    });
    result
}

fn difference(sources: &[Source<'_>], rules: &Rules) -> Merge {
    let mut result = Merge::new(rules);
    let [first, others @ ..] = sources else { return result };
    first.for_each(|name, score| {
        if others.iter().all(|other| other.score(name).is_none()) {
            result.add(name, score, |_, new| new);
        }
        true
    });
    result
}
