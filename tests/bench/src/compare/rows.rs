//! What is compared: the rows of the presets, with the bars that this project holds itself to.

use super::stats::Side;
use serde::Serialize;

/// Requests of a load that the table can name.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadShape {
    /// The command line, with `{key}` and `{value}`.
    pub command: String,
    /// Connections that send it.
    pub clients: usize,
    /// Requests in flight on each connection.
    pub depth: usize,
    /// Silent connections beside.
    pub idle: usize,
    /// Requests a second for an open loop; closed without.
    pub rate: Option<f64>,
}

/// The keys a row finds. Rows that want the same keys share servers.
#[derive(Clone, Debug, PartialEq)]
pub struct Keyspace {
    /// How many keys.
    pub keys: u64,
    /// Each key's value, which also stands for `{value}`.
    pub value: Vec<u8>,
}

/// What a row measures.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// Server CPU per request under load.
    Load(Keyspace, LoadShape),
    /// Resident memory per key.
    Memory(Keyspace),
    /// User instructions per request, counted by callgrind.
    Instructions(Keyspace, LoadShape),
    /// Round trips of one client beside many idle ones, over those beside few.
    Idle(Keyspace, LoadShape, Crowds),
}

/// Two numbers of idle connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crowds {
    /// The number that gives the unit.
    pub few: usize,
    /// The number under test.
    pub many: usize,
}

/// What a figure is divided by before it is held against a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Against {
    /// The baseline server, redis unless said otherwise.
    Baseline,
    /// The null server.
    Null,
    /// Nothing: the figure stands by itself.
    Itself,
}

/// A promise about the subject's figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bar {
    /// What the figure is divided by.
    pub against: Against,
    /// Which side is good.
    pub side: Side,
    /// The limit.
    pub limit: f64,
}

/// One row of a preset.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Unique, and what `--rows` looks at.
    pub name: String,
    /// What is measured.
    pub work: Work,
    /// What is promised.
    pub bars: Vec<Bar>,
}

/// Names of the presets, with what each is for.
pub const PRESETS: &[(&str, &str)] = &[
    ("bars", "every figure this project promises, 5 rounds of 1 s"),
    ("quick", "the same rows, 3 rounds of 0.3 s"),
    ("pipeline", "GET and SET over pipeline depths 1 to 256"),
];

/// The rows of a preset; `None` if there is no such preset.
pub fn preset(name: &str) -> Option<Vec<Row>> {
    match name {
        "bars" | "quick" => Some(bars()),
        "pipeline" => Some(pipeline()),
        _ => None,
    }
}

/// A value that no server can store as a number, so that none gets by with eight bytes.
pub fn text_value(size: usize) -> Vec<u8> {
    (b'a'..=b'z').cycle().take(size).collect()
}

const MILLION: u64 = 1_000_000;

