//! The command line of `cargo grade`.

mod listing;
mod plan;
mod subjects;
mod user;

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;

use crate::check::Phase;
use crate::report::{Destination, Format, Run, RunVerdict, Style, text, write_file, write_partial};
use crate::runner::{self, Event, Plan};
use crate::target;
use crate::{batch, signals, submission, supervisor, watch};
pub use plan::{chosen_seed, plan};

/// Judges a server, and in phases 1 and 2 a client, in any language by what its socket shows.
///
/// Without a command it grades this workspace's own server and client. The command after `--` gets its port where it says
/// {port}, and in the variable PORT; {framed_port} and {dir} (an empty directory) are filled in as well.
///
/// Exit status: 0 when every check that counts passed, 1 when one failed or was blocked, 2 when grading was not possible:
/// a program that is not there, no time left, a machine that does not play along. With --batch the worst of all submissions
/// counts.
#[derive(Debug, Clone, Parser)]
#[command(name = "grade", version)]
pub struct Arguments {
    /// phase1, phase2, phase3 or phase4
    #[arg(value_name = "PHASE")]
    pub phase: Option<Phase>,

    /// Only these checks: names, ids or topics, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub only: Vec<String>,

    /// Only these stages, such as strings or expiry, separated by commas; --list names them
    #[arg(long, value_name = "STAGES", value_delimiter = ',')]
    pub stage: Vec<String>,

    /// List the checks and stop
    #[arg(long)]
    pub list: bool,

    /// Explain a check: its lesson, chapter, hints and the bugs it knows
    #[arg(long, value_name = "CHECK")]
    pub explain: Option<String>,

    /// The number from which all payloads, sizes and split points follow
    #[arg(long, value_name = "N", conflicts_with = "student")]
    pub seed: Option<u64>,

    /// Derive the seed from this student's id and the course's secret
    #[arg(long, value_name = "ID", requires = "secret")]
    pub student: Option<String>,

    /// File with the course's secret
    #[arg(long, value_name = "FILE")]
    pub secret: Option<PathBuf>,

    /// Grade again whenever a file here changes (keys: r rerun, h hint, q quit)
    #[arg(long)]
    pub watch: bool,

    /// Seconds for the whole run
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub timeout: u64,

    /// Seconds a server may take until it listens
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub startup_timeout: u64,

    /// How many checks run at once, each with a server of its own
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub jobs: usize,

    /// A course's weights, visibility and choice of checks (TOML)
    #[arg(long, value_name = "FILE")]
    pub suite: Option<PathBuf>,

    /// Grade every folder in DIR, one submission each
    #[arg(long, value_name = "DIR")]
    pub batch: Option<PathBuf>,

    /// Grade the one submission in DIR: its files say how it is built and started
    #[arg(long, value_name = "DIR", conflicts_with_all = ["batch", "watch"])]
    pub submission: Option<PathBuf>,

    /// Build and run what is graded as this user (a name or a number); the grader itself has to be root
    #[arg(long, value_name = "USER")]
    pub as_user: Option<String>,

    /// Where --batch writes its table (default: stdout)
    #[arg(long, value_name = "FILE", requires = "batch")]
    pub csv: Option<PathBuf>,

    /// text, json, gradescope, classroom50, classroom-legacy, autolab, junit or markdown; =FILE writes it there
    #[arg(long, value_name = "FORMAT[=FILE]")]
    pub format: Vec<Destination>,

    /// Also run the checks that inject failing system calls through strace
    #[arg(long)]
    pub strace: bool,

    /// Show this many hints with each failure
    #[arg(long, value_name = "1..3", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=3))]
    pub hint: u8,

    /// Waits for standard input to end and kills what this run has left behind: started by the grader itself
    #[arg(long, hide = true, value_name = "RUN")]
    pub clean_up_after: Option<u32>,

    /// The client under test, as one shell word: './client {port}'. It is told where the grader listens
    #[arg(long, value_name = "COMMAND")]
    pub client: Option<String>,

