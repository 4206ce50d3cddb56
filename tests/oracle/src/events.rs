//! What happens to keys, compared: the journal of this server against what redis-server publishes under
//! `notify-keyspace-events AKEn`, command by command, with the dirty count of both.
//!
//! A row is a line of preparation and the command that is looked at. Active expiry is off on both sides, so that a key
//! whose time is over is met by the command and by nothing else.
use std::fmt;
use std::io::{Error, ErrorKind, Result};

use crate::connection::{self, Connection};
use crate::server::Server;
use crate::step::Request;
use kit::resp::Value;

/// Commands that prepare (separated by `;`), and the one whose events are compared.
pub type Row = (&'static str, &'static str);

/// What one command did, on one server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Observed {
    /// `database event key`, in order.
    pub events: Vec<String>,
    /// How much the dirty count grew.
    pub dirty: i64,
    /// The reply, for the report only.
    pub reply: String,
}

/// A row on which the servers disagree.
#[derive(Debug)]
pub struct Disagreement {
    /// The row.
    pub row: Row,
    /// redis-server's side.
    pub redis: Observed,
    /// Ours.
    pub ours: Observed,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, command) = self.row;
        writeln!(f, "after {before:?}: {command}")?;
        for (name, seen) in [("redis", &self.redis), ("ours ", &self.ours)] {
            writeln!(f, "  {name}: {:?}, dirty +{}, reply {}", seen.events, seen.dirty, seen.reply)?;
        }
        Ok(())
    }
}

/// Compares every row; those that disagree, and how many events redis-server published in all.
///
/// # Errors
/// A server cannot be reached or answers nonsense.
pub fn compare(redis: &Server, ours: &Server, rows: &[Row]) -> Result<(Vec<Disagreement>, usize)> {
    let mut redis = Observer::of_redis(redis)?;
    let mut ours = Observer::of_ours(ours)?;
    let (mut found, mut published) = (Vec::new(), 0);
    for &row in rows {
        let (redis, ours) = (redis.observe(row)?, ours.observe(row)?);
        published += redis.events.len();
        if redis.events != ours.events || redis.dirty != ours.dirty {
            found.push(Disagreement { row, redis, ours });
        }
    }
    Ok((found, published))
}

/// The names of the commands that a server has and that touch keys, from `COMMAND`.
///
/// # Errors
/// As [`compare`].
pub fn data_commands(server: &Server) -> Result<Vec<String>> {
    let mut commands = Connection::open(server.address)?;
    let reply = ask(&mut commands, "COMMAND")?;
    let of_data = |row: &Value| -> Option<String> {
        let row = row.members()?;
        let categories = row.get(6)?.members()?.iter().filter_map(Value::text);
        let about_keys = categories.clone().any(|category| category == b"@keyspace")
            || categories.clone().any(|category| category == b"@write" || category == b"@read");
        about_keys.then(|| String::from_utf8_lossy(row[0].text()?).into_owned().into())?
    };
    Ok(reply.members().unwrap_or_default().iter().filter_map(of_data).collect())
}

/// One server, watched.
struct Observer {
    commands: Connection,
    /// Where redis-server publishes; ours keeps a journal instead.
    events: Option<Connection>,
}

const BARRIER: &str = "__barrier__";

impl Observer {
    fn of_redis(server: &Server) -> Result<Self> {
        let mut commands = Connection::open(server.address)?;
        ask(&mut commands, "CONFIG SET notify-keyspace-events AKEn")?;
        let mut events = Connection::open(server.address)?;
        ask(&mut events, "PSUBSCRIBE __keyevent@*")?;
        ask(&mut events, &format!("SUBSCRIBE {BARRIER}"))?;
        Self::new(commands, Some(events))
    }

    fn of_ours(server: &Server) -> Result<Self> {
        let mut commands = Connection::open(server.address)?;
        ask(&mut commands, "DEBUG JOURNAL ON")?;
        Self::new(commands, None)
    }

    fn new(mut commands: Connection, events: Option<Connection>) -> Result<Self> {
        ask(&mut commands, "DEBUG SET-ACTIVE-EXPIRE 0")?;
        Ok(Observer { commands, events })
    }

    fn observe(&mut self, (before, command): Row) -> Result<Observed> {
        for line in ["SELECT 0", "FLUSHALL"].into_iter().chain(before.split(';')).map(str::trim) {
            if !line.is_empty() {
                ask(&mut self.commands, line)?;
            }
        }
        self.events()?;
        let dirty = self.dirty()?;
        let reply = ask(&mut self.commands, command)?.to_string();
        let dirty = self.dirty()? - dirty;
        Ok(Observed { events: self.events()?, dirty, reply })
    }

