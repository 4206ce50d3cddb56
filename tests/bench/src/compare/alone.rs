//! The rows for which servers do not take turns: memory, counted instructions, and crowds of idle clients.

use super::callgrind;
use super::cores::Cores;
use super::load::{Load, Until};
use super::probe::{Exchange, idle_connections};
use super::process::{Server, Spec};
use super::result::{Entry, LoadFigures, NULL, RowResult};
use super::rows::{Crowds, Keyspace, LoadShape, Row};
use super::run::{Settings, measure, null_spec, start_loaded};
use super::skip::Wire;
use super::template::Template;
use super::{proc, progress};
use anyhow::{Context, Result};
use std::time::{Duration, Instant};

/// Requests of the smaller callgrind run.
const COUNTED_REQUESTS: u64 = 40_000;
/// How long a server's memory may keep moving after its keys were loaded (Redis goes on rehashing).
const SETTLING: Duration = Duration::from_secs(3);
const SETTLING_STEP: Duration = Duration::from_millis(200);

/// Resident bytes per key, beyond what the empty server takes.
pub(super) fn memory_row(row: &Row, keyspace: &Keyspace, settings: &Settings) -> Result<RowResult> {
    let mut entries = Vec::new();
    for contender in settings.contenders.iter().filter(|contender| !contender.beside) {
        let empty = {
            let server = Server::start(&settings.specs[contender.server], settings.cores)?;
            proc::resident(server.pid())?
        };
        let server = start_loaded(&settings.specs[contender.server], settings.cores, keyspace)?;
        let full = settled_resident(server.pid())?;
        let mut entry =
            Entry::new(&contender.name, vec![full.saturating_sub(empty) as f64 / keyspace.keys as f64]);
        if let Some(entry) = &mut entry {
            entry.note = Some(format!("beside {:.1} MB while empty", empty as f64 / 1e6));
        }
        entries.extend(entry);
    }
    Ok(RowResult::new(&row.name, "resident bytes per key", entries, &row.bars, &settings.roles))
}

/// Resident bytes once they stop moving, or when patience ends.
fn settled_resident(pid: u32) -> Result<u64> {
    let deadline = Instant::now() + SETTLING;
    let mut last = proc::resident(pid)?;
    loop {
        std::thread::sleep(SETTLING_STEP);
        let now = proc::resident(pid)?;
        if now == last || Instant::now() > deadline {
            return Ok(now);
        }
        last = now;
    }
}

/// User instructions per request. One client, so that every run sees the same batches.
pub(super) fn instructions_row(
    row: &Row,
    keyspace: &Keyspace,
    shape: &LoadShape,
    settings: &Settings,
) -> Result<RowResult> {
    let template = Template::parse(&shape.command)?;
    let mut entries = Vec::new();
    let mut null = None;
    for contender in &settings.contenders {
        let (wire, spec) = (contender.wire, &settings.specs[contender.server]);
        progress(&format!("    {} under callgrind", contender.name));
        let (cost, reply) = count_instructions(spec, wire, &template, shape, keyspace, true, settings.cores)?;
        entries.extend(Entry::new(&contender.name, vec![cost]));
        null.get_or_insert((reply, wire));
    }
    if let (Some(command), Some((reply, wire))) = (&settings.null, null) {
        let spec = null_spec(command, &template.batch(wire, &keyspace.value, 1), &reply);
        let (cost, _) = count_instructions(&spec, wire, &template, shape, keyspace, false, settings.cores)?;
        entries.extend(Entry::new(NULL, vec![cost]));
    }
    Ok(RowResult::new(&row.name, "user instructions per request", entries, &row.bars, &settings.roles))
}

/// Instructions per request, and the reply to one request.
fn count_instructions(
    spec: &Spec,
    wire: Wire,
    template: &Template,
    shape: &LoadShape,
    keyspace: &Keyspace,
    with_keys: bool,
    cores: Cores,
) -> Result<(f64, Vec<u8>)> {
    let mut totals = [0; 2];
    let mut reply = Vec::new();
    for (total, requests) in totals.iter_mut().zip([COUNTED_REQUESTS, 2 * COUNTED_REQUESTS]) {
        let profile = callgrind::profile_path(&std::env::temp_dir(), &spec.name);
        let spec = spec.under(&callgrind::wrapper(&profile));
        let mut server = match with_keys {
            true => start_loaded(&spec, cores, keyspace)?,
            false => Server::start(&spec, cores)?,
        };
        let address = server.address(wire).with_context(|| format!("{} does not speak {wire}", spec.name))?;
        let mut load = || -> Result<()> {
            reply = Exchange::connect(address, wire)?.raw(&template.batch(wire, &keyspace.value, 1))?;
            let batch = template.batch(wire, &keyspace.value, shape.depth);
            let mut load = Load::connect(address, wire, batch, shape.clients, keyspace.keys)?;
            load.closed_round(Until::Requests(requests)).map(drop)
        };
        load().map_err(|error| server.explain(error))?;
        server.stop()?;
        *total = callgrind::take_total(&profile)?;
    }
    Ok((callgrind::per_operation(totals[0], totals[1], COUNTED_REQUESTS), reply))
}

/// Round trips of one client beside many idle ones. Two processes of a server take turns, one for each crowd.
pub(super) fn idle_row(
    row: &Row,
    keyspace: &Keyspace,
    shape: &LoadShape,
    crowds: Crowds,
    settings: &Settings,
) -> Result<RowResult> {
    let template = Template::parse(&shape.command)?;
    let mut entries = Vec::new();
    // One server after the other: the idle connections of all of them at once would need too many descriptors.
    for contender in settings.contenders.iter().filter(|contender| contender.wire == Wire::Resp) {
        let spec = settings.specs[contender.server]
            .with(&["--maxclients", &(2 * crowds.many).min(15_000).to_string()]);
        let mut stations = Vec::new();
        for crowd in [crowds.few, crowds.many] {
            let mut server = start_loaded(&spec, settings.cores, keyspace)?;
            let address =
                server.address(Wire::Resp).with_context(|| format!("{} listens nowhere", spec.name))?;
            let open = || -> Result<_> {
                let request = template.batch(Wire::Resp, &keyspace.value, 1);
                let idle = idle_connections(address, Wire::Resp, &request, crowd)?;
                let batch = template.batch(Wire::Resp, &keyspace.value, shape.depth);
                let mut load = Load::connect(address, Wire::Resp, batch, shape.clients, keyspace.keys)?;
                load.warm_up()?;
                Ok((load, idle))
            };
            let (load, idle) = open().map_err(|error| server.explain(error))?;
            stations.push((server, load, idle, Vec::new()));
        }
        for _ in 0..settings.rounds {
            for (server, load, _, samples) in &mut stations {
                let sample = measure(server.pid(), load, shape.rate, settings.until);
                samples.push(sample.map_err(|error| server.explain(error))?);
            }
        }
        let (few, many) = (&stations[0].3, &stations[1].3);
        let ratios = many.iter().zip(few).map(|(many, few)| many.rate / few.rate);
        let mut entry = Entry::new(&contender.name, ratios.collect()).context("no rounds")?;
        entry.load = LoadFigures::of(many);
        if let Some(few) = LoadFigures::of(few) {
            entry.note = Some(format!("{:.0}/s beside {} idle", few.rate.median, crowds.few));
        }
        entries.push(entry);
    }
    let unit = format!("round trips/s beside {} idle clients over those beside {}", crowds.many, crowds.few);
    Ok(RowResult::new(&row.name, &unit, entries, &row.bars, &settings.roles))
}
