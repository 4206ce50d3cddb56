//! What Linux tells about a process under `/proc`.

use anyhow::{Context, Result};
use nix::unistd::{SysconfVar, sysconf};
use std::fs;

/// Processor time that a process has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu {
    /// Seconds, user and system together, from the nanoseconds in `task/*/schedstat`.
    pub total: f64,
    /// Seconds in user mode, in steps of a clock tick (10 ms as a rule).
    pub user: f64,
    /// Seconds in the kernel, in steps of a clock tick.
    pub system: f64,
}

impl std::ops::Sub for Cpu {
    type Output = Cpu;

    fn sub(self, earlier: Cpu) -> Cpu {
        Cpu {
            total: self.total - earlier.total,
            user: self.user - earlier.user,
            system: self.system - earlier.system,
        }
    }
}

/// The processor time of all threads of a process.
///
/// # Errors
/// The process is gone, or the kernel keeps no schedstat (CONFIG_SCHED_INFO).
pub fn cpu(pid: u32) -> Result<Cpu> {
    // /proc/PID/schedstat is the main thread's alone; a server that works in others must not look cheap.
    let mut nanoseconds = 0;
    let tasks =
        fs::read_dir(format!("/proc/{pid}/task")).with_context(|| format!("process {pid} is gone"))?;
    for task in tasks {
        let path = task?.path().join("schedstat");
        // A thread may end between the listing and this line.
        let Ok(line) = fs::read_to_string(&path) else { continue };
        nanoseconds += first_number(&line).with_context(|| format!("{} holds {line:?}", path.display()))?;
    }
    let stat =
        fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("process {pid} is gone"))?;
    let (user, system) = stat_ticks(&stat).with_context(|| format!("/proc/{pid}/stat holds {stat:?}"))?;
    let tick = sysconf(SysconfVar::CLK_TCK)?.unwrap_or(100) as f64;
    Ok(Cpu { total: nanoseconds as f64 / 1e9, user: user as f64 / tick, system: system as f64 / tick })
}

/// Seconds of processor time that the calling thread has used.
///
/// # Errors
/// The kernel keeps no schedstat.
pub fn own_cpu() -> Result<f64> {
    let line =
        fs::read_to_string("/proc/thread-self/schedstat").context("cannot read the own processor time")?;
    Ok(first_number(&line).context("an empty schedstat")? as f64 / 1e9)
}

/// Resident memory in bytes.
///
/// # Errors
/// The process is gone.
pub fn resident(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))
        .with_context(|| format!("process {pid} is gone"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    Ok(line.and_then(first_number).context("no VmRSS in /proc/PID/status")? * 1024)
}

fn first_number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

/// utime and stime, fields 14 and 15 of proc_pid_stat(5). The second field is a name in parentheses that may itself
/// hold blanks and parentheses, so counting starts after the last one.
fn stat_ticks(stat: &str) -> Option<(u64, u64)> {
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace().skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_an_ugly_process_name() {
        let stat = "77 (a) b (c) S 1 77 77 0 -1 4194560 900 0 1 0 123 45 0 0 20 0 1 0 5 6 7";
        assert_eq!(stat_ticks(stat), Some((123, 45)));
        assert_eq!(stat_ticks("77 (a"), None);
    }

    #[test]
    fn the_own_process_can_be_read() {
        let pid = std::process::id();
        let before = cpu(pid).unwrap();
        let mut sum = 0u64;
        while (cpu(pid).unwrap() - before).total < 0.005 {
            sum = std::hint::black_box((0..100_000).fold(sum, u64::wrapping_add));
        }
        assert!(own_cpu().unwrap() > 0.0);
        assert!(resident(pid).unwrap() > 100_000);
        assert!(cpu(u32::MAX).is_err());
    }
}
