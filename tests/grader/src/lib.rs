//! The grader: judges servers and clients in any language by what a socket shows, and explains what it saw.
//!
//! A [`check::Check`] is plain data and a function; [`checks`] lists them all, [`runner`] runs them against a
//! [`target::Target`], [`report`] writes the results down in the formats instructors' systems read.

pub mod batch;
pub mod check;
pub mod checks;
pub mod cli;
pub mod client;
pub mod context;
pub mod contract;
pub mod course;
pub mod diagnosis;
pub mod doctor;
pub mod failure;
pub mod host;
pub mod identity;
pub mod next;
pub mod report;
pub mod runner;
pub mod seed;
pub mod signals;
pub mod stages;
pub mod steps;
pub mod strace;
pub mod submission;
pub mod supervisor;
pub mod watch;
pub mod workspace;

pub use kit::launch as target;
pub use kit::{hexdump, ports, procfs, sockdiag, wire};
