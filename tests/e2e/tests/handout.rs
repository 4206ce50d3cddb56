//! What a student is handed compiles, fails the checks of its phase and no other's, and passes them all once the bodies
//! are back.
#![allow(clippy::unwrap_used, reason = "a test may unwrap, in its helpers too")]
use std::path::{Path, PathBuf};
use std::process::Command;

use author::handout::{Edition, write};
use grader::check::Phase;
use serde_json::Value;

mod support;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

/// Builds a program of the handout. One target folder per phase: cargo names a workspace's crates by their path inside it, so
/// the empty phase 1 of one handout and the whole phase 1 of another are the same crate to it, and the newer would win.
fn build(handout: &Path, package: &str, binary: &str) -> PathBuf {
    let target = root().join("target/handout").join(package);
    let output = Command::new(env!("CARGO"))
        .current_dir(handout)
        .args(["build", "--quiet", "--offline", "--package", package, "--bin", binary])
        .env("CARGO_TARGET_DIR", &target)
        .output()
        .unwrap();
    assert!(output.status.success(), "{package}:\n{}", String::from_utf8_lossy(&output.stderr));
    target.join("debug").join(binary)
}

/// (id, status) of every check of the phase, those of the client included where one is given.
fn grade(phase: Phase, server: &Path, client: Option<&Path>) -> Vec<(String, String)> {
    let report = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new(support::binary("grade"));
    command.arg(phase.name()).arg(format!("--format=json={}", report.path().display()));
    if let Some(client) = client {
        command.arg("--client").arg(format!("'{}' --port {{port}}", client.display()));
    }
    command.arg("--").arg(server);
    command.args(["--port", "{port}"]);
    if phase == Phase::Keyspace {
        command.args(["--framed-port", "{framed_port}", "--dir", "{dir}"]);
    }
    let output = command.output().unwrap();
    let text = std::fs::read_to_string(report.path()).unwrap();
    let value: Value = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let checks = value["checks"].as_array().unwrap();
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    checks.iter().map(|check| (word(&check["id"]), word(&check["status"]))).collect()
}

fn hand_out_and_solve(phase: Phase, package: &str, binary: &str, client: Option<&str>) {
    let folder = tempfile::tempdir().unwrap();
    let (student, solution) = (folder.path().join("student"), folder.path().join("solution"));
    write(root(), phase, Edition::Student, &student).unwrap();
    let run = |handout: &Path| {
        let client = client.map(|client| build(handout, package, client));
        grade(phase, &build(handout, package, binary), client.as_deref())
    };
    let graded = run(&student);
    assert!(graded.iter().any(|(_, status)| status == "failed"), "{graded:?}");
    // To listen and to connect are phase 1's lessons; a later handout brings them along.
    let lessons = [".listens", ".client-connects", ".client-refused"];
    let given = |id: &str| phase != Phase::Echo && lessons.iter().any(|lesson| id.ends_with(lesson));
    let passed: Vec<_> = graded.iter().filter(|(id, status)| status == "passed" && !given(id)).collect();
    assert!(passed.is_empty(), "empty programs passed {passed:?}");

    write(root(), phase, Edition::Solution, &solution).unwrap();
    let graded = run(&solution);
    let failed: Vec<_> = graded.iter().filter(|(_, s)| s != "passed" && s != "not run").collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert!(graded.iter().any(|(_, status)| status == "passed"));
}

#[test]
#[ignore = "needs cargo and a minute"]
fn phase1_is_handed_out_and_solved() {
    hand_out_and_solve(Phase::Echo, "phase1-echo", "echo-server", Some("echo-client"));
}

#[test]
#[ignore = "needs cargo and a minute"]
fn phase2_is_handed_out_and_solved() {
    hand_out_and_solve(Phase::Framing, "phase2-framing", "framed-server", Some("framed-client"));
}

#[test]
#[ignore = "needs cargo and a minute"]
fn phase3_is_handed_out_and_solved() {
    hand_out_and_solve(Phase::EventLoop, "phase3-eventloop", "eventloop-server", None);
}

