//! Phase 3 from outside: frames come back, whoever else is connected and however he behaves.
//!
//! Every test runs on every kind of loop: epoll, poll, and epoll with edges.
#![allow(clippy::unwrap_used, reason = "this is test code, outside of a #[test] function too")]
mod support;

use std::io::{ErrorKind, Read, Write};
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use support::{Conn, Server, eventually, noise, refusal};

const LOOPS: [&[&str]; 3] = [&["--poller", "epoll"], &["--poller", "poll"], &["--edge-triggered"]];

/// Runs `test` on a server of every kind.
fn every_loop(test: impl Fn(Server)) {
    every_loop_with(&[], test);
}

fn every_loop_with(flags: &[&str], test: impl Fn(Server)) {
    for kind in LOOPS {
        println!("with {kind:?}");
        test(Server::start("eventloop-server", &[&["--port", "0"], kind, flags].concat()));
    }
}

fn frame(payload: &[u8]) -> Vec<u8> {
    [&(payload.len() as u32).to_le_bytes(), payload].concat()
}

fn frames(count: usize, size: usize) -> Vec<u8> {
    (0..count).flat_map(|number| frame(&noise(number as u64, size))).collect()
}

/// One round trip.
fn echo(conn: &mut Conn, payload: &[u8]) {
    let sent = frame(payload);
    conn.send(&sent);
    assert!(conn.read_exact(sent.len()) == sent, "a reply to {} bytes differs", payload.len());
}

/// Somebody new is served.
fn assert_serves(server: &Server) {
    echo(&mut server.connect(), b"are you there?");
}

/// Sends `bytes` over and over, reading nothing, until the server reads no more. Returns how many bytes went out.
fn stuff(conn: &mut Conn, bytes: &[u8]) -> usize {
    conn.stream.set_nonblocking(true).unwrap();
    let (mut sent, mut stuck) = (0, 0);
    eventually("the server stops reading from a client that does not read", || {
        let before = sent;
        while let Ok(count) = conn.stream.write(&bytes[sent % bytes.len()..]) {
            sent += count;
        }
        stuck = if sent == before && conn.unread_by_server().1 > 0 { stuck + 1 } else { 0 };
        (stuck == 20).then_some(())
    });
    conn.stream.set_nonblocking(false).unwrap();
    sent
}

/// The bytes `range` of an endless repetition of `bytes`.
fn cycle(bytes: &[u8], range: std::ops::Range<usize>) -> Vec<u8> {
    range.map(|position| bytes[position % bytes.len()]).collect()
}

/// Processor time in clock ticks that the server uses in a second in which nothing should happen.
fn ticks_in_a_quiet_second(server: &Server) -> u64 {
    let before = server.cpu_ticks();
    thread::sleep(Duration::from_secs(1));
    server.cpu_ticks() - before
}

#[test]
fn frames_of_every_size_come_back() {
    every_loop(|server| {
        let mut conn = server.connect();
        for size in
            [0, 1, 3, 4, 5, 1023, 4092, 4096, 65_531, 65_532, 65_533, 65_536, 131_068, 131_072, 262_144]
        {
            echo(&mut conn, &noise(size as u64, size));
        }
        conn.half_close();
        conn.expect_eof();
    });
}

#[test]
fn a_read_that_fills_the_buffer_is_no_end_of_stream() {
    every_loop(|server| {
        // All of it is in the server's kernel before it may read: the first read is full to the brim.
        for total in [65_536, 131_072, 196_608] {
            let mut conn = server.connect();
            let sent = frame(&noise(1, total - 4));
            let mut writer = Conn { stream: conn.stream.try_clone().unwrap() };
            let bytes = sent.clone();
            let writing = server.while_stopped(|| thread::spawn(move || writer.send(&bytes)));
            assert!(conn.read_exact(total) == sent);
            writing.join().unwrap();
            echo(&mut conn, b"still here");
        }
    });
}

