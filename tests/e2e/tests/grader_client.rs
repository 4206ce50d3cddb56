//! The grader as a client's author meets it: which commands are graded, what a report says, how a failure is replayed.
#![allow(clippy::unwrap_used, reason = "a test may unwrap, in its helpers too")]
mod support;

use std::process::{Command, Output};

use grader::report::quoted;

fn grade(arguments: &[&str]) -> Output {
    Command::new(support::binary("grade")).args(arguments).output().expect("the grader starts")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The command line of a reference program.
fn words(program: &str) -> Vec<String> {
    [support::binary(program).display().to_string(), "--port".into(), "{port}".into()].to_vec()
}

fn client(program: &str) -> String {
    quoted(&words(program))
}

#[test]
fn a_client_is_graded_alone_or_beside_a_server() {
    let client = client("echo-client");
    let server = words("echo-server");
    let server: Vec<&str> = server.iter().map(String::as_str).collect();

    let alone = grade(&["phase1", "--client", &client]);
    let report = text(&alone);
    assert_eq!(alone.status.code(), Some(0), "{report}");
    assert!(
        report.contains("pass  phase1.client-both-ways") && !report.contains("phase1.listens"),
        "{report}"
    );
    assert!(report.contains("NOTICE: no server was graded: give its command after `--`"), "{report}");

    let both =
        [&["phase1", "--only", "listens,client-connects", "--client", &client, "--"], &server[..]].concat();
    let report = text(&grade(&both));
    assert!(report.contains("phase1: 2 passed · 2 of 2 points"), "{report}");
    assert!(!report.contains("NOTICE"), "{report}");

    let report = text(&grade(&[&["phase1", "--timeout", "1", "--"], &server[..]].concat()));
    assert!(report.contains("NOTICE: no client was graded: give its command with --client"), "{report}");
    assert!(!report.contains("phase1.client-"), "{report}");
}

#[test]
fn an_option_that_makes_no_sense_is_told() {
    let cases: [(&[&str], &str); 5] = [
        (
            &["phase1", "--only", "client-refused", "--", "true"],
            "phase1.client-refused judges a client, and none was given",
        ),
        (
            &["phase1", "--only", "listens", "--client", "true"],
            "phase1.listens judges a server, and none was given",
        ),
        (&["phase1", "--client", "sh -c 'exit"], "a quotation mark is left open"),
        (&["phase1", "--client", " "], "--client names no command"),
        (&["phase3", "--client", "true"], "phase3 has no checks for a client"),
    ];
    for (arguments, wanted) in cases {
        let output = grade(arguments);
        assert!(text(&output).contains(wanted), "{arguments:?}: {}", text(&output));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    let output = grade(&["phase1", "--client", "/nonexistent/client {port}"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("there is no program `/nonexistent/client`"), "{}", text(&output));
}

#[test]
fn a_failure_shows_both_sides_and_its_replay_shows_the_same() {
    let silent = "sh -c 'read line; exec 3<>/dev/tcp/{host}/{port}; cat'".replace("sh -c", "bash -c");
    let report = text(&grade(&["phase1", "--only", "client-round-trip", "--seed", "7", "--client", &silent]));
    for part in [
        "the client closed after 0 of ",
        "expected ",
        "likely bug the input is not sent",
        "look       strace -f",
    ] {
        assert!(report.contains(part), "{part} is missing in\n{report}");
    }
    let replay = report.lines().find(|line| line.contains("replay ")).expect("a replay command");
    let line = replay.split_once("grade phase1").unwrap().1;
    let script = format!("'{}' phase1{line}", support::binary("grade").display());
    let again = Command::new("sh").args(["-c", &script]).output().unwrap();
    let bytes = |report: &str| {
        let from = report.find("    expected ").expect("a dump");
        report[from..report.find("    came ").expect("a dump")].to_owned()
    };
    assert_eq!(bytes(&text(&again)), bytes(&report), "the replay shows other bytes");
}

#[test]
fn an_unwritten_step_is_named_whatever_the_check() {
    let panics = "sh -c 'echo \"not yet implemented: step 1.6: make a socket and connect it\" >&2; exit 101'";
    let report = text(&grade(&["phase1", "--client", panics]));
    assert!(report.contains("FAIL  phase1.client-connects"), "{report}");
    assert!(report.contains("(step 1.6 is not written)"), "{report}");
    assert!(!report.contains("pass  phase1."), "{report}");
}

#[test]
fn in_a_batch_each_submission_has_its_own_client() {
    let folder = tempfile::tempdir().unwrap();
    let server = words("echo-server");
    let recipe = |client: &str| format!("command = {server:?}\nclient = {client}\n");
    for (student, client) in [("good", format!("{:?}", words("echo-client"))), ("none", "['false']".into())] {
        let submission = folder.path().join(student);
        std::fs::create_dir_all(&submission).unwrap();
        std::fs::write(submission.join("grade.toml"), recipe(&client)).unwrap();
    }
    let output = Command::new(support::binary("grade"))
        .args([
            "phase1",
            "--only",
            "listens,client-connects,client-refused",
            "--client",
            "./client {port}",
            "--batch",
        ])
        .arg(folder.path())
        .output()
        .unwrap();
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    let row = |student: &str| {
        let row = table.lines().find(|line| line.starts_with(student)).expect(student);
        row.split(',').map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(row("good")[1..3], ["3", "3"], "{table}\n{}", text(&output));
    assert_eq!(row("none")[1..3], ["1", "3"], "{table}\n{}", text(&output));
}
