//! Numbers and patterns written as text.
pub mod double;
pub mod extended;
pub mod glob;
pub mod integer;
