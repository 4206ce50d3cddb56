//! What `XREAD` and `XREADGROUP` are asked for.
use std::ops::Range;
use std::time::Duration;

use crate::command::stream::args::{integer, strict};
use crate::error::Error;
use crate::keyspace::stream::Id;
use crate::text::integer;
use crate::wire::args::Args;

/// On whose behalf entries are read.
pub struct GroupOf<'a> {
    pub name: &'a [u8],
    pub consumer: &'a [u8],
}

/// Which entries of a stream are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Since {
    /// Those behind this one.
    Id(Id),
    /// `>`: those that the group has not been given.
    New,
}

/// The options, and where the keys stand; as many IDs stand behind them.
pub struct Request<'a> {
    pub group: Option<GroupOf<'a>>,
    pub noack: bool,
    /// The most entries of a stream; 0: any number.
    pub count: u64,
    /// Whether to wait, and how long; `Some(None)`: for ever.
    pub block: Option<Option<Duration>>,
    pub keys: Range<usize>,
}

impl<'a> Request<'a> {
    /// Reads the options.
    pub fn parse(args: Args<'a>, for_group: bool) -> Result<Self, Error> {
        let mut request = Request { group: None, noack: false, count: 0, block: None, keys: 0..0 };
        let mut at = 1;
        while at < args.len() {
            let more = args.len() - at - 1;
            if more > 0 && args.is(at, "BLOCK") {
                request.block = Some(milliseconds(args.get(at + 1))?);
                at += 1;
            } else if more > 0 && args.is(at, "COUNT") {
                request.count = integer(args, at + 1)?.max(0) as u64;
                at += 1;
            } else if more > 0 && args.is(at, "STREAMS") {
                if more % 2 == 1 {
                    return Err(Error::other(
                        "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
                    ));
                }
                request.keys = at + 1..at + 1 + more / 2;
                break;
            } else if more > 1 && args.is(at, "GROUP") {
                only_for_group("GROUP", for_group)?;
                request.group = Some(GroupOf { name: args.get(at + 1), consumer: args.get(at + 2) });
                at += 2;
            } else if args.is(at, "NOACK") {
                only_for_group("NOACK", for_group)?;
                request.noack = true;
            } else {
                return Err(Error::Syntax);
            }
            at += 1;
        }
        if request.keys.is_empty() {
            return Err(Error::Syntax);
        }
        if for_group && request.group.is_none() {
            return Err(Error::other("ERR Missing GROUP option for XREADGROUP"));
        }
        Ok(request)
    }

    /// What is wanted of the stream whose key is at an argument and whose last ID is `last`.
    pub fn since(&self, args: Args<'_>, key: usize, last: Id) -> Result<Since, Error> {
        let at = key + self.keys.len();
        match (args.get(at), &self.group) {
            (b"$", Some(_)) => Err(Error::other(
                "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this \
                 consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just \
                 return an empty result set.",
            )),
            (b"$", None) => Ok(Since::Id(last)),
            (b">", None) => Err(Error::other(
                "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
            )),
            (b">", Some(_)) => Ok(Since::New),
            _ => match (strict(args, at)?, &self.group) {
                // As Redis has it, which keeps `>` as the last ID.
                (Id::MAX, Some(_)) => Ok(Since::New),
                (id, _) => Ok(Since::Id(id)),
            },
        }
    }
}

fn only_for_group(option: &str, for_group: bool) -> Result<(), Error> {
    if for_group {
        return Ok(());
    }
    Err(Error::other(format!(
        "ERR The {option} option is only supported by XREADGROUP. You called XREAD instead."
    )))
}

/// How long to wait; `None`: for ever.
fn milliseconds(text: &[u8]) -> Result<Option<Duration>, Error> {
    let refused = Error::bad_argument("ERR timeout is not an integer or out of range");
    let millis = u64::try_from(integer::parse(text).ok_or(refused)?);
    let millis = millis.map_err(|_| Error::bad_argument("ERR timeout is negative"))?;
    Ok((millis > 0).then(|| Duration::from_millis(millis)))
}
