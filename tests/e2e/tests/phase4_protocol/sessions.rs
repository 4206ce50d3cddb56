//! Commands about connections: HELLO and the CLIENT family.
use std::time::{Duration, Instant};

use super::{expect, expect_last, info, read_bulk, resp, start, text};
use crate::support::{Conn, eventually};

#[test]
fn hello_changes_the_protocol_of_its_own_reply() {
    let server = start(&[]);
    let mut conn = server.connect();
    conn.send(b"HELLO 3 SETNAME me\r\n");
    assert_eq!(conn.read_exact(4), b"%7\r\n");
    conn.send(b"CLIENT GETNAME\r\nGET nothing\r\n");
    let rest = eventually("the replies", || {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"_\r\n") {
            bytes.extend(conn.read_exact(1));
        }
        Some(bytes)
    });
    assert!(text(&rest).ends_with("$7\r\nmodules\r\n*0\r\n$2\r\nme\r\n_\r\n"), "{}", text(&rest));
    expect(&mut conn, "RESET\r\nGET nothing\r\n", "+RESET\r\n$-1\r\n");
    expect(&mut conn, "HELLO 4\r\n", "-NOPROTO unsupported protocol version\r\n");
}

#[test]
fn client_kill_ends_the_others_and_spares_me() {
    let server = start(&[]);
    let (mut me, mut a, mut b) = (server.connect(), server.connect(), server.connect());
    for conn in [&mut me, &mut a, &mut b] {
        expect(conn, "PING\r\n", "+PONG\r\n");
    }
    let address = a.local_addr();
    expect(&mut me, format!("CLIENT KILL {address}\r\n"), "+OK\r\n");
    a.expect_eof();
    expect(&mut me, format!("CLIENT KILL {address}\r\n"), "-ERR No such client\r\n");
    expect(&mut b, "CLIENT ID\r\n", ":3\r\n");
    expect(&mut me, "CLIENT KILL ID 3 TYPE pubsub\r\n", ":0\r\n");
    // In one turn: the killed client is gone from the list at once.
    me.send(b"CLIENT KILL TYPE normal\r\nCLIENT LIST\r\n");
    assert_eq!(me.read_exact(4), b":1\r\n");
    assert_eq!(read_bulk(&mut me).iter().filter(|byte| **byte == b'\n').count(), 1);
    b.expect_eof();
    // What waits for a killed client is dropped, and it is freed though it does not read.
    let mut slow = Conn::with_receive_buffer(server.addr(), 4096);
    expect(&mut slow, resp(&[b"SET", b"big", &vec![b'b'; 20_000_000]]), "+OK\r\n");
    slow.send(b"GET big\r\n");
    slow.read_exact(100);
    expect(&mut me, "CLIENT KILL ID 4\r\n", ":1\r\n");
    assert!(slow.read_until_closed().len() < 15_000_000);
    expect(&mut me, "CLIENT KILL ID 1 SKIPME no\r\n", ":1\r\n");
    me.expect_eof();
}

#[test]
fn client_list_tells_who_is_there() {
    let server = start(&[]);
    let mut me = server.connect();
    let mut other = server.connect();
    expect(
        &mut other,
        "CLIENT SETNAME bob\r\nSELECT 3\r\nCLIENT NO-EVICT on\r\nCLIENT SETINFO LIB-NAME lib\r\n",
        "+OK\r\n".repeat(4),
    );
    me.send(b"CLIENT LIST\r\n");
    let list = String::from_utf8(read_bulk(&mut me)).unwrap();
    let fields = |line: &str, wanted: &[String]| {
        for field in wanted {
            assert!(line.split(' ').any(|one| one == field), "no {field} in {line}");
        }
    };
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines.len(), 2);
    let (mine, local) = (me.local_addr(), server.addr());
    fields(
        lines[0],
        &[
            "id=1".into(),
            format!("addr={mine}"),
            format!("laddr={local}"),
            "name=".into(),
            "flags=N".into(),
            "cmd=client|list".into(),
        ],
    );
    fields(
        lines[1],
        &[
            "id=2".into(),
            "name=bob".into(),
            "db=3".into(),
            "flags=e".into(),
            "resp=2".into(),
            "lib-name=lib".into(),
        ],
    );
    me.send(b"CLIENT LIST ID 2\r\n");
    assert_eq!(text(&read_bulk(&mut me)).lines().count(), 1);
    me.send(b"CLIENT INFO\r\n");
    assert!(text(&read_bulk(&mut me)).starts_with("id=1 "));
}

