//! Small servers as beginners write them, in C, Python and JavaScript, each run by every check of its phase: of a wrong one
//! the right name comes first, a correct one earns full marks.

#![allow(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde::Deserialize;

mod support;

/// A correct server's phase has to be through within this time. On an idle machine each takes less than 15 s; here two run at
/// once, beside whatever else the machine does.
const LONGEST: Duration = Duration::from_secs(60);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Server {
    file: PathBuf,
    #[serde(default)]
    arguments: Vec<String>,
    phase: String,
    /// The name that comes first; absent for a correct server.
    first: Option<String>,
    /// The commands that a correct server of phase 4 knows.
    #[serde(default)]
    knows: Vec<String>,
}

#[derive(Deserialize)]
struct Table {
    server: Vec<Server>,
}

#[derive(Deserialize)]
struct Report {
    checks: Vec<Check>,
    score: f64,
    max_score: f64,
}

#[derive(Debug, Deserialize)]
struct Check {
    id: String,
    status: String,
    max_score: f64,
    bug: Option<String>,
    summary: Option<String>,
    reason: Option<String>,
    #[serde(default)]
    missing_commands: Vec<String>,
}

impl Check {
    /// Its outcome in a line.
    fn told(&self) -> String {
        let why = self.bug.as_ref().or(self.summary.as_ref()).or(self.reason.as_ref());
        format!("{} {}: {}", self.id, self.status, why.map_or("", String::as_str))
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("foreign")
}

fn servers() -> Vec<Server> {
    let text = std::fs::read_to_string(folder().join("servers.toml")).unwrap();
    toml::from_str::<Table>(&text).unwrap().server
}

/// The command that starts a server, built in `built` if need be.
fn command(server: &Server, built: &Path) -> Vec<String> {
    let file = folder().join(&server.file).display().to_string();
    let mut command = match server.file.extension().and_then(|ending| ending.to_str()) {
        Some("py") => vec!["python3".to_owned(), file],
        Some("js") => vec!["node".to_owned(), file],
        _ => {
            let binary = built.join("server").display().to_string();
            let output = Command::new("cc")
                .args(["-O1", "-w", "-pthread", "-o", &binary, &file])
                .output()
                .expect("cc");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            vec![binary]
        }
    };
    command.extend(server.arguments.clone());
    command
}

fn grade(server: &Server) -> (Report, Duration) {
    let built = tempfile::tempdir().unwrap();
    let report = tempfile::NamedTempFile::new().unwrap();
    let command = command(server, built.path());
    let began = Instant::now();
    let output = Command::new(support::binary("grade"))
        .args([&server.phase, "--seed", "4711"])
        .arg(format!("--format=json={}", report.path().display()))
        .arg("--")
        .args(command)
        .output()
        .unwrap();
    let text = std::fs::read_to_string(report.path()).unwrap();
    let report = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (report, began.elapsed())
}

/// What is wrong with the grader's judgement of this server.
fn defect(server: &Server) -> Option<String> {
    let (report, took) = grade(server);
    let named = || report.checks.iter().filter(|check| check.status == "failed");
    let Some(first) = &server.first else {
        let unfair = report.checks.iter().find(|check| !is_fair(server, check));
        let slow = (took > LONGEST && server.knows.is_empty()).then(|| format!("took {took:?}"));
        let marks = report.score == report.max_score || !server.knows.is_empty();
        let marks = (!marks).then(|| format!("{} of {}", report.score, report.max_score));
        return unfair.map(Check::told).or(slow).or(marks);
    };
    let said = named().next();
    (said.and_then(|check| check.bug.as_ref()) != Some(first))
        .then(|| format!("wanted {first:?}, got {said:?}"))
}

/// Whether a correct server is dealt with as it deserves: it passes, or lacks a command that the check needs.
fn is_fair(server: &Server, check: &Check) -> bool {
    let left_out = check.status == "not run" && check.max_score == 0.0;
    let lacks = |need: &String| !server.knows.contains(need);
    let blocked = check.status == "blocked" && check.missing_commands.iter().any(lacks);
    check.status == "passed" || left_out || (!server.knows.is_empty() && blocked)
}

#[test]
fn every_server_has_its_file_and_there_are_enough() {
    let all = servers();
    for server in &all {
        assert!(folder().join(&server.file).is_file(), "no {}", server.file.display());
    }
    for ending in ["c", "py", "js"] {
        let of = |server: &&Server| server.file.extension().is_some_and(|found| found == ending);
        assert!(all.iter().filter(of).count() >= 6, "too few in {ending}");
    }
    assert!(all.iter().filter(|server| server.first.is_some()).count() >= 25);
}

#[test]
#[ignore = "needs cc, python3 and node"]
fn wrong_servers_are_named_and_correct_ones_earn_full_marks() {
    let waiting = Mutex::new(servers());
    let defects = Mutex::new(Vec::new());
    // Two at a time: most of a run is waiting.
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(server) = waiting.lock().unwrap().pop() else { return };
                    // What failed beside other work is tried once more; a wrong name that comes twice is a wrong name.
                    let defect = defect(&server).and_then(|_| defect(&server));
                    if let Some(defect) = defect {
                        defects.lock().unwrap().push(format!("{}: {defect}", server.file.display()));
                    }
                }
            });
        }
    });
    let defects = defects.into_inner().unwrap();
    assert!(defects.is_empty(), "{}", defects.join("\n"));
}
