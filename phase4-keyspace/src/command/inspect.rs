//! Files, looked at without a server: `--check` says what is wrong with one and what can be saved, `--explain` prints its bytes
//! with their meaning.
pub mod check;
pub mod explain;
