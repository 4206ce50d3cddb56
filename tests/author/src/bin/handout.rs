//! `cargo handout DIR`: a workspace of a learner's own, from the one source of truth.
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use author::handout::{Edition, Language, grow, write, write_all_phases, write_skeleton};
use clap::Parser;
use grader::check::Phase;
use grader::workspace;

/// Writes a learner's workspace: it compiles, fails its checks, and brings the grader along. With a phase, it begins there,
/// and the phases before it are given.
#[derive(Parser)]
#[command(name = "handout", version, override_usage = "handout [OPTIONS] [PHASE] DIR")]
struct Arguments {
    /// phase1, phase2, phase3 or phase4, if not phase1; then a new or empty folder
    #[arg(value_name = "PHASE DIR", num_args = 1..=2, required = true)]
    words: Vec<String>,

    /// For another language: contract sheets and empty programs. Without a phase, for all four, with a script ./grade
    #[arg(long, value_enum, default_value = "rust")]
    language: Language,

    /// The instructor's edition: the same files with the bodies in place
    #[arg(long)]
    solution: bool,

    /// Add the phase to the workspace in this folder: what `cargo next` does there
    #[arg(long, value_name = "WORKSPACE", conflicts_with_all = ["solution", "language"])]
    grow: Option<PathBuf>,
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
    let root = workspace::root()?;
    if let Some(target) = &arguments.grow {
        let phase = arguments.words[0].parse().map_err(anyhow::Error::msg)?;
        return grow::grow(&root, phase, target);
    }
    let (phase, dir) = match &arguments.words[..] {
        [phase, dir] => (phase.parse().map_err(anyhow::Error::msg)?, PathBuf::from(dir)),
        [dir] if dir.parse::<Phase>().is_ok() => {
            anyhow::bail!(
                "{dir} of what folder? Say `cargo handout {dir} DIR`, or ./{dir} for a folder of that name"
            )
        }
        [dir] => (Phase::Echo, PathBuf::from(dir)),
        _ => anyhow::bail!("say `cargo handout DIR`, or `cargo handout PHASE DIR`"),
    };
    if arguments.language != Language::Rust && arguments.words.len() == 1 {
        write_all_phases(&root, arguments.language, &dir)?;
        println!("{}: read phase1/CONTRACT.md, then type ./grade phase1 there.", dir.display());
        return Ok(());
    }
    if arguments.language != Language::Rust {
        write_skeleton(phase, arguments.language, &dir)?;
        println!("{}: CONTRACT.md says what to build and how it is graded.", dir.display());
        return Ok(());
    }
    let edition = if arguments.solution { Edition::Solution } else { Edition::Student };
    write(&root, phase, edition, &dir)?;
    let shown = dir.canonicalize().context("the new folder")?;
    match (edition, phase) {
        (Edition::Solution, _) => println!("{}: the bodies of {phase} are in place.", shown.display()),
        (Edition::Student, Phase::Echo) => {}
        (Edition::Student, _) => {
            println!("The phases before {phase} come whole: they hold the solutions of their own steps.");
        }
    }
    if edition == Edition::Student {
        println!("{} is yours. Go there and type `cargo next`.", shown.display());
        println!("(The first time that compiles the grader: a minute or two.)");
    }
    Ok(())
}
