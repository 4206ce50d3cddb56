//! `cargo handout PHASE DIR`: a starter workspace for a student, from the one source of truth.
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use author::handout::{Edition, Language, write, write_skeleton};
use clap::Parser;
use grader::check::Phase;
use grader::workspace;

/// Writes a student's starter workspace: it compiles, fails the checks of its phase, and brings the grader along.
#[derive(Parser)]
#[command(name = "handout", version)]
struct Arguments {
    /// phase1, phase2, phase3 or phase4
    phase: Phase,

    /// A new or empty folder
    dir: PathBuf,

    /// For a server in another language: a contract sheet and an empty server
    #[arg(long, value_enum, default_value = "rust")]
    language: Language,

    /// The instructor's edition: the same files with the bodies in place
    #[arg(long)]
    solution: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match hand_out(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("handout: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn hand_out(arguments: &Arguments) -> Result<()> {
    let (phase, dir) = (arguments.phase, &arguments.dir);
    if arguments.language != Language::Rust {
        write_skeleton(phase, arguments.language, dir)?;
        println!("{}: CONTRACT.md says what to build and how it is graded.", dir.display());
        return Ok(());
    }
    let edition = if arguments.solution { Edition::Solution } else { Edition::Student };
    write(&workspace::root()?, phase, edition, dir)?;
    println!("{}: read README.md, then `cargo grade {phase}`.", dir.display());
    Ok(())
}
