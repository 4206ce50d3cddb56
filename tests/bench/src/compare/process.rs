//! A contender: started on its core, its addresses learnt, its last words kept, ended.

use super::cores::Cores;
use super::skip::Wire;
use anyhow::{Context, Result, bail};
use kit::launch::{Launch, Limits, Ready, Target};
use nix::sys::signal::Signal;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// A server that neither listens nor exits by then is given up. Generous: it may run under valgrind.
const START_DEADLINE: Duration = Duration::from_secs(30);
const STOP_DEADLINE: Duration = Duration::from_secs(30);
/// Lines of a server's output that are kept for the report of its death.
const LAST_LINES: usize = 20;

/// How to start a server.
#[derive(Clone, Debug)]
pub struct Spec {
    /// What the tables call it.
    pub name: String,
    /// The command; `{port}` becomes a free port, `{dir}` an empty directory of its own.
    pub command: Vec<String>,
    /// What it announces as `listening on ADDRESS WIRE`, if the command does not say `{port}`.
    pub announces: Vec<Wire>,
}

impl Spec {
    /// Parses `NAME=COMMAND`.
    ///
    /// # Errors
    /// No name, no command, unbalanced quotes.
    pub fn parse(text: &str) -> Result<Self> {
        let (name, command) = text
            .split_once('=')
            .filter(|(name, _)| !name.is_empty() && !name.contains(char::is_whitespace))
            .with_context(|| format!("{text:?} is not NAME=COMMAND"))?;
        let command = shlex::split(command).with_context(|| format!("unbalanced quotes in {command:?}"))?;
        if command.is_empty() {
            bail!("server {name:?} has no command");
        }
        Ok(Spec { name: name.to_owned(), command, announces: vec![Wire::Resp] })
    }

    /// The same server with more arguments.
    pub fn with(&self, arguments: &[&str]) -> Self {
        let mut spec = self.clone();
        spec.command.extend(arguments.iter().map(|&argument| argument.to_owned()));
        spec
    }

    /// The same server started by another program, such as valgrind.
    pub fn under(&self, wrapper: &[String]) -> Self {
        let mut spec = self.clone();
        spec.command = [wrapper, &self.command].concat();
        spec
    }
}

/// A running server; dropping it ends it.
#[derive(Debug)]
pub struct Server {
    /// What the tables call it.
    pub name: String,
    target: Target,
    resp: Option<SocketAddr>,
    framed: Option<SocketAddr>,
}

impl Server {
    /// Starts the server on the server core and waits until it accepts connections.
    ///
    /// # Errors
    /// The program does not exist, exits, or does not listen in time; its last lines are part of the message.
    pub fn start(spec: &Spec, cores: Cores) -> Result<Self> {
        let told = spec.command.iter().any(|word| word.contains("{port}"));
        let ready = if told { Ready::Listening } else { Ready::Announced(spec.announces.len()) };
        let launch = Launch {
            startup: START_DEADLINE,
            limits: Limits::NONE,
            core: Some(cores.server),
            ready,
            ..Launch::new(spec.command.clone())
        };
        let target = launch
            .start()
            .with_context(|| format!("cannot start {}: {}", spec.name, spec.command.join(" ")))?;
        let told = told.then(|| SocketAddr::from((Ipv4Addr::LOCALHOST, target.port)));
        let resp = told.or(target.address_of("resp")).or(target.address_of(""));
        let framed = target.address_of("framed");
        Ok(Server { name: spec.name.clone(), target, resp, framed })
    }

    /// Process id, for `/proc`.
    pub fn pid(&self) -> u32 {
        self.target.pid() as u32
    }

    /// Where the server speaks that wire format, if it does.
    pub fn address(&self, wire: Wire) -> Option<SocketAddr> {
        match wire {
            Wire::Resp => self.resp,
            Wire::Framed => self.framed,
        }
    }

    /// Adds the server's fate and last words to an error that happened while talking to it.
    pub fn explain(&mut self, error: anyhow::Error) -> anyhow::Error {
        // The connection breaks before the exit can be waited for.
        let fate = match self.target.wait_end(Duration::from_secs(1)) {
            Some(ended) => format!("{} {ended}", self.name),
            None => format!("{} is still running", self.name),
        };
        error.context(format!("{fate}{}", self.last_words()))
    }

    /// Asks the server to end by SIGTERM and waits for it.
    ///
    /// # Errors
    /// It does not end in time.
    pub fn stop(self) -> Result<()> {
        self.target.signal(Signal::SIGTERM).context("cannot signal the server")?;
        if self.target.wait_end(STOP_DEADLINE).is_none() {
            bail!("{} ignores SIGTERM{}", self.name, self.last_words());
        }
        Ok(())
    }

    fn last_words(&self) -> String {
        let lines = self.target.output.tail(LAST_LINES);
        if lines.is_empty() {
            return "; it printed nothing".to_owned();
        }
        format!("; its last lines were:\n    {}", lines.join("\n    "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(command: &str) -> Result<Server> {
        let cores = Cores::choose(None, None).unwrap();
        Server::start(&Spec::parse(&format!("it={command}"))?, cores)
    }

    #[test]
    fn a_malformed_server_option_is_refused() {
        for text in ["redis-server", "=redis-server", "a=", "a='b"] {
            assert!(Spec::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_program_that_does_not_exist_is_named() {
        let error = format!("{:#}", start("/no/such/server --port {port}").unwrap_err());
        assert!(error.contains("cannot start it: /no/such/server"), "{error}");
    }

    #[test]
    fn a_server_that_exits_at_once_is_quoted() {
        let error = start("sh -c 'echo no luck today >&2; exit 3'").unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains("exited with status 3 before it listened"), "{error}");
        assert!(error.contains("no luck today"), "{error}");
    }
}
