//! Until a started server is ready: it listens on every port, or it becomes clear why it never will.
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::{Launch, StartError, Target, marked};
use crate::procfs;

impl Launch {
    /// Waits until every port listens; returns the process that holds the first one, when it can be seen.
    pub(super) fn wait_ready(
        &self,
        target: &Target,
        mark: &str,
        started: Instant,
    ) -> Result<Option<i32>, StartError> {
        let mut elsewhere_since = None;
        loop {
            let ended = target.ended();
            if let Some(found) = self.listening(target)? {
                // A child listens. Where the command that started it is about to leave, it does so at once.
                let stays = found.is_none_or(|pid| pid == target.group())
                    || target.wait_end(Duration::from_millis(50)).is_none();
                return if ended.is_none() && stays { Ok(found) } else { Err(StartError::Backgrounded) };
            }
            if let Some(ended) = ended
                && procfs::group_members(target.group()).is_empty()
            {
                if marked(mark).is_empty() {
                    // Both pipes are at their end, but the draining threads may still be on their way.
                    target.output.wait_to_the_end(Duration::from_millis(300));
                    return Err(StartError::Exited { ended, tail: target.output.tail(10) });
                }
                super::kill_marked(mark);
                return Err(StartError::Backgrounded);
            }
            let waited = started.elapsed();
            let found = if waited > Duration::from_millis(200) { other_ports(target) } else { Vec::new() };
            if found.is_empty() {
                elsewhere_since = None;
            } else if elsewhere_since.get_or_insert_with(Instant::now).elapsed() > Duration::from_millis(700)
            {
                return Err(self.wrong_port(target.port, found));
            }
            if waited > self.startup {
                return Err(self.never_listened(target));
            }
            let pause = if waited.as_millis() < 200 { 1 } else { 20 };
            target.output.wait_for_more(Duration::from_millis(pause));
        }
    }

    /// `Some(pid)` once all ports listen. Without /proc a connection is tried instead, and the pid stays unknown.
    fn listening(&self, target: &Target) -> Result<Option<Option<i32>>, StartError> {
        let mut server = None;
        for port in [Some(target.port), target.framed_port].into_iter().flatten() {
            let Ok(rows) = procfs::listeners() else {
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                if TcpStream::connect_timeout(&address, Duration::from_millis(100)).is_err() {
                    return Ok(None);
                }
                continue;
            };
            let listeners: Vec<_> = rows.iter().filter(|row| row.local.port() == port).collect();
            let Some(row) = listeners.iter().find(|row| procfs::reachable_on_loopback(row.local.ip())) else {
                return match listeners.first() {
                    Some(row) => Err(StartError::WrongAddress { found: row.local }),
                    None => Ok(None),
                };
            };
            let owner = procfs::group_members(target.group())
                .into_iter()
                .find(|member| procfs::socket_inodes(member.pid).contains(&row.inode))
                .map(|member| member.pid);
            server = server.or(owner);
        }
        Ok(Some(server))
    }

    fn wrong_port(&self, asked: u16, found: Vec<u16>) -> StartError {
        if found.contains(&asked.swap_bytes()) {
            return StartError::SwappedPort { asked, found: asked.swap_bytes() };
        }
        StartError::WrongPort { asked, found, placeholder: self.has("{port}") }
    }

    fn never_listened(&self, target: &Target) -> StartError {
        const COMPILERS: [&str; 12] = [
            "rustc", "cargo", "cc1", "cc1plus", "gcc", "clang", "ld", "go", "compile", "javac", "make", "tsc",
        ];
        let building = procfs::group_members(target.group())
            .into_iter()
            .map(|member| member.name)
            .find(|name| COMPILERS.contains(&name.as_str()));
        StartError::NeverListened {
            port: target.port,
            after: self.startup,
            placeholder: self.has("{port}"),
            building,
            tail: target.output.tail(10),
        }
    }
}

/// The ports on which the group listens, none of which is the one it was asked for.
fn other_ports(target: &Target) -> Vec<u16> {
    let Ok(rows) = procfs::listeners() else { return Vec::new() };
    let inodes: Vec<u64> = procfs::group_members(target.group())
        .into_iter()
        .flat_map(|member| procfs::socket_inodes(member.pid))
        .collect();
    let listening = rows.iter().filter(|row| inodes.contains(&row.inode));
    let mut ports: Vec<u16> = listening.map(|row| row.local.port()).collect();
    ports.dedup();
    if ports.contains(&target.port) || target.framed_port.is_some_and(|framed| ports.contains(&framed)) {
        return Vec::new();
    }
    ports
}