#[test]
#[ignore = "needs cargo and a minute"]
fn phase4_is_handed_out_and_solved() {
    hand_out_and_solve(Phase::Keyspace, "phase4-keyspace", "keyspace-server", None);
}

/// The README's way from nothing to a hint, typed as it stands there. Every command is real: the clone builds its handout
/// tool, the handout builds its own grader and its empty server. Each of the two workspaces keeps its target folder from
/// run to run, and neither shares the other's, for the reason given at [`build`].
#[test]
#[ignore = "needs git, cargo and some minutes"]
fn the_readme_leads_from_a_clone_to_a_failed_check_and_its_hint() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (_, section) = readme.split_once("## Write it yourself").expect("the README has that section");
    let commands: Vec<&str> =
        section.split("```").nth(1).unwrap().lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    assert!(commands.len() <= 5, "more than five commands: {commands:?}");
    assert!(commands[0].starts_with("git clone <this repository>") && commands[4].contains("--hint 1"));

    let mut script = commands.join("\n");
    if root().join(".git").exists() {
        script = script.replace("<this repository>", &format!("'{}'", root().display()));
    } else {
        println!("there is no .git here to clone from: the clone is a copy");
        let copy =
            format!("mkdir redis-at-home && tar -C '{}' --exclude=./target -c . | tar -C", root().display());
        script =
            script.replace("git clone <this repository> redis-at-home", &format!("{copy} redis-at-home -x"));
    }
    let folder = tempfile::tempdir().unwrap();
    let targets = root().join("target/first-steps");
    let cargo = format!(
        "cargo() {{ CARGO_TARGET_DIR=\"{}/${{PWD##*/}}\" command cargo \"$@\"; }}\n",
        targets.display()
    );
    let output = Command::new("bash")
        .args(["-c", &format!("exec 2>&1\n{cargo}{script}")])
        .current_dir(folder.path())
        .env("CARGO_NET_OFFLINE", "true")
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "grading an empty server ends with 1:\n{said}");
    assert!(said.contains("NEXT  1.1 ") && said.contains("write it in "), "the first step is named:\n{said}");
    let (_, after) = said.rsplit_once("FAIL  phase1.").expect(&said);
    assert!(after.contains("hint 1 "), "the grading gives a hint:\n{said}");
    assert!(said.contains("phase1: 0 passed, "), "{said}");
}

/// Earlier phases come whole and later ones not at all, so no other phase's check can fail.
#[test]
fn only_the_chosen_phase_has_anything_left_to_write() {
    let crates = ["phase1-echo", "phase2-framing", "phase3-eventloop", "phase4-keyspace"];
    for (index, phase) in Phase::ALL.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let handout = folder.path().join("handout");
        write(root(), phase, Edition::Student, &handout).unwrap();
        for (position, name) in crates.iter().enumerate() {
            let sources = sources(&handout.join(name));
            assert_eq!(!sources.is_empty(), position <= index, "{name} in the handout of {phase}");
            assert_eq!(
                sources.contains("todo!(\"step "),
                position == index,
                "{name} in the handout of {phase}"
            );
            assert!(!sources.contains("ANCHOR"), "{name}: the book's marks are left");
        }
        let manifest = std::fs::read_to_string(handout.join("Cargo.toml")).unwrap();
        assert!(manifest.contains(&format!("starts the phase {} server", index + 1)), "{manifest}");
        assert!(!handout.join("tests/museum").exists(), "the museum tells the answers");
        let mut packages: Vec<_> = std::fs::read_dir(handout.join("tests"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        packages.sort();
        assert_eq!(
            packages,
            ["contract.toml", "course.toml", "grader", "kit"],
            "what grades, and nothing else of tests/"
        );
        assert!(handout.join("tests/grader/src/bin/grade.rs").exists());
    }
}

fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder.join("src")).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let below = std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path());
            for file in below.filter(|p| p.is_file()) {
                text += &std::fs::read_to_string(file).unwrap();
            }
        } else {
            text += &std::fs::read_to_string(&path).unwrap();
        }
    }
    text
}
