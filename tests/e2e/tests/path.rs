//! The learner's way: a workspace of their own, `cargo next`, and phases that are laid beside their code.
#![allow(clippy::unwrap_used, reason = "a test may unwrap, in its helpers too")]
use std::path::{Path, PathBuf};
use std::process::Command;

use author::handout::{Edition, grow, write};
use grader::check::Phase;
use tempfile::TempDir;

mod support;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

/// A learner's workspace that begins with `phase`.
fn workspace(phase: Phase) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let workspace = folder.path().join("mine");
    write(root(), phase, Edition::Student, &workspace).unwrap();
    (folder, workspace)
}

/// What `next` says in a folder, and its exit status.
fn next(folder: &Path, arguments: &[&str]) -> (String, Option<i32>) {
    let output = Command::new(support::binary("next"))
        .current_dir(folder)
        .args(arguments)
        .env("NO_COLOR", "1")
        .env("CARGO_NET_OFFLINE", "true")
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8(text).unwrap(), output.status.code())
}

#[test]
fn a_new_workspace_says_what_to_write_and_where() {
    let (_folder, workspace) = workspace(Phase::Echo);
    let (said, status) = next(&workspace.join("phase1-echo/src"), &[]);
    assert_eq!(status, Some(0), "{said}");
    let line = said.lines().find_map(|line| line.trim().strip_prefix("write it in   ")).expect(&said);
    let (file, number) = line.split_once(':').unwrap();
    let source = std::fs::read_to_string(workspace.join(file)).unwrap();
    let named = source.lines().nth(number.parse::<usize>().unwrap() - 1).unwrap();
    assert!(named.contains("step 1.1: "), "{line} is {named:?}");
    assert!(said.contains("Phase 1: echo · step 1 of ") && said.contains("NEXT  1.1 "), "{said}");
    let chapter = said.lines().find_map(|line| line.trim().strip_prefix("read ")).expect(&said).trim();
    assert!(Path::new(chapter).is_file(), "{chapter} can be read");
}

#[test]
fn the_course_itself_is_no_learners_workspace() {
    let (said, status) = next(root(), &[]);
    assert!(status == Some(2) && said.contains("is the course itself. `cargo handout "), "{said}");
}

#[test]
fn a_lost_or_damaged_state_is_found_again_from_the_code() {
    let (_folder, workspace) = workspace(Phase::Echo);
    let state = workspace.join(".course.toml");
    std::fs::write(&state, "origin = \"/some").unwrap();
    let (said, status) = next(&workspace, &[]);
    assert!(
        status == Some(2) && said.contains("damaged") && said.contains("cargo next --from FOLDER"),
        "{said}"
    );
    let (said, status) = next(&workspace, &["--from", root().to_str().unwrap()]);
    assert!(status == Some(0) && said.contains("NEXT  1.1 "), "{said}");
    assert!(workspace.join(".course.toml.damaged").is_file(), "the old one is kept");

    std::fs::remove_file(&state).unwrap();
    let (said, status) = next(&workspace, &[]);
    assert!(status == Some(2) && said.contains("is gone") && said.contains("--from FOLDER"), "{said}");
    let (said, status) = next(&workspace, &["--from", root().to_str().unwrap()]);
    assert!(status == Some(0) && said.contains("NEXT  1.1 "), "{said}");
}

#[test]
fn a_course_that_has_moved_can_be_named() {
    let (folder, workspace) = workspace(Phase::Echo);
    let (said, status) = next(&workspace, &["--from", folder.path().to_str().unwrap()]);
    assert!(status == Some(2) && said.contains("does not hold the course"), "{said}");
    let (said, status) = next(&workspace, &["--from", root().to_str().unwrap()]);
    assert!(status == Some(0) && said.contains(&format!("The course is in {}.", root().display())), "{said}");
}

/// Every file below a folder, with its text.
fn everything(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(everything(&path));
        } else {
            files.push((path.clone(), String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned()));
        }
    }
    files.sort();
    files
}

#[test]
fn a_phase_is_laid_beside_the_learners_code_and_touches_none_of_it() {
    let (_folder, workspace) = workspace(Phase::Echo);
    std::fs::write(workspace.join("phase1-echo/src/echo.rs"), "// all my own work\n").unwrap();
    std::fs::write(workspace.join("README.md"), "# mine\n").unwrap();
    let manifest = std::fs::read_to_string(workspace.join("Cargo.toml")).unwrap();
    let mine = manifest.replace("anyhow = \"1\"\n", "anyhow = \"1\"\nrand = \"0.9\" # mine\n");
    std::fs::write(workspace.join("Cargo.toml"), &mine).unwrap();

    let before = everything(&workspace);
    for phase in [Phase::Framing, Phase::EventLoop, Phase::Keyspace] {
        grow::grow(root(), phase, &workspace).unwrap();
    }
    let changed: Vec<_> = before
        .iter()
        .filter(|(file, text)| std::fs::read_to_string(file).unwrap_or_default() != *text)
        .map(|(file, _)| file.strip_prefix(&workspace).unwrap().display().to_string())
        .collect();
    assert_eq!(changed, ["Cargo.toml"]);
    let manifest = std::fs::read_to_string(workspace.join("Cargo.toml")).unwrap();
    assert!(manifest.contains("rand = \"0.9\" # mine") && manifest.contains("starts the phase 4 server"));
    let bodies = std::fs::read_to_string(workspace.join("phase4-keyspace/src/command/string.rs")).unwrap();
    assert!(bodies.contains("step 4.") && !bodies.contains("ANCHOR"), "the new phase is unwritten");

    // What is there stays, even if it is asked for again.
    std::fs::write(workspace.join("phase2-framing/src/frame.rs"), "// mine too\n").unwrap();
    let before = everything(&workspace);
    grow::grow(root(), Phase::Framing, &workspace).unwrap();
    assert_eq!(everything(&workspace), before);
}

#[test]
fn a_phase_without_the_one_before_it_is_refused() {
    let (_folder, workspace) = workspace(Phase::Echo);
    let before = everything(&workspace);
    let error = grow::grow(root(), Phase::EventLoop, &workspace).unwrap_err().to_string();
    assert!(error.contains("holds no phase2-framing"), "{error}");
    assert_eq!(everything(&workspace), before);
}

#[test]
fn phases_before_the_first_are_given_and_that_is_said() {
    let (_folder, workspace) = workspace(Phase::EventLoop);
    let readme = std::fs::read_to_string(workspace.join("README.md")).unwrap();
    assert!(readme.contains("The phases before phase3 come whole"), "{readme}");
    let (said, status) = next(&workspace, &[]);
    assert!(status == Some(0) && said.contains("NEXT  3.1 "), "{said}");
}
