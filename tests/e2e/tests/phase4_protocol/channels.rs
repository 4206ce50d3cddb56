//! Publish and subscribe, and keyspace notifications, seen from several clients.
use super::{expect, info, resp, start, start_framed, text};
use crate::support::{Conn, eventually};

fn message(channel: &str, payload: &str) -> String {
    format!("*3\r\n$7\r\nmessage\r\n${}\r\n{channel}\r\n${}\r\n{payload}\r\n", channel.len(), payload.len())
}

fn subscribe(conn: &mut Conn, channel: &str) {
    let reply = format!("*3\r\n$9\r\nsubscribe\r\n${}\r\n{channel}\r\n:1\r\n", channel.len());
    expect(conn, format!("SUBSCRIBE {channel}\r\n"), reply);
}

#[test]
fn a_message_reaches_all_who_listen_and_no_one_else() {
    let server = start(&[]);
    let mut listeners: Vec<Conn> = (0..200).map(|_| server.connect()).collect();
    listeners.iter_mut().for_each(|conn| subscribe(conn, "news"));
    let mut other = server.connect();
    subscribe(&mut other, "weather");
    let mut speaker = server.connect();
    expect(&mut speaker, "PUBLISH news one\r\nPUBLISH news two\r\n", ":200\r\n:200\r\n");
    let both = [message("news", "one"), message("news", "two")].concat();
    for listener in &mut listeners {
        assert_eq!(text(&listener.read_exact(both.len())), both);
    }
    expect(&mut speaker, "PUBLISH weather rain\r\n", ":1\r\n");
    let rain = message("weather", "rain");
    assert_eq!(text(&other.read_exact(rain.len())), rain);
    // Those who leave, politely or not, are gone from the channel.
    listeners.truncate(2);
    let mut rude = listeners.pop().unwrap();
    rude.send(b"SUBSCRIBE more\r\n");
    rude.reset();
    eventually("the others have gone", || {
        speaker.send(b"PUBSUB NUMSUB news\r\n");
        let reply: String = (0..4).map(|_| speaker.read_line()).collect();
        reply.ends_with(":1\r\n").then_some(())
    });
    expect(&mut speaker, "PUBLISH more x\r\n", ":0\r\n");
}

#[test]
fn a_client_that_speaks_resp3_may_do_anything_while_it_listens() {
    let server = start(&[]);
    let mut conn = server.connect();
    conn.send(b"HELLO 3\r\n");
    eventually("the greeting ends", || (conn.read_line() == "*0\r\n").then_some(()));
    expect(&mut conn, "SUBSCRIBE me\r\n", ">3\r\n$9\r\nsubscribe\r\n$2\r\nme\r\n:1\r\n");
    expect(&mut conn, "SET k v\r\n", "+OK\r\n");
    // Its own message comes behind the reply to the command that sent it.
    let own = ":1\r\n>3\r\n$7\r\nmessage\r\n$2\r\nme\r\n$2\r\nhi\r\n";
    expect(&mut conn, "PUBLISH me hi\r\n", own);
    let replies = format!("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n{}+PONG\r\n{}", ":1\r\n", &own[4..]);
    expect(&mut conn, "MULTI\r\nPUBLISH me hi\r\nPING\r\nEXEC\r\n", replies);
    // Confirmations and messages are not replies: CLIENT REPLY lets them pass.
    expect(&mut conn, "CLIENT REPLY OFF\r\nSUBSCRIBE x\r\n", ">3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:2\r\n");
    expect(&mut conn, "PUBLISH x hi\r\n", ">3\r\n$7\r\nmessage\r\n$1\r\nx\r\n$2\r\nhi\r\n");
}

#[test]
fn a_slow_listener_meets_its_limit_and_the_others_do_not_wait() {
    let server = start(&["--client-output-buffer-limit", "pubsub 1mb 0 0"]);
    let (mut slow, mut quick, mut speaker) =
        (Conn::with_receive_buffer(server.addr(), 4096), server.connect(), server.connect());
    subscribe(&mut slow, "c");
    subscribe(&mut quick, "c");
    let payload = "x".repeat(100_000);
    let expected = message("c", &payload);
    let mut sent = 0;
    eventually("the slow one is cut off", || {
        speaker.send(&resp(&[b"PUBLISH", b"c", payload.as_bytes()]));
        sent += 1;
        let count = speaker.read_line();
        assert_eq!(text(&quick.read_exact(expected.len())), text(expected.as_bytes()));
        (count == ":1\r\n").then_some(())
    });
    assert!(sent < 200, "{sent} messages of 100 kB before the limit of 1 MB");
    assert_eq!(info(&mut speaker, "client_output_buffer_limit_disconnections"), "1");
    server.wait_stderr("client-output-buffer-limit");
}

