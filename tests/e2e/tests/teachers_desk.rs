//! The teacher's scripts from end to end, each in an empty folder, on five hand-ins: one good, one half done, one that does not
//! compile, one that hangs, one that is out for points.
#![allow(clippy::unwrap_used, reason = "a test may unwrap, in its helpers too")]
mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

/// A user whom nobody is, so that a script may end all that it left.
const STUDENT: &str = "61417";
const SECRET: &str = "a secret of this term";

/// How the control in C is built and started.
const RECIPE: &str =
    "build = ['cc', '-O1', '-o', 'server', 'server.c']\ncommand = ['./server', 'echo', '{port}']\n";

const HALF_DONE: &str = "import os, socket
s = socket.create_server(('127.0.0.1', int(os.environ['PORT'])))
while True:
    c, _ = s.accept()
    c.sendall(c.recv(100))
    c.close()
";

/// Reads what it may not, writes what it may not, forks for ever, and never serves.
const OUT_FOR_POINTS: &str = "import glob, os, time
for name in glob.glob('DESK/source/*') + ['DESK/secret']:
    try: print(open(name, errors='replace').read(4000), flush=True)
    except OSError as error: print(error, flush=True)
for name in ['DESK/source/grade', 'DESK/source/suite.toml', 'DESK/results/results.json', 'DESK/result.json']:
    try:
        with open(name, 'w') as f: f.write('{\"score\": 100}')
    except OSError as error: print(error, flush=True)
while True:
    try:
        if os.fork() == 0:
            os.setsid()
            time.sleep(600)
    except OSError: pass
";

/// The five, each as file name and text. The good one says itself how it is built and started.
fn hand_ins(desk: &Path) -> Vec<(&'static str, &'static str, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let good = std::fs::read_to_string(root.join("tests/foreign/c/server.c")).unwrap();
    vec![
        ("good", "server.c", good),
        ("half-done", "server.py", HALF_DONE.to_owned()),
        ("does-not-compile", "server.c", "int main(void) { return nothing; }\n".to_owned()),
        ("hangs", "server.py", "while True: pass\n".to_owned()),
        ("out-for-points", "server.py", OUT_FOR_POINTS.replace("DESK", &desk.display().to_string())),
    ]
}

/// Puts a hand-in into its folder.
fn submit(folder: &Path, (name, file, text): &(&str, &str, String)) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(file), text).unwrap();
    if *name == "good" {
        std::fs::write(folder.join("grade.toml"), RECIPE).unwrap();
    }
}

/// Hand-ins run as one user, whose processes are all killed when a hand-in is done: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static DESK: Mutex<()> = Mutex::new(());
    DESK.lock().unwrap_or_else(PoisonError::into_inner)
}

fn script(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    root.join("docs/src/instructors").join(name)
}

