//! Handouts in other languages: a contract sheet, an empty server that listens and says nothing, and where the phase has one an
//! empty client that connects and leaves.

use std::path::Path;

use anyhow::{Result, bail};

use super::{refuse_full_folder, write_file};
use grader::check::Phase;

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

/// Writes the contract sheet and the skeleton.
///
/// # Errors
/// When the folder holds something, or the language has no skeleton of its own.
pub fn write_skeleton(phase: Phase, language: Language, target: &Path) -> Result<()> {
    refuse_full_folder(target)?;
    let (file, skeleton, start, build) = match language {
        Language::C => (
            "server.c",
            include_str!("../../handout/c/server.c"),
            "./server {port}",
            Some("cc -O1 -Wall -o server server.c"),
        ),
        Language::Python => {
            ("server.py", include_str!("../../handout/python/server.py"), "python3 server.py {port}", None)
        }
        Language::Go => (
            "server.go",
            include_str!("../../handout/go/server.go"),
            "./server {port}",
            Some("go build -o server server.go"),
        ),
        Language::Rust => bail!("the Rust handout is the workspace itself: leave --language out"),
    };
    write_file(&target.join(file), skeleton)?;
    if matches!(phase, Phase::Echo | Phase::Framing) {
        let client = match language {
            Language::C => include_str!("../../handout/c/client.c"),
            Language::Python => include_str!("../../handout/python/client.py"),
            Language::Go => include_str!("../../handout/go/client.go"),
            Language::Rust => "",
        };
        write_file(&target.join(file.replace("server", "client")), client)?;
    }
    write_file(&target.join("CONTRACT.md"), &contract(phase, start, build))
}

fn contract(phase: Phase, start: &str, build: Option<&str>) -> String {
    let common = include_str!("../../handout/contract.md");
    let own = match phase {
        Phase::Echo => include_str!("../../handout/phase1.md"),
        Phase::Framing => include_str!("../../handout/phase2.md"),
        Phase::EventLoop => include_str!("../../handout/phase3.md"),
        Phase::Keyspace => include_str!("../../handout/phase4.md"),
    };
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
        "# {}: the contract\n\n{own}\n{common}\n{client}\n## Grading\n\nIn the course's workspace, or with its `grade` binary alone:\n\n\
         ```console\n{build}$ grade {} -- {start}\n$ grade {} --hint 1 -- {start}\n{grade_client}```\n\n\
         `{{port}}` is filled in by the grader and also stands in the variable PORT.\n",
        phase.title(),
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
                let has_client = matches!(phase, Phase::Echo | Phase::Framing);
                assert_eq!(contract.contains("--client '"), has_client, "{contract}");
                assert_eq!(folder.path().join(file.replace("server", "client")).is_file(), has_client);
                assert!(std::fs::read_to_string(folder.path().join(file)).unwrap().contains("listening on"));
            }
        }
    }
}
