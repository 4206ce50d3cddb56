//! How many clients there can be: each is a descriptor.
use std::os::fd::BorrowedFd;

use anyhow::{Context, Result};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Each client is a descriptor, and many systems start programs with 1,024 of them. What root allows may be used. Returns
/// how many there are now.
pub fn raise_descriptor_limit(wanted: u64) -> Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).context("getrlimit")?;
    if soft < wanted.min(hard) {
        // Refused only if the hard limit is higher than the system's own; then the soft one stays.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, wanted.min(hard), hard);
    }
    Ok(getrlimit(Resource::RLIMIT_NOFILE).context("getrlimit")?.0)
}

/// Fails if there is no descriptor left for a client: such a server would listen and never accept.
pub fn check_room(listener: BorrowedFd<'_>) -> Result<()> {
    // A duplicate takes a descriptor as a connection does.
    let room = listener.try_clone_to_owned();
    room.map(drop)
        .context("no descriptor is left for a client; raise the limit, such as with `ulimit -n 1024`")
}
