//! Several clients in lockstep: the same script, over several connections, on both servers.
//!
//! One client at a time says one thing, and the next step comes when that is answered or `CLIENT LIST` shows the client
//! blocked. What is compared after each step: what every client was told, who is blocked, and every event of every key in
//! order, as a listener hears it. Nothing waits for a limited time, so nothing depends on the clock.
use std::fmt::Write as _;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::server::Server;
use kit::resp;

/// How long a server may be silent before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(10);

/// A stream of numbers that a seed decides (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len() as u64) as usize]
    }
}

/// What may be said. `K`: a key, `V`: a value, `N`: a small number, `E`: an end of a list, `M`: of a sorted set, `S`: a key
/// that is a stream as a rule, `P`: an entry's ID, `I`: a client's id.
const COMMANDS: &[&str] = &[
    "LPUSH K V",
    "RPUSH K V V",
    "RPUSH K V V V",
    "LPUSH K V V",
    "BLPOP K 0",
    "BLPOP K K 0",
    "BRPOP K K K 0",
    "BRPOP K 0",
    "BLMOVE K K E E 0",
    "BLMOVE K K E E 0",
    "BRPOPLPUSH K K 0",
    "BLMPOP 0 2 K K E COUNT N",
    "BLMPOP 0 1 K E",
    "BZPOPMIN K K 0",
    "BZPOPMAX K 0",
    "BZMPOP 0 2 K K M COUNT N",
    "ZADD K N V N V",
    "ZADD K N V",
    "DEL K",
    "DEL K K",
    "SET K V",
    "LPOP K",
    "LMOVE K K E E",
    "RENAME K K",
    "COPY K K REPLACE",
    "ZUNIONSTORE K 1 K",
    "LRANGE K 0 -1",
    "TYPE K",
    "FLUSHALL",
    "WATCH K",
    "MULTI",
    "MULTI",
    "EXEC",
    "EXEC",
    "EXEC",
    "DISCARD",
    "XADD S 9-* f V",
    "XADD S 9-* f V",
    "XADD S MAXLEN N 9-* f V",
    "XREAD BLOCK 0 STREAMS S $",
    "XREAD BLOCK 0 STREAMS S S $ $",
    "XREAD COUNT N BLOCK 0 STREAMS S S P P",
    "XGROUP CREATE S g $ MKSTREAM",
    "XGROUP CREATE S g 0 MKSTREAM",
    "XGROUP SETID S g P",
    "XGROUP DESTROY S g",
    "XREADGROUP GROUP g one BLOCK 0 STREAMS S >",
    "XREADGROUP GROUP g two BLOCK 0 STREAMS S >",
    "XREADGROUP GROUP g one COUNT N BLOCK 0 STREAMS S S > >",
    "XREADGROUP GROUP g two NOACK COUNT N BLOCK 0 STREAMS S >",
    "XREADGROUP GROUP g one STREAMS S 0",
    "XACK S g P",
    "XDEL S P",
    "XPENDING S g",
    "XRANGE S - +",
    "DEL S",
    "SET S V",
    "RENAME S S",
    "COPY S S REPLACE",
    "LPUSH S V",
    "CLIENT UNBLOCK I",
    "CLIENT UNBLOCK I ERROR",
    "CLIENT KILL ID I",
];

/// One client's connection.
struct Client {
    stream: TcpStream,
    inbox: Vec<u8>,
    id: String,
    blocked: bool,
}

impl Client {
    fn open(address: SocketAddr) -> Result<Self> {
        let stream = kit::conn::open(address, PATIENCE)?;
        let mut client = Client { stream, inbox: Vec::new(), id: String::new(), blocked: false };
        client.id = client.ask("CLIENT ID")?.trim_matches([':', '\r', '\n']).to_owned();
        Ok(client)
    }

    fn say(&mut self, line: &str) -> Result<()> {
        self.stream.write_all(format!("{line}\r\n").as_bytes())
    }

    fn ask(&mut self, line: &str) -> Result<String> {
        self.say(line)?;
        self.hear()
    }