/// The number in a field of a client's line of `CLIENT LIST`.
fn listed(me: &mut Conn, id: u32, field: &str) -> usize {
    me.send(&resp(&[b"CLIENT", b"LIST", b"ID", id.to_string().as_bytes()]));
    let line = String::from_utf8(read_bulk(me)).unwrap();
    let found = line.split(' ').find_map(|word| word.strip_prefix(&format!("{field}=")));
    found.unwrap_or_else(|| panic!("no {field} in {line:?}")).parse().unwrap()
}

#[test]
fn client_list_tells_what_each_client_costs() {
    let server = start(&[]);
    let (mut me, mut other) = (server.connect(), server.connect());
    expect(&mut me, "PING\r\n", "+PONG\r\n");
    assert_eq!(listed(&mut me, 1, "qbuf"), 41, "what was sent to ask this");
    assert_eq!(listed(&mut me, 1, "argv-mem"), 13, "its arguments");

    // A request of which a part has arrived: whole arguments, and the rest.
    expect(&mut other, "PING\r\n", "+PONG\r\n");
    let (keys, value) = ((0..3000).map(|n| format!("k{n}")).collect::<Vec<_>>(), [b'v'; 1000]);
    let pairs = keys.iter().flat_map(|key| [key.as_bytes(), &value]);
    let words: Vec<&[u8]> = [&b"MSET"[..]].into_iter().chain(pairs).collect();
    let request = resp(&words);
    let arrived = 2_500_000;
    let (mut end, mut argv) = ("*6001\r\n".len(), 0);
    for word in &words {
        end += format!("${}\r\n", word.len()).len() + word.len() + 2;
        if end > arrived {
            break;
        }
        argv += word.len();
    }
    other.send(&request[..arrived]);
    other.wait_until_taken();
    assert_eq!(listed(&mut me, 2, "argv-mem"), argv);
    assert!(listed(&mut me, 2, "qbuf") < 1100, "the front of one argument");
    assert!(listed(&mut me, 2, "tot-mem") >= arrived);
    expect(&mut other, &request[arrived..], "+OK\r\n");
    assert_eq!([listed(&mut me, 2, "argv-mem"), listed(&mut me, 2, "qbuf")], [0, 0]);
    other.send(&resp(&[b"SET", b"big", &[b'b'; 900_000]])[..800_000]);
    other.wait_until_taken();
    assert_eq!(listed(&mut me, 2, "argv-mem"), "SET".len() + "big".len());
    assert!((799_900..800_000).contains(&listed(&mut me, 2, "qbuf")));

    // Replies that wait.
    let mut slow = Conn::with_receive_buffer(server.addr(), 4096);
    expect(&mut slow, resp(&[b"SET", b"big", &vec![b'b'; 20_000_000]]), "+OK\r\n");
    assert_eq!(["obl", "oll", "omem", "rbs"].map(|field| listed(&mut me, 3, field)), [0; 4]);
    assert!((1..1000).contains(&listed(&mut me, 3, "rbp")), "it had a short reply lately");
    slow.send(b"GET big\r\n");
    slow.read_exact(100);
    assert_eq!(["obl", "oll", "rbs", "rbp"].map(|field| listed(&mut me, 3, field)), [16384, 1, 16384, 16384]);
    let (omem, total) = (listed(&mut me, 3, "omem"), listed(&mut me, 3, "tot-mem"));
    assert!(
        (10_000_000..45_000_000).contains(&omem) && total >= omem + 16384,
        "omem {omem}, tot-mem {total}"
    );
    slow.read_exact(20_000_013 - 100);
    assert_eq!(["obl", "oll", "omem"].map(|field| listed(&mut me, 3, field)), [0; 3]);
}

