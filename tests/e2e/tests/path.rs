//! The learner's way: a workspace of their own, `cargo next`, and phases that are laid beside their code.
#![allow(clippy::unwrap_used, reason = "a test may unwrap, in its helpers too")]
use std::path::{Path, PathBuf};
use std::process::Command;

use author::handout::course::Course;
use author::handout::{Edition, grow, write, write_body};
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

/// A target folder for each test, kept from run to run: cargo takes the crates of two handouts for one another, because their
/// paths inside the workspace are the same.
fn of_this_test() -> String {
    std::thread::current().name().unwrap_or("test").to_owned()
}

/// What `next` says in a folder, and its exit status.
fn next(folder: &Path, arguments: &[&str]) -> (String, Option<i32>) {
    let output = Command::new(support::binary("next"))
        .current_dir(folder)
        .args(arguments)
        .env("NO_COLOR", "1")
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TARGET_DIR", root().join("target/walk").join(of_this_test()))
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

/// Walks from the first step of one phase to behind the last step of another, in one workspace, each body as the course has it.
/// What `next` says on the way is right, step by step.
fn walk(from: Phase, to: Phase) {
    let (_folder, workspace) = workspace(from);
    let course = Course::load(root()).unwrap();
    let steps: Vec<_> = course
        .step
        .iter()
        .filter(|step| step.phase().is_some_and(|phase| phase >= from && phase <= to))
        .collect();
    let first = &steps[0];
    let (said, _) = next(&workspace, &[]);
    assert!(said.contains(&format!("NEXT  {} ", first.number)), "{said}");
    for step in steps {
        write_body(root(), step, &workspace).unwrap();
        let (said, status) = next(&workspace, &[]);
        assert_eq!(status, Some(0), "{said}");
        assert!(said.contains(&format!("Step {} works: ", step.number)), "{said}");
        let at = course.step.iter().position(|one| one.number == step.number).unwrap();
        match course.step.get(at + 1) {
            Some(after) => assert!(said.contains(&format!("NEXT  {} ", after.number)), "{said}"),
            None => assert!(said.contains("That was the last step."), "{said}"),
        }
        if course.step.get(at + 1).is_some_and(|after| after.phase() != step.phase()) {
            assert!(said.contains("is complete, in your own code.") && said.contains("diff -ru"), "{said}");
            assert!(said.contains("has been added beside your own code"), "{said}");
        }
        println!("step {} walked", step.number);
    }
}

#[test]
#[ignore = "needs cargo and some minutes"]
fn phases_1_and_2_are_walked_step_by_step_in_one_workspace() {
    walk(Phase::Echo, Phase::Framing);
}

#[test]
#[ignore = "needs cargo and some minutes"]
fn phase_3_is_walked_step_by_step_and_phase_4_laid_beside_it() {
    walk(Phase::EventLoop, Phase::EventLoop);
}

#[test]
#[ignore = "needs cargo and a minute"]
fn a_wrong_body_is_named_with_its_check_and_a_step_that_breaks_again_too() {
    let (_folder, workspace) = workspace(Phase::Echo);
    let course = Course::load(root()).unwrap();
    let echo = workspace.join("phase1-echo/src/echo.rs");
    for step in &course.of(Phase::Echo)[..2] {
        write_body(root(), step, &workspace).unwrap();
    }
    let (said, status) = next(&workspace, &[]);
    assert!(status == Some(0) && said.contains("Step 1.2 works") && said.contains("NEXT  1.3 "), "{said}");

    let right = std::fs::read_to_string(&echo).unwrap();
    std::fs::write(&echo, right.replace("&buf[..n]", "&buf[..]")).unwrap();
    let (said, status) = next(&workspace, &["--hint", "1"]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("Step 1.2 worked before and does not any more"), "{said}");
    assert!(said.contains("FAIL  phase1.round-trip") && said.contains("hint 1 "), "{said}");

    std::fs::write(&echo, right.replace("buf[..n]", "buf[..n")).unwrap();
    let (said, status) = next(&workspace, &[]);
    assert!(status == Some(2) && said.contains("does not compile"), "{said}");

    std::fs::write(&echo, right).unwrap();
    let (said, status) = next(&workspace, &[]);
    assert!(status == Some(0) && said.contains("NEXT  1.3 "), "{said}");
}
