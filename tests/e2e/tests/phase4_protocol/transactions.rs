//! Transactions seen from several clients. What one client alone can see is compared with Redis elsewhere.
use super::{expect, info, read_bulk, start, start_framed, text};
use crate::support::eventually;

const CHANGED: &str = "*-1\r\n";

#[test]
fn a_watched_key_that_another_client_changes_stops_the_transaction() {
    let server = start(&[]);
    let (mut me, mut other) = (server.connect(), server.connect());
    let changes = [
        "SET k 2",
        "APPEND k x",
        "DEL k",
        "EXPIRE k 1000",
        "RENAME k l",
        "RENAME other k",
        "MOVE k 3",
        "COPY other k REPLACE",
        "FLUSHDB",
        "FLUSHALL",
        "SWAPDB 0 5",
        "PEXPIRE k -1",
    ];
    for change in changes {
        expect(&mut other, "MSET k 1 other 9\r\n", "+OK\r\n");
        expect(&mut me, "WATCH k\r\nMULTI\r\nSET k mine\r\n", "+OK\r\n+OK\r\n+QUEUED\r\n");
        other.send(format!("{change}\r\n").as_bytes());
        other.read_line();
        expect(&mut me, "EXEC\r\n", CHANGED);
        // What was watched is forgotten, and what was queued.
        expect(&mut me, "EXEC\r\n", "-ERR EXEC without MULTI\r\n");
        expect(&mut me, "MULTI\r\nPING\r\nEXEC\r\n", "+OK\r\n+QUEUED\r\n*1\r\n+PONG\r\n");
        expect(&mut other, "FLUSHALL\r\n", "+OK\r\n");
    }
}

#[test]
fn what_is_no_change_stops_nothing() {
    let server = start(&[]);
    let (mut me, mut other) = (server.connect(), server.connect());
    for harmless in
        ["GET k", "SET unwatched 1", "DEL absent", "EXPIRE absent 9", "SWAPDB 7 8", "PERSIST k", "FLUSHDB"]
    {
        // Of the two keys that are watched one is absent, and stays so.
        let watched = if harmless == "FLUSHDB" { "absent" } else { "k absent" };
        expect(&mut me, "SET k 1\r\n", "+OK\r\n");
        expect(&mut me, format!("WATCH {watched}\r\nMULTI\r\nPING\r\n"), "+OK\r\n+OK\r\n+QUEUED\r\n");
        other.send(format!("{harmless}\r\n").as_bytes());
        other.read_line();
        expect(&mut me, "EXEC\r\n", "*1\r\n+PONG\r\n");
        // GET's second line.
        other = server.connect();
    }
}

#[test]
fn a_key_that_dies_is_a_change_and_one_that_was_dead_is_not() {
    let server = start(&["--enable-debug-command", "yes"]);
    let (mut me, mut other) = (server.connect(), server.connect());
    expect(&mut other, "DEBUG SET-ACTIVE-EXPIRE 0\r\n", "+OK\r\n");
    expect(&mut me, "SET k 1 PX 40\r\nWATCH k\r\nMULTI\r\nPING\r\n", "+OK\r\n+OK\r\n+OK\r\n+QUEUED\r\n");
    let dead = |other: &mut crate::support::Conn| {
        other.send(b"TTL k\r\n");
        (other.read_line() == ":-2\r\n").then_some(())
    };
    eventually("the key dies", || dead(&mut other));
    expect(&mut me, "EXEC\r\n", CHANGED);
    // Dead, and nobody has looked at it since: watching it does not remove it, removing it is no change.
    expect(&mut me, "SET k 1 PX 1\r\nDEBUG SLEEP 0.01\r\n", "+OK\r\n+OK\r\n");
    // The clock moves between two reads of a socket, not within a batch.
    expect(&mut me, "WATCH k\r\n", "+OK\r\n");
    expect(&mut me, "MULTI\r\nPING\r\n", "+OK\r\n+QUEUED\r\n");
    expect(&mut other, "EXISTS k\r\n", ":0\r\n");
    expect(&mut me, "EXEC\r\n", "*1\r\n+PONG\r\n");
    // But what is stored there afterwards is.
    expect(&mut me, "SET k 1 PX 1\r\nDEBUG SLEEP 0.01\r\n", "+OK\r\n+OK\r\n");
    expect(&mut me, "WATCH k\r\n", "+OK\r\n");
    expect(&mut me, "MULTI\r\nPING\r\n", "+OK\r\n+QUEUED\r\n");
    expect(&mut other, "SET k new\r\n", "+OK\r\n");
    expect(&mut me, "EXEC\r\n", CHANGED);
}

