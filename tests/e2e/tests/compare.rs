//! The compare program from outside: a tiny run that must come out right, and the mistakes a user can make.

use std::process::{Command, Output};

mod support;

const OTHER_REDIS: &str =
    "other=redis-server --port {port} --save '' --appendonly no --dir {dir} --daemonize no";

fn compare(arguments: &[&str]) -> Output {
    Command::new(support::binary("compare"))
        .args(arguments)
        .output()
        .expect("cargo built it beside this test")
}

fn refused(arguments: &[&str]) -> String {
    let output = compare(arguments);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn mistakes_are_named_before_anything_starts() {
    for (arguments, part) in [
        (&[][..], "say what to compare"),
        (&["--preset", "slow"], "no preset \"slow\"; there are:"),
        (&["--preset", "bars", "--rows", "ZADD"], "no row of preset bars matches; its rows are:"),
        (&["--command", "GET {kye}"], "unknown placeholder {kye}"),
        (&["--command", "PING", "--keys", "0"], "--keys"),
        (&["--command", "PING", "--rate=-5"], "--rate must be"),
        (&["--command", "PING", "--server-core", "100000"], "core 100000 is not among"),
        (&["--command", "PING", "--without", "memcached"], "there is keyspace, redis and null"),
        (&["--command", "PING", "--without", "keyspace", "--server", "redis"], "is not NAME=COMMAND"),
        (&["--command", "PING", "--without", "keyspace", "--without", "redis"], "no server is left"),
    ] {
        let stderr = refused(arguments);
        assert!(stderr.contains(part), "{arguments:?}: {stderr}");
    }
}

#[test]
fn a_server_that_does_not_start_is_quoted() {
    let alone = ["--command", "PING", "--without", "keyspace", "--keys", "10"];
    let stderr = refused(&[&alone[..], &["--redis", "sh -c 'echo port taken >&2; exit 7'"]].concat());
    assert!(stderr.contains("exited with status 7 before it listened"), "{stderr}");
    assert!(stderr.contains("port taken"), "{stderr}");
}

/// The null server is the one server that is surely there; it answers one fixed thing to everything.
#[test]
fn a_server_that_answers_nonsense_is_not_measured() {
    let null = format!("{} null --request-size 10 --reply 2b4f4b0d0a", support::binary("compare").display());
    let stderr = refused(&["--command", "PING", "--without", "keyspace", "--keys", "10", "--redis", &null]);
    assert!(stderr.contains("DBSIZE says") || stderr.contains("no reply"), "{stderr}");
}

#[test]
#[ignore = "needs redis-server"]
fn redis_costs_what_redis_costs() {
    let directory = tempfile::tempdir().unwrap();
    let (json, svg) = (directory.path().join("out.json"), directory.path().join("out.svg"));
    let output = compare(&[
        "--command",
        "SET {key} {value}",
        "--depth",
        "16",
        "--keys",
        "1000",
        "--rounds",
        "3",
        "--requests",
        "20000",
        "--without",
        "keyspace",
        "--server",
        OTHER_REDIS,
        "--json",
        json.to_str().unwrap(),
        "--svg",
        svg.to_str().unwrap(),
    ]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    let entries = found["rows"][0]["entries"].as_array().unwrap();
    let names: Vec<&str> = entries.iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["redis", "other", "null"]);
    let over = |index: usize| entries[index]["over_baseline"]["median"].as_f64().unwrap();
    // Wide enough for a loaded machine, and still far from what another program would cost.
    assert!((0.6..1.6).contains(&over(1)), "a second redis costs {} of the first", over(1));
    assert!(over(2) < 0.6, "the null server costs {} of redis", over(2));
    assert_eq!(entries[0]["rounds"].as_array().unwrap().len(), 3);
    assert!(std::fs::read_to_string(svg).unwrap().starts_with("<svg"));
}

#[test]
#[ignore = "needs redis-server"]
fn servers_that_answer_differently_are_not_compared() {
    let renamed = format!("{OTHER_REDIS} --rename-command STRLEN ''");
    let stderr =
        refused(&["--command", "GET {key}", "--keys", "100", "--without", "keyspace", "--server", &renamed]);
    assert!(stderr.contains("STRLEN compare:probe"), "{stderr}");
    assert!(stderr.contains("redis: \":3\\r\\n\""), "{stderr}");
    assert!(stderr.contains("other: \"-ERR unknown command"), "{stderr}");
}

#[test]
#[ignore = "needs redis-server"]
fn a_server_that_dies_in_a_round_is_named() {
    let stderr =
        refused(&["--command", "SHUTDOWN NOSAVE", "--keys", "10", "--without", "keyspace", "--clients", "1"]);
    assert!(stderr.contains("redis"), "{stderr}");
    assert!(stderr.contains("closed the connection"), "{stderr}");
}

#[test]
#[ignore = "needs redis-server"]
fn a_command_that_fails_is_not_measured() {
    let stderr = refused(&["--command", "INCR {key}", "--keys", "10", "--without", "keyspace"]);
    assert!(stderr.contains("ERR value is not an integer or out of range"), "{stderr}");
}
