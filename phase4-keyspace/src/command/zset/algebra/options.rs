//! What follows the keys: WEIGHTS, AGGREGATE, WITHSCORES, LIMIT.
use crate::error::Error;
use crate::text::{double, integer};
use crate::wire::args::Args;

/// How the scores that a member has in several sets become one.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Aggregate {
    #[default]
    Sum,
    Min,
    Max,
}

impl Aggregate {
    /// Two scores as one. Plus and minus infinity make zero.
    pub fn of(self, a: f64, b: f64) -> f64 {
        match self {
            Aggregate::Sum if (a + b).is_nan() => 0.0,
            Aggregate::Sum => a + b,
            Aggregate::Min if b < a => b,
            Aggregate::Max if b > a => b,
            Aggregate::Min | Aggregate::Max => a,
        }
    }
}

/// Which options a command takes.
#[derive(Clone, Copy)]
pub struct Takes {
    /// WEIGHTS and AGGREGATE.
    pub weights: bool,
    /// WITHSCORES.
    pub scores: bool,
    /// LIMIT, and nothing else.
    pub limit: bool,
}

/// The options of one request.
#[derive(Default)]
pub struct Options {
    /// One for each key, or none.
    pub weights: Vec<f64>,
    pub aggregate: Aggregate,
    pub with_scores: bool,
    /// 0: none.
    pub limit: u64,
}

impl Options {
    /// Reads the arguments from `at` on, of a request with so many keys.
    pub fn parse(args: Args<'_>, mut at: usize, keys: usize, takes: Takes) -> Result<Self, Error> {
        let mut options = Options::default();
        while at < args.len() {
            let left = args.len() - at;
            if takes.weights && left > keys && args.is(at, "weights") {
                let weight =
                    |text| double::parse(text).ok_or(Error::bad_argument("ERR weight value is not a float"));
                options.weights = args.from(at + 1).take(keys).map(weight).collect::<Result<_, _>>()?;
                at += 1 + keys;
            } else if takes.weights && left >= 2 && args.is(at, "aggregate") {
                options.aggregate = match () {
                    () if args.is(at + 1, "sum") => Aggregate::Sum,
                    () if args.is(at + 1, "min") => Aggregate::Min,
                    () if args.is(at + 1, "max") => Aggregate::Max,
                    () => return Err(Error::Syntax),
                };
                at += 2;
            } else if takes.scores && args.is(at, "withscores") {
                options.with_scores = true;
                at += 1;
            } else if takes.limit && left >= 2 && args.is(at, "limit") {
                let limit = integer::parse(args.get(at + 1)).and_then(|limit| u64::try_from(limit).ok());
                options.limit = limit.ok_or(Error::bad_argument("ERR LIMIT can't be negative"))?;
                at += 2;
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(options)
    }
}
