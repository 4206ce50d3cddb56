//! The phase 4 server.
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use phase1_echo::args::exit_code;
use phase1_echo::output;
use phase1_echo::server::check_room;
use phase3_eventloop::event_loop::{EventLoop, Settings};
use phase3_eventloop::trace::Trace;
use phase4_keyspace::config::{Config, file};
use phase4_keyspace::log;
use phase4_keyspace::memory;
use phase4_keyspace::server::listen::{Listening, listen};
use phase4_keyspace::server::{FRAMED_LISTENER, RESP_LISTENER, Server, limits};

fn main() -> ExitCode {
    let args: Vec<String> =
        std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    let outcome = match args.first().map(String::as_str) {
        Some("--help" | "-h") => output::print(file::help().as_bytes()),
        Some("--version" | "-v") => {
            output::print(concat!("keyspace-server ", env!("CARGO_PKG_VERSION"), "\n").as_bytes())
        }
        _ => run(&args),
    };
    exit_code("keyspace-server", outcome)
}

fn run(args: &[String]) -> Result<()> {
    memory::map_pages_apart();
    let mut config = Config::from_args(args)?;
    limits::enter(&mut config)?;
    let resp = listen(&config, config.port).context("port")?;
    let framed = listen(&config, config.framed_port).context("framed-port")?;
    if resp.is_empty() && framed.is_empty() {
        bail!("nothing to listen on: both port and framed-port are 0");
    }
    let trace = (!config.trace.is_empty()).then(|| Trace::create(Path::new(&config.trace)));
    let trace = trace.transpose().with_context(|| format!("--trace {}", config.trace))?;
    let settings = Settings {
        poller: config.poller,
        limits: limits::of_the_loop(&config),
        shutdown_grace: Duration::from_secs(5),
        trace,
        ..Settings::default()
    };
    let mut event_loop = EventLoop::new(settings).context("cannot start the event loop")?;
    if let Some(listening) = resp.first().or(framed.first()) {
        check_room(listening.socket.as_fd())?;
    }
    greet(&resp, &framed);
    let mut server = Server::new(config, Instant::now());
    server.core.port = resp.first().map_or(0, |listening| listening.address.port());
    let mut lines = String::new();
    for (listeners, tag, protocol) in [(resp, RESP_LISTENER, "resp"), (framed, FRAMED_LISTENER, "framed")] {
        for Listening { socket, address } in listeners {
            event_loop.listen(socket, tag).with_context(|| format!("cannot watch {address}"))?;
            lines.push_str(&format!("listening on {address} {protocol}\n"));
        }
    }
    output::announce(&lines);
    event_loop.run(&mut server)
}

/// The first words: what a newcomer can type now.
fn greet(resp: &[Listening], framed: &[Listening]) {
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
    log::notice(format_args!("everything is in memory only: what is stored is gone when the server stops"));
}
