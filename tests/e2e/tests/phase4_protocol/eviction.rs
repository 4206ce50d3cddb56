//! A full memory: what is forgotten, what is refused, and who learns of it.
use std::io::Write as _;

use super::{expect, info, resp, start};
use crate::support::{Conn, Server, eventually};

const OOM: &str = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
const MIB: u64 = 1 << 20;

fn used(conn: &mut Conn) -> u64 {
    info(conn, "used_memory").parse().unwrap()
}

/// A server with so many bytes of room beyond what it has in use when empty.
fn with_room(bytes: u64, policy: &str) -> (Server, Conn) {
    let server = start(&["--maxmemory-policy", policy]);
    let mut conn = server.connect();
    let limit = used(&mut conn) + bytes;
    expect(&mut conn, format!("CONFIG SET maxmemory {limit}\r\n"), "+OK\r\n");
    (server, conn)
}

/// Sets keys number `from` to `to` in pipelines; each is answered by `+OK`.
fn load(conn: &mut Conn, from: usize, to: usize, tail: &str) {
    for start in (from..to).step_by(1000) {
        let end = (start + 1000).min(to);
        let batch: String = (start..end).map(|n| format!("SET key:{n} value{tail}\r\n")).collect();
        expect(conn, batch, "+OK\r\n".repeat(end - start));
    }
}

