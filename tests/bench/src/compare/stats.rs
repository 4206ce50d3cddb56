//! Medians, spreads, percentiles and the verdict over a bar.

use serde::Serialize;

/// Median, smallest and largest of one figure over the rounds.
///
/// The range grows with every round; what is known of the median does not get worse. So a bar is judged by the
/// interval `low` to `high`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The middle round; of an even number of rounds, the mean of the two in the middle.
    pub median: f64,
    /// The smallest round.
    pub min: f64,
    /// The largest round.
    pub max: f64,
    /// With `high`: the rounds that enclose the true median 95 times in 100, however the noise is distributed.
    pub low: f64,
    /// See `low`. Of fewer than six rounds no two are that sure: then these are the smallest and the largest.
    pub high: f64,
}

impl Summary {
    /// Summarises the rounds; `None` if there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median =
            if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 };
        let outside = rounds_outside(sorted.len());
        let (low, high) = (sorted[outside], sorted[sorted.len() - 1 - outside]);
        Some(Summary { median, min, max, low, high })
    }
}

/// How many rounds may be left out at either end. Each round is above or below the true median as a coin falls, so
/// the k smallest are all there is below it with the chance of at most k heads in n throws.
fn rounds_outside(rounds: usize) -> usize {
    if rounds > 1_000 {
        // A float soon cannot hold the chance of no head at all; by then the normal distribution is as good.
        let n = rounds as f64;
        return (n / 2.0 - 0.98 * n.sqrt() - 0.5) as usize;
    }
    let mut chance = 0.5f64.powi(rounds.try_into().unwrap_or(i32::MAX));
    let mut at_most = chance;
    let mut outside = 0;
    while outside < rounds / 2 {
        chance *= (rounds - outside) as f64 / (outside + 1) as f64;
        at_most += chance;
        if at_most > 0.025 {
            break;
        }
        outside += 1;
    }
    outside
}

/// Round by round, `ours` over `theirs`: two neighbouring rounds see the same weather, so what slows both cancels.
pub fn paired_ratio(ours: &[f64], theirs: &[f64]) -> Option<Summary> {
    Summary::of(ours.iter().zip(theirs).map(|(a, b)| a / b))
}

/// Which side of the limit is the good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Costs: the figure may not exceed the limit.
    AtMost,
    /// Gains: the figure may not fall short of the limit.
    AtLeast,
}

/// What a bar says about a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The median keeps the bar.
    Ok,
    /// The median misses the bar.
    Missed,
    /// The median may lie on either side of the bar, by more than the threshold.
    TooNoisy,
}

/// Judges the median. Noise forbids a judgement only where it matters: an interval that is wide, but on one side of
/// the bar, gives the answer.
pub fn judge(figure: Summary, side: Side, limit: f64, noise: f64) -> Verdict {
    let keeps = |value: f64| match side {
        Side::AtMost => value <= limit,
        Side::AtLeast => value >= limit,
    };
    if figure.high / figure.low > noise && keeps(figure.low) != keeps(figure.high) {
        Verdict::TooNoisy
    } else if keeps(figure.median) {
        Verdict::Ok
    } else {
        Verdict::Missed
    }
}

/// Buckets per doubling: a percentile is at most 1.6 % too high.
const STEPS: u64 = 64;
const STEP_BITS: u32 = STEPS.trailing_zeros();

/// Latencies in nanoseconds, counted in buckets whose width grows with the value.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { counts: vec![0; bucket(u64::MAX) + 1], total: 0, max: 0 }
    }
}

impl Histogram {
    /// Counts `times` observations of `nanoseconds`.
    pub fn record(&mut self, nanoseconds: u64, times: u64) {
        self.counts[bucket(nanoseconds)] += times;
        self.total += times;
        self.max = self.max.max(nanoseconds);
    }

    /// The largest observation, exactly.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The value that `share` of the observations (0 to 1) do not exceed; 0 without observations.
    pub fn percentile(&self, share: f64) -> u64 {
        let wanted = (self.total as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return upper_end(index).min(self.max);
            }
        }
        self.max
    }
}

fn bucket(value: u64) -> usize {
    if value < STEPS {
        return value as usize;
    }
    let exponent = 63 - value.leading_zeros();
    let shift = exponent - STEP_BITS;
    let step = (value >> shift) & (STEPS - 1);
    (u64::from(shift + 1) * STEPS + step) as usize
}

