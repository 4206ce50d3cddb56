//! What a check is given: a server, connections to it, seeded randomness, and limits of patience.

mod rest;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::check::{Check, Failure, Kind, Outcome, Phase, Verdict};
use crate::client::{Client, Options};
use crate::diagnosis;
use crate::host::{Host, Setup};
use crate::seed;
use crate::strace::Tracing;
use crate::target::{Launch, Shared, StartError, Target};
use crate::wire::Wire;
pub use rest::Rest;

/// How long the grader waits. A server that is *seen* to sleep is given up on early; one that works is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// All threads asleep, no CPU time spent, and still no byte: after this long it counts as a hang.
    pub quiet: Duration,
    /// No byte in either direction for this long counts as a hang even if the server is busy.
    pub stall: Duration,
    /// No check goes on beyond this moment.
    pub deadline: Instant,
}

/// How a key-value server wants the names of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Spelling {
    /// It does not care, as it should.
    #[default]
    AsWritten,
    /// It knows them in lower case alone.
    Lower,
    /// It knows them in upper case alone.
    Upper,
}

/// The surroundings of one running check.
#[derive(Debug)]
pub struct Context {
    /// The phase under test.
    pub phase: Phase,
    /// How messages stand on the wire in this phase.
    pub wire: Wire,
    /// This check's own stream of the seed.
    pub rng: kit::rng::Rng,
    /// How the server is started; change a clone and pass it to [`Context::restart`].
    pub launch: Launch,
    /// See [`Patience`].
    pub patience: Patience,
    /// Whether strace may be used, or why not.
    pub tracing: Tracing,
    /// How names of commands are sent: a server that knows one spelling only is charged for it once.
    pub spelling: Spelling,
    /// The commands that the check declares.
    pub commands: &'static [&'static str],
    /// How the client under test is started, if there is one.
    pub client: Option<Launch>,
    target: Option<Shared>,
}

impl Context {
    /// Surroundings for `check`; the runner's business.
    #[must_use]
    pub fn new(
        check: &Check,
        phase: Phase,
        seed: u64,
        launch: Launch,
        tracing: Tracing,
        limit: Duration,
    ) -> Self {
        /// What a check may take beyond its limit to come to its end in good order.
        const GRACE: Duration = Duration::from_secs(1);
        let deadline = Instant::now() + limit;
        let startup = launch.startup.min(limit);
        let launch = Launch { deadline: Some(deadline + GRACE), startup, ..launch };
        Self {
            phase,
            wire: if matches!(phase, Phase::Framing | Phase::EventLoop) { Wire::Framed } else { Wire::Raw },
            rng: seed::for_check(seed, &check.id(phase)),
            launch,
            patience: Patience {
                quiet: Duration::from_millis(1_000),
                stall: Duration::from_secs(8),
                deadline,
            },
            tracing,
            spelling: Spelling::AsWritten,
            commands: check.commands,
            client: None,
            target: None,
        }
    }

    /// Gives the check a running server in place of the one it has.
    pub fn adopt(&mut self, target: Shared) {
        self.target = Some(target);
    }

    /// Takes the server away: the next use starts another.
    pub fn release(&mut self) -> Option<Shared> {
        self.target.take()
    }

    /// The server under test. Started on first use when nobody gave one.
    ///
    /// # Errors
    /// A failure that says why it does not start.
    pub fn target(&mut self) -> Outcome<Shared> {
        if let Some(target) = &self.target {
            return Ok(Arc::clone(target));
        }
        let launch = self.launch.clone();
        self.restart(&launch)
    }

    /// Ends the current server, if any, and starts another as `launch` says.
    ///
    /// # Errors
    /// As [`Context::target`].
    pub fn restart(&mut self, launch: &Launch) -> Outcome<Shared> {
        self.target = None;
        let target = launch.start().map_err(start_verdict)?;
        Ok(Arc::clone(self.target.insert(Arc::new(target))))
    }

    /// Starts over with a fresh server: nothing that an earlier client did is left.
    ///
    /// # Errors
    /// As [`Context::target`].
    pub fn fresh(&mut self) -> Outcome {
        let launch = self.launch.clone();
        self.restart(&launch).map(drop)
    }

    /// A connection to the server's port.
    ///
    /// # Errors
    /// A failure when it cannot be made.
    pub fn connect(&mut self) -> Outcome<Client> {
        self.connect_with(&Options::default())
    }

