//! `echo-server`: RFC 862 on 127.0.0.1:7001.
use std::os::fd::AsFd;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use phase1_echo::args::{self, Args, Flag, Spec};
use phase1_echo::calls::Calls;
use phase1_echo::echo::echo;
use phase1_echo::{log, server, socket};

const SPEC: Spec = Spec {
    program: "echo-server",
    about: "Sends back every byte it receives, until the client's end of stream (RFC 862).",
    operands: None,
    flags: &[
        Flag { name: "host", value: Some("HOST"), help: "address to listen on (127.0.0.1)" },
        Flag { name: "port", value: Some("PORT"), help: "port to listen on (7001; 0: the kernel picks one)" },
        Flag {
            name: "mode",
            value: Some("MODE"),
            help: "iterative: one client at a time (default); fork: a process each; thread: a thread each",
        },
        Flag { name: "raw", value: None, help: "make the system calls through libc alone (IPv4)" },
        Flag {
            name: "idle-timeout",
            value: Some("SECONDS"),
            help: "close a silent client (0: never, default)",
        },
    ],
    epilogue: "Try: nc 127.0.0.1 7001",
};

fn main() -> ExitCode {
    args::run(&SPEC, run)
}

fn run(args: &Args) -> Result<()> {
    let address = args.address(7001)?;
    let calls = if args.has("raw") { Calls::Raw } else { Calls::Nix };
    let idle = args.seconds("idle-timeout")?;
    let mode = match args.text("mode").unwrap_or("iterative") {
        "iterative" => server::iterative,
        "fork" => server::fork_per_client,
        "thread" => server::thread_per_client,
        other => bail!("--mode {other:?}: choose iterative, fork or thread"),
    };
    let listener = server::open(calls, address, |bound| {
        format!(
            "echo-server: type `{}` in another terminal, then some lines; each comes back. ^C here stops the server.",
            server::nc(bound)
        )
    })?;
    mode(calls, listener, &|client| {
        let mut echoed = 0;
        let outcome = socket::set_timeout(client.stream.as_fd(), idle)
            .and_then(|()| echo(calls, &client.stream, &mut echoed));
        match outcome {
            Ok(()) => log!("closed {}: end of stream, {echoed} bytes echoed", client.peer),
            Err(Errno::EAGAIN) => {
                log!("closed {}: idle for too long, {echoed} bytes echoed", client.peer)
            }
            Err(errno) => log!("closed {}: {}, {echoed} bytes echoed", client.peer, errno.desc()),
        }
    })
    .context("the server stopped")
}
