//! Steps are played to both servers, batch by batch, and the replies compared.
use std::net::SocketAddr;

use super::connection::{Connection, Ending, Reply, encode, exchange, exchange_one};
use super::exceptions::{Rule, rule_for};
use super::grammar::{CONNECTIONS, PASSWORD};
use super::step::{Piece, Request, Step};
use kit::resp::Value;

/// The first difference between the two servers.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Number of steps up to and including the batch in which it showed.
    pub after: usize,
    /// The command, as far as one can be named.
    pub command: String,
    /// What Redis answered.
    pub redis: String,
    /// What this server answered.
    pub ours: String,
}

/// Both servers with the same connections open to each.
pub struct Replay {
    addresses: [SocketAddr; 2],
    pairs: Vec<Option<Pair>>,
    exchanges: usize,
}

struct Pair {
    connections: [Connection; 2],
    ids: [Vec<u8>; 2],
}

impl Replay {
    /// Brings both servers into the same fresh state.
    pub fn start(addresses: [SocketAddr; 2]) -> std::io::Result<Self> {
        let mut replay = Replay { addresses, pairs: (0..CONNECTIONS).map(|_| None).collect(), exchanges: 0 };
        let mut pair = [Connection::open(addresses[0])?, Connection::open(addresses[1])?];
        let mut bytes = Vec::new();
        let reset: [&[&[u8]]; 18] = [
            &[b"AUTH", PASSWORD.as_bytes()],
            &[b"CLIENT", b"UNPAUSE"],
            &[b"CONFIG", b"SET", b"requirepass", b""],
            &[b"CONFIG", b"SET", b"timeout", b"0"],
            &[b"CONFIG", b"SET", b"maxmemory", b"0"],
            &[b"CONFIG", b"SET", b"notify-keyspace-events", b""],
            &[b"CONFIG", b"SET", b"loglevel", b"warning"],
            &[b"CONFIG", b"SET", b"client-output-buffer-limit", b"replica 256mb 64mb 60 pubsub 32mb 8mb 60"],
            &[b"DEBUG", b"SET-ACTIVE-EXPIRE", b"0"],
            &[b"FLUSHALL"],
            &[b"CONFIG", b"RESETSTAT"],
            &[b"CONFIG", b"SET", b"hash-max-listpack-entries", b"512"],
            &[b"CONFIG", b"SET", b"hash-max-listpack-value", b"64"],
            &[b"CONFIG", b"SET", b"zset-max-listpack-entries", b"128"],
            &[b"CONFIG", b"SET", b"zset-max-listpack-value", b"64"],
            &[b"CONFIG", b"SET", b"set-max-intset-entries", b"512"],
            &[b"CONFIG", b"SET", b"list-max-listpack-size", b"-2"],
            &[b"CONFIG", b"SET", b"list-compress-depth", b"0"],
        ];
        for command in reset {
            encode(&Request::command(command), &[], &[], &mut bytes);
        }
        let [a, b] = &mut pair;
        replay.exchange([a, b], [bytes.clone(), bytes]);
        let flushed =
            |connection: &Connection| connection.replies.get(9).is_some_and(|reply| reply.raw == b"+OK\r\n");
        if !pair.iter().all(flushed) {
            return Err(std::io::Error::other("a server cannot be brought back to its initial state"));
        }
        // All connections exist from the start, so that CLIENT LIST and CLIENT KILL mean the same on every replay.
        for connection in 0..CONNECTIONS {
            replay.pair(connection)?;
        }
        Ok(replay)
    }

    fn exchange(&mut self, pair: [&mut Connection; 2], requests: [Vec<u8>; 2]) -> [Ending; 2] {
        self.exchanges += 1;
        exchange(pair, requests, format!("end-of-exchange-{}.", self.exchanges).as_bytes())
    }

