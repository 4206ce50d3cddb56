//! The grader: judges servers in any language by what a socket shows, and explains what it saw.
//!
//! A [`check::Check`] is plain data and a function; [`checks`] lists them all, [`runner`] runs them against a
//! [`target::Target`], [`report`] writes the results down in the formats instructors' systems read.

pub mod batch;
pub mod check;
pub mod checks;
pub mod cli;
pub mod client;
pub mod compare;
pub mod context;
pub mod course;
pub mod differential;
pub mod doctor;
pub mod failure;
pub mod handout;
pub mod hexdump;
pub mod identity;
pub mod lab;
pub mod museum;
pub mod pictures;
pub mod ports;
pub mod procfs;
pub mod report;
pub mod runner;
pub mod seed;
pub mod signals;
pub mod sockdiag;
pub mod strace;
pub mod target;
pub mod watch;
pub mod wire;
pub mod workspace;
