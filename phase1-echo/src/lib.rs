//! Phase 1: bytes come back (RFC 862), on blocking sockets.
//!
//! Read the files in this order; each is one room, and uses only those above it (a test holds them to it).
//!
//! | room | idea |
//! |---|---|
//! | [`raw`] | the system calls as the kernel has them: an `int`, a −1, an errno, an address in network byte order |
//! | [`socket`] | the same calls through `nix`; phases 3 and 4 stand on this file |
//! | [`io`] | a read or write may do less than it was asked: [`io::read_full`], [`io::write_all`] |
//! | [`echo`] | read, write, until the peer's end of stream |
//! | [`output`] | results and log lines, which may fail to be written |
//! | [`signals`] | how SIGTERM reaches a program that sleeps inside `read` |
//! | [`server`] | accept without dying of it; one client at a time, a process each, or a thread each |
//! | [`args`] | flags |
//!
//! What this phase leaves open, on purpose: TCP keeps bytes in order but not messages apart (phase 2), and a server that
//! blocks needs a process or a thread for every client it does not want to keep waiting (phase 3).
pub mod args;
pub mod echo;
pub mod io;
pub mod output;
pub mod raw;
pub mod server;
pub mod signals;
pub mod socket;
