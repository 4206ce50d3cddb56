//! Streams: who is told of an entry and when, and what ends the waiting. What one client alone can see is compared with Redis
//! elsewhere.
use super::blocking::{block, gets, until_blocked};
use super::framed::{frame, outer};
use super::{expect, info, start, start_framed};
use crate::support::eventually;

/// What `XREAD` answers of one entry with the field `f`.
fn read(key: &str, id: &str, value: &str) -> String {
    format!(
        "*1\r\n*2\r\n${}\r\n{key}\r\n*1\r\n*2\r\n${}\r\n{id}\r\n*2\r\n$1\r\nf\r\n${}\r\n{value}\r\n",
        key.len(),
        id.len(),
        value.len()
    )
}

#[test]
fn every_reader_gets_the_entry_before_any_other_command_and_those_who_want_later_ones_go_on_waiting() {
    let server = start(&[]);
    let mut control = server.connect();
    expect(&mut control, "XADD s 5-1 f old\r\n", "$3\r\n5-1\r\n");
    let mut first = block(&server, "XREAD BLOCK 0 STREAMS s $");
    let mut second = block(&server, "XREAD BLOCK 0 COUNT 1 STREAMS none s 0 5-1");
    let mut later = block(&server, "XREAD BLOCK 0 STREAMS s 7-0");
    expect(&mut control, "XADD s 6-1 f new\r\nXDEL s 6-1\r\n", "$3\r\n6-1\r\n:1\r\n");
    gets(&mut first, &read("s", "6-1", "new"));
    gets(&mut second, &read("s", "6-1", "new"));
    until_blocked(&mut control, 1);
    // Neither another type nor the end of the key is what it waits for.
    expect(&mut control, "DEL s\r\nSET s x\r\nDEL s\r\n", ":1\r\n+OK\r\n:1\r\n");
    expect(&mut control, "XADD s 7-0 f no\r\nXADD s 7-1 f yes\r\n", "$3\r\n7-0\r\n$3\r\n7-1\r\n");
    gets(&mut later, &read("s", "7-1", "yes"));
    assert_eq!(info(&mut control, "blocked_clients"), "0");
}

#[test]
fn an_entry_goes_to_one_consumer_of_a_group_the_one_that_came_first() {
    let server = start(&[]);
    let mut control = server.connect();
    expect(&mut control, "XGROUP CREATE s g $ MKSTREAM\r\n", "+OK\r\n");
    let mut first = block(&server, "XREADGROUP GROUP g one BLOCK 0 STREAMS s >");
    let mut second = block(&server, "XREADGROUP GROUP g two BLOCK 0 STREAMS s >");
    expect(&mut control, "XADD s 1-1 f a\r\n", "$3\r\n1-1\r\n");
    gets(&mut first, &read("s", "1-1", "a"));
    until_blocked(&mut control, 1);
    // Two entries of one unit: it gets both.
    expect(
        &mut control,
        "MULTI\r\nXADD s 2-1 f b\r\nXADD s 2-2 f c\r\nEXEC\r\n",
        "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n$3\r\n2-1\r\n$3\r\n2-2\r\n",
    );
    let both = read("s", "2-1", "b").replacen("*1\r\n*2\r\n$3", "*2\r\n*2\r\n$3", 1);
    gets(&mut second, &format!("{both}*2\r\n$3\r\n2-2\r\n*2\r\n$1\r\nf\r\n$1\r\nc\r\n"));
    expect(
        &mut control,
        "XPENDING s g\r\n",
        "*4\r\n:3\r\n$3\r\n1-1\r\n$3\r\n2-2\r\n*2\r\n*2\r\n$3\r\none\r\n$1\r\n1\r\n*2\r\n$3\r\ntwo\r\n$1\r\n2\r\n",
    );
    // An acknowledged entry is nobody's; one of another consumer's is left alone by a name that has none.
    expect(&mut control, "XACK s g 1-1 1-1 9-9\r\n", ":1\r\n");
}

