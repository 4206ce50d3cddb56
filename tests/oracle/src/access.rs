//! Who may do what, compared: random rules for a user on both servers, what they say of it afterwards, and what it may then do,
//! asked of `ACL DRYRUN` and tried on a connection.
//!
//! Redis lists the single commands of a user in the order of its hash table, which is another one in every process; they are
//! sorted before they are compared. Nothing else is.
use std::io::{Error, Result};

use kit::resp::{self, Value};
use kit::rng::Rng;

use crate::connection::{Connection, exchange_one};
use crate::server::Server;

/// How many commands are tried under each set of rules, without and with a connection of its user.
const DRY: usize = 40;
const REAL: usize = 25;

const KEYS: &[&str] = &["a", "a1", "ab", "b", "b1", "ba", "k", "c:1", ""];
const CHANNELS: &[&str] = &["news", "news.x", "chat", "n", "*"];
const CATEGORIES: &[&str] = &[
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "bitmap",
    "hyperloglog",
    "geo",
    "stream",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
    "all",
    "READ",
    "nope",
    "",
];
const FIXED: &[&str] = &[
    "on",
    "off",
    "ON",
    "nopass",
    "resetpass",
    "reset",
    "allkeys",
    "resetkeys",
    "allchannels",
    "resetchannels",
    "allcommands",
    "nocommands",
    "clearselectors",
    "sanitize-payload",
    "skip-sanitize-payload",
    "+@all",
    "-@all",
    "~*",
    "&*",
    "",
    "()",
];
const MALFORMED: &[&str] = &[
    "nonsense",
    "+",
    "-",
    "~",
    "&",
    "%",
    "%R",
    "%RW",
    "%RR~a",
    "%x~a",
    "%~a",
    "+get|",
    "+config|",
    "+config|nope",
    "+config|get|x",
    "-select|0",
    "+|",
    "|",
    "@all",
    ")",
    "(",
    "(+get",
    "+get)",
    "((+get))",
    "(+nope)",
    "(on)",
    "(>x)",
    "#",
    "#12",
    "!",
    "<gone",
    "~a b",
    "&a b",
    "+nope",
    "-nope|x",
    "+memory|doctor|x",
    "(~a \"b)",
    "(\"~a\" '+get')",
    "%rw~",
    "%w",
    "><",
    "user",
];
const WORDS: &[&str] = &[
    "0", "1", "2", "3", "-1", "x", "GET", "STORE", "BY", "LIMIT", "w*", "#", "NX", "COUNT", "WEIGHTS", "u8",
    "SET", "INCRBY", "LEFT", "MIN", "STREAMS",
];

/// Commands that a connection can try: they neither block nor close it, and both servers have the same data.
const TRIED: &[&str] = &[
    "GET K",
    "SET K V",
    "SET K V GET",
    "STRLEN K",
    "APPEND K V",
    "MGET K K K",
    "MSET K V K V",
    "DEL K K",
    "EXISTS K",
    "COPY K K",
    "RENAME K K",
    "TYPE K",
    "OBJECT ENCODING K",
    "MEMORY USAGE K",
    "TOUCH K K",
    "EXPIRE K 100",
    "INCR K",
    "BITFIELD K GET u8 0",
    "BITFIELD K SET u8 0 1",
    "BITOP OR K K K",
    "SORT K",
    "SORT K BY w* GET #",
    "SORT K BY w GET w*",
    "SORT K STORE K",
    "SORT_RO K BY w*",
    "SINTERCARD 2 K K",
    "SINTERSTORE K K K",
    "SMOVE K K V",
    "ZUNIONSTORE K 2 K K",
    "ZUNION 9 K K",
    "ZADD K 1 V",
    "ZRANGESTORE K K 0 -1",
    "LMOVE K K LEFT LEFT",
    "LPUSH K V",
    "LMPOP 2 K K LEFT",
    "HSET K f V",
    "HGET K f",
    "PUBLISH C V",
    "SPUBLISH C V",
    "PING",
    "ECHO V",
    "SELECT 0",
    "SELECT 1",
    "CONFIG GET port",
    "CONFIG SET hz 10",
    "CLIENT GETNAME",
    "ACL WHOAMI",
    "ACL CAT",
    "ACL LIST",
    "DBSIZE",
    "KEYS x",
    "WATCH K",
    "UNWATCH",
    "DUMP K",
    "GETEX K",
    "GETDEL K",
    "SETRANGE K 0 V",
    "LCS K K",
    "RANDOMKEY",
    "SCAN 0",
    "COMMAND COUNT",
    "TIME",
    "NOPE K",
    "GET",
    "CONFIG NOPE",
];

