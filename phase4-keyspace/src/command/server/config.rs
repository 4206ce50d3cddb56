//! `CONFIG`: reading and changing parameters while the server runs.
use std::collections::BTreeMap;

use crate::access;
use crate::command::ServerContext;
use crate::command::catalogue::catalogue;
use crate::command::{Command, Group, ServerFn, help};
use crate::config::apply;
use crate::config::fixed::{self, Fixed};
use crate::config::table::{self, Change, Parameter};
use crate::config::{Config, Debugging, Port, listen, rewrite};
use crate::error::Error;
use crate::log;
use crate::memory;
use crate::text::glob;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The row.
pub static COMMANDS: &[Command] = &[Command::server("config", -2, "", help_lines)
    .doc(Group::Server, "2.0.0", "Reads and changes the server's parameters.")
    .subcommands(&[
        row("resetstat", 2, resetstat, "2.0.0", "Sets the counters of INFO back to zero."),
        row("rewrite", 2, rewrite_file, "2.8.0", "Writes changed parameters to the configuration file."),
        row("set", -4, set, "2.0.0", "Changes parameters.")
            .tips("request_policy:all_nodes response_policy:all_succeeded"),
        row("get", -3, get, "2.0.0", "Returns parameters by name or pattern."),
        Command::server("help", 2, "loading stale", help_lines).doc(
            Group::Server,
            "5.0.0",
            "Lists the subcommands.",
        ),
    ])];

const fn row(
    name: &'static str,
    arity: i32,
    run: ServerFn,
    since: &'static str,
    summary: &'static str,
) -> Command {
    Command::admin(name, arity, run).doc(Group::Server, since, summary)
}

fn get(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let config = &context.state.config;
    let settable = table::all().map(|parameter| (parameter.name, (parameter.get)(config)));
    let fixed = fixed::FIXED.iter().map(|fixed| (fixed.name, fixed.value.into()));
    let all: Vec<(&str, Vec<u8>)> = settable.chain(fixed).collect();
    // Each once, under the name by which it was asked for first: who asks for `TIMEOUT` finds that.
    let mut found: BTreeMap<&str, (&[u8], &[u8])> = BTreeMap::new();
    for asked in args.from(2) {
        let is_pattern = asked.iter().any(|byte| b"[*?".contains(byte));
        for (name, value) in &all {
            if is_pattern && glob::matches_nocase(asked, name.as_bytes()) {
                found.entry(name).or_insert((name.as_bytes(), value));
            } else if !is_pattern && name.as_bytes().eq_ignore_ascii_case(asked) {
                found.entry(name).or_insert((asked, value));
            }
        }
    }
    reply.map(found.len());
    for (name, value) in found.into_values() {
        reply.bulk(name);
        reply.bulk(value);
    }
    Ok(())
}

