//! Which bugs to prove first when there is not time for all: those whose files a change has touched, then any others.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use kit::rng::Rng;

use super::Bug;

/// The files that differ from a revision; `None` where there is no such revision, as in a first commit or a shallow clone.
#[must_use]
pub fn changed_files(root: &Path, since: &str) -> Option<BTreeSet<PathBuf>> {
    let output =
        Command::new("git").current_dir(root).args(["diff", "--name-only", since, "--"]).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).lines().map(PathBuf::from).collect())
}

/// Bugs of changed files first, in their own order, then the others in an order that follows from the seed. Also how many
/// are of the first kind.
#[must_use]
pub fn order(bugs: Vec<Bug>, changed: &BTreeSet<PathBuf>, seed: u64) -> (Vec<Bug>, usize) {
    let touched = |bug: &Bug| {
        let card = PathBuf::from(format!("tests/museum/{}/{}.toml", bug.phase, bug.name));
        changed.contains(&card) || bug.card.edit.iter().any(|edit| changed.contains(&edit.file))
    };
    let (mut first, mut rest): (Vec<Bug>, Vec<Bug>) = bugs.into_iter().partition(touched);
    let count = first.len();
    Rng::new(seed).shuffle(&mut rest);
    first.append(&mut rest);
    (first, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bugs_of_changed_files_come_first_and_the_rest_by_the_seed() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let bugs = super::super::load(&root.join("tests/museum")).unwrap();
        let all = bugs.len();
        let changed = BTreeSet::from([PathBuf::from("phase2-framing/src/bin/framed-server.rs")]);
        let (ordered, first) = order(bugs.clone(), &changed, 1);
        assert!(first > 0 && first < all && ordered.len() == all);
        assert!(
            ordered[..first].iter().all(|bug| bug.card.edit.iter().any(|edit| changed.contains(&edit.file)))
        );
        let names = |bugs: &[Bug]| bugs.iter().map(|bug| bug.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&ordered), names(&order(bugs.clone(), &changed, 1).0));
        assert_ne!(names(&ordered), names(&order(bugs, &changed, 2).0));
    }
}
