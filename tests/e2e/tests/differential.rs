//! The bounded share of the differential test that runs with the other tests. The whole of it:
//! `cargo run -p oracle --bin differential -- --seeds 10 --commands 100000`.
use std::collections::BTreeSet;
use std::path::Path;

use oracle::connection::{Connection, exchange_one};
use oracle::{access, events, lockstep, run_seed, server::Server};

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
    let rows = [events::ROWS, oracle::ordered::EVENTS, oracle::streams::EVENTS].concat();
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

/// The book says which of Redis's commands are missing, and why; it must neither forget one nor go on about one that is there.
#[test]
#[ignore = "needs redis-server"]
fn the_book_names_every_command_that_is_missing() {
    let names = |server: &Server| -> BTreeSet<String> {
        let mut request = Vec::new();
        kit::resp::request(&[b"COMMAND", b"LIST"], &mut request);
        let mut connection = Connection::open(server.address).expect("the server accepts");
        let reply = exchange_one(&mut connection, request).expect("COMMAND LIST is answered");
        let members = reply.value.members().expect("a list").iter();
        members.map(|name| String::from_utf8_lossy(name.text().expect("a name")).replace('|', " ")).collect()
    };
    let binary = support::binary("keyspace-server").display().to_string();
    let theirs = names(&Server::redis().expect("redis-server 7.0.15"));
    let ours = names(&Server::keyspace(&binary).expect("keyspace-server"));
    let page = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/reference/commands.md"),
    )
    .expect("the page");
    let rows = page.lines().filter(|line| line.starts_with("| ")).filter_map(|line| line.split('|').nth(2));
    let told: BTreeSet<String> =
        rows.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect();
    // A container that is missing is missing with all its subcommands.
    let is_told = |name: &&String| {
        told.contains(*name) || name.split_once(' ').is_some_and(|(container, _)| told.contains(container))
    };
    let forgotten: Vec<&String> = theirs.difference(&ours).filter(|name| !is_told(name)).collect();
    let stale: Vec<&String> = told.intersection(&ours).collect();
    assert!(
        forgotten.is_empty() && stale.is_empty(),
        "not on the page: {forgotten:?}; there by now: {stale:?}"
    );
    assert!(told.len() > 30 && told.iter().all(|name| theirs.contains(name)), "{told:?}");
}

/// Random rules for a user, what it may do with them, and what the log says of it.
#[test]
#[ignore = "needs redis-server"]
fn everybody_may_do_what_redis_permits() {
    let binary = support::binary("keyspace-server").display().to_string();
    let redis = Server::redis().expect("redis-server 7.0.15");
    let ours = Server::keyspace(&binary).expect("keyspace-server");
    let (theirs, mut names) = (access::command_names(&redis).unwrap(), access::command_names(&ours).unwrap());
    names.retain(|name| theirs.contains(name));
    assert!(names.len() > 100, "{names:?}");
    let categories = access::differing_categories([&redis, &ours], &names).expect("both servers answer");
    assert!(categories.is_empty(), "{categories:?}");
    // More of them: ACCESS_RULES=2000.
    let sets = std::env::var("ACCESS_RULES").map_or(200, |count| count.parse().expect("a number"));
    for seed in 0..sets {
        let found = access::play([&redis, &ours], &names, seed).expect("both servers answer");
        assert!(found.is_none(), "seed {seed}:\n{}", found.unwrap_or_default());
    }
}

/// What several clients are told, step by step: blocking commands, transactions, kills, and every event in order.
#[test]
#[ignore = "needs redis-server"]
fn several_clients_are_told_what_redis_tells_them() {
    let binary = support::binary("keyspace-server").display().to_string();
    let redis = Server::redis().expect("redis-server 7.0.15");
    let ours = Server::keyspace(&binary).expect("keyspace-server");
    // More of them: LOCKSTEP_SCRIPTS=2000.
    let scripts = std::env::var("LOCKSTEP_SCRIPTS").map_or(100, |count| count.parse().expect("a number"));
    for seed in 0..scripts {
        let found = lockstep::play([&redis, &ours], seed, 60).expect("both servers can be reached");
        assert!(found.is_none(), "{}", found.unwrap_or_default());
    }
}
