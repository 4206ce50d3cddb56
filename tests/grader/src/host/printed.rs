//! What a client prints on standard output: every byte, as it comes.

use std::io::Read as _;
use std::process::ChildStdout;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// No check expects more. What a client that never stops prints beyond is counted and thrown away.
const MOST: usize = 64 << 20;

/// Clones share the same bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct Printed(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) bytes: Vec<u8>,
    /// Bytes in all.
    pub(super) total: usize,
    /// Every process that held the pipe is gone.
    pub(super) ended: bool,
}

impl Printed {
    /// Reads the pipe to its end, on a thread of its own.
    pub(super) fn collect(pipe: Option<ChildStdout>) -> Self {
        let printed = Self::default();
        let shared = printed.clone();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 64 << 10];
            if let Some(mut pipe) = pipe {
                while let Ok(got @ 1..) = pipe.read(&mut buffer) {
                    let mut state = shared.state();
                    let room = MOST.saturating_sub(state.bytes.len()).min(got);
                    state.bytes.extend_from_slice(&buffer[..room]);
                    state.total += got;
                    drop(state);
                    shared.0.1.notify_all();
                }
            }
            shared.state().ended = true;
            shared.0.1.notify_all();
        });
        printed
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns early when more is printed, else after `patience`.
    pub(super) fn wait_for_more(&self, patience: Duration) {
        drop(self.0.1.wait_timeout(self.state(), patience));
    }
}
