//! The phase 4 server.
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use phase3_eventloop::event_loop::{EventLoop, Settings};
use phase3_eventloop::trace::Trace;
use phase4_keyspace::config::{Config, apply, file};
use phase4_keyspace::log;
use phase4_keyspace::server::listen::{Listening, listen};
use phase4_keyspace::server::{FRAMED_LISTENER, RESP_LISTENER, Server};

fn main() -> ExitCode {
    let args: Vec<String> =
        std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    match args.first().map(String::as_str) {
        Some("--help" | "-h") => print!("{}", file::help()),
        Some("--version" | "-v") => println!("keyspace-server {}", env!("CARGO_PKG_VERSION")),
        _ => {
            if let Err(error) = run(&args) {
                eprintln!("keyspace-server: {error:#}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

fn run(args: &[String]) -> Result<()> {
    let mut config = Config::from_args(args)?;
    apply::enter(&mut config)?;
    let resp = listen(&config, config.port).context("port")?;
    let framed = listen(&config, config.framed_port).context("framed-port")?;
    if resp.is_empty() && framed.is_empty() {
        bail!("nothing to listen on: both port and framed-port are 0");
    }
    let trace = (!config.trace.is_empty()).then(|| Trace::create(Path::new(&config.trace)));
    let trace = trace.transpose().with_context(|| format!("--trace {}", config.trace))?;
    let settings = Settings {
        poller: config.poller,
        limits: apply::of_the_loop(&config),
        shutdown_grace: Duration::from_secs(5),
        trace,
        ..Settings::default()
    };
    let mut event_loop = EventLoop::new(settings).context("cannot start the event loop")?;
    greet(&resp, &framed);
    let mut server = Server::new(config, Instant::now());
    server.state.port = resp.first().map_or(0, |listening| listening.address.port());
    let mut lines = String::new();
    for (listeners, tag, protocol) in [(resp, RESP_LISTENER, "resp"), (framed, FRAMED_LISTENER, "framed")] {
        for Listening { socket, address } in listeners {
            event_loop.listen(socket, tag).with_context(|| format!("cannot watch {address}"))?;
            lines.push_str(&format!("listening on {address} {protocol}\n"));
        }
    }
    // Whoever waits for these lines may have gone; the server is there all the same.
    let _ = std::io::stdout().write_all(lines.as_bytes()).and_then(|()| std::io::stdout().flush());
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
