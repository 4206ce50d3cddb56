//! What /proc tells of a server under test: sockets, CPU time, memory, descriptors, threads.
//!
//! Everything here reads text files that need no privilege for processes of one's own. Where /proc is missing or
//! closed, the readers return `None` or an error and the checks that rest on them are *not run*, never passed.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::sockdiag;

/// State number of a listening socket in /proc/net/tcp (`TCP_LISTEN` in the kernel's `tcp_states.h`).
pub const LISTEN: u8 = 0x0a;

/// One socket of /proc/net/tcp or /proc/net/tcp6. An IPv4 peer of a dual-stack socket is shown as IPv4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpRow {
    /// The address the socket is bound to.
    pub local: SocketAddr,
    /// The peer; port 0 while listening.
    pub remote: SocketAddr,
    /// Kernel state number, see [`LISTEN`].
    pub state: u8,
    /// Bytes written and not yet acknowledged by the peer.
    pub tx_queue: u64,
    /// Bytes received and not yet read by the application.
    pub rx_queue: u64,
    /// The socket's inode; 0 while a connection waits to be accepted.
    pub inode: u64,
}

/// All TCP sockets of this network namespace.
///
/// # Errors
/// When /proc/net/tcp cannot be read. A missing tcp6 (no IPv6 in the kernel) is no error.
pub fn tcp_rows() -> io::Result<Vec<TcpRow>> {
    tcp_rows_where(|_| true)
}

/// The sockets that listen, without looking at the others where the kernel can be asked for them.
///
/// # Errors
/// As [`tcp_rows`].
pub fn listeners() -> io::Result<Vec<TcpRow>> {
    let Ok(listeners) = sockdiag::listeners() else {
        return Ok(tcp_rows()?.into_iter().filter(|row| row.state == LISTEN).collect());
    };
    let row = |one: sockdiag::Listener| TcpRow {
        local: one.local,
        remote: SocketAddr::new(one.local.ip(), 0),
        state: LISTEN,
        tx_queue: 0,
        rx_queue: 0,
        inode: one.inode.into(),
    };
    Ok(listeners.into_iter().map(row).collect())
}

/// A listener's queue of connections that the kernel has made and the server has not accepted yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptQueue {
    /// Connections in it.
    pub waiting: u32,
    /// What listen(2) was given, as far as the kernel allows it.
    pub backlog: u32,
}

impl AcceptQueue {
    /// How many more connections fit. The kernel lets in one more than the backlog says.
    #[must_use]
    pub fn room(self) -> usize {
        (self.backlog + 1).saturating_sub(self.waiting) as usize
    }
}

/// The accept queue of the listener at `port`; `None` where the kernel does not tell.
#[must_use]
pub fn accept_queue(port: u16) -> Option<AcceptQueue> {
    let listener = sockdiag::listeners().ok()?.into_iter().find(|listener| listener.local.port() == port)?;
    Some(AcceptQueue { waiting: listener.waiting, backlog: listener.backlog })
}

/// The TCP sockets whose own port is `port`: cheaper than [`tcp_rows`] when the machine holds thousands.
///
/// # Errors
/// As [`tcp_rows`].
pub fn tcp_rows_of_port(port: u16) -> io::Result<Vec<TcpRow>> {
    let needle = format!(":{port:04X} ");
    tcp_rows_where(|line| {
        // The local address is the second column, so its port ends within the first 46 bytes even for IPv6.
        line.get(..line.len().min(46)).is_some_and(|head| head.contains(&needle))
    })
    .map(|rows| rows.into_iter().filter(|row| row.local.port() == port).collect())
}

/// Bytes under way from `client` to `server`: sent by the one and not acknowledged, received by the other and not
/// read. `None` when the server's side of the connection is gone.
///
/// # Errors
/// As [`tcp_rows`].
pub fn queues(client: SocketAddr, server: SocketAddr) -> io::Result<Option<(u64, u64)>> {
    if let Ok(receiving) = sockdiag::queues(server, client) {
        let sending = sockdiag::queues(client, server)?;
        return Ok(receiving.map(|queues| {
            (sending.map_or(0, |queues| u64::from(queues.unacknowledged)), u64::from(queues.unread))
        }));
    }
    let needle = format!(":{:04X} ", client.port());
    let rows = tcp_rows_where(|line| line.contains(&needle))?;
    let sending = rows.iter().find(|row| row.local == client && row.remote == server);
    let receiving = rows.iter().find(|row| row.local == server && row.remote == client);
    Ok(receiving.map(|receiving| (sending.map_or(0, |row| row.tx_queue), receiving.rx_queue)))
}

