//! Blocking commands: who is served, in which order, and what ends the waiting. What one client alone can see is compared with
//! Redis elsewhere.
use std::time::{Duration, Instant};

use super::framed::{frame, outer};
use super::{expect, info, read_bulk, start, start_framed, text};
use crate::support::{Conn, Server, eventually};

/// Has a client ask for something that is not there, and waits until it is blocked.
pub fn block(server: &Server, request: &str) -> Conn {
    let mut control = server.connect();
    let before: usize = info(&mut control, "blocked_clients").parse().unwrap();
    let mut conn = server.connect();
    conn.send(format!("{request}\r\n").as_bytes());
    until_blocked(&mut control, before + 1);
    conn
}

pub fn until_blocked(control: &mut Conn, count: usize) {
    eventually("clients are blocked", || {
        (info(control, "blocked_clients") == count.to_string()).then_some(())
    });
}

/// What a client gets without having asked for more.
pub fn gets(conn: &mut Conn, reply: &str) {
    let got = conn.read_exact(reply.len());
    assert_eq!(text(&got), reply);
}

fn pair(key: &str, value: &str) -> String {
    format!("*2\r\n${}\r\n{key}\r\n${}\r\n{value}\r\n", key.len(), value.len())
}

#[test]
fn the_first_that_came_is_served_first_and_before_any_other_command() {
    let server = start(&[]);
    let mut first = block(&server, "BLPOP k 0");
    let mut second = block(&server, "BRPOP k 0");
    let mut third = block(&server, "BLPOP k 0");
    let mut pusher = server.connect();
    // The waiters are served between the push and the command behind it.
    expect(
        &mut pusher,
        "RPUSH k a b\r\nLPOP k\r\nRPUSH k c d\r\nLRANGE k 0 -1\r\n",
        ":2\r\n$-1\r\n:2\r\n*1\r\n$1\r\nd\r\n",
    );
    gets(&mut first, &pair("k", "a"));
    gets(&mut second, &pair("k", "b"));
    gets(&mut third, &pair("k", "c"));
    assert_eq!(info(&mut pusher, "blocked_clients"), "0");
}

#[test]
fn a_client_with_several_keys_is_served_from_the_one_that_is_there() {
    let server = start(&[]);
    let mut control = server.connect();
    let mut waiter = block(&server, "BLPOP a b a 0");
    // Another type at one of its keys leaves it waiting; at another it is served all the same.
    expect(&mut control, "SET a x\r\nHSET b f v\r\nDEL b\r\nRPUSH b 1\r\n", "+OK\r\n:1\r\n:1\r\n:1\r\n");
    gets(&mut waiter, &pair("b", "1"));
    expect(&mut control, "DEL a\r\nRPUSH a 2\r\nLLEN a\r\n", ":1\r\n:1\r\n:1\r\n");
    // In a transaction that fills both, the key that was filled first.
    let mut waiter = block(&server, "BLPOP c d 0");
    expect(
        &mut control,
        "MULTI\r\nRPUSH d 1\r\nRPUSH c 2\r\nEXEC\r\n",
        "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:1\r\n",
    );
    gets(&mut waiter, &pair("d", "1"));
    expect(&mut control, "LLEN c\r\n", ":1\r\n");
}

#[test]
fn what_one_is_given_others_may_have_waited_for() {
    let server = start(&[]);
    let mut last = block(&server, "BLPOP c 0");
    let mut second = block(&server, "BLMOVE b c LEFT RIGHT 0");
    let mut first = block(&server, "BRPOPLPUSH a b 0");
    let mut pusher = server.connect();
    expect(&mut pusher, "LPUSH a x\r\nEXISTS a b c\r\n", ":1\r\n:0\r\n");
    gets(&mut first, "$1\r\nx\r\n");
    gets(&mut second, "$1\r\nx\r\n");
    gets(&mut last, &pair("c", "x"));
    // A destination of another type: the client is told, and the element stays.
    let mut refused = block(&server, "BLMOVE a s LEFT LEFT 0");
    expect(&mut pusher, "SET s x\r\nLPUSH a y\r\nLLEN a\r\n", "+OK\r\n:1\r\n:1\r\n");
    gets(&mut refused, "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n");
}

