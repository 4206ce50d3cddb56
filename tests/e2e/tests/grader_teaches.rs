//! The grader as a student meets it: a wrong server in, an explanation out.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::OnceLock;

mod support;

/// The example servers, built once.
fn wrong_server() -> String {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let path = BUILT.get_or_init(|| {
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "grader", "--example", "wrong_server"])
            .status()
            .expect("cargo starts");
        assert!(status.success(), "the example does not compile");
        let grade = support::binary("grade");
        grade.parent().expect("a binary lies in a directory").join("examples/wrong_server")
    });
    path.display().to_string()
}

fn grade(arguments: &[&str]) -> Output {
    let mut command = Command::new(support::binary("grade"));
    command.args(arguments).env_remove("NO_COLOR").output().expect("the grader starts")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn grade_bug(bug: &str, arguments: &[&str]) -> String {
    let server = wrong_server();
    text(&grade(&[arguments, &["--", &server, bug, "{port}"]].concat()))
}

#[test]
fn a_server_that_answers_only_the_first_frame_learns_why() {
    let report = grade_bug(
        "first-frame-only",
        &["phase2", "--only", "listens,round-trip,framing", "--seed", "7", "--hint", "1"],
    );
    assert!(report.contains("bytes past the first frame dropped"), "{report}");
    assert!(report.contains("FAIL  phase2.trailing-bytes"), "{report}");
    for part in [
        "length 1",
        "/ marks where",
        "expected ",
        "came ",
        "docs/src/phase2/decoder.md",
        "hint 1",
        "strace -f",
    ] {
        assert!(report.contains(part), "{part} is missing in\n{report}");
    }
    // One bug, one failure: what pipelines frames is blocked, not failed.
    assert_eq!(report.matches("\nFAIL  phase2.trailing-bytes  ").count(), 2, "{report}");
    assert!(report.contains("(blocked by phase2.trailing-bytes)"), "{report}");

    let replay = report.lines().find(|line| line.contains("replay ")).expect("a replay command");
    let words: Vec<&str> = replay.split_whitespace().skip_while(|word| *word != "grade").skip(1).collect();
    let again = text(&grade(&words));
    let bytes = |report: &str| {
        let from = report.find("    sent ").expect("a dump");
        let to = report.find("    likely bug").expect("a diagnosis");
        report[from..to].to_owned()
    };
    assert_eq!(bytes(&again), bytes(&report), "the replay shows other bytes");
}

#[test]
fn each_wrong_server_fails_for_its_own_reason() {
    let cases = [
        ("one-frame-per-read", "coalesced", "frames are parsed only when new bytes arrive"),
        ("big-endian", "length-byte-order", "the length is read as big-endian"),
        ("swapped-port", "listens", "port not in network byte order"),
        ("cut-is-message", "truncated-frame", "an end of stream inside a frame is taken for a message"),
    ];
    for (bug, check, diagnosis) in cases {
        let report = grade_bug(bug, &["phase2", "--only", "listens,framing"]);
        let failed: Vec<&str> = report.lines().filter(|line| line.starts_with("FAIL ")).collect();
        assert!(!failed.is_empty(), "{bug}: nothing failed\n{report}");
        for line in failed {
            assert!(line.contains(check) && line.contains(diagnosis), "{bug}: {line}\n{report}");
        }
    }
}

#[test]
fn the_wrong_byte_is_shown_wherever_it_is() {
    for (bug, place, told) in [
        ("late-byte", 9_000, "came, "),
        ("left-out", 5_000, "4000 bytes were left out"),
        ("came-twice", 9_000, "4000 bytes came twice"),
    ] {
        // Always the same payload: of random letters one in twenty-six is the right one by chance.
        let report = grade_bug(bug, &["phase2", "--seed", "5", "--only", "listens,round-trip,sizes"]);
        let (_, failure) = report.split_once("    expected ").expect("a dump");
        let (expected, came) = failure.split_once("    came ").expect("two dumps");
        let row = format!("{:08x} ", place / 16 * 16);
        assert!(expected.contains(&row) && came.contains(&row), "{bug}: {report}");
        assert!(came.contains(&format!("^^ first difference, byte {place}")), "{bug}: {report}");
        assert!(came.contains(told), "{bug}: {report}");
    }
}

#[test]
fn a_correct_server_passes_every_framing_check() {
    let report = grade_bug("none", &["phase2", "--only", "listens,round-trip,framing"]);
    assert!(!report.contains("FAIL ") && !report.contains("wait "), "{report}");
}

#[test]
fn bad_commands_get_a_plain_message_each() {
    let server = wrong_server();
    let not_judged: [(&[&str], &str); 4] = [
        (&["no-such-program"], "the command does not exist"),
        (&["/etc/passwd"], "is not executable"),
        (&["/tmp"], "is a directory"),
        (&["sleep", "{Port}"], "write {port}"),
    ];
    for (command, message) in not_judged {
        let output = grade(&[&["phase2", "--only", "listens", "--"], command].concat());
        assert!(text(&output).contains(message), "{command:?}: {}", text(&output));
        assert_eq!(output.status.code(), Some(2), "{command:?}");
    }
    let cases: [(&[&str], &str); 6] = [
        (&["sh", "-c", "echo oh no >&2; exit 3"], "exited with status 3 before it listened"),
        (&["sh", "-c", "echo Error: PORT >&2; exit 1"], "(the server ends before it listens)"),
        (&["sh", "-c", "kill -SEGV $$"], "was killed by signal 11 (SIGSEGV)"),
        (&["sleep", "600"], "does not listen on port"),
        (&[&server, "wrong-port", "{port}"], "instead"),
        (&["sh", "-c", "\"$0\" none \"$1\" & exit 0", &server, "{port}"], "put itself into the background"),
    ];
    for (command, message) in cases {
        let arguments = [&["phase2", "--startup-timeout", "2", "--only", "listens", "--"], command].concat();
        let output = grade(&arguments);
        assert!(text(&output).contains(message), "{command:?}: {}", text(&output));
        assert_eq!(output.status.code(), Some(1), "{command:?}");
    }
}

#[test]
fn a_program_still_being_written_is_waited_for_and_then_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let program = dir.path().join("server").display().to_string();
    let mut open = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o755)
        .open(&program)
        .expect("a file");
    open.write_all(b"#!/bin/sh\nexit 7\n").expect("written");
    let arguments = ["phase2", "--startup-timeout", "1", "--only", "listens", "--", &program];
    let report = text(&grade(&arguments));
    assert!(report.contains("is still open for writing in another process"), "{report}");
    drop(open);
    let report = text(&grade(&arguments));
    assert!(report.contains("exited with status 7 before it listened"), "{report}");
}

