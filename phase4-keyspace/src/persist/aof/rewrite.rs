//! What a rewritten log begins with: everything there is, as a snapshot or as the requests that make it.
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::text::append;
use crate::keyspace::{Entry, Keyspace, Value};
use crate::persist::rdb::dump::dump;
use crate::persist::rdb::save::{Options, save};
use crate::text::double::Double;
use crate::text::integer::Decimal;

/// So many elements are one request.
const ELEMENTS: usize = 64;

/// After so many failures in a row, the next try by itself waits.
const PATIENT_FAILURES: u32 = 3;
/// The first wait; it doubles with each failure, up to an hour.
const FIRST_WAIT: Duration = Duration::from_secs(60);
/// See [`FIRST_WAIT`].
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// A child that writes a base.
#[derive(Clone, Copy, Debug)]
pub struct Rewriting {
    /// Its process id.
    pub pid: Pid,
    /// When it was started.
    pub started: Instant,
    /// It writes a snapshot, not requests.
    pub as_snapshot: bool,
}

/// What is known about rewriting the log.
#[derive(Default, Debug)]
pub struct Rewrite {
    /// The child that does it now.
    pub child: Option<Rewriting>,
    /// It is to be done as soon as possible.
    pub scheduled: bool,
    /// Failures since the last success.
    pub failures: u32,
    /// Children started.
    pub rewrites: u64,
    /// How long the last one took.
    pub last_took: Option<Duration>,
    last_try: Option<Instant>,
}

impl Rewrite {
    /// It was tried: a child runs, or could not be started.
    pub fn began(&mut self, started: bool, now: Instant) {
        (self.scheduled, self.last_try) = (false, Some(now));
        self.rewrites += u64::from(started);
        self.failures += u32::from(!started);
    }

    /// The child has ended, and its work is in place or not.
    pub fn ended(&mut self, done: bool, took: Duration) {
        self.last_took = Some(took);
        self.failures = if done { 0 } else { self.failures + 1 };
    }

    /// Whether it may be tried without being asked for: after some failures, less and less often.
    pub fn may_try(&self, now: Instant) -> bool {
        let Some(more) = self.failures.checked_sub(PATIENT_FAILURES) else { return true };
        let wait = (FIRST_WAIT * 2_u32.pow(more.min(6))).min(LONGEST_WAIT);
        self.last_try.is_none_or(|last| now >= last + wait)
    }
}

/// The name under which process `pid` writes a base, given what such names begin with.
pub fn temporary(prefix: &Path, pid: i32) -> PathBuf {
    let mut name = prefix.as_os_str().to_owned();
    name.push(format!("{pid}.aof"));
    name.into()
}

/// The name of an increment whose base is not there yet.
pub fn temporary_increment(stem: &str) -> String {
    format!("temp-{stem}.incr")
}

/// Writes a base to a file and brings it to the disk: as a snapshot with these options, or as requests.
///
/// # Errors
/// Those of writing.
pub fn write(path: &Path, keyspace: &Keyspace, snapshot: Option<Options>) -> io::Result<()> {
    let file = File::create(path)?;
    match snapshot {
        Some(options) => save(file, keyspace, options)?.sync_all(),
        None => {
            let mut out = BufWriter::with_capacity(64 << 10, file);
            requests(&mut out, keyspace)?;
            out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
        }
    }
}

/// Everything, as requests.
fn requests(out: &mut impl Write, keyspace: &Keyspace) -> io::Result<()> {
    for index in 0..keyspace.databases() {
        let db = keyspace.db(index);
        if db.is_empty() {
            continue;
        }
        request(out, &[b"SELECT", Decimal::unsigned(index as u64).as_bytes()])?;
        for (key, value, deadline) in db.entries() {
            entry(out, key, value)?;
            if let Some(deadline) = deadline {
                request(out, &[b"PEXPIREAT", key, Decimal::new(deadline).as_bytes()])?;
            }
        }
    }
    Ok(())
}

fn request(out: &mut impl Write, words: &[&[u8]]) -> io::Result<()> {
    let mut text = Vec::new();
    append(&mut text, words.iter().copied());
    out.write_all(&text)
}

