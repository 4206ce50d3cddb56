//! A client that closes its connection and connects again takes its own place, however many clients may be inside.
//!
//! Alone in its process: while another test starts a program, the child holds a duplicate of every socket for a moment, and
//! closing one sends no FIN.
#![allow(clippy::unwrap_used, reason = "this is test code, outside of a #[test] function too")]
mod support;

use std::net::SocketAddr;

use support::{Conn, Server};

const FRAME: &[u8] = b"\x05\0\0\0hello";

/// Command line, request and reply.
type Program = (&'static str, &'static [&'static str], &'static [u8], &'static [u8]);

const PROGRAMS: [Program; 4] = [
    ("eventloop-server", &["--port", "0", "--poller", "epoll", "--max-clients"], FRAME, FRAME),
    ("eventloop-server", &["--port", "0", "--poller", "poll", "--max-clients"], FRAME, FRAME),
    (
        "keyspace-server",
        &["--port", "any", "--framed-port", "0", "--poller", "epoll", "--maxclients"],
        b"PING\r\n",
        b"+PONG\r\n",
    ),
    (
        "keyspace-server",
        &["--port", "any", "--framed-port", "0", "--poller", "poll", "--maxclients"],
        b"PING\r\n",
        b"+PONG\r\n",
    ),
];

/// Connects, is served, and leaves with FIN or RST, over and over.
fn come_and_go(address: SocketAddr, request: &[u8], reply: &[u8], times: usize) {
    for round in 0..times {
        let mut conn = Conn::to(address);
        conn.send(request);
        assert_eq!(conn.read_exact(reply.len()), reply, "in round {round}");
        match round % 2 {
            0 => drop(conn),
            _ => conn.reset(),
        }
    }
}

#[test]
fn who_leaves_and_comes_back_at_the_limit_is_let_in() {
    for (name, args, request, reply) in PROGRAMS {
        for clients in [1, 5] {
            println!("{name} {args:?} {clients}");
            let server = Server::start(name, &[args, &[&clients.to_string()]].concat());
            std::thread::scope(|scope| {
                for _ in 0..clients {
                    scope.spawn(|| come_and_go(server.addr(), request, reply, 500));
                }
            });
        }
    }
}
