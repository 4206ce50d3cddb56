//! What a client may take, and what happens beyond it.
use std::io::Write as _;

use super::{expect, expect_last, info, resp, start, text};
use crate::support::{Conn, eventually};

#[test]
fn a_client_that_never_reads_costs_bounded_memory_and_is_closed() {
    let server = start(&["--stall-timeout", "1"]);
    let mut other = server.connect();
    let value = vec![b'v'; 1 << 20];
    expect(&mut other, resp(&[b"SET", b"k", &value]), "+OK\r\n");
    let mut greedy = Conn::with_receive_buffer(server.addr(), 4096);
    let local = greedy.local_addr();
    greedy.stream.set_nonblocking(true).unwrap();
    let requests = resp(&[b"GET", b"k"]).repeat(1000);
    let mut sent = 0;
    // A thousand megabytes of replies are asked for; nobody reads one.
    while let Ok(count @ 1..) = greedy.stream.write(&requests[sent..]) {
        sent += count;
    }
    server.wait_stderr(&format!("closed {local}: it does not read its replies"));
    let peak = server.status_field("VmHWM");
    assert!(peak < 200 * 1024, "one client that does not read cost {peak} kB");
    assert_eq!(info(&mut other, "client_output_buffer_limit_disconnections"), "1");
    assert_eq!(info(&mut other, "connected_clients"), "1");
}

#[test]
fn nothing_is_sent_of_replies_beyond_the_hard_output_limit() {
    for poller in ["epoll", "poll"] {
        let server = start(&["--poller", poller]);
        let mut other = server.connect();
        expect(&mut other, resp(&[b"SET", b"k", &vec![b'v'; 3 << 20]]), "+OK\r\n");
        expect(&mut other, resp(&[b"SET", b"half", &vec![b'v'; 1 << 20]]), "+OK\r\n");
        expect(&mut other, "CONFIG SET client-output-buffer-limit 'normal 2mb 0 0'\r\n", "+OK\r\n");
        let mut greedy = server.connect();
        // As in Redis: what stands in front of it in the same turn is lost, what stands behind it does not run.
        greedy.send(b"PING\r\nGET k\r\nSET after 1\r\n");
        assert_eq!(text(&greedy.read_until_closed()), "");
        let peer = greedy.local_addr();
        let waiting = "+PONG\r\n$3145728\r\n\r\n".len() + (3 << 20);
        server.wait_stderr(&format!("closing {peer}: {waiting} bytes of replies wait for it"));
        expect(&mut other, "EXISTS after\r\n", ":0\r\n");
        // Replies that are allowed each, and too much together.
        let mut greedy = server.connect();
        greedy.send(b"GET half\r\nGET half\r\nSET after 1\r\n");
        assert_eq!(text(&greedy.read_until_closed()), "");
        expect(&mut other, "EXISTS after\r\nSTRLEN half\r\n", ":0\r\n:1048576\r\n");
        assert_eq!(info(&mut other, "client_output_buffer_limit_disconnections"), "2");
        assert_eq!(info(&mut other, "connected_clients"), "1");
    }
}

#[test]
fn the_output_limit_counts_what_waits_and_not_what_has_been_sent() {
    const BIG: usize = 20_000_000;
    const READ: usize = 1 << 20;
    for poller in ["epoll", "poll"] {
        let server = start(&["--poller", poller]);
        let mut other = server.connect();
        expect(&mut other, resp(&[b"SET", b"big", &vec![b'b'; BIG]]), "+OK\r\n");
        expect(&mut other, resp(&[b"SET", b"small", &vec![b's'; 200_000]]), "+OK\r\n");
        let limit = format!("CONFIG SET client-output-buffer-limit 'normal {} 0 0'\r\n", BIG + 100_000);
        expect(&mut other, limit, "+OK\r\n");
        let mut slow = Conn::with_receive_buffer(server.addr(), 4096);
        slow.send(b"GET big\r\n");
        let first = slow.read_exact(READ);
        assert!(first.starts_with(b"$20000000\r\nbbb"));
        // More than the limit has been written for it by now, but a megabyte of that it has read.
        slow.send(b"GET small\r\n");
        slow.wait_until_taken();
        expect(&mut other, "PING\r\n", "+PONG\r\n");
        assert_eq!(info(&mut other, "client_output_buffer_limit_disconnections"), "0");
        slow.send(b"GET big\r\n");
        let peer = slow.local_addr();
        server.wait_stderr(&format!("closing {peer}: "));
        let log = server.stderr();
        let (_, number) = log.split_once(&format!("closing {peer}: ")).unwrap();
        let waiting: usize = number.split(' ').next().unwrap().parse().unwrap();
        assert!(waiting < 2 * BIG + 200_100 - READ, "{waiting} bytes cannot wait");
        assert!(slow.read_until_closed().len() < BIG, "what waited was sent");
    }
}

