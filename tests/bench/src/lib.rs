//! Measuring: [`compare`] puts servers beside each other, [`policies`] what they forget. The binary `soak` grades the reference for hours.

pub mod compare;
pub mod policies;
