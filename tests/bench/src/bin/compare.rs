//! `cargo compare`: server CPU, memory, instructions and latency, side by side in one run.

use anyhow::{Context, Result, bail};
use bench::compare::cores::{Cores, pin};
use bench::compare::options::{Options, rows, settings};
use bench::compare::result::Comparison;
use bench::compare::run::run;
use bench::compare::stats::Verdict;
use bench::compare::{micro, null, report, svg};
use clap::{Parser, Subcommand};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use regex::Regex;

/// Compares servers: this workspace's keyspace-server, redis-server, the null server and any other, each pinned to
/// one core and taking turns with the rest. Quote its ratios, not its absolute figures.
#[derive(Parser)]
#[command(name = "cargo compare", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    options: Options,
}

#[derive(Subcommand)]
enum Action {
    /// Count the instructions of the crates' inner parts and refuse a rise above 3 %.
    Micro {
        /// Only operations whose "CRATE NAME" matches.
        #[arg(long, value_name = "REGEX")]
        only: Option<Regex>,
        /// Record what was counted as the new baseline.
        #[arg(long)]
        bless: bool,
    },
    /// The null server itself.
    #[command(hide = true)]
    Null {
        #[arg(long)]
        request_size: usize,
        /// In hexadecimal.
        #[arg(long)]
        reply: String,
    },
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    match cli.action {
        Some(Action::Micro { only, bless }) => micro::run(only.as_ref(), bless),
        Some(Action::Null { request_size, reply }) => null::serve(request_size, &reply),
        None => compare(&cli.options),
    }
}

fn compare(options: &Options) -> Result<()> {
    let rows = rows(options)?;
    let cores = Cores::choose(options.server_core, options.load_core)?;
    let settings = settings(options, cores)?;
    raise_descriptor_limit()?;
    pin(cores.load)?;
    let mut comparison = Comparison {
        baseline: options.baseline.clone(),
        subject: options.subject.clone(),
        server_core: cores.server,
        load_core: cores.load,
        noise_threshold: options.noise,
        rows: Vec::new(),
    };
    let outcome = run(&rows, &settings, |row| {
        print!("{}", report::row_table(&row, &options.baseline));
        comparison.rows.push(row);
    });
    print!("{}", report::summary(&comparison));
    // What was measured before an error is worth keeping.
    write_files(options, &comparison)?;
    outcome?;
    let bars = comparison.rows.iter().flat_map(|row| &row.bars);
    let missed = bars.filter(|judged| judged.verdict == Verdict::Missed).count();
    if options.strict && missed > 0 {
        bail!("{missed} bar(s) missed");
    }
    Ok(())
}

/// Thousands of clients need as many descriptors, here and in the servers, which inherit the limit.
fn raise_descriptor_limit() -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).context("cannot raise the descriptor limit")
}

fn write_files(options: &Options, comparison: &Comparison) -> Result<()> {
    if let Some(path) = &options.json {
        let text = serde_json::to_string_pretty(comparison)?;
        std::fs::write(path, text + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(path) = &options.svg {
        match svg::draw(comparison) {
            Some(picture) => {
                std::fs::write(path, picture).with_context(|| format!("cannot write {}", path.display()))?;
            }
            None => eprintln!("no picture: {} is not among the servers", options.baseline),
        }
    }
    Ok(())
}
