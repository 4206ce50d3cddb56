//! Phase 4 from outside: what the server makes of bytes, good and bad, and of clients that behave badly.
//!
//! Texts are those of Redis 7.0.15. Commands about data are compared with Redis itself elsewhere.
#![allow(clippy::unwrap_used, reason = "this is test code, outside of a #[test] function too")]
#[path = "../support/mod.rs"]
mod support;

mod access;
mod blocking;
mod channels;
mod config;
mod eviction;
mod framed;
mod limits;
mod process;
mod requests;
mod sessions;
mod streams;
mod transactions;
mod watching;

use crate::support::{Conn, Server};

fn start(flags: &[&str]) -> Server {
    Server::start("keyspace-server", &[&["--port", "any", "--framed-port", "0"], flags].concat())
}

fn start_framed(flags: &[&str]) -> Server {
    Server::start("keyspace-server", &[&["--port", "0", "--framed-port", "any"], flags].concat())
}

/// Sends `bytes` and expects exactly `reply`.
fn expect(conn: &mut Conn, bytes: impl AsRef<[u8]>, reply: impl AsRef<[u8]>) {
    let (bytes, reply) = (bytes.as_ref(), reply.as_ref());
    conn.send(bytes);
    let got = conn.read_exact(reply.len());
    assert!(got == reply, "to {:?}\ncame {:?}\nnot  {:?}", text(bytes), text(&got), text(reply));
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned()
}

/// Sends `bytes`, and expects `reply` and the end.
fn expect_last(server: &Server, bytes: impl AsRef<[u8]>, reply: impl AsRef<[u8]>) {
    let mut conn = server.connect();
    conn.send(bytes.as_ref());
    let got = conn.read_until_closed();
    assert_eq!(text(&got), text(reply.as_ref()), "to {:?}", text(bytes.as_ref()));
}

fn resp(words: &[&[u8]]) -> Vec<u8> {
    let mut request = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        request.extend(format!("${}\r\n", word.len()).as_bytes());
        request.extend(*word);
        request.extend(b"\r\n");
    }
    request
}

/// Reads one bulk string.
fn read_bulk(conn: &mut Conn) -> Vec<u8> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n") {
        head.extend(conn.read_exact(1));
    }
    let length: usize =
        text(&head[1..head.len() - 2]).parse().unwrap_or_else(|_| panic!("got {:?}", text(&head)));
    let mut body = conn.read_exact(length + 2);
    body.truncate(length);
    body
}

/// The value of a field of `INFO`.
fn info(conn: &mut Conn, field: &str) -> String {
    conn.send(b"INFO everything\r\n");
    let page = String::from_utf8(read_bulk(conn)).unwrap();
    let line = page.lines().find_map(|line| line.strip_prefix(&format!("{field}:")));
    line.unwrap_or_else(|| panic!("no {field} in\n{page}")).into()
}
