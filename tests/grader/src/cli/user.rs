//! The user as whom a submission runs.

use std::process::Command;

use anyhow::{Context as _, bail};

use crate::target::User;

/// A user by name, or by a number that no account need have.
///
/// # Errors
/// When there is none of this name.
pub(super) fn find(name: &str) -> anyhow::Result<User> {
    if let Ok(number) = name.parse() {
        return Ok(User { uid: number, gid: number });
    }
    Ok(User { uid: ask("-u", name)?, gid: ask("-g", name)? })
}

/// id(1) knows accounts wherever the system keeps them.
fn ask(what: &str, name: &str) -> anyhow::Result<u32> {
    let output = Command::new("id").args([what, name]).output().context("id(1) could not be started")?;
    let said = String::from_utf8_lossy(&output.stdout);
    match said.trim().parse() {
        Ok(number) => Ok(number),
        Err(_) => bail!("there is no user {name}: useradd --create-home {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_a_name_or_a_number() {
        assert_eq!(find("root").unwrap(), User { uid: 0, gid: 0 });
        assert_eq!(find("61234").unwrap(), User { uid: 61234, gid: 61234 });
        assert!(find("no-such-user").unwrap_err().to_string().contains("no-such-user"));
    }
}
