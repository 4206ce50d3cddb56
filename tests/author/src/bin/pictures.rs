//! Makes the book's measured pictures and sample traces anew: `cargo run -p author --bin pictures [NAME …]`.
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use author::pictures::{here, runs, samples, terminal};
use grader::workspace;

const NAMES: [&str; 8] = [
    "here",
    "first-minutes",
    "stalled-client",
    "idle-connections",
    "pipeline-depth",
    "memory-per-key",
    "rehash-pause",
    "traces",
];

fn main() -> Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = wanted.iter().find(|name| !NAMES.contains(&name.as_str())) {
        bail!("{unknown}: no such picture; there are {}", NAMES.join(", "));
    }
    let root = workspace::root()?;
    // Nothing is measured for these.
    if !wanted.is_empty() && wanted.iter().all(|name| ["here", "first-minutes"].contains(&name.as_str())) {
        return wanted.iter().try_for_each(|name| make(&root, name));
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .current_dir(&root)
        .args([
            "build",
            "--release",
            "--quiet",
            "-p",
            "phase2-framing",
            "-p",
            "phase3-eventloop",
            "-p",
            "phase4-keyspace",
        ])
        .args(["--bins", "--examples"])
        .status();
    if !built.context("cargo could not be started")?.success() {
        bail!("the workspace does not build");
    }
    for name in NAMES.into_iter().filter(|name| wanted.is_empty() || wanted.iter().any(|w| w == name)) {
        make(&root, name).with_context(|| name.to_owned())?;
        println!("{name}: done");
    }
    Ok(())
}

fn make(root: &Path, name: &str) -> Result<()> {
    let built = root.join("target/release");
    let eventloop = built.join("eventloop-server");
    let chart = match name {
        "here" => return here::write(&root.join("docs/src/images")),
        "first-minutes" => {
            let picture = terminal::record(root, &terminal::FIRST_MINUTES)?;
            return Ok(std::fs::write(root.join("docs/src/images/first-minutes.svg"), picture)?);
        }
        "stalled-client" => runs::stalled_client(&built.join("framed-server"), &eventloop)?,
        "idle-connections" => runs::idle_connections(&eventloop)?,
        "pipeline-depth" => runs::pipeline_depth(&built.join("keyspace-server"))?,
        "memory-per-key" => runs::memory_per_key(&built.join("keyspace-server"))?,
        "rehash-pause" => runs::rehash_pause(&built.join("examples/pauses"))?,
        _ => {
            let folder = root.join("docs/src/traces");
            std::fs::create_dir_all(&folder)?;
            return Ok(std::fs::write(folder.join("samples.js"), samples::record(&eventloop)?)?);
        }
    };
    let folder = root.join("docs/src/images");
    std::fs::create_dir_all(&folder)?;
    // A long table would tell less than the line.
    if chart.series[0].points.len() <= 20 {
        std::fs::write(folder.join(format!("measured-{name}.md")), chart.markdown())?;
    }
    Ok(std::fs::write(folder.join(format!("measured-{name}.svg")), chart.svg())?)
}
