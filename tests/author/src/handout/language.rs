//! Handouts in other languages: a contract sheet in rungs, an empty server that listens and says nothing, where the phase has one
//! an empty client that connects and leaves, and a script that builds them and has them graded.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::{refuse_full_folder, write_file};
use grader::check::Phase;
use grader::contract as rungs;

/// A language with a skeleton.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    /// The workspace itself.
    Rust,
    /// One file, built with cc.
    C,
    /// One file, standard library only.
    Python,
    /// One file, built with go.
    Go,
}

/// What there is for a language: the file's ending, how a program is started and built, and the two programs as they begin.
struct Kit {
    ending: &'static str,
    start: &'static str,
    build: Option<&'static str>,
    server: &'static str,
    client: &'static str,
}

impl Language {
    fn kit(self) -> Result<Kit> {
        Ok(match self {
            Language::C => Kit {
                ending: "c",
                start: "./server {port}",
                build: Some("cc -O1 -Wall -o server server.c"),
                server: include_str!("../../handout/c/server.c"),
                client: include_str!("../../handout/c/client.c"),
            },
            Language::Python => Kit {
                ending: "py",
                start: "python3 server.py {port}",
                build: None,
                server: include_str!("../../handout/python/server.py"),
                client: include_str!("../../handout/python/client.py"),
            },
            Language::Go => Kit {
                ending: "go",
                start: "./server {port}",
                build: Some("go build -o server server.go"),
                server: include_str!("../../handout/go/server.go"),
                client: include_str!("../../handout/go/client.go"),
            },
            Language::Rust => bail!("the Rust handout is the workspace itself: leave --language out"),
        })
    }
}

/// Writes a folder with all four phases, each with its contract sheet and empty programs, and `./grade`.
///
/// # Errors
/// When the folder holds something, or the language has no skeleton of its own.
pub fn write_all_phases(root: &Path, language: Language, target: &Path) -> Result<()> {
    refuse_full_folder(target)?;
    let kit = language.kit()?;
    for phase in Phase::ALL {
        write_phase(phase, &kit, &target.join(phase.name()))?;
    }
    let script = target.join("grade");
    write_file(&script, &grade_script(root, &kit)?)?;
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))
        .context("making ./grade executable")
}

/// Writes the contract sheet and the empty programs of one phase.
///
/// # Errors
/// As [`write_all_phases`].
pub fn write_skeleton(phase: Phase, language: Language, target: &Path) -> Result<()> {
    refuse_full_folder(target)?;
    write_phase(phase, &language.kit()?, target)
}

fn has_client(phase: Phase) -> bool {
    matches!(phase, Phase::Echo | Phase::Framing)
}

fn write_phase(phase: Phase, kit: &Kit, target: &Path) -> Result<()> {
    write_file(&target.join(format!("server.{}", kit.ending)), kit.server)?;
    if has_client(phase) {
        write_file(&target.join(format!("client.{}", kit.ending)), kit.client)?;
    }
    write_file(&target.join("CONTRACT.md"), &contract(phase, kit.start, kit.build))
}

/// `./grade phase1 --hint 1`: builds what is there and hands it to the course's grader.
fn grade_script(root: &Path, kit: &Kit) -> Result<String> {
    let course = root.canonicalize().with_context(|| root.display().to_string())?;
    let build = kit.build.map_or_else(String::new, |build| {
        let client = build.replace("server", "client");
        format!("{build} || exit 2\nif [ -f client.{} ]; then {client} || exit 2; fi\n", kit.ending)
    });
    let client = kit.start.replace("server", "client");
    Ok(format!(
        "#!/bin/sh\n# ./grade phase1: builds that phase's programs and grades them. More arguments, such as --hint 1 or --only CHECK,\n\
         # are the grader's. It lives in the course's folder:\ncourse='{course}'\n\n\
         phase=${{1:?say which phase: ./grade phase1}}\nshift\n\
         if [ ! -f \"$course/tests/course.toml\" ]; then\n\
         \x20   echo \"the course was in $course and is not there any more: write its new folder into $0\" >&2\n    exit 2\nfi\n\
         cd \"$(dirname \"$0\")/$phase\" || exit 2\n{build}\
         grade() {{ cargo run --manifest-path \"$course/Cargo.toml\" --package grader --bin grade -- \"$@\"; }}\n\
         if [ -f client.{ending} ]; then\n\
         \x20   grade \"$phase\" --client '{client}' \"$@\" -- {start}\nelse\n    grade \"$phase\" \"$@\" -- {start}\nfi\n",
        course = course.display(),
        ending = kit.ending,
        start = kit.start,
    ))
}

