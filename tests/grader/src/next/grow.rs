//! Asking the course for the next phase. The course's own `handout` does the work, in the folder it lives in.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::state::{State, commit_of};
use crate::check::Phase;

/// Adds a phase to the workspace.
///
/// # Errors
/// When the course is not where it was, or its tool fails; the message says what to do.
pub fn fetch(root: &Path, state: &State, phase: Phase) -> Result<()> {
    verify_origin(&state.origin)?;
    if let (Some(then), Some(now)) = (&state.commit, commit_of(&state.origin))
        && *then != now
    {
        println!(
            "The course has moved on since this workspace was made ({:.10} then, {:.10} now). Should {phase} not fit to \
             your code: git -C {} checkout {then:.10}",
            then,
            now,
            state.origin.display()
        );
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let done = Command::new(cargo)
        .current_dir(&state.origin)
        .args(["run", "--package", "author", "--bin", "handout", "--"])
        .args([phase.name(), "--grow"])
        .arg(root)
        // It is set for this workspace, and the course has one of its own.
        .env_remove("CARGO_TARGET_DIR")
        .status()
        .context("cargo could not be started")?;
    if !done.success() {
        bail!("the course in {} could not add {phase}; its message stands above", state.origin.display());
    }
    Ok(())
}

/// Whether a folder holds the course.
///
/// # Errors
/// When it does not; the message says what to do.
pub fn verify_origin(origin: &Path) -> Result<()> {
    if origin.join("tests/course.toml").is_file() && origin.join("tests/author").is_dir() {
        return Ok(());
    }
    let how = "If it has moved, say where: cargo next --from FOLDER. If it is gone, clone it again first.";
    if !origin.exists() {
        bail!("the course was in {}, and that folder is gone. {how}", origin.display());
    }
    bail!("{} does not hold the course (tests/author is missing). {how}", origin.display());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_that_is_gone_or_another_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let gone = verify_origin(&folder.path().join("nowhere")).unwrap_err().to_string();
        assert!(
            gone.contains("nowhere, and that folder is gone") && gone.contains("--from FOLDER"),
            "{gone}"
        );
        let other = verify_origin(folder.path()).unwrap_err().to_string();
        assert!(other.contains("does not hold the course") && other.contains("--from FOLDER"), "{other}");
    }
}
