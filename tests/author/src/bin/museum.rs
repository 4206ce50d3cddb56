//! `cargo museum`: classic bugs, built from the reference, each caught by the check named for it.
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use author::museum::choice;
use author::museum::matrix::{self, Row};
use author::museum::proof::Prover;
use author::museum::tally::{Tally, doubt, is_to_repeat, verdict};
use author::museum::workshop::Workshop;
use author::museum::{self, Bug};
use clap::{Parser, Subcommand};
use grader::check::Phase;
use grader::workspace;

/// Classic bugs, each made from the reference server by one substitution and caught by the check named for it.
///
/// Without a command it builds every bug and proves that it is caught, for the right reason.
#[derive(Parser)]
#[command(name = "museum", version)]
struct Arguments {
    #[command(subcommand)]
    visit: Option<Visit>,

    /// Only bugs whose name contains this
    #[arg(long, value_name = "TEXT", global = true)]
    only: Option<String>,

    /// Only bugs of this phase
    #[arg(long, value_name = "PHASE", global = true)]
    phase: Option<Phase>,

    /// Also run every check of the phase on every bug: the right name has to come first, and no other may be given
    #[arg(long)]
    whole: bool,

    /// First the bugs of files that differ from this revision, then the others in an order that follows from the seed
    #[arg(long, value_name = "REVISION")]
    changed_since: Option<String>,

    /// Begin with no bug after so many minutes, once those of changed files are done
    #[arg(long, value_name = "N")]
    minutes: Option<u64>,

    /// Write the kill matrix of whole runs
    #[arg(long, requires = "whole")]
    matrix: bool,

    /// Where the kill matrix goes as a picture
    #[arg(long, value_name = "FILE", requires = "matrix")]
    svg: Option<PathBuf>,

    /// Where the kill matrix goes as a table
    #[arg(long, value_name = "FILE", requires = "matrix")]
    markdown: Option<PathBuf>,