#[test]
fn frames_split_anywhere_come_back() {
    let sent = [frame(b"first"), frame(b""), frame(b"the last")].concat();
    every_loop(|server| {
        let mut conn = server.connect();
        for offset in 1..sent.len() {
            conn.send_split(&sent, &[offset]);
            assert_eq!(conn.read_exact(sent.len()), sent, "split at {offset}");
        }
        conn.drip(&sent);
        assert_eq!(conn.read_exact(sent.len()), sent, "byte by byte");
    });
}

#[test]
fn a_thousand_pipelined_requests_are_answered_in_order() {
    let sent: Vec<u8> = (0..1000_u32).flat_map(|number| frame(&number.to_le_bytes())).collect();
    every_loop(|server| {
        let mut conn = server.connect();
        conn.send(&sent);
        assert!(conn.read_exact(sent.len()) == sent);
    });
}

#[test]
fn a_hundred_coalesced_frames_get_a_hundred_replies_without_another_byte() {
    let sent = frames(100, 50);
    every_loop(|server| {
        let mut conn = server.connect();
        conn.send(&sent);
        assert!(conn.read_exact(sent.len()) == sent);
        // And 2½ frames get two, then the rest.
        let sent = frames(3, 100);
        conn.send_split(&sent, &[2 * 104 + 50]);
        assert!(conn.read_exact(sent.len()) == sent);
    });
}

#[test]
fn a_megabyte_at_once_and_then_silence() {
    let sent = frames(10_000, 100);
    every_loop(|server| {
        let mut conn = server.connect();
        let mut writer = Conn { stream: conn.stream.try_clone().unwrap() };
        thread::scope(|scope| {
            scope.spawn(|| writer.send(&sent));
            assert!(conn.read_exact(sent.len()) == sent);
        });
    });
}

#[test]
fn half_a_frame_keeps_nobody_waiting() {
    every_loop(|server| {
        let mut slow = server.connect();
        slow.send(&frame(b"hello")[..6]);
        slow.wait_until_taken();
        for _ in 0..20 {
            assert_serves(&server);
        }
        slow.send(&frame(b"hello")[6..]);
        assert_eq!(slow.read_exact(9), frame(b"hello"));
    });
}

#[test]
fn many_clients_drip_at_once() {
    let sent = frames(2, 20);
    every_loop(|server| {
        let mut conns: Vec<_> = (0..200).map(|_| server.connect()).collect();
        for byte in &sent {
            conns.iter_mut().for_each(|conn| conn.send(std::slice::from_ref(byte)));
        }
        for conn in &mut conns {
            assert_eq!(conn.read_exact(sent.len()), sent);
        }
        assert_eq!(server.status_field("Threads"), 1);
    });
}

#[test]
fn a_client_that_does_not_read_costs_little_memory_and_nobody_elses_time() {
    let pattern = frames(1000, 1000);
    every_loop(|server| {
        assert_serves(&server);
        let before = server.status_field("VmRSS");
        let mut stalled = server.connect();
        let sent = stuff(&mut stalled, &pattern);
        assert_serves(&server);
        let grown = server.status_field("VmHWM").saturating_sub(before);
        assert!(grown < 8 * 1024, "{grown} kB more for one client that does not read");
        let ticks = ticks_in_a_quiet_second(&server);
        assert!(ticks <= 3, "{ticks} ticks of waiting for a client that does not read");
        // It reads after all: nothing is missing, however often its output was full. First what it had sent, then more.
        let whole = sent / 1004 * 1004;
        assert!(stalled.read_exact(whole) == cycle(&pattern, 0..whole));
        let next = sent.next_multiple_of(1004);
        stalled.send(&cycle(&pattern, sent..next));
        assert!(stalled.read_exact(next - whole) == cycle(&pattern, whole..next));
        echo(&mut stalled, b"and on we go");
    });
}

