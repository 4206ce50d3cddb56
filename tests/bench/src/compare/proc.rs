//! What a server costs: processor time and memory, in seconds and bytes.

use anyhow::{Context, Result};
use kit::procfs;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::{SysconfVar, sysconf};
use std::time::Duration;

/// Processor time that a process has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu {
    /// Seconds, user and system together, from the nanoseconds that the scheduler counts.
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
/// The process is gone.
pub fn cpu(pid: u32) -> Result<Cpu> {
    let gone = || format!("process {pid} is gone");
    let nanoseconds = procfs::cpu_nanos(pid as i32).with_context(gone)?;
    let stat = procfs::stat(pid as i32).with_context(gone)?;
    let tick = sysconf(SysconfVar::CLK_TCK)?.unwrap_or(100) as f64;
    let (user, system) = (stat.user_ticks as f64 / tick, stat.system_ticks as f64 / tick);
    Ok(Cpu { total: nanoseconds as f64 / 1e9, user, system })
}

/// Seconds of processor time that the calling thread has used.
///
/// # Errors
/// The kernel has no such clock.
pub fn own_cpu() -> Result<f64> {
    let used = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).context("the thread's own clock")?;
    Ok(Duration::from(used).as_secs_f64())
}

/// Resident memory in bytes.
///
/// # Errors
/// The process is gone.
pub fn resident(pid: u32) -> Result<u64> {
    let kibibytes = procfs::status_number(pid as i32, "VmRSS");
    Ok(kibibytes.with_context(|| format!("process {pid} is gone"))? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(cpu(i32::MAX as u32).is_err());
    }
}