#[test]
fn what_happens_to_keys_is_published() {
    let server = start(&["--notify-keyspace-events", "KEAnm"]);
    let (mut listener, mut other) = (server.connect(), server.connect());
    let pattern = "*3\r\n$10\r\npsubscribe\r\n$5\r\n__ke*\r\n:1\r\n";
    expect(&mut listener, "PSUBSCRIBE __ke*\r\n", pattern);
    let mut told = |command: &str, reply: &str, events: &[(&str, &str)]| {
        expect(&mut other, format!("{command}\r\n"), reply);
        for (event, key) in events {
            let by_key = (format!("__keyspace@0__:{key}"), (*event).to_string());
            let by_event = (format!("__keyevent@0__:{event}"), (*key).to_string());
            for (channel, payload) in [by_key, by_event] {
                let expected = format!(
                    "*4\r\n$8\r\npmessage\r\n$5\r\n__ke*\r\n${}\r\n{channel}\r\n${}\r\n{payload}\r\n",
                    channel.len(),
                    payload.len()
                );
                assert_eq!(text(&listener.read_exact(expected.len())), expected, "{command}");
            }
        }
    };
    told("SET k v EX 100", "+OK\r\n", &[("new", "k"), ("set", "k"), ("expire", "k")]);
    told("GET k", "$1\r\nv\r\n", &[]);
    told("GET nothing", "$-1\r\n", &[("keymiss", "nothing")]);
    told("EXISTS k nothing", ":1\r\n", &[("keymiss", "nothing")]);
    told("SETNX other 1", ":1\r\n", &[("new", "other"), ("set", "other")]);
    told("RENAME k l", "+OK\r\n", &[("new", "l"), ("rename_from", "k"), ("rename_to", "l")]);
    told("DEL l absent", ":1\r\n", &[("del", "l")]);
    told(
        "SET dies 1 PX 30",
        "+OK\r\n",
        &[("new", "dies"), ("set", "dies"), ("expire", "dies"), ("expired", "dies")],
    );
    // As many units as commands, or one: what is told is the same.
    told("MULTI", "+OK\r\n", &[]);
    told("INCR other", "+QUEUED\r\n", &[]);
    told("APPEND other x", "+QUEUED\r\n", &[]);
    told("EXEC", "*2\r\n:2\r\n:2\r\n", &[("incrby", "other"), ("append", "other")]);
    told("CONFIG SET notify-keyspace-events Kx", "+OK\r\n", &[]);
    told("SET k v", "+OK\r\n", &[]);
    told("CONFIG SET notify-keyspace-events KEx", "+OK\r\n", &[]);
    told("PEXPIRE k -1", ":1\r\n", &[]);
    told("SET k v PX 1", "+OK\r\n", &[("expired", "k")]);
}

#[test]
fn a_listener_is_never_idle_too_long() {
    let server = start(&["--timeout", "1"]);
    let (mut listener, mut idle) = (server.connect(), server.connect());
    subscribe(&mut listener, "c");
    expect(&mut idle, "PING\r\n", "+PONG\r\n");
    idle.expect_eof();
    let mut speaker = server.connect();
    expect(&mut speaker, "PUBLISH c still\r\n", ":1\r\n");
    let still = message("c", "still");
    assert_eq!(text(&listener.read_exact(still.len())), still);
}

#[test]
fn a_listener_on_the_framed_port_gets_a_frame_for_each_message() {
    let server = start_framed(&[]);
    let (mut listener, mut speaker) = (server.connect(), server.connect());
    let request = |words: &[&str]| {
        let mut inside = (words.len() as u32).to_le_bytes().to_vec();
        for word in words {
            inside.extend((word.len() as u32).to_le_bytes());
            inside.extend(word.as_bytes());
        }
        [&(inside.len() as u32).to_le_bytes()[..], &inside].concat()
    };
    let string = |text: &str| [&[2][..], &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    let integer = |value: i64| [&[3][..], &value.to_le_bytes()].concat();
    let array = |members: &[Vec<u8>]| {
        let inside = [&[5][..], &(members.len() as u32).to_le_bytes(), &members.concat()].concat();
        [&(inside.len() as u32).to_le_bytes()[..], &inside].concat()
    };
    let confirmed = |name: &str, count| array(&[string("subscribe"), string(name), integer(count)]);
    expect(&mut listener, request(&["subscribe", "a", "b"]), [confirmed("a", 1), confirmed("b", 2)].concat());
    let one = [&9u32.to_le_bytes()[..], &integer(1)].concat();
    expect(&mut speaker, request(&["publish", "b", "hi"]), one);
    let expected = array(&[string("message"), string("b"), string("hi")]);
    assert_eq!(listener.read_exact(expected.len()), expected);
}
