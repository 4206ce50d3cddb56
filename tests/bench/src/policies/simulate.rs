//! Every policy on every trace.
use phase4_keyspace::keyspace::Policy;

use super::models::redis::Records;
use super::models::{Cache, Clock, Lru, Redis, S3Fifo, Sieve};
use super::server::Server;
use super::trace::{Size, TRACES, Trace};

/// Requests a second: what clocks that count seconds and minutes see of the trace.
const SPEED: u64 = 1000;

/// A policy: its name, and a cache that follows it.
pub struct Contender {
    /// As it stands in the table.
    pub name: &'static str,
    /// Whether it is the server's own code.
    pub ours: bool,
    make: fn(usize) -> Box<dyn Cache>,
}

/// Every policy, those that others are compared with first.
pub const CONTENDERS: &[Contender] = &[
    Contender { name: "true LRU", ours: false, make: |capacity| Box::new(Lru::new(capacity)) },
    Contender {
        name: "Redis's LRU",
        ours: false,
        make: |capacity| Box::new(Redis::new(capacity, Records::Time, SPEED)),
    },
    Contender {
        name: "allkeys-lru",
        ours: true,
        make: |capacity| Box::new(Server::new(capacity, Policy::AllKeysLru, SPEED)),
    },
    Contender {
        name: "Redis's LFU",
        ours: false,
        make: |capacity| Box::new(Redis::new(capacity, Records::Count, SPEED)),
    },
    Contender {
        name: "allkeys-lfu",
        ours: true,
        make: |capacity| Box::new(Server::new(capacity, Policy::AllKeysLfu, SPEED)),
    },
    Contender { name: "two-bit clock", ours: false, make: |capacity| Box::new(Clock::new(capacity)) },
    Contender { name: "SIEVE", ours: false, make: |capacity| Box::new(Sieve::new(capacity)) },
    Contender { name: "S3-FIFO", ours: false, make: |capacity| Box::new(S3Fifo::new(capacity)) },
    Contender {
        name: "allkeys-s3fifo",
        ours: true,
        make: |capacity| Box::new(Server::new(capacity, Policy::AllKeysS3Fifo, SPEED)),
    },
];

/// What came of one trace: the share of requests that found nothing, for each contender.
#[derive(Clone, PartialEq, Debug)]
pub struct Outcome {
    /// The trace.
    pub trace: &'static Trace,
    /// In the order of [`CONTENDERS`].
    pub misses: Vec<f64>,
}

impl Outcome {
    /// The misses of a contender.
    ///
    /// # Panics
    /// There is none of that name.
    pub fn of(&self, name: &str) -> f64 {
        let at = CONTENDERS.iter().position(|contender| contender.name == name);
        self.misses[at.expect("a contender's name")]
    }
}

/// Runs them all.
pub fn simulate(size: Size, seed: u64) -> Vec<Outcome> {
    TRACES
        .iter()
        .map(|trace| {
            let requests = trace.requests(size, seed);
            let misses =
                CONTENDERS.iter().map(|contender| misses((contender.make)(size.capacity), &requests));
            Outcome { trace, misses: misses.collect() }
        })
        .collect()
}

fn misses(mut cache: Box<dyn Cache>, requests: &[u64]) -> f64 {
    requests.iter().filter(|object| !cache.request(**object)).count() as f64 / requests.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::bars::missed;

    /// A tenth of what the command runs: enough to see a policy go wrong.
    #[test]
    fn the_policies_keep_what_is_promised_on_a_small_scale() {
        let size = Size { objects: 20_000, requests: 200_000, capacity: 2_000 };
        let outcomes = simulate(size, 42);
        assert_eq!(missed(&outcomes), Vec::<String>::new());
        assert_eq!(outcomes, simulate(size, 42), "two runs are the same");
    }
}
