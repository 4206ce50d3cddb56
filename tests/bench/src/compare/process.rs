//! Starts a server on its core, learns its addresses, keeps its last words, and ends it.

use super::cores::{Cores, pin};
use super::skip::Wire;
use anyhow::{Context, Result, bail};
use kit::ports;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// A server that neither listens nor exits by then is given up. Generous: it may run under valgrind.
const START_DEADLINE: Duration = Duration::from_secs(30);
const STOP_DEADLINE: Duration = Duration::from_secs(30);
/// Pause between two attempts to connect.
const RETRY: Duration = Duration::from_millis(5);
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
    child: Child,
    resp: Option<SocketAddr>,
    framed: Option<SocketAddr>,
    last_lines: Arc<Mutex<VecDeque<String>>>,
    directory: PathBuf,
}

impl Server {
    /// Starts the server on the server core and waits until it accepts connections.
    ///
    /// # Errors
    /// The program does not exist, exits, or does not listen in time; its last lines are part of the message.
    pub fn start(spec: &Spec, cores: Cores) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let unique = format!("compare-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let directory = std::env::temp_dir().join(unique);
        std::fs::create_dir(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
        let port = ports::free_port()?;
        let words = spec.command.iter().map(|word| {
            word.replace("{port}", &port.to_string()).replace("{dir}", &directory.display().to_string())
        });
        let words: Vec<String> = words.collect();
        let chosen = spec.command.iter().any(|word| word.contains("{port}"));

        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A child inherits its parent's mask, so the server never runs a cycle on the wrong core.
        pin(cores.server)?;
        let spawned = command.spawn();
        pin(cores.load)?;
        let child = match spawned {
            Ok(child) => child,
            Err(error) => {
                let _ = std::fs::remove_dir(&directory);
                return Err(error)
                    .with_context(|| format!("cannot start {}: {}", spec.name, words.join(" ")));
            }
        };
        let name = spec.name.clone();
        let last_lines = Arc::default();
        let mut server = Server { name, child, resp: None, framed: None, last_lines, directory };
        let announced = server.drain();
        if chosen {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            server.await_connection(address)?;
            server.resp = Some(address);
        } else {
            server.await_announcements(&announced, &spec.announces)?;
        }
        Ok(server)
    }

    /// Process id, for `/proc`.
    pub fn pid(&self) -> u32 {
        self.child.id()
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
        let deadline = Instant::now() + Duration::from_secs(1);
        let mut fate = self.child.try_wait();
        while matches!(fate, Ok(None)) && Instant::now() < deadline {
            thread::sleep(RETRY);
            fate = self.child.try_wait();
        }
        let fate = match fate {
            Ok(Some(status)) => format!("{} died ({status})", self.name),
            _ => format!("{} is still running", self.name),
        };
        error.context(format!("{fate}{}", self.last_words()))
    }

    /// Asks the server to end by SIGTERM and waits for it.
    ///
    /// # Errors
    /// It does not end in time.
    pub fn stop(mut self) -> Result<()> {
        kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM).context("cannot signal the server")?;
        let deadline = Instant::now() + STOP_DEADLINE;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                bail!("{} ignores SIGTERM{}", self.name, self.last_words());
            }
            thread::sleep(RETRY);
        }
        Ok(())
    }

    /// Reads both outputs to their ends, lest a full pipe stop the server, and passes on what it announces.
    fn drain(&mut self) -> Receiver<(SocketAddr, Wire)> {
        let (sender, receiver) = channel();
        if let Some(stdout) = self.child.stdout.take() {
            self.drain_one(stdout, sender.clone());
        }
        if let Some(stderr) = self.child.stderr.take() {
            self.drain_one(stderr, sender);
        }
        receiver
    }

    fn drain_one(&self, pipe: impl Read + Send + 'static, announced: Sender<(SocketAddr, Wire)>) {
        let last_lines = Arc::clone(&self.last_lines);
        thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                if let Some(announcement) = announcement(&line) {
                    // Nobody listens any more once the server has started.
                    let _ = announced.send(announcement);
                }
                let mut lines = last_lines.lock().unwrap_or_else(PoisonError::into_inner);
                lines.push_back(line);
                if lines.len() > LAST_LINES {
                    lines.pop_front();
                }
            }
        });
    }

    fn await_connection(&mut self, address: SocketAddr) -> Result<()> {
        let deadline = Instant::now() + START_DEADLINE;
        while TcpStream::connect(address).is_err() {
            self.still_starting(deadline, &format!("does not listen on {address}"))?;
            thread::sleep(RETRY);
        }
        Ok(())
    }

    fn await_announcements(
        &mut self,
        announced: &Receiver<(SocketAddr, Wire)>,
        wires: &[Wire],
    ) -> Result<()> {
        let deadline = Instant::now() + START_DEADLINE;
        while wires.iter().any(|&wire| self.address(wire).is_none()) {
            match announced.recv_timeout(Duration::from_millis(50)) {
                Ok((address, Wire::Resp)) => self.resp = Some(address),
                Ok((address, Wire::Framed)) => self.framed = Some(address),
                Err(RecvTimeoutError::Disconnected) => thread::sleep(RETRY),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let what = "neither has {port} in its command nor prints \"listening on ADDRESS resp\"";
            self.still_starting(deadline, what)?;
        }
        Ok(())
    }

    fn still_starting(&mut self, deadline: Instant, complaint: &str) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended while starting ({status}){}", self.name, self.last_words());
        }
        if Instant::now() > deadline {
            bail!("{} {complaint} after {START_DEADLINE:?}{}", self.name, self.last_words());
        }
        Ok(())
    }

    fn last_words(&self) -> String {
        let lines = self.last_lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.is_empty() {
            return "; it printed nothing".to_owned();
        }
        let quoted: String = lines.iter().map(|line| format!("\n    | {line}")).collect();
        format!("; its last lines were:{quoted}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Understands `listening on 127.0.0.1:PORT`, `… resp` and `… framed`.
fn announcement(line: &str) -> Option<(SocketAddr, Wire)> {
    let mut words = line.strip_prefix("listening on ")?.split_whitespace();
    let address = words.next()?.parse().ok()?;
    match words.next() {
        None | Some("resp") => Some((address, Wire::Resp)),
        Some("framed") => Some((address, Wire::Framed)),
        Some(_) => None,
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
    fn announcements_are_read() {
        let address = "127.0.0.1:77".parse().unwrap();
        assert_eq!(announcement("listening on 127.0.0.1:77 resp"), Some((address, Wire::Resp)));
        assert_eq!(announcement("listening on 127.0.0.1:77 framed"), Some((address, Wire::Framed)));
        assert_eq!(announcement("listening on 127.0.0.1:77"), Some((address, Wire::Resp)));
        assert_eq!(announcement("listening on port 77"), None);
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
        let error = start("sh -c 'echo no luck today >&2; exit 3'").unwrap_err().to_string();
        assert!(error.contains("ended while starting (exit status: 3)"), "{error}");
        assert!(error.contains("| no luck today"), "{error}");
    }
}
