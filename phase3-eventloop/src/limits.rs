//! What one connection may hold, and for how long. A service may change its limits while the loop runs.
use std::time::Duration;

// ANCHOR: limits
/// The loop's limits per connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Close a connection on which no byte went either way for this long. `None`: never.
    pub idle_timeout: Option<Duration>,
    /// Close a connection whose waiting output made no progress for this long. `None`: never.
    pub stall_timeout: Option<Duration>,
    /// Above this many bytes of waiting output a connection is neither served nor read.
    pub high_mark: usize,
    /// Below this many it is served again.
    pub low_mark: usize,
    /// Most bytes an unfinished request may hold before the connection is closed.
    pub max_pending: usize,
    /// Probe a silent peer this often (tcp(7), keep-alive); connections accepted from now on. `None`: never.
    pub keepalive: Option<Duration>,
}
// ANCHOR_END: limits

impl Default for Limits {
    fn default() -> Self {
        Limits {
            idle_timeout: None,
            stall_timeout: Some(Duration::from_secs(60)),
            high_mark: 1024 * 1024,
            low_mark: 256 * 1024,
            max_pending: 1024 * 1024 * 1024,
            keepalive: None,
        }
    }
}
