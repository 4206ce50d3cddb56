//! Each format against the shape that its reader documents.

use std::path::Path;

use serde_json::Value;

use super::*;
use crate::check::{Explain as _, Kind};
use crate::checks;

/// A run with one result of every status, and a hidden failure.
fn sample() -> Run {
    let failure = Failure::new(Kind::NoReply, "no reply <came> & \"none\" will").note("a | bar");
    let statuses = [
        Status::Passed,
        Status::Failed(Box::new(failure.clone())),
        Status::Blocked("phase2.listens".into()),
        Status::NotRun("no strace".into()),
        Status::Infrastructure("no ports".into()),
        Status::Failed(Box::new(failure)),
    ];
    let results =
        checks::of(Phase::Framing).zip(statuses).enumerate().map(|(at, (check, status))| CheckResult {
            check,
            phase: Phase::Framing,
            status,
            points: 2.0,
            visibility: if at == 5 { Visibility::Hidden } else { Visibility::Visible },
            duration: Duration::from_millis(5),
        });
    Run {
        phase: Phase::Framing,
        command: vec!["./my server".into(), "{port}".into()],
        client_command: None,
        seed: 42,
        student: Some("ada".into()),
        notices: vec!["a notice".into()],
        possible: 20.0,
        results: results.collect(),
        duration: Duration::from_secs(1),
        finished: true,
    }
}

const STYLE: Style = Style { colour: false, hints: 1 };

fn json_of(format: Format) -> Value {
    serde_json::from_str(&sample().render(format, STYLE)).expect("valid JSON")
}

fn only_keys(value: &Value, allowed: &[&str]) {
    for key in value.as_object().expect("an object").keys() {
        assert!(allowed.contains(&key.as_str()), "unknown key {key}");
    }
}

#[test]
fn what_can_be_earned_does_not_depend_on_what_became_of_a_check() {
    assert_eq!(sample().score(), (2.0, 20.0));
    assert!(sample().results.iter().all(|result| result.score().1 == 2.0));
    assert_eq!(sample().verdict(), RunVerdict::Failed);
}

#[test]
fn a_run_that_could_not_judge_is_neither_passed_nor_failed() {
    let mut run = sample();
    run.results.retain(|result| matches!(result.status, Status::Passed | Status::NotRun(_)));
    assert_eq!(run.verdict(), RunVerdict::NotJudged);
    for result in &mut run.results {
        if matches!(result.status, Status::NotRun(_)) {
            result.points = 0.0;
        }
    }
    assert_eq!(run.verdict(), RunVerdict::Passed, "what was left out from the start is worth nothing");
}

#[test]
fn a_report_replaces_a_file_and_writes_through_what_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("report"), "old").unwrap();
    write_file(&path("report"), "new").unwrap();
    assert_eq!(std::fs::read_to_string(path("report")).unwrap(), "new");

    std::fs::write(path("aim"), "old").unwrap();
    std::os::unix::fs::symlink(path("aim"), path("link")).unwrap();
    write_partial(&path("link"), "half").unwrap();
    write_file(&path("link"), "through").unwrap();
    assert!(path("link").is_symlink());
    assert_eq!(std::fs::read_to_string(path("aim")).unwrap(), "through");

    nix::unistd::mkfifo(&path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let reader = std::thread::spawn({
        let pipe = path("pipe");
        move || std::fs::read_to_string(pipe).unwrap()
    });
    write_partial(&path("pipe"), "a pipe takes no half reports").unwrap();
    write_file(&path("pipe"), "whole").unwrap();
    assert_eq!(reader.join().unwrap(), "whole");
    assert!(!path("pipe").is_file());

    std::os::unix::fs::symlink("/dev/null", path("device")).unwrap();
    write_file(&path("device"), "away").unwrap();
    assert!(path("device").is_symlink());
}

#[test]
fn gradescope() {
    let value = json_of(Format::Gradescope);
    only_keys(
        &value,
        &[
            "score",
            "execution_time",
            "output",
            "output_format",
            "visibility",
            "stdout_visibility",
            "extra_data",
            "tests",
            "leaderboard",
        ],
    );
    assert!(
        value["score"].is_number() && value["execution_time"].is_number() && value["extra_data"].is_object()
    );
    let tests = value["tests"].as_array().expect("tests");
    assert_eq!(tests.len(), 6);
    for test in tests {
        only_keys(
            test,
            &[
                "score",
                "max_score",
                "status",
                "name",
                "number",
                "output",
                "output_format",
                "tags",
                "visibility",
            ],
        );
        assert!(test["score"].as_f64() <= test["max_score"].as_f64());
        assert!(
            ["text", "html", "simple_format", "md", "ansi"]
                .contains(&test["output_format"].as_str().unwrap())
        );
        assert!(matches!(test["status"].as_str(), None | Some("passed" | "failed")));
        assert!(
            ["hidden", "after_due_date", "after_published", "visible"]
                .contains(&test["visibility"].as_str().unwrap())
        );
    }
    assert_eq!((tests[0]["status"].as_str(), tests[4]["status"].as_str()), (Some("passed"), None));
    assert!(tests[5]["output"].as_str().unwrap().contains("no reply"), "Gradescope itself hides");
}