    fn dirty(&mut self) -> Result<i64> {
        let info = ask(&mut self.commands, "INFO persistence")?;
        let text = String::from_utf8_lossy(info.text().unwrap_or_default()).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix("rdb_changes_since_last_save:"));
        line.and_then(|count| count.trim().parse().ok()).ok_or(nonsense("no dirty count in INFO"))
    }

    /// What has happened since the last call.
    fn events(&mut self) -> Result<Vec<String>> {
        let Some(events) = &mut self.events else {
            let journal = ask(&mut self.commands, "DEBUG JOURNAL")?;
            let lines = journal.members().ok_or(nonsense("no journal"))?.iter().filter_map(Value::text);
            let lines = lines.map(|line| String::from_utf8_lossy(line).into_owned());
            // Redis publishes nothing about whole databases, and nothing about what a stream's readers do.
            const UNPUBLISHED: [&str; 5] = [" flush ", " swap ", " xreadgroup ", " xack ", " xclaim "];
            return Ok(lines.filter(|line| !UNPUBLISHED.iter().any(|event| line.contains(event))).collect());
        };
        ask(&mut self.commands, &format!("PUBLISH {BARRIER} x"))?;
        let mut seen = Vec::new();
        loop {
            connection::exchange_one(events, Vec::new()).ok_or(nonsense("no message came"))?;
            for message in &events.replies {
                let words: Vec<String> = message
                    .value
                    .members()
                    .unwrap_or_default()
                    .iter()
                    .filter_map(|word| Some(String::from_utf8_lossy(word.text()?).into_owned()))
                    .collect();
                match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                    ["message", BARRIER, _] => return Ok(seen),
                    ["pmessage", _, channel, key] => seen.push(event(channel, key)),
                    _ => return Err(nonsense("neither a message nor the barrier")),
                }
            }
        }
    }
}

/// `__keyevent@0__:set` and the key as the journal writes it.
fn event(channel: &str, key: &str) -> String {
    let rest = channel.trim_start_matches("__keyevent@");
    let (db, event) = rest.split_once("__:").unwrap_or((rest, "?"));
    format!("{db} {event} {key}")
}

/// What redis-server 7.0.15 answers to DUMP of the string `a`; in a row, `<dump>`.
const DUMP_OF_A: &[u8] = b"\0\x01a\x0a\0\xbf\xfe\xef\x9b\x8f\x36\x7d\xb4";

fn ask(connection: &mut Connection, line: &str) -> Result<Value> {
    let bytes_of = |word| match word {
        "''" => b"",
        "<dump>" => DUMP_OF_A,
        word => str::as_bytes(word),
    };
    let words: Vec<&[u8]> = line.split(' ').map(bytes_of).collect();
    let mut bytes = Vec::new();
    connection::encode(&Request::command(&words), &[], &[], &mut bytes);
    let reply = connection::exchange_one(connection, bytes).ok_or(nonsense("no reply came"))?;
    Ok(reply.value.clone())
}

