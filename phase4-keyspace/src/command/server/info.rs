//! `INFO`: real counts only. A field of Redis that could only be made up is left out; one that is truly zero is shown as 0.
mod absent;
mod memory;
mod persistence;

use std::fmt::Write;

use phase3_eventloop::limits::Limits;

use crate::clock::wall_clock;
use crate::command::{Command, Group};
use crate::command::{ServerContext, lookup};
use crate::error::Error;
use crate::state::State;
use crate::state::subscriptions::Space;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The version of Redis whose replies these are.
pub const COMPATIBLE_WITH: &str = "7.0.15";

/// The row.
pub static COMMANDS: &[Command] = &[Command::server("info", -1, "loading stale", info)
    .doc(Group::Server, "1.0.0", "Tells how the server is: settings, memory, counters, databases.")
    .categories("dangerous")
    .tips("nondeterministic_output request_policy:all_shards response_policy:special")];

/// A section: its name, whether a plain `INFO` shows it, and who writes it.
struct Section {
    name: &'static str,
    by_default: bool,
    write: fn(&mut Page<'_>),
}

const SECTIONS: &[Section] = &[
    Section { name: "Server", by_default: true, write: server },
    Section { name: "Clients", by_default: true, write: clients },
    Section { name: "Memory", by_default: true, write: memory::section },
    Section { name: "Persistence", by_default: true, write: persistence::section },
    Section { name: "Stats", by_default: true, write: stats },
    Section { name: "Replication", by_default: true, write: replication },
    Section { name: "CPU", by_default: true, write: cpu },
    Section { name: "Modules", by_default: true, write: |_| {} },
    Section { name: "Commandstats", by_default: false, write: command_stats },
    Section { name: "Latencystats", by_default: false, write: latency_stats },
    Section { name: "Errorstats", by_default: true, write: error_stats },
    Section { name: "Cluster", by_default: true, write: |page| page.field("cluster_enabled", 0) },
    Section { name: "Keyspace", by_default: true, write: keyspace },
];

fn info(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let asks = |word: &str| args.from(1).any(|arg| arg.eq_ignore_ascii_case(word.as_bytes()));
    let defaults = args.len() == 1 || asks("default");
    let everything = asks("all") || asks("everything");
    let (buffers, limits) = (buffers(context), *context.deliver.outbox.limits());
    let mut page = Page { state: context.state, limits, buffers, text: String::with_capacity(8192) };
    for section in SECTIONS {
        if everything || (defaults && section.by_default) || asks(section.name) {
            if !page.text.is_empty() {
                page.text.push_str("\r\n");
            }
            page.line(format_args!("# {}", section.name));
            (section.write)(&mut page);
        }
    }
    reply.verbatim("txt", page.text.as_bytes());
    Ok(())
}

/// The text so far, and what there is to tell.
struct Page<'a> {
    state: &'a mut State,
    limits: Limits,
    buffers: BufferStats,
    text: String,
}

/// What the clients' buffers hold at this moment.
#[derive(Default)]
struct BufferStats {
    largest_input: usize,
    largest_output: usize,
    bytes: usize,
}

fn buffers(context: &mut ServerContext<'_>) -> BufferStats {
    let mut all = BufferStats::default();
    for client in context.state.clients.iter_mut() {
        let Some(stats) = context.deliver.outbox.stats(client.conn) else { continue };
        all.largest_input = all.largest_input.max(stats.input_capacity);
        all.largest_output = all.largest_output.max(stats.output_len);
        all.bytes += stats.input_capacity + stats.output_capacity;
    }
    all
}

impl Page<'_> {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.text.write_fmt(line);
        self.text.push_str("\r\n");
    }

    fn field(&mut self, name: &str, value: impl std::fmt::Display) {
        self.line(format_args!("{name}:{value}"));
    }

    /// A number of bytes, twice: exact, and for people.
    fn bytes(&mut self, name: &str, value: u64) {
        self.field(name, value);
        self.line(format_args!("{name}_human:{}", memory::human(value)));
    }

    fn absent(&mut self, fields: &[absent::Field]) {
        for (name, value) in fields {
            self.field(name, value);
        }
    }
}