fn tcp_rows_where(keep: impl Fn(&str) -> bool) -> io::Result<Vec<TcpRow>> {
    let mut text = fs::read_to_string("/proc/net/tcp")?;
    text.push_str(&fs::read_to_string("/proc/net/tcp6").unwrap_or_default());
    Ok(text.lines().filter(|line| keep(line)).filter_map(parse_row).collect())
}

fn parse_row(line: &str) -> Option<TcpRow> {
    let mut columns = line.split_ascii_whitespace();
    columns.next()?;
    let local = parse_address(columns.next()?)?;
    let remote = parse_address(columns.next()?)?;
    let state = u8::from_str_radix(columns.next()?, 16).ok()?;
    let (tx, rx) = columns.next()?.split_once(':')?;
    let inode = columns.nth(4)?.parse().ok()?;
    Some(TcpRow {
        local,
        remote,
        state,
        tx_queue: u64::from_str_radix(tx, 16).ok()?,
        rx_queue: u64::from_str_radix(rx, 16).ok()?,
        inode,
    })
}

/// `0100007F:1B59`: each 32-bit word of the address is printed in the machine's own byte order, the port as a number.
fn parse_address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let mut bytes = Vec::with_capacity(16);
    for at in (0..address.len()).step_by(8) {
        bytes.extend(u32::from_str_radix(address.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    }
    let ip = match bytes.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
        16 => Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).to_canonical(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Whether a socket bound to `ip` accepts a connection made to 127.0.0.1.
#[must_use]
pub fn reachable_on_loopback(ip: IpAddr) -> bool {
    ip.is_unspecified() || ip == IpAddr::V4(Ipv4Addr::LOCALHOST)
}

/// What one line of /proc/PID/stat says.
#[derive(Debug, Clone)]
pub struct Stat {
    /// The process.
    pub pid: i32,
    /// The executable's name, cut to 15 bytes by the kernel.
    pub name: String,
    /// `R` running, `S` asleep, `D` disk, `Z` zombie, `T` stopped.
    pub state: char,
    /// The parent's pid.
    pub parent: i32,
    /// The process group.
    pub group: i32,
    /// User CPU time of all threads, living and dead, in clock ticks (100 a second).
    pub user_ticks: u64,
    /// The same in the kernel.
    pub system_ticks: u64,
}

impl Stat {
    /// User plus system CPU time, in clock ticks.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        self.user_ticks + self.system_ticks
    }
}

/// Reads /proc/PID/stat; `None` when the process is gone.
#[must_use]
pub fn stat(pid: i32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_stat(text: &str) -> Option<Stat> {
    // The name stands in parentheses and may itself hold any of them, so the last one counts.
    let (open, close) = (text.find('(')?, text.rfind(')')?);
    let fields: Vec<&str> = text.get(close + 1..)?.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
    Some(Stat {
        pid: text.get(..open)?.trim().parse().ok()?,
        name: text.get(open + 1..close)?.to_owned(),
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        user_ticks: number(11)?,
        system_ticks: number(12)?,
    })
}

/// All processes that can be seen.
pub fn processes() -> impl Iterator<Item = Stat> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter_map(stat)
}

/// The living members of a process group, zombies left out.
#[must_use]
pub fn group_members(group: i32) -> Vec<Stat> {
    processes().filter(|stat| stat.group == group && stat.state != 'Z').collect()
}

/// The inodes of the sockets a process holds.
#[must_use]
pub fn socket_inodes(pid: i32) -> Vec<u64> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter_map(|link| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok())
        .collect()
}

/// Whether the socket on which a process listens at `port` lacks O_NONBLOCK; `None` when it cannot be seen.
#[must_use]
pub fn listener_is_blocking(pid: i32, port: u16) -> Option<bool> {
    let row = listeners().ok()?.into_iter().find(|row| row.local.port() == port)?;
    let wanted = format!("socket:[{}]", row.inode);
    let entry = fs::read_dir(format!("/proc/{pid}/fd"))
        .ok()?
        .flatten()
        .find(|entry| fs::read_link(entry.path()).is_ok_and(|link| link.as_os_str() == wanted.as_str()))?;
    let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{}", entry.file_name().to_str()?)).ok()?;
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
    Some(i32::from_str_radix(flags.trim(), 8).ok()? & libc::O_NONBLOCK == 0)
}

/// Number of open descriptors.
#[must_use]
pub fn descriptors(pid: i32) -> Option<usize> {
    Some(fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count())
}

