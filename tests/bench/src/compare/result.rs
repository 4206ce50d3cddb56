//! What a comparison found, in the shape that goes into JSON and that the tables and pictures are drawn from.

use super::rows::{Against, Bar};
use super::stats::{Summary, Verdict, judge, paired_ratio};
use serde::Serialize;

/// A whole run.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// The server that the others are divided by.
    pub baseline: String,
    /// The server that the bars are about.
    pub subject: String,
    /// The core of the servers.
    pub server_core: usize,
    /// The core of the load.
    pub load_core: usize,
    /// An interval of the median wider than this ratio forbids a verdict on a bar inside it.
    pub noise_threshold: f64,
    /// In the order of the run.
    pub rows: Vec<RowResult>,
}

/// One row.
#[derive(Debug, Serialize)]
pub struct RowResult {
    /// The row's name.
    pub name: String,
    /// What the figures count.
    pub unit: String,
    /// Why there are no figures, if there are none.
    pub not_run: Option<String>,
    /// One per server.
    pub entries: Vec<Entry>,
    /// The bars that could be held against the subject.
    pub bars: Vec<Judged>,
}

/// One server's figures in a row.
#[derive(Debug, Serialize)]
pub struct Entry {
    /// The server.
    pub name: String,
    /// The judged figure of each round.
    pub rounds: Vec<f64>,
    /// The same, summarised.
    pub figure: Summary,
    /// Round by round over the baseline's.
    pub over_baseline: Option<Summary>,
    /// Round by round over the null server's.
    pub over_null: Option<Summary>,
    /// What else a load saw.
    pub load: Option<LoadFigures>,
    /// A remark for the table.
    pub note: Option<String>,
}

/// What a load saw beside the server's processor time.
#[derive(Debug, Serialize)]
pub struct LoadFigures {
    /// CPU seconds per 10⁶ requests in user mode.
    pub user: Summary,
    /// CPU seconds per 10⁶ requests in the kernel.
    pub system: Summary,
    /// Requests per second.
    pub rate: Summary,
    /// Half the requests took at most so many microseconds.
    pub p50: Summary,
    /// 99 % did.
    pub p99: Summary,
    /// 99.9 % did.
    pub p999: Summary,
    /// The slowest, in microseconds.
    pub max: Summary,
    /// Share of the load generator's core that it used: near 1, requests/s tell about it and not about the server.
    pub load_busy: Summary,
}

/// A bar and how it went.
#[derive(Debug, Serialize)]
pub struct Judged {
    /// The bar.
    pub bar: Bar,
    /// The subject's figure, divided as the bar says.
    pub figure: Summary,
    /// The verdict.
    pub verdict: Verdict,
}

/// One round of a load on one server.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// CPU seconds per 10⁶ requests.
    pub cpu: f64,
    /// Of these in user mode.
    pub user: f64,
    /// Of these in the kernel.
    pub system: f64,
    /// Requests per second.
    pub rate: f64,
    /// Latencies in microseconds: median, 99 %, 99.9 %, largest.
    pub latency: [f64; 4],
    /// Share of its core that the load generator used.
    pub load_busy: f64,
}

impl LoadFigures {
    /// Summarises the rounds; `None` without any.
    pub fn of(samples: &[Sample]) -> Option<Self> {
        let each = |figure: fn(&Sample) -> f64| Summary::of(samples.iter().map(figure));
        Some(LoadFigures {
            user: each(|sample| sample.user)?,
            system: each(|sample| sample.system)?,
            rate: each(|sample| sample.rate)?,
            p50: each(|sample| sample.latency[0])?,
            p99: each(|sample| sample.latency[1])?,
            p999: each(|sample| sample.latency[2])?,
            max: each(|sample| sample.latency[3])?,
            load_busy: each(|sample| sample.load_busy)?,
        })
    }
}

impl Entry {
    /// An entry not yet compared with others; `None` without any round.
    pub fn new(name: &str, rounds: Vec<f64>) -> Option<Self> {
        let figure = Summary::of(rounds.iter().copied())?;
        let name = name.to_owned();
        Some(Entry { name, rounds, figure, over_baseline: None, over_null: None, load: None, note: None })
    }
}

/// Who is who when figures are divided.
#[derive(Clone, Debug)]
pub struct Roles {
    /// The server that the others are divided by.
    pub baseline: String,
    /// The server that the bars are about.
    pub subject: String,
    /// See [`Comparison::noise_threshold`].
    pub noise: f64,
}

/// What the tables call the null server.
pub const NULL: &str = "null";

impl RowResult {
    /// Divides and judges.
    pub fn new(name: &str, unit: &str, mut entries: Vec<Entry>, bars: &[Bar], roles: &Roles) -> Self {
        let rounds_of = |wanted: &str| {
            let found = entries.iter().find(|entry| entry.name == wanted);
            found.map(|entry| entry.rounds.clone())
        };
        let (baseline, null) = (rounds_of(&roles.baseline), rounds_of(NULL));
        for entry in &mut entries {
            entry.over_baseline = baseline.as_ref().and_then(|theirs| paired_ratio(&entry.rounds, theirs));
            entry.over_null = null.as_ref().and_then(|theirs| paired_ratio(&entry.rounds, theirs));
        }
        let subject = entries.iter().find(|entry| entry.name == roles.subject);
        let judged = bars.iter().filter_map(|&bar| {
            let figure = match bar.against {
                Against::Itself => Some(subject?.figure),
                Against::Baseline => subject?.over_baseline,
                Against::Null => subject?.over_null,
            }?;
            Some(Judged { bar, figure, verdict: judge(figure, bar.side, bar.limit, roles.noise) })
        });
        let bars = judged.collect();
        RowResult { name: name.to_owned(), unit: unit.to_owned(), not_run: None, entries, bars }
    }

    /// A row that could not be measured here.
    pub fn not_run(name: &str, why: String) -> Self {
        let name = name.to_owned();
        RowResult { name, unit: String::new(), not_run: Some(why), entries: Vec::new(), bars: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::stats::Side;

    #[test]
    fn ratios_and_verdicts_come_from_the_named_roles() {
        let roles = Roles { baseline: "redis".into(), subject: "ours".into(), noise: 1.25 };
        let entries = vec![
            Entry::new("redis", vec![4.0, 5.0, 6.0]).unwrap(),
            Entry::new(NULL, vec![1.0, 1.0, 1.0]).unwrap(),
            Entry::new("ours", vec![2.0, 2.5, 3.0]).unwrap(),
        ];
        let bar = |against, limit| Bar { against, side: Side::AtMost, limit };
        let bars = [bar(Against::Baseline, 0.5), bar(Against::Null, 2.0), bar(Against::Itself, 3.0)];
        let row = RowResult::new("row", "s", entries, &bars, &roles);
        assert_eq!(row.entries[2].over_baseline.unwrap().median, 0.5);
        let verdicts: Vec<Verdict> = row.bars.iter().map(|judged| judged.verdict).collect();
        assert_eq!(verdicts, [Verdict::Ok, Verdict::TooNoisy, Verdict::Ok]);
    }

    #[test]
    fn without_its_opponent_a_bar_is_left_out() {
        let roles = Roles { baseline: "redis".into(), subject: "ours".into(), noise: 1.25 };
        let bars = [Bar { against: Against::Baseline, side: Side::AtMost, limit: 1.0 }];
        let entries = vec![Entry::new("ours", vec![1.0]).unwrap()];
        assert!(RowResult::new("row", "s", entries, &bars, &roles).bars.is_empty());
    }
}