/// The largest value that falls into the bucket.
fn upper_end(index: usize) -> u64 {
    let (group, step) = (index as u64 / STEPS, index as u64 % STEPS);
    match group {
        0 => step,
        _ => {
            let width = 1u64 << (group - 1);
            (STEPS + step) * width + (width - 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(values: &[f64]) -> Summary {
        Summary::of(values.iter().copied()).unwrap()
    }

    #[test]
    fn medians_of_odd_and_even_numbers_of_rounds() {
        let odd = Summary { median: 2.0, min: 1.0, max: 3.0, low: 1.0, high: 3.0 };
        assert_eq!(summary(&[3.0, 1.0, 2.0]), odd);
        assert_eq!(summary(&[4.0, 1.0, 2.0, 3.0]).median, 2.5);
        assert_eq!(Summary::of([]), None);
    }

    #[test]
    fn a_drift_that_hits_both_servers_leaves_the_ratio_alone() {
        let ratio = paired_ratio(&[1.0, 2.0, 4.0], &[2.0, 4.0, 8.0]).unwrap();
        assert_eq!((ratio.median, ratio.min, ratio.max), (0.5, 0.5, 0.5));
    }

    /// The rank of the lower end as tables of the sign test give it, less one.
    #[test]
    fn the_interval_of_the_median_is_the_one_of_the_tables() {
        let ranks = [1, 5, 6, 8, 9, 11, 12, 15, 20, 31, 50].map(rounds_outside);
        assert_eq!(ranks, [0, 0, 0, 0, 1, 1, 2, 3, 5, 9, 17]);
        assert_eq!([1_000, 1_001, 2_000].map(rounds_outside), [468, 468, 955]);
        let mut rounds: Vec<f64> = (1..=31).map(f64::from).collect();
        rounds[30] = 1e9;
        let figure = summary(&rounds);
        assert_eq!((figure.low, figure.median, figure.high, figure.max), (10.0, 16.0, 22.0, 1e9));
    }

    #[test]
    fn one_wild_round_of_many_does_not_forbid_a_verdict() {
        let mut rounds = vec![0.8; 11];
        rounds[4] = 3.0;
        assert_eq!(judge(summary(&rounds), Side::AtMost, 0.82, 1.1), Verdict::Ok);
    }

    #[test]
    fn verdicts() {
        let steady = summary(&[0.78, 0.80, 0.81]);
        assert_eq!(judge(steady, Side::AtMost, 0.82, 1.25), Verdict::Ok);
        assert_eq!(judge(steady, Side::AtMost, 0.79, 1.25), Verdict::Missed);
        assert_eq!(judge(steady, Side::AtLeast, 0.79, 1.25), Verdict::Ok);
        let scattered = summary(&[0.5, 0.8, 1.0]);
        assert_eq!(judge(scattered, Side::AtMost, 0.82, 1.25), Verdict::TooNoisy);
        assert_eq!(judge(scattered, Side::AtMost, 1.1, 1.25), Verdict::Ok);
        assert_eq!(judge(scattered, Side::AtMost, 0.4, 1.25), Verdict::Missed);
    }

    #[test]
    fn buckets_are_contiguous_and_narrow() {
        assert_eq!(bucket(0), 0);
        for index in 0..bucket(u64::MAX) {
            let end = upper_end(index);
            assert_eq!(bucket(end), index);
            assert_eq!(bucket(end + 1), index + 1);
        }
        assert_eq!(upper_end(bucket(u64::MAX)), u64::MAX);
        assert!(upper_end(bucket(1_000_000)) < 1_016_000);
    }

    #[test]
    fn percentiles_of_a_known_distribution() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(0.5), 0);
        for value in 1..=1000 {
            histogram.record(value * 1000, 1);
        }
        for (share, expected) in [(0.5, 500_000.0), (0.99, 990_000.0), (1.0, 1_000_000.0)] {
            let found = histogram.percentile(share) as f64;
            assert!((expected..=expected * 1.016).contains(&found), "{share}: {found}");
        }
        assert_eq!(histogram.max(), 1_000_000);
    }
}