#[test]
fn every_way_in_which_a_key_can_appear() {
    let server = start(&[]);
    for (before, appears) in [
        ("RPUSH src 1", "LPUSH k 1"),
        ("RPUSH src 1", "RENAME src k"),
        ("RPUSH src 1", "RENAMENX src k"),
        ("RPUSH src 1", "COPY src k"),
        ("RPUSH src 1", "RPOPLPUSH src k"),
        ("COPY src k DB 5", "SWAPDB 0 5"),
        ("SELECT 5", "MOVE k 0"),
    ] {
        let mut control = server.connect();
        control.send(b"FLUSHALL\r\nRPUSH src 1\r\nSELECT 5\r\nRPUSH k 1\r\nSELECT 0\r\n");
        (0..5).for_each(|_| drop(control.read_line()));
        control.send(format!("{before}\r\n").as_bytes());
        control.read_line();
        let mut waiter = block(&server, "BLPOP k 0");
        control.send(format!("{appears}\r\n").as_bytes());
        gets(&mut waiter, &pair("k", "1"));
    }
}

#[test]
fn sorted_sets_are_waited_for_beside_lists() {
    let server = start(&[]);
    let mut list = block(&server, "BLPOP k 0");
    let mut min = block(&server, "BZPOPMIN k 0");
    let mut max = block(&server, "BZPOPMAX k 0");
    let mut some = block(&server, "BZMPOP 0 2 j k MIN COUNT 5");
    let mut pusher = server.connect();
    expect(&mut pusher, "ZADD k 1 a 2 b 3 c 4 d\r\n", ":4\r\n");
    gets(&mut min, "*3\r\n$1\r\nk\r\n$1\r\na\r\n$1\r\n1\r\n");
    gets(&mut max, "*3\r\n$1\r\nk\r\n$1\r\nd\r\n$1\r\n4\r\n");
    gets(&mut some, "*2\r\n$1\r\nk\r\n*2\r\n*2\r\n$1\r\nb\r\n$1\r\n2\r\n*2\r\n$1\r\nc\r\n$1\r\n3\r\n");
    expect(&mut pusher, "EXISTS k\r\nRPUSH k x\r\n", ":0\r\n:1\r\n");
    gets(&mut list, &pair("k", "x"));
    let mut several = block(&server, "BLMPOP 0 2 j k RIGHT COUNT 2");
    expect(&mut pusher, "RPUSH k x y z\r\nLLEN k\r\n", ":3\r\n:1\r\n");
    gets(&mut several, "*2\r\n$1\r\nk\r\n*2\r\n$1\r\nz\r\n$1\r\ny\r\n");
}

#[test]
fn time_runs_out_to_the_millisecond() {
    let server = start(&[]);
    let mut conn = server.connect();
    for (request, seconds) in
        [("BLPOP k 0.05", 0.05), ("BLMOVE k l LEFT LEFT 0.12", 0.12), ("BZMPOP 0.001 1 z MIN", 0.001)]
    {
        let start = Instant::now();
        // What was sent behind it waits for its answer.
        expect(&mut conn, format!("{request}\r\nPING\r\n"), "*-1\r\n+PONG\r\n");
        let took = start.elapsed();
        // The clock of a tick may have been read a moment before the request came.
        assert!(
            took + Duration::from_millis(2) >= Duration::from_secs_f64(seconds),
            "{request} took {took:?}"
        );
    }
    let blocked = block(&server, "BLPOP k 1000");
    assert_eq!(info(&mut conn, "clients_in_timeout_table"), "1");
    drop(blocked);
    until_blocked(&mut conn, 0);
    assert_eq!(info(&mut conn, "clients_in_timeout_table"), "0");
    for (timeout, error) in [
        ("x", "timeout is not a float or out of range"),
        ("-1", "timeout is negative"),
        ("inf", "timeout is negative"),
    ] {
        expect(&mut conn, format!("BRPOP k {timeout}\r\n"), format!("-ERR {error}\r\n"));
    }
}

