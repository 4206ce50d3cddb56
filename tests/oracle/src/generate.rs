//! A seed becomes a sequence of steps.
use super::grammar::{self, CONNECTIONS, PASSWORD, Row};
use super::step::{Request, Step};
use super::table;
use kit::rng::Rng;

/// The most requests in one write.
const BATCH: usize = 64;

/// About the most bytes in one write: less than a server reads at once. If a connection is closed with a part of the
/// batch unread, TCP resets it and may throw replies away.
const BATCH_BYTES: usize = 8_000;

/// `count` steps (a few more, to end with a whole batch).
pub fn steps(seed: u64, count: usize) -> Vec<Step> {
    let mut generator =
        Generator { rng: Rng::new(seed), rows: table::rows().collect(), steps: Vec::new(), batch: 0 };
    // Half of the connections speak RESP3, until HELLO, RESET or a new connection changes it.
    for connection in CONNECTIONS / 2..CONNECTIONS {
        generator.push(connection, Request::command(&[b"HELLO", b"3"]));
        generator.batch += 1;
    }
    while generator.steps.len() < count {
        generator.batch();
    }
    generator.steps
}

struct Generator {
    rng: Rng,
    rows: Vec<&'static Row>,
    steps: Vec<Step>,
    batch: usize,
}

impl Generator {
    fn batch(&mut self) {
        let connection = self.rng.below(CONNECTIONS);
        match self.rng.below(200) {
            0 => self.silence(connection),
            1 => self.password(connection),
            2..4 => {
                let raw = *self.rng.pick(table::RAW);
                self.push(connection, Request::Raw(raw.to_vec()));
            }
            4..6 => self.configuration(connection),
            6..18 => self.transaction(connection),
            18..24 => self.channels(connection),
            _ => {
                let mut bytes = 0;
                for _ in 0..1 + self.rng.below(BATCH) {
                    match self.one(connection) {
                        Some(more) if bytes + more < BATCH_BYTES => bytes += more,
                        _ => break,
                    }
                }
            }
        }
        self.batch += 1;
    }

    /// MULTI, a few commands, EXEC or DISCARD: all in one batch, because what marks a batch's end is an error.
    fn transaction(&mut self, connection: usize) {
        self.push(connection, Request::command(&[b"MULTI"]));
        for _ in 0..self.rng.below(8) {
            let row = self.row();
            let request = grammar::command(row, &mut self.rng);
            let settle = self.touch_after_past_deadline(&request).or_else(|| forget_after_chance(&request));
            self.push_prepared(connection, request);
            if let Some(settle) = settle {
                self.push(connection, settle);
            }
        }
        match self.rng.below(10) {
            0 => self.push(connection, Request::command(&[b"DISCARD"])),
            1 => self.push(connection, Request::command(&[b"EXEC", b"now"])),
            _ => self.push(connection, Request::command(&[b"EXEC"])),
        }
        self.push(connection, Request::command(&[b"DISCARD"]));
    }