    /// The number from which payloads, sizes and split points follow
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

#[derive(Subcommand)]
enum Visit {
    /// Names every bug
    List {
        /// As the table of the book's museum page
        #[arg(long)]
        markdown: bool,
    },
    /// Shows a bug's diff and its lesson
    Show {
        /// The bug's name
        bug: String,
    },
    /// Starts a server with the bug, so that you can meet it by hand
    Run {
        /// The bug's name
        bug: String,
        /// Further arguments for the server
        #[arg(last = true)]
        args: Vec<String>,
    },
}

fn main() -> ExitCode {
    match visit(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("museum: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn visit(arguments: &Arguments) -> Result<ExitCode> {
    let root = workspace::root()?;
    let bugs = museum::load(&root.join("tests/museum"))?;
    match &arguments.visit {
        Some(Visit::List { markdown: true }) => print!("{}", museum::table(&bugs)),
        Some(Visit::List { markdown: false }) => list(&chosen(arguments, bugs)),
        Some(Visit::Show { bug }) => show(&root, museum::find(&bugs, bug)?)?,
        Some(Visit::Run { bug, args }) => return run(&root, museum::find(&bugs, bug)?, args),
        None => return prove(&root, arguments, bugs),
    }
    Ok(ExitCode::SUCCESS)
}

fn list(bugs: &[Bug]) {
    for bug in bugs {
        println!("{}  {:<32} {}", bug.phase, bug.name, bug.card.title);
    }
    println!("\n{} bugs. `cargo museum show BUG` shows one, `cargo museum run BUG` starts it.", bugs.len());
}

fn show(root: &Path, bug: &Bug) -> Result<()> {
    println!("{}: {}\n", bug.name, bug.card.title);
    println!("{}", bug.diff(root)?);
    println!("{}\n", wrap(&bug.card.lesson, 100));
    println!("Meet it: cargo museum run {}\n{}\n", bug.name, indent(bug.card.meet.trim()));
    println!("Caught by `{}`: \"{}\"", bug.check_id(), bug.card.diagnosis);
    Ok(())
}

fn run(root: &Path, bug: &Bug, args: &[String]) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    eprintln!("building {} …", bug.name);
    let server = Workshop::open(root)?.build(bug)?;
    eprintln!(
        "{}\nIn another terminal:\n{}\n",
        bug.card.title,
        indent(&museum::meet_at(bug.card.meet.trim(), args))
    );
    let error = Command::new(&server).args(&bug.card.args).args(args).exec();
    Err(error).with_context(|| server.display().to_string())
}

/// Breaks a paragraph into lines of at most so many characters.
fn wrap(text: &str, width: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let full = lines
            .last()
            .is_some_and(|line| !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width);
        if full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

/// Those that `--only` and `--phase` leave.
fn chosen(arguments: &Arguments, bugs: Vec<Bug>) -> Vec<Bug> {
    bugs.into_iter()
        .filter(|bug| arguments.only.as_ref().is_none_or(|text| bug.name.contains(text.as_str())))
        .filter(|bug| arguments.phase.is_none_or(|phase| bug.phase == phase))
        .collect()
}

/// Builds one bug while the previous one is graded: two cores, two things to do.
fn prove(root: &Path, arguments: &Arguments, bugs: Vec<Bug>) -> Result<ExitCode> {
    let (chosen, first) = ordered(root, arguments, chosen(arguments, bugs));
    let began = Instant::now();
    let until = arguments.minutes.map(|minutes| began + Duration::from_secs(60 * minutes));
    let grade = workspace::build(root, "grader", "grade")?;
    let workshop = Workshop::open(root)?;
    let prover = Prover { grade: workshop.keep(&grade)?, seed: arguments.seed };
    let (sender, built) = sync_channel::<(Bug, Result<PathBuf>)>(4);
    let builder = std::thread::spawn({
        let chosen = chosen.clone();
        move || {
            for (at, bug) in chosen.into_iter().enumerate() {
                if at >= first && until.is_some_and(|until| Instant::now() > until) {
                    return;
                }
                let outcome = workshop.build(&bug);
                if sender.send((bug, outcome)).is_err() {
                    return;
                }
            }
        }
    });
    let mut tally = Tally::default();
    let mut again = Vec::new();
    for (bug, server) in built {
        let outcome = server.and_then(|server| Ok((prover.run(&bug, &server, arguments.whole)?, server)));
        match outcome.and_then(|(outcomes, server)| Ok((verdict(&bug, &outcomes)?, outcomes, server))) {
            // Fairness and CPU time are hard to judge beside a compiler, and strace may be slow to attach.
            Ok((verdict, outcomes, server)) if is_to_repeat(&bug, &verdict, &outcomes) => {
                let doubt = doubt(&bug, &verdict, &outcomes);
                again.push((bug, server, doubt));
            }
            Ok((verdict, outcomes, _)) => tally.note(&bug, &verdict, outcomes),
            Err(error) => tally.broken(&bug, &error),
        }
    }
    if builder.join().is_err() {
        anyhow::bail!("the builder stopped early");
    }
    let repeated = again.len();
    for (bug, server, doubt) in again {
        println!("once more, now that nothing is being built: {} ({doubt})", bug.name);
        let outcomes = prover.run(&bug, &server, arguments.whole)?;
        tally.note(&bug, &verdict(&bug, &outcomes)?, outcomes);
    }
    if arguments.matrix {
        report_matrix(arguments, &tally.rows)?;
    }
    let Tally { caught, defects, wrong, rows } = tally;
    println!("\n{caught} bugs caught by their own check, {defects} not, in {} s", began.elapsed().as_secs());
    if arguments.whole {
        println!("whole runs: {} right, {wrong} with a wrong name, {repeated} run twice", rows.len() - wrong);
    }
    if rows.len() + defects < chosen.len() {
        println!("no time for {} of {}", chosen.len() - rows.len(), chosen.len());
    }
    Ok(if defects + wrong == 0 && caught > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The bugs in the order in which they are proven, and how many of them are not left out for want of time.
fn ordered(root: &Path, arguments: &Arguments, bugs: Vec<Bug>) -> (Vec<Bug>, usize) {
    let Some(since) = &arguments.changed_since else {
        let first = if arguments.minutes.is_some() { 0 } else { bugs.len() };
        return (bugs, first);
    };
    let changed = choice::changed_files(root, since).unwrap_or_else(|| {
        println!("there is no {since} to compare with: bugs of all files alike");
        BTreeSet::new()
    });
    let (bugs, first) = choice::order(bugs, &changed, arguments.seed);
    println!("{first} bugs of changed files first, then the others by seed {}", arguments.seed);
    (bugs, first)
}

fn report_matrix(arguments: &Arguments, rows: &[Row]) -> Result<()> {
    let table = matrix::markdown(rows);
    match &arguments.markdown {
        Some(file) => std::fs::write(file, &table).with_context(|| file.display().to_string())?,
        None => println!("\n{table}"),
    }
    if let Some(file) = &arguments.svg {
        std::fs::write(file, matrix::svg(rows)).with_context(|| file.display().to_string())?;
    }
    match matrix::idle_checks(rows).as_slice() {
        [] => println!("every check fails on at least one of these bugs"),
        idle => println!("checks that fail on none of these bugs: {}", idle.join(", ")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_broken_at_words() {
        assert_eq!(wrap("one two\nthree four", 9), "one two\nthree\nfour");
        assert_eq!(wrap("unbreakable", 3), "unbreakable");
    }
}
