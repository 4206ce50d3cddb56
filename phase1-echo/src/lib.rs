//! Phase 1: bytes come back (RFC 862), on blocking sockets.
//!
//! Each room uses only those above it in this table (a test holds them to it). The first evening is 350 lines: read
//! these rooms in this order, of [`server`] only `server/iterative.rs`. The client is the next evening's: 50 lines, and
//! `connect` in [`socket`]. The others are wings, to be read when needed.
//!
//! | evening | room | idea |
//! |---|---|---|
//! | first | [`raw`] | the system calls as the kernel has them: an `int`, a −1, an errno, an address in network byte order |
//! | first | [`socket`] | the same calls through `nix`; phases 3 and 4 stand on this file. In its wings: options, endings, what to say of an error |
//! | first | [`io`] | a read or write may do less than it was asked: [`io::read_full`], [`io::write_all`] |
//! | wing | [`calls`] | the calls of either kind, by `--raw` |
//! | first | [`echo`] | read, write, until the peer's end of stream |
//! | wing | [`output`] | results and log lines, which may fail to be written |
//! | wing | [`signals`] | how SIGTERM reaches a program that sleeps inside `read` |
//! | first | [`server`] | one client at a time; in its wings: a process each, a thread each, accept without dying of it |
//! | client | [`client`] | the other side of the connection: send and receive at the same time, FIN, read to the end |
//! | wing | [`args`] | flags |
//!
//! What this phase leaves open, on purpose: TCP keeps bytes in order but not messages apart (phase 2), and a server that
//! blocks needs a process or a thread for every client it does not want to keep waiting (phase 3).
pub mod args;
pub mod calls;
pub mod client;
pub mod echo;
pub mod io;
pub mod output;
pub mod raw;
pub mod server;
pub mod signals;
pub mod socket;
