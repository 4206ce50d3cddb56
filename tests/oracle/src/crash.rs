//! Kill -9 at random moments: what was acknowledged must be there after the restart, whole.
//!
//! Writers send transactions, several at a time: `RPUSH list n`, `SET mirror n`, `HINCRBYFLOAT`, `SPOP` and the like, the same
//! number in each. A round starts the server on the folder that the rounds before have left, looks whether everything is
//! there, lets the writers run until a random number of transactions is acknowledged, and kills the server with SIGKILL in
//! the middle of the rest; in some rounds the log is being rewritten meanwhile.
use std::io::{BufRead, BufReader, Error, Read, Result, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kit::resp::{self, Value};
use kit::rng::Rng;

/// Connections that write at the same time.
const WRITERS: usize = 3;
/// Transactions in flight on each.
const DEPTH: u64 = 8;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is to be done.
pub struct Plan {
    /// The server's program.
    pub server: PathBuf,
    /// `appendfsync`.
    pub policy: String,
    /// How often it is killed.
    pub kills: u64,
    /// Same seed, same moments.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// How often it was killed.
    pub kills: u64,
    /// Transactions that were acknowledged.
    pub acknowledged: u64,
    /// Those of them that were gone after a restart.
    pub lost: u64,
    /// Transactions that were there in part.
    pub torn: u64,
    /// Rounds in which the log was being rewritten.
    pub rewriting: u64,
}

/// Kills a server as often as the plan says, in a folder.
///
/// # Errors
/// The server does not start, or says something that makes no sense.
pub fn run(plan: &Plan, folder: &Path) -> Result<Tally> {
    let mut rng = Rng::new(plan.seed);
    let mut tally = Tally::default();
    let mut acknowledged = [0; WRITERS];
    for _ in 0..plan.kills {
        let mut server = Running::start(plan, folder)?;
        look(server.address, &mut acknowledged, &mut tally)?;
        let rewrites = rng.below(3) == 0;
        let enough = 1 + rng.below(400) as u64;
        let done = write_until_killed(&mut server, acknowledged, enough, rewrites)?;
        tally.kills += 1;
        tally.rewriting += u64::from(rewrites);
        for (all, now) in acknowledged.iter_mut().zip(done) {
            tally.acknowledged += now - *all;
            *all = now;
        }
    }
    let server = Running::start(plan, folder)?;
    look(server.address, &mut acknowledged, &mut tally)?;
    Ok(tally)
}

/// A server, killed when dropped.
struct Running {
    child: Child,
    address: SocketAddr,
}

impl Running {
    fn start(plan: &Plan, folder: &Path) -> Result<Running> {
        let mut command = Command::new(&plan.server);
        command.args(["--port", "any", "--framed-port", "0", "--appendonly", "yes", "--loglevel", "warning"]);
        command.args(["--appendfsync", &plan.policy, "--dir"]).arg(folder);
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let address = line.split(' ').nth(2).and_then(|address| address.parse().ok());
        let Some(address) = address else {
            let _ = child.kill();
            return Err(Error::other(format!("the server does not start: {:?}", child.wait()?)));
        };
        Ok(Running { child, address })
    }

    fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Counts what is there of each writer, and goes on from it.
fn look(address: SocketAddr, acknowledged: &mut [u64; WRITERS], tally: &mut Tally) -> Result<()> {
    let mut client = Client::open(address)?;
    for (writer, acknowledged) in acknowledged.iter_mut().enumerate() {
        let there = client.number(&["LLEN", &format!("list:{writer}")])?;
        let mirror = client.number(&["STRLEN", &format!("bytes:{writer}")])?;
        let sum = client.number(&["HSTRLEN", &format!("hash:{writer}"), "sum"])?;
        let set = client.number(&["SCARD", &format!("set:{writer}")])?;
        tally.lost += acknowledged.saturating_sub(there);
        // One byte, one member more and one fewer for each: a transaction has all of them or none.
        let whole = mirror == there && set == 0 && (sum > 0) == (there > 0);
        tally.torn += u64::from(!whole);
        *acknowledged = there;
    }
    Ok(())
}

/// Writes until `enough` transactions are acknowledged, kills the server at once, and returns how many each writer has been
/// told of in all.
fn write_until_killed(
    server: &mut Running,
    from: [u64; WRITERS],
    enough: u64,
    rewrites: bool,
) -> Result<[u64; WRITERS]> {
    let total = Arc::new(AtomicU64::new(0));
    let (address, deadline) = (server.address, Instant::now() + PATIENCE);
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let total = Arc::clone(&total);
            std::thread::spawn(move || write(address, writer, &total))
        })
        .collect();
    if rewrites {
        let mut client = Client::open(address)?;
        client.ask(&["BGREWRITEAOF"])?;
    }
    while total.load(Ordering::Acquire) < enough {
        if Instant::now() > deadline {
            return Err(Error::other("the writers are too slow"));
        }
        std::thread::yield_now();
    }
    server.kill()?;
    let mut done = from;
    for (done, writer) in done.iter_mut().zip(writers) {
        *done += writer.join().map_err(|_| Error::other("a writer has panicked"))??;
    }
    Ok(done)
}

