//! From a change to the log: which request repeats what a command did. This is the one place that says so.
//!
//! Most commands stand in the log as they were sent. One that would do something else when it is run again (it chose by
//! chance, counted from now, waited, or depends on how numbers are rounded) has a row in [`FORMS`]: a function that writes
//! requests which come to the same. It may look at the request, at what the journal says of it, at the keyspace as it is
//! behind the command, and at what the command has left in [`Changes::detail`](crate::keyspace::Changes::detail).
//!
//! A key that the server removed by itself, because its time was over or to make room, is a `DEL` in front of the command
//! that met it.
mod streams;

use std::sync::LazyLock;

use super::{Run, lookup};
use crate::keyspace::{Event, Key, Keyspace, Mark, Value};
use crate::persist::aof::text::Log;
use crate::state::stats::CommandId;
use crate::text::integer::{self, Decimal};
use crate::wire::args::Args;

/// A command that has run.
#[derive(Clone, Copy)]
pub struct Ran<'a> {
    /// Which.
    pub command: CommandId,
    /// In which database.
    pub db: usize,
    /// With what.
    pub args: Args<'a>,
}

/// A command that has changed something, on its way to the log.
struct Logged<'a> {
    log: &'a mut Log,
    keyspace: &'a Keyspace,
    mark: Mark,
    ran: Ran<'a>,
}

/// Writes what repeats a command.
type Form = fn(&mut Logged<'_>);

/// The commands that do not stand in the log as they were sent.
static FORMS: &[(&str, Form)] = &[
    ("set", string),
    ("setex", string),
    ("psetex", string),
    ("incrbyfloat", sum),
    ("hincrbyfloat", sum_of_field),
    ("getex", by_events),
    ("getdel", by_events),
    ("expire", by_events),
    ("pexpire", by_events),
    ("expireat", by_events),
    ("pexpireat", by_events),
    ("restore", restored),
    ("spop", members),
    ("lmpop", popped),
    ("blpop", popped),
    ("brpop", popped),
    ("blmpop", popped),
    ("blmove", |it| it.put_as("LMOVE", 1..5)),
    ("brpoplpush", |it| it.put_as("RPOPLPUSH", 1..3)),
    ("zmpop", popped),
    ("bzpopmin", popped),
    ("bzpopmax", popped),
    ("bzmpop", popped),
    ("xadd", streams::added),
    ("xtrim", streams::trimmed),
    ("xreadgroup", streams::given),
    ("xclaim", streams::claimed),
    ("xautoclaim", streams::claimed),
];

static FORM_OF: LazyLock<Vec<Option<Form>>> = LazyLock::new(|| {
    let table = lookup::table();
    let form = |id| FORMS.iter().find(|(name, _)| *name == table.full_name(id as CommandId));
    (0..table.len()).map(|id| form(id).map(|(_, form)| *form)).collect()
});

/// Appends to the log what the keyspace has noted since `mark`: the server's own changes, then the command that ran, if it
/// changed anything.
pub fn append(log: &mut Log, keyspace: &Keyspace, mark: Mark, ran: Option<Ran<'_>>) {
    let mut changed = false;
    for change in keyspace.changes.since(mark) {
        match (change.event, change.key) {
            (Event::KeyMiss, _) => {}
            (event, Some(key)) if event.by_server() => {
                log.request(change.db as usize, [b"DEL", key].into_iter());
            }
            _ => changed = true,
        }
    }
    let Some(ran) = ran.filter(|ran| changed && !is_of_the_server(ran.command)) else { return };
    match FORM_OF[ran.command as usize] {
        None => log.request(ran.db, ran.args.from(0)),
        Some(form) => form(&mut Logged { log, keyspace, mark, ran }),
    }
}

/// What DEBUG RELOAD and its like change, they put back or take from the files themselves.
fn is_of_the_server(command: CommandId) -> bool {
    matches!(lookup::table().row(command).run, Run::Server(_))
}

impl<'a> Logged<'a> {
    fn put(&mut self, words: &[&[u8]]) {
        self.log.request(self.ran.db, words.iter().copied());
    }

    /// Some of the words that were sent, under another name.
    fn put_as(&mut self, name: &str, words: std::ops::Range<usize>) {
        let args = self.ran.args.from(words.start).take(words.len());
        let words: Vec<&[u8]> = [name.as_bytes()].into_iter().chain(args).collect();
        self.put(&words);
    }

    fn key(&self) -> Key<'a> {
        self.keyspace.hasher.key(self.ran.args.get(1))
    }

    /// The deadline of the command's key, as it is now.
    fn deadline(&self) -> Option<Decimal> {
        let stored = self.keyspace.db(self.ran.db).stored(self.key())?;
        stored.deadline.map(Decimal::new)
    }
}

