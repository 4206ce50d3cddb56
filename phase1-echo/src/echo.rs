//! The service itself, RFC 862: whatever arrives goes back, until the peer says that no more will come.
use std::os::fd::{AsFd, OwnedFd};

use crate::calls::Calls;

// ANCHOR: echo
/// Sends back every byte that arrives, in order, until the peer's end of stream; then everything owed has been sent.
///
/// The bytes are not looked at: zero bytes, broken UTF-8 and lines without an end are all the same here. `echoed` counts
/// them, also when an error ends the loop. ECONNRESET and EPIPE: the peer is gone. EAGAIN: a timeout set with
/// [`socket::set_timeout`](crate::socket::set_timeout) ran out.
pub fn echo(calls: Calls, stream: &OwnedFd, echoed: &mut u64) -> nix::Result<()> {
    // ANCHOR: echo-body
    let mut buf = [0; 16 * 1024];
    loop {
        let n = calls.read(stream.as_fd(), &mut buf)?;
        if n == 0 {
            return Ok(());
        }
        calls.write_all(stream.as_fd(), &buf[..n])?;
        *echoed += n as u64;
    }
    // ANCHOR_END: echo-body
}
// ANCHOR_END: echo