#[test]
fn in_a_transaction_nothing_waits() {
    let server = start(&[]);
    let mut conn = server.connect();
    expect(
        &mut conn,
        "MULTI\r\nBLPOP k 0\r\nBLMOVE k l LEFT LEFT 0\r\nBZPOPMIN k 0\r\nRPUSH k a b\r\nBLPOP k 0\r\nEXEC\r\n",
        ["+OK\r\n", &"+QUEUED\r\n".repeat(5), "*5\r\n*-1\r\n$-1\r\n*-1\r\n:2\r\n", &pair("k", "a")].concat(),
    );
    // What is pushed and taken again in one unit was never there for others.
    let mut waiter = block(&server, "BLPOP q 0");
    expect(
        &mut conn,
        "MULTI\r\nRPUSH q 1\r\nLPOP q\r\nEXEC\r\nRPUSH q 2\r\n",
        "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n$1\r\n1\r\n:1\r\n",
    );
    gets(&mut waiter, &pair("q", "2"));
}

#[test]
fn another_client_ends_the_waiting() {
    let server = start(&[]);
    let mut control = server.connect();
    let id = |conn: &mut Conn| {
        conn.send(b"CLIENT ID\r\n");
        conn.read_line().trim_start_matches(':').trim_end().to_string()
    };
    let mut waiter = server.connect();
    let his = id(&mut waiter);
    for (reason, reply) in [
        ("", "*-1\r\n"),
        (" TIMEOUT", "*-1\r\n"),
        (" ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n"),
    ] {
        waiter.send(b"BLPOP k 0\r\n");
        until_blocked(&mut control, 1);
        control.send(format!("CLIENT LIST ID {his}\r\n").as_bytes());
        let line = String::from_utf8(read_bulk(&mut control)).unwrap();
        assert!(line.contains(" flags=b ") && line.contains(" cmd=blpop "), "{line}");
        expect(&mut control, format!("CLIENT UNBLOCK {his}{reason}\r\n"), ":1\r\n");
        gets(&mut waiter, reply);
        expect(&mut control, format!("CLIENT UNBLOCK {his}\r\n"), ":0\r\n");
    }
    // It waits for nothing any more.
    expect(&mut control, "RPUSH k 1\r\nLLEN k\r\n", ":1\r\n:1\r\n");
}

#[test]
fn a_client_that_is_gone_is_given_nothing() {
    let server = start(&[]);
    let mut control = server.connect();
    let gone = block(&server, "BLPOP k 0");
    let mut killed = server.connect();
    killed.send(b"CLIENT ID\r\n");
    let id = killed.read_line().trim_start_matches(':').trim_end().to_string();
    killed.send(b"BLPOP k 0\r\n");
    until_blocked(&mut control, 2);
    drop(gone);
    until_blocked(&mut control, 1);
    // Killed and pushed for in one unit: it is not served though its connection is still open.
    expect(
        &mut control,
        format!("MULTI\r\nCLIENT KILL ID {id}\r\nRPUSH k 1\r\nEXEC\r\nLLEN k\r\n"),
        "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:1\r\n:1\r\n",
    );
    assert_eq!(killed.read_until_closed(), b"");
    until_blocked(&mut control, 0);
}

