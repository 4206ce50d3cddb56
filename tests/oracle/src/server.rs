//! The two servers under comparison, each in an empty directory of its own, killed when dropped.
use std::io::{Error, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kit::ports;

/// The version that the comparison is about.
pub const REDIS_VERSION: &str = "7.0.15";

const START: Duration = Duration::from_secs(10);

/// A running server.
pub struct Server {
    template: Vec<String>,
    dir: tempfile::TempDir,
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Starts a command line in which `{port}` and `{dir}` stand for a free port and an empty directory.
    ///
    /// # Errors
    /// The program cannot be started, or does not listen within ten seconds.
    pub fn start(template: &[&str]) -> std::io::Result<Self> {
        let dir = tempfile::tempdir()?;
        let template: Vec<String> = template.iter().map(|word| (*word).to_owned()).collect();
        let (child, address) = launch(&template, &dir)?;
        Ok(Server { template, dir, child, address })
    }

    /// redis-server, without persistence, with DEBUG.
    ///
    /// # Errors
    /// As [`Server::start`], or another version is installed than the one compared with.
    pub fn redis() -> std::io::Result<Self> {
        let output = Command::new("redis-server").arg("--version").output()?;
        let version = String::from_utf8_lossy(&output.stdout).into_owned();
        if !version.contains(&format!("v={REDIS_VERSION} ")) {
            return Err(Error::other(format!(
                "redis-server {REDIS_VERSION} is needed, here is: {}",
                version.trim()
            )));
        }
        let rest = ["--save", "", "--dir", "{dir}", "--enable-debug-command", "yes", "--loglevel", "warning"];
        Self::start(&[&["redis-server", "--port", "{port}", "--bind", "127.0.0.1"][..], &rest[..]].concat())
    }

    /// This workspace's server.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn keyspace(binary: &str) -> std::io::Result<Self> {
        let rest = ["--framed-port", "0", "--dir", "{dir}", "--loglevel", "warning"];
        Self::start(&[&[binary, "--port", "{port}"][..], &rest[..]].concat())
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<String> {
        self.child.try_wait().ok().flatten().map(|status| status.to_string())
    }

    /// Starts it anew if it has ended.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn revive(&mut self) -> std::io::Result<()> {
        if self.ended().is_some() {
            (self.child, self.address) = launch(&self.template, &self.dir)?;
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn launch(template: &[String], dir: &tempfile::TempDir) -> std::io::Result<(Child, SocketAddr)> {
    let port = ports::free_port()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let fill = |word: &String| {
        word.replace("{port}", &address.port().to_string())
            .replace("{dir}", &dir.path().display().to_string())
    };
    let words: Vec<String> = template.iter().map(fill).collect();
    let mut child = Command::new(&words[0])
        .args(&words[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| Error::new(error.kind(), format!("{}: {error}", words[0])))?;
    let deadline = Instant::now() + START;
    loop {
        if TcpStream::connect(address).is_ok() {
            // Uses up the smallest client ids, so that a small number in a random CLIENT KILL is nobody's.
            for _ in 0..32 {
                TcpStream::connect(address)?;
            }
            return Ok((child, address));
        }
        if let Some(status) = child.try_wait()? {
            return Err(Error::other(format!("{} ended at once: {status}", words.join(" "))));
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            return Err(Error::new(ErrorKind::TimedOut, format!("{} does not listen", words.join(" "))));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
