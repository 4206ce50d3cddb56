//! How this grader was called, and where its book is: what a report says must work where it is read.

use std::path::{Path, PathBuf};

use crate::check::Phase;
use crate::workspace;

/// What to type to call this program again: `cargo grade` where that alias exists, else the path by which it was started.
#[must_use]
pub fn this_program() -> String {
    // cargo tells the programs that it starts where it is.
    if std::env::var_os("CARGO").is_some()
        && above(Path::new(".cargo/config.toml")).is_some_and(|file| has_alias(&file))
    {
        return "cargo grade".to_owned();
    }
    let path = std::env::args_os().next().map(PathBuf::from).unwrap_or_else(|| "grade".into());
    super::quoted(&[path.display().to_string()])
}

fn has_alias(file: &Path) -> bool {
    std::fs::read_to_string(file)
        .is_ok_and(|text| text.lines().any(|line| line.trim_start().starts_with("grade =")))
}

/// Where a chapter can be read from here: its file, or the tasks of a handout, or its name in the book.
#[must_use]
pub fn chapter(path: &str) -> String {
    if above(Path::new(path)).is_some() {
        return path.to_owned();
    }
    let name = path.trim_start_matches("docs/src/").trim_end_matches(".md");
    let phase = name.split('/').next().and_then(|name| name.parse::<Phase>().ok());
    let tasks = phase.map(|phase| Path::new(workspace::package(phase)).join("TASKS.md"));
    match tasks.filter(|tasks| above(tasks).is_some()) {
        Some(tasks) => format!("{}; in the book {name}", tasks.display()),
        None => format!("{name}, in the book"),
    }
}

/// A file in this folder or the nearest one above it.
fn above(relative: &Path) -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors().map(|folder| folder.join(relative)).find(|file| file.is_file())
}
