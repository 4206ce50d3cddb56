//! `.course.toml`: where a workspace came from and how far it has come.
//!
//! The learner's code is the progress; this file only remembers what has been seen to work. So it can be lost: everything in
//! it but the origin is found again.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::check::Phase;
use crate::seed;

/// Its name, in the workspace's root.
pub const FILE: &str = ".course.toml";

const HEAD: &str =
    "# Where this workspace came from and how far it has come; `cargo next` reads and writes it.\n";

/// What is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The course's own folder, from which further phases come.
    pub origin: PathBuf,
    /// Its commit when this workspace was made, where it has commits.
    pub commit: Option<String>,
    /// The first phase to be written; those before it were given.
    pub start: String,
    /// The number from which the payloads of all rounds follow.
    pub seed: u64,
    /// Steps that have been seen to work.
    #[serde(default)]
    pub done: Vec<String>,
    /// Phases whose checks have all been seen to pass.
    #[serde(default)]
    pub complete: Vec<String>,
    /// Names the sources as they were when they were last seen to work.
    pub proven: Option<String>,
}

impl State {
    /// The state of a new workspace.
    ///
    /// # Errors
    /// When the origin's path cannot be made absolute.
    pub fn new(origin: &Path, start: Phase) -> Result<State> {
        let origin = origin.canonicalize().with_context(|| origin.display().to_string())?;
        let commit = commit_of(&origin);
        Ok(State {
            origin,
            commit,
            start: start.name().to_owned(),
            seed: seed::fresh(),
            done: Vec::new(),
            complete: Vec::new(),
            proven: None,
        })
    }

    /// Reads it.
    ///
    /// # Errors
    /// When it is not there or not understood; the message says what to do.
    pub fn load(root: &Path) -> Result<State> {
        let file = root.join(FILE);
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                bail!("{} is gone. {}", file.display(), again())
            }
            Err(error) => return Err(error).context(format!("{}. {}", file.display(), again())),
        };
        let state: Result<State, _> = toml::from_str(&text);
        match state {
            Ok(state) if state.start.parse::<Phase>().is_ok() => Ok(state),
            Ok(state) => bail!("{}: start = {:?} is no phase. {}", file.display(), state.start, again()),
            Err(error) => bail!("{} is damaged: {}\n{}", file.display(), error, again()),
        }
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, root: &Path) -> Result<()> {
        let text = format!("{HEAD}{}", toml::to_string(self).context("the state as TOML")?);
        let (file, fresh) = (root.join(FILE), root.join(".course.toml.new"));
        std::fs::write(&fresh, text).with_context(|| fresh.display().to_string())?;
        std::fs::rename(&fresh, &file).with_context(|| file.display().to_string())
    }

    /// The first phase to be written.
    #[must_use]
    pub fn start(&self) -> Phase {
        self.start.parse().unwrap_or(Phase::Echo)
    }
}

fn again() -> &'static str {
    "Your code is not touched by that. `cargo next --from FOLDER` writes the file anew, where FOLDER is the course's own \
     (the one in which you typed `cargo handout`); what you have written is then checked again."
}

/// The commit that a folder's git repository stands at.
#[must_use]
pub fn commit_of(folder: &Path) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(folder).args(["rev-parse", "HEAD"]).output().ok()?;
    let hash = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !hash.is_empty()).then_some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let mut state = State::new(Path::new("/"), Phase::Framing).unwrap();
        state.done = vec!["2.1".into(), "2.2".into()];
        state
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        state().save(folder.path()).unwrap();
        let loaded = State::load(folder.path()).unwrap();
        assert_eq!(loaded.done, ["2.1", "2.2"]);
        assert_eq!((loaded.start(), loaded.origin.as_path()), (Phase::Framing, Path::new("/")));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_lost_or_damaged_file_says_how_to_get_another() {
        let folder = tempfile::tempdir().unwrap();
        let complaint = |text: Option<&str>| {
            if let Some(text) = text {
                std::fs::write(folder.path().join(FILE), text).unwrap();
            }
            format!("{:#}", State::load(folder.path()).unwrap_err())
        };
        assert!(complaint(None).contains("is gone"));
        for damaged in ["origin = ", "", "origin = \"/\"\nstart = \"phase9\"\nseed = 1\n", "\u{0}\u{1}"] {
            let text = complaint(Some(damaged));
            assert!(text.contains("cargo next --from FOLDER") && text.contains("not touched"), "{text}");
        }
    }
}