    /// Opens the connection if it is not open, and asks for its ids.
    fn pair(&mut self, connection: usize) -> std::io::Result<()> {
        if self.pairs[connection].is_some() {
            return Ok(());
        }
        let mut pair = [Connection::open(self.addresses[0])?, Connection::open(self.addresses[1])?];
        let mut bytes = Vec::new();
        encode(&Request::command(&[b"CLIENT", b"ID"]), &[], &[], &mut bytes);
        let [a, b] = &mut pair;
        self.exchange([a, b], [bytes.clone(), bytes]);
        let ids = [0, 1].map(|side| match pair[side].replies.first() {
            Some(Reply { value: Value::Integer(id), .. }) => id.to_string().into_bytes(),
            _ => b"0".to_vec(),
        });
        self.pairs[connection] = Some(Pair { connections: pair, ids });
        Ok(())
    }

    /// Plays all steps; the first difference, if there is one.
    pub fn play(&mut self, steps: &[Step]) -> std::io::Result<Option<Difference>> {
        let mut played = 0;
        for batch in steps.chunk_by(|a, b| a.batch == b.batch && a.connection == b.connection) {
            played += batch.len();
            if let Some((command, redis, ours)) = self.play_batch(batch)? {
                return Ok(Some(Difference { after: played, command, redis, ours }));
            }
        }
        Ok(None)
    }

    fn play_batch(&mut self, batch: &[Step]) -> std::io::Result<Option<(String, String, String)>> {
        let connection = batch[0].connection;
        self.pair(connection)?;
        let requests = [0, 1].map(|side| self.encode_batch(batch, side));
        let mut pair = self.pairs[connection].take().expect("opened above");
        let [a, b] = &mut pair.connections;
        let endings = self.exchange([a, b], requests);
        if let [Step { request, .. }] = batch
            && request.is("SCAN", Some("0"))
        {
            pair.connections.iter_mut().for_each(|connection| scan_to_the_end(connection, request));
        }
        let [a, b] = &pair.connections;
        let difference = compare(batch, [&a.replies, &b.replies], &endings);
        // A connection that both closed is opened anew when it is needed again.
        if endings == [Ending::Complete, Ending::Complete] {
            self.pairs[connection] = Some(pair);
        }
        Ok(difference)
    }

    fn encode_batch(&self, batch: &[Step], side: usize) -> Vec<u8> {
        let open = |f: &dyn Fn(&Pair) -> Vec<u8>| -> Vec<Vec<u8>> {
            self.pairs.iter().map(|pair| pair.as_ref().map_or(b"0".to_vec(), f)).collect()
        };
        let ids = open(&|pair| pair.ids[side].clone());
        let addresses: Vec<String> = open(&|pair| pair.connections[side].local_address().into_bytes())
            .into_iter()
            .map(|address| String::from_utf8_lossy(&address).into_owned())
            .collect();
        let mut bytes = Vec::new();
        for step in batch {
            encode(&step.request, &ids, &addresses, &mut bytes);
        }
        if batch.iter().any(|step| silences(&step.request)) {
            encode(&Request::command(&[b"CLIENT", b"REPLY", b"ON"]), &[], &[], &mut bytes);
        }
        bytes
    }
}

/// Goes on with a SCAN until its cursor is 0, and leaves the set of all keys as its one reply.
fn scan_to_the_end(connection: &mut Connection, request: &Request) {
    let Request::Command(pieces) = request else { return };
    let mut all = Vec::new();
    let mut reply = connection.replies.first();
    loop {
        let Some([Value::Bulk(cursor), Value::Aggregate(_, keys)]) = reply.and_then(|r| r.value.members())
        else {
            return;
        };
        all.extend(keys.iter().cloned());
        if cursor == b"0" {
            break;
        }
        let mut next = pieces.clone();
        next[1] = Piece::Bytes(cursor.clone());
        let mut bytes = Vec::new();
        encode(&Request::Command(next), &[], &[], &mut bytes);
        reply = exchange_one(connection, bytes);
    }
    all.sort();
    all.dedup();
    let raw = format!("(a complete iteration finds {} keys)", all.len()).into_bytes();
    connection.replies = vec![Reply { raw, value: Value::Aggregate(b'*', all) }];
}