#[test]
fn without_room_and_with_nothing_to_forget_writes_are_refused_and_change_nothing() {
    for policy in
        ["noeviction", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl", "volatile-s3fifo"]
    {
        let server = start(&["--maxmemory-policy", policy]);
        let (mut conn, mut other) = (server.connect(), server.connect());
        expect(&mut conn, "SET k old\r\nMULTI\r\nSET k new\r\n", "+OK\r\n+OK\r\n+QUEUED\r\n");
        expect(&mut other, "CONFIG SET maxmemory 1\r\n", "+OK\r\n");
        expect(&mut other, "SET k new\r\nAPPEND k x\r\nLPUSH l x\r\n", OOM.repeat(3));
        expect(&mut other, "GET k\r\nEXISTS l\r\n", "$3\r\nold\r\n:0\r\n");
        // What was queued while there was room is refused as a whole, what is not queued yet one by one.
        let why = OOM.trim_start_matches('-');
        expect(&mut conn, "EXEC\r\n", format!("-EXECABORT Transaction discarded because of: {why}"));
        expect(&mut conn, "GET k\r\nMULTI\r\nGET k\r\n", format!("$3\r\nold\r\n+OK\r\n{OOM}"));
        expect(&mut conn, "EXEC\r\n", "-EXECABORT Transaction discarded because of previous errors.\r\n");
        expect(&mut conn, "MULTI\r\nDISCARD\r\n", "+OK\r\n+OK\r\n");
        // An error that has nothing to do with memory comes first.
        expect(&mut conn, "SET k\r\n", "-ERR wrong number of arguments for 'set' command\r\n");
        expect(&mut conn, "DEL k\r\nSET k x\r\n", format!(":1\r\n{OOM}"));
        expect(&mut conn, "CONFIG SET maxmemory 0\r\nSET k x\r\n", "+OK\r\n+OK\r\n");
        assert_eq!(info(&mut conn, "evicted_keys"), "0", "{policy}");
        assert_eq!(info(&mut conn, "errorstat_OOM"), "count=5", "{policy}");
    }
}

#[test]
fn what_is_in_use_stays_below_the_limit_whatever_is_written() {
    for policy in ["allkeys-lru", "allkeys-lfu", "allkeys-random", "allkeys-s3fifo"] {
        // Room for a huge value and for the buffer in which it arrives, which may be twice as long as the request.
        let (_server, mut conn) = with_room(8 * MIB, policy);
        let limit: u64 = info(&mut conn, "maxmemory").parse().unwrap();
        // Short values, then long ones, then very long ones: what room there is goes from one kind to the other.
        for (tail, from, to) in [("", 0, 100_000), (&*"x".repeat(300), 100_000, 120_000)] {
            for start in (from..to).step_by(5000) {
                load(&mut conn, start, start + 5000, tail);
                let used = used(&mut conn);
                assert!(used <= limit + MIB, "{policy}: {used} of {limit} after {start}");
            }
        }
        // For a value as long as 50,000 others, a command has to be patient.
        expect(&mut conn, "CONFIG SET maxmemory-eviction-tenacity 100\r\n", "+OK\r\n");
        let huge = vec![b'v'; 3 * MIB as usize / 2];
        for n in 0..20 {
            expect(&mut conn, resp(&[b"SET", format!("huge:{n}").as_bytes(), &huge]), "+OK\r\n");
            let used = used(&mut conn);
            assert!(
                used <= limit + huge.len() as u64 + MIB,
                "{policy}: {used} of {limit} after {n} huge ones"
            );
        }
        let evicted: u64 = info(&mut conn, "evicted_keys").parse().unwrap();
        assert!(evicted > 50_000, "{policy}: {evicted}");
    }
}

#[test]
fn a_limit_below_what_is_in_use_is_reached_in_the_background() {
    let server = start(&["--maxmemory-policy", "allkeys-lru"]);
    let mut conn = server.connect();
    let empty = used(&mut conn);
    load(&mut conn, 0, 200_000, "");
    let limit = empty + 2 * MIB;
    expect(&mut conn, format!("CONFIG SET maxmemory {limit}\r\n"), "+OK\r\n");
    server.wait_stderr("maxmemory is now less than the");
    // INFO itself takes some while it counts.
    let left = eventually("room", || Some(used(&mut conn)).filter(|used| *used <= limit + MIB / 16));
    assert!(left > limit / 2, "{left} of {limit}");
    eventually("no more to do", || (info(&mut conn, "current_eviction_exceeded_time") == "0").then_some(()));
    expect(&mut conn, "CONFIG SET maxmemory 0\r\nCONFIG RESETSTAT\r\n", "+OK\r\n+OK\r\n");
    assert_eq!(info(&mut conn, "evicted_keys"), "0");
}

#[test]
fn who_watches_and_who_listens_learns_of_an_eviction_before_the_write() {
    let server = start(&["--maxmemory-policy", "volatile-ttl", "--notify-keyspace-events", "KEA"]);
    let (mut conn, mut watcher, mut listener) = (server.connect(), server.connect(), server.connect());
    let event = |event: &str, key: &str| {
        let channel = format!("__keyevent@0__:{event}");
        String::from_utf8(resp(&[b"message", channel.as_bytes(), key.as_bytes()])).unwrap()
    };
    for (count, name) in ["evicted", "set"].into_iter().enumerate() {
        let confirmed = event(name, "").replace("$7\r\nmessage", "$9\r\nsubscribe");
        let confirmed = confirmed.replace("$0\r\n\r\n", &format!(":{}\r\n", count + 1));
        expect(&mut listener, format!("SUBSCRIBE __keyevent@0__:{name}\r\n"), confirmed);
    }
    let huge = vec![b'v'; 2 * MIB as usize];
    expect(&mut conn, resp(&[b"SET", b"old", &huge, b"EX", b"100"]), "+OK\r\n");
    expect(&mut listener, "", event("set", "old"));
    expect(&mut watcher, "WATCH old\r\nMULTI\r\nPING\r\n", "+OK\r\n+OK\r\n+QUEUED\r\n");
    let limit = used(&mut conn) - MIB;
    expect(&mut conn, format!("CONFIG SET maxmemory {limit}\r\nSET new 1\r\n"), "+OK\r\n+OK\r\n");
    expect(&mut listener, "", event("evicted", "old") + &event("set", "new"));
    expect(&mut watcher, "EXEC\r\n", "*-1\r\n");
    assert_eq!(info(&mut conn, "evicted_keys"), "1");
    expect(&mut conn, "EXISTS old new\r\n", ":1\r\n");
}

#[test]
fn nothing_is_forgotten_while_writes_are_paused() {
    let (_server, mut conn) = with_room(MIB, "allkeys-random");
    load(&mut conn, 0, 10_000, "");
    expect(&mut conn, "CLIENT PAUSE 100000 WRITE\r\nCONFIG SET maxmemory 1\r\n", "+OK\r\n+OK\r\n");
    expect(&mut conn, "EXISTS key:1 key:2\r\n", ":2\r\n");
    assert_eq!(info(&mut conn, "evicted_keys"), "0");
    expect(&mut conn, "CONFIG SET maxmemory 0\r\nCLIENT UNPAUSE\r\n", "+OK\r\n+OK\r\n");
}

#[test]
fn each_policy_answers_for_what_it_records() {
    let server = start(&["--lfu-log-factor", "0"]);
    let mut conn = server.connect();
    let not_counted = "-ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
        switching between policies at runtime LRU and LFU data will take some time to adjust.\r\n";
    let not_timed = "-ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching \
        between policies at runtime LRU and LFU data will take some time to adjust.\r\n";
    expect(
        &mut conn,
        "SET k v\r\nOBJECT IDLETIME k\r\nOBJECT FREQ k\r\n",
        format!("+OK\r\n:0\r\n{not_counted}"),
    );
    expect(&mut conn, "CONFIG SET maxmemory-policy volatile-lfu\r\n", "+OK\r\n");
    expect(
        &mut conn,
        "SET n 1\r\nGET n\r\nGET n\r\nTTL n\r\nOBJECT FREQ n\r\n",
        "+OK\r\n$1\r\n1\r\n$1\r\n1\r\n:-1\r\n:7\r\n",
    );
    expect(&mut conn, "OBJECT IDLETIME n\r\n", not_timed);
    expect(&mut conn, "OBJECT FREQ none\r\nOBJECT IDLETIME none\r\n", "$-1\r\n$-1\r\n");
    expect(
        &mut conn,
        "CONFIG SET maxmemory-policy volatile-ttl\r\nSET k v\r\nOBJECT FREQ k\r\n",
        format!("+OK\r\n+OK\r\n{not_counted}"),
    );
    expect(&mut conn, "OBJECT IDLETIME k\r\n", ":0\r\n");
}

#[test]
fn limits_are_set_in_any_unit_and_bad_ones_are_refused() {
    let server = start(&["--maxmemory", "1gb", "--maxmemory-policy", "allkeys-lru"]);
    let mut conn = server.connect();
    assert_eq!(info(&mut conn, "maxmemory"), "1073741824");
    assert_eq!(info(&mut conn, "maxmemory_human"), "1.00G");
    assert_eq!(info(&mut conn, "maxmemory_policy"), "allkeys-lru");
    let failed = "-ERR CONFIG SET failed (possibly related to argument '";
    for (name, value, why) in [
        ("maxmemory", "x", "argument must be a memory value"),
        ("maxmemory", "-1", "argument must be a memory value"),
        (
            "maxmemory-policy",
            "lru",
            "argument(s) must be one of the following: volatile-lru, volatile-lfu, volatile-random, volatile-ttl, \
             allkeys-lru, allkeys-lfu, allkeys-random, noeviction, volatile-s3fifo, allkeys-s3fifo",
        ),
        ("maxmemory-samples", "0", "argument must be between 1 and 2147483647 inclusive"),
        ("maxmemory-eviction-tenacity", "101", "argument must be between 0 and 100 inclusive"),
        ("lfu-log-factor", "-1", "argument must be between 0 and 2147483647 inclusive"),
        ("lfu-decay-time", "x", "argument couldn't be parsed into an integer"),
    ] {
        expect(&mut conn, format!("CONFIG SET {name} {value}\r\n"), format!("{failed}{name}') - {why}\r\n"));
    }
    expect(&mut conn, "CONFIG SET maxmemory 18446744073709551615\r\nSET k v\r\n", "+OK\r\n+OK\r\n");
    expect(&mut conn, "CONFIG SET maxmemory-samples 2147483647 maxmemory 1\r\n", "+OK\r\n");
    // Its one key is forgotten, and that is not enough.
    expect(&mut conn, "SET n v\r\nDBSIZE\r\n", format!("{OOM}:0\r\n"));
    expect(&mut conn, "CONFIG SET maxmemory 2mb lfu-decay-time 2147483647\r\n", "+OK\r\n");
    assert_eq!(info(&mut conn, "maxmemory"), "2097152");
}

#[test]
fn clients_that_take_too_much_together_are_evicted_largest_first() {
    for poller in ["epoll", "poll"] {
        let server = start(&["--poller", poller, "--maxmemory-clients", "4mb"]);
        let (mut conn, mut spared, mut large, mut small) =
            (server.connect(), server.connect(), server.connect(), server.connect());
        expect(
            &mut conn,
            "CONFIG GET maxmemory-clients\r\n",
            "*2\r\n$17\r\nmaxmemory-clients\r\n$7\r\n4194304\r\n",
        );
        expect(&mut spared, "CLIENT NO-EVICT on\r\n", "+OK\r\n");
        // Fronts of requests, whose rest never comes.
        let front = |bytes: u64| [b"*1\r\n$9000000\r\n", &vec![b'x'; bytes as usize][..]].concat();
        expect(&mut spared, "PING\r\n", "+PONG\r\n");
        small.send(&front(MIB / 16));
        spared.send(&front(MIB));
        small.wait_until_taken();
        spared.wait_until_taken();
        // It is closed while it sends.
        let _ = large.stream.write_all(&front(6 * MIB));
        large.read_until_closed();
        eventually("one is evicted", || (info(&mut conn, "evicted_clients") == "1").then_some(()));
        assert_eq!(info(&mut conn, "connected_clients"), "3");
        // The one that is spared counts: there is no room for any other, not even for the one that asks.
        conn.send(b"CONFIG SET maxmemory-clients 1mb\r\n");
        conn.read_until_closed();
        small.read_until_closed();
        let mut conn = server.connect();
        conn.send(b"PING\r\n");
        conn.read_until_closed();
        server.wait_stderr("it takes");
    }
}

#[test]
fn the_memory_of_clients_can_be_a_share_of_all() {
    let server = start(&["--maxmemory-clients", "1%"]);
    let mut conn = server.connect();
    let front = [b"*1\r\n$3000000\r\n", &vec![b'x'; 2 * MIB as usize][..]].concat();
    // Without a limit on the whole there is none on the share.
    let mut other = server.connect();
    other.send(&front);
    other.wait_until_taken();
    expect(&mut conn, "CONFIG GET maxmemory-clients\r\n", "*2\r\n$17\r\nmaxmemory-clients\r\n$2\r\n1%\r\n");
    assert_eq!(info(&mut conn, "evicted_clients"), "0");
    expect(&mut conn, "CONFIG SET maxmemory 100mb\r\n", "+OK\r\n");
    other.read_until_closed();
    assert_eq!(info(&mut conn, "evicted_clients"), "1");
}

#[test]
fn memory_tells_where_it_went() {
    let server = start(&[]);
    let mut conn = server.connect();
    load(&mut conn, 0, 1000, " EX 1000");
    let fields = 10 + 1 + 17;
    conn.send(b"MEMORY STATS\r\n");
    assert_eq!(conn.read_line(), format!("*{}\r\n", fields * 2));
    let mut names = Vec::new();
    while names.len() < fields {
        names.push(String::from_utf8(super::read_bulk(&mut conn)).unwrap());
        match conn.read_line().as_bytes() {
            [b':', ..] => {}
            [b'$', ..] => _ = conn.read_line(),
            [b'*', b'6', ..] => {
                for _ in 0..3 {
                    super::read_bulk(&mut conn);
                    conn.read_line();
                }
            }
            other => panic!("{:?}", String::from_utf8_lossy(other)),
        }
    }
    assert!(names.contains(&"db.0".into()) && names.contains(&"dataset.bytes".into()), "{names:?}");
    expect(&mut conn, "MEMORY PURGE\r\n", "+OK\r\n");
    conn.send(b"MEMORY DOCTOR\r\n");
    assert!(String::from_utf8(super::read_bulk(&mut conn)).unwrap().contains("too little"));
    conn.send(b"MEMORY MALLOC-STATS\r\n");
    assert!(String::from_utf8(super::read_bulk(&mut conn)).unwrap().contains("handed out"));
}
