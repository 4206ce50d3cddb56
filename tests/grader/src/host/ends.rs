//! How a client under test ends, what it has printed by then, and what a report says of it.

use std::time::{Duration, Instant};

use super::Host;
use crate::check::{Death, Failure, Kind, Outcome, Verdict};
use crate::client::record::around;
use crate::client::stall::{Stall, Stuck};
use crate::diagnosis;
use crate::hexdump::first_difference;
use crate::target::Ended;

/// Named when a client that could not do its work exits with 0.
pub const STATUS: &str = "the exit status of an error is 0";
/// Named when it exits with another status and says nothing.
pub const MUTE: &str = "an error leaves no line on standard error";
/// Named when it says it in many lines.
pub const CLUTTER: &str = "an error is told by a stack trace and not in one line";

/// One line for the connection, one for the error.
const MOST_LINES: usize = 2;
/// How a runtime begins to tell what has happened to it.
const TRACES: [&str; 5] =
    ["Traceback (most recent", "panicked at", "goroutine ", "Unhandled", "node:internal"];

impl Host {
    /// Waits until `expected` has been printed, while the client goes on.
    ///
    /// # Errors
    /// A failure when something else is printed, or nothing.
    pub fn expect_printed(&mut self, expected: &[u8]) -> Outcome {
        let mut stall = Stall::new();
        let mut before = 0;
        loop {
            let (total, ended) = {
                let state = self.printed.state();
                (state.total, state.ended)
            };
            if total >= expected.len() || ended {
                return self.compare(expected, false);
            }
            if total > before {
                stall.progress();
                before = total;
            }
            match self.look(&mut stall) {
                // What a process has printed arrives before its pipe ends.
                None | Some(Stuck::Died) => {}
                Some(_) => return self.compare(expected, false),
            }
            self.printed.wait_for_more(Duration::from_millis(20));
        }
    }

    /// Whether so many bytes have been printed by now.
    #[must_use]
    pub fn has_printed(&self, count: usize) -> bool {
        self.printed.state().total >= count
    }

    /// The client ends with status 0 and has printed `expected` and nothing else.
    ///
    /// # Errors
    /// A failure that says which of these is not so.
    pub fn succeeds(&mut self, expected: &[u8]) -> Outcome {
        let ended = self.wait_end("the conversation is over, and the client does not end")?;
        self.compare(expected, true)?;
        if ended.0.success() {
            return Ok(());
        }
        let summary = format!("all went well, and the client {ended}");
        Err(self.failure(Kind::BadExit, summary).into())
    }

    /// The client ends with a status that isn't 0, and one line on standard error says why.
    ///
    /// # Errors
    /// A failure that names which of these is not so.
    pub fn fails(&mut self, why: &str) -> Outcome {
        let ended = self.wait_end(&format!("{why}, and the client does not end"))?;
        self.wait_for_words();
        let lines = self.complaints();
        let bug = if self.died(ended) {
            None
        } else if ended.0.success() {
            Some(STATUS)
        } else if lines.is_empty() {
            Some(MUTE)
        } else if lines.len() > MOST_LINES || lines.iter().any(|line| TRACES.iter().any(|t| line.contains(t)))
        {
            Some(CLUTTER)
        } else {
            return Ok(());
        };
        let said = match lines.len() {
            0 => "says nothing on standard error".to_owned(),
            1 => "says one line".to_owned(),
            more => format!("says {more} lines"),
        };
        let mut failure = self.failure(Kind::BadExit, format!("{why}; the client {ended} and {said}"));
        failure.bug = failure.bug.or(bug.map(Into::into));
        Err(failure.into())
    }

    /// How many lines it has left on standard error.
    #[must_use]
    pub fn complaints_left(&self) -> usize {
        self.wait_for_words();
        self.complaints().len()
    }

    fn died(&self, ended: Ended) -> bool {
        ended.0.code().is_none()
    }

    fn complaints(&self) -> Vec<String> {
        let mut lines = self.fed.process.stderr().tail(usize::MAX);
        lines.retain(|line| !line.trim().is_empty());
        lines
    }

    /// The last words of a process that has ended may still be on their way to this one.
    fn wait_for_words(&self) {
        let _ = self.fed.process.stderr().wait(Duration::from_millis(500), |_| None::<()>);
    }