/// CPU time of all living threads of a process, in nanoseconds; falls back to clock ticks (10 ms) where the kernel
/// keeps no schedstat. A process's own schedstat is the main thread's alone: one that works in others would look cheap.
#[must_use]
pub fn cpu_nanos(pid: i32) -> Option<u64> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten();
    // A thread may end between the listing and the reading.
    let nanos = tasks.filter_map(|task| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_ascii_whitespace().next()?.parse::<u64>().ok()
    });
    nanos.reduce(|sum, more| sum + more).or_else(|| Some(stat(pid)?.ticks() * 10_000_000))
}

/// The children of a process, zombies included.
#[must_use]
pub fn children(pid: i32) -> Vec<Stat> {
    processes().filter(|stat| stat.parent == pid).collect()
}

/// True when every thread of the process sleeps in the kernel: it waits for something to happen.
#[must_use]
pub fn asleep(pid: i32) -> bool {
    every_thread(pid, &['S', 'Z', 'I']).unwrap_or(false)
}

/// True when every thread of the process is stopped, or was never to be seen: without /proc nobody can tell.
#[must_use]
pub fn stopped(pid: i32) -> bool {
    every_thread(pid, &['T', 't', 'Z']).unwrap_or(true)
}

fn every_thread(pid: i32, states: &[char]) -> Option<bool> {
    let mut tasks = fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten();
    Some(tasks.all(|task| {
        fs::read_to_string(task.path().join("stat"))
            .ok()
            .and_then(|text| parse_stat(&text))
            .is_none_or(|stat| states.contains(&stat.state))
    }))
}

/// A number from /proc/PID/status, such as `VmRSS` (KiB), `VmHWM` (KiB), `Threads` or `TracerPid`.
#[must_use]
pub fn status_number(pid: i32, key: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find(|line| line.split(':').next() == Some(key))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    use std::process::Command;
    use std::time::{Duration, Instant};

    #[test]
    fn an_ipv4_row_is_read_in_full() {
        let line = "   2: 0100007F:E112 0100007F:5BA0 01 00000000:00000003 00:00000000 00000000     0        0 18470 1 0 20 4 30 11 -1";
        let row = parse_row(line).expect("a row");
        assert_eq!(row.local, "127.0.0.1:57618".parse().unwrap());
        assert_eq!(row.remote, "127.0.0.1:23456".parse().unwrap());
        assert_eq!((row.state, row.tx_queue, row.rx_queue, row.inode), (1, 0, 3, 18470));
    }

    #[test]
    fn a_mapped_ipv6_address_is_shown_as_ipv4() {
        let mapped = parse_address("0000000000000000FFFF00000100007F:1B59");
        assert_eq!(mapped, Some("127.0.0.1:7001".parse().unwrap()));
        assert_eq!(parse_address("00000000:zz"), None);
    }

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let text = "42 (a) b (c) S 7 40 40 0 -1 0 0 0 0 0 3 4 0 0 20 0 1";
        let stat = parse_stat(text).expect("a stat");
        assert_eq!((stat.pid, stat.name.as_str(), stat.state), (42, "a) b (c", 'S'));
        assert_eq!((stat.parent, stat.group, stat.user_ticks, stat.system_ticks), (7, 40, 3, 4));
    }

    #[test]
    fn this_process_can_be_seen() {
        let pid = std::process::id() as i32;
        assert_eq!(stat(pid).expect("own stat").pid, pid);
        assert!(status_number(pid, "Threads").expect("threads") >= 1);
        assert!(descriptors(pid).expect("descriptors") >= 3);
        assert!(cpu_nanos(pid).is_some());
        let mut child = Command::new("sleep").arg("600").spawn().expect("sleep starts");
        assert!(children(pid).iter().any(|stat| stat.pid == child.id() as i32));
        child.kill().expect("it lives");
        child.wait().expect("it is reaped");
    }

    #[test]
    fn a_process_is_stopped_once_every_thread_stands() {
        let mut child = Command::new("sleep").arg("600").spawn().expect("sleep starts");
        let pid = child.id() as i32;
        assert!(!stopped(std::process::id() as i32));
        for (signal, stands) in [(Signal::SIGSTOP, true), (Signal::SIGCONT, false)] {
            kill(Pid::from_raw(pid), signal).expect("it lives");
            let deadline = Instant::now() + Duration::from_secs(10);
            while stopped(pid) != stands {
                assert!(Instant::now() < deadline, "{signal} did not change its state");
                std::thread::yield_now();
            }
        }
        child.kill().expect("it lives");
        child.wait().expect("it is reaped");
    }
}
