//! `CLIENT PAUSE`: which commands wait, and until when.
use std::time::Instant;

/// `CLIENT PAUSE`.
#[derive(Clone, Copy, Debug)]
pub struct Pause {
    /// When it ends by itself.
    pub until: Instant,
    /// Every command, not only those that write.
    pub all: bool,
}
