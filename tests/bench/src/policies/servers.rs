//! What `cargo policies servers` runs and prints.
use anyhow::Result;

use super::beside::Contender;
use super::trace::{Size, TRACES};
use crate::compare::cores::Cores;
use crate::compare::process::Spec;

/// Values in bytes, with the `maxmemory` at which some tens of thousands of them fit.
const VALUES: &[(usize, u64)] = &[(16, 6 << 20), (1024, 24 << 20)];
/// How far a policy may be behind its namesake in redis-server.
const HALF_A_POINT: f64 = 0.005;
/// What a SET under eviction may cost, over redis-server's.
const CPU: f64 = 0.6;
const MIB: i64 = 1 << 20;

/// One server under one policy.
struct Row {
    server: &'static str,
    policy: &'static str,
    hits: Vec<f64>,
}

const POLICIES: &[(&str, &str)] = &[
    ("redis", "allkeys-random"),
    ("here", "allkeys-random"),
    ("redis", "allkeys-lru"),
    ("here", "allkeys-lru"),
    ("redis", "allkeys-lfu"),
    ("here", "allkeys-lfu"),
    ("here", "allkeys-s3fifo"),
];

/// Hit rates of all policies, a table for each length of values. What is not as promised, in words.
///
/// # Errors
/// A server does not start, or breaks.
pub fn hit_rates(redis: &Spec, here: &Spec, cores: Cores, size: Size, seed: u64) -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    for (value, maxmemory) in VALUES {
        println!("\nvalues of {value} bytes, maxmemory {maxmemory}: hit rates\n");
        let names: Vec<&str> = TRACES.iter().map(|trace| trace.name).collect();
        println!("| server | policy | {} |\n|---|---|{}", names.join(" | "), "---|".repeat(names.len()));
        let mut rows: Vec<Row> = Vec::new();
        for (server, policy) in POLICIES {
            let spec = if *server == "redis" { redis } else { here };
            let mut hits = Vec::new();
            for trace in TRACES {
                let mut contender = Contender::start(spec, cores, policy, *maxmemory)?;
                hits.push(1.0 - contender.misses(trace, size, seed, *value)?);
                contender.stop()?;
            }
            let shown: Vec<String> = hits.iter().map(|hits| format!("{:.1} %", hits * 100.0)).collect();
            println!("| {server} | `{policy}` | {} |", shown.join(" | "));
            rows.push(Row { server, policy, hits });
        }
        complaints.extend(judge(&rows, *value));
    }
    Ok(complaints)
}

fn judge(rows: &[Row], value: usize) -> Vec<String> {
    let mut complaints = Vec::new();
    for (at, trace) in TRACES.iter().enumerate() {
        let best =
            rows.iter().filter(|row| row.server == "redis").map(|row| row.hits[at]).fold(0.0, f64::max);
        for row in rows.iter().filter(|row| row.server == "here") {
            let namesake = rows.iter().find(|other| other.server == "redis" && other.policy == row.policy);
            let least = namesake.map_or(best, |other| other.hits[at] - HALF_A_POINT);
            if row.hits[at] < least {
                let (hits, least) = (row.hits[at] * 100.0, least * 100.0);
                complaints.push(format!(
                    "{value} bytes, {}: {} {hits:.1} %, not {least:.1} %",
                    trace.name, row.policy
                ));
            }
        }
    }
    complaints
}

/// A flood of writes under `allkeys-lru`, on both. What is not as promised, in words.
///
/// # Errors
/// A server does not start, or breaks.
pub fn floods(redis: &Spec, here: &Spec, cores: Cores, keys: usize, maxmemory: u64) -> Result<Vec<String>> {
    println!(
        "\n{keys} writes, maxmemory {maxmemory}\n\n| server | above maxmemory | CPU s per 10⁶ SET | keys |\n|---|---|---|---|"
    );
    let mut seen = Vec::new();
    for spec in [redis, here] {
        let mut contender = Contender::start(spec, cores, "allkeys-lru", maxmemory)?;
        let flood = contender.flood(keys, maxmemory)?;
        contender.stop()?;
        println!("| {} | {} | {:.2} | {} |", spec.name, flood.above, flood.cpu, flood.keys);
        seen.push(flood);
    }
    let mut complaints = Vec::new();
    if seen[1].above > MIB {
        complaints.push(format!("used_memory was {} bytes above maxmemory", seen[1].above));
    }
    if seen[1].cpu > seen[0].cpu * CPU {
        complaints.push(format!("a SET costs {:.2} of redis-server's", seen[1].cpu / seen[0].cpu));
    }
    Ok(complaints)
}
