//! `include`: the files that a pattern names.
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use crate::text::glob;

/// The one file, whether it is there or not; of a pattern, the files that match, in the order of their names. No match is no
/// mistake: a directory of additions may be empty.
pub fn files(pattern: &Path) -> Vec<PathBuf> {
    if !is_pattern(pattern.as_os_str()) {
        return vec![pattern.into()];
    }
    let mut found = vec![PathBuf::new()];
    for component in pattern.components() {
        match component {
            Component::Normal(name) if is_pattern(name) => {
                found = found.iter().flat_map(|directory| matching(directory, name)).collect();
            }
            other => found.iter_mut().for_each(|path| path.push(other)),
        }
    }
    found.retain(|path| path.exists());
    found
}

fn is_pattern(text: &OsStr) -> bool {
    text.as_bytes().iter().any(|byte| b"*?[".contains(byte))
}

/// The entries of a directory that match. As in a shell, a name that begins with a dot has to be asked for.
fn matching(directory: &Path, pattern: &OsStr) -> Vec<PathBuf> {
    let here = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let entries = fs::read_dir(here).into_iter().flatten().flatten();
    let pattern = pattern.as_bytes();
    let hidden = |name: &OsString| name.as_bytes().starts_with(b".") && !pattern.starts_with(b".");
    let mut names: Vec<OsString> = entries
        .map(|entry| entry.file_name())
        .filter(|name| !hidden(name) && glob::matches(pattern, name.as_bytes()))
        .collect();
    names.sort();
    names.iter().map(|name| directory.join(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_what_is_there_in_order() {
        let dir = std::env::temp_dir().join(format!("keyspace-include-{}", std::process::id()));
        for name in ["b/2.conf", "a/1.conf", "b/1.conf", "b/.hidden.conf", "b/note", "c/note"] {
            let path = dir.join(name);
            fs::create_dir_all(path.parent().expect("a directory")).expect("made");
            fs::write(path, "").expect("written");
        }
        let named = |pattern: &str| -> Vec<String> {
            let found = files(&dir.join(pattern));
            let below = |path: &PathBuf| path.strip_prefix(&dir).expect("below").display().to_string();
            found.iter().map(below).collect()
        };
        assert_eq!(named("*/*.conf"), ["a/1.conf", "b/1.conf", "b/2.conf"]);
        assert_eq!(named("b/[0-1].con?"), ["b/1.conf"]);
        assert_eq!(named("?/note"), ["b/note", "c/note"]);
        assert_eq!(named("b/.h*"), ["b/.hidden.conf"]);
        assert_eq!(named("*.conf"), [""; 0]);
        assert_eq!(named("none/*"), [""; 0]);
        assert_eq!(
            named("plain"),
            ["plain"],
            "a name that is no pattern has to be there, so it is read in any case"
        );
        fs::remove_dir_all(&dir).expect("removed");
    }
}