/// Whether replies will be missing on purpose.
fn silences(request: &Request) -> bool {
    request.is("CLIENT", Some("REPLY")) && matches!(request.word(2).as_slice(), b"OFF" | b"SKIP")
}

fn compare(
    batch: &[Step],
    replies: [&[Reply]; 2],
    endings: &[Ending; 2],
) -> Option<(String, String, String)> {
    let [redis, ours] = replies;
    // Where replies are missing on purpose (CLIENT REPLY), no reply can be matched to its request.
    let matched = redis.len() <= batch.len() && !batch.iter().any(|step| silences(&step.request));
    for at in 0..redis.len().max(ours.len()) {
        let request = batch.get(at).filter(|_| matched).map(|step| &step.request);
        let (a, b) = (redis.get(at), ours.get(at));
        if let (Some(a), Some(b)) = (a, b) {
            if matched && agree_on_exec(&batch[..at.min(batch.len())], &redis[..at], request, a, b) {
                continue;
            }
            let scanned = request.is_some_and(|request| request.is("SCAN", Some("0")));
            if agree(request, a, b, scanned) {
                continue;
            }
        }
        let command = request.map_or_else(|| "(in this batch)".into(), Request::script_line);
        let rule = request.and_then(rule_for);
        return Some((command, show(a, rule, &endings[0]), show(b, rule, &endings[1])));
    }
    // A server that falls silent is a finding even if the other does the same.
    (endings[0] != endings[1] || endings[0] == Ending::Silent).then(|| {
        let command = batch.get(redis.len()).filter(|_| matched);
        let name = command.map_or_else(|| "(end of the batch)".into(), |step| step.request.script_line());
        (name, show(None, None, &endings[0]), show(None, None, &endings[1]))
    })
}

/// Compares the reply of EXEC, whose members answer what was queued before it: each by its own rule.
fn agree_on_exec(
    before: &[Step],
    replies: &[Reply],
    request: Option<&Request>,
    a: &Reply,
    b: &Reply,
) -> bool {
    let (Some(theirs), Some(mine)) = (a.value.members(), b.value.members()) else { return false };
    if !request.is_some_and(|request| request.is("EXEC", None)) || theirs.len() != mine.len() {
        return false;
    }
    let queued = before.iter().zip(replies).filter(|(_, reply)| reply.raw == b"+QUEUED\r\n");
    let queued: Vec<&Request> = queued.map(|(step, _)| &step.request).collect();
    // Of several transactions in a batch, the last was the one.
    let Some(first) = queued.len().checked_sub(theirs.len()) else { return false };
    queued[first..].iter().zip(theirs.iter().zip(mine)).all(|(request, (a, b))| {
        let rule = if request.is("SCAN", None) { Some(Rule::SameKind) } else { rule_for(request) };
        a == b || rule.is_some_and(|rule| rule.allows_values(a, b))
    })
}

fn agree(request: Option<&Request>, redis: &Reply, ours: &Reply, scanned: bool) -> bool {
    if scanned {
        return redis.value == ours.value;
    }
    if redis.raw == ours.raw {
        return true;
    }
    let rule = match request {
        // A cursor in the middle means something only to the server that gave it.
        Some(request) if request.is("SCAN", None) => Some(Rule::SameKind),
        Some(request) => rule_for(request),
        None => None,
    };
    rule.is_some_and(|rule| rule.allows(redis, ours))
}

/// A reply for a person: the part of it that was compared, and not too much of it.
fn show(reply: Option<&Reply>, rule: Option<Rule>, ending: &Ending) -> String {
    let mut text = match (reply, rule) {
        (Some(reply), Some(Rule::Projected(project))) if !matches!(reply.value, Value::Error(_)) => {
            project(&reply.value).to_string()
        }
        (Some(reply), _) => reply.raw.escape_ascii().to_string(),
        (None, _) => format!("no reply, {ending:?}"),
    };
    if text.len() > 600 {
        let end = (0..=600).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}
