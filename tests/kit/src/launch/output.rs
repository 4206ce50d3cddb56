//! The child's stdout and stderr: always drained, as a rule only the end kept.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const KEEP_LINES: usize = 100;
const KEEP_BYTES_OF_LINE: u64 = 2_000;

/// The last lines a program printed, and how much it printed in all. Clones share the same record.
#[derive(Debug, Clone, Default)]
pub struct Output(Arc<(Mutex<Kept>, Condvar)>);

#[derive(Debug, Default)]
struct Kept {
    /// With their line ends.
    lines: VecDeque<String>,
    bytes: u64,
    whole: bool,
    streams: usize,
}

impl Output {
    /// A record that keeps every line, for programs whose output is what is looked at.
    #[must_use]
    pub fn whole() -> Self {
        let output = Self::default();
        output.kept().whole = true;
        output
    }

    /// Starts a thread that reads `stream` to its end. The thread ends with the last process that holds the pipe.
    pub fn drain(&self, stream: impl Read + Send + 'static) {
        self.kept().streams += 1;
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
            shared.kept().streams -= 1;
            shared.0.1.notify_all();
        });
    }

    fn push(&self, line: &[u8]) {
        let mut kept = self.kept();
        kept.bytes += line.len() as u64;
        kept.lines.push_back(String::from_utf8_lossy(line).into_owned());
        if kept.lines.len() > KEEP_LINES && !kept.whole {
            kept.lines.pop_front();
        }
        self.0.1.notify_all();
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns early when something is printed, else after `patience`.
    pub fn wait_for_more(&self, patience: Duration) {
        drop(self.0.1.wait_timeout(self.kept(), patience));
    }

    /// What is kept, as it was printed.
    #[must_use]
    pub fn text(&self) -> String {
        self.kept().lines.iter().map(String::as_str).collect()
    }

    /// Waits until `found` is satisfied with the kept text; `None` after `patience`, or once all streams have ended.
    pub fn wait<T>(&self, patience: Duration, found: impl Fn(&str) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + patience;
        loop {
            let ended = self.kept().streams == 0;
            if let Some(value) = found(&self.text()) {
                return Some(value);
            }
            let left = deadline.checked_duration_since(Instant::now()).filter(|_| !ended)?;
            self.wait_for_more(left.min(Duration::from_millis(20)));
        }
    }

    /// Waits until all that was printed has been read, which a child that still holds the pipe can put off; as long as
    /// `patience` at most. A program has ended before its last words have come through the pipe.
    pub fn wait_to_the_end(&self, patience: Duration) {
        let _ = self.wait(patience, |_| None::<()>);
    }

    /// The last `count` lines.
    #[must_use]
    pub fn tail(&self, count: usize) -> Vec<String> {
        let kept = self.kept();
        let from = kept.lines.len().saturating_sub(count);
        kept.lines.iter().skip(from).map(|line| line.trim_end().to_owned()).collect()
    }

    /// How many bytes were printed so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.kept().bytes
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

    #[test]
    fn the_last_words_are_waited_for() {
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        let output = Output::default();
        output.drain(reader);
        output.wait_to_the_end(Duration::from_millis(1));
        let late = std::thread::spawn(move || {
            output.wait_to_the_end(Duration::from_secs(20));
            output.tail(1)
        });
        std::io::Write::write_all(&mut writer, b"panicked at\n").expect("somebody reads");
        drop(writer);
        assert_eq!(late.join().expect("it does not panic"), ["panicked at"]);
    }

    #[test]
    fn the_whole_text_is_kept_when_asked_for_and_its_end_is_noticed() {
        let output = Output::whole();
        output.drain(std::io::Cursor::new("line\n".repeat(3 * KEEP_LINES)));
        let patience = Duration::from_secs(20);
        let all = |text: &str| (text.len() == 15 * KEEP_LINES).then_some(());
        assert!(output.wait(patience, all).is_some());
        assert_eq!(output.wait(patience, |text| text.contains("absent").then_some(())), None);
    }
}
