//! A log, run again: requests from a file instead of a client.
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::lookup::{self, Resolved};
use super::{Context, Run};
use crate::error::Error;
use crate::keyspace::Keyspace;
use crate::persist::aof::parse::{Next, Requests, unreadable};
use crate::persist::rdb::Fault;
use crate::persist::rdb::load::{Loaded, load};
use crate::state::stats::CommandId;
use crate::text::integer;
use crate::wire::args::{Args, OwnedArgs};
use crate::wire::reply::{Reply, Wire};

/// What came of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Replayed {
    /// What the snapshot at its beginning had, if there was one.
    pub snapshot: Loaded,
    /// Requests that were run.
    pub requests: u64,
    /// Up to here it is whole: behind a request, outside of any transaction.
    pub valid: u64,
    /// It goes on behind that, and ends in the middle of a request or a transaction.
    pub cut: bool,
}

/// Runs what a file holds: a snapshot, requests, or the one and then the other.
///
/// # Errors
/// What is wrong with it, and at which offset. What stood before has been run, as `replayed` says.
pub fn file(
    path: &Path,
    keyspace: &mut Keyspace,
    (max_string, checksum): (usize, bool),
    replayed: &mut Replayed,
) -> Result<(), Fault> {
    let failed = |error: std::io::Error| unreadable(0, &error);
    let mut file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let mut magic = Vec::new();
    file.by_ref().take(9).read_to_end(&mut magic).map_err(failed)?;
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    if magic.starts_with(b"REDIS") || magic.starts_with(b"VALKEY") {
        replayed.snapshot = load(&file, size, keyspace, checksum)?;
        replayed.valid = replayed.snapshot.size;
        file.seek(SeekFrom::Start(replayed.valid)).map_err(failed)?;
    }
    requests(file, Replay::new(keyspace, max_string), replayed)
}

/// Runs the requests of a source that goes on where `replayed` has ended.
fn requests<R: Read>(source: R, mut replay: Replay<'_>, replayed: &mut Replayed) -> Result<(), Fault> {
    let mut requests = Requests::new(source, replayed.valid);
    loop {
        match requests.read()? {
            Next::Request(args, at) => replay.take(args, at)?,
            end => {
                replayed.cut = matches!(end, Next::Cut(_)) || replay.queue.is_some();
                return Ok(());
            }
        }
        if replay.queue.is_none() {
            (replayed.valid, replayed.requests) = (requests.offset(), replay.run);
        }
    }
}

/// The client that a log is.
pub struct Replay<'a> {
    keyspace: &'a mut Keyspace,
    db: usize,
    max_string: usize,
    reply: Vec<u8>,
    /// What stands behind `MULTI`, each with its offset.
    queue: Option<Vec<(u64, CommandId, OwnedArgs)>>,
    run: u64,
}

impl<'a> Replay<'a> {
    /// One that begins with database 0.
    pub fn new(keyspace: &'a mut Keyspace, max_string: usize) -> Self {
        Replay { keyspace, db: 0, max_string, reply: Vec::new(), queue: None, run: 0 }
    }

    /// Runs a request, or keeps it until its transaction is whole.
    fn take(&mut self, args: Args<'_>, at: u64) -> Result<(), Fault> {
        let refuse = |why: &str| {
            let name = args.get(0).escape_ascii();
            Err(Fault { at, what: format!("the request '{name}': {why}") })
        };
        let Resolved::Known(command) = lookup::table().resolve(args) else {
            return refuse("this server has no such command");
        };
        let row = lookup::table().row(command);
        if !row.takes(args.len()) {
            return refuse("it has the wrong number of arguments");
        }
        match (row.run, row.name, &mut self.queue) {
            (Run::Exec, ..) => {
                let Some(queue) = self.queue.take() else { return refuse("there is no MULTI before it") };
                queue.iter().try_for_each(|(at, command, args)| self.run(*command, args.as_args(), *at))
            }
            (Run::Server(_), "multi", None) => {
                self.queue = Some(Vec::new());
                Ok(())
            }
            (Run::Server(_), name, _) if name != "select" => refuse("it has no place in a log"),
            (_, _, Some(queue)) => {
                queue.push((at, command, OwnedArgs::of(args)));
                Ok(())
            }
            (_, _, None) => self.run(command, args, at),
        }
    }

