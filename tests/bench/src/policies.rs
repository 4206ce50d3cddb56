//! Which policy forgets the right thing: the same traces for the server's own code and for caches as papers tell them, at
//! equal numbers of objects. Everything is deterministic: two runs print the same figures.
pub mod bars;
pub mod beside;
pub mod chart;
pub mod models;
pub mod server;
pub mod servers;
pub mod simulate;
pub mod trace;
