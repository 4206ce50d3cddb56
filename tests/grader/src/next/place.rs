//! Where the steps still to be written stand in a learner's sources.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest, Sha256};

use crate::steps::Step;

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// From the workspace's root.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
}

/// The steps that are open below `root/package/src`, by number.
///
/// # Errors
/// When a source cannot be read.
pub fn open_steps(root: &Path, package: &str, steps: &[&Step]) -> Result<BTreeMap<String, Place>> {
    let mut found = BTreeMap::new();
    for file in sources(&root.join(package).join("src"))? {
        let text = read(&file)?;
        for (at, line) in text.lines().enumerate().filter(|(_, line)| line.contains("step ")) {
            if let Some(step) = steps.iter().find(|step| step.is_open_in(line)) {
                let file = file.strip_prefix(root).unwrap_or(&file).to_owned();
                found.entry(step.number.clone()).or_insert(Place { file, line: at + 1 });
            }
        }
    }
    Ok(found)
}

/// A name for all that the given packages consist of: another name, other sources.
///
/// # Errors
/// When a source cannot be read.
pub fn fingerprint(root: &Path, packages: &[&str]) -> Result<String> {
    let mut hash = Sha256::new();
    for file in ["Cargo.toml", "tests/course.toml"] {
        hash.update(std::fs::read(root.join(file)).unwrap_or_default());
    }
    for package in packages {
        for file in sources(&root.join(package))? {
            hash.update(file.to_string_lossy().as_bytes());
            hash.update(std::fs::read(&file).with_context(|| file.display().to_string())?);
        }
    }
    Ok(hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| file.display().to_string())
}

/// Every `.rs` and `.toml` file below a folder, in a fixed order.
fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs" || ending == "toml") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_steps_are_found_with_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("phase1-echo/src/deep");
        std::fs::create_dir_all(&source).unwrap();
        std::fs::write(source.join("a.rs"), "fn f() {\n    todo!(\"step 1.2: add\")\n}\n").unwrap();
        std::fs::write(source.join("b.rs"), "// TODO step 1.10: more. This stands in for it:\n").unwrap();
        let step = |number: &str| Step { number: number.into(), ..Step::default() };
        let steps = [step("1.1"), step("1.2"), step("1.10")];
        let found = open_steps(folder.path(), "phase1-echo", &steps.iter().collect::<Vec<_>>()).unwrap();
        let file = |name: &str| Path::new("phase1-echo/src/deep").join(name);
        assert_eq!(found.len(), 2);
        assert_eq!(found["1.2"], Place { file: file("a.rs"), line: 2 });
        assert_eq!(found["1.10"], Place { file: file("b.rs"), line: 1 });
    }

    #[test]
    fn other_sources_have_another_name() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("a/src")).unwrap();
        let file = folder.path().join("a/src/lib.rs");
        std::fs::write(&file, "one").unwrap();
        let before = fingerprint(folder.path(), &["a"]).unwrap();
        assert_eq!(fingerprint(folder.path(), &["a"]).unwrap(), before);
        std::fs::write(&file, "two").unwrap();
        assert_ne!(fingerprint(folder.path(), &["a"]).unwrap(), before);
    }
}
