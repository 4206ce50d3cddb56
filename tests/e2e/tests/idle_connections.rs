//! Ten thousand idle connections beside an active one. With epoll the kernel hands over what is ready, so the others
//! cost nothing; with poll the whole list is handed in and looked through every time.
mod support;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bench::compare::cores;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use support::{Conn, Server};

const FEW: usize = 10;
const MANY: usize = 10_000;
/// Beside the connections: listeners, standard streams, what the test runner holds open.
const SPARE: u64 = 200;
const ROUNDS: usize = 12;
const ROUND_TRIPS: usize = 100;

/// A server with idle connections, and one that asks.
struct Crowd {
    // Declared first, so that the clients leave before the server is killed.
    _idle: Vec<Conn>,
    active: Conn,
    question: &'static [u8],
    best: Duration,
    _server: Server,
}

impl Crowd {
    fn new(server: Server, idle: usize, question: &'static [u8]) -> Self {
        let idle = (0..idle)
            .map(|_| {
                let conn = server.connect();
                // Reset at the end: forty thousand ports in TIME_WAIT would be missed by the next test.
                kit::conn::reset_when_closed(&conn.stream).expect("SO_LINGER");
                conn
            })
            .collect();
        let mut crowd =
            Crowd { _idle: idle, active: server.connect(), question, best: Duration::MAX, _server: server };
        // Once all have been accepted, this one has been answered.
        crowd.round();
        crowd.best = Duration::MAX;
        crowd
    }

    /// The best round counts: whatever else the machine does can only make one slower.
    fn round(&mut self) {
        let start = Instant::now();
        for _ in 0..ROUND_TRIPS {
            self.active.send(self.question);
            let answer = self.active.read_exact(ANSWER);
            assert!(answer == b"+PONG\r\n" || answer == self.question, "{answer:?}");
        }
        self.best = self.best.min(start.elapsed());
    }
}

/// Both questions have answers of this length: `+PONG\r\n`, and a frame of three bytes.
const ANSWER: usize = 7;

/// How many times longer a round trip takes among many than among few.
fn slowdown(start: impl Fn() -> Server, question: &'static [u8]) -> f64 {
    let mut few = Crowd::new(start(), FEW, question);
    let mut many = Crowd::new(start(), MANY, question);
    for _ in 0..ROUNDS {
        few.round();
        many.round();
    }
    many.best.as_secs_f64() / few.best.as_secs_f64()
}

/// Raises the soft limit of descriptors, which the servers inherit; false if the hard limit is too low.
fn enough_descriptors() -> bool {
    let needed = (FEW + MANY) as u64 + SPARE;
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("RLIMIT_NOFILE");
    if hard < needed {
        println!("not run: {needed} descriptors are needed, the hard limit is {hard} (ulimit -Hn)");
        return false;
    }
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("up to the hard limit is allowed");
    true
}

/// Keeps this thread, and the servers it starts, on one core. Otherwise the scheduler decides whether a client and its
/// server share a core or wake each other across two, and on a virtual machine the latter takes four times as long.
fn stay_on_one_core() {
    let allowed = cores::allowed().expect("a thread may ask for its cores");
    cores::pin(allowed[0]).expect("a thread may give up cores");
}

fn compare(name: &str, start: impl Fn(&str) -> Server, question: &'static [u8]) {
    if !enough_descriptors() {
        return;
    }
    stay_on_one_core();
    // A ratio of the best rounds is steady, but not on a machine that never has a quiet moment: three attempts.
    let mut best = f64::MAX;
    for _ in 0..3 {
        best = best.min(slowdown(|| start("epoll"), question));
        if best <= 1.5 {
            break;
        }
    }
    let poll = slowdown(|| start("poll"), question);
    println!(
        "{name}: a round trip among {MANY} idle connections takes {best:.2} times as long as among {FEW} with epoll,"
    );
    println!("{name}: and {poll:.1} times as long with poll");
    assert!(best <= 1.5, "{name} with epoll: {best:.2} times");
    assert!(poll > best, "{name}: poll looks through {MANY} descriptors and yet takes only {poll:.2} times");
}

/// One test at a time: together they would need twice the descriptors.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn only_active_connections_cost_anything() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let event_loop = |poller: &str| {
        Server::start("eventloop-server", &["--port", "0", "--poller", poller, "--max-clients", "11000"])
    };
    compare("eventloop-server", event_loop, b"\x03\0\0\0abc");
    let keyspace = |poller: &str| {
        let flags = ["--port", "any", "--framed-port", "0", "--maxclients", "11000", "--poller", poller];
        Server::start("keyspace-server", &flags)
    };
    compare("keyspace-server", keyspace, b"*1\r\n$4\r\nPING\r\n");
}

/// All of them ask before any of them reads, each about a key of its own.
#[test]
fn ten_thousand_clients_are_each_answered_with_their_own() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    if !enough_descriptors() {
        return;
    }
    for poller in ["epoll", "poll"] {
        let flags = ["--port", "any", "--framed-port", "0", "--maxclients", "11000", "--poller", poller];
        let server = Server::start_expecting("keyspace-server", &flags, 1);
        let before = server.status_field("VmRSS");
        let mut clients: Vec<Conn> = (0..MANY).map(|_| server.connect()).collect();
        for (index, client) in clients.iter_mut().enumerate() {
            kit::conn::reset_when_closed(&client.stream).expect("SO_LINGER");
            client.send(format!("SET key:{index} value:{index}\r\nGET key:{index}\r\n").as_bytes());
        }
        for (index, client) in clients.iter_mut().enumerate() {
            let value = format!("value:{index}");
            let expected = format!("+OK\r\n${}\r\n{value}\r\n", value.len());
            assert_eq!(client.read_exact(expected.len()), expected.as_bytes(), "client {index}");
        }
        let descriptors = server.fd_count();
        let each = (server.status_field("VmRSS") - before) as f64 * 1024.0 / MANY as f64;
        println!(
            "{poller}: {MANY} clients answered; {descriptors} descriptors, {each:.0} resident bytes a client"
        );
        assert!((MANY..MANY + 50).contains(&descriptors), "{descriptors}");
        // No buffers stay with a client that waits for nothing: a kilobyte or so is what it costs.
        assert!(each < 2048.0, "{each:.0} bytes a client");
    }
}
