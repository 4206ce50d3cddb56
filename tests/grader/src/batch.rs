//! A folder of submissions, graded one after the other into a table.
//!
//! Each folder in DIR is one submission and its name is the student's id; [`submission`] says how it is started. With
//! `--client` clients are graded as well. One that does not build, hangs or crashes costs its own row and nobody else's,
//! and has a report like the others.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use crate::cli::{self, Arguments};
use crate::report::{RunVerdict, Style};
use crate::runner::Plan;
use crate::submission::{self, Graded};
use crate::target;

/// Grades every submission.
///
/// # Errors
/// When the folder cannot be read, holds no submission, or a report cannot be written.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let folder = arguments.batch.as_deref().context("--batch names a folder")?;
    let plan = cli::plan(arguments)?;
    let submissions = submissions(folder)?;
    let mut table = header(&plan);
    let mut scores = Vec::new();
    let mut worst = RunVerdict::Passed;
    for submission in &submissions {
        let student = submission.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let graded = submission::grade(arguments, &plan, submission, &student, &|_| {})?;
        let (score, max) = graded.run.score();
        worst = worse(worst, graded.run.verdict());
        match &graded.refused {
            None => {
                eprintln!("{student}: {score} of {max}");
                scores.push((score, max));
            }
            Some(why) => eprintln!("{student}: not graded: {why}"),
        }
        let style = Style { colour: false, hints: 0 };
        cli::write_reports(&arguments.format, &graded.run, style, Some(&student))?;
        table.push_str(&row(&student, &graded));
        target::kill_all();
        // Rows so far survive whatever happens to the next one.
        if let Some(file) = &arguments.csv {
            std::fs::write(file, &table).with_context(|| format!("cannot write {}", file.display()))?;
        }
    }
    if arguments.csv.is_none() {
        print!("{table}");
    }
    eprint!("{}", summary(submissions.len(), &scores));
    Ok(cli::exit_code(worst))
}

/// A submission that could not be graded weighs more than one that failed.
fn worse(one: RunVerdict, other: RunVerdict) -> RunVerdict {
    let weight = |verdict: &RunVerdict| match verdict {
        RunVerdict::Passed => 0,
        RunVerdict::Failed => 1,
        RunVerdict::NotJudged => 2,
    };
    if weight(&other) > weight(&one) { other } else { one }
}

fn submissions(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| {
            path.is_dir() && !path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'))
        })
        .collect();
    if found.is_empty() {
        bail!("{} holds no folder: each submission is a folder named after its student", folder.display());
    }
    found.sort();
    Ok(found)
}

fn header(plan: &Plan) -> String {
    let mut cells =
        vec!["student".to_owned(), "score".into(), "max_score".into(), "seed".into(), "remark".into()];
    cells.extend(plan.checks.iter().map(|chosen| chosen.check.id(plan.phase)));
    line(&cells)
}

fn row(student: &str, graded: &Graded) -> String {
    let run = &graded.run;
    let (score, max) = run.score();
    let mut cells = vec![student.to_owned(), score.to_string(), max.to_string(), run.seed.to_string()];
    cells.push(match &graded.refused {
        None => run.notices.join("; "),
        Some(why) => format!("not graded: {}", why.split_whitespace().collect::<Vec<_>>().join(" ")),
    });
    cells.extend(run.results.iter().map(|result| result.status.word().to_owned()));
    line(&cells)
}

/// One line of RFC 4180; a cell that a spreadsheet would take for a formula is defused.
fn line(cells: &[String]) -> String {
    let quoted: Vec<String> = cells
        .iter()
        .map(|cell| {
            let cell = if cell.starts_with(['=', '+', '@']) { format!("'{cell}") } else { cell.clone() };
            if cell.contains([',', '"', '\n', '\r']) {
                format!("\"{}\"", cell.replace('"', "\"\""))
            } else {
                cell
            }
        })
        .collect();
    quoted.join(",") + "\n"
}

fn summary(submissions: usize, scores: &[(f64, f64)]) -> String {
    let full = scores.iter().filter(|(score, max)| score == max && *max > 0.0).count();
    let mut shares: Vec<f64> =
        scores.iter().filter(|(_, max)| *max > 0.0).map(|(score, max)| score / max * 100.0).collect();
    shares.sort_by(f64::total_cmp);
    let median = shares.get(shares.len() / 2).copied().unwrap_or(0.0);
    format!(
        "{submissions} submissions: {} graded, {full} with full marks, {} not graded; median {median:.0} %\n",
        scores.len(),
        submissions - scores.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_defused() {
        let cells = ["plain", "a,b", "say \"hi\"", "=SUM(A1)"].map(String::from);
        assert_eq!(line(&cells), "plain,\"a,b\",\"say \"\"hi\"\"\",'=SUM(A1)\n");
    }

    #[test]
    fn the_summary_counts_full_marks_and_the_median() {
        let text = summary(4, &[(10.0, 10.0), (5.0, 10.0), (0.0, 10.0)]);
        assert_eq!(text, "4 submissions: 3 graded, 1 with full marks, 1 not graded; median 50 %\n");
    }

    #[test]
    fn an_empty_folder_is_no_batch() {
        let folder = tempfile::tempdir().unwrap();
        assert!(submissions(folder.path()).unwrap_err().to_string().contains("no folder"));
    }
}
