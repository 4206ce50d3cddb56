//! How long the calls of one command took: counted in steps that grow with the time, so that every time is known to within a
//! hundredth and a histogram has a fixed size.
//!
//! The steps are those of HdrHistogram with two digits, which Redis uses: up to 255 nanoseconds each has a step, and from there
//! on each power of two has 128.

/// The longest time that is told from longer ones: a second, in nanoseconds.
const LONGEST: u64 = 1_000_000_000;
const STEPS: usize = 256 + 22 * 128;

/// The histogram.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { counts: vec![0; STEPS], total: 0 }
    }
}

/// The step of a time.
fn step_of(nanos: u64) -> usize {
    let nanos = nanos.clamp(1, LONGEST);
    if nanos < 256 {
        return nanos as usize;
    }
    let shift = nanos.ilog2() - 7;
    256 + (shift as usize - 1) * 128 + (nanos >> shift) as usize - 128
}

/// The shortest and the longest time of a step.
fn bounds(step: usize) -> (u64, u64) {
    if step < 256 {
        return (step as u64, step as u64);
    }
    let shift = (step - 256) / 128 + 1;
    let lowest = (((step - 256) % 128 + 128) as u64) << shift;
    (lowest, lowest + (1 << shift) - 1)
}

impl Histogram {
    /// Counts so many calls that took this long each.
    pub fn add(&mut self, nanos: u64, calls: u64) {
        self.counts[step_of(nanos)] += calls;
        self.total += calls;
    }

    /// How many calls were counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The time in nanoseconds within which so many per cent of the calls ended.
    pub fn percentile(&self, percent: f64) -> u64 {
        let wanted = ((percent / 100.0 * self.total as f64 + 0.5) as u64).max(1);
        let mut seen = 0;
        for (step, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                let (lowest, longest) = bounds(step);
                return if percent == 0.0 { lowest } else { longest };
            }
        }
        0
    }

    /// Microseconds, doubled from step to step, and how many calls took at most so long; steps that add none are left out.
    pub fn steps(&self) -> Vec<(u64, u64)> {
        let (mut steps, mut at, mut seen) = (Vec::new(), 0, 0);
        let mut limit = 1024;
        while seen < self.total {
            let last = step_of(limit);
            let before = seen;
            seen += self.counts[at..=last.min(STEPS - 1)].iter().sum::<u64>();
            at = last + 1;
            if seen > before {
                steps.push((bounds(last).1 / 1000, seen));
            }
            limit *= 2;
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_in_its_step() {
        let times = (1..5000).chain((1..31).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1]));
        for time in times.filter(|time| *time <= LONGEST) {
            let (lowest, longest) = bounds(step_of(time));
            assert!(lowest <= time && time <= longest, "{time}");
            assert!((longest - lowest) * 100 <= lowest, "{time}: known to within a hundredth");
        }
        assert!(step_of(u64::MAX) < STEPS);
    }

    /// What redis-server 7.0.15 tells of the same times.
    #[test]
    fn percentiles_and_steps_are_those_of_redis() {
        let mut histogram = Histogram::default();
        for micros in [1, 1, 9] {
            histogram.add(micros * 1000, 1);
        }
        assert_eq!(histogram.steps(), [(1, 2), (16, 3)]);
        assert_eq!([50.0, 99.0, 0.0].map(|percent| histogram.percentile(percent)), [1003, 9023, 1000]);
        let mut histogram = Histogram::default();
        histogram.add(528_000, 1);
        histogram.add(700_000, 1);
        assert_eq!(histogram.steps(), [(528, 1), (1056, 2)]);
        assert_eq!(histogram.percentile(99.9), 700_415);
        histogram.add(u64::MAX, 1);
        assert_eq!(histogram.steps().last().map(|step| step.1), Some(3));
    }
}
