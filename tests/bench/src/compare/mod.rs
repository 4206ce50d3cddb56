//! `cargo compare`: what servers cost, side by side in one run.
//!
//! Absolute figures of a shared machine drift by factors, and two servers measured one after the other were measured
//! on two machines. So all servers run at once on one core, take turns round by round, and every figure that is
//! quoted is a ratio of neighbouring rounds. The goal metric is server CPU time per request; requests per second
//! without a pipeline mostly tell about the load generator.

pub mod alone;
pub mod callgrind;
pub mod cores;
pub mod load;
pub mod micro;
pub mod null;
pub mod options;
pub mod probe;
pub mod proc;
pub mod process;
pub mod report;
pub mod result;
pub mod rows;
pub mod run;
pub mod skip;
pub mod stats;
pub mod svg;
pub mod template;

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Says on stderr what is going on; the result alone goes to stdout.
pub(crate) fn progress(line: &str) {
    eprintln!("{line}");
}

/// The workspace this program was built from.
pub fn workspace() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package).to_owned()
}

/// Runs `cargo build --release` with the arguments and returns the executable it made.
///
/// # Errors
/// The build fails, or makes no executable of that name.
pub fn build(arguments: &[&str], executable: &str) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(workspace())
        .args(["build", "--quiet", "--release", "--message-format=json-render-diagnostics"])
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    if !output.status.success() {
        bail!("cargo build --release {} failed", arguments.join(" "));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let mut made = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let path = PathBuf::from(message["executable"].as_str()?);
        (message["target"]["name"] == executable).then_some(path)
    });
    made.next_back().with_context(|| format!("cargo build {} made no {executable}", arguments.join(" ")))
}