#[test]
fn a_big_reply_survives_a_reader_who_stalls_and_drains() {
    let sent = frame(&noise(5, 16 << 20));
    every_loop(|server| {
        let mut conn = Conn::with_receive_buffer(server.addr(), 4096);
        let mut writer = Conn { stream: conn.stream.try_clone().unwrap() };
        thread::scope(|scope| {
            scope.spawn(|| writer.send(&sent));
            // Its window shuts and opens again and again.
            for piece in sent.chunks(1 << 20) {
                assert!(conn.read_exact(piece.len()) == piece);
                assert_serves(&server);
            }
        });
        echo(&mut conn, b"and on we go");
    });
}

#[test]
fn half_closing_gets_everything_that_is_owed() {
    let sent = frames(8, 1 << 20);
    every_loop(|server| {
        let mut conn = server.connect();
        let mut writer = Conn { stream: conn.stream.try_clone().unwrap() };
        thread::scope(|scope| {
            scope.spawn(|| {
                writer.send(&sent);
                writer.half_close();
            });
            assert!(conn.read_to_end() == sent);
        });
    });
}

#[test]
fn data_and_end_in_one_burst() {
    every_loop(|server| {
        for size in [0, 10, 70_000] {
            let sent = frames(3, size);
            let mut conn = server.connect();
            // Stopped, the server sees both in the same event.
            server.while_stopped(|| {
                conn.send(&sent);
                conn.half_close();
            });
            assert!(conn.read_to_end() == sent, "3 frames of {size} bytes and FIN");
        }
    });
}

#[test]
fn an_end_inside_a_frame_gets_no_reply_and_is_named() {
    every_loop(|server| {
        for (cut, sent) in [(2, &frame(b"hello")[..2]), (9, &[frame(b"hello"), frame(b"x")].concat()[..11])] {
            let mut conn = server.connect();
            let peer = conn.local_addr();
            conn.send(sent);
            conn.half_close();
            assert_eq!(conn.read_to_end(), &sent[..sent.len() - 2], "cut at {cut}");
            server.wait_stderr(&peer.to_string());
        }
        assert_serves(&server);
    });
}

#[test]
fn the_longest_frame_is_served_and_a_longer_one_ends_its_connection_alone() {
    every_loop_with(&["--max-frame", "1000"], |server| {
        let mut bystander = server.connect();
        for length in [999, 1000] {
            echo(&mut server.connect(), &noise(1, length));
        }
        for length in [1001, 0x7fff_ffff, 0x8000_0000, 0xffff_fffc, 0xffff_ffff_u32] {
            let mut conn = server.connect();
            // Replies owed come first, and unread bytes behind the bad header must not turn the end into a reset.
            conn.send(&[&frame(b"owed")[..], &length.to_le_bytes(), &[0; 100_000]].concat());
            assert_eq!(conn.read_to_end(), frame(b"owed"), "a length of {length}");
        }
        echo(&mut bystander, b"not my fault");
        // The log names the length.
        server.wait_stderr("1001");
    });
}

#[test]
fn a_length_alone_reserves_nothing() {
    every_loop(|server| {
        assert_serves(&server);
        let before = server.status_field("VmSize");
        let mut conns: Vec<_> = (0..50).map(|_| server.connect()).collect();
        for conn in &mut conns {
            conn.send(&(32_u32 << 20).to_le_bytes());
            conn.send(b"and a few bytes");
            conn.wait_until_taken();
        }
        assert_serves(&server);
        let grown = server.status_field("VmSize") - before;
        assert!(grown < 8 * 1024, "{grown} kB reserved for 50 promises of 32 MiB");
    });
}

#[test]
fn resets_in_every_state_harm_nobody_else() {
    let pattern = frames(1000, 1000);
    every_loop(|mut server| {
        let mut bystander = server.connect();
        for _ in 0..10 {
            server.connect().reset();
            let mut halfway = server.connect();
            halfway.send(&frame(b"hello")[..5]);
            halfway.reset();
            let mut unread = server.connect();
            unread.send(&pattern);
            unread.reset();
        }
        // One whose output is full when it goes.
        let mut stalled = server.connect();
        stuff(&mut stalled, &pattern);
        let before = server.fd_count();
        stalled.reset();
        eventually("the descriptor of a reset connection is closed", || {
            (server.fd_count() < before).then_some(())
        });
        echo(&mut bystander, b"still here");
        server.assert_alive();
    });
}

