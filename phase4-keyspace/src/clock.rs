//! What time it is. The loop reads the clock once a tick; everything that happens in a tick happens at one moment.
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time since the Unix epoch.
pub fn wall_clock() -> Duration {
    // A clock before 1970 is a broken clock; nothing better than 0 can be said then.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
