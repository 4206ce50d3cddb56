//! From when on a request counts as slow, and what is kept of it.

/// What is written down about requests that take long.
#[derive(Clone, Debug)]
pub struct Watching {
    /// Microseconds from which on a request is noted in the slow log; negative: none is.
    pub slowlog_log_slower_than: i64,
    /// Most entries of the slow log.
    pub slowlog_max_len: u64,
    /// Milliseconds from which on a command is a sample of `LATENCY`; 0: none is.
    pub latency_monitor_threshold: u64,
    /// How long calls take is kept, command by command.
    pub latency_tracking: bool,
    /// Which percentiles of that `INFO latencystats` shows.
    pub latency_percentiles: Vec<f64>,
}

impl Default for Watching {
    fn default() -> Self {
        Watching {
            slowlog_log_slower_than: 10_000,
            slowlog_max_len: 128,
            latency_monitor_threshold: 0,
            latency_tracking: true,
            latency_percentiles: vec![50.0, 99.0, 99.9],
        }
    }
}
