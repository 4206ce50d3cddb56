//! The two servers under comparison, each in an empty directory of its own, killed when dropped.
use std::io::Error;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;

use kit::launch::{Launch, Limits, Target};

/// The version that the comparison is about.
pub const REDIS_VERSION: &str = "7.0.15";

/// A running server.
pub struct Server {
    launch: Launch,
    target: Target,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Starts a command line in which `{port}` and `{dir}` stand for a free port and an empty directory.
    ///
    /// # Errors
    /// The program cannot be started, or does not listen within ten seconds.
    pub fn start(template: &[&str]) -> std::io::Result<Self> {
        let argv = template.iter().map(|word| (*word).to_owned()).collect();
        let launch = Launch { limits: Limits::NONE, ..Launch::new(argv) };
        let (target, address) = start(&launch)?;
        Ok(Server { launch, target, address })
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
        self.target.ended().map(|ended| ended.0.to_string())
    }

    /// Starts it anew if it has ended.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn revive(&mut self) -> std::io::Result<()> {
        if self.ended().is_some() {
            (self.target, self.address) = start(&self.launch)?;
        }
        Ok(())
    }
}

fn start(launch: &Launch) -> std::io::Result<(Target, SocketAddr)> {
    let target =
        launch.start().map_err(|error| Error::other(format!("{}: {error}", launch.argv.join(" "))))?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, target.port));
    // Uses up the smallest client ids, so that a small number in a random CLIENT KILL is nobody's.
    for _ in 0..32 {
        TcpStream::connect(address)?;
    }
    Ok((target, address))
}
