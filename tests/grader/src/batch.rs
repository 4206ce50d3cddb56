//! A folder of submissions, graded one after the other into a table.
//!
//! Each folder in DIR is one submission and its name is the student's id. What starts its server is, in this order: the
//! command after `--`, run inside the submission's folder; the submission's own `grade.toml` (`command = […]`, and
//! `build = […]` to be run first); or, if the folder holds a cargo workspace of the course, its own server. With `--client`
//! clients are graded as well, by that command or by the `client = […]` of a submission's `grade.toml`. One
//! submission that does not build, hangs or crashes costs its own row and nobody else's.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;

use crate::checks::FOUNDATION;
use crate::cli::{self, Arguments};
use crate::report::{Run, RunVerdict, Status, Style, quoted};
use crate::runner::{self, Plan};
use crate::{target, workspace};

/// What a submission may say about itself.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recipe {
    /// Run first, in the submission's folder.
    #[serde(default)]
    build: Vec<String>,
    /// Starts the server; `{port}` is filled in.
    #[serde(default)]
    command: Vec<String>,
    /// Starts the client, in place of the command that `--client` gives.
    #[serde(default)]
    client: Vec<String>,
}

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
        match grade(arguments, &plan, submission, &student) {
            Ok(run) if could_not_start(&run).is_none() => {
                worst = worse(worst, run.verdict());
                let (score, max) = run.score();
                eprintln!("{student}: {score} of {max}");
                cli::write_reports(
                    &arguments.format,
                    &run,
                    Style { colour: false, hints: 0 },
                    Some(&student),
                )?;
                table.push_str(&row(&student, &run));
                scores.push((score, max));
            }
            outcome => {
                let why = match &outcome {
                    Ok(run) => could_not_start(run).unwrap_or_default(),
                    Err(error) => format!("{error:#}"),
                };
                worst = RunVerdict::NotJudged;
                eprintln!("{student}: not graded: {why}");
                table.push_str(&broken_row(&student, &why, &plan));
            }
        }
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

/// Why there was no server to grade: the command's fault or the machine's, not the server's.
fn could_not_start(run: &Run) -> Option<String> {
    run.results.iter().find_map(|result| match &result.status {
        Status::Infrastructure(why) if result.check.name == FOUNDATION => Some(why.clone()),
        _ => None,
    })
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

fn grade(arguments: &Arguments, plan: &Plan, folder: &Path, student: &str) -> anyhow::Result<Run> {
    let recipe = recipe(folder)?;
    let argv = command(arguments, plan, folder, &recipe)?;
    let mut plan = plan.clone();
    if let Some(client) = &mut plan.client {
        client.dir = Some(folder.canonicalize()?);
        if !recipe.client.is_empty() {
            plan.client_command = Some(quoted(&recipe.client));
            client.argv = recipe.client;
        }
    }
    plan.launch.argv = argv.clone();
    plan.launch.dir = Some(folder.canonicalize()?);
    plan.command = argv;
    plan.seed = cli::chosen_seed(arguments, Some(student))?;
    plan.student = Some(student.to_owned());
    Ok(runner::run(&plan, &|_| {}))
}

fn command(
    arguments: &Arguments,
    plan: &Plan,
    folder: &Path,
    recipe: &Recipe,
) -> anyhow::Result<Vec<String>> {
    if !recipe.build.is_empty() {
        build(folder, &recipe.build, Duration::from_secs(arguments.startup_timeout.max(120)))?;
    }
    if !arguments.command.is_empty() {
        return Ok(arguments.command.clone());
    }
    if !recipe.command.is_empty() {
        return Ok(recipe.command.clone());
    }
    if folder.join("Cargo.toml").is_file() {
        return workspace::server_of(folder, plan.phase);
    }
    bail!(
        "nothing says how to start it: give a command after `--`, or a grade.toml with `command = [\"./server\", \"{{port}}\"]`"
    )
}

fn recipe(folder: &Path) -> anyhow::Result<Recipe> {
    let file = folder.join("grade.toml");
    if !file.is_file() {
        return Ok(Recipe::default());
    }
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    toml::from_str(&text).with_context(|| format!("in {}", file.display()))
}

fn build(folder: &Path, command: &[String], limit: Duration) -> anyhow::Result<()> {
    // `timeout` of coreutils bounds the build and everything it starts.
    let output = Command::new("timeout")
        .arg("--kill-after=5")
        .arg(limit.as_secs().to_string())
        .args(command)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run its build command {}", command.join(" ")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = said.lines().rev().take(3).collect();
    let last: Vec<&str> = last.into_iter().rev().collect();
    match output.status.code() {
        Some(124 | 137) => bail!("its build did not end within {} s", limit.as_secs()),
        Some(127) => bail!("its build command does not exist: {}", command.join(" ")),
        _ => bail!("it does not build: {}", last.join(" / ")),
    }
}

fn header(plan: &Plan) -> String {
    let mut cells =
        vec!["student".to_owned(), "score".into(), "max_score".into(), "seed".into(), "remark".into()];
    cells.extend(plan.checks.iter().map(|chosen| chosen.check.id(plan.phase)));
    line(&cells)
}

fn row(student: &str, run: &Run) -> String {
    let (score, max) = run.score();
    let mut cells = vec![student.to_owned(), score.to_string(), max.to_string(), run.seed.to_string()];
    cells.push(run.notices.join("; "));
    cells.extend(run.results.iter().map(|result| result.status.word().to_owned()));
    line(&cells)
}

fn broken_row(student: &str, why: &str, plan: &Plan) -> String {
    let mut cells = vec![
        student.to_owned(),
        "0".into(),
        runner::possible(plan).to_string(),
        String::new(),
        format!("not graded: {}", why.split_whitespace().collect::<Vec<_>>().join(" ")),
    ];
    cells.extend(std::iter::repeat_n("not run".to_owned(), plan.checks.len()));
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
    fn a_recipe_with_an_unknown_field_names_it() {
        let folder = tempfile::tempdir().unwrap();
        assert!(recipe(folder.path()).unwrap().command.is_empty());
        std::fs::write(folder.path().join("grade.toml"), "comand = ['x']\n").unwrap();
        let error = format!("{:#}", recipe(folder.path()).unwrap_err());
        assert!(error.contains("comand") && error.contains("grade.toml"), "{error}");
    }

    #[test]
    fn a_build_that_fails_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let command = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let limit = Duration::from_secs(30);
        assert!(build(folder.path(), &command(&["true"]), limit).is_ok());
        let error = build(folder.path(), &command(&["sh", "-c", "echo no such header >&2; exit 1"]), limit);
        assert!(error.unwrap_err().to_string().contains("no such header"));
    }

    #[test]
    fn an_empty_folder_is_no_batch() {
        let folder = tempfile::tempdir().unwrap();
        assert!(submissions(folder.path()).unwrap_err().to_string().contains("no folder"));
    }
}
