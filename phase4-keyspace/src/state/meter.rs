//! Which command takes how much time.
use std::time::Instant;

use super::stats::{CommandId, Stats};

/// Attributes calls and time to commands: one reading of the clock and one addition per run of equal commands, not per
/// command; the calls of a run share its time evenly. A run goes on from one client's turn to the next while the loop does nothing else between them.
#[derive(Default)]
pub struct Meter {
    running: Option<Run>,
}

struct Run {
    command: CommandId,
    since: Instant,
    /// Not written down yet.
    calls: u64,
    /// Written down.
    all_calls: u64,
}

impl Meter {
    /// `command` runs now, and whatever ran before it has ended.
    #[inline]
    pub fn switch(&mut self, command: CommandId, stats: &mut Stats) {
        match &mut self.running {
            Some(run) if run.command == command => run.calls += 1,
            _ => {
                let since = Instant::now();
                self.end_run(since, stats);
                self.running = Some(Run { command, since, calls: 1, all_calls: 0 });
            }
        }
    }

    /// Nothing runs any more: what has run is written down.
    pub fn stop(&mut self, stats: &mut Stats) {
        if self.running.is_some() {
            self.end_run(Instant::now(), stats);
        }
    }

    /// Writes down the calls of a run that may go on, without asking the clock for its time.
    pub fn write_calls(&mut self, stats: &mut Stats) {
        if let Some(run) = &mut self.running {
            stats.commands[run.command as usize].calls += run.calls;
            run.all_calls += std::mem::take(&mut run.calls);
        }
    }

    fn end_run(&mut self, now: Instant, stats: &mut Stats) {
        self.write_calls(stats);
        let Some(run) = self.running.take() else { return };
        let (id, took) = (run.command as usize, now - run.since);
        stats.commands[id].time += took;
        if stats.tracks && run.all_calls > 0 {
            let each = took.as_nanos() as u64 / run.all_calls;
            stats.histograms[id].get_or_insert_default().add(each, run.all_calls);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_writes_down_each_run_when_it_ends() {
        let mut stats = Stats::new(3);
        let mut meter = Meter::default();
        for command in [1, 1, 2, 1] {
            meter.switch(command, &mut stats);
        }
        assert_eq!(
            stats.commands.iter().map(|c| c.calls).collect::<Vec<_>>(),
            [0, 2, 1],
            "the last is not over"
        );
        meter.stop(&mut stats);
        meter.stop(&mut stats);
        assert_eq!(stats.commands[1].calls, 3);
        meter.switch(2, &mut stats);
        meter.write_calls(&mut stats);
        meter.stop(&mut stats);
        assert_eq!(stats.commands[2].calls, 2, "a call is counted once, though its run goes on");
    }
}
