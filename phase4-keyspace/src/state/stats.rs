//! What `INFO` counts.
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::histogram::Histogram;
use crate::error::Error;

/// Index of a command or subcommand in the table, dense from 0: counters per command are a plain vector.
pub type CommandId = u16;

/// Counters since the start or the last `CONFIG RESETSTAT`.
pub struct Stats {
    /// Per command, by its id.
    pub commands: Vec<CommandStats>,
    /// How long the calls of each took, by its id, if that is kept.
    pub histograms: Vec<Option<Box<Histogram>>>,
    /// Whether it is (`latency-tracking`).
    pub tracks: bool,
    /// Error replies by their first word.
    pub errors: BTreeMap<String, u64>,
    /// Connections accepted and not refused.
    pub connections_received: u64,
    /// Connections refused because there were `maxclients` already.
    pub rejected_connections: u64,
    /// Bytes of requests served.
    pub net_input: u64,
    /// Bytes of replies written to connections' outputs.
    pub net_output: u64,
    /// Turns: each is one read of one connection.
    pub turns: u64,
    /// Turns that left something to send: each is a write, unless several of a connection fall into one tick.
    pub answers: u64,
    /// Time that the keyspace's background work took: expiry, ageing, freeing.
    pub cron_time: Duration,
    /// Lookups that found their key.
    pub hits: u64,
    /// Lookups that did not.
    pub misses: u64,
    /// `expired_keys` at the last reset; the keyspace itself only counts up.
    pub expired_before: u64,
    /// The same of `evicted_keys`.
    pub evicted_before: u64,
    /// Clients closed because all of them together took too much.
    pub evicted_clients: u64,
    /// Clients closed because their output grew beyond its limit.
    pub output_limit_closed: u64,
    /// Clients closed because of an unfinished request beyond `client-query-buffer-limit`.
    pub query_limit_closed: u64,
    /// `instantaneous_*`.
    pub rates: [Rate; 3],
}

/// Of one command.
#[derive(Clone, Copy, Default, Debug)]
pub struct CommandStats {
    /// How often it ran.
    pub calls: u64,
    /// How long that took.
    pub time: Duration,
    /// Refused before it ran: arity, password.
    pub rejected: u64,
    /// Ran and answered with an error.
    pub failed: u64,
}

impl Stats {
    /// All zero, for this many commands.
    pub fn new(commands: usize) -> Self {
        Stats {
            commands: vec![CommandStats::default(); commands],
            histograms: vec![None; commands],
            tracks: false,
            errors: BTreeMap::new(),
            connections_received: 0,
            rejected_connections: 0,
            net_input: 0,
            net_output: 0,
            turns: 0,
            answers: 0,
            cron_time: Duration::ZERO,
            hits: 0,
            misses: 0,
            expired_before: 0,
            evicted_before: 0,
            evicted_clients: 0,
            output_limit_closed: 0,
            query_limit_closed: 0,
            rates: [Rate::default(); 3],
        }
    }

    /// Counts an error reply under its code word.
    pub fn count_error(&mut self, error: &Error) {
        let line = error.line();
        let word = line.split(|byte| matches!(byte, b' ' | b'\r' | b'\n')).next().unwrap_or_default();
        let word = String::from_utf8_lossy(word);
        if let Some(count) = self.errors.get_mut(word.as_ref()) {
            *count += 1;
            return;
        }
        // A client can make up code words (`DEBUG ERROR`): their number is bounded.
        let word = if self.errors.len() < 128 { word.into_owned() } else { "OTHER".into() };
        *self.errors.entry(word).or_default() += 1;
    }

    /// `total_error_replies`.
    pub fn total_errors(&self) -> u64 {
        self.errors.values().sum()
    }

    /// `total_commands_processed`.
    pub fn total_commands(&self) -> u64 {
        self.commands.iter().map(|command| command.calls).sum()
    }

    /// Takes the samples behind `instantaneous_*`.
    pub fn sample(&mut self, now: Instant) {
        let totals = [self.total_commands(), self.net_input, self.net_output];
        for (rate, total) in self.rates.iter_mut().zip(totals) {
            rate.sample(now, total);
        }
    }
}

/// A rate per second, averaged over the last sixteen samples.
#[derive(Clone, Copy, Default)]
pub struct Rate {
    last: Option<(Instant, u64)>,
    samples: [u64; 16],
    next: usize,
}

impl Rate {
    fn sample(&mut self, now: Instant, total: u64) {
        if let Some((then, before)) = self.last {
            let millis = now.duration_since(then).as_millis() as u64;
            if millis == 0 {
                return;
            }
            self.samples[self.next] = total.saturating_sub(before) * 1000 / millis;
            self.next = (self.next + 1) % self.samples.len();
        }
        self.last = Some((now, total));
    }

    /// Events per second.
    pub fn per_second(&self) -> u64 {
        self.samples.iter().sum::<u64>() / self.samples.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_counted_by_their_first_word_and_in_bounded_memory() {
        let mut stats = Stats::new(1);
        stats.count_error(&Error::WrongType);
        stats.count_error(&Error::Syntax);
        stats.count_error(&Error::NotInteger);
        assert_eq!(stats.errors.get("ERR"), Some(&2));
        assert_eq!((stats.errors.get("WRONGTYPE"), stats.total_errors()), (Some(&1), 3));
        for made_up in 0..1000 {
            stats.count_error(&Error::other(format!("E{made_up} x")));
        }
        assert!(stats.errors.len() <= 129);
        assert_eq!(stats.total_errors(), 1003);
    }

    #[test]
    fn a_rate_is_the_mean_of_its_samples() {
        let (mut rate, start) = (Rate::default(), Instant::now());
        for step in 0..=16 {
            rate.sample(start + Duration::from_millis(100 * step), step * 50);
        }
        assert_eq!(rate.per_second(), 500);
    }
}
