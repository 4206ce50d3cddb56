//! How much memory the process uses, asked of those who know.
#![allow(unsafe_code, reason = "mallinfo2(3) has no safe wrapper")]

/// Bytes in use on the heap: what was allocated and not freed, not what the process got from the kernel.
#[cfg(target_env = "gnu")]
pub fn used() -> usize {
    // SAFETY: mallinfo2 takes no argument, returns a struct by value, and locks the arenas that it walks.
    let info = unsafe { libc::mallinfo2() };
    // Small blocks in the arenas, and large ones that have a mapping of their own.
    info.uordblks + info.hblkhd
}

/// Without glibc nobody counts allocations; the resident set is the nearest truth.
#[cfg(not(target_env = "gnu"))]
pub fn used() -> usize {
    resident()
}

/// The resident set (proc(5), `statm`).
pub fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: usize = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * page_size()
}

/// All memory of the machine (proc(5), `meminfo`).
pub fn total_system() -> usize {
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse::<usize>().ok()).unwrap_or(0) * 1024
}

fn page_size() -> usize {
    // SAFETY: sysconf takes and returns integers.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}
