//! How a check says no: what was sent, what was expected, what came, and which bug that looks like.

use std::borrow::Cow;

use crate::hexdump::Dump;

/// The result of a check or of a step in it.
pub type Outcome<T = ()> = Result<T, Verdict>;

/// Everything but a pass.
#[derive(Debug)]
pub enum Verdict {
    /// The server broke the contract.
    Failed(Box<Failure>),
    /// The check could not be run here, and why.
    NotRun(String),
    /// The grader or the machine failed, not the server.
    Infrastructure(String),
}

/// The outward sign of a failure, by which a check chooses its diagnosis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Bytes were owed and nothing more came, while the connection stayed open.
    NoReply,
    /// Bytes came, and differ from those expected.
    WrongBytes,
    /// The stream ended (FIN) before everything came.
    EarlyEof,
    /// The connection was reset (RST).
    Reset,
    /// No connection could be made.
    Refused,
    /// The server process ended.
    ServerDied,
    /// The connection should have ended and did not.
    NotClosed,
    /// More bytes came than are owed.
    ExtraBytes,
    /// The server stopped taking bytes it has to take.
    NotReading,
    /// CPU, memory, descriptors or threads beyond bounds, or too slow.
    Resource,
    /// The check's time was up while the server was still at it.
    TimeUp,
    /// The client under test ended, or closed, before it should have.
    ClientEnded,
    /// The client did not end although its work was done, or could not be.
    StillRunning,
    /// Standard output lacks what came from the server.
    NotPrinted,
    /// Standard output holds something else.
    WrongPrint,
    /// The exit status, or what standard error says with it, is not as agreed.
    BadExit,
}

impl Kind {
    /// True when the server is there and answered otherwise than it should, or not at all. A server that has ended, or
    /// one that was cut short, shows nothing of the mistakes a check looks for.
    #[must_use]
    pub fn is_an_answer(self) -> bool {
        !matches!(self, Self::ServerDied | Self::Refused | Self::TimeUp)
    }
}

/// How the server under test ended, as far as the grader can see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// `was killed by signal 11 (SIGSEGV)`, `exited with status 101`.
    pub how: String,
    /// The line with which it took its leave, without numbers: two deaths with equal lines have one cause.
    pub last_words: String,
}

/// A failure as the report shows it.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The outward sign.
    pub kind: Kind,
    /// One sentence: what went wrong.
    pub summary: String,
    /// What the check was doing.
    pub step: Option<String>,
    /// The likely bug, by one of the check's names or by one of [`crate::diagnosis`].
    pub bug: Option<Cow<'static, str>>,
    /// Why that bug matters, where the check's own lesson is about something else.
    pub why: Option<&'static str>,
    /// How the server ended, if it did.
    pub death: Option<Death>,
    /// What was sent in this step.
    pub sent: Option<Dump>,
    /// What was expected.
    pub expected: Option<Dump>,
    /// What came.
    pub came: Option<Dump>,
    /// Further facts, in order: the course of the connection, measurements, the server's last lines.
    pub notes: Vec<String>,
}

impl Failure {
    /// A failure of which only a sentence is known.
    pub fn new(kind: Kind, summary: impl Into<String>) -> Self {
        Self {
            kind,
            summary: summary.into(),
            step: None,
            bug: None,
            why: None,
            death: None,
            sent: None,
            expected: None,
            came: None,
            notes: Vec::new(),
        }
    }
}

impl Failure {
    /// Whether the server touched memory that is not its own, or found its own damaged: no check's stimulus, be it a reset or
    /// a crowd, is what is wrong then.
    #[must_use]
    pub fn is_a_memory_fault(&self) -> bool {
        ["SIGSEGV", "SIGBUS", "SIGABRT"].iter().any(|signal| self.is_by(signal))
    }

    /// Whether the server was ended by this signal.
    #[must_use]
    pub fn is_by(&self, signal: &str) -> bool {
        self.death.as_ref().is_some_and(|death| death.how.contains(signal))
    }
}

impl From<Box<Failure>> for Verdict {
    fn from(failure: Box<Failure>) -> Self {
        Self::Failed(failure)
    }
}

impl From<Failure> for Verdict {
    fn from(failure: Failure) -> Self {
        Self::Failed(Box::new(failure))
    }
}

/// Adds what only the check knows to a failure that came from below.
pub trait Explain: Sized {
    /// Changes the failure, if there is one.
    fn on_failure(self, change: impl FnOnce(&mut Failure)) -> Self;

    /// Names the likely bug, unless one is named already, for a server that lives and answers wrongly or not at all.
    fn likely(self, bug: &'static str) -> Self {
        self.on_failure(|failure| {
            if failure.kind.is_an_answer() {
                failure.bug.get_or_insert(bug.into());
            }
        })
    }

    /// Names the likely bug for failures with one of these signs.
    fn likely_when(self, kinds: &[Kind], bug: &'static str) -> Self {
        self.on_failure(|failure| {
            if kinds.contains(&failure.kind) {
                failure.bug.get_or_insert(bug.into());
            }
        })
    }

    /// Names the likely bug where the server ended: for a stimulus that a sound server survives, and that nothing else
    /// in this check could have been fatal beside.
    fn likely_death(self, bug: &'static str) -> Self {
        self.likely_when(&[Kind::ServerDied, Kind::Refused], bug)
    }

    /// Adds a fact.
    fn note(self, text: impl Into<String>) -> Self {
        self.on_failure(|failure| failure.notes.push(text.into()))
    }

    /// Replaces the sentence that says what went wrong.
    fn summary(self, text: impl Into<String>) -> Self {
        self.on_failure(|failure| failure.summary = text.into())
    }
}

impl<T> Explain for Outcome<T> {
    fn on_failure(mut self, change: impl FnOnce(&mut Failure)) -> Self {
        if let Err(Verdict::Failed(failure)) = &mut self {
            change(failure);
        }
        self
    }
}

impl Explain for Box<Failure> {
    fn on_failure(mut self, change: impl FnOnce(&mut Failure)) -> Self {
        change(&mut self);
        self
    }
}

impl Explain for Failure {
    fn on_failure(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}
