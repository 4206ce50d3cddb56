//! Measuring: [`compare`] puts servers beside each other. The binary `soak` grades the reference for hours.

pub mod compare;