/// A parameter that was asked to change.
enum Target {
    Parameter(&'static Parameter),
    Fixed(&'static Fixed),
}

impl Target {
    fn name(&self) -> &'static str {
        match self {
            Target::Parameter(parameter) => parameter.name,
            Target::Fixed(fixed) => fixed.name,
        }
    }
}

/// All of it happens, or none: the values are tried on a copy, and the copy is put in place when every one has fitted.
fn set(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    if !args.len().is_multiple_of(2) {
        return Err(Error::Syntax);
    }
    let mut changes: Vec<(Target, &[u8])> = Vec::new();
    for at in (2..args.len()).step_by(2) {
        let target = target(context, args.get(at))?;
        if changes.iter().any(|(earlier, _)| earlier.name() == target.name()) {
            return Err(refused(args.get(at), "duplicate parameter"));
        }
        changes.push((target, args.get(at + 1)));
    }
    let mut config = context.state.config.clone();
    for (target, value) in &changes {
        let done = match target {
            Target::Parameter(parameter) => (parameter.set)(&mut config, &[value]),
            Target::Fixed(fixed) => fixed.check(&[value]),
        };
        done.map_err(|refusal| failed(target.name(), &refusal))?;
    }
    apply(context, config)?;
    for (target, _) in &changes {
        if let Target::Parameter(parameter) = target {
            context.state.config.changed.insert(parameter.name);
            // A line of the default user in the file would override the password.
            if parameter.name == "requirepass" && !context.state.config.users.is_empty() {
                context.state.config.changed.insert(rewrite::USERS);
            }
        }
    }
    reply.ok();
    Ok(())
}

fn target(context: &mut ServerContext<'_>, name: &[u8]) -> Result<Target, Error> {
    let text = std::str::from_utf8(name).unwrap_or_default();
    let (target, change) = match (table::find(text), fixed::find(text)) {
        (Some(parameter), _) => (Target::Parameter(parameter), parameter.change),
        (None, Some(fixed)) => (Target::Fixed(fixed), fixed.change),
        (None, None) => {
            let text = b"ERR Unknown option or number of arguments for CONFIG SET - '";
            return Err(Error::bytes([text, name, b"'"].concat()));
        }
    };
    match change {
        Change::Anytime => Ok(target),
        Change::AtStart => Err(refused(name, "can't set immutable config")),
        Change::Protected if may_name_files(context) => Ok(target),
        Change::Protected => Err(refused(name, "can't set protected config")),
    }
}

/// `enable-protected-configs`
fn may_name_files(context: &mut ServerContext<'_>) -> bool {
    match context.state.config.protected_configs {
        Debugging::Yes => true,
        Debugging::Local => context.client().peer.ip().is_loopback(),
        Debugging::No => false,
    }
}

fn failed(name: &str, why: &str) -> Error {
    refused(name.as_bytes(), why)
}

/// With the name as it was typed: Redis says it so where it has not come to look at the value.
fn refused(typed: &[u8], why: &str) -> Error {
    let text = b"ERR CONFIG SET failed (possibly related to argument '";
    Error::bytes([text, typed, b"') - ", why.as_bytes()].concat())
}

/// Puts new values in force. What the loop and the process enforce has to be told to them.
fn apply(context: &mut ServerContext<'_>, mut config: Config) -> Result<(), Error> {
    if config.maxclients != context.state.config.maxclients {
        let possible = apply::raise_descriptors(config.maxclients);
        if possible < config.maxclients {
            let why = format!(
                "The operating system is not able to handle the specified number of clients, try with {possible}"
            );
            return Err(failed("maxclients", &why));
        }
    }
    if config.dir != context.state.config.dir {
        let entered = std::env::set_current_dir(&config.dir).and_then(|()| std::env::current_dir());
        config.dir = entered.map_err(|error| {
            let why = error.to_string();
            failed("dir", why.split(" (os error").next().unwrap_or(&why))
        })?;
    }
    relisten(context, &config)?;
    switch_log(context, &config)?;
    context.deliver.outbox.set_limits(apply::of_the_loop(&config));
    log::set_level(config.loglevel);
    context.state.keyspace.set_thresholds(&config.thresholds);
    if config.requirepass != context.state.config.requirepass {
        context.state.users.set_default_password(&config.requirepass);
    }
    let lower = config.maxmemory != context.state.config.maxmemory;
    context.state.config = config;
    context.state.update_journal();
    context.state.update_watch();
    context.state.set_eviction();
    if lower && context.state.is_full() {
        log::warning(format_args!(
            "maxmemory is now less than the {} bytes in use: keys will be evicted, or writes refused, as maxmemory-policy says",
            memory::used()
        ));
    }
    Ok(())
}

/// Begins a log or ends it.
fn switch_log(context: &mut ServerContext<'_>, config: &Config) -> Result<(), Error> {
    let state = &mut *context.state;
    match (state.config.appendonly, config.appendonly) {
        (false, true) => state.switch_log_on().map_err(|error| {
            log::warning(format_args!("CONFIG SET appendonly: {error}"));
            failed("appendonly", "Unable to turn on AOF. Check server logs.")
        }),
        (true, false) => {
            state.switch_log_off();
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Listens where the new values say. An address that stays keeps its socket; if one of the others cannot be had, nothing
/// changes.
fn relisten(context: &mut ServerContext<'_>, config: &Config) -> Result<(), Error> {
    let old = &context.state.config;
    let ports = [(config.port, old.port, "port"), (config.framed_port, old.framed_port, "framed-port")];
    let mut changes = Vec::new();
    for (tag, (port, old_port, name)) in ports.into_iter().enumerate() {
        if port == old_port && config.bind == old.bind {
            continue;
        }
        let same_port = port == old_port;
        let before = &context.state.listening[tag];
        // A port that the kernel chose stays when only the addresses change.
        let port = match before.first() {
            Some(address) if same_port && port == Port::Any => Port::At(address.port()),
            _ => port,
        };
        let wanted = listen::addresses(config, port);
        let (kept, gone): (Vec<_>, Vec<_>) = before.iter().copied().partition(|it| wanted.contains(it));
        let fresh = listen::listen(config, port, name, &kept).map_err(|error| {
            log::warning(format_args!("CONFIG SET {name}: {error:#}"));
            match same_port {
                true => failed("bind", "Failed to bind to specified addresses."),
                false => failed(name, "Unable to listen on this port. Check server logs."),
            }
        })?;
        changes.push((tag, kept, gone, fresh));
    }
    for (tag, mut now, gone, fresh) in changes {
        now.extend(fresh.iter().map(|listening| listening.address));
        context.state.set_listening(tag, now);
        let sockets = fresh.into_iter().map(|listening| listening.socket).collect();
        context.deliver.outbox.relisten(tag, gone, sockets);
    }
    Ok(())
}

fn resetstat(context: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    context.state.reset_stats();
    reply.ok();
    Ok(())
}

fn rewrite_file(context: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let config = &context.state.config;
    let Some(file) = &config.file else {
        return Err(Error::other("ERR The server is running without a config file"));
    };
    let users: Vec<Vec<u8>> =
        context.state.users.all().map(|user| access::file::line(user, catalogue())).collect();
    rewrite::rewrite(config, &users, file).map_err(|error| {
        // strerror's words, as Redis sends them, without the number that Rust puts behind them.
        let why = error.to_string();
        Error::other(format!("ERR Rewriting config file: {}", why.split(" (os error").next().unwrap_or(&why)))
    })?;
    reply.ok();
    Ok(())
}

fn help_lines(_: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    help(
        reply,
        "CONFIG",
        &[
            "GET <pattern> [<pattern> ...]",
            "    Return parameters whose names match, with their values.",
            "SET <parameter> <value> [<parameter> <value> ...]",
            "    Change parameters: all of them, or none.",
            "RESETSTAT",
            "    Set the counters of INFO back to zero.",
            "REWRITE",
            "    Write what was changed to the configuration file.",
        ],
    );
    Ok(())
}