#[test]
fn a_storm_of_short_connections_confuses_nobody_and_leaks_nothing() {
    every_loop(|server| {
        assert_serves(&server);
        let before = server.fd_count();
        thread::scope(|scope| {
            for worker in 0..4_u32 {
                let server = &server;
                scope.spawn(move || {
                    for round in 0..400_u32 {
                        let token = [worker.to_le_bytes(), round.to_le_bytes()].concat();
                        let mut conn = server.connect();
                        conn.send(&frame(&token));
                        match round % 4 {
                            // Gone before the reply, one way or the other.
                            0 => drop(conn),
                            1 => conn.reset(),
                            _ => assert_eq!(conn.read_exact(12), frame(&token), "somebody else's reply"),
                        }
                    }
                });
            }
        });
        eventually("every descriptor is closed again", || (server.fd_count() <= before).then_some(()));
        assert_serves(&server);
    });
}

#[test]
fn five_hundred_clients_half_close_at_once() {
    every_loop(|server| {
        let mut conns: Vec<_> = (0..500).map(|_| server.connect()).collect();
        conns.iter_mut().for_each(|conn| echo(conn, b"inside"));
        let before = server.fd_count();
        server.while_stopped(|| {
            for (number, conn) in conns.iter_mut().enumerate() {
                if number % 2 == 0 {
                    conn.send(&frame(&number.to_le_bytes()));
                    conn.half_close();
                }
            }
        });
        for (number, conn) in conns.iter_mut().enumerate() {
            if number % 2 == 0 {
                assert_eq!(conn.read_to_end(), frame(&number.to_le_bytes()));
            } else {
                echo(conn, &number.to_le_bytes());
            }
        }
        eventually("250 descriptors are closed", || (server.fd_count() + 250 <= before).then_some(()));
    });
}

#[test]
fn a_flooder_starves_nobody() {
    let pattern = frames(1000, 100);
    every_loop(|server| {
        let mut flooder = server.connect();
        let mut drain = flooder.stream.try_clone().unwrap();
        let mut other = server.connect();
        thread::scope(|scope| {
            scope.spawn(move || {
                let mut bytes = vec![0; 1 << 20];
                while drain.read(&mut bytes).is_ok_and(|count| count > 0) {}
            });
            let asking =
                scope.spawn(move || (0..200_u32).for_each(|number| echo(&mut other, &number.to_le_bytes())));
            while !asking.is_finished() {
                flooder.send(&pattern);
            }
            flooder.half_close();
        });
    });
}

#[test]
fn work_grows_in_proportion() {
    every_loop_with(&["--max-frame", "64m"], |server| {
        let cpu = |count: usize, size: usize| {
            let sent = frames(count, size);
            let once = || {
                let mut conn = server.connect();
                let mut writer = Conn { stream: conn.stream.try_clone().unwrap() };
                let before = cpu_nanos(&server);
                thread::scope(|scope| {
                    scope.spawn(|| writer.send(&sent));
                    assert_eq!(conn.read_exact(sent.len()).len(), sent.len());
                });
                cpu_nanos(&server) - before
            };
            (0..3).map(|_| once()).min().unwrap() as f64
        };
        // What is quadratic would take the square of it; between the two is room for a busy machine's caches.
        let ratio = cpu(800_000, 6) / cpu(100_000, 6);
        assert!(ratio < 20.0, "8 times as many tiny frames took {ratio:.1} times the processor time");
        // Both sizes so big that the allocator gets fresh pages from the kernel for them.
        let ratio = cpu(1, 64 << 20) / cpu(1, 16 << 20);
        assert!(ratio < 10.0, "a frame 4 times as long took {ratio:.1} times the processor time");
    });
}

