//! `echo-client`: sends its operands, or its standard input, and prints what comes back.
use std::io::{Cursor, Read, stdin};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use phase1_echo::args::{self, Args, Flag, Spec};
use phase1_echo::calls::Calls;
use phase1_echo::{client, log, socket};

const SPEC: Spec = Spec {
    program: "echo-client",
    about: "Sends TEXT and a line end, or else standard input, to an echo server and prints what comes back.",
    operands: Some("[TEXT...]"),
    flags: &[
        Flag { name: "host", value: Some("HOST"), help: "the server's address (127.0.0.1)" },
        Flag { name: "port", value: Some("PORT"), help: "the server's port (7001)" },
        Flag { name: "raw", value: None, help: "make the system calls through libc alone (IPv4)" },
        Flag {
            name: "timeout",
            value: Some("SECONDS"),
            help: "give up on a silent server (0: never, default)",
        },
    ],
    epilogue: "Try: echo-client hello",
};

fn main() -> ExitCode {
    args::run(&SPEC, run)
}

fn run(args: &Args) -> Result<()> {
    let address = args.address(7001)?;
    let calls = if args.has("raw") { Calls::Raw } else { Calls::Nix };
    let timeout = args.seconds("timeout")?;
    let server = calls.connect(address).map_err(|errno| anyhow!(socket::explain_connect(address, errno)))?;
    socket::set_timeout(server.as_fd(), timeout).context("cannot set the timeout")?;
    let local = socket::local_addr(server.as_fd()).context("getsockname")?;
    log!("connected {local} -> {address} tcp");
    client::exchange(calls, server, input(args))
}

/// The words on the command line as one line; without any, standard input.
fn input(args: &Args) -> Box<dyn Read + Send> {
    if args.operands.is_empty() {
        return Box::new(stdin());
    }
    let words = args.operands.iter().map(|word| word.as_bytes()).collect::<Vec<_>>().join(&b' ');
    Box::new(Cursor::new([words.as_slice(), b"\n"].concat()))
}
