//! `cargo policies`: what each policy forgets, simulated at equal numbers of objects, or in servers at equal bytes.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use bench::compare::cores::{Cores, pin};
use bench::compare::process::Spec;
use bench::policies::trace::{Size, TRACES};
use bench::policies::{bars, chart, servers, simulate};
use clap::{Parser, Subcommand};

/// Runs the server's eviction and models of other policies over the same traces; prints the share of requests that
/// find nothing.
#[derive(Parser)]
#[command(name = "cargo policies")]
struct Options {
    #[command(subcommand)]
    action: Option<Action>,
    /// Objects that are asked for again and again.
    #[arg(long, default_value_t = 100_000, global = true)]
    objects: usize,
    /// Requests of each trace.
    #[arg(long, default_value_t = 1_000_000, global = true)]
    requests: usize,
    /// Objects that a cache holds.
    #[arg(long, default_value_t = 10_000)]
    capacity: usize,
    /// Another seed gives other requests of the same kind.
    #[arg(long, default_value_t = 42, global = true)]
    seed: u64,
    /// Writes FILE.md and FILE.svg.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Action {
    /// Run the traces against keyspace-server and redis-server at equal maxmemory, and print hit rates.
    Servers,
    /// Write many keys to both with little memory, and print how far above the limit they come and what it costs.
    Flood {
        /// Different keys.
        #[arg(long, default_value_t = 10_000_000)]
        keys: usize,
        /// Bytes.
        #[arg(long, default_value_t = 100_000_000)]
        maxmemory: u64,
    },
}

fn main() -> Result<()> {
    let options = Options::parse();
    let Options { objects, requests, capacity, seed, .. } = options;
    if capacity == 0 || objects == 0 {
        bail!("a cache of nothing, or for nothing, forgets nothing");
    }
    for trace in TRACES {
        println!("{}: {}", trace.name, trace.about);
    }
    let size = Size { objects, requests, capacity };
    let missed = match options.action {
        None => simulated(size, seed, options.write.as_deref())?,
        Some(action) => beside(&action, size, seed)?,
    };
    if !missed.is_empty() {
        bail!("not as promised: {}", missed.join("; "));
    }
    println!("as promised");
    Ok(())
}

fn simulated(size: Size, seed: u64, file: Option<&Path>) -> Result<Vec<String>> {
    let outcomes = simulate::simulate(size, seed);
    println!("\n{}", chart::table(&outcomes));
    if let Some(file) = file {
        for (extension, text) in [("md", chart::table(&outcomes)), ("svg", chart::picture(&outcomes))] {
            let path = file.with_extension(extension);
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(bars::missed(&outcomes))
}

fn beside(action: &Action, size: Size, seed: u64) -> Result<Vec<String>> {
    let cores = Cores::choose(None, None)?;
    pin(cores.load)?;
    let ours = std::env::current_exe()?.with_file_name("keyspace-server");
    let here = Spec::parse(&format!("here={} --port any --framed-port 0", ours.display()))?;
    let redis = Spec::parse("redis=redis-server --port {port} --dir {dir}")?;
    match action {
        Action::Servers => servers::hit_rates(&redis, &here, cores, size, seed),
        Action::Flood { keys, maxmemory } => servers::floods(&redis, &here, cores, *keys, *maxmemory),
    }
}
