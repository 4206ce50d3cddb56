//! What a check is: plain data and one function. Adding one means one file under `checks/` and one line in its module
//! list.

use std::fmt;
use std::str::FromStr;

pub use crate::context::Context;
pub use crate::failure::{Death, Explain, Failure, Kind, Outcome, Verdict};

/// The four phases of the course.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Blocking sockets: RFC 862 echo.
    Echo,
    /// Length-prefixed frames.
    Framing,
    /// One thread, many connections.
    EventLoop,
    /// The key-value store.
    Keyspace,
}

impl Phase {
    /// In teaching order.
    pub const ALL: [Self; 4] = [Self::Echo, Self::Framing, Self::EventLoop, Self::Keyspace];

    /// `phase1` … `phase4`, as on the command line and in check ids.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Echo => "phase1",
            Self::Framing => "phase2",
            Self::EventLoop => "phase3",
            Self::Keyspace => "phase4",
        }
    }

    /// What an instructor's gradebook calls it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Echo => "Phase 1: echo",
            Self::Framing => "Phase 2: framing",
            Self::EventLoop => "Phase 3: event loop",
            Self::Keyspace => "Phase 4: keyspace",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Phase {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|phase| phase.name() == text || phase.name().strip_prefix("phase") == Some(text))
            .ok_or_else(|| format!("unknown phase `{text}`: say phase1, phase2, phase3 or phase4"))
    }
}

/// Which program a check judges. The grader is the other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The server: the grader is its clients.
    Server,
    /// The client: the grader is its server.
    Client,
}

impl Subject {
    /// `server` or `client`.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }

    /// The check without which no other of this subject can be tried.
    #[must_use]
    pub const fn foundation(self) -> &'static str {
        match self {
            Self::Server => "listens",
            Self::Client => "client-connects",
        }
    }
}

/// What a check needs from the machine; where it is missing the check is reported as not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Readable /proc entries of the server.
    Proc,
    /// `--strace`, the strace program and permission to trace.
    Strace,
}

/// A named check. The id is `PHASE.NAME`, such as `phase2.partial-header`.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Name within the phase: lower case, words joined by `-`.
    pub name: &'static str,
    /// The phases it belongs to; [`Context::wire`] tells the function which messages to speak.
    pub phases: &'static [Phase],
    /// The program it judges.
    pub subject: Subject,
    /// Entries of the bug catalogue it sees.
    pub catalogue: &'static [u8],
    /// One line: what a correct server, or client, does.
    pub title: &'static str,
    /// A few sentences for `--explain` and for a failure: why this matters.
    pub lesson: &'static str,
    /// The book's chapter, as a path from the repository's root.
    pub chapter: &'static str,
    /// Default weight; a suite file may change it.
    pub points: u32,
    /// Group for `--only`, such as `sockets`, `framing`, `loop`, `strings`; [`crate::stages`] puts groups into stages.
    pub topic: &'static str,
    /// Names of checks of the same phase without which this one is not tried.
    pub blocked_by: &'static [&'static str],
    /// Names of checks of the same phase that run first, and whose failure explains a failure here: this one is tried all
    /// the same.
    pub after: &'static [&'static str],
    /// The commands it sends to a key-value server (phase 4), with the options that matter: `SET PX`. Without one of them
    /// it is not tried.
    pub commands: &'static [&'static str],
    /// From a nudge to nearly the answer.
    pub hints: [&'static str; 3],
    /// Every diagnosis this check can make, by its exact text: what `Explain::likely` may be given.
    pub bugs: &'static [&'static str],
    /// What it needs from the machine.
    pub needs: &'static [Need],
    /// The check itself: `Ok(())` passes.
    pub run: fn(&mut Context) -> Outcome,
}

impl Check {
    /// What most checks leave as it is: `..Check::PLAIN`.
    pub const PLAIN: Self = Self {
        name: "",
        phases: &[],
        subject: Subject::Server,
        catalogue: &[],
        title: "",
        lesson: "",
        chapter: "",
        points: 0,
        topic: "",
        blocked_by: &[],
        after: &[],
        commands: &[],
        hints: [""; 3],
        bugs: &[],
        needs: &[],
        run: |_| Ok(()),
    };

    /// `phase2.partial-header`.
    #[must_use]
    pub fn id(&self, phase: Phase) -> String {
        format!("{phase}.{}", self.name)
    }
}
