//! Small clients as beginners write them, in C, Python, JavaScript and Go, each run by every check of a client of its phase: a
//! wrong one is named by what is wrong with it and by nothing else, a correct one earns full marks.

#![allow(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use grader::report::quoted;
use serde::Deserialize;

mod support;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Client {
    file: PathBuf,
    #[serde(default)]
    arguments: Vec<String>,
    phase: String,
    /// The name that comes first, and alone; absent for a correct client.
    first: Option<String>,
}

#[derive(Deserialize)]
struct Table {
    client: Vec<Client>,
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
    bug: Option<String>,
    summary: Option<String>,
    reason: Option<String>,
}

impl Check {
    /// Its outcome in a line.
    fn told(&self) -> String {
        let said =
            [&self.bug, &self.summary, &self.reason].into_iter().flatten().cloned().collect::<Vec<_>>();
        format!("{} {}: {}", self.id, self.status, said.join("; "))
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("foreign")
}

fn file(client: &Client) -> PathBuf {
    folder().join("clients").join(&client.file)
}

fn clients() -> Vec<Client> {
    let text = std::fs::read_to_string(folder().join("clients.toml")).unwrap();
    toml::from_str::<Table>(&text).unwrap().client
}

/// The words that start a client, which is built in `built` if need be.
fn command(client: &Client, built: &Path) -> Vec<String> {
    let file = file(client).display().to_string();
    let binary = built.join("client").display().to_string();
    let compile = |words: &[&str]| {
        let output = Command::new(words[0]).args(&words[1..]).output().expect(words[0]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let mut command = match client.file.extension().and_then(|ending| ending.to_str()) {
        Some("py") => vec!["python3".to_owned(), file],
        Some("js") => vec!["node".to_owned(), file],
        Some("go") => {
            compile(&["go", "build", "-o", &binary, &file]);
            vec![binary]
        }
        _ => {
            compile(&["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", &binary, &file]);
            vec![binary]
        }
    };
    command.extend(client.arguments.clone());
    command.push("{port}".to_owned());
    command
}

fn grade(client: &Client) -> Report {
    let built = tempfile::tempdir().unwrap();
    let report = tempfile::NamedTempFile::new().unwrap();
    let output = Command::new(support::binary("grade"))
        .args([&client.phase, "--seed", "4711", "--client", &quoted(&command(client, built.path()))])
        .arg(format!("--format=json={}", report.path().display()))
        .output()
        .unwrap();
    let text = std::fs::read_to_string(report.path()).unwrap();
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// What is wrong with the grader's judgement of this client.
fn defect(client: &Client) -> Option<String> {
    let report = grade(client);
    let Some(wanted) = &client.first else {
        let unfair = report.checks.iter().find(|check| check.status != "passed");
        let marks =
            (report.score < report.max_score).then(|| format!("{} of {}", report.score, report.max_score));
        return unfair.map(Check::told).or(marks);
    };
    let named: Vec<&Check> = report.checks.iter().filter(|check| check.status == "failed").collect();
    let right = !named.is_empty() && named.iter().all(|check| check.bug.as_ref() == Some(wanted));
    let told = || named.into_iter().map(Check::told).collect::<Vec<_>>().join("\n  ");
    (!right).then(|| format!("wanted {wanted:?} alone, got {}", told()))
}

#[test]
fn every_client_has_its_file_and_there_are_enough() {
    let all = clients();
    for client in &all {
        assert!(file(client).is_file(), "no {}", client.file.display());
    }
    for ending in ["c", "py", "go"] {
        let correct = all.iter().filter(|client| client.first.is_none());
        let of = correct.filter(|client| client.file.extension().is_some_and(|found| found == ending));
        assert_eq!(of.count(), 2, "a correct client in {ending} for either phase");
    }
    assert!(all.iter().filter(|client| client.first.is_some()).count() >= 30);
}

#[test]
#[ignore = "needs cc, python3, node and go"]
fn wrong_clients_are_named_and_correct_ones_earn_full_marks() {
    let waiting = Mutex::new(clients());
    let defects = Mutex::new(Vec::new());
    // Two at a time: most of a run is waiting.
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(client) = waiting.lock().unwrap().pop() else { return };
                    // What failed beside other work is tried once more; a wrong name that comes twice is a wrong name.
                    if let Some(defect) = defect(&client).and_then(|_| defect(&client)) {
                        let text = format!("{} {}: {defect}", client.file.display(), client.phase);
                        defects.lock().unwrap().push(text);
                    }
                }
            });
        }
    });
    let defects = defects.into_inner().unwrap();
    assert!(defects.is_empty(), "{}", defects.join("\n"));
}