#[test]
fn megabytes_of_output_are_drained_and_noticed() {
    let report = grade_bug("chatty", &["phase2", "--only", "listens,round-trip,split-anywhere"]);
    assert!(report.contains("pass  phase2.split-anywhere"), "{report}");
    assert!(report.contains("NOTICE: the server printed"), "{report}");
}

#[test]
fn nothing_is_coloured_into_a_pipe() {
    assert!(!grade_bug("big-endian", &["phase2", "--only", "length-byte-order"]).contains('\x1b'));
}

#[test]
fn a_run_out_of_time_leaves_a_partial_report() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("results.json");
    let format = format!("gradescope={}", file.display());
    let server = wrong_server();
    let output = grade(&["phase2", "--timeout", "0", "--format", &format, "--", &server, "none", "{port}"]);
    let results = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{error}: {}", text(&output)));
    assert!(results.contains("the time of the whole run (0 s) was up"), "{results}");
    assert_eq!(output.status.code(), Some(2), "nothing was judged");
}

#[test]
fn wrong_arguments_say_what_to_do() {
    for (arguments, message) in [
        (&["phase7"][..], "say phase1, phase2, phase3 or phase4"),
        (&["phase2", "--only", "nonsense", "--", "true"], "has no check or topic `nonsense`"),
        (&["--explain", "nonsense"], "there is no check `nonsense`"),
        (&["phase2", "--format", "pdf"], "unknown format `pdf`"),
        (&["phase2", "--student", "ada"], "--secret"),
    ] {
        let output = grade(arguments);
        assert!(text(&output).contains(message), "{arguments:?}: {}", text(&output));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    let listed = text(&grade(&["phase2", "--list"]));
    assert!(listed.contains("phase2.partial-header") && !listed.contains("phase1.drip"), "{listed}");
    let explained = text(&grade(&["--explain", "trailing-bytes"]));
    assert!(explained.contains("bytes past the first frame dropped"), "{explained}");
}

#[test]
fn a_batch_of_twenty_becomes_a_table() {
    let server = wrong_server();
    let bugs = ["none", "first-frame-only", "big-endian", "swapped-port"];
    let dir = tempfile::tempdir().expect("a directory");
    for number in 0..20 {
        let submission = dir.path().join(format!("student-{number:02}"));
        std::fs::create_dir(&submission).expect("a submission's directory");
        let recipe = format!("command = [{server:?}, {:?}, \"{{port}}\"]\n", bugs[number % 4]);
        std::fs::write(submission.join("grade.toml"), recipe).expect("a recipe");
    }
    std::fs::remove_file(dir.path().join("student-19/grade.toml")).expect("one forgot it");
    let secret = dir.path().join("secret.txt");
    let csv = dir.path().join("grades.csv");
    std::fs::write(&secret, "autumn").expect("a secret");
    let output = grade(&[
        "phase2",
        "--only",
        "listens,length-byte-order,round-trip,trailing-bytes",
        "--batch",
        &dir.path().display().to_string(),
        "--student",
        "unused",
        "--secret",
        &secret.display().to_string(),
        "--csv",
        &csv.display().to_string(),
    ]);
    let table = std::fs::read_to_string(&csv).unwrap_or_else(|error| panic!("{error}: {}", text(&output)));
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 21, "{table}");
    let column =
        |name: &str| rows[0].iter().position(|cell| *cell == name).unwrap_or_else(|| panic!("no {name}"));
    let mut seeds = std::collections::HashSet::new();
    for (number, row) in rows[1..].iter().enumerate() {
        assert_eq!(row[0], format!("student-{number:02}"));
        if number == 19 {
            continue;
        }
        seeds.insert(row[column("seed")]);
        let failed = match number % 4 {
            0 => None,
            1 => Some("phase2.trailing-bytes"),
            2 => Some("phase2.length-byte-order"),
            _ => Some("phase2.listens"),
        };
        for check in ["phase2.listens", "phase2.length-byte-order", "phase2.trailing-bytes"] {
            assert_eq!(row[column(check)] == "failed", failed == Some(check), "{}: {table}", row[0]);
        }
        assert_eq!(row[column("score")] == row[column("max_score")], failed.is_none(), "{table}");
    }
    assert_eq!(seeds.len(), 19, "each student has a seed of his own");
    assert!(table.lines().last().is_some_and(|row| row.contains("nothing says how to start it")), "{table}");
    assert!(text(&output).contains("20 submissions: 19 graded"), "{}", text(&output));
}
