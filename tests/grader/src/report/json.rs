//! Everything about a run, for programs. Fields are only ever added.

use serde_json::{Value, json};

use super::{CheckResult, Run, Status};
use crate::hexdump::Dump;
use crate::stages;

pub fn render(run: &Run) -> String {
    let (score, max) = run.score();
    let value = json!({
        "schema": "redis-at-home/grade/v1",
        "phase": run.phase.name(),
        "command": run.command,
        "seed": run.seed,
        "student": run.student,
        "finished": run.finished,
        "duration_seconds": run.duration.as_secs_f64(),
        "score": score,
        "max_score": max,
        "stages": run.stages().iter().map(|(stage, score, max)| json!({
            "name": stage.name,
            "title": stage.title,
            "score": score,
            "max_score": max,
        })).collect::<Vec<_>>(),
        "notices": run.notices,
        "checks": run.results.iter().map(|result| check(run, result)).collect::<Vec<_>>(),
    });
    format!("{value:#}\n")
}

fn check(run: &Run, result: &CheckResult) -> Value {
    let (score, max) = result.score();
    let mut value = json!({
        "id": result.id(),
        "title": result.check.title,
        "catalogue": result.check.catalogue,
        "topic": result.check.topic,
        "subject": result.check.subject.noun(),
        "stage": stages::of_check(result.phase, result.check).name,
        "chapter": result.check.chapter,
        "status": result.status.word(),
        "points": result.points,
        "score": score,
        "max_score": max,
        "visibility": result.visibility.word(),
        "duration_seconds": result.duration.as_secs_f64(),
        "replay": run.replay(result),
    });
    let extra = match &result.status {
        Status::Passed => json!({}),
        Status::Blocked(by) => json!({ "blocked_by": by }),
        Status::Missing(commands) => json!({ "missing_commands": commands }),
        Status::Follows(by, failure) => json!({
            "follows_from": by,
            "kind": format!("{:?}", failure.kind),
            "summary": failure.summary,
            "step": failure.step,
            "notes": failure.notes,
        }),
        Status::NotRun(why) | Status::Infrastructure(why) => json!({ "reason": why }),
        Status::Failed(failure) => json!({
            "bug": failure.bug,
            "kind": format!("{:?}", failure.kind),
            "summary": failure.summary,
            "step": failure.step,
            "sent": failure.sent.as_ref().map(Dump::render),
            "expected": failure.expected.as_ref().map(Dump::render),
            "came": failure.came.as_ref().map(Dump::render),
            "notes": failure.notes,
        }),
    };
    if let (Value::Object(value), Value::Object(extra)) = (&mut value, extra) {
        value.extend(extra);
    }
    value
}
