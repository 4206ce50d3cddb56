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
use crate::syscalls;

/// A buffer of this many bytes is written at once; a smaller one after [`WRITE_EVERY`].
const WRITE_AT: usize = 256 * 1024;
/// How old an unwritten event gets, so that a killed server leaves a trace of all but its last second.
const WRITE_EVERY: Duration = Duration::from_secs(1);

/// Which line of the picture an event belongs to.
#[derive(Clone, Copy, Debug)]
pub enum Track {
    /// Ticks, waits, timers.
    Loop,
    /// Everything that concerns one connection.
    Connection(ConnId),
}

/// What a system call returned, as an event's argument: a number, or the errno in quotes.
pub struct Returned(pub nix::Result<usize>);

impl fmt::Display for Returned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Ok(count) => write!(f, "{count}"),
            Err(errno) => write!(f, "\"{}\"", syscalls::name(errno)),
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
    /// A trace that is off.
    pub fn off() -> Self {
        let now = Instant::now();
        let (buffer, tracks) = (String::new(), HashMap::new());
        Trace { file: None, buffer, start: now, written: now, tracks, tracks_given: 0, pressing: false }
    }

    /// Creates or empties the file.
    ///
    /// # Errors
    /// Those of open(2).
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut trace = Trace { file: Some(File::create(path)?), ..Trace::off() };
        // The first event needs no comma before it; every later one does.
        trace.buffer.push('[');
        trace.meta("process_name", 0, format_args!("server"));
        trace.buffer.remove(1);
        trace.meta("thread_name", 0, format_args!("loop"));
        trace.pressing = true;
        Ok(trace)
    }

    /// The time, if the trace is on: the beginning of an event to [`note`](Trace::note) later.
    pub fn begin(&self) -> Option<Instant> {
        self.file.as_ref().map(|_| Instant::now())
    }

    /// Notes an event that began at `start` and ends now, or (`None`) has no length. `args` are JSON fields; their texts
    /// need no escapes.
    pub fn note(&mut self, track: Track, name: &str, start: Option<Instant>, args: Arguments<'_>) {
        if self.file.is_none() {
            return;
        }
        let now = Instant::now();
        let at = micros(start.unwrap_or(now).saturating_duration_since(self.start));
        let number = match track {
            Track::Loop => 0,
            Track::Connection(conn) => {
                self.pressing = true;
                self.tracks.get(&conn).copied().unwrap_or(0)
            }
        };
        // Writing to a String cannot fail.
        let _ = match start {
            Some(start) => write!(self.buffer, ",\n{{\"ph\":\"X\",\"dur\":{:.3}", micros(now - start)),
            None => write!(self.buffer, ",\n{{\"ph\":\"i\",\"s\":\"t\""),
        };
        let pid = std::process::id();
        let rest =
            format_args!(r#","pid":{pid},"tid":{number},"ts":{at:.3},"name":"{name}","args":{{{args}}}}}"#);
        let _ = self.buffer.write_fmt(rest);
        if self.buffer.len() >= WRITE_AT {
            self.write_out();
        }
    }

    /// Gives a new connection its track.
    pub fn open_track(&mut self, conn: ConnId, peer: SocketAddr) {
        if self.file.is_some() {
            self.tracks_given += 1;
            self.tracks.insert(conn, self.tracks_given);
            self.meta("thread_name", self.tracks_given, format_args!("{peer}"));
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

    fn meta(&mut self, what: &str, number: u32, name: Arguments<'_>) {
        let pid = std::process::id();
        let event = format_args!(
            ",\n{{\"ph\":\"M\",\"name\":\"{what}\",\"pid\":{pid},\"tid\":{number},\"args\":{{\"name\":\"{name}\"}}}}"
        );
        let _ = self.buffer.write_fmt(event);
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
        let mut trace = Trace::create(&path).unwrap();
        for generation in 0..2 {
            let conn = ConnId::new(0, generation);
            trace.open_track(conn, "[::1]:9".parse().unwrap());
            trace.note(Track::Connection(conn), "accept", None, format_args!(r#""fd":7,"peer":"[::1]:9""#));
            trace.close_track(conn);
        }
        trace.note(Track::Loop, "wait", trace.begin(), format_args!(""));
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
        let mut trace = Trace::off();
        trace.open_track(ConnId::new(0, 0), "[::1]:9".parse().unwrap());
        trace.note(Track::Loop, "wait", trace.begin(), format_args!(""));
        assert!(trace.buffer.is_empty() && trace.tracks.is_empty() && trace.write_due().is_none());
    }
}
