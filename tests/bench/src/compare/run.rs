//! Runs the rows: starts the servers, proves that they agree, and lets them take turns round by round.

use super::alone::{idle_row, instructions_row, memory_row};
use super::callgrind;
use super::cores::Cores;
use super::load::{Load, Until};
use super::null::to_hex;
use super::probe::{COMMANDS, Exchange, Witness, compare_replies, idle_connections, preload};
use super::process::{Server, Spec};
use super::result::{Entry, LoadFigures, NULL, Roles, RowResult, Sample};
use super::rows::{Keyspace, LoadShape, Row, Work};
use super::skip::Wire;
use super::template::{Batch, Template};
use super::{proc, progress};
use anyhow::{Context, Result, bail};
use nix::sys::resource::{Resource, getrlimit};
use std::time::Instant;

/// Descriptors beside those of the idle connections.
const SPARE_DESCRIPTORS: u64 = 100;

/// Who takes part and how long.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where everything runs.
    pub cores: Cores,
    /// Turns of each server in each row.
    pub rounds: usize,
    /// The length of a turn.
    pub until: Until,
    /// Who is divided by whom.
    pub roles: Roles,
    /// The processes to start.
    pub specs: Vec<Spec>,
    /// The ways to talk to them.
    pub contenders: Vec<Contender>,
    /// How to start a null server, less its sizes; `None` leaves it out.
    pub null: Option<Vec<String>>,
}

/// A line of the tables: a server, spoken to in one wire format.
#[derive(Clone, Debug)]
pub struct Contender {
    /// What the tables call it.
    pub name: String,
    /// Which of [`Settings::specs`] it is.
    pub server: usize,
    /// What it is spoken to in.
    pub wire: Wire,
    /// A variant shown beside others, left out where only the process counts.
    pub beside: bool,
}

/// Measures the rows one after the other and hands each to `done`.
///
/// # Errors
/// A server that does not start, dies, falls silent, answers errors or not what the others answer.
pub fn run(rows: &[Row], settings: &Settings, mut done: impl FnMut(RowResult)) -> Result<()> {
    let mut session: Option<Session> = None;
    for (at, row) in rows.iter().enumerate() {
        progress(&format!("[{}/{}] {}", at + 1, rows.len(), row.name));
        let context = || format!("in row {:?}", row.name);
        match &row.work {
            Work::Load(keyspace, shape) => {
                if session.as_ref().is_none_or(|session| session.keyspace != *keyspace) {
                    // The old servers' memory is given back before the new ones ask for theirs.
                    drop(session.take());
                    session = Some(Session::start(settings, keyspace).with_context(context)?);
                }
                let session = session.as_mut().context("a session was just started")?;
                done(session.load_row(row, shape).with_context(context)?);
            }
            Work::Memory(keyspace) => {
                session = None;
                done(memory_row(row, keyspace, settings).with_context(context)?);
            }
            Work::Instructions(keyspace, shape) => {
                session = None;
                done(match callgrind::available() {
                    Ok(()) => instructions_row(row, keyspace, shape, settings).with_context(context)?,
                    Err(error) => RowResult::not_run(&row.name, error.to_string()),
                });
            }
            Work::Idle(keyspace, shape, crowds) => {
                session = None;
                let (allowed, _) = getrlimit(Resource::RLIMIT_NOFILE)?;
                done(if allowed < (crowds.few + crowds.many) as u64 + SPARE_DESCRIPTORS {
                    RowResult::not_run(
                        &row.name,
                        format!("only {allowed} descriptors are allowed (ulimit -n)"),
                    )
                } else {
                    idle_row(row, keyspace, shape, *crowds, settings).with_context(context)?
                });
            }
        }
    }
    Ok(())
}

/// Servers that hold the same keys.
struct Session<'a> {
    settings: &'a Settings,
    keyspace: Keyspace,
    servers: Vec<Server>,
}

impl<'a> Session<'a> {
    fn start(settings: &'a Settings, keyspace: &Keyspace) -> Result<Self> {
        let mut servers = Vec::new();
        for spec in &settings.specs {
            servers.push(start_loaded(spec, settings.cores, keyspace)?);
        }
        let commands: Vec<String> = COMMANDS.iter().map(|&command| command.to_owned()).collect();
        for wire in [Wire::Resp, Wire::Framed] {
            compare_replies(&witnesses(settings, &servers, wire)?, &commands, &keyspace.value)?;
        }
        Ok(Session { settings, keyspace: keyspace.clone(), servers })
    }

    fn load_row(&mut self, row: &Row, shape: &LoadShape) -> Result<RowResult> {
        let mut stations = self.stations(shape)?;
        for _ in 0..self.settings.rounds {
            for station in &mut stations {
                let server = &mut self.servers[station.server];
                let sample = measure(server.pid(), &mut station.load, shape.rate, self.settings.until);
                station.samples.push(sample.map_err(|error| server.explain(error))?);
            }
        }
        // The null server knew this row's sizes only.
        self.servers.truncate(self.settings.specs.len());
        let entries = stations.iter().map(|station| load_entry(&station.name, &station.samples, shape.rate));
        let entries = entries.collect::<Option<Vec<_>>>().context("no rounds")?;
        let unit = "server CPU seconds per 10⁶ requests";
        Ok(RowResult::new(&row.name, unit, entries, &row.bars, &self.settings.roles))
    }

