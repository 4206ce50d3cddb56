//! `cargo compare micro`: instructions per operation of the inner parts, held against checked-in figures.
//!
//! A phase crate offers its parts as `examples/micro.rs`, the example being named `micro-CRATE`: called with `--list`
//! it prints one name a line, called with a name and a count it does that operation so many times. Each is counted
//! twice, with N and 2N operations, and the difference is compared with `tests/baselines/instructions.toml`.

use super::callgrind;
use super::{build, progress, workspace};
use anyhow::{Context, Result, bail};
use regex::Regex;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A rise beyond this share is refused.
const TOLERANCE: f64 = 0.03;
/// A fall beyond this share is worth a new baseline.
const WORTH_BLESSING: f64 = 0.03;
/// Operations of the smaller run.
const OPERATIONS: u64 = 100_000;
const HEADER: &str = "# User instructions per operation, counted by `cargo compare micro`; written by its --bless.\n\
    # A change that makes one dearer by more than 3 % fails until the new figure is blessed, and argued in its commit.\n";

/// Instructions per operation, by crate and name.
type Figures = BTreeMap<String, BTreeMap<String, f64>>;

/// How one operation compares with its baseline.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    New,
    Same,
    Cheaper,
    Dearer,
}

/// Counts, prints the table and, with `bless`, writes the baseline; otherwise fails if anything became dearer.
///
/// # Errors
/// No valgrind, no micro-benchmark, one that fails, a baseline that cannot be read, a rise above 3 %.
pub fn run(only: Option<&Regex>, bless: bool) -> Result<()> {
    callgrind::available()?;
    let path = workspace().join("tests/baselines/instructions.toml");
    let mut baseline = read_baseline(&path)?;
    let crates = crates_with_micro(&workspace())?;
    if crates.is_empty() {
        bail!("no crate has an examples/micro.rs");
    }
    let mut dearer = Vec::new();
    for package in crates {
        let example = format!("micro-{package}");
        let program = build(&["--package", &package, "--example", &example], &example)?;
        let known = baseline.entry(package.clone()).or_default();
        for name in listed(&program)? {
            let full = format!("{package} {name}");
            if only.is_some_and(|only| !only.is_match(&full)) {
                continue;
            }
            progress(&format!("counting {full}"));
            let found = count(&program, &name)?;
            let before = known.get(&name).copied();
            let change = compare(before, found);
            println!("{full:40} {found:>10.1} {}", describe(before, found, change));
            if change == Change::Dearer {
                dearer.push(full);
            }
            if bless {
                known.insert(name, (found * 10.0).round() / 10.0);
            }
        }
    }
    if bless {
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        std::fs::write(&path, render(&baseline))
            .with_context(|| format!("cannot write {}", path.display()))?;
        println!("wrote {}", path.display());
        return Ok(());
    }
    if !dearer.is_empty() {
        bail!(
            "dearer by more than {} %: {}; make it cheaper, or bless the new figure (cargo compare micro --bless) \
             and say in the commit what it buys",
            TOLERANCE * 100.0,
            dearer.join(", ")
        );
    }
    Ok(())
}

fn compare(before: Option<f64>, found: f64) -> Change {
    match before {
        None => Change::New,
        Some(before) if found > before * (1.0 + TOLERANCE) => Change::Dearer,
        Some(before) if found < before * (1.0 - WORTH_BLESSING) => Change::Cheaper,
        Some(_) => Change::Same,
    }
}

fn describe(before: Option<f64>, found: f64, change: Change) -> String {
    let Some(before) = before else { return "new; --bless records it".to_owned() };
    let percent = (found / before - 1.0) * 100.0;
    match change {
        Change::New | Change::Same => format!("was {before:.1}"),
        Change::Cheaper => format!("was {before:.1}, {percent:+.1} %; --bless keeps the gain"),
        Change::Dearer => format!("was {before:.1}, {percent:+.1} %: DEARER"),
    }
}

fn crates_with_micro(root: &Path) -> Result<Vec<String>> {
    let mut packages = Vec::new();
    for entry in std::fs::read_dir(root).with_context(|| format!("cannot list {}", root.display()))? {
        let entry = entry?;
        if entry.path().join("examples/micro.rs").is_file() {
            packages.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    packages.sort();
    Ok(packages)
}

fn listed(program: &PathBuf) -> Result<Vec<String>> {
    let output = Command::new(program).arg("--list").output();
    let output = output.with_context(|| format!("cannot start {}", program.display()))?;
    let names = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect::<Vec<_>>();
    if !output.status.success() || names.is_empty() {
        bail!("{} --list names nothing", program.display());
    }
    Ok(names)
}

fn count(program: &Path, name: &str) -> Result<f64> {
    let once = count_once(program, name, OPERATIONS)?;
    let twice = count_once(program, name, 2 * OPERATIONS)?;
    Ok(callgrind::per_operation(once, twice, OPERATIONS))
}

fn count_once(program: &Path, name: &str, operations: u64) -> Result<u64> {
    let profile = callgrind::profile_path(&std::env::temp_dir(), name);
    let words = callgrind::wrapper(&profile);
    let output = Command::new(&words[0])
        .args(&words[1..])
        .arg(program)
        .args([name, &operations.to_string()])
        .output()
        .context("cannot start valgrind")?;
    if !output.status.success() {
        bail!("{name} failed ({}):\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    callgrind::take_total(&profile)
}

fn read_baseline(path: &Path) -> Result<Figures> {
    match std::fs::read_to_string(path) {
        Ok(text) => toml::from_str(&text).with_context(|| format!("{} is not a baseline", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Figures::new()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn render(figures: &Figures) -> String {
    let mut text = HEADER.to_owned();
    for (package, names) in figures.iter().filter(|(_, names)| !names.is_empty()) {
        let _ = writeln!(text, "\n[{package}]");
        for (name, figure) in names {
            let _ = writeln!(text, "{name} = {figure:.1}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_percent_is_the_limit() {
        assert_eq!(compare(None, 1.0), Change::New);
        assert_eq!(compare(Some(100.0), 102.9), Change::Same);
        assert_eq!(compare(Some(100.0), 103.1), Change::Dearer);
        assert_eq!(compare(Some(100.0), 97.1), Change::Same);
        assert_eq!(compare(Some(100.0), 96.9), Change::Cheaper);
    }

    #[test]
    fn a_baseline_survives_writing_and_reading() {
        let names = BTreeMap::from([("decode".to_owned(), 41.5), ("hashmap-hit".to_owned(), 130.0)]);
        let figures = Figures::from([("phase2-framing".to_owned(), names)]);
        assert_eq!(toml::from_str::<Figures>(&render(&figures)).unwrap(), figures);
    }

    #[test]
    fn an_unreadable_baseline_is_an_error_and_a_missing_one_is_empty() {
        let missing = Path::new("/no/such/baseline.toml");
        assert_eq!(read_baseline(missing).unwrap(), Figures::new());
        let garbage = std::env::temp_dir().join(format!("baseline-{}", std::process::id()));
        std::fs::write(&garbage, "a = [").unwrap();
        assert!(read_baseline(&garbage).unwrap_err().to_string().contains("is not a baseline"));
        std::fs::remove_file(&garbage).unwrap();
    }
}
