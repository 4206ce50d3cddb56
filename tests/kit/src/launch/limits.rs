#![allow(
    unsafe_code,
    reason = "limits are set between fork and exec, which std offers only through pre_exec"
)]
//! What a server under test may use up, so that a runaway one does not take the machine along.
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::Pid;

use crate::procfs;

/// Resource limits (setrlimit(2)) of the server; `None` leaves the grader's own.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// RLIMIT_AS, bytes of address space. Generous: some runtimes reserve far more than they use.
    pub address_space: Option<u64>,
    /// RLIMIT_NOFILE, descriptors.
    pub files: Option<u64>,
    /// RLIMIT_NPROC, processes and threads beyond those the user runs already. Not enforced for root.
    pub processes: Option<u64>,
    /// RLIMIT_FSIZE, bytes per written file.
    pub file_size: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { address_space: Some(16 << 30), files: None, processes: Some(4_096), file_size: Some(4 << 30) }
    }
}

impl Limits {
    /// No limits at all: for servers that are known to be good.
    pub const NONE: Self = Self { address_space: None, files: None, processes: None, file_size: None };

    /// Sets them, and the core to run on, in the process that `command` will become.
    pub(super) fn apply(self, command: &mut Command, core: Option<usize>) {
        let in_use = self.processes.map_or(0, |_| procfs::processes().count() as u64);
        let wanted = [
            (Resource::RLIMIT_AS, self.address_space),
            (Resource::RLIMIT_NOFILE, self.files),
            (Resource::RLIMIT_NPROC, self.processes.map(|more| in_use + more)),
            (Resource::RLIMIT_FSIZE, self.file_size),
            (Resource::RLIMIT_CORE, Some(0)),
        ];
        // SAFETY: between fork and exec only async-signal-safe calls are allowed; sched_setaffinity, getrlimit, setrlimit and
        // prctl are plain system calls and nothing here allocates.
        unsafe {
            command.pre_exec(move || {
                if let Some(core) = core {
                    let mut cores = CpuSet::new();
                    cores.set(core)?;
                    sched_setaffinity(Pid::from_raw(0), &cores)?;
                }
                for (resource, value) in wanted {
                    if let Some(value) = value {
                        let (_, hard) = getrlimit(resource)?;
                        let value = value.min(hard);
                        setrlimit(resource, value, value)?;
                    }
                }
                // Lets `strace -p` of the fault-injection checks attach under Yama's default policy. Elsewhere: EINVAL.
                libc::prctl(libc::PR_SET_PTRACER, libc::PR_SET_PTRACER_ANY, 0, 0, 0);
                Ok(())
            });
        }
    }
}