/// A value in as many requests as it takes. A type that is added has a row here.
fn entry(out: &mut impl Write, key: &[u8], value: Value<'_>) -> io::Result<()> {
    let mut pieces = Pieces { out, key, name: b"RPUSH", words: Vec::new(), each: 1, result: Ok(()) };
    match value {
        Value::String(text) => return request(pieces.out, &[b"SET", key, text]),
        // Its groups would take a request for each entry that is pending.
        Value::Stream(_) => return request(pieces.out, &[b"RESTORE", key, b"0", &dump(value, true)]),
        Value::List(list) => list.walk(0, false, |element| {
            pieces.push(element);
            true
        }),
        Value::Set(set) => {
            pieces.name = b"SADD";
            set.for_each(|member| pieces.push(member));
        }
        Value::Hash(hash) => {
            (pieces.name, pieces.each) = (b"HSET", 2);
            hash.for_each(|field, value| {
                pieces.push(field);
                pieces.push(value);
            });
        }
        Value::ZSet(zset) => {
            (pieces.name, pieces.each) = (b"ZADD", 2);
            zset.for_each(|member, score| {
                pieces.push(Entry::Bytes(Double::new(score).as_str().as_bytes()));
                pieces.push(Entry::Bytes(member));
            });
        }
    }
    pieces.flush();
    pieces.result
}

/// The elements of a collection on their way into requests.
struct Pieces<'a, W: Write> {
    out: &'a mut W,
    key: &'a [u8],
    name: &'static [u8],
    words: Vec<Vec<u8>>,
    /// Words of an element.
    each: usize,
    result: io::Result<()>,
}

impl<W: Write> Pieces<'_, W> {
    fn push(&mut self, word: Entry<'_>) {
        self.words.push(word.to_vec());
        if self.words.len() == ELEMENTS * self.each {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.result.is_ok() && !self.words.is_empty() {
            let mut words = vec![self.name, self.key];
            words.extend(self.words.iter().map(Vec::as_slice));
            self.result = request(self.out, &words);
        }
        self.words.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::{Deadline, Edit, Event, Hash, List, Set, ZSet};
    use crate::persist::aof::parse::{Next, Requests};

    #[test]
    fn everything_is_said_in_requests_of_bounded_length() {
        let mut keyspace = Keyspace::new(3);
        let key = keyspace.hasher.key(b"k");
        keyspace.db_mut(0).set_string(key, b"v", Deadline::At(7), Event::Set);
        let mut db = keyspace.db_mut(2);
        let numbers: Vec<String> = (0..150).map(|number| number.to_string()).collect();
        let fill = |push: &mut dyn FnMut(&[u8])| numbers.iter().for_each(|number| push(number.as_bytes()));
        let hasher = db.rules().hasher.clone();
        db.edit::<List, _>(hasher.key(b"l"), Event::RPush, |list, rules| {
            fill(&mut |it| list.push(it, false, rules));
            Edit::Changed(())
        })
        .unwrap();
        db.edit::<Set, _>(hasher.key(b"s"), Event::SAdd, |set, rules| {
            fill(&mut |it| _ = set.add(Entry::of(it), rules));
            Edit::Changed(())
        })
        .unwrap();
        db.edit::<Hash, _>(hasher.key(b"h"), Event::HSet, |hash, rules| {
            fill(&mut |it| _ = hash.set(it, it, rules));
            Edit::Changed(())
        })
        .unwrap();
        db.edit::<ZSet, _>(hasher.key(b"z"), Event::ZAdd, |zset, rules| {
            zset.update(b"member", rules, |_| Some(0.1));
            Edit::Changed(())
        })
        .unwrap();
        let mut text = Vec::new();
        requests(&mut text, &keyspace).unwrap();
        let mut found = Vec::new();
        let mut read = Requests::new(&text[..], 0);
        while let Ok(Next::Request(args, _)) = read.read() {
            let first: Vec<_> = args.from(0).take(3).map(|word| word.escape_ascii().to_string()).collect();
            found.push(format!("{} {}", args.len(), first.join(" ")));
        }
        assert_eq!(found[..4], ["2 SELECT 0", "3 SET k v", "3 PEXPIREAT k 7", "2 SELECT 2"]);
        for expected in ["66 RPUSH l 0", "66 RPUSH l 64", "24 RPUSH l 128", "4 ZADD z 0.10000000000000001"] {
            assert!(found.iter().any(|line| line == expected), "{expected}: {found:?}");
        }
        let count = |name: &str| found.iter().filter(|line| line.contains(name)).count();
        assert_eq!((count("SADD s"), count("HSET h")), (3, 3), "{found:?}");
    }

    #[test]
    fn what_keeps_failing_is_tried_less_and_less_often() {
        let (mut rewrite, now) = (Rewrite::default(), Instant::now());
        let minutes = |minutes: u64| now + Duration::from_secs(60 * minutes);
        for expected in [0, 0, 1, 2, 4, 8, 16, 32, 60, 60] {
            rewrite.began(false, now);
            assert!(rewrite.may_try(minutes(expected)), "{expected}");
            assert!(
                expected == 0 || !rewrite.may_try(minutes(expected) - Duration::from_secs(1)),
                "{expected}"
            );
        }
        rewrite.ended(true, Duration::ZERO);
        assert!(rewrite.may_try(now));
    }
}
