//! The worked examples that the book speaks of run to their end, with the standard Python client: a leaderboard, a session
//! store, a chat, a rate limiter, an optimistic transfer. Each checks itself and says so.
mod support;

use std::path::Path;
use std::process::Command;

use support::{Server, redis_py, run_command};

const EXAMPLES: [&str; 5] = ["leaderboard", "sessions", "chat", "rate_limiter", "transfer"];

#[test]
fn every_example_is_run_here() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("foreign").join("examples");
    let mut found: Vec<String> = std::fs::read_dir(folder)
        .expect("the examples")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "py"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    let mut known = EXAMPLES.map(str::to_owned).to_vec();
    found.sort();
    known.sort();
    assert_eq!(found, known);
}

#[test]
#[ignore = "needs python3 with venv, and pip's network"]
fn every_example_runs_with_the_standard_client() {
    let python = redis_py();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("foreign").join("examples");
    for name in EXAMPLES {
        let server = Server::start("keyspace-server", &["--port", "any", "--framed-port", "0"]);
        let mut command = Command::new(&python);
        command.arg(folder.join(name).with_extension("py")).arg(server.addr().port().to_string());
        let output = run_command(command, b"");
        let (said, complained) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && complained.is_empty(), "{name}: {said}{complained}");
        assert_eq!(said.trim_end(), format!("{}: all well", name.replace('_', " ")));
        server.terminate();
    }
}
