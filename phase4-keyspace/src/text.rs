//! Numbers and patterns written as text.
#[allow(dead_code, reason = "sorted sets come next")]
pub mod double;
pub mod extended;
pub mod glob;
pub mod integer;
