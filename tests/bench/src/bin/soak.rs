//! `cargo run --profile tools -p bench --bin soak -- --seeds 100`: grades the reference again and again, and notes
//! whatever fails. A check that fails once in a hundred runs on a correct server is a bug of the grader.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bench::compare::cores::{self, Cores};
use clap::{Parser, ValueEnum};
use grader::check::Phase;
use grader::course::Suite;
use grader::report::explain::in_full;
use grader::report::{Run, Status, Style};
use grader::runner::{self, Plan};
use grader::strace::Tracing;
use grader::target::{self, Launch};
use grader::{signals, workspace};

/// Grades this workspace's own servers with many seeds: all four phases, phases 3 and 4 with both pollers, and with
/// injected faults where strace works.
///
/// Exit status: 0 when every check of every run passed or could not be run here, 1 otherwise.
#[derive(Debug, Parser)]
#[command(name = "soak", version)]
struct Arguments {
    /// How many seeds
    #[arg(long, value_name = "N", default_value_t = 10)]
    seeds: u64,

    /// The first of them
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    first: u64,

    /// Only these phases, separated by commas
    #[arg(long, value_name = "PHASES", value_delimiter = ',')]
    phase: Vec<Phase>,

    /// Only these checks, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,

    /// The poller of phases 3 and 4
    #[arg(long, value_enum, default_value_t = Poller::Both)]
    poller: Poller,

    /// Keep one core busy all the while
    #[arg(long)]
    load: bool,

    /// How many checks run at once
    #[arg(long, value_name = "N", default_value_t = 2)]
    jobs: usize,

    /// Where each failure's whole text goes
    #[arg(long, value_name = "FILE", default_value = "target/soak-failures.txt")]
    failures: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Poller {
    Epoll,
    Poll,
    Both,
}

/// A server to be graded with every seed.
struct Round {
    phase: Phase,
    /// The poller asked for, if the server has a choice.
    poller: Option<&'static str>,
    launch: Launch,
    client: Option<Launch>,
}

/// What all runs came to.
#[derive(Default)]
struct Tally {
    runs: usize,
    checks: usize,
    failed: BTreeMap<String, usize>,
    not_run: BTreeMap<String, usize>,
    longest: BTreeMap<String, Duration>,
}

fn main() -> ExitCode {
    match soak(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("soak: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn soak(arguments: &Arguments) -> Result<ExitCode> {
    let rounds = rounds(arguments)?;
    let tracing = Tracing::probe();
    if let Tracing::Unavailable(why) = &tracing {
        println!("without injected faults: {why}");
    }
    let mut file = std::fs::File::create(&arguments.failures)
        .with_context(|| format!("cannot write {}", arguments.failures.display()))?;
    signals::on_end(target::kill_all)?;
    if arguments.load {
        println!("core {} is kept busy", spin()?);
    }
    let mut tally = Tally::default();
    for seed in arguments.first..arguments.first + arguments.seeds {
        let (began, before) = (Instant::now(), tally.failures());
        for round in &rounds {
            let plan = plan(round, seed, arguments, &tracing);
            let run = runner::run(&plan, &|_| ());
            tally.add(round, &run, &mut file)?;
        }
        let failed = tally.failures() - before;
        println!("seed {seed}: {failed} failed, {:.1} s", began.elapsed().as_secs_f64());
    }
    target::kill_all();
    tally.print(arguments);
    Ok(if tally.failures() == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn rounds(arguments: &Arguments) -> Result<Vec<Round>> {
    let mut rounds = Vec::new();
    for phase in Phase::ALL {
        if !arguments.phase.is_empty() && !arguments.phase.contains(&phase) {
            continue;
        }
        let argv = workspace::own_server(phase)?;
        let pollers: &[Option<&'static str>] = match (phase, arguments.poller) {
            (Phase::Echo | Phase::Framing, _) => &[None],
            (_, Poller::Epoll) => &[Some("epoll")],
            (_, Poller::Poll) => &[Some("poll")],
            (_, Poller::Both) => &[Some("epoll"), Some("poll")],
        };
        for &poller in pollers {
            let mut argv = argv.clone();
            argv.extend(poller.into_iter().flat_map(|name| ["--poller".to_owned(), name.to_owned()]));
            let client = match phase {
                Phase::Echo | Phase::Framing => Some(Launch::new(workspace::own_client(phase)?)),
                Phase::EventLoop | Phase::Keyspace => None,
            };
            rounds.push(Round { phase, poller, launch: Launch::new(argv), client });
        }
    }
    Ok(rounds)
}

fn plan(round: &Round, seed: u64, arguments: &Arguments, tracing: &Tracing) -> Plan {
    let mut checks = Suite::default().choose(round.phase);
    if !arguments.only.is_empty() {
        checks.retain(|chosen| arguments.only.iter().any(|name| name == chosen.check.name));
    }
    Plan {
        phase: round.phase,
        checks,
        launch: round.launch.clone(),
        client: round.client.clone(),
        client_command: None,
        notice: None,
        command: round.launch.argv.clone(),
        seed,
        student: None,
        jobs: arguments.jobs,
        timeout: Duration::from_secs(300),
        tracing: tracing.clone(),
    }
}

/// Keeps one core busy until this process ends. A thread, not a process, so that nothing is left spinning behind. The
/// grader and its servers are not pinned: the scheduler puts them beside it whenever it likes.
fn spin() -> Result<usize> {
    let core = Cores::choose(None, None)?.server;
    std::thread::spawn(move || match cores::pin(core) {
        Ok(()) => loop {
            std::hint::spin_loop();
        },
        Err(error) => eprintln!("soak: no load: {error:#}"),
    });
    Ok(core)
}

impl Round {
    fn name(&self) -> String {
        match self.poller {
            Some(poller) => format!("{} {poller}", self.phase),
            None => self.phase.to_string(),
        }
    }
}

impl Tally {
    fn failures(&self) -> usize {
        self.failed.values().sum()
    }

    /// Counts a run, and writes down whatever did not pass.
    fn add(&mut self, round: &Round, run: &Run, file: &mut std::fs::File) -> Result<()> {
        self.runs += 1;
        self.checks += run.results.len();
        let longest = self.longest.entry(round.name()).or_default();
        *longest = run.duration.max(*longest);
        for result in &run.results {
            let name = match round.poller {
                Some(poller) => format!("{} --poller {poller}", result.id()),
                None => result.id(),
            };
            match &result.status {
                Status::Passed => continue,
                Status::NotRun(why) => *self.not_run.entry(format!("{name}: {why}")).or_default() += 1,
                _ => *self.failed.entry(name.clone()).or_default() += 1,
            }
            let word = result.status.word();
            let text = in_full(run, result, Style { colour: false, hints: 0 });
            writeln!(file, "=== seed {}  {name}  {word}\n{text}", run.seed)?;
        }
        Ok(())
    }

    fn print(&self, arguments: &Arguments) {
        println!("\n{} runs, {} checks, {} failed", self.runs, self.checks, self.failures());
        for (name, times) in &self.failed {
            println!("  {name}: {times}");
        }
        if !self.not_run.is_empty() {
            println!("not run");
            for (why, times) in &self.not_run {
                println!("  {why}: {times}");
            }
        }
        println!("longest run");
        for (name, duration) in &self.longest {
            println!("  {name}: {:.1} s", duration.as_secs_f64());
        }
        if !self.failed.is_empty() || !self.not_run.is_empty() {
            println!("each in full: {}", arguments.failures.display());
        }
    }
}
