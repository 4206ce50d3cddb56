//! Foreign controls: the grader judges by what a socket shows, so servers in C and in Python pass when they are correct
//! and fail for the right reason when they are not.

#![allow(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

use std::path::{Path, PathBuf};
use std::process::Command;

use author::museum::Edit;
use author::museum::proof::Ended;
use serde::Deserialize;

mod support;

/// One wrong server: a substitution in the correct one, and what the grader must say about it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrong {
    language: String,
    name: String,
    phase: String,
    find: String,
    replace: String,
    check: String,
    diagnosis: String,
}

#[derive(Deserialize)]
struct Table {
    bug: Vec<Wrong>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("foreign")
}

fn wrong_servers() -> Vec<Wrong> {
    let text = std::fs::read_to_string(folder().join("bugs.toml")).unwrap();
    toml::from_str::<Table>(&text).unwrap().bug
}

fn source(language: &str) -> PathBuf {
    folder().join(if language == "c" { "c/server.c" } else { "python/server.py" })
}

/// The source with the bug in it.
fn changed(wrong: &Wrong) -> String {
    let file = source(&wrong.language);
    let text = std::fs::read_to_string(&file).unwrap();
    let edit = Edit { file, find: wrong.find.clone(), replace: wrong.replace.clone() };
    edit.apply(&text).unwrap_or_else(|error| panic!("{}: {error}", wrong.name))
}

/// The command that runs a server of this source, built in `dir` if need be.
fn command(language: &str, text: &str, dir: &Path) -> Vec<String> {
    if language == "python" {
        let file = dir.join("server.py");
        std::fs::write(&file, text).unwrap();
        return vec!["python3".into(), file.display().to_string()];
    }
    let (file, binary) = (dir.join("server.c"), dir.join("server"));
    std::fs::write(&file, text).unwrap();
    let built = Command::new("cc").args(["-O1", "-w", "-o"]).arg(&binary).arg(&file).output().expect("cc");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    vec![binary.display().to_string()]
}

fn grade(phase: &str, only: Option<&str>, server: &[String]) -> Vec<Ended> {
    #[derive(Deserialize)]
    struct Report {
        checks: Vec<Ended>,
    }
    let report = tempfile::NamedTempFile::new().unwrap();
    let mut grade = Command::new(support::binary("grade"));
    grade
        .args([phase, "--strace", "--seed", "4711"])
        .arg(format!("--format=json={}", report.path().display()));
    if let Some(check) = only {
        grade.args(["--only", &format!("{phase}.{check}")]);
    }
    let mode = match phase {
        "phase1" => "echo",
        "phase2" => "framed",
        _ => "eventloop",
    };
    let output = grade.arg("--").args(server).args([mode, "{port}"]).output().unwrap();
    let text = std::fs::read_to_string(report.path()).unwrap();
    let report: Report = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    report.checks
}

fn correct_server_passes(language: &str) {
    let dir = tempfile::tempdir().unwrap();
    let server = command(language, &std::fs::read_to_string(source(language)).unwrap(), dir.path());
    for phase in ["phase1", "phase2", "phase3"] {
        let ended = grade(phase, None, &server);
        assert!(ended.len() > 3, "{phase}: only {} checks ran", ended.len());
        for check in ended {
            // Where strace is missing, the checks that inject faults are not run; everything else has to pass.
            let fine =
                check.status == "passed" || (check.status.starts_with("not") && check.reason.is_some());
            assert!(fine, "{language}: {check:?}");
        }
    }
}

fn wrong_servers_fail_for_their_reason(language: &str) {
    let mine: Vec<Wrong> = wrong_servers().into_iter().filter(|wrong| wrong.language == language).collect();
    assert!(mine.len() >= 6, "six wrong servers are promised per language");
    let mut defects = Vec::new();
    for wrong in mine {
        let dir = tempfile::tempdir().unwrap();
        let server = command(language, &changed(&wrong), dir.path());
        let ended = grade(&wrong.phase, Some(&wrong.check), &server);
        let id = format!("{}.{}", wrong.phase, wrong.check);
        let outcome = ended.iter().find(|ended| ended.id == id);
        let caught = outcome.is_some_and(|ended| {
            ended.status == "failed" && ended.bug.as_deref() == Some(wrong.diagnosis.as_str())
        });
        if !caught {
            defects.push(format!("{}: {outcome:?}", wrong.name));
        }
    }
    assert!(defects.is_empty(), "{language}: not caught for the named reason:\n{}", defects.join("\n"));
}

#[test]
fn every_wrong_server_is_one_substitution_away_and_names_a_diagnosis_that_exists() {
    for wrong in wrong_servers() {
        changed(&wrong);
        let id = format!("{}.{}", wrong.phase, wrong.check);
        let (_, check) = grader::checks::find(&id).unwrap_or_else(|| panic!("{}: no check {id}", wrong.name));
        assert!(
            check.bugs.contains(&wrong.diagnosis.as_str()),
            "{}: {id} never says {:?}; it knows {:?}",
            wrong.name,
            wrong.diagnosis,
            check.bugs
        );
    }
}

#[test]
#[ignore = "needs cc"]
fn a_correct_server_in_c_passes_phases_1_to_3() {
    correct_server_passes("c");
}

#[test]
#[ignore = "needs cc"]
fn wrong_servers_in_c_fail_for_their_reason() {
    wrong_servers_fail_for_their_reason("c");
}

#[test]
#[ignore = "needs python3"]
fn a_correct_server_in_python_passes_phases_1_to_3() {
    correct_server_passes("python");
}

#[test]
#[ignore = "needs python3"]
fn wrong_servers_in_python_fail_for_their_reason() {
    wrong_servers_fail_for_their_reason("python");
}
