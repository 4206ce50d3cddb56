//! What is written down about requests that take long.
use super::super::value::{self, Refusal, shown};
use super::Change::Anytime;
use super::{Config, Parameter, one, row, set, yes_no};

/// The parameters.
pub static WATCHING: &[Parameter] = &[
    row(
        "slowlog-log-slower-than",
        Anytime,
        |c| shown(c.watching.slowlog_log_slower_than),
        |c, w| {
            c.watching.slowlog_log_slower_than = value::signed(one(w)?, -1..=i64::MAX)?;
            Ok(())
        },
    ),
    row(
        "slowlog-max-len",
        Anytime,
        |c| shown(c.watching.slowlog_max_len),
        |c, w| set(&mut c.watching.slowlog_max_len, w, LONG),
    ),
    row(
        "latency-monitor-threshold",
        Anytime,
        |c| shown(c.watching.latency_monitor_threshold),
        |c, w| set(&mut c.watching.latency_monitor_threshold, w, LONG),
    ),
    row(
        "latency-tracking",
        Anytime,
        |c| yes_no(c.watching.latency_tracking),
        |c, w| {
            c.watching.latency_tracking = value::boolean(one(w)?)?;
            Ok(())
        },
    ),
    row("latency-tracking-info-percentiles", Anytime, percentiles, set_percentiles),
];

const LONG: std::ops::RangeInclusive<u64> = 0..=i64::MAX as u64;

fn percentiles(config: &Config) -> Vec<u8> {
    let all = config.watching.latency_percentiles.iter().map(ToString::to_string);
    shown(all.collect::<Vec<String>>().join(" "))
}

/// Any number of them, in one word or in several.
fn set_percentiles(config: &mut Config, words: &[&[u8]]) -> Result<(), Refusal> {
    let words =
        words.iter().flat_map(|word| word.split(|byte| *byte == b' ')).filter(|word| !word.is_empty());
    let number = |word: &[u8]| std::str::from_utf8(word).ok()?.parse::<f64>().ok();
    let percent = |word| number(word).filter(|percent| (0.0..=100.0).contains(percent));
    let all: Option<Vec<f64>> = words.map(percent).collect();
    config.watching.latency_percentiles =
        all.ok_or("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")?;
    Ok(())
}
