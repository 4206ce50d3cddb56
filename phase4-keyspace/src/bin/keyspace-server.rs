//! The phase 4 server.
use std::ffi::OsString;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use phase1_echo::args::exit_code;
use phase1_echo::output;
use phase1_echo::server::check_room;
use phase3_eventloop::event_loop::EventLoop;
use phase3_eventloop::trace::Trace;
use phase4_keyspace::command::inspect::{check, explain};
use phase4_keyspace::command::restart;
use phase4_keyspace::command::{acl, lookup};
use phase4_keyspace::config::listen::{FRAMED_LISTENER, Listening, RESP_LISTENER, listen};
use phase4_keyspace::config::{Config, apply, file};
use phase4_keyspace::log;
use phase4_keyspace::server::Server;

fn main() -> ExitCode {
    let args: Vec<Vec<u8>> = std::env::args_os().skip(1).map(OsString::into_vec).collect();
    let outcome = match args.first().map(Vec::as_slice) {
        Some(b"--help" | b"-h") => output::print(file::help().as_bytes()),
        Some(b"--version" | b"-v") => {
            output::print(concat!("keyspace-server ", env!("CARGO_PKG_VERSION"), "\n").as_bytes())
        }
        Some(b"--check") => check(&args[1..]),
        Some(b"--explain") => explain(&args[1..]),
        _ => run(&args),
    };
    exit_code("keyspace-server", outcome)
}

/// Says whether a snapshot, a log or a manifest is whole. If not, that is an error.
fn check(args: &[Vec<u8>]) -> Result<()> {
    let path = the_file(args)?;
    let report = check::check(&path).with_context(|| path.display().to_string())?;
    output::print(report.text.as_bytes())?;
    ensure!(report.whole, "not everything can be loaded");
    Ok(())
}

/// Prints a snapshot or a log with the meaning of its bytes.
fn explain(args: &[Vec<u8>]) -> Result<()> {
    let path = the_file(args)?;
    let text = explain::explain(&path).with_context(|| path.display().to_string())?;
    output::print(text.as_bytes())
}

fn the_file(args: &[Vec<u8>]) -> Result<PathBuf> {
    match args {
        [file] => Ok(OsString::from_vec(file.clone()).into()),
        _ => bail!("name one file: a snapshot, an append-only file, a manifest"),
    }
}

fn run(args: &[Vec<u8>]) -> Result<()> {
    let mut config = Config::from_args(args)?;
    apply::enter(&mut config)?;
    lookup::rename(&config.renames).map_err(anyhow::Error::msg)?;
    let mut server = Server::new(config.clone(), Instant::now());
    server.state.tick(Instant::now());
    acl::load_at_start(&mut server.state)?;
    restart::load(&mut server.state)?;
    let resp = listen(&config, config.port, "--port", &[]).context("RESP")?;
    let framed = listen(&config, config.framed_port, "--framed-port", &[]).context("framed protocol")?;
    if resp.is_empty() && framed.is_empty() {
        bail!("nothing to listen on: both port and framed-port are 0");
    }
    let path = Some(config.trace.as_path()).filter(|path| !path.as_os_str().is_empty());
    let trace = Trace::new(path).with_context(|| format!("--trace {}", config.trace.display()))?;
    let mut event_loop = EventLoop::new(config.poller, apply::of_the_loop(&config), trace)
        .context("cannot start the event loop")?;
    if let Some(listening) = resp.first().or(framed.first()) {
        check_room(listening.socket.as_fd())?;
    }
    greet(&config, &resp, &framed);
    let mut lines = String::new();
    for (listeners, tag, protocol) in [(resp, RESP_LISTENER, "resp"), (framed, FRAMED_LISTENER, "framed")] {
        server.state.set_listening(tag, listeners.iter().map(|listening| listening.address).collect());
        for Listening { socket, address } in listeners {
            event_loop.listen(socket, tag).with_context(|| format!("cannot watch {address}"))?;
            lines.push_str(&format!("listening on {address} {protocol}\n"));
        }
    }
    output::announce(&lines);
    event_loop.run(&mut server)
}

/// The first words: what a newcomer can type now.
fn greet(config: &Config, resp: &[Listening], framed: &[Listening]) {
    if let Some(Listening { address, .. }) = resp.first() {
        let (host, port) = (address.ip(), address.port());
        log::notice(format_args!("try: redis-cli -h {host} -p {port}"));
        log::notice(format_args!("or:  nc {host} {port}   then type PING, SET name you, GET name"));
        log::notice(format_args!("or:  cargo run --bin keyspace-cli -- --port {port}"));
    }
    if let Some(Listening { address, .. }) = framed.first() {
        let port = address.port();
        log::notice(format_args!("framed: cargo run --bin keyspace-cli -- --framed --port {port}"));
    }
    if config.save.is_empty() && !config.appendonly {
        log::notice(format_args!(
            "there are no save points: what is stored is gone when the server stops, unless SAVE is said"
        ));
    }
}