/// Processor time the server has used, in nanoseconds: finer than [`Server::cpu_ticks`].
fn cpu_nanos(server: &Server) -> u64 {
    let schedstat = std::fs::read_to_string(format!("/proc/{}/schedstat", server.pid())).unwrap();
    schedstat.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn nothing_happens_when_nothing_happens() {
    every_loop(|server| {
        let mut conns: Vec<_> = (0..200).map(|_| server.connect()).collect();
        for (number, conn) in conns.iter_mut().enumerate() {
            match number % 3 {
                0 => echo(conn, b"once"),
                1 => conn.send(&frame(b"half of it")[..7]),
                _ => {}
            }
        }
        assert_serves(&server);
        let ticks = ticks_in_a_quiet_second(&server);
        assert!(ticks <= 2, "{ticks} ticks for 200 idle clients");
        assert_eq!(server.status_field("Threads"), 1);
    });
}

/// A server that may have no more than `limit` descriptors.
fn start_limited(limit: usize, kind: &[&str]) -> Server {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("ulimit -n {limit}; exec \"$0\" \"$@\""));
    command.arg(support::binary("eventloop-server")).args(["--port", "0"]).args(kind);
    Server::spawn(command, 1)
}

#[test]
fn running_out_of_descriptors_is_survived_without_spinning() {
    for kind in LOOPS {
        let server = start_limited(16, kind);
        let mut conns: Vec<_> = (0..30).map(|_| server.connect()).collect();
        for (number, conn) in conns.iter_mut().enumerate() {
            conn.send(&frame(&number.to_le_bytes()));
        }
        assert_eq!(conns[0].read_exact(12), frame(&0_usize.to_le_bytes()));
        server.wait_stderr("ulimit -n");
        let ticks = ticks_in_a_quiet_second(&server);
        assert!(ticks <= 3, "{ticks} ticks with a full descriptor table");
        // As the first ones leave, those in the backlog come in, each with the reply to what it sent long ago.
        for (number, mut conn) in conns.into_iter().enumerate().skip(1) {
            assert_eq!(conn.read_exact(12), frame(&number.to_le_bytes()));
        }
        assert_serves(&server);
    }
}

#[test]
fn a_silent_client_is_closed_and_a_busy_one_is_not() {
    every_loop_with(&["--idle-timeout", "0.3"], |server| {
        let mut silent = server.connect();
        let mut halfway = server.connect();
        halfway.send(&frame(b"hello")[..3]);
        let mut busy = server.connect();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                silent.expect_eof();
                halfway.expect_eof();
            });
            while !waiting.is_finished() {
                echo(&mut busy, b"busy");
            }
        });
        echo(&mut busy, b"still here");
        server.wait_stderr("idle");
    });
}

#[test]
fn a_client_that_never_reads_is_closed_in_the_end() {
    let pattern = frames(1000, 1000);
    every_loop_with(&["--stall-timeout", "0.3"], |server| {
        let mut stalled = server.connect();
        stalled.stream.set_nonblocking(true).unwrap();
        let mut sent = 0;
        eventually("the server closes a client that never reads", || {
            loop {
                match stalled.stream.write(&pattern[sent % pattern.len()..]) {
                    Ok(count) => sent += count,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                    Err(_) => return Some(()),
                }
            }
        });
        server.wait_stderr("does not read");
        assert_serves(&server);
    });
}

#[test]
fn one_client_too_many_is_refused_politely() {
    every_loop_with(&["--max-clients", "3"], |server| {
        let mut conns: Vec<_> = (0..3).map(|_| server.connect()).collect();
        conns.iter_mut().for_each(|conn| echo(conn, b"inside"));
        let mut refused = server.connect();
        refused.send(&frame(b"let me in"));
        refused.expect_eof();
        conns.pop();
        eventually("a place is free", || {
            let mut conn = server.connect();
            conn.send(&frame(b"now?"));
            (conn.read_until_closed_or(8) == frame(b"now?")).then_some(())
        });
        conns.iter_mut().for_each(|conn| echo(conn, b"undisturbed"));
    });
}

