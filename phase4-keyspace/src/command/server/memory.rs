//! `MEMORY STATS` and its neighbours: where the memory went.
use crate::command::{Command, Group, ServerContext, ServerFn};
use crate::error::Error;
use crate::memory::{self, alloc, process};
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// `MEMORY STATS`
pub const STATS: Command = row("stats", stats, "Tells what the memory in use is used for.");
/// `MEMORY DOCTOR`
pub const DOCTOR: Command = row("doctor", doctor, "Tells what may be wrong with the use of memory.");
/// `MEMORY PURGE`
pub const PURGE: Command = row("purge", purge, "Gives free memory back to the system.");
/// `MEMORY MALLOC-STATS`
pub const MALLOC_STATS: Command = row("malloc-stats", malloc_stats, "Tells what the allocator knows.");

const fn row(name: &'static str, run: ServerFn, summary: &'static str) -> Command {
    Command::server(name, 2, "", run).doc(Group::Server, "4.0.0", summary)
}

/// What all memory is used for.
struct Parts {
    used: usize,
    peak: usize,
    startup: usize,
    clients: usize,
    /// Tables and queues of each database that has keys: which, table, queue of deadlines.
    tables: Vec<(usize, usize, usize)>,
    keys: usize,
}

impl Parts {
    fn of(context: &mut ServerContext<'_>) -> Parts {
        let state = &mut *context.state;
        state.recount_clients(context.deliver.outbox);
        let used = memory::used();
        state.peak_memory = state.peak_memory.max(used);
        let dbs = (0..state.keyspace.databases()).map(|index| (index, state.keyspace.db(index)));
        let filled: Vec<_> = dbs.filter(|(_, db)| !db.is_empty()).collect();
        Parts {
            used,
            peak: state.peak_memory,
            startup: state.startup_memory,
            clients: state.client_memory,
            tables: filled
                .iter()
                .map(|(index, db)| (*index, db.table_bytes(), db.deadline_bytes()))
                .collect(),
            keys: filled.iter().map(|(_, db)| db.len()).sum(),
        }
    }

    fn overhead(&self) -> usize {
        let tables: usize = self.tables.iter().map(|(_, table, queue)| table + queue).sum();
        self.startup + self.clients + tables
    }

    fn dataset(&self) -> usize {
        self.used.saturating_sub(self.overhead())
    }

    fn net(&self) -> usize {
        self.used.saturating_sub(self.startup)
    }
}

fn stats(context: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let parts = Parts::of(context);
    let (active, resident) = (alloc::handed_out().max(parts.used), process::resident());
    let first: [(&str, usize); 10] = [
        ("peak.allocated", parts.peak),
        ("total.allocated", parts.used),
        ("startup.allocated", parts.startup),
        ("replication.backlog", 0),
        ("clients.slaves", 0),
        ("clients.normal", parts.clients),
        ("cluster.links", 0),
        ("aof.buffer", 0),
        ("lua.caches", 0),
        ("functions.caches", 0),
    ];
    reply.map(first.len() + parts.tables.len() + 17);
    integers(reply, &first);
    for (index, table, queue) in &parts.tables {
        reply.bulk(format!("db.{index}").as_bytes());
        reply.map(3);
        let tables = [
            ("overhead.hashtable.main", *table),
            ("overhead.hashtable.expires", *queue),
            ("overhead.hashtable.slot-to-keys", 0),
        ];
        integers(reply, &tables);
    }
    let totals = [
        ("overhead.total", parts.overhead()),
        ("keys.count", parts.keys),
        ("keys.bytes-per-key", parts.net().checked_div(parts.keys).unwrap_or(0)),
        ("dataset.bytes", parts.dataset()),
    ];
    integers(reply, &totals);
    let ratio = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
    double(reply, "dataset.percentage", ratio(parts.dataset(), parts.net()) * 100.0);
    double(reply, "peak.percentage", ratio(parts.used, parts.peak) * 100.0);
    let allocator =
        [("allocator.allocated", parts.used), ("allocator.active", active), ("allocator.resident", resident)];
    integers(reply, &allocator);
    double(reply, "allocator-fragmentation.ratio", ratio(active, parts.used));
    difference(reply, "allocator-fragmentation.bytes", active, parts.used);
    double(reply, "allocator-rss.ratio", ratio(resident, active));
    difference(reply, "allocator-rss.bytes", resident, active);
    double(reply, "rss-overhead.ratio", 1.0);
    difference(reply, "rss-overhead.bytes", 0, 0);
    double(reply, "fragmentation", ratio(resident, parts.used));
    difference(reply, "fragmentation.bytes", resident, parts.used);
    Ok(())
}

fn integers(reply: &mut Reply<'_>, fields: &[(&str, usize)]) {
    for (name, value) in fields {
        difference(reply, name, *value, 0);
    }
}

fn difference(reply: &mut Reply<'_>, name: &str, more: usize, less: usize) {
    reply.bulk(name.as_bytes());
    reply.integer(more as i64 - less as i64);
}

fn double(reply: &mut Reply<'_>, name: &str, value: f64) {
    reply.bulk(name.as_bytes());
    reply.score(value);
}

/// Below this there is nothing to see.
const SMALL: usize = 5 << 20;

fn doctor(context: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let parts = Parts::of(context);
    let clients = context.state.clients.len().max(1);
    let (active, resident) = (alloc::handed_out().max(parts.used), process::resident());
    let mut findings = Vec::new();
    if parts.used < SMALL {
        findings.push("Less than 5 MB are in use: too little to tell anything.".to_string());
    } else {
        if parts.peak > parts.used / 2 * 3 {
            let mb = parts.peak >> 20;
            findings.push(format!("Peak: {mb} MB have been in use, half as much again as now or more. The system may not have all of it back."));
        }
        if active > parts.used / 5 * 7 {
            findings.push("Fragmentation: two fifths of the memory of records lie free between them. Compaction is at work; or keys of one size have followed keys of another.".to_string());
        }
        if resident > active / 5 * 7 {
            findings.push("Resident set: the system counts much more than was handed out. MEMORY PURGE gives back what malloc keeps.".to_string());
        }
        if parts.clients / clients > 200 << 10 {
            findings.push("Clients: on average they take more than 200 KB. Some send or ask for very much, or do not read their replies: see CLIENT LIST, and set maxmemory-clients.".to_string());
        }
        if findings.is_empty() {
            findings.push("Nothing is wrong with the use of memory.".to_string());
        }
    }
    reply.verbatim("txt", findings.join("\n").as_bytes());
    Ok(())
}

fn purge(_: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    alloc::give_back();
    reply.ok();
    Ok(())
}

fn malloc_stats(_: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let (used, handed_out) = (memory::used(), alloc::handed_out());
    let text = format!(
        "handed out {handed_out}\nof that, free slots in pages of records {}\nin use {used}\nresident {}\n",
        handed_out.saturating_sub(used),
        process::resident()
    );
    reply.verbatim("txt", text.as_bytes());
    Ok(())
}
