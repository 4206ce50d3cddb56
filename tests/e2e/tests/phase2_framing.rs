//! Phase 2 from outside: messages keep their boundaries, whatever the network does to the bytes (bug catalogue 15–28).
mod support;

use std::io::Write;

use nix::sys::signal::Signal;
use support::{Conn, Server, eventually, noise, refusal, run};

const MAX: usize = 1000;

fn frame(payload: &[u8]) -> Vec<u8> {
    [&(payload.len() as u32).to_le_bytes()[..], payload].concat()
}

fn start(args: &[&str]) -> Server {
    Server::start("framed-server", &[&["--port", "0"], args].concat())
}

fn read_frame(conn: &mut Conn) -> Vec<u8> {
    let len = u32::from_le_bytes(conn.read_exact(4).try_into().expect("four bytes"));
    conn.read_exact(len as usize)
}

/// One exchange over a new connection, ended cleanly.
fn assert_serves(server: &Server) {
    let mut conn = server.connect();
    conn.send(&frame(b"ping"));
    assert_eq!(read_frame(&mut conn), b"ping");
    conn.half_close();
    conn.expect_eof();
}

#[test]
fn bug_15_the_length_is_little_endian_and_a_swapped_one_is_suspected() {
    let server = start(&[]);
    let mut conn = server.connect();
    conn.send(b"\x05\0\0\0hello");
    assert_eq!(conn.read_exact(9), b"\x05\0\0\0hello");
    drop(conn);
    let mut swapped = server.connect();
    swapped.send(b"\0\0\0\x05hello");
    swapped.expect_eof();
    server.wait_stderr("in big-endian it would be 5");
}

#[test]
fn bugs_16_and_17_a_split_at_every_offset_changes_nothing() {
    let server = start(&[]);
    let stream = [frame(b"split"), frame(b""), frame(b"me")].concat();
    for at in 0..=stream.len() {
        let mut conn = server.connect();
        conn.send_split(&stream, &[at]);
        assert_eq!(conn.read_exact(stream.len()), stream, "split at {at}");
    }
    let mut conn = server.connect();
    conn.drip(&stream);
    assert_eq!(conn.read_exact(stream.len()), stream, "byte by byte");
}

#[test]
fn bug_18_bytes_behind_a_frame_belong_to_the_next() {
    let server = start(&[]);
    let stream = [frame(b"one"), frame(b"two"), frame(b"three")].concat();
    let mut conn = server.connect();
    conn.send(&stream[..18]);
    assert_eq!(read_frame(&mut conn), b"one");
    assert_eq!(read_frame(&mut conn), b"two");
    conn.send(&stream[18..]);
    assert_eq!(read_frame(&mut conn), b"three");
}

#[test]
fn bug_19_one_exact_frame_gets_one_reply_and_the_connection_stays() {
    let server = start(&[]);
    let mut conn = server.connect();
    conn.send(&frame(b"exact"));
    assert_eq!(read_frame(&mut conn), b"exact");
    // A byte of the next header, taken by the server, proves that it had its chance to say more.
    conn.send(b"\x01");
    conn.wait_until_taken();
    conn.expect_silence();
    conn.send(b"\0\0\0!");
    assert_eq!(read_frame(&mut conn), b"!");
}

#[test]
fn bug_20_lengths_that_would_be_negative_or_overflow_close_the_connection() {
    let mut server = start(&[]);
    for len in [0x7fff_ffff_u32, 0x8000_0000, 0xffff_fffc, 0xffff_ffff] {
        let mut conn = server.connect();
        conn.send(&len.to_le_bytes());
        conn.expect_eof();
        server.wait_stderr(&format!("a frame of {len} bytes is announced"));
        server.assert_alive();
    }
    assert_serves(&server);
}

#[test]
fn bug_21_a_claimed_length_costs_no_memory() {
    let server = start(&[]);
    assert_serves(&server);
    let before = server.status_field("VmHWM");
    let mut too_long = server.connect();
    too_long.send(&(2_u32 << 30).to_le_bytes());
    too_long.expect_eof();
    // The largest claim that is allowed: the server waits for 32 MiB, of which 100 bytes come.
    let mut claim = server.connect();
    claim.send(&(32_u32 << 20).to_le_bytes());
    claim.send(&[b'x'; 100]);
    claim.wait_until_taken();
    let peak = server.status_field("VmHWM");
    assert!(peak < before + 1024, "{before} kB before the claims, {peak} kB at the peak");
}