    /// Connects a load to every contender, and to a null server started for this row.
    fn stations(&mut self, shape: &LoadShape) -> Result<Vec<Station>> {
        let template = Template::parse(&shape.command)?;
        let mut seats: Vec<(usize, &str, Wire)> = Vec::new();
        for contender in &self.settings.contenders {
            seats.push((contender.server, &contender.name, contender.wire));
        }
        if let Some((null, wire)) = self.start_null(shape, &template)? {
            seats.push((self.servers.len(), NULL, wire));
            self.servers.push(null);
        }
        let Keyspace { keys, value } = &self.keyspace;
        let mut stations = Vec::new();
        for (index, name, wire) in seats {
            let server = &mut self.servers[index];
            let address = server.address(wire).with_context(|| format!("{name} does not speak {wire}"))?;
            let open = || -> Result<_> {
                let idle = idle_connections(address, wire, &template.batch(wire, value, 1), shape.idle)?;
                let batch = template.batch(wire, value, shape.depth);
                let mut load = Load::connect(address, wire, batch, shape.clients, *keys)?;
                load.warm_up()?;
                Ok((load, idle))
            };
            let (load, idle) = open().map_err(|error| server.explain(error))?;
            let name = name.to_owned();
            stations.push(Station { server: index, name, load, _idle: idle, samples: Vec::new() });
        }
        Ok(stations)
    }

    /// Has the contenders agree on the reply to the row's command, and starts a null server that gives it.
    fn start_null(&self, shape: &LoadShape, template: &Template) -> Result<Option<(Server, Wire)>> {
        let value = &self.keyspace.value;
        let mut agreed = None;
        for wire in [Wire::Resp, Wire::Framed] {
            let witnesses = witnesses(self.settings, &self.servers, wire)?;
            let mut replies = compare_replies(&witnesses, std::slice::from_ref(&shape.command), value)?;
            agreed = agreed.or(replies.pop().map(|reply| (reply, wire)));
        }
        let (Some(command), Some((reply, wire))) = (&self.settings.null, agreed) else { return Ok(None) };
        let spec = null_spec(command, &template.batch(wire, value, 1), &reply);
        Ok(Some((Server::start(&spec, self.settings.cores)?, wire)))
    }
}

/// A server with the connections that load it during one row.
struct Station {
    server: usize,
    name: String,
    load: Load,
    /// Open as long as the row lasts.
    _idle: Vec<Exchange>,
    samples: Vec<Sample>,
}

/// Starts a server and gives it its keys.
pub(super) fn start_loaded(spec: &Spec, cores: Cores, keyspace: &Keyspace) -> Result<Server> {
    let mut server = Server::start(spec, cores)?;
    let wire = if server.address(Wire::Resp).is_some() { Wire::Resp } else { Wire::Framed };
    let address = server.address(wire).with_context(|| format!("{} listens nowhere", spec.name))?;
    match preload(address, wire, keyspace.keys, &keyspace.value) {
        Ok(()) => Ok(server),
        Err(error) => Err(server.explain(error)),
    }
}

/// The null server for requests of one size and one reply.
pub(super) fn null_spec(command: &[String], request: &Batch, reply: &[u8]) -> Spec {
    let spec =
        Spec { name: NULL.to_owned(), command: command.to_vec(), announces: vec![Wire::Resp, Wire::Framed] };
    spec.with(&["--request-size", &request.request_size().to_string(), "--reply", &to_hex(reply)])
}

fn witnesses<'a>(settings: &'a Settings, servers: &[Server], wire: Wire) -> Result<Vec<Witness<'a>>> {
    let mut witnesses = Vec::new();
    for contender in settings.contenders.iter().filter(|contender| contender.wire == wire) {
        let address = servers[contender.server].address(wire);
        let address = address.with_context(|| format!("{} does not speak {wire}", contender.name))?;
        witnesses.push(Witness { name: &contender.name, address, wire });
    }
    Ok(witnesses)
}

/// One turn of one server.
pub(super) fn measure(pid: u32, load: &mut Load, rate: Option<f64>, until: Until) -> Result<Sample> {
    let (before, own_before, started) = (proc::cpu(pid)?, proc::own_cpu()?, Instant::now());
    let round = match rate {
        Some(rate) => load.open_round(rate, until)?,
        None => load.closed_round(until)?,
    };
    let used = proc::cpu(pid)? - before;
    let own = proc::own_cpu()? - own_before;
    if round.replies == 0 {
        bail!("the round was too short for a single request");
    }
    let per_million = 1e6 / round.replies as f64;
    let microseconds = |nanoseconds: u64| nanoseconds as f64 / 1e3;
    Ok(Sample {
        cpu: used.total * per_million,
        user: used.user * per_million,
        system: used.system * per_million,
        rate: round.replies as f64 / round.wall.as_secs_f64(),
        latency: [
            microseconds(round.latency.percentile(0.5)),
            microseconds(round.latency.percentile(0.99)),
            microseconds(round.latency.percentile(0.999)),
            microseconds(round.latency.max()),
        ],
        load_busy: own / started.elapsed().as_secs_f64(),
    })
}

fn load_entry(name: &str, samples: &[Sample], wanted_rate: Option<f64>) -> Option<Entry> {
    let mut entry = Entry::new(name, samples.iter().map(|sample| sample.cpu).collect())?;
    let load = LoadFigures::of(samples)?;
    if let Some(rate) = wanted_rate.filter(|rate| load.rate.median < 0.97 * rate) {
        entry.note = Some(format!("could not keep up with {rate:.0} requests/s"));
    }
    entry.load = Some(load);
    Some(entry)
}