/// A folder that any user may pass through, as those of a container.
fn desk() -> tempfile::TempDir {
    let desk = tempfile::tempdir().unwrap();
    std::fs::set_permissions(desk.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    desk
}

/// A script with nothing of this environment but a path.
fn bash(script: &Path, desk: &Path) -> Command {
    assert!(
        nix::unistd::geteuid().is_root(),
        "only root can run programs as another user: run this test with sudo"
    );
    let mut command = Command::new("bash");
    command.arg(script).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").current_dir(desk);
    command.env("STUDENT_USER", STUDENT);
    command
}

fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Nothing that was handed in still runs; the dead are gone once their parents have heard of them.
fn assert_that_nobody_is_left() {
    let left = Command::new("pgrep").args(["-U", STUDENT, "-r", "R,S,D,T"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "", "processes of the hand-in are left");
}

fn write_private(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// What a field may be.
type Fits = fn(&Value) -> bool;

/// The fields of an object: each is known, and has one of the types that the format allows.
fn assert_fields(object: &Value, known: &[(&str, Fits)]) {
    for (name, value) in object.as_object().unwrap() {
        let (_, fits) =
            known.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("unknown field {name}"));
        assert!(fits(value), "{name} is {value}");
    }
}

fn assert_gradescope(results: &Value) {
    let format = |v: &Value| ["text", "html", "simple_format", "md", "ansi"].contains(&v.as_str().unwrap());
    fn visibility(v: &Value) -> bool {
        ["hidden", "after_due_date", "after_published", "visible"].contains(&v.as_str().unwrap())
    }
    assert_fields(
        results,
        &[
            ("score", Value::is_number),
            ("execution_time", Value::is_number),
            ("output", Value::is_string),
            ("output_format", Value::is_string),
            ("visibility", visibility),
            ("stdout_visibility", visibility),
            ("extra_data", Value::is_object),
            ("tests", Value::is_array),
        ],
    );
    for test in results["tests"].as_array().unwrap() {
        assert_fields(
            test,
            &[
                ("score", Value::is_number),
                ("max_score", Value::is_number),
                ("status", |v| ["passed", "failed"].contains(&v.as_str().unwrap())),
                ("name", Value::is_string),
                ("number", Value::is_string),
                ("output", Value::is_string),
                ("output_format", Value::is_string),
                ("tags", Value::is_array),
                ("visibility", visibility),
            ],
        );
        assert!(format(&test["output_format"]));
    }
}

/// Sum of a field over the tests of a report.
/// What each of the hand-ins is worth.
fn assert_score(name: &str, score: f64, max: f64, report: &str) {
    match name {
        "good" => assert_eq!(score, max, "{report}"),
        "half-done" => assert!(score > 0.0 && score < max, "{report}"),
        _ => assert_eq!(score, 0.0, "{report}"),
    }
}

fn sum(results: &Value, field: &str) -> f64 {
    results["tests"].as_array().unwrap().iter().map(|test| test[field].as_f64().unwrap()).sum()
}

#[test]
#[ignore = "needs root, gcc, python3 and strace"]
fn gradescope_grades_five_hand_ins_out_of_one_maximum() {
    let _alone = alone();
    let mut maxima = Vec::new();
    for number in 0..5 {
        let desk = desk();
        let at = |path: &str| desk.path().join(path);
        let hand_in = hand_ins(desk.path()).remove(number);
        let name = hand_in.0;
        for folder in ["source", "submission", "results"] {
            std::fs::create_dir(at(folder)).unwrap();
        }
        for file in ["run_autograder", "suite.toml"] {
            std::fs::copy(script("gradescope").join(file), at("source").join(file)).unwrap();
        }
        std::fs::copy(support::binary("grade"), at("source/grade")).unwrap();
        write_private(&at("source/secret"), SECRET);
        write_private(&at("source/options"), "--strace\n");
        std::fs::set_permissions(at("source"), std::fs::Permissions::from_mode(0o700)).unwrap();
        std::fs::write(at("submission_metadata.json"), "{\"users\": [{\"id\": 7}, {\"id\": 12}]}").unwrap();
        submit(&at("submission"), &hand_in);
        let before = std::fs::read(at("source/grade")).unwrap();

        let output =
            bash(&at("source/run_autograder"), desk.path()).env("AUTOGRADER", desk.path()).output().unwrap();

        let report = std::fs::read_to_string(at("results/results.json")).unwrap();
        let results: Value =
            serde_json::from_str(&report).unwrap_or_else(|e| panic!("{name}: {e}: {report}"));
        assert!(output.status.success(), "{name}: {}", words(&output));
        assert_gradescope(&results);
        assert!(!report.contains(SECRET), "{name}: the report tells the secret");
        assert!(std::fs::read(at("source/grade")).unwrap() == before, "{name}: the grader was changed");
        assert_that_nobody_is_left();
        let (score, max) = (results["score"].as_f64().unwrap(), sum(&results, "max_score"));
        println!("{name}: {score} of {max}");
        maxima.push(max);
        assert_score(name, score, max, &report);
        if name == "does-not-compile" {
            assert!(
                results["output"].as_str().unwrap().contains("nothing"),
                "the compiler's words: {report}"
            );
        }
    }
    assert!(maxima.iter().all(|max| *max == maxima[0]), "one maximum for all: {maxima:?}");
}

#[test]
#[ignore = "needs root, gcc and python3"]
fn classroom_50_grades_five_hand_ins_with_the_teachers_grader() {
    let _alone = alone();
    let mut maxima = Vec::new();
    for number in 0..5 {
        let desk = desk();
        let at = |path: &str| desk.path().join(path);
        let hand_in = hand_ins(desk.path()).remove(number);
        let name = hand_in.0;
        std::fs::create_dir_all(at("submission/tests/grader")).unwrap();
        submit(&at("submission"), &hand_in);
        // A grader of the student's own, which says what he likes.
        std::fs::write(at("submission/tests/grader/grade"), "#!/bin/sh\nexit 0\n").unwrap();
        write_private(&at("secret"), SECRET);
        let mut command = bash(&script("classroom50/grade.sh"), desk.path());
        command.arg(support::binary("grade")).args(["phase1", "submission", "--only", "sockets"]);
        command.envs([
            ("CLASSROOM", "networks"),
            ("ASSIGNMENT", "echo"),
            ("ASSIGNMENT_TYPE", "individual"),
            ("OWNER", "ada"),
            ("SUBMISSION_TAG", "submit/1"),
            ("COMMIT_URL", "c"),
            ("RELEASE_URL", "r"),
            ("REVIEW_URL", "v"),
            ("SECRET_FILE", "secret"),
        ]);

        let output = command.output().unwrap();

        assert!(output.status.success(), "{name}: {}", words(&output));
        let report = std::fs::read_to_string(at("result.json")).unwrap();
        let result: Value = serde_json::from_str(&report).unwrap();
        let text =
            ["classroom", "assignment", "owner", "commit", "release", "review", "datetime", "graded_at"];
        let mut known: Vec<(&str, Fits)> = text.map(|name| (name, Value::is_string as Fits)).into();
        known.extend([
            ("schema", (|v| v == "classroom50/result/v1") as Fits),
            ("assignment_type", |v| v == "individual" || v == "group"),
            ("submission", |v| v.as_str().unwrap().starts_with("submit/")),
            ("score", Value::is_u64),
            ("max-score", Value::is_u64),
            ("tests", Value::is_array),
        ]);
        assert_fields(&result, &known);
        for test in result["tests"].as_array().unwrap() {
            assert_fields(
                test,
                &[
                    ("test-name", Value::is_string),
                    ("passed", Value::is_boolean),
                    ("score", Value::is_u64),
                    ("max-score", Value::is_u64),
                ],
            );
        }
        assert_eq!(result["score"].as_f64().unwrap(), sum(&result, "score"));
        assert_eq!(result["max-score"].as_f64().unwrap(), sum(&result, "max-score"));
        assert!(!report.contains(SECRET));
        assert_that_nobody_is_left();
        println!("{name}: {} of {}", result["score"], result["max-score"]);
        maxima.push(result["max-score"].clone());
        let [score, max] = ["score", "max-score"].map(|field| result[field].as_f64().unwrap());
        assert_score(name, score, max, &report);
        let feedback = std::fs::read_to_string(at("feedback.md")).unwrap();
        assert!(
            feedback.contains(&format!("{} of {} points", result["score"], result["max-score"])),
            "{feedback}"
        );
        if name == "does-not-compile" {
            assert!(feedback.contains("nothing"), "the compiler's words: {feedback}");
        }
    }
    assert!(maxima.iter().all(|max| *max == maxima[0]), "one maximum for all: {maxima:?}");
}

/// A batch leaves a row and a page for each, whatever became of it.
#[test]
#[ignore = "needs gcc and python3"]
fn a_batch_leaves_a_page_of_feedback_for_everybody() {
    let _alone = alone();
    let desk = desk();
    for (name, file, text) in
        hand_ins(desk.path()).into_iter().filter(|hand_in| hand_in.0 != "out-for-points")
    {
        std::fs::create_dir_all(desk.path().join("hand-ins").join(name)).unwrap();
        std::fs::write(desk.path().join("hand-ins").join(name).join(file), text).unwrap();
    }
    write_private(&desk.path().join("secret"), SECRET);
    std::fs::create_dir(desk.path().join("bin")).unwrap();
    std::os::unix::fs::symlink(support::binary("grade"), desk.path().join("bin/grade")).unwrap();
    let path = format!("{}:/usr/bin:/bin", desk.path().join("bin").display());
    let output = Command::new("bash")
        .arg(script("batch/grade-all.sh"))
        .args(["phase1", "hand-ins", "secret"])
        .env_clear()
        .env("PATH", path)
        .current_dir(desk.path())
        .output()
        .unwrap();
    let table = std::fs::read_to_string(desk.path().join("grades.csv")).unwrap();
    assert_eq!(table.lines().count(), 5, "{table}\n{}", words(&output));
    let maxima: Vec<&str> = table.lines().skip(1).map(|row| row.split(',').nth(2).unwrap()).collect();
    assert!(maxima.iter().all(|max| *max == maxima[0]), "{table}");
    for name in ["good", "half-done", "does-not-compile", "hangs"] {
        let page = std::fs::read_to_string(desk.path().join(format!("feedback/{name}.md"))).unwrap();
        assert!(page.contains(&format!("of {} points", maxima[0])), "{page}");
        assert_eq!(page.contains("not graded"), name == "does-not-compile", "{page}");
    }
}
