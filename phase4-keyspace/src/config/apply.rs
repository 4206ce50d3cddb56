//! Configuration that belongs to the process or to the loop rather than to commands.
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use phase3_eventloop::limits::Limits;

use crate::config::{Config, LONGEST_REQUEST};
use crate::log;

/// Descriptors that are not clients: listeners, the poller, standard streams, files.
const RESERVED_DESCRIPTORS: u64 = 32;
/// Waiting replies above which a client is neither read nor served (docs/src/design/backpressure.md).
const HIGH_MARK: usize = 64 << 20;
/// It is served again below this.
const LOW_MARK: usize = 8 << 20;

/// What the loop is told.
pub fn of_the_loop(config: &Config) -> Limits {
    let seconds = |seconds: u64| (seconds > 0).then(|| Duration::from_secs(seconds));
    Limits {
        idle_timeout: seconds(config.timeout),
        stall_timeout: seconds(config.stall_timeout),
        high_mark: HIGH_MARK,
        low_mark: LOW_MARK,
        // A request as a whole. How much of it may wait to be understood is checked after each turn.
        max_pending: LONGEST_REQUEST as usize,
        keepalive: seconds(config.tcp_keepalive),
    }
}

/// Applies what must be in force before anything is opened: directory, log, descriptors.
///
/// # Errors
/// Names the parameter that cannot be satisfied.
pub fn enter(config: &mut Config) -> Result<()> {
    log::set_level(config.loglevel);
    std::env::set_current_dir(&config.dir).with_context(|| format!("dir {}", config.dir.display()))?;
    // As a full path: it is shown, and a relative one would mean another folder to its reader.
    config.dir = std::env::current_dir().context("dir")?;
    if !config.logfile.as_os_str().is_empty() {
        // Like all files, in that directory.
        let opened = log::to_file(config.dir.join(&config.logfile));
        opened.with_context(|| format!("logfile {}", config.logfile.display()))?;
    }
    if !config.not_heeded.is_empty() {
        let all: Vec<&str> = config.not_heeded.iter().map(String::as_str).collect();
        log::warning(format_args!("not heeded, because it means nothing here: {}", all.join(", ")));
    }
    let possible = raise_descriptors(config.maxclients);
    if possible < config.maxclients {
        log::warning(format_args!(
            "maxclients is {possible} instead of {}: there are not more descriptors (raise the limit with ulimit -n)",
            config.maxclients
        ));
        config.maxclients = possible;
    }
    Ok(())
}

/// Raises the limit on open descriptors as far as this many clients need it and the system allows; how many clients can
/// be had.
pub fn raise_descriptors(clients: u64) -> u64 {
    let wanted = clients.saturating_add(RESERVED_DESCRIPTORS);
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return clients };
    if soft >= wanted {
        return clients;
    }
    let reachable = wanted.min(hard);
    // Refused only if the hard limit is higher than the system's own; then the soft one stays.
    let got = if setrlimit(Resource::RLIMIT_NOFILE, reachable, hard).is_ok() { reachable } else { soft };
    clients.min(got.saturating_sub(RESERVED_DESCRIPTORS).max(1))
}
