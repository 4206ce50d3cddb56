//! What outlives the server: snapshots and the append-only file, what is said when they cannot be written or read, and that
//! redis-server reads ours and we its.
#![allow(clippy::unwrap_used, reason = "a test may unwrap, in its helpers too")]
#[path = "../support/mod.rs"]
mod support;

mod client;
mod disk;
mod inspect;
mod log;
mod log_and_redis;
mod rewrite;
mod snapshot;

use std::path::Path;

use nix::sys::signal::Signal;

use crate::support::Server;

fn start(dir: &Path, more: &[&str]) -> Server {
    let dir = dir.to_str().unwrap();
    let flags = [&["--port", "any", "--framed-port", "0", "--dir", dir][..], more].concat();
    Server::start("keyspace-server", &flags)
}

/// Kills a server as a crash would, and waits for its end.
fn crash(mut server: Server) {
    server.signal(Signal::SIGKILL);
    server.wait_exit();
}

/// redis-server on a folder.
fn redis(dir: &Path, more: &[&str]) -> oracle::server::Server {
    let dir = dir.to_str().unwrap();
    let command = ["redis-server", "--port", "{port}", "--bind", "127.0.0.1", "--save", "", "--dir", dir];
    oracle::server::Server::start(&[&command[..], more].concat()).unwrap()
}
