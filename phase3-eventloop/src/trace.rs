//! What the loop did, as Chrome trace events: a JSON array that trace viewers open and the book draws.
//!
//! One track for the loop itself and one per connection. Times are microseconds since the start. Writing blocks the loop
//! like any file write; that is the price of looking, and without `--trace` nothing of this runs.
use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use phase1_echo::log;

use crate::slab::ConnId;

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

/// One argument of an event.
#[derive(Clone, Copy, Debug)]
pub enum Arg<'a> {
    /// A count, a size, a descriptor.
    Int(i64),
    /// Anything else.
    Text(&'a str),
}

impl From<usize> for Arg<'_> {
    fn from(value: usize) -> Self {
        Arg::Int(value as i64)
    }
}

impl From<i32> for Arg<'_> {
    fn from(value: i32) -> Self {
        Arg::Int(i64::from(value))
    }
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(value: &'a str) -> Self {
        Arg::Text(value)
    }
}

/// Arguments by name.
pub type Args<'a> = &'a [(&'a str, Arg<'a>)];

/// An open trace file.
pub struct Trace {
    file: File,
    buffer: String,
    start: Instant,
    written: Instant,
    /// Track numbers of live connections. A number is never used twice: two clients of one slot are two tracks.
    tracks: HashMap<ConnId, u32>,
    tracks_given: u32,
    /// Something about a connection is in the buffer. The loop's own turns do not count: writing them down would wake the
    /// loop, and be a turn to write down.
    pressing: bool,
    /// Set when writing failed: said once, then silent.
    broken: bool,
}

impl Trace {
    /// Creates or empties the file.
    ///
    /// # Errors
    /// Those of open(2).
    pub fn create(path: &Path) -> io::Result<Self> {
        let now = Instant::now();
        let mut trace = Trace {
            file: File::create(path)?,
            buffer: String::from("[\n"),
            start: now,
            written: now,
            tracks: HashMap::new(),
            tracks_given: 0,
            pressing: true,
            broken: false,
        };
        // The first event needs no comma before it; every later one does.
        let pid = std::process::id();
        let _ = write!(
            trace.buffer,
            r#"{{"ph":"M","name":"process_name","pid":{pid},"tid":0,"args":{{"name":"server"}}}}"#
        );
        trace.name_track(0, "loop");
        Ok(trace)
    }

    /// Gives a new connection its track.
    pub fn open_track(&mut self, conn: ConnId, name: &str) {
        self.tracks_given += 1;
        self.tracks.insert(conn, self.tracks_given);
        self.name_track(self.tracks_given, name);
    }

    /// Forgets a closed connection; its track stays in the file.
    pub fn close_track(&mut self, conn: ConnId) {
        self.tracks.remove(&conn);
    }

    /// Something that began at `start` and ends now.
    pub fn span(&mut self, track: Track, name: &str, start: Instant, args: Args<'_>) {
        let duration = start.elapsed();
        self.event(track, 'X', name, start, args);
        let _ = write!(self.buffer, r#","dur":{}}}"#, Micros(duration));
        self.write_if_full();
    }

    /// Something without length, now.
    pub fn instant(&mut self, track: Track, name: &str, args: Args<'_>) {
        self.event(track, 'i', name, Instant::now(), args);
        self.buffer.push_str(r#","s":"t"}"#);
        self.write_if_full();
    }

    /// When what is buffered should be written at the latest; `None` if nothing worth waking up for is.
    pub fn write_due(&self) -> Option<Instant> {
        self.pressing.then(|| self.written + WRITE_EVERY)
    }

    /// Hands the buffer to the kernel.
    pub fn write_out(&mut self) {
        if !self.broken
            && let Err(error) = self.file.write_all(self.buffer.as_bytes())
        {
            log!("the trace ends here: {error}");
            self.broken = true;
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

    fn write_if_full(&mut self) {
        if self.buffer.len() >= WRITE_AT {
            self.write_out();
        }
    }

    fn name_track(&mut self, number: u32, name: &str) {
        let pid = std::process::id();
        let _ =
            write!(self.buffer, ",\n{{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":{pid},\"tid\":{number},");
        self.buffer.push_str(r#""args":{"name":"#);
        push_json(&mut self.buffer, name);
        self.buffer.push_str("}}");
    }

    /// Everything of an event but its last fields and the closing brace.
    fn event(&mut self, track: Track, phase: char, name: &str, at: Instant, args: Args<'_>) {
        let number = match track {
            Track::Loop => 0,
            Track::Connection(conn) => {
                self.pressing = true;
                self.tracks.get(&conn).copied().unwrap_or(0)
            }
        };
        let pid = std::process::id();
        let ts = Micros(at.saturating_duration_since(self.start));
        let _ = write!(
            self.buffer,
            ",\n{{\"ph\":\"{phase}\",\"pid\":{pid},\"tid\":{number},\"ts\":{ts},\"name\":"
        );
        push_json(&mut self.buffer, name);
        self.buffer.push_str(",\"args\":{");
        for (position, (key, value)) in args.iter().enumerate() {
            if position > 0 {
                self.buffer.push(',');
            }
            push_json(&mut self.buffer, key);
            self.buffer.push(':');
            match value {
                Arg::Int(value) => drop(write!(self.buffer, "{value}")),
                Arg::Text(value) => push_json(&mut self.buffer, value),
            }
        }
        self.buffer.push('}');
    }
}

/// Microseconds with the nanoseconds behind the point.
struct Micros(Duration);

impl std::fmt::Display for Micros {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let nanos = self.0.as_nanos();
        write!(f, "{}.{:03}", nanos / 1000, nanos % 1000)
    }
}

/// A JSON string (RFC 8259, section 7).
fn push_json(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' => drop(write!(out, "\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped() {
        let mut out = String::new();
        push_json(&mut out, "a\"b\\c\n\u{1f}é");
        assert_eq!(out, r#""a\"b\\c\u000a\u001fé""#);
    }

    #[test]
    fn two_clients_of_one_slot_are_two_tracks() {
        let path = std::env::temp_dir().join(format!("trace-unit-{}.json", std::process::id()));
        let mut trace = Trace::create(&path).unwrap();
        for generation in 0..2 {
            let conn = ConnId::new(0, generation);
            trace.open_track(conn, "peer");
            trace.instant(Track::Connection(conn), "accept", &[("fd", 7.into()), ("peer", "[::1]:9".into())]);
            trace.close_track(conn);
        }
        trace.span(Track::Loop, "wait", Instant::now(), &[]);
        trace.finish();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(text.starts_with("[\n{") && text.ends_with("}\n]\n"), "{text}");
        assert!(text.contains(r#""args":{"fd":7,"peer":"[::1]:9"},"s":"t"}"#), "{text}");
        for track in ["\"tid\":1,\"ts\"", "\"tid\":2,\"ts\"", "\"tid\":0,\"ts\""] {
            assert!(text.contains(track), "{track} in {text}");
        }
        assert!(text.lines().skip(1).take(7).all(|line| line.starts_with('{')), "{text}");
    }
}