fn server(page: &mut Page<'_>) {
    let uptime = page.state.started.elapsed().as_secs();
    let now = wall_clock();
    page.field("redis_version", COMPATIBLE_WITH);
    page.field("server_name", "keyspace");
    page.field("keyspace_version", env!("CARGO_PKG_VERSION"));
    page.field("redis_mode", "standalone");
    page.field("os", os());
    page.field("arch_bits", usize::BITS);
    page.field("multiplexing_api", format!("{:?}", page.state.config.poller).to_lowercase());
    page.field("process_id", std::process::id());
    page.field("run_id", page.state.run_id.clone());
    page.field("tcp_port", page.state.port);
    page.field("server_time_usec", now.as_micros());
    page.field("uptime_in_seconds", uptime);
    page.field("uptime_in_days", uptime / 86_400);
    page.field("hz", page.state.config.hz);
    page.field("configured_hz", page.state.config.hz);
    page.field("lru_clock", now.as_secs() & 0xff_ffff);
    let executable = std::env::current_exe().unwrap_or_default();
    page.field("executable", executable.display());
    let file = page.state.config.file.clone().unwrap_or_default();
    page.field("config_file", file.display());
    page.field("io_threads_active", 0);
    page.absent(absent::SERVER);
}

fn os() -> String {
    let uname = nix::sys::utsname::uname();
    let part = |part: &std::ffi::OsStr| part.to_string_lossy().into_owned();
    match uname {
        Ok(name) => format!("{} {} {}", part(name.sysname()), part(name.release()), part(name.machine())),
        Err(_) => std::env::consts::OS.into(),
    }
}

fn clients(page: &mut Page<'_>) {
    let held = page.state.held;
    page.field("connected_clients", page.state.clients.len());
    page.field("cluster_connections", 0);
    page.field("maxclients", page.state.config.maxclients);
    page.field("blocked_clients", held);
    page.field("client_recent_max_input_buffer", page.buffers.largest_input);
    page.field("client_recent_max_output_buffer", page.buffers.largest_output);
    page.field("tracking_clients", 0);
    page.field("clients_in_timeout_table", page.state.waiting.timeouts());
}

fn stats(page: &mut Page<'_>) {
    let expired = page.state.keyspace.expired_keys() - page.state.stats.expired_before;
    let evicted = page.state.keyspace.evicted_keys() - page.state.stats.evicted_before;
    let stats = &page.state.stats;
    let listened = |space| page.state.pubsub.count(space) as u64;
    let [commands, input, output] = stats.rates.map(|rate| rate.per_second());
    let kib = |rate: u64| format!("{:.2}", rate as f64 / 1024.0);
    let fields = [
        ("total_connections_received", stats.connections_received),
        ("total_commands_processed", stats.total_commands()),
        ("instantaneous_ops_per_sec", commands),
        ("total_net_input_bytes", stats.net_input),
        ("total_net_output_bytes", stats.net_output),
    ];
    let more = [
        ("rejected_connections", stats.rejected_connections),
        ("expired_keys", expired),
        ("evicted_keys", evicted),
        ("evicted_clients", stats.evicted_clients),
        ("total_eviction_exceeded_time", page.state.room.exceeded().as_millis() as u64),
        ("current_eviction_exceeded_time", page.state.room.exceeds_now().as_millis() as u64),
        ("keyspace_hits", stats.hits),
        ("keyspace_misses", stats.misses),
        ("pubsub_channels", listened(Space::Channel)),
        ("pubsub_patterns", listened(Space::Pattern)),
        ("pubsubshard_channels", listened(Space::Shard)),
        ("total_error_replies", stats.total_errors()),
        ("latest_fork_usec", page.state.persist.last_fork.as_micros() as u64),
        ("total_forks", page.state.persist.forks),
        ("total_reads_processed", stats.turns),
        ("total_writes_processed", stats.answers),
        ("expire_cycle_cpu_milliseconds", stats.cron_time.as_millis() as u64),
        ("client_query_buffer_limit_disconnections", stats.query_limit_closed),
        ("client_output_buffer_limit_disconnections", stats.output_limit_closed),
    ];
    for (name, value) in fields {
        page.field(name, value);
    }
    page.field("instantaneous_input_kbps", kib(input));
    page.field("instantaneous_output_kbps", kib(output));
    for (name, value) in more {
        page.field(name, value);
    }
    let high_mark = page.limits.high_mark;
    page.field("client_output_high_mark", high_mark);
    page.absent(absent::STATS);
}

