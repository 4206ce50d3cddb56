//! The rules of the house, as far as a machine can hold them.
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;
use serde_json::Value;

const PHASES: [&str; 4] = ["phase1-echo", "phase2-framing", "phase3-eventloop", "phase4-keyspace"];
/// The packages below `tests/`.
const TESTS: [&str; 6] = ["kit", "grader", "author", "bench", "oracle", "e2e"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("tests/ is in the workspace")
}

/// Every Rust source file below a folder of the workspace, with its path from the root.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && path.file_name().is_none_or(|name| name != "target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("source is UTF-8");
                found.push((path.strip_prefix(root()).expect("below the root").to_owned(), text));
            }
        }
    }
    assert!(!found.is_empty(), "no source in {folder}");
    found
}

/// The lines of a file that are not its tests.
fn without_tests<'a>(path: &Path, text: &'a str) -> &'a str {
    let is_test =
        path.file_stem().is_some_and(|stem| stem == "tests" || stem.to_string_lossy().ends_with("_tests"));
    if is_test { "" } else { text.split("#[cfg(test)]").next().unwrap_or_default() }
}

/// Source of which a learner reads every line: the phases, their examples too, and what grades.
fn read_by_learners() -> impl Iterator<Item = (PathBuf, String)> {
    PHASES.iter().copied().chain(["tests/kit/src", "tests/grader/src"]).flat_map(sources)
}

/// Without the rows of a family of checks, which are prose in columns.
fn without_rows(text: &str) -> String {
    let mut in_rows = false;
    let mut kept = String::new();
    for line in text.lines() {
        let first = line.contains("const CHECKS: &[Check] = ");
        in_rows |= first;
        if !in_rows || first {
            kept.push_str(line);
            kept.push('\n');
        }
        in_rows &= !(line.starts_with("]") || line.starts_with("}]"));
    }
    kept
}

fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(root())
        .output();
    let output = output.expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

#[test]
fn unsafe_stands_only_where_a_reason_is_given() {
    let block = Regex::new(r"(?m)^[^/\n]*\bunsafe\s*(\{|fn|impl|extern|\()").unwrap();
    let reason = Regex::new(r#"#!?\[(allow|expect)\(\s*unsafe_code,\s*reason\s*=\s*"[^"]{5,}"#).unwrap();
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(manifest.contains("unsafe_code = \"deny\""), "the workspace no longer denies unsafe");
    let mut with_unsafe = 0;
    for folder in PHASES.iter().chain(&["tests"]) {
        for (path, text) in sources(folder) {
            if path.ends_with("house_rules.rs") || !block.is_match(&text) {
                continue;
            }
            with_unsafe += 1;
            assert!(reason.is_match(&text), "{}: unsafe without a reason", path.display());
        }
    }
    assert!(with_unsafe > 0, "phase 1's raw calls are unsafe: this test does not see them");
}

#[test]
fn the_phase_crates_run_on_libc_nix_and_anyhow() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    for package in packages {
        let name = package["name"].as_str().expect("a name");
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let needs = dependency["name"].as_str().expect("a name");
            let is_dev = dependency["kind"] == "dev";
            if TESTS.contains(&name) {
                // The simulation of policies runs the server's own eviction; nothing else in tests/ calls into a phase.
                let simulates = (name, needs) == ("bench", "phase4-keyspace");
                assert!(simulates || !PHASES.contains(&needs), "{name} depends on {needs}");
                let known_to_a_handout = !TESTS.contains(&needs) || ["kit", "grader"].contains(&needs);
                assert!(
                    known_to_a_handout || !["kit", "grader"].contains(&name),
                    "{name} is handed out and depends on {needs}, which is not"
                );
            } else if !is_dev {
                let allowed = ["libc", "nix", "anyhow"].contains(&needs) || PHASES.contains(&needs);
                assert!(
                    allowed,
                    "{name} depends on {needs}: argue for it in docs/src/design/dependencies.md"
                );
            }
        }
    }
    let names: BTreeSet<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    assert_eq!(names, PHASES.iter().copied().chain(TESTS).collect::<BTreeSet<_>>(), "the packages are fixed");
}

/// What stands at the top: the manifest, the phases, docs and tests, and what tools and lawyers look for there.
#[test]
fn nothing_joins_the_top_level() {
    for entry in std::fs::read_dir(root()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        let known = if entry.path().is_dir() {
            let fixed = [".cargo", ".ci", ".devcontainer", ".git", ".github", "docs", "target", "tests"];
            fixed.contains(&name.as_str()) || PHASES.contains(&name.as_str())
        } else {
            let usual = |start| {
                name == start || name.starts_with(&format!("{start}-")) || name == format!("{start}.md")
            };
            ["Cargo.toml", "Cargo.lock"].contains(&name.as_str())
                || name.starts_with('.')
                || usual("README")
                || usual("LICENSE")
        };
        assert!(known, "{name} is not in the design of the top level: a tool's settings go into a dotfile");
    }
}