#[test]
fn bug_22_the_maximum_itself_is_accepted_and_one_more_is_not() {
    let server = start(&["--max-frame", &MAX.to_string()]);
    for len in [MAX - 1, MAX] {
        let payload = noise(len as u64, len);
        let mut conn = server.connect();
        conn.send(&frame(&payload));
        assert_eq!(read_frame(&mut conn), payload, "{len} bytes");
    }
    let mut conn = server.connect();
    conn.send(&frame(&vec![b'x'; MAX + 1]));
    conn.expect_eof();
    server.wait_stderr("a frame of 1001 bytes is announced, more than the 1000 allowed");
}

#[test]
fn bug_22_the_default_maximum_is_32_mib() {
    let server = start(&[]);
    let payload = noise(32, 32 << 20);
    let mut conn = server.connect();
    let mut writer = Conn { stream: conn.stream.try_clone().unwrap() };
    let whole = frame(&payload);
    let writing = std::thread::spawn(move || writer.send(&whole));
    assert!(read_frame(&mut conn) == payload);
    writing.join().unwrap();
    conn.send(&((32_u32 << 20) + 1).to_le_bytes());
    conn.expect_eof();
}

#[test]
fn bug_23_an_empty_frame_is_a_frame() {
    let server = start(&[]);
    let mut conn = server.connect();
    conn.send(&frame(b""));
    assert_eq!(read_frame(&mut conn), b"");
    conn.send(&frame(b"x"));
    assert_eq!(read_frame(&mut conn), b"x");
}

#[test]
fn bug_24_a_frame_cut_short_gets_no_reply_and_is_logged_with_its_place() {
    let mut server = start(&[]);
    let whole = frame(b"hello");
    for cut in 1..whole.len() {
        let mut conn = server.connect();
        conn.send(&frame(b"whole"));
        conn.send(&whole[..cut]);
        conn.half_close();
        assert_eq!(read_frame(&mut conn), b"whole", "what was owed is paid");
        conn.expect_eof();
        let place = if cut < 4 {
            format!("the stream ended inside a frame's header, after {cut} of 4 bytes")
        } else {
            format!("the stream ended inside a frame's body, after {} of 5 bytes", cut - 4)
        };
        server.wait_stderr(&format!("closed {}: {place}", conn.local_addr()));
        server.assert_alive();
    }
    assert_serves(&server);
}

#[test]
fn bugs_25_and_26_noise_never_stops_the_server() {
    let mut server = start(&["--max-frame", "64k"]);
    for seed in 0..200 {
        let bytes = noise(seed, 1 + (seed as usize * 37) % 3000);
        let conn = server.connect();
        // The server may refuse the first four bytes and close while we are still writing.
        let _ = (&conn.stream).write_all(&bytes);
        let _ = conn.stream.shutdown(std::net::Shutdown::Write);
        let mut conn = conn;
        conn.read_until_closed();
        server.assert_alive();
    }
    assert_serves(&server);
}

#[test]
fn bug_27_a_thousand_replies_come_in_order() {
    let server = start(&[]);
    let mut conn = server.connect();
    let requests: Vec<u8> = (0..1000).flat_map(|i| frame(format!("request {i}").as_bytes())).collect();
    conn.send(&requests);
    for i in 0..1000 {
        assert_eq!(read_frame(&mut conn), format!("request {i}").as_bytes());
    }
    conn.half_close();
    conn.expect_eof();
}

#[test]
fn bug_28_replies_owed_arrive_before_the_close_even_if_more_was_sent() {
    let server = start(&["--max-frame", "100k"]);
    for _ in 0..20 {
        let owed = frame(&noise(28, 100_000));
        let mut conn = Conn::with_receive_buffer(server.addr(), 4096);
        let mut writer = Conn { stream: conn.stream.try_clone().unwrap() };
        let sent = [&owed[..], b"\xff\xff\xff\xff", &[b'x'; 200_000]].concat();
        let writing = std::thread::spawn(move || writer.send(&sent));
        assert!(conn.read_exact(owed.len()) == owed);
        conn.expect_eof();
        drop(conn);
        writing.join().unwrap();
    }
}

