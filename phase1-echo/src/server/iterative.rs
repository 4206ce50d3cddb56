//! One client at a time.
use std::os::fd::{AsFd, OwnedFd};

use anyhow::Result;

use super::{Next, Serve, next_client, serve_watched};
use crate::calls::Calls;

// ANCHOR: iterative
/// One client at a time; the others wait in the backlog. The simplest server, and the shape of a database's main thread.
pub fn iterative(calls: Calls, listener: OwnedFd, serve: Serve<'_>) -> Result<()> {
    loop {
        match next_client(calls, listener.as_fd())? {
            Next::Client(client) => {
                serve_watched(serve, &client);
                calls.close(client.stream);
            }
            Next::Again => {}
            Next::Stop => return Ok(()),
        }
    }
}
// ANCHOR_END: iterative
