//! Where buggy servers are built: a copy of the phases under `target/museum` (or CARGO_TARGET_DIR), one build folder for all of them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::Bug;

const PHASES: [&str; 4] = ["phase1-echo", "phase2-framing", "phase3-eventloop", "phase4-keyspace"];

/// A copy of the phases, without the grader, whose files are as in the reference between two builds.
pub struct Workshop {
    copy: PathBuf,
    build: PathBuf,
    shelf: PathBuf,
    /// Two visitors at once would edit the same copy. Given back when this is dropped.
    _key: Flock<File>,
}

impl Workshop {
    /// Copies what differs from the reference at `root`.
    ///
    /// # Errors
    /// When files cannot be read or written.
    pub fn open(root: &Path) -> Result<Workshop> {
        // Where cargo builds everything else.
        let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        let museum = root.join(target).join("museum");
        std::fs::create_dir_all(&museum).with_context(|| format!("{} cannot be made", museum.display()))?;
        let workshop = Workshop {
            _key: key(&museum.join("lock"))?,
            copy: museum.join("copy"),
            build: museum.join("build"),
            shelf: museum.join("servers"),
        };
        std::fs::create_dir_all(&workshop.shelf)
            .with_context(|| format!("{} cannot be made", workshop.shelf.display()))?;
        let mut manifest = std::fs::read_to_string(root.join("Cargo.toml")).context("Cargo.toml")?;
        for package in ["kit", "grader", "author", "bench", "oracle", "e2e"] {
            manifest = crate::handout::without_package(&manifest, &format!("tests/{package}"));
        }
        write_if_different(&workshop.copy.join("Cargo.toml"), manifest.as_bytes())?;
        // The lock file names the same versions; cargo drops the grader's from the copy by itself.
        if !workshop.copy.join("Cargo.lock").exists() {
            std::fs::copy(root.join("Cargo.lock"), workshop.copy.join("Cargo.lock")).context("Cargo.lock")?;
        }
        for phase in PHASES {
            mirror(&root.join(phase), &workshop.copy.join(phase))?;
        }
        Ok(workshop)
    }

    /// Builds one bug's server and returns its path on the shelf. The copy is as before afterwards.
    ///
    /// # Errors
    /// When an edit does not match exactly once, or the result does not compile.
    pub fn build(&self, bug: &Bug) -> Result<PathBuf> {
        let mut originals = Vec::new();
        let outcome = self.edit(bug, &mut originals).and_then(|()| self.compile(bug));
        for (file, text) in originals {
            std::fs::write(&file, text).with_context(|| file.display().to_string())?;
        }
        let binary = outcome?;
        let shelved = self.shelf.join(&bug.name);
        replace(&binary, &shelved)?;
        Ok(shelved)
    }

    /// A copy of the grader, so that all bugs meet the same one even if it is built anew meanwhile.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn keep(&self, grade: &Path) -> Result<PathBuf> {
        let kept = self.shelf.with_file_name("grade");
        replace(grade, &kept)?;
        Ok(kept)
    }

    fn edit(&self, bug: &Bug, originals: &mut Vec<(PathBuf, String)>) -> Result<()> {
        for edit in &bug.card.edit {
            let file = self.copy.join(&edit.file);
            let text = std::fs::read_to_string(&file).with_context(|| edit.file.display().to_string())?;
            let changed = edit.apply(&text)?;
            std::fs::write(&file, changed)?;
            originals.push((file, text));
        }
        // The last write must be undone first if one file is edited twice.
        originals.reverse();
        Ok(())
    }

    fn compile(&self, bug: &Bug) -> Result<PathBuf> {
        let (package, target, binary) = bug.program();
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .current_dir(&self.copy)
            .args(["build", "--quiet", "--package", package])
            .args(target)
            .env("CARGO_TARGET_DIR", &self.build)
            .env("CARGO_PROFILE_DEV_DEBUG", "false")
            // A bug often leaves a variable unused; that is its business.
            .env("RUSTFLAGS", "--cap-lints=allow")
            .stdin(Stdio::null())
            .output()
            .context("cargo could not be started")?;
        if !output.status.success() {
            bail!("{} does not compile:\n{}", bug.name, String::from_utf8_lossy(&output.stderr));
        }
        Ok(self.build.join("debug").join(binary))
    }
}

/// Copies a program under a new name first: one of an earlier visit may still be running from the old file.
fn replace(binary: &Path, place: &Path) -> Result<()> {
    let fresh = place.with_extension("new");
    std::fs::copy(binary, &fresh).with_context(|| format!("{} cannot be copied", binary.display()))?;
    std::fs::rename(&fresh, place)?;
    Ok(())
}

/// The workshop's key; waits while somebody else has it.
fn key(file: &Path) -> Result<Flock<File>> {
    let open = || File::create(file).with_context(|| file.display().to_string());
    match Flock::lock(open()?, FlockArg::LockExclusiveNonblock) {
        Ok(key) => Ok(key),
        Err((_, Errno::EWOULDBLOCK)) => {
            eprintln!("the workshop is in use by another `cargo museum`; waiting for it …");
            Flock::lock(open()?, FlockArg::LockExclusive).map_err(|(_, errno)| errno.into())
        }
        Err((_, errno)) => Err(errno).with_context(|| file.display().to_string()),
    }
}

/// Makes `copy` hold what `original` holds: unchanged files keep their time, so cargo rebuilds only what differs.
fn mirror(original: &Path, copy: &Path) -> Result<()> {
    std::fs::create_dir_all(copy)?;
    let mut names = Vec::new();
    for entry in std::fs::read_dir(original).with_context(|| original.display().to_string())? {
        let entry = entry?;
        names.push(entry.file_name());
        let target = copy.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            mirror(&entry.path(), &target)?;
        } else {
            write_if_different(&target, &std::fs::read(entry.path())?)?;
        }
    }
    for entry in std::fs::read_dir(copy)? {
        let entry = entry?;
        if !names.contains(&entry.file_name()) {
            let path = entry.path();
            if path.is_dir() { std::fs::remove_dir_all(path)? } else { std::fs::remove_file(path)? }
        }
    }
    Ok(())
}

fn write_if_different(file: &Path, contents: &[u8]) -> Result<()> {
    if std::fs::read(file).is_ok_and(|present| present == contents) {
        return Ok(());
    }
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(file, contents).with_context(|| file.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_copies_changes_and_removals_and_leaves_the_rest_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (original, copy) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::create_dir_all(original.join("src")).unwrap();
        std::fs::write(original.join("src/lib.rs"), "one").unwrap();
        std::fs::write(original.join("old.rs"), "old").unwrap();
        mirror(&original, &copy).unwrap();
        let time = std::fs::metadata(copy.join("src/lib.rs")).unwrap().modified().unwrap();
        std::fs::remove_file(original.join("old.rs")).unwrap();
        mirror(&original, &copy).unwrap();
        assert_eq!(std::fs::read_to_string(copy.join("src/lib.rs")).unwrap(), "one");
        assert_eq!(std::fs::metadata(copy.join("src/lib.rs")).unwrap().modified().unwrap(), time);
        assert!(!copy.join("old.rs").exists());
    }
}