/// What [`Conn`] lacks.
trait ReadUpTo {
    /// Reads `n` bytes, or fewer if the stream ends before.
    fn read_until_closed_or(&mut self, n: usize) -> Vec<u8>;
}

impl ReadUpTo for Conn {
    fn read_until_closed_or(&mut self, n: usize) -> Vec<u8> {
        let mut bytes = vec![0; n];
        let mut filled = 0;
        while filled < n {
            match self.stream.read(&mut bytes[filled..]) {
                Ok(0) | Err(_) => break,
                Ok(count) => filled += count,
            }
        }
        bytes.truncate(filled);
        bytes
    }
}

#[test]
fn sigterm_sends_the_replies_in_flight() {
    let pattern = frames(1000, 1000);
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        every_loop(|mut server| {
            let mut idle = server.connect();
            let mut reader = server.connect();
            let sent = stuff(&mut reader, &pattern);
            server.signal(signal);
            let received = reader.read_to_end();
            // Every reply that had been made, whole, then the end of the stream and no reset.
            assert!(
                received.len() <= sent && received.len() % 1004 == 0,
                "{} of {sent} bytes",
                received.len()
            );
            assert!(received.len() > 1 << 20, "only {} bytes", received.len());
            assert!(received == cycle(&pattern, 0..received.len()));
            idle.expect_eof();
            let status = server.wait_exit();
            assert!(status.success(), "{status}: {}", server.stderr());
        });
    }
}

#[test]
fn sigterm_does_not_wait_for_ever() {
    let pattern = frames(1000, 1000);
    every_loop(|mut server| {
        let mut stalled = server.connect();
        stuff(&mut stalled, &pattern);
        server.signal(Signal::SIGTERM);
        // Nobody is let in any more, so the signal has been seen; a second one ends the patience.
        eventually("the listener is closed", || {
            std::net::TcpStream::connect(server.addr()).is_err().then_some(())
        });
        server.signal(Signal::SIGTERM);
        assert!(server.wait_exit().success());
    });
}

#[test]
fn a_restart_gets_its_port_back_at_once() {
    let server = Server::start("eventloop-server", &["--port", "0"]);
    let port = server.addr().port().to_string();
    let mut conn = server.connect();
    echo(&mut conn, b"hello");
    server.terminate();
    let server = Server::start("eventloop-server", &["--port", &port]);
    assert_serves(&server);
}

#[test]
fn the_trace_tells_what_happened() {
    let directory = tempfile::tempdir().unwrap();
    let pattern = frames(1000, 1000);
    for (number, kind) in LOOPS.iter().enumerate() {
        let path = directory.path().join(format!("{number}.json"));
        let flags =
            [&["--port", "0", "--idle-timeout", "600", "--trace", path.to_str().unwrap()], *kind].concat();
        let server = Server::start("eventloop-server", &flags);
        let mut stalled = server.connect();
        let sent = stuff(&mut stalled, &pattern);
        stalled.read_exact(sent / 1004 * 1004);
        let peer = stalled.local_addr().to_string();
        stalled.half_close();
        stalled.expect_eof();
        // Written while the server runs, too, not only at its end.
        eventually("the trace is written", || {
            std::fs::read_to_string(&path).unwrap().contains("\"close\"").then_some(())
        });
        let ticks = ticks_in_a_quiet_second(&server);
        assert!(ticks <= 2, "{ticks} ticks of tracing nothing");
        server.terminate();

        let text = std::fs::read_to_string(&path).unwrap();
        let events: Vec<serde_json::Value> = serde_json::from_str(&text).expect("valid JSON");
        let track = events
            .iter()
            .find(|event| event["name"] == "thread_name" && event["args"]["name"] == peer.as_str());
        let track = &track.expect("a track with the peer's name")["tid"];
        assert!(*track != 0);
        let on_track = |name: &str| {
            events.iter().filter(|event| event["tid"] == *track && event["name"] == name).collect::<Vec<_>>()
        };
        for name in ["accept", "read", "serve", "write", "back-pressure on", "back-pressure off", "close"] {
            let found = on_track(name);
            assert!(!found.is_empty(), "no {name:?} in the trace of {kind:?}");
            assert!(found.iter().all(|event| event["ts"].is_f64() && event["pid"].is_u64()), "{found:?}");
        }
        assert_eq!(on_track("accept")[0]["args"]["peer"], peer.as_str());
        let total = |name: &str| {
            on_track(name).iter().filter_map(|event| event["args"]["bytes"].as_u64()).sum::<u64>()
        };
        assert_eq!(total("read") as usize, sent);
        assert_eq!(total("write") as usize, sent / 1004 * 1004);
        assert!(
            events.iter().any(|event| event["tid"] == 0 && event["name"] == "wait" && event["dur"].is_f64())
        );
        assert!(events.iter().any(|event| event["tid"] == 0 && event["name"] == "tick"));
    }
}

