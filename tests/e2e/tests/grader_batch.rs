//! A folder of twenty submissions becomes a table with twenty rows, whatever some of them do.
#![allow(clippy::unwrap_used, reason = "a test may unwrap, in its helpers too")]
mod support;

use std::path::Path;
use std::process::Command;

fn submit(folder: &Path, student: &str, recipe: &str) {
    let submission = folder.join(student);
    std::fs::create_dir_all(&submission).unwrap();
    std::fs::write(submission.join("grade.toml"), recipe).unwrap();
}

#[test]
fn twenty_submissions_become_twenty_rows() {
    let echo = support::binary("echo-server");
    let good = format!("command = [\"{}\", \"--port\", \"{{port}}\"]\n", echo.display());
    let folder = tempfile::tempdir().unwrap();
    for number in 1..=16 {
        submit(folder.path(), &format!("student{number:02}"), &good);
    }
    submit(folder.path(), "student17", "command = [\"/nonexistent/server\", \"{port}\"]\n");
    submit(folder.path(), "student18", "command = [\"false\", \"{port}\"]\n");
    submit(folder.path(), "student19", "build = [\"sh\", \"-c\", \"echo broken build >&2; exit 1\"]\n");
    submit(folder.path(), "student20", "comand = []\n");
    let csv = folder.path().join("grades.csv");
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "autumn term\n").unwrap();

    let output = Command::new(support::binary("grade"))
        .args(["phase1", "--only", "listens,round-trip,sizes,binary-safe", "--secret"])
        .arg(&secret)
        .arg("--batch")
        .arg(folder.path())
        .arg("--csv")
        .arg(&csv)
        .arg(format!("--format=junit={}", folder.path().join("{student}.xml").display()))
        .output()
        .unwrap();

    let table = std::fs::read_to_string(&csv).unwrap();
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(rows.len(), 21, "{table}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(rows[0].starts_with("student,score,max_score,seed,remark,phase1.listens,"), "{}", rows[0]);
    for row in &rows[1..=16] {
        assert_eq!(row.matches(",passed").count(), 4, "{row}");
    }
    assert_eq!(rows[1].split(',').nth(1), rows[1].split(',').nth(2), "full marks: {}", rows[1]);
    assert_ne!(rows[1].split(',').nth(3), rows[2].split(',').nth(3), "each student has a seed of his own");
    for row in &rows[17..] {
        assert!(!row.contains(",passed"), "{row}");
    }
    assert!(rows[19].contains("broken build") && rows[20].contains("grade.toml"), "{table}");
    assert!(folder.path().join("student01.xml").is_file(), "a report each");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("20 submissions") && said.contains("16 with full marks"), "{said}");
}