/// `SET key value`, with the moment at which it dies.
fn string(it: &mut Logged<'_>) {
    let args = it.ran.args;
    if args.len() == 3 {
        return it.put(&[b"SET", args.get(1), args.get(2)]);
    }
    // SETEX and PSETEX have the time in between.
    let value = args.get(if args.is(0, "set") { 2 } else { 3 });
    if (3..args.len()).any(|at| args.is(at, "keepttl")) {
        return it.put(&[b"SET", args.get(1), value, b"KEEPTTL"]);
    }
    match it.deadline() {
        Some(deadline) => it.put(&[b"SET", args.get(1), value, b"PXAT", deadline.as_bytes()]),
        None => it.put(&[b"SET", args.get(1), value]),
    }
}

/// What the string is now: a sum of fractions may come out differently on another machine.
fn sum(it: &mut Logged<'_>) {
    let keyspace = it.keyspace;
    if let Some(stored) = keyspace.db(it.ran.db).stored(it.key())
        && let Value::String(text) = stored.value
    {
        it.put(&[b"SET", it.ran.args.get(1), text, b"KEEPTTL"]);
    }
}

/// The same for a field of a hash.
fn sum_of_field(it: &mut Logged<'_>) {
    let (keyspace, args) = (it.keyspace, it.ran.args);
    if let Some(stored) = keyspace.db(it.ran.db).stored(it.key())
        && let Value::Hash(hash) = stored.value
        && let Some(value) = hash.get(args.get(2))
    {
        value.with(|text| it.put(&[b"HSET", args.get(1), args.get(2), text]));
    }
}

/// What became of the key, from the events: a deadline, none, or its end.
fn by_events(it: &mut Logged<'_>) {
    let key = it.ran.args.get(1);
    for change in it.keyspace.changes.since(it.mark) {
        match (change.event, it.deadline()) {
            (Event::Del, _) => it.put(&[b"DEL", key]),
            (Event::Persist, _) => it.put(&[b"PERSIST", key]),
            (Event::Expire, Some(deadline)) => it.put(&[b"PEXPIREAT", key, deadline.as_bytes()]),
            _ => {}
        }
    }
}

/// `RESTORE` with the moment at which the key dies; `DEL` where that was past.
fn restored(it: &mut Logged<'_>) {
    let args = it.ran.args;
    match it.deadline() {
        _ if it.keyspace.changes.since(it.mark).any(|change| change.event == Event::Del) => {
            it.put(&[b"DEL", args.get(1)]);
        }
        Some(deadline) if !(4..args.len()).any(|at| args.is(at, "absttl")) => {
            let mut words = vec![&b"RESTORE"[..], args.get(1), deadline.as_bytes()];
            words.extend(args.from(3));
            words.push(b"ABSTTL");
            it.put(&words);
        }
        _ => it.put_as("RESTORE", 1..args.len()),
    }
}

/// The members that chance took, or `DEL` if they were all.
fn members(it: &mut Logged<'_>) {
    let (key, changes) = (it.ran.args.get(1), &it.keyspace.changes);
    if changes.since(it.mark).any(|change| change.event == Event::Del) {
        return it.put(&[b"DEL", key]);
    }
    let words: Vec<&[u8]> = [&b"SREM"[..], key].into_iter().chain(changes.details_since(it.mark)).collect();
    it.put(&words);
}

/// From the one of several keys that had something, and without waiting.
fn popped(it: &mut Logged<'_>) {
    let args = it.ran.args;
    let count = count_of(args);
    for change in it.keyspace.changes.since(it.mark) {
        let name: &[u8] = match change.event {
            Event::LPop => b"LPOP",
            Event::RPop => b"RPOP",
            Event::ZPopMin => b"ZPOPMIN",
            Event::ZPopMax => b"ZPOPMAX",
            _ => continue,
        };
        let key = change.key.unwrap_or_default();
        match count {
            Some(count) => it.put(&[name, key, count]),
            None => it.put(&[name, key]),
        }
    }
}