/// Writes until the server is gone; how many transactions were acknowledged.
fn write(address: SocketAddr, writer: usize, total: &AtomicU64) -> Result<u64> {
    // The others may have been quick, and the server is gone before this one comes.
    let Ok(mut client) = Client::open(address) else { return Ok(0) };
    let names = ["list", "bytes", "hash", "set"].map(|name| format!("{name}:{writer}"));
    let mut unit = Vec::new();
    for line in [
        vec!["MULTI"],
        vec!["RPUSH", &names[0], "x"],
        vec!["APPEND", &names[1], "x"],
        vec!["HINCRBYFLOAT", &names[2], "sum", "0.1"],
        vec!["SADD", &names[3], "a"],
        vec!["SPOP", &names[3]],
        vec!["EXEC"],
    ] {
        request(&line, &mut unit);
    }
    let mut acknowledged = 0;
    // Always as many in flight as there are to be.
    for _ in 0..DEPTH {
        if client.stream.write_all(&unit).is_err() {
            return Ok(0);
        }
    }
    loop {
        match client.reply() {
            Ok(Value::Aggregate(..)) => {
                acknowledged += 1;
                total.fetch_add(1, Ordering::AcqRel);
                // What cannot be sent any more is not waited for; what was answered before can still be read.
                let _ = client.stream.write_all(&unit);
            }
            Ok(Value::Error(text)) => {
                return Err(Error::other(String::from_utf8_lossy(&text).into_owned()));
            }
            Ok(_) => {}
            Err(_) => {
                let _ = client.stream.shutdown(Shutdown::Both);
                return Ok(acknowledged);
            }
        }
    }
}

/// A client that waits for each reply.
struct Client {
    stream: TcpStream,
    input: Vec<u8>,
}

fn request(words: &[&str], out: &mut Vec<u8>) {
    resp::request(&words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>(), out);
}

impl Client {
    fn open(address: SocketAddr) -> Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Client { stream, input: Vec::new() })
    }

    fn ask(&mut self, words: &[&str]) -> Result<Value> {
        let mut out = Vec::new();
        request(words, &mut out);
        self.stream.write_all(&out)?;
        self.reply()
    }

    fn number(&mut self, words: &[&str]) -> Result<u64> {
        let reply = self.ask(words)?.to_string();
        reply
            .strip_prefix(':')
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| Error::other(reply.clone()))
    }

    fn reply(&mut self) -> Result<Value> {
        loop {
            if let Some((value, length)) = resp::parse(&self.input).map_err(Error::other)? {
                self.input.drain(..length);
                return Ok(value);
            }
            let mut buffer = [0; 1 << 14];
            match self.stream.read(&mut buffer)? {
                0 => return Err(Error::other("the server is gone")),
                count => self.input.extend_from_slice(&buffer[..count]),
            }
        }
    }
}