/// Two servers, and the connections to them.
struct Pair {
    admins: [Connection; 2],
    addresses: [std::net::SocketAddr; 2],
    /// What was said, for the report.
    script: Vec<String>,
}

/// What the two answered.
type Answers = [resp::Value; 2];

impl Pair {
    fn open(servers: [&Server; 2]) -> Result<Self> {
        let [a, b] = servers.map(|server| server.address);
        Ok(Pair {
            admins: [Connection::open(a)?, Connection::open(b)?],
            addresses: [a, b],
            script: Vec::new(),
        })
    }

    fn admin(&mut self, words: &[&str]) -> Result<Answers> {
        self.script.push(format!("admin: {}", words.join(" ")));
        ask(&mut self.admins, words)
    }

    /// The report on a difference, or `None`.
    fn compare(&self, what: &str, [redis, ours]: &[String; 2]) -> Option<String> {
        let script = self.script.join("\n");
        (redis != ours).then(|| format!("{script}\n=> {what}\n   redis: {redis}\n   ours:  {ours}"))
    }
}

fn ask(connections: &mut [Connection; 2], words: &[&str]) -> Result<Answers> {
    let mut request = Vec::new();
    resp::request(&words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>(), &mut request);
    let [a, b] = connections;
    let answer = |connection: &mut Connection| {
        let reply = exchange_one(connection, request.clone()).map(|reply| reply.value.clone());
        reply.ok_or_else(|| Error::other(format!("no answer to {}", words.join(" "))))
    };
    Ok([answer(a)?, answer(b)?])
}

/// Plays the rule sets of one seed; the first difference, with what led to it.
///
/// # Errors
/// A server cannot be reached or does not answer.
pub fn play(servers: [&Server; 2], commands: &[String], seed: u64) -> Result<Option<String>> {
    let mut rng = Rng::new(seed);
    let mut pair = Pair::open(servers)?;
    let user = *rng.pick(&["ada", "bob", "ALICE", "x:y", "default2"]);
    if rng.percent(50) {
        let words = ["CONFIG", "SET", "acl-pubsub-default", *rng.pick(&["allchannels", "resetchannels"])];
        pair.admin(&words)?;
    }
    if let Some(found) = set_rules(&mut pair, &mut rng, commands, user)? {
        return Ok(Some(found));
    }
    for words in [vec!["ACL", "GETUSER", user], vec!["ACL", "LIST"], vec!["ACL", "USERS"]] {
        let told = pair.admin(&words)?.map(|answer| normal(&answer));
        if let Some(found) = pair.compare(&words.join(" "), &told) {
            return Ok(Some(found));
        }
    }
    for _ in 0..DRY {
        let request = random_request(&mut rng, commands);
        let mut words = vec!["ACL", "DRYRUN", user];
        words.extend(request.iter().map(String::as_str));
        let told = pair.admin(&words)?.map(|answer| normal(&answer));
        pair.script.pop();
        if let Some(found) = pair.compare(&words.join(" "), &told) {
            return Ok(Some(found));
        }
    }
    let found = try_commands(&mut pair, &mut rng, user)?;
    pair.admin(&["ACL", "DELUSER", user])?;
    Ok(found)
}

