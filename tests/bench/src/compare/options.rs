//! The command line, and what it makes of rows and servers.

use super::build;
use super::cores::Cores;
use super::load::Until;
use super::process::Spec;
use super::result::{NULL, Roles};
use super::rows::{Keyspace, LoadShape, PRESETS, Row, Work, preset, text_value};
use super::run::{Contender, Settings};
use super::skip::Wire;
use super::template::{MAX_KEYS, Template};
use anyhow::{Context, Result, bail};
use clap::Args;
use regex::Regex;
use std::path::PathBuf;
use std::time::Duration;

/// The command line of `cargo compare`.
#[derive(Args, Debug)]
pub struct Options {
    /// A table of rows: bars (everything promised), quick (the same, shorter) or pipeline.
    #[arg(long, conflicts_with = "command")]
    pub preset: Option<String>,
    /// Only rows of the preset whose name matches.
    #[arg(long, value_name = "REGEX", requires = "preset")]
    pub rows: Option<Regex>,
    /// One row of your own: a command line with {key} and {value}, each any number of times.
    #[arg(long, value_name = "LINE")]
    pub command: Option<String>,
    /// Bytes of each value.
    #[arg(long, default_value_t = 3)]
    pub value_size: usize,
    /// Preloaded keys, of 16 bytes each.
    #[arg(long, default_value_t = 1_000_000)]
    pub keys: u64,
    /// Connections.
    #[arg(long, default_value_t = 50)]
    pub clients: usize,
    /// Requests in flight on each connection (pipeline).
    #[arg(long, default_value_t = 1)]
    pub depth: usize,
    /// Silent connections beside.
    #[arg(long, default_value_t = 0)]
    pub idle: usize,
    /// Open loop: so many requests a second, whether or not earlier ones were answered.
    #[arg(long, value_name = "PER_SECOND")]
    pub rate: Option<f64>,
    /// What the subject is spoken to in.
    #[arg(long, value_enum, default_value_t = Wire::Resp)]
    pub protocol: Wire,
    /// Count user instructions per request with callgrind instead of measuring time.
    #[arg(long, requires = "command")]
    pub instructions: bool,
    /// Measure resident memory per key instead of time.
    #[arg(long, conflicts_with_all = ["command", "preset"])]
    pub memory: bool,

    /// Another server; {port} becomes a free port, {dir} an empty directory. May be repeated.
    #[arg(long, value_name = "NAME=COMMAND")]
    pub server: Vec<String>,
    /// Leave out a server: keyspace, redis or null. May be repeated.
    #[arg(long, value_name = "NAME")]
    pub without: Vec<String>,
    /// How to start redis.
    #[arg(
        long,
        value_name = "COMMAND",
        default_value = "redis-server --port {port} --save '' --appendonly no \
        --dir {dir} --daemonize no"
    )]
    pub redis: String,
    /// How to start our server, instead of building this workspace's.
    #[arg(long, value_name = "COMMAND")]
    pub keyspace: Option<String>,
    /// Also our server over the framed protocol and with --poller poll; presets do so anyway.
    #[arg(long)]
    pub beside: bool,
    /// Leave out what --beside adds.
    #[arg(long, conflicts_with = "beside")]
    pub no_beside: bool,
    /// The server that others are divided by.
    #[arg(long, value_name = "NAME", default_value = "redis")]
    pub baseline: String,
    /// The server that the bars are about.
    #[arg(long, value_name = "NAME", default_value = "keyspace")]
    pub subject: String,

    /// Turns of each server; 5 unless the preset says otherwise.
    #[arg(long)]
    pub rounds: Option<usize>,
    /// Length of a turn; 1 unless the preset says otherwise.
    #[arg(long, conflicts_with = "requests")]
    pub seconds: Option<f64>,
    /// Length of a turn in requests.
    #[arg(long)]
    pub requests: Option<u64>,
    /// A bar is not judged when it lies within the interval of the median (95 %) and that is wider than this ratio.
    #[arg(long, default_value_t = 1.1)]
    pub noise: f64,
    /// The core of the servers; the last allowed one if not given.
    #[arg(long)]
    pub server_core: Option<usize>,
    /// The core of the load; the first allowed one if not given.
    #[arg(long)]
    pub load_core: Option<usize>,

    /// Write the figures as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the ratios as a picture.
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Exit with 1 when a bar is missed.
    #[arg(long)]
    pub strict: bool,
}