fn contract(phase: Phase, start: &str, build: Option<&str>) -> String {
    let common = include_str!("../../handout/contract.md");
    let own = match phase {
        Phase::Echo => include_str!("../../handout/phase1.md"),
        Phase::Framing => include_str!("../../handout/phase2.md"),
        Phase::EventLoop => include_str!("../../handout/phase3.md"),
        Phase::Keyspace => include_str!("../../handout/phase4.md"),
    };
    let rungs: String = rungs::of(phase)
        .enumerate()
        .map(|(at, rung)| {
            let checks: Vec<String> = rung.checks.iter().map(|name| format!("`{name}`")).collect();
            format!("{}. **{}.** {} ({})\n", at + 1, rung.title, rung.text, checks.join(", "))
        })
        .collect();
    let client = match phase {
        Phase::Echo => include_str!("../../handout/client1.md"),
        Phase::Framing => include_str!("../../handout/client2.md"),
        Phase::EventLoop | Phase::Keyspace => "",
    };
    let mut build = build.map(|command| format!("$ {command}\n")).unwrap_or_default();
    if !client.is_empty() {
        build += &build.replace("server", "client");
    }
    // The client is started as the server is: `./client {port}` beside `./server {port}`.
    let grade_client = match client {
        "" => String::new(),
        _ => format!(
            "$ grade {} --client '{}'\n$ grade {} --client '{}' -- {start}\n",
            phase.name(),
            start.replace("server", "client"),
            phase.name(),
            start.replace("server", "client")
        ),
    };
    format!(
        "# {}: the contract\n\n{own}\n{common}\n{client}\n## The rungs\n\nIn this order each step is small, and `grade` says which one comes \
         next. In brackets the checks that turn green with it.\n\n{rungs}\n## Grading\n\n`./grade {}` in the folder above, where there \
         is one. By hand, with the course's `grade` binary:\n\n\
         ```console\n{build}$ grade {} -- {start}\n$ grade {} --hint 1 -- {start}\n{grade_client}```\n\n\
         `{{port}}` is filled in by the grader and also stands in the variable PORT.\n",
        phase.title(),
        phase.name(),
        phase.name(),
        phase.name(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_gets_a_contract_and_a_skeleton() {
        for (language, file) in
            [(Language::C, "server.c"), (Language::Python, "server.py"), (Language::Go, "server.go")]
        {
            for phase in Phase::ALL {
                let folder = tempfile::tempdir().unwrap();
                write_skeleton(phase, language, folder.path()).unwrap();
                let contract = std::fs::read_to_string(folder.path().join("CONTRACT.md")).unwrap();
                assert!(contract.contains("{port}") && contract.contains(phase.name()), "{contract}");
                assert!(contract.contains("\n1. **listen") || contract.contains("\n1. **PING"), "{contract}");
                let has_client = has_client(phase);
                assert_eq!(contract.contains("--client '"), has_client, "{contract}");
                assert_eq!(folder.path().join(file.replace("server", "client")).is_file(), has_client);
                assert!(std::fs::read_to_string(folder.path().join(file)).unwrap().contains("listening on"));
            }
        }
    }
}
