//! What one client may take: memory, descriptors, time, a place.
use std::io::{ErrorKind, Write as _};
use std::process::Command;
use std::thread;

use super::{
    LOOPS, assert_serves, cycle, echo, every_loop, every_loop_with, frame, frames, stuff,
    ticks_in_a_quiet_second,
};
use crate::support::{Conn, Server, binary, eventually, noise};

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

/// A server that may have no more than `limit` descriptors.
fn start_limited(limit: usize, kind: &[&str]) -> Server {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("ulimit -n {limit}; exec \"$0\" \"$@\""));
    command.arg(binary("eventloop-server")).args(["--port", "0"]).args(kind);
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
            (conn.read_up_to(8) == frame(b"now?")).then_some(())
        });
        conns.iter_mut().for_each(|conn| echo(conn, b"undisturbed"));
    });
}
