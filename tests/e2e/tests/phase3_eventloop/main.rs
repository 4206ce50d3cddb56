//! Phase 3 from outside: frames come back, whoever else is connected and however he behaves.
//!
//! Every test runs on both kinds of loop: epoll and poll.
#![allow(clippy::unwrap_used, reason = "this is test code, outside of a #[test] function too")]
#[path = "../support/mod.rs"]
mod support;

mod crowds;
mod ends;
mod frames;
mod limits;
mod process;

use std::io::Write as _;
use std::thread;
use std::time::Duration;

use crate::support::{Conn, Server, eventually, noise};

const LOOPS: [&[&str]; 2] = [&["--poller", "epoll"], &["--poller", "poll"]];

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
