//! What /proc tells of a server under test: sockets, CPU time, memory, descriptors, threads.
//!
//! Everything here reads text files that need no privilege for processes of one's own. Where /proc is missing or
//! closed, the readers return `None` or an error and the checks that rest on them are *not run*, never passed.

mod tcp;

use std::fs;

pub use tcp::{
    AcceptQueue, LISTEN, TcpRow, accept_queue, listeners, queues, reachable_on_loopback, tcp_rows,
    tcp_rows_of_port,
};

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
