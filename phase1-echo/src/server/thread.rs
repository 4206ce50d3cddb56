//! A thread for each client.
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;

use super::{Client, Next, Serve, deliver, next_client};
use crate::calls::Calls;
use crate::{log, socket};

// ANCHOR: thread
/// A thread per client: all see the same memory, so whatever they share needs a lock (`examples/counter-race.rs`).
pub fn thread_per_client(calls: Calls, listener: OwnedFd, serve: Serve<'_>) -> Result<()> {
    // The signal handler must not take a lock, so this thread tells the others, when accept has told it.
    let live: Mutex<Vec<Arc<Client>>> = Mutex::default();
    let lock = || live.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        let outcome = loop {
            let client = match next_client(calls, listener.as_fd()) {
                Ok(Next::Client(client)) => Arc::new(client),
                Ok(Next::Again) => continue,
                Ok(Next::Stop) => break Ok(()),
                Err(error) => break Err(error),
            };
            lock().push(Arc::clone(&client));
            let peer = client.peer;
            let run = move || {
                serve(&client);
                deliver(&client);
                lock().retain(|other| !Arc::ptr_eq(other, &client));
                if let Some(client) = Arc::into_inner(client) {
                    calls.close(client.stream);
                }
            };
            if let Err(error) = std::thread::Builder::new().spawn_scoped(scope, run) {
                log!("closed {peer}: cannot start a thread: {error}");
                lock().retain(|other| other.peer != peer);
            }
        };
        for client in lock().iter() {
            // One that has gone meanwhile makes this fail, and its thread knows.
            let _ = socket::shutdown_read(client.stream.as_fd());
        }
        // The scope waits for every thread before it ends.
        outcome
    })
}
// ANCHOR_END: thread