#[test]
fn classroom_50() {
    let value = json_of(Format::Classroom50);
    only_keys(
        &value,
        &[
            "schema",
            "classroom",
            "assignment",
            "assignment_type",
            "owner",
            "submission",
            "commit",
            "release",
            "review",
            "datetime",
            "graded_at",
            "score",
            "max-score",
            "tests",
            "submitted_by",
        ],
    );
    assert_eq!(value["schema"], "classroom50/result/v1");
    assert!(matches!(value["assignment_type"].as_str(), Some("individual" | "group")));
    assert!(value["score"].is_i64() && value["max-score"].is_i64());
    let datetime = value["datetime"].as_str().unwrap();
    assert!(datetime.len() == 20 && datetime.ends_with('Z') && &datetime[10..11] == "T", "{datetime}");
    let mut sum = 0;
    for test in value["tests"].as_array().expect("tests") {
        only_keys(test, &["test-name", "passed", "score", "max-score"]);
        assert!(test["passed"].is_boolean() && test["test-name"].is_string());
        sum += test["score"].as_i64().expect("a whole number");
    }
    assert_eq!(value["score"], sum);
}

#[test]
fn classroom_legacy() {
    use base64::Engine as _;

    let encoded = sample().render(Format::ClassroomLegacy, STYLE);
    let decoded = base64::engine::general_purpose::STANDARD.decode(encoded.trim()).expect("base64");
    let value: Value = serde_json::from_slice(&decoded).expect("valid JSON");
    only_keys(&value, &["version", "status", "max_score", "tests"]);
    assert_eq!((value["version"].as_i64(), value["status"].as_str()), (Some(1), Some("error")));
    for test in value["tests"].as_array().expect("tests") {
        only_keys(
            test,
            &["name", "status", "score", "message", "test_code", "filename", "line_no", "duration"],
        );
        assert!(matches!(test["status"].as_str(), Some("pass" | "fail" | "error")));
        assert_eq!((test["filename"].as_str(), test["line_no"].as_i64()), (Some(""), Some(0)));
    }
}

#[test]
fn autolab() {
    let text = sample().render(Format::Autolab, STYLE);
    let last: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("valid JSON");
    only_keys(&last, &["scores"]);
    assert_eq!(last["scores"]["Phase 2: framing"], 2.0);
}

#[test]
fn junit() {
    let text = sample().render(Format::Junit, STYLE);
    assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"6\" failures=\"2\" errors=\"1\" skipped=\"2\""));
    assert_eq!(text.matches("<testcase ").count(), 6);
    assert_eq!(text.matches("</testcase>").count() + text.matches("\"/>\n").count(), 6 + 2, "{text}");
    assert!(text.contains("no reply &lt;came&gt; &amp; &quot;none&quot; will"));
    // Every tag that opens closes, in order.
    let mut open = Vec::new();
    for tag in text.split('<').skip(2).map(|rest| rest.split('>').next().unwrap_or("")) {
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name.to_owned())),
            None if tag.ends_with('/') => {}
            None => open.push(tag.split(' ').next().unwrap_or("").to_owned()),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn markdown() {
    let text = sample().render(Format::Markdown, STYLE);
    let table: Vec<&str> = text.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(table.len(), 6);
    assert!(table.iter().all(|row| row.replace("\\|", "").matches('|').count() == 5), "{text}");
    assert_eq!(text.matches("<details>").count(), 1, "the hidden failure stays hidden");
}

#[test]
fn json() {
    let value = json_of(Format::Json);
    assert_eq!(value["checks"].as_array().expect("checks").len(), 6);
    assert_eq!(value["checks"][1]["kind"], "NoReply");
    assert_eq!(value["checks"][2]["blocked_by"], "phase2.listens");
    assert_eq!(
        value["checks"][1]["replay"],
        format!(
            "{} phase2 --only length-byte-order --seed 42 -- './my server' {{port}}",
            invocation::this_program()
        )
    );
}

#[test]
fn text_shows_failures_and_keeps_hidden_ones_short() {
    let text = sample().render(Format::Text, STYLE);
    assert!(text.contains("NOTICE: a notice") && text.contains("hint 1"));
    assert_eq!(text.matches("no reply <came>").count(), 1, "{text}");
    assert!(text.contains("2 of 20 points") && text.contains("seed 42"), "{text}");
}

#[test]
fn destinations_are_read() {
    let parsed: Destination = "gradescope=out/results.json".parse().expect("a destination");
    assert_eq!(
        (parsed.format, parsed.file.as_deref()),
        (Format::Gradescope, Some(Path::new("out/results.json")))
    );
    assert!("pdf".parse::<Destination>().is_err() && "json=".parse::<Destination>().is_err());
}