fn nonsense(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

/// Every data command with what it can do to keys. `PXAT 1` makes a key whose time is over.
pub const ROWS: &[Row] = &[
    ("", "SET k v"),
    ("SET k v", "SET k w"),
    ("SET k v", "SET k w EX 100"),
    ("", "SET k w PX 100000"),
    ("SET k v EX 100", "SET k w KEEPTTL"),
    ("SET k v", "SET k w NX"),
    ("", "SET k w XX"),
    ("SET k v", "SET k w GET"),
    ("SET k v PXAT 1", "SET k w"),
    ("SET k v PXAT 1", "SET k w NX"),
    ("SET k v PXAT 1", "SET k w XX"),
    ("", "SET k v PXAT 1"),
    ("", "SET k v EX 0"),
    ("", "SETNX k v"),
    ("SET k v", "SETNX k w"),
    ("SET k v PXAT 1", "SETNX k w"),
    ("", "SETEX k 100 v"),
    ("SET k v", "PSETEX k 100000 v"),
    ("", "GETSET k v"),
    ("SET k v", "GETSET k w"),
    ("SET k v PXAT 1", "GETSET k w"),
    ("SET k v", "GETDEL k"),
    ("", "GETDEL k"),
    ("SET k v PXAT 1", "GETDEL k"),
    ("SET k v", "GETEX k"),
    ("SET k v", "GETEX k EX 100"),
    ("SET k v", "GETEX k PXAT 1"),
    ("SET k v", "GETEX k PERSIST"),
    ("SET k v EX 100", "GETEX k PERSIST"),
    ("SET k v PXAT 1", "GETEX k PERSIST"),
    ("SET k v PXAT 1", "GET k"),
    ("SET k v", "GET k"),
    ("SET k v PXAT 1;SET l v", "MGET k l m"),
    ("", "MSET a 1 b 2 c 3"),
    ("SET b x PXAT 1", "MSET a 1 b 2 a 3"),
    ("", "MSETNX a 1 b 2"),
    ("SET b x", "MSETNX a 1 b 2"),
    ("SET b x PXAT 1", "MSETNX a 1 b 2"),
    ("", "APPEND k v"),
    ("SET k v", "APPEND k v"),
    ("SET k v", "APPEND k ''"),
    ("", "APPEND k ''"),
    ("SET k v PXAT 1", "APPEND k v"),
    ("", "SETRANGE k 0 ''"),
    ("", "SETRANGE k 3 abc"),
    ("SET k abc", "SETRANGE k 1 x"),
    ("SET k abc", "SETRANGE k 1 ''"),
    ("SET k abc PXAT 1", "SETRANGE k 1 x"),
    ("SET k abc PXAT 1", "SETRANGE k 1 ''"),
    ("SET k abc PXAT 1", "STRLEN k"),
    ("SET k abc PXAT 1", "GETRANGE k 0 -1"),
    ("SET k abc PXAT 1", "SUBSTR k 0 -1"),
    ("SET k abc PXAT 1;SET l abd", "LCS k l"),
    ("", "INCR k"),
    ("SET k 5", "INCR k"),
    ("SET k x", "INCR k"),
    ("SET k 5 PXAT 1", "INCR k"),
    ("SET k 5 EX 100", "DECR k"),
    ("SET k 5", "INCRBY k 3"),
    ("SET k 5", "INCRBY k 0"),
    ("SET k 5", "DECRBY k 3"),
    ("", "INCRBYFLOAT k 1.5"),
    ("SET k 5", "INCRBYFLOAT k 1.5"),
    ("SET k 5 PXAT 1", "INCRBYFLOAT k 1.5"),
    ("SET a 1;SET b 2", "DEL a b none a"),
    ("SET a 1 PXAT 1;SET b 2", "DEL a b"),
    ("SET a 1;SET b 2", "UNLINK a b none"),
    ("SET a 1 PXAT 1", "UNLINK a"),
    ("SET a 1 PXAT 1;SET b 2", "EXISTS a b"),
    ("SET a 1 PXAT 1;SET b 2", "TOUCH a b"),
    ("SET a 1 PXAT 1", "TYPE a"),
    ("SET a 1", "RENAME a b"),
    ("SET a 1;SET b 2", "RENAME a b"),
    ("SET a 1 EX 100;SET b 2", "RENAME a b"),
    ("SET a 1;SET b 2 PXAT 1", "RENAME a b"),
    ("SET a 1 PXAT 1", "RENAME a b"),
    ("SET a 1", "RENAME a a"),
    ("SET a 1", "RENAMENX a b"),
    ("SET a 1;SET b 2", "RENAMENX a b"),
    ("SET a 1;SET b 2 PXAT 1", "RENAMENX a b"),
    ("SET a 1", "RENAMENX a a"),
    ("SET a 1", "RANDOMKEY"),
    ("SET a 1", "EXPIRE a 100"),
    ("SET a 1", "EXPIRE a 100 XX"),
    ("SET a 1", "EXPIRE a -1"),
    ("SET a 1 PXAT 1", "EXPIRE a 100"),
    ("", "EXPIRE a 100"),
    ("SET a 1 EX 50", "EXPIRE a 100 GT"),
    ("SET a 1", "PEXPIRE a 100000"),
    ("SET a 1", "EXPIREAT a 99999999999"),
    ("SET a 1", "PEXPIREAT a 1"),
    ("SET a 1 EX 100", "PERSIST a"),
    ("SET a 1", "PERSIST a"),
    ("SET a 1 PXAT 1", "PERSIST a"),
    ("SET a 1 PXAT 1", "TTL a"),
    ("SET a 1 PXAT 1", "PTTL a"),
    ("SET a 1 PXAT 1", "EXPIRETIME a"),
    ("SET a 1 PXAT 1", "PEXPIRETIME a"),
    ("SET a 1", "COPY a b"),
    ("SET a 1;SET b 2", "COPY a b"),
    ("SET a 1 EX 100;SET b 2", "COPY a b REPLACE"),
    ("SET a 1;SET b 2 PXAT 1", "COPY a b"),
    ("SET a 1 PXAT 1", "COPY a b"),
    ("SET a 1", "COPY a a DB 3"),
    ("SET a 1", "MOVE a 1"),
    ("SELECT 1;SET a 2;SELECT 0;SET a 1", "MOVE a 1"),
    ("SELECT 1;SET a 2 PXAT 1;SELECT 0;SET a 1 EX 100", "MOVE a 1"),
    ("SET a 1 PXAT 1", "MOVE a 1"),
    ("SET a 1", "SWAPDB 0 1"),
    ("", "SWAPDB 0 1"),
    ("SET a 1", "SWAPDB 0 0"),
    ("SET a 1;SET b 2", "FLUSHDB"),
    ("", "FLUSHDB"),
    ("SET a 1;SELECT 1;SET b 2", "FLUSHALL ASYNC"),
    ("", "FLUSHALL"),
    ("SET a 1;SET b 1 PXAT 1", "DBSIZE"),
    ("SET a 1", "KEYS *"),
    ("SET a 1", "SCAN 0"),
    ("SET a 1 PXAT 1", "OBJECT ENCODING a"),
    ("SET a 1", "OBJECT FREQ a"),
    ("", "HSET h a 1 b 2"),
    ("HSET h a 1", "HSET h a 1"),
    ("SET h x", "HSET h a 1"),
    ("", "HSET h a 1 b"),
    ("HSET h a 1;PEXPIREAT h 1", "HSET h b 1"),
    ("", "HMSET h a 1 b 2 a 3"),
    ("", "HSETNX h a 1"),
    ("HSET h a 1", "HSETNX h a 2"),
    ("HSET h a 1", "HGET h a"),
    ("HSET h a 1", "HMGET h a b"),
    ("HSET h a 1", "HGETALL h"),
    ("HSET h a 1", "HKEYS h"),
    ("HSET h a 1", "HVALS h"),
    ("HSET h a 1", "HLEN h"),
    ("HSET h a 1", "HSTRLEN h a"),
    ("HSET h a 1", "HEXISTS h a"),
    ("HSET h a 1", "HSCAN h 0"),
    ("HSET h a 1", "HRANDFIELD h"),
    ("HSET h a 1 b 2 c 3", "HDEL h a b x"),
    ("HSET h a 1 b 2", "HDEL h a b x"),
    ("HSET h a 1", "HDEL h x"),
    ("", "HDEL h x"),
    ("", "HINCRBY h a 5"),
    ("HSET h a x", "HINCRBY h a 5"),
    ("HSET h a 1", "HINCRBYFLOAT h a 5.5"),
    ("HSET h a x", "HINCRBYFLOAT h a 5"),
    ("HSET h a 1", "DEL h"),
    ("HSET h a 1", "RENAME h i"),
    ("HSET h a 1", "COPY h i"),
    ("HSET h a 1", "MOVE h 1"),
    ("HSET h a 1", "SET h x"),
    ("HSET h a 1", "EXPIRE h 100"),
    ("HSET h a 1", "MEMORY USAGE h"),
    ("", "SADD s a b a"),
    ("SADD s a", "SADD s a b"),
    ("SADD s a", "SADD s a"),
    ("SET s x", "SADD s a"),
    ("SADD s a b c", "SREM s a b x"),
    ("SADD s a b", "SREM s a b"),
    ("SADD s a", "SREM s x"),
    ("", "SREM s x"),
    ("SADD s a", "SISMEMBER s a"),
    ("SADD s a", "SMISMEMBER s a b"),
    ("SADD s a", "SMEMBERS s"),
    ("SADD s a", "SCARD s"),
    ("SADD s a", "SRANDMEMBER s"),
    ("SADD s a", "SSCAN s 0"),
    ("SADD s a b", "SPOP s"),
    ("SADD s a", "SPOP s"),
    ("", "SPOP s"),
    ("SADD s a b c", "SPOP s 2"),
    ("SADD s a b c", "SPOP s 3"),
    ("SADD s a b c", "SPOP s 9"),
    ("SADD s a b c", "SPOP s 0"),
    ("SADD s a b;SADD t c", "SMOVE s t a"),
    ("SADD s a;SADD t a", "SMOVE s t a"),
    ("SADD s a", "SMOVE s t a"),
    ("SADD s a", "SMOVE s s a"),
    ("SADD s a", "SMOVE s t x"),
    ("SET t x", "SMOVE s t x"),
    ("SADD s a;SET t x", "SMOVE s t x"),
    ("SADD s a b;SADD t b", "SINTER s t"),
    ("SADD s a b;SADD t b", "SINTERCARD 2 s t"),
    ("SADD s a b;SADD t b", "SUNION s t"),
    ("SADD s a b;SADD t b", "SDIFF s t"),
    ("SADD s a b;SADD t b", "SINTERSTORE d s t"),
    ("SADD s a b;SADD t c", "SINTERSTORE d s t"),
    ("SADD s a b;SADD t c;SET d x", "SINTERSTORE d s t"),
    ("SADD s a b;SADD d c", "SINTERSTORE d s none"),
    ("SADD s a b;SADD t c", "SUNIONSTORE d s t"),
    ("SADD s a b;SET d x EX 100", "SUNIONSTORE d s t"),
    ("SADD d a b", "SUNIONSTORE d none"),
    ("SADD s a b;SADD t b", "SDIFFSTORE s s t"),
    ("SADD s a b;SADD t b a", "SDIFFSTORE s s t"),
    ("SADD s a;PEXPIREAT s 1", "SADD s b"),
    ("SADD s a;PEXPIREAT s 1", "SPOP s"),
    ("", "SETBIT k 7 1"),
    ("", "SETBIT k 7 0"),
    ("SET k a", "SETBIT k 0 0"),
    ("SET k a", "SETBIT k 0 1"),
    ("SET k 12", "SETBIT k 100 0"),
    ("SADD k a", "SETBIT k 1 1"),
    ("SET k a", "GETBIT k 1"),
    ("SET k a", "BITCOUNT k"),
    ("SET k a", "BITPOS k 1"),
    ("SET k a", "BITOP NOT d k"),
    ("SET k a;SET d x EX 100", "BITOP NOT d k"),
    ("SET d x", "BITOP OR d none"),
    ("", "BITOP OR d none"),
    ("", "BITFIELD k SET i8 0 1"),
    ("", "BITFIELD k SET i8 0 0 INCRBY i8 8 3"),
    ("SET k a", "BITFIELD k SET i8 0 97 INCRBY i8 0 3"),
    ("SET k a", "BITFIELD k SET i8 0 97"),
    ("SET k a", "BITFIELD k OVERFLOW FAIL INCRBY u2 0 9"),
    ("", "BITFIELD k OVERFLOW FAIL INCRBY u2 0 9"),
    ("SET k a", "BITFIELD k GET i8 0"),
    ("SET k a", "BITFIELD_RO k GET i8 0"),
    ("SADD s 2 1", "SORT s"),
    ("SADD s 2 1", "SORT_RO s"),
    ("SADD s 2 1", "SORT s STORE d"),
    ("SADD s 2 1;SET d x EX 100", "SORT s STORE d"),
    ("SADD s 2 1", "SORT s STORE s"),
    ("SET d x", "SORT none STORE d"),
    ("", "SORT none STORE d"),
    ("SADD s 2 1", "SORT s GET # GET k* STORE d"),
    ("SADD s a", "SORT s STORE d"),
    ("SADD s 2 1;SET d x", "SORT s LIMIT 9 1 STORE d"),
    ("SET k a", "DUMP k"),
    ("", "DUMP k"),
    ("", "RESTORE k 0 <dump>"),
    ("", "RESTORE k 100000 <dump>"),
    ("", "RESTORE k 1 <dump> ABSTTL"),
    ("SET k x", "RESTORE k 0 <dump>"),
    ("SET k x EX 100", "RESTORE k 0 <dump> REPLACE"),
    ("SET k x", "RESTORE k 1 <dump> ABSTTL REPLACE"),
    ("", "RESTORE k 1 <dump> ABSTTL REPLACE"),
    ("RPUSH k x", "RESTORE k 0 <dump> REPLACE IDLETIME 5"),
    ("", "RESTORE k -1 <dump>"),
    ("", "RESTORE k 0 nonsense"),
    ("", "LOLWUT"),
];