/// `… numkeys key [key ...] LEFT [COUNT count]`: the count, if there is one. BLPOP and its like have none.
fn count_of(args: Args<'_>) -> Option<&[u8]> {
    let at = match args.get(0).to_ascii_lowercase().as_slice() {
        b"lmpop" | b"zmpop" => 1,
        b"blmpop" | b"bzmpop" => 2,
        _ => return None,
    };
    let keys = usize::try_from(integer::parse(args.get(at))?).ok()?;
    args.at(at + keys + 3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::harness::Harness;
    use crate::command::lookup::Resolved;
    use crate::persist::aof::parse::{Next, Requests};
    use crate::wire::args::OwnedArgs;

    /// Runs a line and returns what the log says of it, requests separated by semicolons.
    fn logged(h: &mut Harness, line: &str) -> String {
        h.keyspace.changes.set_keep(true);
        h.keyspace.changes.set_keep_details(true);
        h.keyspace.changes.clear();
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        h.run(&words);
        let args = OwnedArgs::words(&words);
        let Resolved::Known(command) = lookup::table().resolve(args.as_args()) else { panic!("{line}") };
        let mut log = Log::default();
        log.request(h.db, [&b"PING"[..]].into_iter());
        log.clear();
        append(&mut log, &h.keyspace, Mark::default(), Some(Ran { command, db: h.db, args: args.as_args() }));
        let mut requests = Requests::new(log.bytes(), 0);
        let mut text = Vec::new();
        while let Ok(Next::Request(args, _)) = requests.read() {
            text.push(args.from(0).map(|word| word.escape_ascii().to_string()).collect::<Vec<_>>().join(" "));
        }
        text.join("; ")
    }

    /// The harness's clock.
    const NOW: i64 = 1_700_000_000_000;

    #[test]
    fn what_a_command_did_is_what_the_log_says() {
        let mut h = Harness::new();
        let at = |millis: i64| (NOW + millis).to_string();
        for (line, expected) in [
            ("SET k v", "SET k v".to_string()),
            ("SET k v XX GET", "SET k v".into()),
            ("SET k v NX", "".into()),
            ("SET k v EX 10", format!("SET k v PXAT {}", at(10_000))),
            ("SET k 1 KEEPTTL GET", "SET k 1 KEEPTTL".into()),
            ("INCRBYFLOAT k 0.5", "SET k 1.5 KEEPTTL".into()),
            ("PEXPIRE k 5 GT", "".into()),
            ("PEXPIRE k 20000 GT", format!("PEXPIREAT k {}", at(20_000))),
            ("GETEX k", "".into()),
            ("GETEX k EX 7", format!("PEXPIREAT k {}", at(7000))),
            ("GETEX k PERSIST", "PERSIST k".into()),
            ("EXPIRE k -1", "DEL k".into()),
            ("SETEX k 5 v", format!("SET k v PXAT {}", at(5000))),
            ("PSETEX k 5 v", format!("SET k v PXAT {}", at(5))),
            ("GETDEL k", "DEL k".into()),
            ("GETDEL k", "".into()),
            ("HINCRBYFLOAT h f 2.5", "HSET h f 2.5".into()),
            ("SADD s a", "SADD s a".into()),
            ("SADD s a", "".into()),
            ("SPOP s", "DEL s".into()),
            ("RPUSH l a b c d e f", "RPUSH l a b c d e f".into()),
            ("LMPOP 2 none l RIGHT", "RPOP l".into()),
            ("LMPOP 2 none l LEFT COUNT 2", "LPOP l 2".into()),
            ("BLPOP none l 0", "LPOP l".into()),
            ("BLMPOP 0 1 l RIGHT COUNT 1", "RPOP l 1".into()),
            ("RPUSH count a b c", "RPUSH count a b c".into()),
            ("BLPOP none none count 0", "LPOP count".into()),
            ("BLMPOP 0 1 count LEFT", "LPOP count".into()),
            ("BLMOVE l m LEFT RIGHT 0", "LMOVE l m LEFT RIGHT".into()),
            ("BRPOPLPUSH m l 0", "RPOPLPUSH m l".into()),
            ("ZADD z 1 a 2 b 3 c 4 d", "ZADD z 1 a 2 b 3 c 4 d".into()),
            ("ZMPOP 1 z MAX COUNT 1", "ZPOPMAX z 1".into()),
            ("BZPOPMIN z 0", "ZPOPMIN z".into()),
            ("BZMPOP 0 2 n z MIN", "ZPOPMIN z".into()),
            ("BZPOPMAX z 0", "ZPOPMAX z".into()),
            ("GET nothing", "".into()),
            ("FLUSHALL", "FLUSHALL".into()),
            ("SWAPDB 0 1", "SWAPDB 0 1".into()),
        ] {
            assert_eq!(logged(&mut h, line), expected, "{line}");
        }
    }

    #[test]
    fn a_key_whose_time_was_over_is_deleted_first() {
        let mut h = Harness::new();
        h.expect("SET k 1 PX 5", "+OK");
        h.keyspace.set_now(NOW + 5);
        assert_eq!(logged(&mut h, "INCR k"), "DEL k; INCR k");
        h.expect("PEXPIRE k 5", ":1");
        h.keyspace.set_now(NOW + 10);
        assert_eq!(logged(&mut h, "GET k"), "DEL k");
    }

    #[test]
    fn what_chance_took_is_named() {
        let mut h = Harness::new();
        (0..9).for_each(|n| h.expect(&format!("SADD s {n}"), ":1"));
        let text = logged(&mut h, "SPOP s");
        assert!(text.starts_with("SREM s ") && text.len() == "SREM s 0".len(), "{text}");
        let text = logged(&mut h, "SPOP s 3");
        assert!(text.starts_with("SREM s ") && text.len() == "SREM s 0 0 0".len(), "{text}");
        let mut other = Harness::new();
        (0..9).for_each(|n| other.expect(&format!("SADD s {n}"), ":1"));
        assert_eq!(logged(&mut h, "SPOP s 50"), "DEL s");
    }

    #[test]
    fn what_a_stream_and_its_groups_became_is_said() {
        let mut h = Harness::new();
        let id = |seq: u32| format!("{NOW}-{seq}");
        let claim = |seq: u32, who: &str, count: u32| {
            format!("XCLAIM s g {who} 0 {} TIME {NOW} RETRYCOUNT {count} FORCE JUSTID", id(seq))
        };
        let setid = |seq: u32, read: u32| format!("XGROUP SETID s g {} ENTRIESREAD {read}", id(seq));
        for (line, expected) in [
            ("XADD s NOMKSTREAM * f v", "".to_string()),
            ("XADD s * f v", format!("XADD s {} f v", id(0))),
            ("XADD s MAXLEN ~ 100 * f v g w", format!("XADD s {} f v g w", id(1))),
            ("XADD s MAXLEN = 2 * f v", format!("XADD s {} f v; XTRIM s MAXLEN 2", id(2))),
            ("XGROUP CREATE s g 0", "XGROUP CREATE s g 0".into()),
            (
                "XREADGROUP GROUP g c NOACK STREAMS s 0",
                "XGROUP CREATECONSUMER s g c; XGROUP SETID s g 0-0 ENTRIESREAD -1".into(),
            ),
            (
                "XREADGROUP GROUP g d COUNT 1 STREAMS s >",
                format!("XGROUP CREATECONSUMER s g d; {}; {}", claim(1, "d", 1), setid(1, 2)),
            ),
            ("XREADGROUP GROUP g d STREAMS s >", format!("{}; {}", claim(2, "d", 1), setid(2, 3))),
            ("XREADGROUP GROUP g d STREAMS s >", "".into()),
            ("XACK s g 1-1", "".into()),
            (
                "XAUTOCLAIM s g e 0 0 COUNT 1",
                format!("XGROUP CREATECONSUMER s g e; {}; {}", claim(1, "e", 2), setid(2, 3)),
            ),
            ("XTRIM s MAXLEN 1", "XTRIM s MAXLEN 1".into()),
            ("XTRIM s MAXLEN ~ 1", "".into()),
        ] {
            assert_eq!(logged(&mut h, line), expected, "{line}");
        }
        let line = format!("XCLAIM s g c 0 {} {} 5-5", id(1), id(2));
        assert_eq!(
            logged(&mut h, &line),
            format!("XACK s g {}; {}; XACK s g 5-5; {}", id(1), claim(2, "c", 2), setid(2, 3))
        );
        let line = format!("XDEL s {}", id(2));
        assert_eq!(logged(&mut h, &line), line);
    }

    #[test]
    fn a_dump_is_restored_with_the_moment_of_its_death() {
        let mut h = Harness::new();
        h.expect("SET k 10", "+OK");
        let dump = h.run(&[b"DUMP", b"k"]);
        let payload = &dump[5..dump.len() - 2];
        h.keyspace.changes.set_keep(true);
        let restore = |h: &mut Harness, words: &[&[u8]]| {
            h.keyspace.changes.clear();
            h.run(words);
            let args = OwnedArgs::words(words);
            let Resolved::Known(command) = lookup::table().resolve(args.as_args()) else { panic!() };
            let mut log = Log::default();
            append(
                &mut log,
                &h.keyspace,
                Mark::default(),
                Some(Ran { command, db: 0, args: args.as_args() }),
            );
            String::from_utf8_lossy(log.bytes()).replace("\r\n", " ")
        };
        let text = restore(&mut h, &[b"RESTORE", b"n", b"5000", payload, b"REPLACE"]);
        assert!(
            text.contains("RESTORE $1 n $13 1700000005000 ") && text.ends_with("REPLACE $6 ABSTTL "),
            "{text}"
        );
        let text = restore(&mut h, &[b"RESTORE", b"n", b"1", payload, b"REPLACE", b"ABSTTL"]);
        assert!(text.ends_with("DEL $1 n "), "{text}");
        let text = restore(&mut h, &[b"RESTORE", b"n", b"0", payload]);
        assert!(text.contains("RESTORE $1 n $1 0 ") && !text.contains("ABSTTL"), "{text}");
    }

    #[test]
    fn every_form_is_of_a_command_that_exists() {
        for (name, _) in FORMS {
            assert!(crate::command::find(name.as_bytes()).is_some(), "{name}");
        }
        assert_eq!(FORM_OF.iter().flatten().count(), FORMS.len());
    }
}