/// Says rules, in one command or in several.
fn set_rules(pair: &mut Pair, rng: &mut Rng, commands: &[String], user: &str) -> Result<Option<String>> {
    for _ in 0..rng.range(1, 4) {
        let rules: Vec<String> =
            (0..rng.range(0, 7)).flat_map(|_| random_rule(rng, commands, true)).collect();
        let mut words = vec!["ACL", "SETUSER", user];
        words.extend(rules.iter().map(String::as_str));
        let told = pair.admin(&words)?.map(|answer| normal(&answer));
        let found = pair.compare(&words.join(" "), &told);
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// One rule, in one word or, sometimes, spread over several.
fn random_rule(rng: &mut Rng, commands: &[String], may_nest: bool) -> Vec<String> {
    let pattern =
        |rng: &mut Rng| (*rng.pick(&["*", "a*", "b?", "[ab]1", "k", "c:*", "a", "", "ab*c"])).to_owned();
    let channel = |rng: &mut Rng| (*rng.pick(&["*", "news*", "chat", "n", "news.?", ""])).to_owned();
    let sign = if rng.percent(60) { "+" } else { "-" };
    let rule = match rng.below(if may_nest { 100 } else { 80 }) {
        0..25 => format!("{sign}{}", rng.pick(commands)),
        25..40 => format!("{sign}@{}", rng.pick(CATEGORIES)),
        40..55 => format!("{}~{}", rng.pick(&["", "", "%R", "%W", "%RW", "%r"]), pattern(rng)),
        55..62 => format!("&{}", channel(rng)),
        62..66 => format!(
            "+{}|{}",
            rng.pick(&["select", "get", "config", "sort", "memory"]),
            rng.pick(&["0", "1", "a", "GET"])
        ),
        66..70 => format!("{}{}", rng.pick(&[">", "<"]), rng.pick(&["x", "y", "long password", ""])),
        70..80 => (*rng.pick(FIXED)).to_owned(),
        80..84 => (*rng.pick(MALFORMED)).to_owned(),
        _ => {
            let inner: Vec<String> =
                (0..rng.range(0, 4)).flat_map(|_| random_rule(rng, commands, false)).collect();
            let text = format!("({})", inner.join(" "));
            if rng.percent(30) {
                return text.split(' ').map(str::to_owned).collect();
            }
            text
        }
    };
    vec![rule]
}

/// Any command with any arguments: its keys are found by the same rules, or it is refused in the same words.
fn random_request(rng: &mut Rng, commands: &[String]) -> Vec<String> {
    let mut words: Vec<String> = rng.pick(commands).split('|').map(str::to_owned).collect();
    for _ in 0..rng.range(0, 5) {
        let pool = match rng.below(10) {
            0..5 => KEYS,
            5..9 => WORDS,
            _ => CHANNELS,
        };
        words.push((*rng.pick(pool)).to_owned());
    }
    words
}

/// Logs in as the user, and tries commands, some of them in a transaction during which its rules change.
fn try_commands(pair: &mut Pair, rng: &mut Rng, user: &str) -> Result<Option<String>> {
    pair.admin(&["ACL", "LOG", "RESET"])?;
    pair.admin(&["ACL", "SETUSER", user, "on", "nopass"])?;
    let mut clients = [Connection::open(pair.addresses[0])?, Connection::open(pair.addresses[1])?];
    ask(&mut clients, &["AUTH", user, "any"])?;
    for nth in 0..REAL {
        let in_transaction = nth % 5 == 4;
        let mut lines: Vec<String> =
            (0..if in_transaction { 3 } else { 1 }).map(|_| random_line(rng)).collect();
        if in_transaction {
            lines.insert(0, "MULTI".to_owned());
            lines.push("EXEC".to_owned());
        }
        for line in &lines {
            if line == "EXEC" {
                let rule = *rng.pick(&[
                    "-get",
                    "+@all",
                    "resetkeys",
                    "~a*",
                    "-@write",
                    "+@read",
                    "clearselectors",
                    "resetchannels",
                ]);
                pair.admin(&["ACL", "SETUSER", user, rule])?;
            }
            pair.script.push(format!("{user}: {line}"));
            let words: Vec<&str> = line.split(' ').collect();
            let told = ask(&mut clients, &words)?.map(|answer| refusals(&answer));
            if let Some(found) = pair.compare(line, &told) {
                return Ok(Some(found));
            }
        }
    }
    ask(&mut clients, &["AUTH", "nobody", "x"])?;
    let told = pair.admin(&["ACL", "LOG", "100"])?.map(|answer| without_clients(&answer));
    Ok(pair.compare("ACL LOG 100", &told))
}

fn random_line(rng: &mut Rng) -> String {
    let line = *rng.pick(TRIED);
    fill(line, rng)
}

/// A line of [`TRIED`] with keys, values and channels.
fn fill(line: &str, rng: &mut Rng) -> String {
    let word = |word: &str| match word {
        "K" => (*rng.pick(&KEYS[..8])).to_owned(),
        "C" => (*rng.pick(CHANNELS)).to_owned(),
        "V" => (*rng.pick(&["1", "2", "x"])).to_owned(),
        other => other.to_owned(),
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// What a reply says about permissions. Everything else about it is compared by other tests.
fn refusals(value: &Value) -> String {
    match value {
        Value::Error(text) => {
            let text = String::from_utf8_lossy(text).into_owned();
            if text.starts_with("NOPERM") || text.contains("ACL") || text.starts_with("EXECABORT") {
                text
            } else {
                "error".into()
            }
        }
        Value::Aggregate(_, members) if members.iter().any(|member| matches!(member, Value::Error(_))) => {
            members.iter().map(refusals).collect::<Vec<_>>().join(", ")
        }
        _ => "permitted".into(),
    }
}

/// A reply as text, with the single commands of each list of rules in order.
fn normal(value: &Value) -> String {
    match value {
        Value::Aggregate(_, members) => {
            format!("[{}]", members.iter().map(normal).collect::<Vec<_>>().join(", "))
        }
        Value::Bulk(text) => sorted(&String::from_utf8_lossy(text)),
        other => format!("{other:?}"),
    }
}

/// Rules with each row of neighbours that permit or forbid single commands sorted by the command's name.
fn sorted(text: &str) -> String {
    let is_single = |word: &&str| word.starts_with(['+', '-']) && !word[1..].starts_with('@');
    let (mut words, mut row): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for word in text.split(' ') {
        // The last of a selector carries its parenthesis.
        if is_single(&word) && !word.ends_with(')') {
            row.push(word);
        } else if is_single(&word) {
            row.push(word.trim_end_matches(')'));
            row.sort_by_key(|word| &word[1..]);
            words.append(&mut row);
            words.push(")");
        } else {
            row.sort_by_key(|word| &word[1..]);
            words.append(&mut row);
            words.push(word);
        }
    }
    row.sort_by_key(|word| &word[1..]);
    words.append(&mut row);
    words.join(" ")
}

/// `ACL LOG` without how long ago, and by which connection.
fn without_clients(value: &Value) -> String {
    let entry = |entry: &Value| {
        let fields = entry.members().unwrap_or_default();
        let fields = fields.iter().take(10).map(normal).collect::<Vec<_>>();
        fields.join(" ")
    };
    value.members().unwrap_or_default().iter().map(entry).collect::<Vec<_>>().join("\n")
}

/// The names of all commands that a server has, subcommands too.
///
/// # Errors
/// The server cannot be reached or does not answer.
pub fn command_names(server: &Server) -> Result<Vec<String>> {
    let mut connection = Connection::open(server.address)?;
    let mut request = Vec::new();
    resp::request(&[b"COMMAND", b"LIST"], &mut request);
    let reply = exchange_one(&mut connection, request).ok_or_else(|| Error::other("no answer"))?;
    let names = reply.value.members().unwrap_or_default().iter().filter_map(Value::text);
    Ok(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
}

/// The categories of both servers that do not hold the same commands, of those that both have.
///
/// # Errors
/// As [`command_names`].
pub fn differing_categories(servers: [&Server; 2], ours: &[String]) -> Result<Vec<String>> {
    let mut pair = Pair::open(servers)?;
    let mut differing = Vec::new();
    for category in CATEGORIES.iter().take(21) {
        let [redis, own] = pair.admin(&["ACL", "CAT", category])?.map(|answer| {
            let names = answer.members().unwrap_or_default().iter().filter_map(Value::text);
            let mut names: Vec<String> =
                names.map(|name| String::from_utf8_lossy(name).into_owned()).collect();
            names.retain(|name| ours.contains(name));
            names.sort();
            names
        });
        if redis != own {
            differing.push(format!("@{category}: redis {redis:?}, ours {own:?}"));
        }
    }
    Ok(differing)
}