#[test]
fn mistakes_on_the_command_line_are_answered_in_one_line() {
    let said = |flags: &[&str]| refusal("eventloop-server", flags);
    assert!(said(&["--poller", "kqueue"]).contains("choose epoll or poll"));
    assert!(said(&["--poller", "poll", "--edge-triggered"]).contains("needs --poller epoll"));
    assert!(said(&["--port", "65536"]).contains("from 0 to 65535"));
    assert!(said(&["--max-clients", "many"]).contains("--max-clients"));
    assert!(said(&["--max-frame", "5g"]).contains("--max-frame"));
    assert!(said(&["--idle-timeout", "soon"]).contains("seconds"));
    assert!(said(&["--edge"]).contains("--help"));
    assert!(said(&["--trace", "/nonexistent/file"]).contains("--trace"));
    assert!(said(&["--port", "0", "--host", "192.0.2.1"]).contains("not an address of this machine"));
    let server = Server::start("eventloop-server", &["--port", "0"]);
    let port = server.addr().port().to_string();
    assert!(said(&["--port", &port]).contains("is in use"));
    assert!(server.stderr().contains(&format!("nc -N 127.0.0.1 {port}")), "{}", server.stderr());
    assert_eq!(server.stdout(), format!("listening on {}\n", server.addr()));
}

#[test]
#[ignore = "needs strace"]
fn interrupted_and_failing_system_calls_are_survived() {
    let faults = [
        "recvfrom:error=EINTR:when=1+2",
        "sendto:error=EINTR:when=1+2",
        "sendto:error=EAGAIN:when=1+2",
        "accept4:error=ECONNABORTED:when=1+2",
        "accept4:error=EAGAIN:when=1+2",
        "accept4:error=EINTR:when=1+2",
        "epoll_wait:error=EINTR:when=1+2",
        "poll:error=EINTR:when=1+2",
    ];
    for fault in faults {
        for kind in LOOPS {
            if kind == ["--edge-triggered"] && fault.contains("EAGAIN") {
                // Said falsely, EAGAIN breaks epoll's promise of an edge to come; no program could know.
                continue;
            }
            println!("{fault} with {kind:?}");
            let mut command = Command::new("strace");
            let log = tempfile::NamedTempFile::new().unwrap();
            command.args(["-f", "-e", &format!("inject={fault}"), "-o"]).arg(log.path());
            command.arg(support::binary("eventloop-server")).args(["--port", "0"]).args(kind);
            let server = Server::spawn(command, 1);
            let sent = frames(20, 5000);
            for _ in 0..10 {
                let mut conn = server.connect();
                conn.send(&sent);
                assert!(conn.read_exact(sent.len()) == sent);
                echo(&mut conn, b"and again");
                conn.half_close();
                conn.expect_eof();
            }
        }
    }
}