#[test]
fn a_thousand_that_wait_for_one_key_and_die_in_any_order() {
    const CLIENTS: usize = 1000;
    let server = start(&[]);
    let mut control = server.connect();
    let mut waiters: Vec<Option<Conn>> = (0..CLIENTS)
        .map(|n| {
            let mut conn = server.connect();
            // The order in which they come is the order in which they are served.
            expect(&mut conn, "PING\r\n", "+PONG\r\n");
            conn.send(b"BLPOP k 0\r\n");
            if n % 100 == 99 {
                until_blocked(&mut control, n + 1);
            }
            Some(conn)
        })
        .collect();
    // 379 has no divisor in common with a thousand: this names each once.
    let mut alive = CLIENTS;
    for n in 0..CLIENTS {
        if n % 10 != 0 {
            drop(waiters[n * 379 % CLIENTS].take());
            alive -= 1;
        }
    }
    until_blocked(&mut control, alive);
    for n in 0..alive {
        expect(&mut control, format!("RPUSH k {n}\r\n"), ":1\r\n");
    }
    let mut got: Vec<String> = Vec::new();
    for conn in waiters.iter_mut().flatten() {
        expect(conn, "", "*2\r\n$1\r\nk\r\n");
        got.push(text(&read_bulk(conn)));
    }
    got.sort_by_key(|value| value.parse::<usize>().unwrap());
    assert_eq!(got, (0..alive).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(info(&mut control, "blocked_clients"), "0");
    expect(&mut control, "EXISTS k\r\n", ":0\r\n");
}

#[test]
fn a_pause_holds_the_push_and_not_the_timeout() {
    let server = start(&[]);
    let (mut control, mut pusher) = (server.connect(), server.connect());
    let mut waiter = block(&server, "BLPOP k 0");
    let mut short = block(&server, "BLPOP k 0.05");
    expect(&mut control, "CLIENT PAUSE 60000 WRITE\r\n", "+OK\r\n");
    pusher.send(b"RPUSH k 1\r\n");
    gets(&mut short, "*-1\r\n");
    until_blocked(&mut control, 2);
    expect(&mut control, "CLIENT UNPAUSE\r\n", "+OK\r\n");
    gets(&mut waiter, &pair("k", "1"));
    gets(&mut pusher, ":1\r\n");
}

#[test]
fn a_blocked_client_is_not_idle() {
    let server = start(&["--timeout", "1"]);
    let mut conn = server.connect();
    expect(&mut conn, "BLPOP k 1.6\r\nPING\r\n", "*-1\r\n+PONG\r\n");
}

#[test]
fn in_resp3_a_score_is_a_number_and_nothing_is_null() {
    let server = start(&[]);
    let mut pusher = server.connect();
    let mut conn = server.connect();
    conn.send(b"HELLO 3\r\nPING\r\n");
    while conn.read_line() != "+PONG\r\n" {}
    expect(&mut conn, "BLPOP k 0.01\r\nBLMOVE k l LEFT LEFT 0.01\r\n", "_\r\n_\r\n");
    conn.send(b"BZPOPMIN z 0\r\n");
    until_blocked(&mut pusher, 1);
    expect(&mut pusher, "ZADD z 1.5 m\r\n", ":1\r\n");
    gets(&mut conn, "*3\r\n$1\r\nz\r\n$1\r\nm\r\n,1.5\r\n");
}

#[test]
fn replies_that_are_not_wanted_stay_unwanted() {
    let server = start(&[]);
    let mut control = server.connect();
    let mut waiter = block(&server, "CLIENT REPLY SKIP\r\nBLPOP k 0");
    expect(&mut control, "RPUSH k 1\r\nLLEN k\r\n", ":1\r\n:0\r\n");
    expect(&mut waiter, "PING\r\n", "+PONG\r\n");
}

#[test]
fn what_is_taken_for_a_client_is_told_like_any_change() {
    let server = start(&["--notify-keyspace-events", "KEA"]);
    let (mut control, mut watcher) = (server.connect(), server.connect());
    let mut waiter = block(&server, "BLPOP k 0");
    let mut events = server.connect();
    let subscribed = "*3\r\n$9\r\nsubscribe\r\n$16\r\n__keyspace@0__:k\r\n:1\r\n";
    expect(&mut events, "SUBSCRIBE __keyspace@0__:k\r\n", subscribed);
    expect(&mut watcher, "WATCH k\r\nMULTI\r\nPING\r\n", "+OK\r\n+OK\r\n+QUEUED\r\n");
    expect(&mut control, "RPUSH k 1\r\n", ":1\r\n");
    gets(&mut waiter, &pair("k", "1"));
    for event in ["rpush", "lpop", "del"] {
        let message =
            format!("*3\r\n$7\r\nmessage\r\n$16\r\n__keyspace@0__:k\r\n${}\r\n{event}\r\n", event.len());
        gets(&mut events, &message);
    }
    expect(&mut watcher, "EXEC\r\n", "*-1\r\n");
}

#[test]
fn in_frames_as_well() {
    let server = start_framed(&[]);
    let (mut waiter, mut pusher) = (server.connect(), server.connect());
    let nil = outer(&[0]);
    expect(&mut waiter, frame(&[b"BLPOP", b"k", b"0.02"]), &nil);
    // The pipeline behind it waits, too, and each reply has a frame of its own.
    waiter.send(&[frame(&[b"BLPOP", b"k", b"0"]), frame(&[b"GET", b"none"])].concat());
    let one = outer(&[&[3], &1i64.to_le_bytes()[..]].concat());
    expect(&mut pusher, frame(&[b"RPUSH", b"k", b"v"]), one);
    let reply = outer(&[5, 2, 0, 0, 0, 2, 1, 0, 0, 0, b'k', 2, 1, 0, 0, 0, b'v']);
    expect(&mut waiter, b"", [reply, nil].concat());
}
