//! Does a server rest while nothing is asked of it? An absolute limit would depend on the machine and on what else runs
//! there, so it is compared with somebody who certainly does not rest, at the same time and on the same cores.

use std::fmt;
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

/// The window: it lasts until the spinning thread has had this much CPU time.
const SPIN: Duration = Duration::from_millis(150);

/// Without that much in this time the machine is beyond measuring.
const PATIENCE: Duration = Duration::from_secs(15);

/// A server that turns in a loop gets about what the spinning thread gets: all of it on an idle machine, its share on a
/// crowded one. One that rests needs next to nothing, a runtime's housekeeping included. The line between lies at a fifth.
const SHARE: u32 = 5;

/// CPU time in one window, in which nobody asked anything of the server.
#[derive(Debug, Clone, Copy)]
pub struct Rest {
    /// What the server used.
    pub server: Duration,
    /// What a thread used that did nothing but spin.
    pub spinner: Duration,
}

impl Rest {
    /// Whether the server worked although there was nothing to do.
    #[must_use]
    pub fn spins(&self) -> bool {
        self.server * SHARE > self.spinner
    }
}

impl fmt::Display for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (server, spinner) = (self.server.as_millis(), self.spinner.as_millis());
        write!(
            f,
            "the server used {server} ms of CPU time, while a thread that does nothing but spin got {spinner} ms"
        )
    }
}

/// Spins through one window; the CPU time it took. `None` when that would not come.
pub(super) fn spin(deadline: Instant) -> Option<Duration> {
    let cpu = || clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from).ok();
    let until = deadline.min(Instant::now() + PATIENCE);
    let before = cpu()?;
    loop {
        for _ in 0..10_000 {
            std::hint::spin_loop();
        }
        let spent = cpu()?.saturating_sub(before);
        if spent >= SPIN {
            return Some(spent);
        }
        if Instant::now() > until {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_spinner_tells_work_from_rest() {
        let rest = |server| Rest { server: Duration::from_millis(server), spinner: SPIN };
        assert!(!rest(0).spins() && !rest(30).spins());
        assert!(rest(31).spins() && rest(150).spins());
    }

    #[test]
    fn the_window_is_as_long_as_it_says() {
        assert!(spin(Instant::now() + PATIENCE).expect("15 s are enough for 150 ms") >= SPIN);
    }
}
