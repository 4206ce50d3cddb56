//! What is promised of the policies.
use super::simulate::Outcome;

/// By how much `allkeys-s3fifo` has fewer misses than true LRU, at least, on each trace.
const FEWER: &[(&str, f64)] = &[
    ("Zipf 0.7", 0.0),
    ("Zipf 0.99", 0.15),
    ("Zipf 1.2", 0.0),
    ("shift", 0.08),
    ("scan", 0.0),
    ("one-hit", 0.12),
];
/// How far LRU and LFU may be behind the model of Redis's.
const POINT: f64 = 0.01;

/// Every promise that is not kept, in words.
pub fn missed(outcomes: &[Outcome]) -> Vec<String> {
    let mut complaints = Vec::new();
    for outcome in outcomes {
        let trace = outcome.trace.name;
        let promised = FEWER.iter().find(|(name, _)| *name == trace).map_or(0.0, |(_, fewer)| *fewer);
        let fewer = 1.0 - outcome.of("allkeys-s3fifo") / outcome.of("true LRU");
        if fewer < promised {
            complaints
                .push(format!("{trace}: allkeys-s3fifo has {:.1} % fewer misses than LRU", fewer * 100.0));
        }
        for (ours, model) in [("allkeys-lru", "Redis's LRU"), ("allkeys-lfu", "Redis's LFU")] {
            let behind = outcome.of(ours) - outcome.of(model);
            if behind.abs() > POINT {
                complaints.push(format!("{trace}: {ours} is {:.2} points behind {model}", behind * 100.0));
            }
        }
    }
    complaints
}