    /// The server under test
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

impl Arguments {
    /// Whether what is graded lies in folders that are handed in.
    fn grades_folders(&self) -> bool {
        self.batch.is_some() || self.submission.is_some()
    }
}

/// Does what the arguments ask for.
///
/// # Errors
/// When grading was not possible at all.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if let Some(run) = arguments.clean_up_after {
        supervisor::clean_up_after(run);
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.list {
        show(&listing::list(arguments.phase))?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(name) = &arguments.explain {
        show(&listing::explain_check(arguments.phase, name)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    // Kept until the end: it cleans up if this process is killed before.
    let _supervisor = supervisor::start();
    signals::on_end(|| {
        target::kill_all();
        watch::restore_terminal();
    })?;
    let result = if arguments.batch.is_some() {
        batch::run(arguments)
    } else if let Some(folder) = &arguments.submission {
        grade_submission(arguments, folder)
    } else if arguments.watch {
        watch::run(arguments)
    } else {
        grade_once(arguments, arguments.hint)
    };
    target::kill_all();
    result
}

/// One run, its progress and its reports.
///
/// # Errors
/// When the plan makes no sense or a report cannot be written.
pub fn grade_once(arguments: &Arguments, hints: u8) -> anyhow::Result<ExitCode> {
    Ok(exit_code(grade_and_report(arguments, hints)?.verdict()))
}

/// The same, with all that came of it.
///
/// # Errors
/// As [`grade_once`].
pub fn grade_and_report(arguments: &Arguments, hints: u8) -> anyhow::Result<Run> {
    run_and_report(arguments, &plan(arguments)?, hints)
}

/// The exit status that stands for a verdict.
#[must_use]
pub fn exit_code(verdict: RunVerdict) -> ExitCode {
    match verdict {
        RunVerdict::Passed => ExitCode::SUCCESS,
        RunVerdict::Failed => ExitCode::from(1),
        RunVerdict::NotJudged => ExitCode::from(2),
    }
}

/// One submission, its progress and its reports: one that cannot be graded has reports, too.
fn grade_submission(arguments: &Arguments, folder: &Path) -> anyhow::Result<ExitCode> {
    let plan = plan(arguments)?;
    let style = Style { colour: colour(), hints: usize::from(arguments.hint) };
    let student = arguments.student.as_deref().unwrap_or("student");
    let graded = submission::grade(arguments, &plan, folder, student, &progress(arguments, style))?;
    if let Some(why) = &graded.refused {
        eprintln!("not graded: {why}");
    }
    write_reports(&arguments.format, &graded.run, style, None)?;
    Ok(exit_code(graded.run.verdict()))
}

fn run_and_report(arguments: &Arguments, plan: &Plan, hints: u8) -> anyhow::Result<Run> {
    let style = Style { colour: colour(), hints: usize::from(hints) };
    let run = runner::run(plan, &progress(arguments, style));
    write_reports(&arguments.format, &run, style, None)?;
    Ok(run)
}

/// A line for each check that ends, and the reports so far.
fn progress(arguments: &Arguments, style: Style) -> impl Fn(&Event<'_>) + Sync {
    let text_on_stdout = arguments.format.is_empty()
        || arguments.format.iter().any(|d| d.format == Format::Text && d.file.is_none());
    move |event: &Event<'_>| {
        let Event::Ended(result, run) = event else { return };
        // Machine-readable output owns stdout; progress goes to where people look.
        if text_on_stdout {
            let _ = writeln!(std::io::stdout(), "{}", text::line(result, style));
        } else {
            eprintln!("{}", text::line(result, Style { colour: false, ..style }));
        }
        for destination in &arguments.format {
            if let Some(file) = &destination.file {
                // A partial report is a courtesy; the final one reports its errors.
                let _ = write_partial(file, &run.render(destination.format, plain(style)));
            }
        }
    }
}

/// Writes the final reports; `student` replaces `{student}` in file names.
///
/// # Errors
/// When a file cannot be written.
pub fn write_reports(
    destinations: &[Destination],
    run: &Run,
    style: Style,
    student: Option<&str>,
) -> anyhow::Result<()> {
    for destination in destinations {
        match &destination.file {
            Some(file) => {
                let name = file.to_string_lossy().replace("{student}", student.unwrap_or("student"));
                write_file(name.as_ref(), &run.render(destination.format, plain(style)))?;
            }
            None if student.is_none() => show(&run.render(destination.format, style))?,
            None => {}
        }
    }
    if destinations.is_empty() && student.is_none() {
        show(&run.render(Format::Text, style))?;
    }
    Ok(())
}

/// Text on stdout. A reader that has gone (`| head`) has seen what he wanted.
fn show(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to stdout")
        }
        _ => Ok(()),
    }
}

/// Colour for a terminal, unless NO_COLOR (https://no-color.org) says otherwise.
#[must_use]
pub fn colour() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    std::io::stdout().is_terminal() && !refused && !dumb
}

fn plain(style: Style) -> Style {
    Style { colour: false, ..style }
}