#[test]
fn the_soft_output_limit_closes_after_its_seconds() {
    let server = start(&[]);
    let mut other = server.connect();
    expect(&mut other, resp(&[b"SET", b"k", &vec![b'v'; 20_000_000]]), "+OK\r\n");
    expect(&mut other, "CONFIG SET client-output-buffer-limit 'normal 0 5mb 1'\r\n", "+OK\r\n");
    let (mut slow, mut quick) = (Conn::with_receive_buffer(server.addr(), 4096), server.connect());
    for conn in [&mut slow, &mut quick] {
        conn.send(b"GET k\r\n");
    }
    quick.read_exact(20_000_013);
    server.wait_stderr(&format!("closing {}: ", slow.local_addr()));
    assert!(slow.read_until_closed().len() < 15_000_000);
    expect(&mut quick, "PING\r\n", "+PONG\r\n");
    assert_eq!(info(&mut other, "client_output_buffer_limit_disconnections"), "1");
}

#[test]
fn an_unfinished_request_beyond_client_query_buffer_limit_closes_the_client() {
    let server = start(&["--client-query-buffer-limit", "1mb", "--proto-max-bulk-len", "1mb"]);
    let mut other = server.connect();
    // Arguments that have arrived whole do not count, however many.
    let (keys, value) = ((0..3000).map(|n| format!("key:{n}")).collect::<Vec<_>>(), [b'v'; 1000]);
    let pairs = keys.iter().flat_map(|key| [key.as_bytes(), &value]);
    let mset: Vec<&[u8]> = [&b"MSET"[..]].into_iter().chain(pairs).collect();
    expect(&mut other, resp(&mset), "+OK\r\n");
    expect(&mut other, "CONFIG SET proto-max-bulk-len 3mb\r\n", "+OK\r\n");
    let mut conn = server.connect();
    let _ = conn.stream.write_all(&resp(&[b"SET", b"k", &vec![b'x'; 3 << 20]]));
    assert!(conn.read_until_closed().is_empty());
    server.wait_stderr("client-query-buffer-limit");
    assert_eq!(info(&mut other, "client_query_buffer_limit_disconnections"), "1");
    expect(&mut other, "CONFIG SET proto-max-bulk-len 1mb\r\nEXISTS k\r\n", "+OK\r\n:0\r\n");
    expect_last(&server, "*1\r\n$1048577\r\n", "-ERR Protocol error: invalid bulk length\r\n");
    let mut conn = server.connect();
    expect(&mut conn, "CONFIG SET proto-max-bulk-len 2mb\r\n*1\r\n$1048577\r\n", "+OK\r\n");
    conn.wait_until_taken();
    conn.expect_silence();
}

#[test]
fn maxclients_refuses_with_a_reason_and_admits_again() {
    let server = start(&["--maxclients", "2"]);
    let (mut first, mut second) = (server.connect(), server.connect());
    expect(&mut first, "PING\r\n", "+PONG\r\n");
    expect(&mut second, "PING\r\n", "+PONG\r\n");
    assert_eq!(text(&server.connect().read_until_closed()), "-ERR max number of clients reached\r\n");
    assert_eq!(info(&mut first, "rejected_connections"), "1");
    drop(second);
    eventually("the slot is free", || (info(&mut first, "connected_clients") == "1").then_some(()));
    expect(&mut server.connect(), "PING\r\n", "+PONG\r\n");
}

#[test]
fn a_password_is_asked_for_and_strangers_get_little() {
    let server = start(&["--requirepass", "open sesame"]);
    let mut conn = server.connect();
    expect(&mut conn, "PING\r\n", "-NOAUTH Authentication required.\r\n");
    expect(&mut conn, "GET\r\n", "-ERR wrong number of arguments for 'get' command\r\n");
    let wrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
    expect(&mut conn, "AUTH wrong\r\nAUTH nobody 'open sesame'\r\n", wrong.repeat(2));
    conn.send(b"HELLO 3\r\n");
    let refused = b"-NOAUTH HELLO must be called with the client already authenticated";
    assert_eq!(conn.read_exact(refused.len()), refused);
    expect_last(&server, "*11\r\n", "-ERR Protocol error: unauthenticated multibulk length\r\n");
    expect_last(&server, "*1\r\n$16385\r\n", "-ERR Protocol error: unauthenticated bulk length\r\n");

    // The limits fall with AUTH, even for what stands right behind it.
    let mut conn = server.connect();
    let big = vec![b'x'; 20_000];
    let pipeline =
        [resp(&[b"AUTH", b"open sesame"]), resp(&[b"SET", b"k", &big]), resp(&[b"STRLEN", b"k"])].concat();
    expect(&mut conn, pipeline, "+OK\r\n+OK\r\n:20000\r\n");
    expect(&mut conn, "RESET\r\nPING\r\n", "+RESET\r\n-NOAUTH Authentication required.\r\n");
    expect(&mut conn, "AUTH default 'open sesame'\r\nPING\r\n", "+OK\r\n+PONG\r\n");
    expect(&mut conn, "CONFIG SET requirepass ''\r\n", "+OK\r\n");
    expect(&mut server.connect(), "PING\r\n", "+PONG\r\n");
}
