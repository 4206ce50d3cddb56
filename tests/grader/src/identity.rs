//! Is it the student's own server? A real Redis handed in is noticed and reported plainly; the score stays as it is,
//! for judging people is the instructor's part.
//!
//! Looked at are the programs that run, under whatever name, and in phase 4 also what the server says when it is asked:
//! see [`asked`].

pub mod asked;

use std::fs;
use std::io::Read as _;

use crate::target::Target;

/// Programs that would pass as somebody's homework, by the beginning of the file's name. Redis's tools are one file with
/// several names, and where a distribution ships links, it may be any of them.
const PROGRAMS: [(&str, &str); 7] = [
    ("redis-server", "redis-server"),
    ("redis-check-", "redis-server"),
    ("valkey-server", "valkey-server"),
    ("valkey-check-", "valkey-server"),
    ("keydb-server", "keydb-server"),
    ("dragonfly", "dragonfly"),
    ("garnet", "garnet"),
];

/// Sentences that stand in such programs and hardly in another.
const STRINGS: [&str; 3] = [
    "oO0OoO0OoO0Oo Redis is starting",
    "oO0OoO0OoO0Oo Valkey is starting",
    "oO0OoO0OoO0Oo KeyDB is starting",
];

/// Printing more than this slows a server down more than anything a check can see.
const CHATTY: u64 = 8 << 20;

/// Facts about the server as a whole that the report should state.
#[must_use]
pub fn notices(target: &Target) -> Vec<String> {
    let mut notices = Vec::new();
    if let Some(name) = known_server(target.pid()) {
        notices.push(format!("this is no student's work: the server under test is {name}"));
    }
    for helper in target.members().into_iter().filter(|member| member.pid != target.pid()) {
        if let Some(name) = known_server(helper.pid) {
            notices.push(format!("this is no student's work: the server under test has started {name}"));
        }
    }
    let printed = target.output.bytes();
    if printed > CHATTY {
        notices.push(format!(
            "the server printed {} MB while it was graded; it was drained, but printing this much makes it slow",
            printed >> 20
        ));
    }
    notices
}

pub(crate) fn known_server(pid: i32) -> Option<String> {
    let exe = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let name = exe.file_name()?.to_str()?.to_owned();
    if let Some((_, program)) = PROGRAMS.iter().find(|(file, _)| name.starts_with(file)) {
        return Some(format!("{program} ({})", exe.display()));
    }
    let found = strings_in(&format!("/proc/{pid}/exe"))?;
    Some(format!(
        "{} under another name: the program {} contains \"{found}\"",
        found.split(' ').nth(1)?,
        exe.display()
    ))
}

/// The first of [`STRINGS`] that stands in the file, read in overlapping pieces.
fn strings_in(path: &str) -> Option<&'static str> {
    use std::collections::HashMap;
    use std::os::unix::fs::MetadataExt as _;
    use std::sync::{Mutex, PoisonError};

    /// Device and inode of a program.
    type File = (u64, u64);
    /// Reading megabytes for each check would be felt: each program is searched once.
    static SEEN: Mutex<Option<HashMap<File, Option<&'static str>>>> = Mutex::new(None);
    let metadata = fs::metadata(path).ok()?;
    let key = (metadata.dev(), metadata.ino());
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    *seen.get_or_insert_default().entry(key).or_insert_with(|| search(path))
}

fn search(path: &str) -> Option<&'static str> {
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(64 << 20).read_to_end(&mut bytes).ok()?;
    STRINGS.into_iter().find(|text| {
        let (first, rest) = (text.as_bytes()[0], text.as_bytes());
        bytes.windows(rest.len()).any(|window| window[0] == first && window == rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_program_is_known_by_what_stands_in_it() {
        let path = std::env::temp_dir().join(format!("grade-identity-{}", std::process::id()));
        fs::write(&path, [b"\0\0", STRINGS[0].as_bytes(), b"\0"].concat()).unwrap();
        assert_eq!(search(path.to_str().unwrap()), Some(STRINGS[0]));
        fs::write(&path, b"my own server").unwrap();
        assert_eq!(search(path.to_str().unwrap()), None);
        fs::remove_file(&path).unwrap();
    }
}