#[test]
fn a_pipeline_is_read_and_answered_in_batches() {
    let server = start(&[]);
    let mut conn = server.connect();
    let requests = frame(b"x").repeat(100_000);
    let mut writer = Conn { stream: conn.stream.try_clone().unwrap() };
    let sent = requests.clone();
    let ticks = server.cpu_ticks();
    let writing = std::thread::spawn(move || writer.send(&sent));
    assert!(conn.read_exact(requests.len()) == requests);
    writing.join().unwrap();
    // Two reads and a write for each would cost a hundred times the batch's few system calls.
    assert!(server.cpu_ticks() - ticks < 30, "{} ticks", server.cpu_ticks() - ticks);
}

#[test]
fn one_client_at_a_time_is_served() {
    let server = start(&[]);
    let mut first = server.connect();
    first.send(&frame(b"1"));
    read_frame(&mut first);
    let mut second = server.connect();
    second.send(&frame(b"2"));
    first.send(&frame(b"1"));
    read_frame(&mut first);
    second.expect_silence();
    first.half_close();
    assert_eq!(read_frame(&mut second), b"2");
}

#[test]
fn two_thousand_connections_and_some_resets_leave_nothing_behind() {
    let mut server = start(&[]);
    assert_serves(&server);
    let before = server.fd_count();
    for i in 0..2000 {
        let mut conn = server.connect();
        conn.send(&frame(b"x"));
        if i % 3 == 0 {
            conn.reset();
        } else {
            assert_eq!(read_frame(&mut conn), b"x");
        }
    }
    assert_serves(&server);
    eventually("descriptors are given back", || (server.fd_count() <= before).then_some(()));
    server.assert_alive();
}

#[test]
fn sigterm_finishes_the_replies_and_exits_0() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut server = start(&[]);
        let whole = frame(&noise(1, 100_000));
        let mut conn = Conn::with_receive_buffer(server.addr(), 4096);
        conn.send(&whole);
        eventually("all of it is in the server's hands", || (conn.unread_by_server().0 == 0).then_some(()));
        server.wait_stderr("accepted");
        server.signal(signal);
        assert!(conn.read_exact(whole.len()) == whole);
        conn.expect_eof();
        assert_eq!(server.wait_exit().code(), Some(0));
    }
}

#[test]
fn a_silent_client_is_closed_only_if_asked_for() {
    let server = start(&["--idle-timeout", "0.05"]);
    let mut conn = server.connect();
    conn.send(b"\x05\0");
    conn.expect_eof();
    server.wait_stderr("idle for too long");
}

#[test]
fn mistakes_on_the_command_line_get_one_clear_line() {
    let taken = start(&[]);
    let port = taken.addr().port().to_string();
    assert!(refusal("framed-server", &["--port", &port]).contains("is in use"));
    assert!(refusal("framed-server", &["--max-frme", "1"]).contains("did you mean --max-frame?"));
    assert!(refusal("framed-server", &["--max-frame", "lots"]).contains("expected a number of bytes"));
    assert!(refusal("framed-server", &["--max-frame", "4g"]).contains("at most 4294967295"));
    let hint = format!("nc -N 127.0.0.1 {port}");
    taken.wait_stderr(&hint);
    assert!(taken.stderr().lines().next().is_some_and(|line| line.contains(&hint)), "{}", taken.stderr());
    assert_eq!(taken.stdout(), format!("listening on {}\n", taken.addr()));
}

#[test]
fn the_client_asks_and_prints() {
    let server = start(&[]);
    let port = server.addr().port().to_string();
    assert_eq!(run("framed-client", &["--port", &port, "hello", "", "you"], b"").stdout, b"hello\n\nyou\n");
    assert_eq!(run("framed-client", &["--port", &port], b"a\nb\n").stdout, b"a\nb\n");
    drop(server);
    assert!(refusal("framed-client", &["--port", &port, "hello"]).contains("nothing listens on"));
}
