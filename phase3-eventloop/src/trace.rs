//! What the loop did, as Chrome trace events: a JSON array that trace viewers open and the book draws.
//!
//! One track for the loop itself and one per connection. Times are microseconds since the start. Writing blocks the loop
//! like any file write; that is the price of looking. A trace that is off does nothing.
use std::collections::HashMap;
use std::fmt::{self, Arguments, Write as _};
use std::fs::File;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use phase1_echo::log;

use crate::slab::ConnId;

/// A buffer of this many bytes is written at once; a smaller one after [`WRITE_EVERY`].
const WRITE_AT: usize = 256 * 1024;
/// How old an unwritten event gets, so that a killed server leaves a trace of all but its last second.
const WRITE_EVERY: Duration = Duration::from_secs(1);

/// What a system call returned, as an event's argument: a number, or the errno in quotes.
pub struct Returned(pub nix::Result<usize>);

impl fmt::Display for Returned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Ok(count) => write!(f, "{count}"),
            Err(errno) => write!(f, "\"{errno:?}\""),
        }
    }
}

/// A trace file, or none.
pub struct Trace {
    /// `None`: the trace is off, or writing failed.
    file: Option<File>,
    buffer: String,
    start: Instant,
    written: Instant,
    /// Track numbers of live connections. A number is never used twice: two clients of one slot are two tracks.
    tracks: HashMap<ConnId, u32>,
    tracks_given: u32,
    /// Something about a connection is in the buffer. The loop's own turns do not count: writing them down would wake the
    /// loop, and be a turn to write down.
    pressing: bool,
}

impl Trace {
    /// Creates or empties the file; without one, a trace that is off.
    ///
    /// # Errors
    /// Those of open(2).
    pub fn new(path: Option<&Path>) -> io::Result<Self> {
        let now = Instant::now();
        let mut trace = Trace {
            file: path.map(File::create).transpose()?,
            buffer: "[".to_owned(),
            start: now,
            written: now,
            tracks: HashMap::new(),
            tracks_given: 0,
            pressing: path.is_some(),
        };
        if path.is_some() {
            trace.name("process_name", 0, format_args!("server"));
            trace.name("thread_name", 0, format_args!("loop"));
        }
        Ok(trace)
    }

    /// The time, if the trace is on: the beginning of an event to [`note`](Trace::note) later.
    pub fn begin(&self) -> Option<Instant> {
        self.file.as_ref().map(|_| Instant::now())
    }

    /// Notes an event of a connection or (`None`) of the loop, which began at `start` and ends now, or (`None`) has no
    /// length. `args` are JSON fields; their texts need no escapes.
    #[inline]
    pub fn note(&mut self, conn: Option<ConnId>, name: &str, start: Option<Instant>, args: Arguments<'_>) {
        if self.file.is_some() {
            self.append(conn, name, start, args);
        }
    }

    /// Notes that a client's requests are not served for a while, or that they are again.
    pub fn back_pressure(&mut self, conn: ConnId, on: bool) {
        let name = if on { "back-pressure on" } else { "back-pressure off" };
        self.note(Some(conn), name, None, format_args!(""));
    }

    /// Gives a new connection its track.
    pub fn open_track(&mut self, conn: ConnId, peer: SocketAddr) {
        if self.file.is_some() {
            self.tracks_given += 1;
            self.tracks.insert(conn, self.tracks_given);
            self.name("thread_name", self.tracks_given, format_args!("{peer}"));
        }
    }

    /// Forgets a closed connection; its track stays in the file.
    pub fn close_track(&mut self, conn: ConnId) {
        self.tracks.remove(&conn);
    }

    /// When what is buffered should be written at the latest; `None` if nothing worth waking up for is.
    pub fn write_due(&self) -> Option<Instant> {
        self.pressing.then(|| self.written + WRITE_EVERY)
    }

    /// Hands the buffer to the kernel.
    pub fn write_out(&mut self) {
        if let Some(file) = &mut self.file
            && let Err(error) = file.write_all(self.buffer.as_bytes())
        {
            log!("the trace ends here: {error}");
            self.file = None;
        }
        self.buffer.clear();
        self.pressing = false;
        self.written = Instant::now();
    }

    /// Ends the array and writes the rest.
    pub fn finish(&mut self) {
        self.buffer.push_str("\n]\n");
        self.write_out();
    }

    #[cold]
    fn append(&mut self, conn: Option<ConnId>, name: &str, start: Option<Instant>, args: Arguments<'_>) {
        let now = Instant::now();
        let at = micros(start.unwrap_or(now).saturating_duration_since(self.start));
        self.pressing |= conn.is_some();
        let track = conn.and_then(|conn| self.tracks.get(&conn)).copied().unwrap_or(0);
        match start {
            Some(start) => {
                let lasted = micros(now - start);
                self.event("X", track, name, args, format_args!(r#","ts":{at:.3},"dur":{lasted:.3}"#));
            }
            None => self.event("i", track, name, args, format_args!(r#","ts":{at:.3},"s":"t""#)),
        }
        if self.buffer.len() >= WRITE_AT {
            self.write_out();
        }
    }

    fn name(&mut self, what: &str, track: u32, name: Arguments<'_>) {
        self.event("M", track, what, format_args!(r#""name":"{name}""#), format_args!(""));
    }

    fn event(&mut self, phase: &str, track: u32, name: &str, args: Arguments<'_>, times: Arguments<'_>) {
        let comma = if self.buffer == "[" { "" } else { "," };
        let pid = std::process::id();
        // Writing to a String cannot fail.
        let _ = write!(
            self.buffer,
            "{comma}\n{{\"ph\":\"{phase}\",\"pid\":{pid},\"tid\":{track}{times},\"name\":\"{name}\",\"args\":{{{args}}}}}"
        );
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_clients_of_one_slot_are_two_tracks() {
        let path = std::env::temp_dir().join(format!("trace-unit-{}.json", std::process::id()));
        let mut trace = Trace::new(Some(&path)).unwrap();
        for generation in 0..2 {
            let conn = ConnId::new(0, generation);
            trace.open_track(conn, "[::1]:9".parse().unwrap());
            trace.note(Some(conn), "accept", None, format_args!(r#""fd":7,"peer":"[::1]:9""#));
            trace.close_track(conn);
        }
        trace.note(None, "wait", trace.begin(), format_args!(""));
        trace.finish();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(text.starts_with("[\n{") && text.ends_with("}\n]\n"), "{text}");
        assert!(text.contains(r#""args":{"fd":7,"peer":"[::1]:9"}}"#), "{text}");
        for track in ["\"tid\":1,\"ts\"", "\"tid\":2,\"ts\"", "\"tid\":0,\"ts\""] {
            assert!(text.contains(track), "{track} in {text}");
        }
        assert!(text.lines().skip(1).take(7).all(|line| line.starts_with('{')), "{text}");
    }

    #[test]
    fn a_trace_that_is_off_keeps_nothing() {
        let mut trace = Trace::new(None).unwrap();
        trace.open_track(ConnId::new(0, 0), "[::1]:9".parse().unwrap());
        trace.note(None, "wait", trace.begin(), format_args!(""));
        assert!(trace.buffer == "[" && trace.tracks.is_empty() && trace.write_due().is_none());
    }
}
