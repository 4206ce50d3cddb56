//! Lines on stderr for whoever runs the server, one per event, with the time in front.
use std::fmt::Arguments;
use std::io::Write;
use std::sync::atomic::{AtomicU8, Ordering};

/// How much is said (`loglevel`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// What only a developer of this server wants to know: nothing yet that is not verbose too.
    Debug,
    /// Connections and protocol errors too.
    Verbose,
    /// What an operator wants to know.
    Notice,
    /// What an operator should look at.
    Warning,
}

static LEVEL: AtomicU8 = AtomicU8::new(Level::Notice as u8);

/// Says only what is at least this important from here on.
pub fn set_level(level: Level) {
    LEVEL.store(level as u8, Ordering::Relaxed);
}

/// See [`Level::Verbose`].
pub fn verbose(what: Arguments<'_>) {
    line(Level::Verbose, what);
}

/// See [`Level::Notice`].
pub fn notice(what: Arguments<'_>) {
    line(Level::Notice, what);
}

/// See [`Level::Warning`].
pub fn warning(what: Arguments<'_>) {
    line(Level::Warning, what);
}

fn line(level: Level, what: Arguments<'_>) {
    if (level as u8) < LEVEL.load(Ordering::Relaxed) {
        return;
    }
    let now = crate::clock::wall_clock();
    let (hours, minutes, seconds) = (now.as_secs() / 3600 % 24, now.as_secs() / 60 % 60, now.as_secs() % 60);
    // Nobody may be reading stderr any more; that must not end the server.
    let _ = writeln!(
        std::io::stderr(),
        "{hours:02}:{minutes:02}:{seconds:02}.{:03}Z {what}",
        now.subsec_millis()
    );
}