#[test]
fn client_pause_holds_commands_until_it_ends() {
    let server = start(&[]);
    let (mut me, mut other) = (server.connect(), server.connect());
    expect(&mut me, "CLIENT PAUSE 100000 WRITE\r\n", "+OK\r\n");
    // Reading goes on, writing waits, and what stands behind the write waits with it.
    expect(&mut other, "GET k\r\nSET k v\r\nGET k\r\n", "$-1\r\n");
    eventually("the writer is held", || (info(&mut me, "blocked_clients") == "1").then_some(()));
    other.expect_silence();
    expect(&mut me, "GET k\r\nCLIENT UNPAUSE\r\n", "$-1\r\n+OK\r\n");
    assert_eq!(other.read_exact(12), b"+OK\r\n$1\r\nv\r\n");

    // It ends by itself, too; and for ALL that is the only way.
    let start = Instant::now();
    expect(&mut me, "CLIENT PAUSE 300 ALL\r\n", "+OK\r\n");
    expect(&mut other, "PING\r\n", "+PONG\r\n");
    assert!(start.elapsed() >= Duration::from_millis(295), "after {:?}", start.elapsed());
    // An end beyond 64 bits lies in the past for Redis: nobody is held.
    expect(&mut me, "CLIENT PAUSE 9223372036854775807\r\nCLIENT UNPAUSE\r\n", "+OK\r\n+OK\r\n");
    expect(&mut me, "CLIENT PAUSE 9223372036854775807 WRITE\r\n", "+OK\r\n");
    expect(&mut other, "SET k v\r\n", "+OK\r\n");
    // A held client that leaves is forgotten.
    expect(&mut me, "CLIENT PAUSE 100000 WRITE\r\n", "+OK\r\n");
    other.send(b"SET k w\r\n");
    eventually("the writer is held", || (info(&mut me, "blocked_clients") == "1").then_some(()));
    other.reset();
    eventually("the writer is gone", || (info(&mut me, "blocked_clients") == "0").then_some(()));
    assert_eq!(info(&mut me, "connected_clients"), "1");
}

#[test]
fn nothing_expires_while_writers_are_paused() {
    let server = start(&[]);
    let mut me = server.connect();
    // In one turn, during which the clock stands still.
    expect(&mut me, "SET k v PX 50\r\nCLIENT PAUSE 100000 WRITE\r\n", "+OK\r\n+OK\r\n");
    eventually("the key's time is over", || {
        me.send(b"GET k\r\n");
        let gone = me.read_exact(4) == b"$-1\r";
        me.read_exact(if gone { 1 } else { 3 });
        gone.then_some(())
    });
    expect(&mut me, "EXISTS k\r\nPTTL k\r\nTYPE k\r\nKEYS *\r\n", ":0\r\n:-2\r\n+none\r\n*0\r\n");
    expect(&mut me, "DBSIZE\r\n", ":1\r\n");
    assert_eq!(info(&mut me, "expired_keys"), "0");
    expect(&mut me, "CLIENT UNPAUSE\r\nGET k\r\nDBSIZE\r\n", "+OK\r\n$-1\r\n:0\r\n");
    assert_eq!(info(&mut me, "expired_keys"), "1");
}

#[test]
fn client_reply_silences_what_it_should() {
    let server = start(&[]);
    let mut conn = server.connect();
    expect(&mut conn, "CLIENT REPLY SKIP\r\nSET k 1\r\nGET k\r\n", "$1\r\n1\r\n");
    expect(
        &mut conn,
        "CLIENT REPLY OFF\r\nSET k 2\r\nnonsense\r\nCLIENT REPLY ON\r\nGET k\r\n",
        "+OK\r\n$1\r\n2\r\n",
    );
    expect(
        &mut conn,
        "CLIENT REPLY SKIP\r\nCLIENT REPLY SKIP\r\nGET k\r\nGET k\r\nECHO x\r\n",
        "$1\r\n2\r\n$1\r\nx\r\n",
    );
    expect(&mut conn, "CLIENT REPLY SKIP\r\nCLIENT REPLY ON\r\nECHO y\r\n", "+OK\r\n$1\r\ny\r\n");
    expect(&mut conn, "CLIENT REPLY SKIP\r\nRESET\r\nECHO z\r\n", "$1\r\nz\r\n");
    expect(&mut conn, "CLIENT REPLY OFF\r\nRESET\r\nECHO z\r\n", "+RESET\r\n$1\r\nz\r\n");
    // An error in the protocol is no reply to a command, and is silenced all the same.
    for mode in ["OFF", "SKIP"] {
        expect_last(&server, format!("PING\r\nCLIENT REPLY {mode}\r\n*1\r\n!\r\n"), "+PONG\r\n");
    }
}

#[test]
fn reset_keeps_the_exemption_from_eviction() {
    let server = start(&[]);
    let mut conn = server.connect();
    expect(&mut conn, "CLIENT NO-EVICT on\r\nCLIENT SETNAME x\r\nRESET\r\n", "+OK\r\n+OK\r\n+RESET\r\n");
    conn.send(b"CLIENT INFO\r\n");
    let line = read_bulk(&mut conn);
    assert!(text(&line).contains(" name= ") && text(&line).contains(" flags=e "), "{}", text(&line));
}

#[test]
fn client_unblock_counts_its_arguments() {
    let server = start(&[]);
    let wrong = "-ERR unknown subcommand or wrong number of arguments for 'UNBLOCK'. Try CLIENT HELP.\r\n";
    expect(&mut server.connect(), "CLIENT UNBLOCK 1 TIMEOUT x\r\n", wrong);
}