fn replication(page: &mut Page<'_>) {
    page.field("role", "master");
    page.field("master_replid", page.state.run_id.clone());
    page.absent(absent::REPLICATION);
}

fn cpu(page: &mut Page<'_>) {
    use nix::sys::resource::{UsageWho, getrusage};
    for (who, suffix) in [
        (UsageWho::RUSAGE_SELF, ""),
        (UsageWho::RUSAGE_CHILDREN, "_children"),
        (UsageWho::RUSAGE_THREAD, "_main_thread"),
    ] {
        let Ok(usage) = getrusage(who) else { continue };
        for (name, time) in [("sys", usage.system_time()), ("user", usage.user_time())] {
            page.line(format_args!("used_cpu_{name}{suffix}:{}.{:06}", time.tv_sec(), time.tv_usec()));
        }
    }
}

fn command_stats(page: &mut Page<'_>) {
    for id in 0..lookup::table().len() {
        let stats = page.state.stats.commands[id];
        if stats.calls + stats.rejected + stats.failed == 0 {
            continue;
        }
        let name = lookup::table().full_name(id as u16).to_string();
        let usec = stats.time.as_micros();
        let per_call = stats.time.as_secs_f64() * 1e6 / stats.calls.max(1) as f64;
        page.line(format_args!(
            "cmdstat_{name}:calls={},usec={usec},usec_per_call={per_call:.2},rejected_calls={},failed_calls={}",
            stats.calls, stats.rejected, stats.failed
        ));
    }
}

/// For each command that has run: within which time so many per cent of its calls ended, in microseconds.
fn latency_stats(page: &mut Page<'_>) {
    let state = &*page.state;
    let percentiles = &state.config.watching.latency_percentiles;
    let mut lines = Vec::new();
    for (id, histogram) in state.stats.histograms.iter().enumerate() {
        let Some(histogram) = histogram else { continue };
        let told =
            |percent: &f64| format!("p{percent}={:.3}", histogram.percentile(*percent) as f64 / 1000.0);
        let told: Vec<String> = percentiles.iter().map(told).collect();
        let name = lookup::table().full_name(id as u16);
        lines.push(format!("latency_percentiles_usec_{name}:{}", told.join(",")));
    }
    for line in lines {
        page.line(format_args!("{line}"));
    }
}

fn error_stats(page: &mut Page<'_>) {
    let lines: Vec<String> = page
        .state
        .stats
        .errors
        .iter()
        .map(|(word, count)| format!("errorstat_{word}:count={count}"))
        .collect();
    for line in lines {
        page.line(format_args!("{line}"));
    }
}

fn keyspace(page: &mut Page<'_>) {
    for index in 0..page.state.keyspace.databases() {
        let db = page.state.keyspace.db(index);
        let (keys, expires, ttl) = (db.len(), db.expires(), db.average_ttl());
        if keys > 0 {
            page.line(format_args!("db{index}:keys={keys},expires={expires},avg_ttl={ttl}"));
        }
    }
}
