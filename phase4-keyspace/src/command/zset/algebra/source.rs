//! One of the sets that are combined: sorted, plain, or absent.
use super::Options;
use crate::command::Context;
use crate::error::Error;
use crate::keyspace::{Entry, SetRef, Value, ZSetRef};
use crate::text::integer;
use crate::wire::args::Args;

/// A set to read, and what its scores are multiplied by.
pub struct Source<'a> {
    members: Members<'a>,
    pub weight: f64,
}

#[derive(Clone, Copy)]
enum Members<'a> {
    Sorted(ZSetRef<'a>),
    Plain(SetRef<'a>),
    Absent,
}

impl Source<'_> {
    /// Shows the members with their scores, until it is told to stop with `false`.
    pub fn for_each(&self, mut visit: impl FnMut(&[u8], f64) -> bool) {
        let mut go_on = true;
        let mut each = |name: &[u8], score| go_on = go_on && visit(name, score);
        match self.members {
            Members::Sorted(zset) => zset.for_each(each),
            Members::Plain(set) => set.for_each(|member| member.with(|name| each(name, 1.0))),
            Members::Absent => {}
        }
    }

    /// The score of a member.
    pub fn score(&self, name: &[u8]) -> Option<f64> {
        match self.members {
            Members::Sorted(zset) => zset.score(name),
            Members::Plain(set) => set.contains(Entry::of(name)).then_some(1.0),
            Members::Absent => None,
        }
    }

    /// A score times the weight; what is not a number is zero.
    pub fn weighted(&self, score: f64) -> f64 {
        let product = score * self.weight;
        if product.is_nan() { 0.0 } else { product }
    }

    fn len(&self) -> usize {
        match self.members {
            Members::Sorted(zset) => zset.len(),
            Members::Plain(set) => set.len(),
            Members::Absent => 0,
        }
    }
}

/// Checks the number of keys, which is argument `at`, and each of them: absent, or a set of either kind. How many there are.
pub fn read_all(ctx: &mut Context<'_>, args: Args<'_>, at: usize, name: &str) -> Result<usize, Error> {
    let count = integer::parse(args.get(at)).ok_or(Error::NotInteger)?;
    if count < 1 {
        let text = format!("ERR at least 1 input key is needed for '{name}' command");
        return Err(Error::bad_argument(text));
    }
    let left = args.len() - at - 1;
    let keys = usize::try_from(count).ok().filter(|keys| *keys <= left).ok_or(Error::Syntax)?;
    // The destination is the command's first key.
    let others = at - 1;
    for n in 0..keys {
        let key = ctx.nth_key(others + n, args.get(at + 1 + n));
        match ctx.read(key).map(|found| found.value) {
            None | Some(Value::ZSet(_) | Value::Set(_)) => {}
            Some(_) => return Err(Error::WrongType),
        }
    }
    Ok(keys)
}

/// All the sets, after [`read_all`] has checked them.
pub fn all<'a>(
    ctx: &'a Context<'_>,
    args: Args<'_>,
    first: usize,
    keys: usize,
    options: &Options,
) -> Vec<Source<'a>> {
    let db = ctx.keyspace.db(ctx.db);
    let source = |n: usize| {
        let members = match db.value(ctx.nth_key(first - 2 + n, args.get(first + n))) {
            Some(Value::ZSet(zset)) => Members::Sorted(zset),
            Some(Value::Set(set)) => Members::Plain(set),
            _ => Members::Absent,
        };
        Source { members, weight: options.weights.get(n).copied().unwrap_or(1.0) }
    };
    (0..keys).map(source).collect()
}

/// Sorts by the number of members; equal ones stay in order.
pub fn smallest_first(mut sources: Vec<Source<'_>>) -> Vec<Source<'_>> {
    sources.sort_by_key(Source::len);
    sources
}
