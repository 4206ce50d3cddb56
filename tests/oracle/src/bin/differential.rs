//! `cargo run -p oracle --bin differential -- --seeds 10 --commands 100000`: compares this workspace's server with
//! redis-server, reply by reply.
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use oracle::access;
use oracle::{exceptions::EXCEPTIONS, run_seed, server::Server};

const USAGE: &str = "usage: differential [--seeds N] [--first SEED] [--commands N] [--binary PATH] [--self-test] [--access] [--exceptions]
  --seeds N       how many seeds to play (10)
  --first SEED    the first of them (1); a failing seed replays with --seeds 1 --first SEED
  --commands N    commands a seed (100000)
  --binary PATH   the server to compare with redis-server (keyspace-server beside this program)
  --self-test     compare redis-server with itself: every difference is the harness's own
  --access        play sets of access rules instead of commands, one a seed
  --exceptions    print where replies may differ, and why";

struct Options {
    seeds: u64,
    first: u64,
    commands: usize,
    binary: Option<PathBuf>,
    self_test: bool,
    access: bool,
}

fn main() -> Result<ExitCode> {
    let Some(options) = options()? else { return Ok(ExitCode::SUCCESS) };
    let redis = Server::redis().context("starting redis-server")?;
    let ours = if options.self_test { Server::redis() } else { Server::keyspace(&binary(&options)?) };
    let mut servers = [redis, ours.context("starting the server to compare")?];
    let mut differences = 0;
    if options.access {
        return play_access(&options, [&servers[0], &servers[1]]);
    }
    for seed in options.first..options.first + options.seeds {
        let start = Instant::now();
        match run_seed(&mut servers, seed, options.commands)? {
            None => {
                println!("seed {seed}: {} commands, no difference, {:.1?}", options.commands, start.elapsed())
            }
            Some(finding) => {
                differences += 1;
                println!("{finding}\n");
            }
        }
    }
    println!("{} seeds of {} commands: {differences} unexplained", options.seeds, options.commands);
    Ok(if differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Plays one set of rules for each seed.
fn play_access(options: &Options, servers: [&Server; 2]) -> Result<ExitCode> {
    let commands: Vec<String> = access::command_names(servers[1])?;
    // What Redis does not have, it cannot be asked about.
    let theirs = access::command_names(servers[0])?;
    let commands: Vec<String> = commands.into_iter().filter(|name| theirs.contains(name)).collect();
    let mut differences = access::differing_categories(servers, &commands)?;
    for seed in options.first..options.first + options.seeds {
        if let Some(found) = access::play(servers, &commands, seed)? {
            differences.push(format!("seed {seed}:\n{found}"));
        }
    }
    differences.iter().for_each(|difference| println!("{difference}\n"));
    println!("{} sets of rules: {} unexplained", options.seeds, differences.len());
    Ok(if differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn options() -> Result<Option<Options>> {
    let mut options =
        Options { seeds: 10, first: 1, commands: 100_000, binary: None, self_test: false, access: false };
    let mut args = std::env::args().skip(1);
    while let Some(flag) = args.next() {
        let mut value = || args.next().with_context(|| format!("{flag} needs a value\n{USAGE}"));
        match flag.as_str() {
            "--seeds" => options.seeds = value()?.parse().context("--seeds takes a number")?,
            "--first" => options.first = value()?.parse().context("--first takes a number")?,
            "--commands" => options.commands = value()?.parse().context("--commands takes a number")?,
            "--binary" => options.binary = Some(value()?.into()),
            "--self-test" => options.self_test = true,
            "--access" => options.access = true,
            "--exceptions" => {
                for exception in EXCEPTIONS {
                    println!("{:18} {}", exception.command, exception.reason);
                }
                return Ok(None);
            }
            "--help" | "-h" => {
                println!("{USAGE}");
                return Ok(None);
            }
            _ => bail!("unknown option {flag}\n{USAGE}"),
        }
    }
    Ok(Some(options))
}

fn binary(options: &Options) -> Result<String> {
    let path = match &options.binary {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name("keyspace-server"),
    };
    if !path.is_file() {
        bail!(
            "no {}: build it with `cargo build -p phase4-keyspace`, or name another with --binary",
            path.display()
        );
    }
    Ok(path.display().to_string())
}
