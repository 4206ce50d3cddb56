//! The grader holds nobody to more than Redis does: redis-server itself passes every check about RESP. But handed in as
//! somebody's own work it is noticed, in whatever disguise.
#![allow(clippy::unwrap_used, reason = "a test may unwrap, in its helpers too")]
mod support;

use std::process::Command;

use author::museum::proof::Ended;
use oracle::server::Server;
use serde::Deserialize;

/// Checks in which this course's contract goes beyond Redis, and why.
const BEYOND_REDIS: &[(&str, &str)] = &[(
    "phase4.resp-by-hand",
    "Redis waits for the carriage return of a typed RESP line; here a bare line feed ends it, for netcat's sake",
)];

#[derive(Deserialize)]
struct Report {
    checks: Vec<Ended>,
}

#[test]
#[ignore = "needs redis-server"]
fn redis_server_passes_every_check_about_resp() {
    let report = tempfile::NamedTempFile::new().unwrap();
    let output = Command::new(support::binary("grade"))
        .args(["phase4", "--seed", "4711"])
        .arg(format!("--format=json={}", report.path().display()))
        .args(["--", "redis-server", "--port", "{port}", "--save", "", "--appendonly", "no"])
        .output()
        .unwrap();
    let text = std::fs::read_to_string(report.path()).unwrap();
    let report: Report = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let passed = report.checks.iter().filter(|check| check.status == "passed").count();
    assert!(passed >= 45, "only {passed} checks passed");
    for check in &report.checks {
        let beyond = BEYOND_REDIS.iter().any(|(id, _)| *id == check.id);
        // The command has no {framed_port}, and Redis no such protocol.
        let framed = check.status == "blocked" && check.id.starts_with("phase4.framed-");
        assert!(check.status == "passed" || framed || beyond, "{check:?}");
    }
}

/// Grades a phase 4 server by one check; the notices that the report ends with.
fn notices(phase: &str, command: &[&str]) -> Vec<String> {
    let output = Command::new(support::binary("grade"))
        .args([phase, "--only", "listens", "--seed", "1", "--"])
        .args(command)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("1 passed"), "{command:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text.lines().filter_map(|line| line.strip_prefix("NOTICE: ")).map(str::to_owned).collect()
}

/// Passes every request on to the server on another port.
const PROXY: &str = r#"
import selectors, socket, sys
port, behind = int(sys.argv[1]), int(sys.argv[2])
listener = socket.create_server(("127.0.0.1", port))
watched, other = selectors.DefaultSelector(), {}
watched.register(listener, selectors.EVENT_READ)
while True:
    for key, _ in watched.select():
        if key.fileobj is listener:
            one, two = listener.accept()[0], socket.create_connection(("127.0.0.1", behind))
            other[one], other[two] = two, one
            watched.register(one, selectors.EVENT_READ)
            watched.register(two, selectors.EVENT_READ)
        elif key.fileobj in other:
            data = key.fileobj.recv(65536)
            if data:
                other[key.fileobj].sendall(data)
            else:
                for end in (key.fileobj, other.pop(key.fileobj)):
                    other.pop(end, None)
                    watched.unregister(end)
                    end.close()
"#;

#[test]
#[ignore = "needs redis-server and python3"]
fn redis_handed_in_as_own_work_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let found = Command::new("sh").args(["-c", "command -v redis-server"]).output().unwrap();
    let redis = String::from_utf8(found.stdout).unwrap().trim().to_owned();

    std::fs::copy(&redis, path("my-server")).unwrap();
    std::fs::write(path("run.sh"), "#!/bin/sh\nexec redis-server --port \"$1\" --save ''\n").unwrap();
    std::fs::write(path("waits.sh"), "#!/bin/sh\nredis-server --port \"$1\" --save ''\necho over\n").unwrap();
    std::fs::write(path("proxy.py"), PROXY).unwrap();

    let quiet = ["--port", "{port}", "--save", ""];
    let [copy, exec, wait, proxy] = ["my-server", "run.sh", "waits.sh", "proxy.py"].map(path);
    // Nothing to do with the proxy but that it is asked.
    let elsewhere = Server::start(&["redis-server", "--port", "{port}", "--save", ""]).unwrap();
    let behind = elsewhere.address.port().to_string();
    let disguises: [(Vec<&str>, &str); 5] = [
        ([&["redis-server"], &quiet[..]].concat(), "the server under test is redis-server ("),
        ([&[copy.as_str()], &quiet[..]].concat(), "Redis under another name"),
        (vec!["sh", &exec, "{port}"], "the server under test is redis-server ("),
        (vec!["sh", &wait, "{port}"], "the server under test is redis-server ("),
        (vec!["python3", &proxy, "{port}", &behind], "is itself a client of another server: redis-server ("),
    ];
    for (command, message) in disguises {
        let notices = notices("phase4", &command);
        assert!(notices.iter().any(|notice| notice.contains(message)), "{command:?}: {notices:#?}");
        let asked =
            notices.iter().any(|notice| notice.contains("calls itself redis") && notice.contains("build_id"));
        assert!(asked, "{command:?}: {notices:#?}");
    }
}

#[test]
#[ignore = "needs python3"]
fn own_work_is_not_taken_for_redis() {
    let foreign = concat!(env!("CARGO_MANIFEST_DIR"), "/../foreign/python/server.py");
    assert_eq!(notices("phase3", &["python3", foreign, "eventloop", "{port}"]), Vec::<String>::new());
    let keyspace = support::binary("keyspace-server").display().to_string();
    assert_eq!(notices("phase4", &[&keyspace, "--port", "{port}", "--dir", "{dir}"]), Vec::<String>::new());
}
