//! Memory as it is seen from outside: `used_memory` beside what the kernel counts, and freeing that stops nobody.
#![allow(clippy::unwrap_used, reason = "this is test code, outside of a #[test] function too")]
mod support;

use std::time::{Duration, Instant};

use kit::procfs;
use support::{Conn, Server, eventually};

const KIB: i64 = 1024;
const MIB: i64 = 1024 * KIB;

fn start() -> (Server, Conn) {
    let server = Server::start_expecting("keyspace-server", &["--port", "any", "--framed-port", "0"], 1);
    let conn = server.connect();
    (server, conn)
}

/// One inline command with a reply of one line.
fn ask(conn: &mut Conn, command: &str) -> String {
    conn.send(format!("{command}\r\n").as_bytes());
    conn.read_line().trim_end().to_owned()
}

/// A number from INFO memory.
fn info(conn: &mut Conn, field: &str) -> i64 {
    let header = ask(conn, "INFO memory");
    let len: usize = header.strip_prefix('$').unwrap().parse().unwrap();
    let text = String::from_utf8(conn.read_exact(len + 2)).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {field} in {text}")).trim().parse().unwrap()
}

/// The resident set to the byte; the sums in `status` are allowed to lag.
fn resident(server: &Server) -> i64 {
    let rollup = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", server.pid())).unwrap();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<i64>().unwrap() * KIB
}

/// Runs many commands, a batch at a time; each is answered by `+OK`.
fn load(conn: &mut Conn, commands: impl Iterator<Item = String>) {
    let commands: Vec<String> = commands.collect();
    for batch in commands.chunks(10_000) {
        conn.send(batch.concat().as_bytes());
        for _ in batch {
            assert_eq!(conn.read_exact(5), b"+OK\r\n");
        }
    }
}

fn keys(count: usize, tail: &str) -> impl Iterator<Item = String> {
    (0..count).map(move |n| format!("SET key:{n:012} xyz{tail}\r\n"))
}

/// Loads into a fresh server, holds `used_memory` against the resident set, and flushes.
fn agrees(what: &str, fill: impl Fn(&mut Conn)) {
    let (server, mut conn) = start();
    // What the server needs once, code and buffers, is there before anything is measured.
    load(&mut conn, keys(1000, ""));
    assert_eq!(ask(&mut conn, "FLUSHALL"), "+OK");
    eventually("freed", || (info(&mut conn, "lazyfree_pending_objects") == 0).then_some(()));
    let before = (info(&mut conn, "used_memory"), resident(&server));
    fill(&mut conn);
    let used = info(&mut conn, "used_memory") - before.0;
    let rss = resident(&server) - before.1;
    println!("{what}: used_memory grew by {used}, the resident set by {rss}");
    assert!((used - rss).abs() <= (rss / 10).max(256 * KIB), "{what}: used {used}, resident {rss}");
    assert_eq!(ask(&mut conn, "FLUSHALL"), "+OK");
    eventually("freed", || (info(&mut conn, "lazyfree_pending_objects") == 0).then_some(()));
    let left = info(&mut conn, "used_memory") - before.0;
    assert!(left < MIB, "{what}: {left} bytes more than before after FLUSHALL");
    server.terminate();
}

#[test]
fn used_memory_is_what_the_kernel_sees() {
    agrees("one key", |conn| load(conn, keys(1, "")));
    agrees("a thousand keys", |conn| load(conn, keys(1000, "")));
    agrees("a million keys", |conn| load(conn, keys(1_000_000, "")));
    agrees("a hundred thousand with a deadline", |conn| load(conn, keys(100_000, " EX 1000")));
    agrees("long values", |conn| {
        let value = "v".repeat(20_000);
        load(conn, (0..2000).map(|n| format!("SET key:{n} {value}\r\n")));
    });
    agrees("a key in each of sixteen databases", |conn| {
        load(conn, (0..16).flat_map(|db| [format!("SELECT {db}\r\n"), "SET key xyz\r\n".to_owned()]));
    });
}

/// Frees long values in every way there is, and looks at the processor time up to the reply: of three identical runs
/// the shortest. In one piece half a gigabyte takes about 40 ms.
#[test]
#[ignore = "needs 2 GB of memory"]
fn freeing_a_long_value_takes_no_time() {
    const LONG: &str = "SETRANGE long 536870911 x";
    let (server, mut conn) = start();
    let ways: [(&str, &[&str]); 4] = [
        ("UNLINK long", &[]),
        ("SET long short", &[]),
        ("RENAME short long", &["SET short value"]),
        ("FLUSHALL", &[]),
    ];
    for (way, before) in ways {
        let (mut shortest, mut waited) = (Duration::MAX, Duration::MAX);
        for _ in 0..3 {
            assert_eq!(ask(&mut conn, LONG), ":536870912");
            before.iter().for_each(|command| assert_eq!(ask(&mut conn, command), "+OK"));
            let (cpu, start) = (procfs::cpu_nanos(server.pid().as_raw()).unwrap(), Instant::now());
            let reply = ask(&mut conn, way);
            waited = waited.min(start.elapsed());
            let cpu = procfs::cpu_nanos(server.pid().as_raw()).unwrap() - cpu;
            shortest = shortest.min(Duration::from_nanos(cpu));
            assert!(matches!(reply.as_str(), "+OK" | ":1"), "{way}: {reply}");
            // Without any command the memory comes back.
            eventually("the resident set shrinks", || (resident(&server) < 100 * MIB).then_some(()));
        }
        println!("{way}: {shortest:?} of processor time, answered after {waited:?}");
        assert!(shortest < Duration::from_millis(5), "{way}: {shortest:?}");
        assert_eq!(ask(&mut conn, "FLUSHALL"), "+OK");
    }
    server.terminate();
}
