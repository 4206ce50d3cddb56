//! What the loop did, as Chrome trace events: a JSON array that trace viewers open and the book draws.
//!
//! One track for the loop itself and one per connection. Times are microseconds since the start. Writing blocks the loop
//! like any file write; that is the price of looking. A trace that is off does nothing.
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use phase1_echo::log;

/// A trace file, or none.
pub struct Trace {
    /// `None`: the trace is off, or writing failed.
    file: Option<File>,
    buffer: String,
    start: Instant,
    tracks: u32,
}

impl Trace {
    /// Creates or empties the file; without one, a trace that is off.
    ///
    /// # Errors
    /// Those of open(2).
    pub fn new(path: Option<&Path>) -> io::Result<Self> {
        let file = path.map(File::create).transpose()?;
        let mut trace = Trace { file, buffer: "[".to_owned(), start: Instant::now(), tracks: 0 };
        if trace.file.is_some() {
            trace.append("\"M\"", 0, "process_name", r#""name":"server""#);
            trace.append("\"M\"", 0, "thread_name", r#""name":"loop""#);
        }
        Ok(trace)
    }

    /// The time, if the trace is on: the beginning of an event to [`note`](Trace::note) later.
    pub fn begin(&self) -> Option<Instant> {
        self.file.as_ref().map(|_| Instant::now())
    }

    /// Notes an event that began at `start` and ends now, or (`None`) has no length. `args` makes its JSON fields; their
    /// texts need no escapes.
    #[inline]
    pub fn note(&mut self, track: u32, name: &str, start: Option<Instant>, args: impl FnOnce() -> String) {
        if self.file.is_some() {
            self.note_now(track, name, start, &args());
        }
    }

    /// Notes that a client's requests are not served for a while, or that they are again.
    pub fn back_pressure(&mut self, track: u32, on: bool) {
        let name = if on { "back-pressure on" } else { "back-pressure off" };
        self.note(track, name, None, String::new);
    }

    /// The track of a new connection. No number is given twice: two clients of one slot are two tracks. 0 is the loop's.
    pub fn open_track(&mut self, peer: SocketAddr) -> u32 {
        if self.file.is_some() {
            self.tracks += 1;
            self.append("\"M\"", self.tracks, "thread_name", &format!(r#""name":"{peer}""#));
        }
        self.tracks
    }

    /// Hands to the kernel what this tick has noted, so that a killed server leaves a trace of all but its last.
    pub fn write_out(&mut self) {
        let Some(file) = &mut self.file else { return };
        if let Err(error) = file.write_all(self.buffer.as_bytes()) {
            log!("the trace ends here: {error}");
            self.file = None;
        }
        self.buffer.clear();
    }

    /// Ends the array and writes the rest.
    pub fn finish(&mut self) {
        self.buffer.push_str("\n]\n");
        self.write_out();
    }

    #[cold]
    fn note_now(&mut self, track: u32, name: &str, start: Option<Instant>, args: &str) {
        let now = Instant::now();
        let micros = |span: Duration| span.as_secs_f64() * 1e6;
        let at = micros(start.unwrap_or(now).saturating_duration_since(self.start));
        let phase = match start {
            Some(start) => format!(r#""X","ts":{at:.3},"dur":{:.3}"#, micros(now - start)),
            None => format!(r#""i","ts":{at:.3},"s":"t""#),
        };
        self.append(&phase, track, name, args);
    }

    fn append(&mut self, phase: &str, track: u32, name: &str, args: &str) {
        let comma = if self.buffer == "[" { "" } else { "," };
        let pid = std::process::id();
        let rest =
            format_args!(r#""ph":{phase},"pid":{pid},"tid":{track},"name":"{name}","args":{{{args}}}"#);
        // Writing to a String cannot fail.
        let _ = write!(self.buffer, "{comma}\n{{{rest}}}");
    }
}

/// What a system call returned, as an event's argument: a number, or the errno in quotes.
pub fn returned(result: nix::Result<usize>) -> String {
    result.map_or_else(|errno| format!("\"{errno:?}\""), |count| count.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_clients_of_one_slot_are_two_tracks() {
        let path = std::env::temp_dir().join(format!("trace-unit-{}.json", std::process::id()));
        let mut trace = Trace::new(Some(&path)).unwrap();
        for _ in 0..2 {
            let track = trace.open_track("[::1]:9".parse().unwrap());
            trace.note(track, "accept", None, || r#""fd":7,"peer":"[::1]:9""#.to_owned());
        }
        trace.note(0, "wait", trace.begin(), String::new);
        trace.finish();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(text.starts_with("[\n{") && text.ends_with("}\n]\n"), "{text}");
        assert!(text.contains(r#""args":{"fd":7,"peer":"[::1]:9"}}"#), "{text}");
        for event in [r#""tid":1,"name":"accept""#, r#""tid":2,"name":"accept""#, r#""tid":0,"name":"wait""#]
        {
            assert!(text.contains(event), "{event} in {text}");
        }
        assert!(text.lines().skip(1).take(7).all(|line| line.starts_with('{')), "{text}");
    }

    #[test]
    fn a_trace_that_is_off_keeps_nothing() {
        let mut trace = Trace::new(None).unwrap();
        assert_eq!(trace.open_track("[::1]:9".parse().unwrap()), 0);
        trace.note(0, "wait", trace.begin(), || unreachable!("nothing is noted"));
        assert!(trace.buffer == "[");
    }
}