    fn wait_end(&mut self, summary: &str) -> Outcome<Ended> {
        let mut stall = Stall::new();
        let mut buffer = vec![0; 64 << 10];
        loop {
            // Whatever it still sends is of no interest, and must not hold it up.
            while self.stream.is_some() && self.read_into(&mut buffer)? > 0 {
                stall.progress();
            }
            if let Some(ended) = self.fed.process.wait_end(Duration::from_millis(5)) {
                self.wait_for_output();
                return Ok(ended);
            }
            match self.look(&mut stall) {
                None | Some(Stuck::Died) => {}
                Some(stuck) => return Err(self.stuck(stuck, Kind::StillRunning, summary)),
            }
        }
    }

    fn wait_for_output(&self) {
        // A child of it may hold the pipe open for ever.
        let until = Instant::now() + Duration::from_secs(2);
        while !self.printed.state().ended && Instant::now() < until {
            self.printed.wait_for_more(Duration::from_millis(5));
        }
    }

    /// Compares what was printed so far: all of it, or its beginning.
    fn compare(&mut self, expected: &[u8], whole: bool) -> Outcome {
        let (came, total) = {
            let state = self.printed.state();
            (state.bytes.clone(), state.total)
        };
        let common = came.len().min(expected.len());
        let place = first_difference(&came[..common], &expected[..common]).unwrap_or(common);
        let (kind, summary) = if place < common {
            (Kind::WrongPrint, format!("byte {place} on standard output is wrong"))
        } else if total < expected.len() {
            (Kind::NotPrinted, format!("standard output has {total} of {} bytes", expected.len()))
        } else if whole && total > expected.len() {
            (Kind::WrongPrint, format!("standard output has {} bytes too many", total - expected.len()))
        } else {
            return Ok(());
        };
        let mut failure = self.failure(kind, summary);
        failure.expected = Some(around(expected, place));
        let mut dump = around(&came, place);
        dump.caret = Some((place, "first difference on standard output".to_owned()));
        failure.came = Some(dump);
        Err(failure.into())
    }

    /// What standard output holds.
    #[must_use]
    pub fn output(&self) -> Vec<u8> {
        self.printed.state().bytes.clone()
    }

    pub(super) fn stuck(&mut self, stuck: Stuck, kind: Kind, summary: &str) -> Verdict {
        let kind = match stuck {
            Stuck::Deadline => Kind::TimeUp,
            Stuck::Died if kind != Kind::Refused => Kind::ClientEnded,
            _ => kind,
        };
        let mut failure = self.failure(kind, summary);
        failure.notes.push(
            match stuck {
                Stuck::Died => "the client has ended",
                Stuck::Asleep => {
                    "the client is asleep, waiting for something that will not come: this is a hang"
                }
                Stuck::Busy => "the client is busy, yet nothing moved for seconds",
                Stuck::Deadline => "the time for this check is up",
            }
            .to_owned(),
        );
        failure.into()
    }

    /// A failure with what was sent and received in this step, and the client's last lines.
    pub fn failure(&mut self, kind: Kind, summary: impl Into<String>) -> Failure {
        let mut failure = Failure::new(kind, summary);
        if !self.record.step.is_empty() {
            failure.step = Some(self.record.step.clone());
        }
        failure.sent = Some(self.record.sent_dump(self.wire));
        failure.came = Some(self.record.came_dump(self.wire));
        failure.notes.extend(self.record.events.iter().cloned());
        // FIN or RST of a dying process arrives before the process can be reaped.
        if let Some(ended) = self.fed.process.wait_end(Duration::from_millis(100)) {
            self.wait_for_words();
            failure.notes.push(format!("the client {ended}"));
            if self.died(ended) {
                failure.death = Some(Death { how: ended.to_string(), last_words: String::new() });
                diagnosis::complete_client(&mut failure);
            }
        }
        let lines = self.complaints();
        if let Some(step) = diagnosis::unwritten_step(&lines) {
            failure.bug = Some(format!("step {step} is not written").into());
            failure.why = Some(diagnosis::UNWRITTEN_WHY);
        }
        let telling = diagnosis::telling_lines(&lines);
        if !telling.is_empty() {
            failure.notes.push(format!("its last lines:\n    {}", telling.join("\n    ")));
        }
        failure
    }
}
