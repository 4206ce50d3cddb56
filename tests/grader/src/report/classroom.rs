//! Classroom 50's `result.json`, and the step output of the older classroom actions.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use serde_json::{Value, json};

use super::explain::explain;
use super::{Run, Status, Style};

/// Scores are whole numbers there, so each check is rounded on its own and the total is the sum of what is shown.
pub fn render_50(run: &Run) -> String {
    let env = |name: &str| std::env::var(name).unwrap_or_default();
    let kind = match env("ASSIGNMENT_TYPE").as_str() {
        "group" => "group",
        _ => "individual",
    };
    let whole = |points: f64| points.round() as i64;
    let tests: Vec<Value> = run
        .results
        .iter()
        .map(|result| {
            let (score, max) = result.score();
            json!({
                "test-name": result.id(),
                "passed": matches!(result.status, Status::Passed),
                "score": whole(score),
                "max-score": whole(max),
            })
        })
        .collect();
    let sum =
        |of: fn((f64, f64)) -> f64| run.results.iter().map(|result| whole(of(result.score()))).sum::<i64>();
    let value = json!({
        "schema": "classroom50/result/v1",
        "classroom": env("CLASSROOM"),
        "assignment": env("ASSIGNMENT"),
        "assignment_type": kind,
        "owner": env("OWNER"),
        "submission": env("SUBMISSION_TAG"),
        "commit": env("COMMIT_URL"),
        "release": env("RELEASE_URL"),
        "review": env("REVIEW_URL"),
        "datetime": timestamp(SystemTime::now()),
        "score": sum(|score| score.0),
        "max-score": sum(|score| score.1),
        "tests": tests,
    });
    format!("{value:#}\n")
}

pub fn render_legacy(run: &Run, style: Style) -> String {
    let plain = Style { colour: false, ..style };
    let (_, max) = run.score();
    let broken = run.results.iter().any(|result| matches!(result.status, Status::Infrastructure(_)));
    let overall = match (broken, run.all_passed()) {
        (true, _) => "error",
        (false, true) => "pass",
        (false, false) => "fail",
    };
    let tests: Vec<Value> = run
        .results
        .iter()
        .filter(|result| !matches!(result.status, Status::NotRun(_)) || result.points > 0.0)
        .map(|result| {
            let status = match result.status {
                Status::Passed => "pass",
                Status::Infrastructure(_) => "error",
                _ => "fail",
            };
            json!({
                "name": result.id(),
                "status": status,
                "score": result.score().0,
                "message": explain(run, result, plain),
                "test_code": run.replay(result),
                "filename": "",
                "line_no": 0,
                "duration": result.duration.as_millis() as u64,
            })
        })
        .collect();
    let value = json!({ "version": 1, "status": overall, "max_score": max, "tests": tests });
    format!("{}\n", base64::engine::general_purpose::STANDARD.encode(value.to_string()))
}

/// `YYYY-MM-DDTHH:MM:SSZ`, by the civil calendar's day count (era of 400 years, years from March).
fn timestamp(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3_600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let at = |seconds| timestamp(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(at(1_767_225_599), "2025-12-31T23:59:59Z");
    }
}
