//! A client that reads replies, and data of all types to store.
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use kit::resp::{self, Value};
use kit::rng::Rng;

use crate::support::DEADLINE;

/// A client that reads replies as trees.
pub struct Client {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Client {
    pub fn to(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        Client { stream, input: Vec::new() }
    }

    pub fn ask(&mut self, words: &[&[u8]]) -> Value {
        let mut request = Vec::new();
        resp::request(words, &mut request);
        self.stream.write_all(&request).unwrap();
        loop {
            if let Some((value, length)) = resp::parse(&self.input).unwrap() {
                self.input.drain(..length);
                return value;
            }
            let mut buffer = [0; 1 << 16];
            let count = self.stream.read(&mut buffer).unwrap();
            assert!(count > 0, "the server closed the connection");
            self.input.extend_from_slice(&buffer[..count]);
        }
    }

    /// A request typed in one line, and its reply as text.
    pub fn say(&mut self, line: &str) -> String {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        self.ask(&words).to_string()
    }

    pub fn info(&mut self, field: &str) -> String {
        let page = self.ask(&[b"INFO", b"persistence"]);
        let page = String::from_utf8(page.text().unwrap().to_vec()).unwrap();
        let line = page.lines().find_map(|line| line.strip_prefix(&format!("{field}:")));
        line.unwrap_or_else(|| panic!("no {field} in\n{page}")).to_owned()
    }

    /// A stream's entries and groups, and what is pending of a group `g`.
    fn stream(&mut self, key: &[u8]) -> String {
        let entries = self.ask(&[b"XRANGE", key, b"-", b"+"]);
        let groups = self.ask(&[b"XINFO", b"GROUPS", key]);
        // Name, consumers, pending, last ID: Redis's log does not say how many entries a group has read.
        let groups = groups.members().unwrap_or_default().iter().filter_map(Value::members);
        let groups: Vec<String> = groups.flat_map(|it| it[..8].iter().map(Value::to_string)).collect();
        let groups = groups.join(" ");
        let Value::Aggregate(_, pending) = self.ask(&[b"XPENDING", key, b"g", b"-", b"+", b"100"]) else {
            return format!("{entries} {groups}");
        };
        // How long an entry has been idle changes; who has it, and how often it was given, do not.
        let pending = pending.iter().filter_map(Value::members);
        let pending: Vec<String> = pending.map(|it| format!("{} {} {}", it[0], it[1], it[3])).collect();
        format!("{entries} {groups} {pending:?}")
    }

    /// Everything that the server holds: database, key, type, value, deadline.
    pub fn everything(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        for db in 0..16 {
            assert_eq!(self.say(&format!("SELECT {db}")), "+OK");
            let reply = self.ask(&[b"KEYS", b"*"]);
            let Value::Aggregate(_, keys) = reply else { panic!("no keys: {reply}") };
            for key in &keys {
                let key = key.text().unwrap();
                let kind = self.ask(&[b"TYPE", key]).to_string();
                let value = match kind.as_str() {
                    "+string" => self.ask(&[b"GET", key]).to_string(),
                    "+list" => self.ask(&[b"LRANGE", key, b"0", b"-1"]).to_string(),
                    "+set" => sorted(&self.ask(&[b"SMEMBERS", key]), 1),
                    "+hash" => sorted(&self.ask(&[b"HGETALL", key]), 2),
                    "+stream" => self.stream(key),
                    _ => self.ask(&[b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"]).to_string(),
                };
                let encoding = self.ask(&[b"OBJECT", b"ENCODING", key]);
                let deadline = self.ask(&[b"PEXPIRETIME", key]);
                all.push(format!("{db} {} {kind} {encoding} {deadline} {value}", key.escape_ascii()));
            }
        }
        all.sort();
        all
    }
}

fn sorted(value: &Value, step: usize) -> String {
    let members = value.members().unwrap();
    let mut all: Vec<String> = members
        .chunks(step)
        .map(|some| some.iter().map(Value::to_string).collect::<Vec<_>>().join("="))
        .collect();
    all.sort();
    format!("{all:?}")
}

/// Random strings of several kinds.
fn text(rng: &mut Rng) -> Vec<u8> {
    match rng.below(4) {
        0 => (rng.next_u64() as i64 >> rng.below(64)).to_string().into_bytes(),
        1 => b"ab".repeat(rng.below(200)),
        2 => format!("member:{}", rng.below(2000)).into_bytes(),
        _ => (0..rng.below(90)).map(|_| rng.next_u64() as u8).collect(),
    }
}

/// Values of all types and sizes, in several databases, some with deadlines.
pub fn fill(client: &mut Client, seed: u64, keys: u64) {
    let mut rng = Rng::new(seed);
    for number in 0..keys {
        client.say(&format!("SELECT {}", rng.below(3)));
        let (key, kind) = (format!("key:{number}").into_bytes(), rng.below(6));
        let count = [1, 5, 100, 600, 1500][rng.below(5)];
        for _ in 0..if kind == 0 { 1 } else { count } {
            let (one, two) = (text(&mut rng), text(&mut rng));
            let number = ((rng.next_u64() as i64) >> rng.below(60)).to_string().into_bytes();
            let score = [&b"1.5"[..], b"inf", b"-3", b"1e300", &number][rng.below(5)];
            client.ask(&match kind {
                0 => vec![&b"SET"[..], &key, &one],
                1 => vec![&b"RPUSH"[..], &key, &one, &two],
                2 => vec![&b"HSET"[..], &key, &one, &two],
                3 => vec![&b"SADD"[..], &key, &one, &two],
                4 => vec![&b"SADD"[..], &key, &number],
                _ => vec![&b"ZADD"[..], &key, score, &one],
            });
        }
        if rng.below(3) == 0 {
            client.ask(&[b"PEXPIRE", &key, (10_000_000 + rng.below(1 << 30)).to_string().as_bytes()]);
        }
    }
}

/// Compares all that two servers hold, and shows where they differ.
#[track_caller]
pub fn same(left: &[String], right: &[String], what: &str) {
    let without = |some: &[String], others: &[String]| -> Vec<String> {
        let differs = some.iter().filter(|line| !others.contains(line));
        differs.map(|line| line.chars().take(300).collect()).collect()
    };
    let (left, right) = (without(left, right), without(right, left));
    assert!(left.is_empty() && right.is_empty(), "{what}:\n{}\nbut\n{}", left.join("\n"), right.join("\n"));
}
