//! LPOS: where elements are.
use super::{read, row};
use crate::command::{Command, Context};
use crate::error::Error;
use crate::keyspace::Entry;
use crate::keyspace::ListRef;
use crate::text::integer;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The row.
pub const COMMANDS: &[Command] = &[row(
    "lpos",
    -3,
    "readonly",
    lpos,
    "6.0.6",
    "Returns the indexes of elements that are the same as one.",
)];

struct Search {
    /// Matches to pass over.
    skip: u64,
    reverse: bool,
    /// How many to report, 0: all; `None`: the first, and not as an array.
    count: Option<u64>,
    /// Elements to look at; 0: all.
    most: u64,
}

/// `LPOS key element [RANK rank] [COUNT count] [MAXLEN len]`
fn lpos(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let search = parse(args)?;
    let key = ctx.first_key(args.get(1));
    let indexes = match read(ctx, key)? {
        Some(list) => find(list, Entry::of(args.get(2)), &search),
        None => Vec::new(),
    };
    if search.count.is_some() {
        reply.array(indexes.len());
        indexes.iter().for_each(|index| reply.integer(*index as i64));
    } else if let Some(index) = indexes.first() {
        reply.integer(*index as i64);
    } else {
        reply.nil();
    }
    Ok(())
}

fn parse(args: Args<'_>) -> Result<Search, Error> {
    let mut overflown = false;
    let mut search = Search { skip: 0, reverse: false, count: None, most: 0 };
    for at in (3..args.len()).step_by(2) {
        let value = args.at(at + 1).ok_or(Error::Syntax)?;
        let positive = |text| {
            let count = integer::parse(value).and_then(|count| u64::try_from(count).ok());
            count.ok_or(Error::bad_argument(text))
        };
        if args.is(at, "rank") {
            let rank = integer::parse(value).ok_or(Error::NotInteger)?;
            if rank == 0 {
                return Err(Error::bad_argument(
                    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... \
                     or use negative to start from the end of the list",
                ));
            }
            (search.skip, search.reverse) = (rank.unsigned_abs() - 1, rank < 0);
            overflown = rank == i64::MIN;
        } else if args.is(at, "count") {
            search.count = Some(positive("ERR COUNT can't be negative")?);
        } else if args.is(at, "maxlen") {
            search.most = positive("ERR MAXLEN can't be negative")?;
        } else {
            return Err(Error::Syntax);
        }
    }
    if overflown {
        // C's `-rank` is `rank` again here: to Redis every match comes behind it, and no number of them is enough.
        (search.skip, search.count) = (0, search.count.map(|_| 0));
    }
    Ok(search)
}

fn find(list: ListRef<'_>, sought: Entry<'_>, search: &Search) -> Vec<u64> {
    let (mut indexes, mut passed, mut looked_at) = (Vec::new(), 0, 0);
    let wanted = match search.count {
        None => 1,
        Some(0) => u64::MAX,
        Some(count) => count,
    };
    let last = list.len().saturating_sub(1);
    list.walk(if search.reverse { last } else { 0 }, search.reverse, |entry| {
        if entry == sought {
            if passed >= search.skip {
                indexes.push(if search.reverse { last - looked_at } else { looked_at });
            }
            passed += 1;
        }
        looked_at += 1;
        (indexes.len() as u64) < wanted && (search.most == 0 || looked_at < search.most)
    });
    indexes
}
