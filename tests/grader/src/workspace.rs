//! This workspace's own servers, which are graded when no command is given.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::check::Phase;

/// Builds the phase's server through cargo and returns the command that starts it.
///
/// # Errors
/// When there is no workspace around, or it does not compile.
pub fn own_server(phase: Phase) -> anyhow::Result<Vec<String>> {
    server_of(&root()?, phase)
}

/// The crate of a phase, which is also its folder.
#[must_use]
pub fn package(phase: Phase) -> &'static str {
    match phase {
        Phase::Echo => "phase1-echo",
        Phase::Framing => "phase2-framing",
        Phase::EventLoop => "phase3-eventloop",
        Phase::Keyspace => "phase4-keyspace",
    }
}

/// Builds the server of any workspace of the course, and returns the command that starts it.
///
/// # Errors
/// When it does not compile.
pub fn server_of(root: &Path, phase: Phase) -> anyhow::Result<Vec<String>> {
    let (package, binary) = server(phase);
    Ok(started(phase, &build(root, package, binary)?))
}

/// What builds the phase's server in a workspace of the course, and then names the binary on stdout.
#[must_use]
pub fn build_command(phase: Phase) -> Vec<String> {
    let (package, binary) = server(phase);
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let words = [cargo.as_str(), "build", "--quiet", "--message-format", "json-render-diagnostics"];
    let names = ["--package", package, "--bin", binary];
    words.iter().chain(&names).map(|word| (*word).to_owned()).collect()
}

/// The command that starts the server which [`build_command`] has built, from what it said.
///
/// # Errors
/// When it named none.
pub fn start_command(phase: Phase, said: &str) -> anyhow::Result<Vec<String>> {
    let (package, binary) = server(phase);
    let path = executable(said, |message| message["target"]["name"] == binary);
    Ok(started(
        phase,
        &path.with_context(|| format!("cargo built {package} but named no binary `{binary}`"))?,
    ))
}

fn server(phase: Phase) -> (&'static str, &'static str) {
    let binary = match phase {
        Phase::Echo => "echo-server",
        Phase::Framing => "framed-server",
        Phase::EventLoop => "eventloop-server",
        Phase::Keyspace => "keyspace-server",
    };
    (package(phase), binary)
}

fn started(phase: Phase, path: &Path) -> Vec<String> {
    let mut argv = vec![path.display().to_string(), "--port".into(), "{port}".into()];
    if phase == Phase::Keyspace {
        argv.extend(["--framed-port", "{framed_port}", "--dir", "{dir}"].map(String::from));
    }
    argv
}

/// Builds the phase's client and returns the command that starts it.
///
/// # Errors
/// When there is no workspace around, it does not compile, or the phase has none to grade.
pub fn own_client(phase: Phase) -> anyhow::Result<Vec<String>> {
    client_of(&root()?, phase)
}

/// The same for any workspace of the course.
///
/// # Errors
/// As [`own_client`].
pub fn client_of(root: &Path, phase: Phase) -> anyhow::Result<Vec<String>> {
    let (package, binary) = match phase {
        Phase::Echo => ("phase1-echo", "echo-client"),
        Phase::Framing => ("phase2-framing", "framed-client"),
        _ => bail!("{phase} has no client to grade"),
    };
    let path = build(root, package, binary)?;
    Ok(vec![path.display().to_string(), "--port".into(), "{port}".into()])
}

/// Builds one binary and returns its path. The compiler's own messages go to stderr.
///
/// # Errors
/// When cargo fails.
pub fn build(root: &Path, package: &str, binary: &str) -> anyhow::Result<PathBuf> {
    cargo_build(root, package, &["build", "--bin", binary], |message| message["target"]["name"] == binary)
}

/// Builds a library's unit tests and returns the program that runs them.
///
/// # Errors
/// When cargo fails.
pub fn build_tests(root: &Path, package: &str) -> anyhow::Result<PathBuf> {
    cargo_build(root, package, &["test", "--lib", "--no-run"], |message| message["profile"]["test"] == true)
}

fn cargo_build(
    root: &Path,
    package: &str,
    what: &[&str],
    is_it: impl Fn(&serde_json::Value) -> bool,
) -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(root)
        .args(what)
        .args(["--message-format", "json-render-diagnostics", "--package", package])
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("cargo could not be started; to grade a server without it, give its command after `--`")?;
    if !output.status.success() {
        bail!("{package} does not compile; the compiler's messages stand above");
    }
    executable(&String::from_utf8_lossy(&output.stdout), is_it)
        .with_context(|| format!("cargo built {package} but named no program"))
}

/// Where a program went, whatever CARGO_TARGET_DIR or the configuration say: cargo's own messages name it.
fn executable(said: &str, is_it: impl Fn(&serde_json::Value) -> bool) -> Option<PathBuf> {
    said.lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| is_it(message))
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

/// The workspace's root: the nearest directory upwards that holds the phases.
///
/// # Errors
/// When there is none.
pub fn root() -> anyhow::Result<PathBuf> {
    let here = std::env::current_dir().context("the current directory is gone")?;
    let found =
        here.ancestors().find(|dir| dir.join("Cargo.toml").is_file() && dir.join("phase1-echo").is_dir());
    match found {
        Some(root) => Ok(root.to_path_buf()),
        None => bail!(
            "{} is not inside the course's workspace; give the server's command: grade PHASE -- COMMAND {{port}}",
            here.display()
        ),
    }
}