    /// The next reply as it came; `closed` if there will be none.
    fn hear(&mut self) -> Result<String> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(reply) = self.hear_within(Duration::from_millis(100))? {
                return Ok(reply);
            }
        }
        Err(Error::new(ErrorKind::TimedOut, "a client waits for a reply in vain"))
    }

    fn hear_within(&mut self, patience: Duration) -> Result<Option<String>> {
        if let Some((_, length)) = resp::parse(&self.inbox).map_err(Error::other)? {
            let reply: Vec<u8> = self.inbox.drain(..length).collect();
            return Ok(Some(String::from_utf8_lossy(&reply).into_owned()));
        }
        self.stream.set_read_timeout(Some(patience))?;
        let mut chunk = [0; 4096];
        match self.stream.read(&mut chunk) {
            Ok(0) => return Ok(Some("closed".into())),
            Ok(count) => self.inbox.extend_from_slice(&chunk[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(Some("closed".into())),
            Err(error) => return Err(error),
        }
        Ok(None)
    }
}

/// One server with its clients.
struct Side {
    address: SocketAddr,
    control: Client,
    listener: Client,
    clients: Vec<Client>,
}

impl Side {
    fn new(server: &Server, clients: usize) -> Result<Self> {
        let address = server.address;
        let mut control = Client::open(address)?;
        control.ask("FLUSHALL")?;
        control.ask("CONFIG SET notify-keyspace-events KEA")?;
        let mut listener = Client::open(address)?;
        listener.ask("PSUBSCRIBE __keyevent@*")?;
        let clients = (0..clients).map(|_| Client::open(address)).collect::<Result<_>>()?;
        Ok(Side { address, control, listener, clients })
    }

    /// Whether the client of this id is connected and blocked.
    fn is_blocked(&mut self, id: &str) -> Result<bool> {
        let list = self.control.ask("CLIENT LIST")?;
        let line = list.lines().find(|line| line.contains(&format!("id={id} ")));
        let flags = line.and_then(|line| line.split(" flags=").nth(1)?.split(' ').next());
        Ok(flags.is_some_and(|flags| flags.contains('b')))
    }

    /// Has one client say something; what every client is told, who is blocked, which events there are.
    fn step(&mut self, actor: usize, line: &str, target: usize) -> Result<String> {
        let mut seen = String::new();
        let id = self.clients[target].id.clone();
        self.clients[actor].say(&line.replace('I', &id))?;
        let (deadline, actors_id) = (Instant::now() + PATIENCE, self.clients[actor].id.clone());
        loop {
            if let Some(reply) = self.clients[actor].hear_within(Duration::from_micros(200))? {
                let _ = writeln!(seen, "client {actor} is told {reply:?}");
                break;
            }
            if self.is_blocked(&actors_id)? {
                self.clients[actor].blocked = true;
                break;
            }
            if Instant::now() > deadline {
                return Err(Error::new(ErrorKind::TimedOut, format!("{line}: neither answered nor blocked")));
            }
        }
        for n in 0..self.clients.len() {
            let id = self.clients[n].id.clone();
            if self.clients[n].blocked && !self.is_blocked(&id)? {
                self.clients[n].blocked = false;
                let reply = self.clients[n].hear()?;
                let _ = writeln!(seen, "client {n} is told {reply:?}");
                if reply == "closed" {
                    self.clients[n] = Client::open(self.address)?;
                }
            }
        }
        let blocked: Vec<usize> = (0..self.clients.len()).filter(|n| self.clients[*n].blocked).collect();
        let _ = writeln!(seen, "blocked {blocked:?}");
        self.listener.say("PING")?;
        loop {
            let message = self.listener.hear()?;
            if message.contains("pong") {
                return Ok(seen);
            }
            let _ = writeln!(seen, "event {message:?}");
        }
    }
}

/// Plays one script on both servers; the difference, with the steps that led to it, if there is one.
///
/// # Errors
/// A server cannot be reached, or a client of it waits in vain.
pub fn play(servers: [&Server; 2], seed: u64, steps: usize) -> Result<Option<String>> {
    let mut numbers = Numbers(seed);
    let count = 2 + numbers.below(5) as usize;
    let mut sides = [Side::new(servers[0], count)?, Side::new(servers[1], count)?];
    let mut script = format!("seed {seed}, {count} clients\n");
    for _ in 0..steps {
        let free: Vec<usize> = (0..count).filter(|n| !sides[0].clients[*n].blocked).collect();
        let Some(&actor) = free.get(numbers.below(free.len().max(1) as u64) as usize) else { break };
        // Only clients that are blocked are killed: what else a killed client is told is another matter.
        let line = numbers.one_of(COMMANDS);
        let blocked: Vec<usize> = (0..count).filter(|n| sides[0].clients[*n].blocked).collect();
        let target = blocked.get(numbers.below(blocked.len().max(1) as u64) as usize).copied();
        let needs_target = line.split(' ').any(|word| word == "I");
        let Some(target) = target.or((!needs_target).then_some(actor)) else { continue };
        let line = filled(line, &mut numbers);
        let _ = writeln!(script, "{actor}: {line} (I is client {target})");
        let seen = [sides[0].step(actor, &line, target), sides[1].step(actor, &line, target)];
        let [theirs, ours] = seen.map(|seen| seen.unwrap_or_else(|error| format!("{error}\n")));
        if theirs != ours {
            return Ok(Some(format!("{script}--- redis\n{theirs}--- ours\n{ours}")));
        }
    }
    Ok(None)
}

/// A command's line with everything chosen but ids.
fn filled(line: &str, numbers: &mut Numbers) -> String {
    let words = line.split(' ').map(|word| match word {
        "K" => numbers.one_of(&["a", "b", "c", "d"]).to_owned(),
        "V" => format!("v{}", numbers.below(30)),
        "N" => (1 + numbers.below(4)).to_string(),
        "E" => numbers.one_of(&["left", "right"]).to_owned(),
        "S" => numbers.one_of(&["s", "s", "t", "a"]).to_owned(),
        "P" => format!("9-{}", numbers.below(9)),
        "M" => numbers.one_of(&["min", "max"]).to_owned(),
        "I" => "I".to_owned(),
        word => word.to_lowercase(),
    });
    words.collect::<Vec<_>>().join(" ")
}
