//! The child's stdout and stderr: always drained, only the end kept.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

const KEEP_LINES: usize = 100;
const KEEP_BYTES_OF_LINE: u64 = 2_000;

/// The last lines a server printed, and how much it printed in all. Clones share the same record.
#[derive(Debug, Clone, Default)]
pub struct Output(Arc<(Mutex<Kept>, Condvar)>);

#[derive(Debug, Default)]
struct Kept {
    lines: VecDeque<String>,
    bytes: u64,
}

impl Output {
    /// Starts a thread that reads `stream` to its end. The thread ends with the last process that holds the pipe.
    pub fn drain(&self, stream: impl Read + Send + 'static) {
        let shared = self.clone();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            let mut line = Vec::new();
            loop {
                line.clear();
                // A line without end must not eat memory: it is kept in pieces.
                match (&mut reader).take(KEEP_BYTES_OF_LINE).read_until(b'\n', &mut line) {
                    Ok(0) | Err(_) => break,
                    Ok(_) => shared.push(&line),
                }
            }
        });
    }

    fn push(&self, line: &[u8]) {
        let (kept, more) = &*self.0;
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += line.len() as u64;
        kept.lines.push_back(String::from_utf8_lossy(line).trim_end().to_owned());
        if kept.lines.len() > KEEP_LINES {
            kept.lines.pop_front();
        }
        more.notify_all();
    }

    /// Returns early when something is printed, else after `patience`.
    pub fn wait_for_more(&self, patience: Duration) {
        let (kept, more) = &*self.0;
        let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        drop(more.wait_timeout(kept, patience));
    }

    /// The last `count` lines.
    #[must_use]
    pub fn tail(&self, count: usize) -> Vec<String> {
        let kept = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.lines.iter().skip(kept.lines.len().saturating_sub(count)).cloned().collect()
    }

    /// How many bytes were printed so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }

    /// Whether one of the kept lines contains one of the texts, upper and lower case alike.
    #[must_use]
    pub fn mentions(&self, texts: &[&str]) -> bool {
        self.tail(KEEP_LINES).iter().any(|line| {
            let line = line.to_lowercase();
            texts.iter().any(|text| line.contains(text))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn megabytes_are_drained_and_only_the_end_is_kept() {
        let output = Output::default();
        let mut text = b"x\n".repeat(500_000);
        text.extend(b"the end\n");
        output.drain(std::io::Cursor::new(text));
        let deadline = Instant::now() + Duration::from_secs(20);
        while output.bytes() < 1_000_008 {
            assert!(Instant::now() < deadline, "drained {} bytes only", output.bytes());
            output.wait_for_more(Duration::from_millis(10));
        }
        assert_eq!(output.tail(1), ["the end"]);
        assert_eq!(output.tail(10_000).len(), KEEP_LINES);
        assert!(output.mentions(&["the end"]) && !output.mentions(&["absent"]));
    }

    #[test]
    fn a_line_without_end_is_kept_in_pieces() {
        let output = Output::default();
        output.push(&[b'y'; 10]);
        assert_eq!(output.tail(5), ["yyyyyyyyyy"]);
    }
}