/// A file is one room. The bound is a guard, not a goal: most have a third of it. Tables of rows may be longer.
#[test]
fn no_file_outgrows_its_room() {
    for (path, text) in read_by_learners() {
        let lines = without_rows(without_tests(&path, &text)).lines().count();
        let is_table = path.ends_with("config/table.rs");
        // A whole program in one file.
        let is_example = path.iter().any(|part| part == "examples");
        assert!(
            lines <= if is_example { 350 } else { 300 } || is_table,
            "{}: {lines} lines without its tests: does it hold two ideas?",
            path.display()
        );
    }
}

/// From its signature to its brace a function fits on a screen.
#[test]
fn no_function_outgrows_a_screen() {
    const MOST: usize = 60;
    let signature = Regex::new(r"^( *)[a-z() ]*fn (\w+)").unwrap();
    let mut seen = 0;
    let examples = |(path, _): &(PathBuf, String)| path.iter().any(|part| part == "examples");
    for (path, text) in read_by_learners().filter(|source| !examples(source)) {
        let lines: Vec<&str> = without_tests(&path, &text).lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let Some(found) = signature.captures(line) else { continue };
            // The signature may take several lines; without a body it ends in a semicolon.
            let opens = lines[at..].iter().find(|line| line.ends_with(['{', '}', ';']));
            if opens.is_some_and(|line| line.ends_with('{')) {
                seen += 1;
                // rustfmt closes a body with a brace under the signature.
                let end = format!("{}}}", &found[1]);
                let length = lines[at..].iter().take_while(|line| **line != end).count() + 1;
                assert!(length <= MOST, "{}: {} has {length} lines", path.display(), &found[2]);
            }
        }
    }
    assert!(seen > 500, "only {seen} functions found: this test does not see them");
}

#[test]
fn nothing_unwraps_outside_tests() {
    for (path, text) in PHASES.iter().flat_map(|phase| sources(&format!("{phase}/src"))) {
        let code = without_tests(&path, &text);
        let hit =
            code.lines().find(|line| line.contains(".unwrap()") && !line.trim_start().starts_with("//"));
        assert_eq!(hit, None, "{}", path.display());
    }
}

/// `println!` and `eprintln!` panic when a log or stdout cannot be written; phase 1's `output.rs` does not.
#[test]
fn the_programs_print_through_one_file() {
    let print = Regex::new(r"^[^/]*\be?print(ln)?!").unwrap();
    for (path, text) in PHASES.iter().flat_map(|phase| sources(&format!("{phase}/src"))) {
        let hit = without_tests(&path, &text).lines().find(|line| print.is_match(line));
        assert_eq!(hit, None, "{}: use phase1_echo::log! or phase1_echo::output", path.display());
    }
}

#[test]
fn every_ignored_test_says_what_it_needs() {
    let ignore = Regex::new(r"(?m)^\s*#\[ignore([^\]]*)\]").unwrap();
    let mut seen = 0;
    for (path, text) in PHASES.iter().chain(&["tests"]).flat_map(|folder| sources(folder)) {
        for found in ignore.captures_iter(&text) {
            seen += 1;
            let says = found[1].trim();
            assert!(says.starts_with("= \"needs "), "{}: #[ignore {says}]", path.display());
        }
    }
    assert!(seen > 10, "only {seen} ignored tests found: this test does not see them");
}

/// Every `cargo …` line that the README offers names a binary and an alias that exist.
#[test]
fn the_readmes_commands_exist() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let aliases = std::fs::read_to_string(root().join(".cargo/config.toml")).unwrap();
    let metadata = metadata();
    let targets: BTreeSet<&str> = metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .flat_map(|package| package["targets"].as_array().expect("targets"))
        .filter_map(|target| target["name"].as_str())
        .collect();
    let command = Regex::new(r"cargo +(?:\+\S+ +)?([a-z]+)([^\n`|#]*)").unwrap();
    let mut seen = 0;
    for found in command.captures_iter(&readme) {
        seen += 1;
        let (name, rest) = (&found[1], &found[2]);
        let builtin =
            ["run", "test", "build", "check", "clippy", "fmt", "install", "doc", "metadata"].contains(&name);
        assert!(builtin || aliases.contains(&format!("\n{name} =")), "README: there is no `cargo {name}`");
        let words: Vec<&str> = rest.split_whitespace().collect();
        // A bare `cargo run --bin` looks in the default member only.
        if let (Some(at), false) = (words.iter().position(|word| *word == "--bin"), words.contains(&"-p")) {
            let ours = ["keyspace-server", "keyspace-cli"];
            assert!(ours.contains(&words[at + 1]), "README: --bin {} needs its -p", words[at + 1]);
        }
        for pair in words
            .windows(2)
            .filter(|pair| ["--bin", "-p", "--package", "--example", "--test"].contains(&pair[0]))
        {
            let known = targets.contains(pair[1]) || targets.contains(pair[1].replace('-', "_").as_str());
            assert!(
                known || TESTS.contains(&pair[1]) || PHASES.contains(&pair[1]),
                "README: no {} {}",
                pair[0],
                pair[1]
            );
        }
    }
    assert!(seen >= 2, "the README promises two commands");
}
