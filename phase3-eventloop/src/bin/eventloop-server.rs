//! `eventloop-server`: frames come back on 127.0.0.1:7003, for thousands of clients, from one thread.
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use phase1_echo::args::{self, Args, Flag, Spec};
use phase1_echo::{log, output, server, socket};
use phase2_framing::frame::{DEFAULT_MAX, HEADER};
use phase3_eventloop::echo::FrameEcho;
use phase3_eventloop::event_loop::EventLoop;
use phase3_eventloop::limits::Limits;
use phase3_eventloop::poller::PollerKind;
use phase3_eventloop::trace::Trace;

const SPEC: Spec = Spec {
    program: "eventloop-server",
    about: "Sends frames (u32 little-endian length, payload) back to any number of clients, from one thread.",
    operands: None,
    flags: &[
        Flag { name: "host", value: Some("HOST"), help: "address to listen on (127.0.0.1)" },
        Flag { name: "port", value: Some("PORT"), help: "port to listen on (7003; 0: the kernel picks one)" },
        Flag { name: "poller", value: Some("POLLER"), help: "how to wait: epoll (default) or poll" },
        Flag { name: "edge-triggered", value: None, help: "gone: an example of its own shows it (edge)" },
        Flag { name: "max-clients", value: Some("N"), help: "refuse more clients than this (10000)" },
        Flag { name: "max-frame", value: Some("BYTES"), help: "longest payload (32m)" },
        Flag {
            name: "idle-timeout",
            value: Some("SECONDS"),
            help: "close a silent client (default 0: never)",
        },
        Flag {
            name: "stall-timeout",
            value: Some("SECONDS"),
            help: "close a client that does not read (60; 0: never)",
        },
        Flag { name: "trace", value: Some("FILE"), help: "write what the loop does, as Chrome trace events" },
    ],
    epilogue: "Try: frame encode hello | nc -N 127.0.0.1 7003 | frame decode",
};

/// Connections that may wait for accept; the kernel caps it at net.core.somaxconn.
const BACKLOG: i32 = 4096;
/// Descriptors beside the clients': the standard three, listener, epoll, signals, trace, and some to spare.
const OTHER_DESCRIPTORS: u64 = 32;

fn main() -> ExitCode {
    args::run(&SPEC, run)
}

fn run(args: &Args) -> Result<()> {
    if args.has("edge-triggered") {
        bail!("--edge-triggered is a server of its own: cargo run -p phase3-eventloop --example edge");
    }
    let address = args.address(7003)?;
    let max_clients: usize = args.value("max-clients", 10_000)?;
    let max_frame = args.max_frame(DEFAULT_MAX)?;
    let asked = args.text("poller").unwrap_or("epoll");
    let poller = PollerKind::NAMES.iter().find(|(name, _)| *name == asked);
    let &(_, poller) = poller.with_context(|| format!("--poller {asked:?}: choose epoll or poll"))?;
    let mut limits = Limits { max_pending: HEADER + max_frame as usize, ..Limits::default() };
    limits.idle_timeout = args.seconds("idle-timeout")?;
    if args.has("stall-timeout") {
        limits.stall_timeout = args.seconds("stall-timeout")?;
    }
    let path = args.text("trace");
    let trace =
        Trace::new(path.map(Path::new)).with_context(|| format!("--trace {path:?}: cannot create it"))?;
    let wanted = (max_clients as u64).saturating_add(OTHER_DESCRIPTORS);
    let allowed = server::raise_descriptor_limit(wanted)?;

    let listener = socket::listen(address, BACKLOG);
    let listener = listener.map_err(|errno| anyhow!(socket::explain_listen(address, errno)))?;
    let bound = socket::local_addr(listener.as_fd()).context("getsockname")?;
    let mut event_loop = EventLoop::new(poller, limits, trace).context("cannot set up the event loop")?;
    server::check_room(listener.as_fd())?;
    if allowed < wanted {
        log!("only {allowed} descriptors are allowed (`ulimit -n`): clients beyond that wait outside");
    }
    event_loop.listen(listener, 0).context("cannot watch the listener")?;

    let nc = server::nc(bound).replacen("nc", "nc -N", 1);
    let frame = phase2_framing::frame_tool();
    log!(
        "eventloop-server: type `{frame} encode hello | {nc} | {frame} decode` in another terminal. ^C here stops the \
         server."
    );
    output::announce(&format!("listening on {bound}\n"));
    event_loop.run(&mut FrameEcho::new(max_frame, max_clients))
}
