//! `cargo museum`: classic bugs, built from the reference, each caught by the check named for it.
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use anyhow::{Context, Result};
use author::museum::matrix::{self, Row};
use author::museum::proof::{Ended, Prover, Verdict};
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

    /// Run every check of the phase on every bug (long) and write the kill matrix
    #[arg(long)]
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
    eprintln!("{}\nIn another terminal:\n{}\n", bug.card.title, indent(bug.card.meet.trim()));
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
    let chosen = chosen(arguments, bugs);
    let began = Instant::now();
    let grade = workspace::build(root, "grader", "grade")?;
    let prover = Prover { grade, seed: arguments.seed };
    let workshop = Workshop::open(root)?;
    let (sender, built) = sync_channel::<(Bug, Result<PathBuf>)>(4);
    let builder = std::thread::spawn({
        let chosen = chosen.clone();
        move || {
            for bug in chosen {
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
        let outcome = server.and_then(|server| Ok((prover.run(&bug, &server, arguments.matrix)?, server)));
        match outcome.and_then(|(ended, server)| Ok((verdict(&bug, &ended)?, ended, server))) {
            // Fairness and CPU time are hard to judge beside a compiler, and strace may be slow to attach.
            Ok((Verdict::Missed | Verdict::NotRun(_), ended, server)) => again.push((bug, ended, server)),
            Ok((verdict, ended, _)) => tally.note(&bug, &verdict, ended),
            Err(error) => tally.broken(&bug, &error),
        }
    }
    if builder.join().is_err() {
        anyhow::bail!("the builder stopped early");
    }
    for (bug, mut ended, server) in again {
        println!("once more, now that nothing is being built: {}", bug.name);
        let own = prover.run(&bug, &server, false)?;
        let verdict = verdict(&bug, &own)?;
        for check in own {
            ended.retain(|other| other.id != check.id);
            ended.push(check);
        }
        tally.note(&bug, &verdict, ended);
    }
    if arguments.matrix {
        report_matrix(arguments, &tally.rows)?;
    }
    let Tally { caught, defects, .. } = tally;
    println!("\n{caught} bugs caught by their own check, {defects} not, in {} s", began.elapsed().as_secs());
    Ok(if defects == 0 && caught > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn verdict(bug: &Bug, ended: &[Ended]) -> Result<Verdict> {
    let own = ended.iter().find(|e| e.id == bug.check_id()).context("its check did not run at all")?;
    Ok(Verdict::of(bug, own))
}

/// What has come out so far.
#[derive(Default)]
struct Tally {
    caught: usize,
    defects: usize,
    rows: Vec<Row>,
}

impl Tally {
    fn note(&mut self, bug: &Bug, verdict: &Verdict, ended: Vec<Ended>) {
        let (name, check) = (format!("{} {}", bug.phase, bug.name), bug.check_id());
        let wanted = &bug.card.diagnosis;
        match verdict {
            Verdict::Caught => println!("caught        {name}: {check} says \"{wanted}\""),
            Verdict::OtherReason(said) => {
                println!("OTHER REASON  {name}: wanted \"{wanted}\", {check} said {said}");
            }
            Verdict::Missed => println!("MISSED        {name}: {check} passed"),
            Verdict::NotRun(why) => println!("NOT RUN       {name}: {check} {why}"),
        }
        if *verdict == Verdict::Caught {
            self.caught += 1;
        } else {
            self.defects += 1;
        }
        self.rows.push((bug.clone(), ended));
    }

    fn broken(&mut self, bug: &Bug, error: &anyhow::Error) {
        println!("BROKEN        {} {}: {error:#}", bug.phase, bug.name);
        self.defects += 1;
    }
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
