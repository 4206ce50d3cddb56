//! The bounded share of the differential test that runs with the other tests. The whole of it:
//! `cargo run -p oracle --bin differential -- --seeds 10 --commands 100000`.
use oracle::{events, run_seed, server::Server};

mod support;

const COMMANDS: usize = 20_000;

/// Plays two seeds on redis-server and the other server, and fails with the shortest script that shows a difference.
fn compare(other: impl Fn() -> std::io::Result<Server>) {
    let mut servers =
        [Server::redis().expect("redis-server 7.0.15"), other().expect("the server to compare")];
    for seed in [1, 2] {
        if let Some(finding) = run_seed(&mut servers, seed, COMMANDS).expect("both servers can be reached") {
            panic!("{finding}");
        }
    }
}

#[test]
#[ignore = "needs redis-server"]
fn every_reply_is_that_of_redis() {
    let binary = support::binary("keyspace-server").display().to_string();
    compare(|| Server::keyspace(&binary));
}

/// What the harness would report of two equal servers is its own mistake.
#[test]
#[ignore = "needs redis-server"]
fn redis_does_not_differ_from_itself() {
    compare(Server::redis);
}

/// The same binary with one setting changed: the harness must see it and name the command.
#[test]
#[ignore = "needs redis-server"]
fn a_changed_limit_is_found_and_shrunk() {
    let limited = ["redis-server", "--port", "{port}", "--save", "", "--dir", "{dir}"];
    let more = ["--enable-debug-command", "yes", "--databases", "8"];
    let other = Server::start(&[&limited[..], &more[..]].concat()).expect("redis-server");
    let mut servers = [Server::redis().expect("redis-server 7.0.15"), other];
    let finding = run_seed(&mut servers, 1, COMMANDS).unwrap().expect("eight databases are not sixteen");
    assert!(finding.reproduced, "{finding}");
    assert!(finding.steps.len() <= 3, "not shrunk:\n{finding}");
}

/// What every command does to keys, event by event and in order, and how much it adds to the dirty count.
#[test]
#[ignore = "needs redis-server"]
fn every_change_of_a_key_is_noted_as_redis_publishes_it() {
    let binary = support::binary("keyspace-server").display().to_string();
    let redis = Server::redis().expect("redis-server 7.0.15");
    let ours = Server::keyspace(&binary).expect("keyspace-server");
    let rows = [events::ROWS, oracle::ordered::EVENTS].concat();
    let compared = |name: &String| {
        let name = name.to_uppercase();
        rows.iter().any(|(_, command)| command.split(' ').next() == Some(&name))
    };
    let commands = events::data_commands(&ours).expect("COMMAND is answered");
    assert!(commands.len() > 40, "{commands:?}");
    let left_out: Vec<&String> = commands.iter().filter(|name| !compared(name)).collect();
    assert!(left_out.is_empty(), "no row compares {left_out:?}");
    let (found, published) = events::compare(&redis, &ours, &rows).expect("both servers answer");
    let found: String = found.iter().map(ToString::to_string).collect();
    assert!(found.is_empty(), "{found}");
    assert!(published > 100, "only {published} events in {} rows", rows.len());
}
