//! The book's pictures of measurements and its sample traces, made from real runs by `pictures`.

pub mod chart;
pub mod here;
pub mod runs;
pub mod samples;
pub mod terminal;