fn bars() -> Vec<Row> {
    let small = Keyspace { keys: MILLION, value: text_value(3) };
    let counters = Keyspace { keys: MILLION, value: b"100000".to_vec() };
    let large = Keyspace { keys: MILLION, value: text_value(1024) };
    let few = Keyspace { keys: 20_000, value: text_value(3) };
    let mut rows = Vec::new();

    for clients in [50, 1000] {
        for (verb, command) in GET_SET {
            let name = format!("{verb} 3 B, {clients} clients");
            rows.push(load(name, &small, command, clients, 1, vec![at_most(0.82), at_most_null(1.15)]));
        }
    }
    for (depth, limit) in [(16, 0.42), (100, 0.28)] {
        for (verb, command) in GET_SET {
            rows.push(load(
                format!("{verb} 3 B, depth {depth}"),
                &small,
                command,
                50,
                depth,
                vec![at_most(limit)],
            ));
        }
    }
    for (verb, pair) in [("MSET", "{key} {value}"), ("MGET", "{key}")] {
        let command = format!("{verb} {}", [pair; 10].join(" "));
        rows.push(load(format!("{verb} 10, depth 16"), &small, &command, 50, 16, vec![at_most(0.5)]));
    }
    rows.push(load("INCR, depth 16".to_owned(), &counters, "INCR {key}", 50, 16, vec![at_most(0.5)]));
    // Last on its servers, since it leaves deadlines on their keys.
    rows.push(load(
        "EXPIRE, depth 16".to_owned(),
        &counters,
        "EXPIRE {key} 100000",
        50,
        16,
        vec![at_most(0.5)],
    ));
    for ((verb, command), limit) in GET_SET.into_iter().zip([0.43, 0.42]) {
        rows.push(load(format!("{verb} 1 KiB, depth 16"), &large, command, 50, 16, vec![at_most(limit)]));
    }
    for ((verb, command), limit) in GET_SET.into_iter().zip([850.0, 1000.0]) {
        let bar = Bar { against: Against::Itself, side: Side::AtMost, limit };
        let work = Work::Instructions(few.clone(), shape(command, 1, 16));
        rows.push(Row { name: format!("instructions, {verb}, depth 16"), work, bars: vec![bar] });
    }
    for (keys, label) in [(MILLION, "10⁶"), (MILLION * 3 / 2, "1.5 × 10⁶")] {
        for (size, limit) in [(3, 0.38), (16, 0.45), (64, 0.62)] {
            let work = Work::Memory(Keyspace { keys, value: text_value(size) });
            rows.push(Row {
                name: format!("RSS per key, {size} B, {label}"),
                work,
                bars: vec![at_most(limit)],
            });
        }
    }
    rows.push(Row {
        name: "round trips beside 10,000 idle".to_owned(),
        work: Work::Idle(few, shape("GET {key}", 1, 1), Crowds { few: 10, many: 10_000 }),
        bars: vec![Bar { against: Against::Itself, side: Side::AtLeast, limit: 0.93 }],
    });
    rows
}

fn pipeline() -> Vec<Row> {
    let small = Keyspace { keys: MILLION, value: text_value(3) };
    let mut rows = Vec::new();
    for depth in [1, 2, 4, 8, 16, 32, 64, 128, 256] {
        for (verb, command) in GET_SET {
            rows.push(load(format!("{verb} 3 B, depth {depth}"), &small, command, 50, depth, Vec::new()));
        }
    }
    rows
}

const GET_SET: [(&str, &str); 2] = [("GET", "GET {key}"), ("SET", "SET {key} {value}")];

fn load(
    name: String,
    keyspace: &Keyspace,
    command: &str,
    clients: usize,
    depth: usize,
    bars: Vec<Bar>,
) -> Row {
    Row { name, work: Work::Load(keyspace.clone(), shape(command, clients, depth)), bars }
}

fn shape(command: &str, clients: usize, depth: usize) -> LoadShape {
    LoadShape { command: command.to_owned(), clients, depth, idle: 0, rate: None }
}

fn at_most(limit: f64) -> Bar {
    Bar { against: Against::Baseline, side: Side::AtMost, limit }
}

fn at_most_null(limit: f64) -> Bar {
    Bar { against: Against::Null, side: Side::AtMost, limit }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::template::Template;
    use std::collections::HashSet;

    #[test]
    fn every_preset_has_rows_with_names_of_their_own_and_commands_that_parse() {
        for (name, _) in PRESETS {
            let rows = preset(name).unwrap();
            let names: HashSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
            assert_eq!(names.len(), rows.len(), "{name}");
            for row in &rows {
                if let Work::Load(_, shape) | Work::Instructions(_, shape) | Work::Idle(_, shape, _) =
                    &row.work
                {
                    Template::parse(&shape.command).unwrap();
                }
            }
        }
        assert!(preset("nonsense").is_none());
    }

    #[test]
    fn the_promises_are_all_there() {
        let rows = bars();
        assert_eq!(rows.len(), 4 + 4 + 4 + 2 + 2 + 6 + 1);
        assert!(rows.iter().all(|row| !row.bars.is_empty()));
    }
}
