//! Phase 2: messages in a byte stream.
//!
//! TCP delivers bytes in order and keeps no boundaries: one write may arrive in three reads, three writes in one. So each
//! message says first how long it is: `u32 little-endian length | payload`.
//!
//! | evening | room | idea |
//! |---|---|---|
//! | first | [`frame`] | the format, as two pure functions over byte slices |
//! | first | [`stream`] | frames out of a blocking socket: buffered reads, batched replies, three ways a stream can end |
//! | client | [`client`] | the other side: a request, its reply, and what a client says of an end that comes too early |
//! | wing | [`payload`] | what phase 4 puts inside a frame, so that the `frame` tool can be used on it |
//! | wing | [`hexdump`] | bytes with their meaning beside them |
//!
//! Each room uses only those above it (a test holds them to it). The first evening ends with `bin/framed-server.rs`, a loop
//! of four lines over [`stream`]; the client is two functions more. The `frame` tool is a wing.
//!
//! Reused from phase 1: sockets, [`write_all`](phase1_echo::io::write_all), the iterative server, flags. Left behind:
//! [`read_full`](phase1_echo::io::read_full). Reading the header with one call and the body with another is the obvious
//! way, and half as fast as one large read that may bring a hundred frames. Phase 3 keeps [`frame`] and replaces
//! [`stream`].
pub mod client;
pub mod frame;
pub mod hexdump;
pub mod payload;
pub mod stream;

/// The `frame` tool, which is built beside this server, as one can type it here.
pub fn frame_tool() -> String {
    let beside =
        std::env::current_exe().map(|exe| exe.with_file_name("frame")).unwrap_or_else(|_| "frame".into());
    let here = std::env::current_dir().unwrap_or_default();
    beside.strip_prefix(here).unwrap_or(&beside).display().to_string()
}
