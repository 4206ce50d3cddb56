//! ZADD with its options, and ZINCRBY.
use super::row;
use crate::command::{Command, Context};
use crate::error::Error;
use crate::keyspace::{Edit, Event, Rules, ZSet};
use crate::text::double;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[
    row(
        "zadd",
        -4,
        "write denyoom fast",
        zadd,
        "1.2.0",
        "Adds members with scores, or changes their scores.",
    )
    .access(&["RW update"]),
    row("zincrby", 4, "write denyoom fast", zincrby, "1.2.0", "Adds to the score of a member."),
];

/// What the words before the scores ask for.
#[derive(Clone, Copy, Default)]
struct Options {
    only_new: bool,
    only_present: bool,
    only_greater: bool,
    only_less: bool,
    /// The reply counts changed members too.
    count_changed: bool,
    /// The score is to be added.
    increment: bool,
}

impl Options {
    /// Reads them; the index of the first score.
    fn parse(args: Args<'_>, increment: bool) -> Result<(Self, usize), Error> {
        let mut options = Options { increment, ..Options::default() };
        let mut at = 2;
        while at < args.len() {
            match () {
                () if args.is(at, "nx") => options.only_new = true,
                () if args.is(at, "xx") => options.only_present = true,
                () if args.is(at, "gt") => options.only_greater = true,
                () if args.is(at, "lt") => options.only_less = true,
                () if args.is(at, "ch") => options.count_changed = true,
                () if args.is(at, "incr") => options.increment = true,
                () => break,
            }
            at += 1;
        }
        options.check((args.len() - at) as u64)?;
        Ok((options, at))
    }

    /// Whether they go together, and with so many arguments behind them.
    fn check(self, arguments: u64) -> Result<(), Error> {
        let Options { only_new: nx, only_present: xx, only_greater: gt, only_less: lt, .. } = self;
        if arguments == 0 || !arguments.is_multiple_of(2) {
            return Err(Error::Syntax);
        }
        Err(Error::bad_argument(match () {
            () if nx && xx => "ERR XX and NX options at the same time are not compatible",
            () if [nx, gt, lt].iter().filter(|option| **option).count() > 1 => {
                "ERR GT, LT, and/or NX options at the same time are not compatible"
            }
            () if self.increment && arguments > 2 => {
                "ERR INCR option supports a single increment-element pair"
            }
            () => return Ok(()),
        }))
    }

    /// The score that a member is to have, given the one it has: what it comes to is the outer result.
    fn decide(self, old: Option<f64>, score: f64) -> (Result<Outcome, Error>, Option<f64>) {
        let Some(old) = old else {
            return match self.only_present {
                true => (Ok(Outcome::Nothing), None),
                false => (Ok(Outcome::Added(score)), Some(score)),
            };
        };
        let score = if self.increment { old + score } else { score };
        if score.is_nan() {
            let error = Error::other("ERR resulting score is not a number (NaN)");
            return (Err(error), None);
        }
        if self.only_new || (self.only_greater && score <= old) || (self.only_less && score >= old) {
            (Ok(Outcome::Nothing), None)
        } else if score == old {
            (Ok(Outcome::Same(score)), None)
        } else {
            (Ok(Outcome::Changed(score)), Some(score))
        }
    }
}

/// What became of a member, and its score.
#[derive(Clone, Copy)]
enum Outcome {
    Added(f64),
    Changed(f64),
    /// It has this score already.
    Same(f64),
    /// The options exclude it.
    Nothing,
}

/// What became of all of them.
#[derive(Default)]
struct Summary {
    added: u32,
    changed: u32,
    /// The last one's score, unless the options exclude it.
    score: Option<f64>,
}

/// `ZADD key [NX|XX] [GT|LT] [CH] [INCR] score member [score member ...]`
fn zadd(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    add(ctx, args, false, reply)
}

/// `ZINCRBY key increment member`
fn zincrby(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    add(ctx, args, true, reply)
}

fn add(ctx: &mut Context<'_>, args: Args<'_>, increment: bool, reply: &mut Reply<'_>) -> Result<(), Error> {
    let (options, first) = Options::parse(args, increment)?;
    for at in (first..args.len()).step_by(2) {
        double::parse(args.get(at)).ok_or(Error::NotFloat)?;
    }
    let key = ctx.first_key(args.get(1));
    let event = if options.increment { Event::ZIncr } else { Event::ZAdd };
    let summary = ctx.db().edit::<ZSet, _>(key, event, |zset, rules| {
        match each(zset, args, first, options, rules) {
            Ok(summary) if summary.added + summary.changed > 0 => {
                Edit::Counted(summary.added + summary.changed, Ok(summary))
            }
            unchanged => Edit::Untouched(unchanged),
        }
    })??;
    match (options.increment, summary.score) {
        (true, Some(score)) => reply.score(score),
        (true, None) => reply.nil(),
        (false, _) if options.count_changed => reply.integer((summary.added + summary.changed).into()),
        (false, _) => reply.integer(summary.added.into()),
    }
    Ok(())
}

fn each(
    zset: &mut ZSet,
    args: Args<'_>,
    first: usize,
    options: Options,
    rules: &Rules,
) -> Result<Summary, Error> {
    let mut summary = Summary::default();
    for at in (first..args.len()).step_by(2) {
        let score = double::parse(args.get(at)).ok_or(Error::NotFloat)?;
        let mut outcome = Ok(Outcome::Nothing);
        zset.update(args.get(at + 1), rules, |old| {
            let (became, new) = options.decide(old, score);
            outcome = became;
            new
        });
        summary.score = match outcome? {
            Outcome::Added(score) => {
                summary.added += 1;
                Some(score)
            }
            Outcome::Changed(score) => {
                summary.changed += 1;
                Some(score)
            }
            Outcome::Same(score) => Some(score),
            Outcome::Nothing => None,
        };
    }
    Ok(summary)
}