#[test]
fn readers_of_a_group_are_told_when_it_or_the_stream_has_gone() {
    let server = start(&[]);
    let mut control = server.connect();
    let no_group = "-NOGROUP the consumer group this client was blocked on no longer exists\r\n";
    let no_stream = "-UNBLOCKED the stream key no longer exists\r\n";
    for (end, reply, told) in [
        ("XGROUP DESTROY s g", ":1\r\n", no_group),
        ("DEL s", ":1\r\n", no_stream),
        ("SET s x", "+OK\r\n", no_stream),
        ("RENAME s t", "+OK\r\n", no_stream),
        ("FLUSHALL", "+OK\r\n", no_stream),
        (
            "MULTI\r\nDEL s\r\nXADD s 9-9 f v\r\nEXEC",
            "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n$3\r\n9-9\r\n",
            no_group,
        ),
    ] {
        expect(&mut control, "FLUSHALL\r\nXGROUP CREATE s g $ MKSTREAM\r\n", "+OK\r\n+OK\r\n");
        let mut reader = block(&server, "XREADGROUP GROUP g one BLOCK 0 STREAMS s >");
        expect(&mut control, format!("{end}\r\n"), reply);
        gets(&mut reader, told);
    }
}

#[test]
fn waiting_for_an_entry_ends_with_time_and_by_request() {
    let server = start(&[]);
    let mut control = server.connect();
    let mut reader = server.connect();
    expect(&mut reader, "XREAD BLOCK 10 STREAMS s 0\r\n", "*-1\r\n");
    expect(&mut reader, "MULTI\r\nXREAD BLOCK 0 STREAMS s $\r\nEXEC\r\n", "+OK\r\n+QUEUED\r\n*1\r\n*-1\r\n");
    reader.send(b"CLIENT ID\r\n");
    let id = reader.read_line().trim_start_matches(':').trim().to_owned();
    for (how, told) in [("", "*-1\r\n"), (" ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n")] {
        reader.send(b"XREAD BLOCK 0 STREAMS s $\r\n");
        until_blocked(&mut control, 1);
        expect(&mut control, format!("CLIENT UNBLOCK {id}{how}\r\n"), ":1\r\n");
        gets(&mut reader, told);
    }
}

#[test]
fn the_framed_protocol_has_streams_too() {
    let server = start_framed(&[]);
    let mut conn = server.connect();
    conn.send(&frame(&[b"XADD", b"s", b"1-1", b"f", b"v"]));
    let bytes = |text: &str| [&[2][..], &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    let list = |parts: &[Vec<u8>]| [&[5][..], &(parts.len() as u32).to_le_bytes(), &parts.concat()].concat();
    let reply = outer(&bytes("1-1"));
    assert_eq!(conn.read_exact(reply.len()), reply);
    let entry = list(&[bytes("1-1"), list(&[bytes("f"), bytes("v")])]);
    conn.send(&frame(&[b"XRANGE", b"s", b"-", b"+"]));
    let reply = outer(&list(std::slice::from_ref(&entry)));
    assert_eq!(conn.read_exact(reply.len()), reply);
    conn.send(&frame(&[b"XREAD", b"STREAMS", b"s", b"0"]));
    let reply = outer(&list(&[list(&[bytes("s"), list(&[entry])])]));
    assert_eq!(conn.read_exact(reply.len()), reply);
}

#[test]
fn a_huge_stream_is_freed_a_share_at_a_time() {
    let server = start(&["--enable-debug-command", "yes"]);
    let mut conn = server.connect();
    let request = format!("XADD s * f {}\r\n", "x".repeat(900));
    for _ in 0..40 {
        conn.send(request.repeat(250).as_bytes());
        (0..500).for_each(|_| _ = conn.read_line());
    }
    let before: u64 = info(&mut conn, "used_memory").parse().unwrap();
    assert!(before > 9_000_000, "{before}");
    expect(&mut conn, "UNLINK s\r\n", ":1\r\n");
    eventually("its memory is back", || {
        (info(&mut conn, "used_memory").parse::<u64>().unwrap() < before - 8_000_000).then_some(())
    });
    assert_eq!(info(&mut conn, "lazyfreed_objects"), "1");
}
