//! What a process prints, collected as it comes.
use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use super::DEADLINE;

/// Text that a thread collects from a child's pipe, so that the pipe never fills.
#[derive(Clone, Default)]
pub struct Collected(Arc<(Mutex<CollectedText>, Condvar)>);

#[derive(Default)]
struct CollectedText {
    text: String,
    ended: bool,
}

impl Collected {
    /// Starts a thread that reads `pipe` to its end.
    pub fn from(pipe: impl Read + Send + 'static) -> Self {
        let collected = Collected::default();
        let shared = Arc::clone(&collected.0);
        std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            loop {
                line.clear();
                let n = pipe.read_until(b'\n', &mut line).unwrap_or(0);
                let mut state = shared.0.lock().unwrap();
                state.text.push_str(&String::from_utf8_lossy(&line));
                state.ended = n == 0;
                shared.1.notify_all();
                if n == 0 {
                    return;
                }
            }
        });
        collected
    }

    /// Everything so far.
    pub fn text(&self) -> String {
        self.0.0.lock().unwrap().text.clone()
    }

    /// Waits for `found` to be satisfied with the text so far; `None` at the deadline or if the pipe ended first.
    pub fn wait<T>(&self, found: impl Fn(&str) -> Option<T>) -> Option<T> {
        let end = Instant::now() + DEADLINE;
        let mut state = self.0.0.lock().unwrap();
        loop {
            if let Some(value) = found(&state.text) {
                return Some(value);
            }
            let left = end.saturating_duration_since(Instant::now());
            if state.ended || left.is_zero() {
                return None;
            }
            state = self.0.1.wait_timeout(state, left).unwrap().0;
        }
    }
}
