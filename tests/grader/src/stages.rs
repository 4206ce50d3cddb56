//! Stages: a phase's checks in groups that can be reached one after the other, each with points of its own.

use crate::check::{Check, Phase};

/// One stage of a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// What `--stage` is given.
    pub name: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// The topics of its checks.
    pub topics: &'static [&'static str],
}

const SOCKETS: Stage = stage("sockets", "sockets and byte streams", &["sockets"]);
const FRAMING: Stage = stage("framing", "frames", &["framing"]);
const LOOP: Stage = stage("loop", "one loop for many clients", &["loop"]);
const CLIENT: Stage = stage("client", "your own client: the grader is its server", &["client"]);
const FAULTS: Stage = stage("faults", "system calls that fail (with --strace)", &["faults"]);

const KEYSPACE: &[Stage] = &[
    stage("resp", "RESP and PING", &["sockets", "resp-protocol"]),
    stage("strings", "strings and counters", &["core", "strings", "counters"]),
    stage("expiry", "keys with a deadline", &["expiry"]),
    stage("table", "a hashtable that grows", &["table"]),
    stage("keys", "commands on keys of any type", &["keys"]),
    stage("scan", "SCAN", &["scan"]),
    stage("lists", "lists, and SORT", &["lists"]),
    stage("hashes", "hashes", &["hashes"]),
    stage("sets", "sets", &["sets"]),
    stage("sorted-sets", "sorted sets", &["sorted-sets"]),
    stage("bitmaps", "bitmaps", &["bitmaps"]),
    stage("transactions", "transactions", &["transactions"]),
    stage("pubsub", "publish and subscribe", &["pubsub"]),
    stage("blocking", "clients that wait", &["blocking"]),
    stage("connection", "connections and mistakes", &["connection"]),
    stage("inline", "commands typed by hand", &["inline", "by-hand"]),
    stage("clients", "many clients, slow and rude ones", &["robustness"]),
    stage("framed", "the framed protocol", &["framed-protocol"]),
];

const fn stage(name: &'static str, title: &'static str, topics: &'static [&'static str]) -> Stage {
    Stage { name, title, topics }
}

/// The stages of a phase, in teaching order.
#[must_use]
pub fn of(phase: Phase) -> &'static [Stage] {
    match phase {
        Phase::Echo => &[SOCKETS, CLIENT, FAULTS],
        Phase::Framing => &[SOCKETS, FRAMING, CLIENT, FAULTS],
        Phase::EventLoop => &[SOCKETS, FRAMING, LOOP, FAULTS],
        Phase::Keyspace => KEYSPACE,
    }
}

/// The stage of a check.
///
/// # Panics
/// When a check has a topic of no stage, which a test rules out.
#[must_use]
pub fn of_check(phase: Phase, check: &Check) -> &'static Stage {
    let found = of(phase).iter().find(|stage| stage.topics.contains(&check.topic));
    found.expect("every topic belongs to a stage: a test holds the table against the checks")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks;

    #[test]
    fn every_check_has_one_stage_and_every_topic_a_check() {
        for phase in Phase::ALL {
            for check in checks::of(phase) {
                let stages = of(phase).iter().filter(|stage| stage.topics.contains(&check.topic));
                assert_eq!(stages.count(), 1, "{}: topic {}", check.id(phase), check.topic);
            }
            for topic in of(phase).iter().flat_map(|stage| stage.topics) {
                assert!(
                    checks::of(phase).any(|check| check.topic == *topic),
                    "{phase}: no check has {topic}"
                );
            }
        }
    }
}
