//! `cargo run -p oracle --bin crash -- --kills 200`: kills the server at random moments under load, and counts what is
//! missing after each restart.
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use oracle::crash::{Plan, run};

const USAGE: &str = "usage: crash [--kills N] [--seed N] [--policy always|everysec|no] [--dir DIR] [--binary PATH]
  --kills N      how often to kill it, for each policy (200)
  --seed N       same seed, same moments (1)
  --policy P     one policy; without it, always and no: a killed process loses nothing that the kernel has
  --dir DIR      where the files are kept, a folder for each policy (a fresh one below the system's for temporary files)
  --binary PATH  the server (keyspace-server beside this program)";

fn main() -> Result<ExitCode> {
    let mut plan = Plan {
        server: std::env::current_exe()?.with_file_name("keyspace-server"),
        policy: String::new(),
        kills: 200,
        seed: 1,
    };
    let mut policies = vec!["always".to_owned(), "no".to_owned()];
    let mut dir = std::env::temp_dir().join(format!("keyspace-crash-{}", std::process::id()));
    let mut args = std::env::args().skip(1);
    while let Some(flag) = args.next() {
        if flag == "--help" || flag == "-h" {
            println!("{USAGE}");
            return Ok(ExitCode::SUCCESS);
        }
        let value = args.next().with_context(|| format!("{flag} needs a value\n{USAGE}"))?;
        match flag.as_str() {
            "--kills" => plan.kills = value.parse().context("--kills takes a number")?,
            "--seed" => plan.seed = value.parse().context("--seed takes a number")?,
            "--policy" => policies = vec![value],
            "--dir" => dir = PathBuf::from(value),
            "--binary" => plan.server = PathBuf::from(value),
            _ => bail!("unknown option {flag}\n{USAGE}"),
        }
    }
    let mut good = true;
    for policy in policies {
        let (folder, start) = (dir.join(&policy), Instant::now());
        std::fs::create_dir_all(&folder).with_context(|| format!("{}", folder.display()))?;
        plan.policy.clone_from(&policy);
        let tally = run(&plan, &folder)?;
        println!(
            "{policy}: {} kills, {} of them during a rewrite; {} acknowledged transactions, {} lost, {} torn; {:.1?}",
            tally.kills,
            tally.rewriting,
            tally.acknowledged,
            tally.lost,
            tally.torn,
            start.elapsed()
        );
        good &= tally.lost == 0 && tally.torn == 0;
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
