//! `XTRIM`, and what it has in common with `XADD`: the options in front of the ID.
use super::args::{integer, strict};
use super::row;
use crate::command::{Command, Context};
use crate::error::Error;
use crate::keyspace::stream::{Id, Until};
use crate::keyspace::{Edit, Event, Stream};
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] =
    &[row("xtrim", -4, "write", xtrim, "5.0.0", "Forgets the oldest entries of a stream.")
        .access(&["RW delete"])
        .tips("nondeterministic_output")];

/// How a stream is to be trimmed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trim {
    /// What is to be left.
    pub until: Until,
    /// Only as far as whole chunks can go.
    pub approximately: bool,
    /// The most entries that may go; 0: any number.
    pub limit: u64,
}

impl Trim {
    /// Trims; how many entries went.
    pub fn run(self, stream: &mut Stream) -> u64 {
        stream.trim(self.until, self.approximately, self.limit)
    }
}

/// The ID that a new entry is to get.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NewId {
    /// `*`
    Any,
    /// `ms-*`
    AnyOf(u64),
    /// This one.
    This(Id),
}

/// What stands between the key and the fields.
#[derive(Debug)]
pub struct Options {
    /// The stream is made if it is not there.
    pub make: bool,
    /// How it is to be trimmed.
    pub trim: Option<Trim>,
    /// The ID of the entry, and where it stands; `XTRIM` has none.
    pub id: Option<(NewId, usize)>,
}

impl Options {
    /// Reads the options of `XADD` (`adds`), up to the ID, or those of `XTRIM`, which are all that follows. `chunk`: the most
    /// entries of a chunk, of which the usual limit is a hundredfold.
    pub fn parse(args: Args<'_>, adds: bool, chunk: u64) -> Result<Options, Error> {
        let mut options = Options { make: true, trim: None, id: None };
        let mut limit = None;
        let mut at = 2;
        while at < args.len() {
            let more = args.len() - 1 - at;
            if adds && args.get(at) == b"*" {
                options.id = Some((NewId::Any, at));
                break;
            } else if more > 0 && (args.is(at, "MAXLEN") || args.is(at, "MINID")) {
                at = options.strategy(args, at)?;
            } else if more > 0 && args.is(at, "LIMIT") {
                let most = u64::try_from(integer(args, at + 1)?);
                limit = Some(most.map_err(|_| Error::bad_argument("ERR The LIMIT argument must be >= 0."))?);
                at += 1;
            } else if adds && args.is(at, "NOMKSTREAM") {
                options.make = false;
            } else if adds {
                let (id, whole) = Id::parse_open(args.get(at), 0).ok_or(super::args::INVALID)?;
                options.id = Some((if whole { NewId::This(id) } else { NewId::AnyOf(id.ms) }, at));
                break;
            } else {
                return Err(Error::Syntax);
            }
            at += 1;
        }
        options.set_limit(limit, adds, chunk)?;
        Ok(options)
    }

    /// `MAXLEN|MINID [=|~] threshold`. The index of the threshold.
    fn strategy(&mut self, args: Args<'_>, at: usize) -> Result<usize, Error> {
        if self.trim.is_some() {
            return Err(Error::other(
                "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
            ));
        }
        let mark = args.at(at + 1).filter(|mark| args.len() - at > 2 && [&b"~"[..], b"="].contains(mark));
        let last = at + 1 + usize::from(mark.is_some());
        let until = if args.is(at, "MINID") {
            Until::Id(strict(args, last)?)
        } else {
            let length = u64::try_from(integer(args, last)?);
            Until::Length(length.map_err(|_| Error::bad_argument("ERR The MAXLEN argument must be >= 0."))?)
        };
        self.trim = Some(Trim { until, approximately: mark == Some(b"~"), limit: 0 });
        Ok(last)
    }

    fn set_limit(&mut self, limit: Option<u64>, adds: bool, chunk: u64) -> Result<(), Error> {
        let without =
            |what| Err(Error::other(format!("ERR syntax error, LIMIT cannot be used without {what}")));
        let Some(trim) = &mut self.trim else {
            return match limit {
                Some(1..) => without("specifying a trimming strategy"),
                _ if !adds => {
                    Err(Error::other("ERR syntax error, XTRIM must be called with a trimming strategy"))
                }
                Some(0) => without("the special ~ option"),
                None => Ok(()),
            };
        };
        trim.limit = match limit {
            Some(_) if !trim.approximately => return without("the special ~ option"),
            Some(limit) => limit,
            None if !trim.approximately => 0,
            None if chunk == 0 => 10_000,
            None => chunk.saturating_mul(100).min(1_000_000),
        };
        Ok(())
    }
}

/// `XTRIM key MAXLEN|MINID [=|~] threshold [LIMIT count]`
fn xtrim(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let chunk = ctx.db().rules().limits.stream_entries;
    let trim = Options::parse(args, false, chunk)?.trim.ok_or(Error::Syntax)?;
    let key = ctx.first_key(args.get(1));
    let gone = ctx.db().update::<Stream, _>(key, Event::XTrim, |stream, _| match trim.run(stream) {
        0 => Edit::Untouched(0),
        gone => Edit::Counted(gone as u32, gone),
    })?;
    reply.integer(gone.unwrap_or(0) as i64);
    Ok(())
}
