//! Which core the servers run on and which the load: sharing one would measure the scheduler.

use anyhow::{Context, Result, bail};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// The two cores of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cores {
    /// Every server is pinned here, one working at a time.
    pub server: usize,
    /// The load generator is pinned here.
    pub load: usize,
}

impl Cores {
    /// Takes the wanted cores, or the last allowed one for servers and the first for the load.
    ///
    /// # Errors
    /// Fewer than two cores allowed, a wanted core not among them, the same core twice.
    pub fn choose(server: Option<usize>, load: Option<usize>) -> Result<Self> {
        pick(&allowed()?, server, load)
    }
}

/// The cores that the calling thread may use, ascending.
///
/// # Errors
/// Those of sched_getaffinity(2).
pub fn allowed() -> Result<Vec<usize>> {
    let set = sched_getaffinity(Pid::from_raw(0)).context("sched_getaffinity(2)")?;
    Ok((0..CpuSet::count()).filter(|&core| set.is_set(core) == Ok(true)).collect())
}

fn pick(allowed: &[usize], server: Option<usize>, load: Option<usize>) -> Result<Cores> {
    if allowed.len() < 2 {
        bail!(
            "this process may use {} core(s), and a comparison needs two, one for the server and one for the load; \
             give the container or taskset(1) a second one",
            allowed.len()
        );
    }
    for core in [server, load].into_iter().flatten() {
        if !allowed.contains(&core) {
            bail!("core {core} is not among those this process may use: {allowed:?}");
        }
    }
    let highest_but = |taken| allowed.iter().copied().rev().find(|&core| Some(core) != taken);
    let lowest_but = |taken| allowed.iter().copied().find(|&core| Some(core) != taken);
    let server = server.or_else(|| highest_but(load)).context("no core is left for the server")?;
    let load = load.or_else(|| lowest_but(Some(server))).context("no core is left for the load")?;
    if server == load {
        bail!("core {server} cannot carry both the server and the load");
    }
    Ok(Cores { server, load })
}

/// Pins the calling thread, and with it every process it starts from then on.
///
/// # Errors
/// Those of sched_setaffinity(2).
pub fn pin(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core).with_context(|| format!("core {core} is beyond what the kernel's mask can name"))?;
    sched_setaffinity(Pid::from_raw(0), &set).with_context(|| format!("cannot pin to core {core}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_get_the_last_core_and_the_load_the_first() {
        assert_eq!(pick(&[0, 1], None, None).unwrap(), Cores { server: 1, load: 0 });
        assert_eq!(pick(&[2, 5, 7], Some(2), None).unwrap(), Cores { server: 2, load: 5 });
        assert_eq!(pick(&[0, 1], None, Some(1)).unwrap(), Cores { server: 0, load: 1 });
    }

    #[test]
    fn impossible_wishes_are_named() {
        assert!(pick(&[0], None, None).unwrap_err().to_string().contains("needs two"));
        assert!(pick(&[0, 1], Some(9), None).unwrap_err().to_string().contains("core 9"));
        assert!(pick(&[0, 1], Some(1), Some(1)).unwrap_err().to_string().contains("both"));
    }
}
