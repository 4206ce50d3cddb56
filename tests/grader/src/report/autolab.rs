//! Autolab reads the last line of stdout.

use serde_json::{Map, Value, json};

use super::Run;

pub fn render(run: &Run) -> String {
    let mut scores = Map::new();
    scores.insert(run.phase.title().to_owned(), json!(run.score().0));
    format!("{}\n", json!({ "scores": Value::Object(scores) }))
}