    /// A connection with a name for the report (`A`, `flooder`).
    ///
    /// # Errors
    /// As [`Context::connect`].
    pub fn connect_as(&mut self, name: &str) -> Outcome<Client> {
        self.connect_with(&Options { name: name.to_owned(), ..Options::default() })
    }

    /// A connection with options of its own.
    ///
    /// # Errors
    /// As [`Context::connect`].
    pub fn connect_with(&mut self, options: &Options) -> Outcome<Client> {
        let target = self.target()?;
        Client::connect(&target, options, self.wire, self.patience)
    }

    /// A message on the wire whose payload is `len` seeded letters.
    pub fn message(&mut self, len: usize) -> Vec<u8> {
        let payload = self.rng.text(len);
        self.wire.encode(&payload)
    }

    /// Opens a connection, has one message echoed, closes it: the proof that the server still serves.
    ///
    /// # Errors
    /// A failure when it does not.
    pub fn ping(&mut self) -> Outcome {
        let message = self.message(12);
        let mut client = self.connect_as("the next client")?;
        client.step("does the server still serve another client?");
        client.send(&message)?;
        client.expect(&message)
    }

    /// Starts the client under test, with the grader as its server.
    ///
    /// # Errors
    /// Infrastructure, when it cannot be started; not run, when there is none.
    pub fn host(&mut self, setup: Setup) -> Outcome<Host> {
        let Some(client) = &self.client else { return Err(not_run("no client was given")) };
        let launch = Launch { deadline: self.launch.deadline, ..client.clone() };
        Host::start(&launch, self.wire, self.patience, setup)
    }

    /// CPU time of the server so far.
    ///
    /// # Errors
    /// Not run, when /proc does not tell.
    pub fn cpu(&mut self) -> Outcome<Duration> {
        self.target()?.cpu().ok_or_else(|| not_run("the server's CPU time cannot be read from /proc"))
    }

    /// CPU time of a thread that spins, for something else to be measured against.
    ///
    /// # Errors
    /// Not run, when the machine is too busy to let anybody run.
    pub fn spin(&self) -> Outcome<Duration> {
        let why = "the machine gave a spinning thread no time to measure against";
        rest::spin(self.patience.deadline).ok_or_else(|| not_run(why))
    }

    /// What the server does while nobody asks anything of it, measured against a thread of the grader's own that does
    /// nothing but spin: see [`Rest`].
    ///
    /// # Errors
    /// Not run, when /proc does not tell, or the machine is too busy to let anybody run.
    pub fn rest(&mut self) -> Outcome<Rest> {
        let before = self.cpu()?;
        let Some(spinner) = rest::spin(self.patience.deadline) else {
            return Err(not_run("the machine gave a spinning thread no time to measure the server against"));
        };
        Ok(Rest { server: self.cpu()?.saturating_sub(before), spinner })
    }
}

/// A verdict for a server that did not start.
#[must_use]
pub fn start_verdict(error: StartError) -> Verdict {
    if error.is_infrastructure() {
        return Verdict::Infrastructure(error.to_string());
    }
    let mut failure = Failure::new(Kind::Refused, error.to_string());
    match &error {
        StartError::SwappedPort { .. } => failure.bug = Some("port not in network byte order".into()),
        StartError::Exited { ended, tail } => {
            failure.kind = Kind::ServerDied;
            failure.death = Some(diagnosis::death_in(*ended, tail));
            diagnosis::complete_start(&mut failure, tail);
        }
        StartError::NeverListened { tail, .. } => diagnosis::complete(&mut failure, tail),
        _ => {}
    }
    failure.into()
}

/// Checks that catch a server unawares.
pub trait WhileStopped {
    /// Stops the serving process, acts, and lets it go on, whatever came of that: it finds everything at once.
    ///
    /// # Errors
    /// Not run, when it cannot be stopped; otherwise those of `act`.
    fn while_stopped<T>(&self, act: impl FnOnce() -> Outcome<T>) -> Outcome<T>;
}

impl WhileStopped for Target {
    fn while_stopped<T>(&self, act: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        let _stopped = self.stop().map_err(|_| not_run("the server could not be stopped for a moment"))?;
        act()
    }
}

/// "Not run", with the reason.
pub fn not_run(why: impl Into<String>) -> Verdict {
    Verdict::NotRun(why.into())
}