/// The rows that the command line asks for.
///
/// # Errors
/// A number out of range, an unknown preset, no row, a malformed command.
pub fn rows(options: &Options) -> Result<Vec<Row>> {
    if options.keys == 0 || options.keys > MAX_KEYS {
        bail!("--keys must be between 1 and {MAX_KEYS}");
    }
    if options.clients == 0 || options.depth == 0 {
        bail!("--clients and --depth must be at least 1");
    }
    if options.rate.is_some_and(|rate| !(rate > 0.0 && rate.is_finite())) {
        bail!("--rate must be a positive number of requests a second");
    }
    let keyspace = Keyspace { keys: options.keys, value: text_value(options.value_size) };
    if let Some(name) = &options.preset {
        let known: Vec<String> = PRESETS.iter().map(|(name, what)| format!("\n  {name}: {what}")).collect();
        let rows =
            preset(name).with_context(|| format!("no preset {name:?}; there are:{}", known.concat()))?;
        let wanted = |row: &Row| options.rows.as_ref().is_none_or(|regex| regex.is_match(&row.name));
        let names: Vec<String> = rows.iter().map(|row| format!("\n  {}", row.name)).collect();
        let rows: Vec<Row> = rows.into_iter().filter(wanted).collect();
        if rows.is_empty() {
            bail!("no row of preset {name} matches; its rows are:{}", names.concat());
        }
        return Ok(rows);
    }
    if options.memory {
        let name = format!("RSS per key, {} B, {} keys", options.value_size, options.keys);
        return Ok(vec![Row { name, work: Work::Memory(keyspace), bars: Vec::new() }]);
    }
    let Some(command) = options.command.clone() else {
        bail!("say what to compare: --preset bars, --preset quick, --command \"GET {{key}}\" or --memory");
    };
    Template::parse(&command)?;
    let mut name = format!("{command}, {} clients, depth {}", options.clients, options.depth);
    if let Some(rate) = options.rate {
        name.push_str(&format!(", open loop at {rate}/s"));
    }
    let Options { clients, depth, idle, rate, .. } = *options;
    let shape = LoadShape { command, clients, depth, idle, rate };
    let work = match options.instructions {
        true => Work::Instructions(keyspace, shape),
        false => Work::Load(keyspace, shape),
    };
    Ok(vec![Row { name, work, bars: Vec::new() }])
}

/// Who takes part, and for how long; builds this workspace's server if it does.
///
/// # Errors
/// An unknown or doubled name, no server at all, a build that fails.
pub fn settings(options: &Options, cores: Cores) -> Result<Settings> {
    for name in &options.without {
        if !["keyspace", "redis", NULL].contains(&name.as_str()) {
            bail!("--without {name}: there is keyspace, redis and null to leave out");
        }
    }
    let with = |name: &str| !options.without.iter().any(|without| without == name);
    let (mut specs, mut contenders) = (Vec::new(), Vec::new());
    let mut add = |spec: Spec, name: &str, wire: Wire, beside: bool| {
        contenders.push(Contender { name: name.to_owned(), server: specs.len(), wire, beside });
        specs.push(spec);
        specs.len() - 1
    };
    if with("redis") {
        add(Spec::parse(&format!("redis={}", options.redis))?, "redis", Wire::Resp, false);
    }
    for text in &options.server {
        let spec = Spec::parse(text)?;
        let name = spec.name.clone();
        if name == NULL || (with(&name) && ["keyspace", "redis"].contains(&name.as_str())) {
            bail!("--server {name}=…: that name is taken");
        }
        add(spec, &name, Wire::Resp, false);
    }
    if with("keyspace") {
        let mut spec = keyspace_spec(options)?;
        let both = options.keyspace.is_none();
        if both {
            spec.announces = vec![Wire::Resp, Wire::Framed];
        }
        let server = add(spec.clone(), "keyspace", options.protocol, false);
        if (options.beside || options.preset.is_some()) && !options.no_beside {
            add(spec.with(&["--poller", "poll"]), "keyspace, poll", options.protocol, true);
            if both && options.protocol == Wire::Resp {
                let name = "keyspace, framed".to_owned();
                contenders.push(Contender { name, server, wire: Wire::Framed, beside: true });
            }
        }
    }
    if contenders.is_empty() {
        bail!("no server is left to compare");
    }
    let program = std::env::current_exe().context("where is this program?")?;
    let null = with(NULL).then(|| vec![program.display().to_string(), "null".to_owned()]);
    let rounds = options.rounds.unwrap_or(if options.preset.as_deref() == Some("quick") { 3 } else { 5 });
    if rounds == 0 {
        bail!("--rounds must be at least 1");
    }
    let roles =
        Roles { baseline: options.baseline.clone(), subject: options.subject.clone(), noise: options.noise };
    Ok(Settings { cores, rounds, until: until(options)?, roles, specs, contenders, null })
}

fn keyspace_spec(options: &Options) -> Result<Spec> {
    if let Some(command) = &options.keyspace {
        return Spec::parse(&format!("keyspace={command}"));
    }
    let program = build(&["--package", "phase4-keyspace", "--bin", "keyspace-server"], "keyspace-server")?;
    let words = ["--port", "any", "--framed-port", "any", "--dir", "{dir}"].map(str::to_owned);
    let command = [vec![program.display().to_string()], words.to_vec()].concat();
    Ok(Spec { name: "keyspace".to_owned(), command, announces: Vec::new() })
}

fn until(options: &Options) -> Result<Until> {
    if let Some(requests) = options.requests {
        return Ok(Until::Requests(requests.max(1)));
    }
    let quick = options.preset.as_deref() == Some("quick");
    let seconds = options.seconds.unwrap_or(if quick { 0.3 } else { 1.0 });
    let duration = Duration::try_from_secs_f64(seconds).ok().filter(|duration| !duration.is_zero());
    Ok(Until::Elapsed(duration.with_context(|| format!("--seconds {seconds} is no length of time"))?))
}
