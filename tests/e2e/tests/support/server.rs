//! One of this workspace's servers in a process group of its own, killed when it is dropped.
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

use kit::launch::{Announcement, Ended, Output, Process, announcements};
use kit::procfs;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::{Conn, DEADLINE, binary, eventually};

/// A running server.
pub struct Server {
    process: Process,
    /// Every address announced on stdout, with the word behind it: `""`, `"resp"`, `"framed"`.
    listening: Vec<Announcement>,
}

impl Server {
    /// Starts a binary of this workspace and waits for its one `listening on` line. Give it port 0 (phase 4: `any`).
    pub fn start(name: &str, args: &[&str]) -> Server {
        Self::start_expecting(name, args, 1)
    }

    /// [`Server::start`] for a server that announces `listeners` addresses.
    pub fn start_expecting(name: &str, args: &[&str], listeners: usize) -> Server {
        let mut command = Command::new(binary(name));
        command.args(args);
        Self::spawn(command, listeners)
    }

    /// [`Server::start`] for a command that was prepared by hand (`strace …`, a working directory, a limit).
    pub fn spawn(mut command: Command, listeners: usize) -> Server {
        let process = Process::spawn(&mut command, DEADLINE, Output::whole(), Output::whole())
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut server = Server { process, listening: Vec::new() };
        let announced = server.process.stdout().wait(DEADLINE, |text| {
            let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).count();
            let found = announcements(text);
            assert_eq!(found.len(), lines, "stdout says {text:?}");
            (lines >= listeners).then_some(found)
        });
        match announced {
            Some(found) => server.listening = found,
            None => {
                panic!("{command:?} did not listen\nstdout: {}\nstderr: {}", server.stdout(), server.stderr())
            }
        }
        server
    }

    /// The first address announced.
    pub fn addr(&self) -> SocketAddr {
        self.listening[0].address
    }

    /// The address announced with `word` behind it.
    pub fn addr_of(&self, word: &str) -> SocketAddr {
        let found = self.listening.iter().find(|one| one.word == word);
        found.unwrap_or_else(|| panic!("no listener {word:?} in {:?}", self.listening)).address
    }

    /// Connects to [`Server::addr`].
    pub fn connect(&self) -> Conn {
        Conn::to(self.addr())
    }

    /// Process id.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.process.pid())
    }

    /// Everything on stdout so far.
    pub fn stdout(&self) -> String {
        self.process.stdout().text()
    }

    /// Everything on stderr so far.
    pub fn stderr(&self) -> String {
        self.process.stderr().text()
    }

    /// Waits until stderr contains `needle`.
    pub fn wait_stderr(&self, needle: &str) {
        let found = self.process.stderr().wait(DEADLINE, |text| text.contains(needle).then_some(()));
        assert!(found.is_some(), "stderr never said {needle:?}, but:\n{}", self.stderr());
    }

    /// Stops the server (SIGSTOP), acts, and lets it go on: it finds everything at once.
    pub fn while_stopped<T>(&self, act: impl FnOnce() -> T) -> T {
        self.signal(Signal::SIGSTOP);
        // kill(2) returns before that: until then it may still look at its sockets.
        eventually("the server has stopped", || procfs::stopped(self.pid().as_raw()).then_some(()));
        let result = act();
        self.signal(Signal::SIGCONT);
        result
    }

    /// Sends a signal to the server alone.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal).expect("the server runs");
    }

    /// Waits for the server to end by itself.
    pub fn wait_exit(&mut self) -> ExitStatus {
        self.process.wait_end(DEADLINE).expect("the server exits in time").0
    }

    /// Sends SIGTERM and expects exit status 0.
    pub fn terminate(mut self) {
        self.signal(Signal::SIGTERM);
        let status = self.wait_exit();
        assert!(status.success(), "after SIGTERM: {status}\n{}", self.stderr());
    }

    /// Fails with the server's last words if it is no longer running.
    pub fn assert_alive(&mut self) {
        if let Some(Ended(status)) = self.process.ended() {
            panic!("the server ended: {status} (signal {:?})\n{}", status.signal(), self.stderr());
        }
    }

    /// Open descriptors, from /proc.
    pub fn fd_count(&self) -> usize {
        procfs::descriptors(self.pid().as_raw()).expect("the server runs")
    }

    /// A `Name: 123 kB` field of /proc/PID/status, such as `VmRSS`, `VmHWM` or `Threads`.
    pub fn status_field(&self, name: &str) -> u64 {
        procfs::status_number(self.pid().as_raw(), name).expect("the server runs")
    }

    /// Processor time used so far, user and system, in clock ticks (usually 10 ms).
    pub fn cpu_ticks(&self) -> u64 {
        procfs::stat(self.pid().as_raw()).expect("the server runs").ticks()
    }

    /// Process ids of the server's children.
    pub fn children(&self) -> Vec<i32> {
        procfs::children(self.pid().as_raw()).iter().map(|child| child.pid).collect()
    }
}