#[test]
fn commands_of_others_wait_until_a_transaction_is_over() {
    let server = start(&[]);
    let mut clients: Vec<_> = (0..8).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(&b"MULTI\r\nINCR n\r\nINCR n\r\nINCR n\r\nEXEC\r\n".repeat(100));
    }
    for client in &mut clients {
        for _ in 0..100 {
            assert_eq!(client.read_line(), "+OK\r\n");
            client.read_exact(3 * "+QUEUED\r\n".len());
            assert_eq!(client.read_line(), "*3\r\n");
            let numbers: Vec<i64> = (0..3).map(|_| client.read_line()[1..].trim().parse().unwrap()).collect();
            assert_eq!([numbers[1], numbers[2]], [numbers[0] + 1, numbers[0] + 2], "somebody came between");
        }
    }
    expect(&mut clients[0], "GET n\r\n", "$4\r\n2400\r\n");
}

#[test]
fn a_transaction_ends_with_its_connection() {
    let server = start(&[]);
    let (mut gone, mut other) = (server.connect(), server.connect());
    expect(&mut gone, "WATCH k\r\nMULTI\r\nSET k 1\r\n", "+OK\r\n+OK\r\n+QUEUED\r\n");
    gone.reset();
    eventually("the client is gone", || (info(&mut other, "connected_clients") == "1").then_some(()));
    expect(&mut other, "SET k 2\r\nGET k\r\n", "+OK\r\n$1\r\n2\r\n");
}

#[test]
fn what_is_queued_is_bounded() {
    let server = start(&["--client-query-buffer-limit", "1mb"]);
    let mut conn = server.connect();
    expect(&mut conn, "MULTI\r\n", "+OK\r\n");
    let request = format!("SET k {}\r\n", "v".repeat(60_000));
    conn.send(request.repeat(40).as_bytes());
    let replies = conn.read_until_closed();
    assert!(replies.len() <= 18 * "+QUEUED\r\n".len(), "{}", text(&replies));
    server.wait_stderr("client-query-buffer-limit");
}

#[test]
fn a_pause_of_writes_holds_a_transaction_that_writes() {
    let server = start(&[]);
    let (mut writer, mut reader, mut other) = (server.connect(), server.connect(), server.connect());
    expect(&mut writer, "MULTI\r\nSET k 1\r\n", "+OK\r\n+QUEUED\r\n");
    expect(&mut reader, "MULTI\r\nGET k\r\n", "+OK\r\n+QUEUED\r\n");
    expect(&mut other, "CLIENT PAUSE 100000 WRITE\r\n", "+OK\r\n");
    writer.send(b"EXEC\r\n");
    expect(&mut reader, "EXEC\r\n", "*1\r\n$-1\r\n");
    writer.expect_silence();
    expect(&mut other, "CLIENT UNPAUSE\r\n", "+OK\r\n");
    assert_eq!(writer.read_line(), "*1\r\n");
    assert_eq!(writer.read_line(), "+OK\r\n");
}

#[test]
fn client_list_tells_what_is_queued() {
    let server = start(&[]);
    let mut conn = server.connect();
    expect(&mut conn, "MULTI\r\nGET k\r\n", "+OK\r\n+QUEUED\r\n");
    let mut other = server.connect();
    other.send(b"CLIENT LIST ID 1\r\n");
    let line = String::from_utf8(read_bulk(&mut other)).unwrap();
    assert!(line.contains(" flags=x ") && line.contains(" multi=1 "), "{line}");
}

#[test]
fn frames_carry_the_replies_of_a_transaction_as_one_array() {
    let server = start_framed(&[]);
    let mut conn = server.connect();
    let request = |words: &[&str]| {
        let mut inside = (words.len() as u32).to_le_bytes().to_vec();
        for word in words {
            inside.extend((word.len() as u32).to_le_bytes());
            inside.extend(word.as_bytes());
        }
        [&(inside.len() as u32).to_le_bytes()[..], &inside].concat()
    };
    let requests: [&[&str]; 4] = [&["multi"], &["incr", "n"], &["get", "n"], &["exec"]];
    let bytes: Vec<u8> = requests.iter().flat_map(|words| request(words)).collect();
    let string = |text: &str| [&[2][..], &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    let frame = |value: &[u8]| [&(value.len() as u32).to_le_bytes()[..], value].concat();
    let array = [&[5, 2, 0, 0, 0, 3][..], &1i64.to_le_bytes(), &string("1")].concat();
    let expected = ["OK", "QUEUED", "QUEUED"].map(|text| frame(&string(text)));
    expect(&mut conn, bytes, [expected.concat(), frame(&array)].concat());
}

#[test]
fn a_client_that_ends_itself_in_a_transaction_is_told_nothing_more() {
    let server = start(&[]);
    let mut conn = server.connect();
    conn.send(b"MULTI\r\nCLIENT KILL ID 1 SKIPME no\r\nSET k v\r\nPING\r\nEXEC\r\n");
    let replies = conn.read_until_closed();
    assert_eq!(text(&replies), "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n:1\r\n");
    // What was queued behind it ran all the same, as in Redis.
    expect(&mut server.connect(), "GET k\r\n", "$1\r\nv\r\n");
}