    /// One connection listens while others publish. A client's messages to itself are left out: Redis writes them in front of
    /// the reply, this server behind it (docs/src/design/journal.md).
    fn channels(&mut self, connection: usize) {
        for _ in 0..1 + self.rng.below(3) {
            let (name, names) = *self.rng.pick(table::SUBSCRIBE);
            let names = (0..1 + self.rng.below(2)).map(|_| *self.rng.pick(names)).collect::<Vec<&[u8]>>();
            self.push(connection, Request::command(&[&[name], &names[..]].concat()));
        }
        for _ in 0..1 + self.rng.below(3) {
            self.batch += 1;
            let other = (connection + 1 + self.rng.below(CONNECTIONS - 1)) % CONNECTIONS;
            let request: &'static [&'static [u8]] = self.rng.pick::<&[&[u8]]>(table::PUBLISH);
            self.push(other, Request::command(request));
        }
        self.batch += 1;
        self.push(connection, Request::command(&[b"PING"]));
        // Alone, so that its reply can be told from messages and is compared by its rule.
        self.batch += 1;
        self.push(connection, Request::command(&[b"CLIENT", b"INFO"]));
        self.batch += 1;
        for _ in 0..self.rng.below(4) {
            let request = match self.rng.below(4) {
                0 => Request::command(&[b"GET", b"k1"]),
                1 => Request::command(&[b"PING", b"there"]),
                2 => Request::command(&[b"MULTI"]),
                _ => Request::command(&[b"SUBSCRIBE"]),
            };
            self.push(connection, request);
        }
        self.push(connection, Request::command(&[b"DISCARD"]));
        if self.rng.percent(50) {
            self.push(connection, Request::command(&[b"RESET"]));
        }
        // Of several the order would be that of a hash table.
        for (name, names) in table::UNSUBSCRIBE {
            self.push(connection, Request::command(&[&[*name], *names].concat()));
            self.push(connection, Request::command(&[name]));
        }
    }

    fn row(&mut self) -> &'static Row {
        let total: usize = self.rows.iter().map(|row| row.weight).sum();
        let mut at = self.rng.below(total);
        let hit = |row: &&&Row| {
            let hit = at < row.weight;
            at = at.wrapping_sub(row.weight);
            hit
        };
        self.rows.iter().find(hit).expect("the weights add up to the total")
    }

    /// One command out of the table and its size; `None` if the batch must end after it.
    fn one(&mut self, connection: usize) -> Option<usize> {
        let row = self.row();
        let request = grammar::command(row, &mut self.rng);
        // A complete iteration needs several requests, each made of the reply before.
        let scan = request.is("SCAN", Some("0"));
        if scan {
            self.batch += 1;
        }
        let settle = self.touch_after_past_deadline(&request).or_else(|| forget_after_chance(&request));
        let last = scan || request.is("QUIT", None) || request.is("CLIENT", Some("KILL"));
        let size = request.size();
        self.push_prepared(connection, request);
        if let Some(touch) = settle {
            self.push(connection, touch);
        }
        (!last).then_some(size)
    }

    /// `SET key value PXAT 1` stores a key that is already dead. Whether it still counts in DBSIZE depends on who looks
    /// first, so somebody looks at once.
    fn touch_after_past_deadline(&mut self, request: &Request) -> Option<Request> {
        let Request::Command(pieces) = request else { return None };
        let at = (3..pieces.len()).any(|i| matches!(request.word(i).as_slice(), b"EXAT" | b"PXAT"));
        let (true, Some(super::step::Piece::Bytes(key))) = (request.is("SET", None) && at, pieces.get(1))
        else {
            return None;
        };
        let touches: [(&[u8], Option<&[u8]>); 10] = [
            (b"GET", None),
            (b"EXISTS", None),
            (b"TTL", None),
            (b"TYPE", None),
            (b"INCR", None),
            (b"DEL", None),
            (b"PERSIST", None),
            (b"APPEND", Some(b"x")),
            (b"RENAME", Some(b"k1")),
            (b"SETNX", Some(b"y")),
        ];
        let (name, more) = *self.rng.pick(&touches);
        let args: Vec<&[u8]> = [Some(name), Some(key), more].into_iter().flatten().collect();
        Some(Request::command(&args))
    }

    /// CLIENT REPLY OFF or SKIP with commands that go unanswered.
    fn silence(&mut self, connection: usize) {
        let mode: &[u8] = if self.rng.percent(50) { b"OFF" } else { b"SKIP" };
        self.push(connection, Request::command(&[b"CLIENT", b"REPLY", mode]));
        for _ in 0..1 + self.rng.below(4) {
            let request = match self.rng.below(4) {
                0 => Request::command(&[b"INCR", b"num0"]),
                1 => Request::command(&[b"SET", b"k1", b"silent"]),
                2 => Request::command(&[b"GET"]),
                _ => Request::command(&[b"PING"]),
            };
            self.push(connection, request);
        }
    }

    /// A few attempts to change the configuration.
    fn configuration(&mut self, connection: usize) {
        for _ in 0..1 + self.rng.below(6) {
            let (names, values) = *self.rng.pick(table::CONFIG_SET);
            let (name, value) = (self.rng.pick(names).as_bytes(), self.rng.pick(values).as_bytes());
            self.push(connection, Request::command(&[b"CONFIG", b"SET", name, value]));
        }
    }

    /// A password is set, the connection goes back to not being authenticated, tries a few commands, and the password
    /// goes away again. Not more than a few: security updates of 7.0.15 close a connection without a password whose
    /// replies have outgrown a buffer, the size of which depends on time.
    fn password(&mut self, connection: usize) {
        self.push(connection, Request::command(&[b"CONFIG", b"SET", b"requirepass", PASSWORD.as_bytes()]));
        self.push(connection, Request::command(&[b"RESET"]));
        for _ in 0..1 + self.rng.below(6) {
            // A server may take a whole batch apart before it runs it, by the limits for those who know the password.
            self.batch += 1;
            let attempt: &'static [&'static [u8]] = self.rng.pick::<&[&[u8]]>(table::WITHOUT_PASSWORD);
            self.push(connection, Request::command(attempt));
        }
        self.batch += 1;
        self.push(connection, Request::command(&[b"AUTH", PASSWORD.as_bytes()]));
        self.push(connection, Request::command(&[b"CONFIG", b"SET", b"requirepass", b""]));
    }

    fn push_prepared(&mut self, connection: usize, request: Request) {
        if let Some(before) = forget_range_error(&request) {
            self.push(connection, before);
        }
        self.push(connection, request);
    }

    fn push(&mut self, connection: usize, request: Request) {
        self.steps.push(Step { connection, batch: self.batch, request });
    }
}

/// `SPOP` takes other members from each server: the rest of the set goes too.
fn forget_after_chance(request: &Request) -> Option<Request> {
    let Request::Command(pieces) = request else { return None };
    match pieces.get(1) {
        Some(super::step::Piece::Bytes(key)) if request.is("SPOP", None) => {
            Some(Request::command(&[b"DEL", key]))
        }
        _ => None,
    }
}

/// `SORT` in Redis 7.0 takes an old `ERANGE` of any command before it for its own: a number is read first, which clears it.
fn forget_range_error(request: &Request) -> Option<Request> {
    let sorts = request.is("SORT", None) || request.is("SORT_RO", None);
    sorts.then(|| Request::command(&[b"INCRBYFLOAT", b"errno", b"0"]))
}

/// Whether every `SPOP` is still followed by what makes the servers agree again, and every `SORT` prepared.
pub fn is_settled(steps: &[Step]) -> bool {
    let is = |at: Option<usize>, request: &Request| {
        at.and_then(|at| steps.get(at)).is_some_and(|step| step.request == *request)
    };
    steps.iter().enumerate().all(|(at, step)| {
        forget_after_chance(&step.request).is_none_or(|forget| is(Some(at + 1), &forget))
            && forget_range_error(&step.request).is_none_or(|clear| is(at.checked_sub(1), &clear))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_takes_part() {
        let steps = steps(1, 80_000);
        for row in table::rows() {
            let mut words = row.name.split(' ');
            let (name, sub) = (words.next().unwrap(), words.next());
            assert!(steps.iter().any(|step| step.request.is(name, sub)), "{} is never sent", row.name);
        }
        for name in ["MULTI", "EXEC", "DISCARD"] {
            assert!(steps.iter().filter(|step| step.request.is(name, None)).count() > 10, "{name} is rare");
        }
    }
}
