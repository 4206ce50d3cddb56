//! Instructions counted by valgrind's callgrind, which noise cannot move.
//!
//! A program is run with N and with 2N operations; the difference, over N, is the cost of one: starting, loading keys
//! and ending cancel out.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Whether valgrind can be started, and if not, what to do.
///
/// # Errors
/// It cannot.
pub fn available() -> Result<()> {
    let found =
        Command::new("valgrind").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    bail!("counting instructions needs valgrind, which is not installed (Debian: apt-get install valgrind)")
}

/// The words that make a command run under callgrind, its profile written to `out`.
pub fn wrapper(out: &Path) -> Vec<String> {
    let out = format!("--callgrind-out-file={}", out.display());
    ["valgrind", "--tool=callgrind", &out].map(str::to_owned).to_vec()
}

/// A file name for one profile.
pub fn profile_path(directory: &Path, name: &str) -> PathBuf {
    let safe: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    directory.join(format!("callgrind.{safe}.{}", std::process::id()))
}

/// The instructions a finished run counted; the profile is removed.
///
/// # Errors
/// No profile, or one without a total: the program did not end in an orderly way.
pub fn take_total(profile: &Path) -> Result<u64> {
    let text = std::fs::read_to_string(profile)
        .with_context(|| format!("callgrind left no profile at {}", profile.display()))?;
    std::fs::remove_file(profile).with_context(|| format!("cannot remove {}", profile.display()))?;
    total(&text).with_context(|| format!("the profile {} has no total", profile.display()))
}

/// A profile may have several parts; each ends with its `totals:`.
fn total(profile: &str) -> Option<u64> {
    let mut sum = None;
    for line in profile.lines() {
        if let Some(count) = line.strip_prefix("totals:") {
            sum = Some(sum.unwrap_or(0) + count.trim().parse::<u64>().ok()?);
        }
    }
    sum
}

/// Instructions per operation from a run of `operations` and one of twice as many.
pub fn per_operation(once: u64, twice: u64, operations: u64) -> f64 {
    (twice as f64 - once as f64) / operations as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_summed_over_the_parts() {
        assert_eq!(total("events: Ir\nfn=(1) main\n3 20\ntotals: 20\n"), Some(20));
        assert_eq!(total("part: 1\ntotals: 20\npart: 2\ntotals: 5\n"), Some(25));
        assert_eq!(total("events: Ir\n"), None);
    }

    #[test]
    fn what_happens_once_cancels_out() {
        assert_eq!(per_operation(1_000 + 70, 1_000 + 140, 10), 7.0);
    }
}