    fn run(&mut self, command: CommandId, args: Args<'_>, at: u64) -> Result<(), Fault> {
        self.run += 1;
        self.reply.clear();
        let (mut hits, mut misses) = (0, 0);
        let mut context = Context {
            keyspace: &mut *self.keyspace,
            db: self.db,
            hashes: &[],
            max_string: self.max_string,
            hits: &mut hits,
            misses: &mut misses,
        };
        let mut reply = Reply::new(&mut self.reply, Wire::Resp2);
        let result = match lookup::table().row(command).run {
            Run::Data(run) => run(&mut context, args, &mut reply),
            Run::Blocking(run) => run(&mut context, args, None, &mut reply).map(drop),
            Run::Server(_) | Run::Exec => self.select(args),
        };
        // What is in the log has succeeded once.
        result.map_err(|error| {
            let (name, why) = (args.get(0).escape_ascii(), error.line());
            Fault { at, what: format!("the request '{name}' fails: {}", String::from_utf8_lossy(&why)) }
        })
    }

    fn select(&mut self, args: Args<'_>) -> Result<(), Error> {
        let index = integer::parse(args.get(1)).and_then(|index| usize::try_from(index).ok());
        let index = index.filter(|index| *index < self.keyspace.databases());
        self.db = index.ok_or(Error::bad_argument("ERR DB index is out of range"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persist::aof::text::append;

    fn log(lines: &[&str]) -> Vec<u8> {
        let mut text = Vec::new();
        for line in lines {
            append(&mut text, line.split(' ').map(str::as_bytes).collect::<Vec<_>>().into_iter());
        }
        text
    }

    fn replay(text: &[u8]) -> (Keyspace, Result<Replayed, Fault>) {
        let mut keyspace = Keyspace::new(4);
        keyspace.set_now(1_700_000_000_000);
        keyspace.set_replaying(true);
        let mut replayed = Replayed { valid: 10, ..Replayed::default() };
        let result = requests(text, Replay::new(&mut keyspace, 512 << 20), &mut replayed);
        keyspace.set_replaying(false);
        (keyspace, result.map(|()| replayed))
    }

    fn holds(keyspace: &Keyspace, db: usize, key: &[u8]) -> bool {
        keyspace.db(db).stored(keyspace.hasher.key(key)).is_some()
    }

    #[test]
    fn half_a_transaction_is_none() {
        let lines = ["SET a 1", "MULTI", "SELECT 2", "SET b 1", "EXEC"];
        let text = log(&lines);
        let (whole, begun) = (log(&lines[..1]).len(), text.len());
        for end in whole..begun {
            let (keyspace, result) = replay(&text[..end]);
            let expected =
                Replayed { requests: 1, valid: 10 + whole as u64, cut: end > whole, ..Replayed::default() };
            assert_eq!(result, Ok(expected), "{end}");
            assert!(holds(&keyspace, 0, b"a") && !holds(&keyspace, 2, b"b"));
        }
        let (keyspace, result) = replay(&text);
        assert_eq!(result, Ok(Replayed { requests: 3, valid: 10 + begun as u64, ..Replayed::default() }));
        assert!(holds(&keyspace, 2, b"b"));
    }

    #[test]
    fn no_key_dies_while_the_log_is_read() {
        let (mut keyspace, result) = replay(&log(&[
            "SET a 1 PXAT 1000",
            "INCR a",
            "PERSIST a",
            "SET b 1",
            "PEXPIREAT b 1000",
            "SET c 1 PXAT 1000",
            "COPY c d",
        ]));
        assert!(result.is_ok());
        let alive = |keyspace: &mut Keyspace, key: &[u8]| {
            let key = keyspace.hasher.key(key);
            keyspace.db(0).value(key).is_some()
        };
        let states = [b"a", b"b", b"c", b"d"].map(|key| alive(&mut keyspace, key));
        assert_eq!(states, [true, false, false, false]);
        assert!(holds(&keyspace, 0, b"b"), "it dies now, and a DEL will say so");
    }

    #[test]
    fn what_has_no_place_in_a_log_is_refused_where_it_stands() {
        for (lines, at, what) in [
            (&["SET a 1", "NOPE x"][..], 37, "the request 'NOPE': this server has no such command"),
            (&["SET a"], 10, "the request 'SET': it has the wrong number of arguments"),
            (&["EXEC"], 10, "the request 'EXEC': there is no MULTI before it"),
            (&["MULTI", "MULTI"], 25, "the request 'MULTI': it has no place in a log"),
            (&["SHUTDOWN"], 10, "the request 'SHUTDOWN': it has no place in a log"),
            (&["SELECT 4"], 10, "the request 'SELECT' fails: ERR DB index is out of range"),
            (
                &["SET a x", "INCR a"],
                37,
                "the request 'INCR' fails: ERR value is not an integer or out of range",
            ),
        ] {
            assert_eq!(replay(&log(lines)).1, Err(Fault { at, what: what.into() }), "{lines:?}");
        }
    }

    #[test]
    fn damage_is_no_crash() {
        let text = log(&["SET a 1", "MULTI", "RPUSH l a b", "SELECT 1", "EXEC", "SPOP s"]);
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut damaged = text.clone();
                damaged[at] ^= 1 << bit;
                let _ = replay(&damaged);
            }
        }
    }
}
