//! The starting points in other languages build, run, and say where they stand.
#![allow(clippy::unwrap_used, reason = "a test may unwrap, in its helpers too")]
use std::path::{Path, PathBuf};
use std::process::Command;

use author::handout::{Language, write_all_phases};
use grader::check::Phase;
use tempfile::TempDir;

mod support;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

fn handed_out(language: Language) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("mine");
    write_all_phases(root(), language, &target).unwrap();
    (folder, target)
}

/// What the grader says of a server that is started by `command` in `folder`.
fn graded(phase: Phase, folder: &Path, command: &[&str]) -> String {
    let output = Command::new(support::binary("grade"))
        .current_dir(folder)
        .args([phase.name(), "--"])
        .args(command)
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

fn built(folder: &Path, command: &str) {
    let output = Command::new("sh").args(["-c", command]).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// An empty server listens, which is its first rung, and is told what comes next.
fn an_empty_server_stands_on_its_first_rung(language: Language, build: Option<&str>, start: &[&str]) {
    let (_folder, target) = handed_out(language);
    for phase in [Phase::Echo, Phase::EventLoop] {
        let folder = target.join(phase.name());
        if let Some(build) = build {
            built(&folder, build);
        }
        let said = graded(phase, &folder, start);
        assert!(said.contains("next is rung 2, "), "{said}");
        let contract = std::fs::read_to_string(folder.join("CONTRACT.md")).unwrap();
        let title = said.split("next is rung 2, ").nth(1).unwrap().split(':').next().unwrap();
        assert!(contract.contains(&format!("2. **{title}.**")), "{title} stands in the contract");
    }
}

#[test]
#[ignore = "needs python3"]
fn an_empty_server_in_python_stands_on_its_first_rung() {
    an_empty_server_stands_on_its_first_rung(Language::Python, None, &["python3", "server.py", "{port}"]);
}

#[test]
#[ignore = "needs cc"]
fn an_empty_server_in_c_stands_on_its_first_rung() {
    let build = "cc -O1 -Wall -Werror -o server server.c && cc -O1 -Wall -Werror -o client client.c 2>&1 || [ ! -f client.c ]";
    an_empty_server_stands_on_its_first_rung(Language::C, Some(build), &["./server", "{port}"]);
}

#[test]
#[ignore = "needs go"]
fn an_empty_server_in_go_stands_on_its_first_rung() {
    let build = "go build -o server server.go && { [ ! -f client.go ] || go build -o client client.go; }";
    an_empty_server_stands_on_its_first_rung(Language::Go, Some(build), &["./server", "{port}"]);
}

#[test]
fn every_phase_has_its_sheet_and_the_script_knows_the_course() {
    for language in [Language::C, Language::Python, Language::Go] {
        let (_folder, target) = handed_out(language);
        let script = std::fs::read_to_string(target.join("grade")).unwrap();
        assert!(script.contains(&format!("course='{}'", root().display())), "{script}");
        let checked = Command::new("sh").arg("-n").arg(target.join("grade")).status().unwrap();
        assert!(checked.success(), "a shell reads it");
        for phase in Phase::ALL {
            assert!(target.join(phase.name()).join("CONTRACT.md").is_file());
        }
        // A course that has moved is named, and nothing is graded.
        let moved = script.replace(&root().display().to_string(), "/nowhere/at/all");
        std::fs::write(target.join("grade"), moved).unwrap();
        let output = Command::new(target.join("grade")).arg("phase1").output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && said.contains("is not there any more"), "{said}");
    }
}
