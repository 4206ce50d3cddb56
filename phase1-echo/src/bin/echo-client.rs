//! `echo-client`: sends its operands, or its standard input, and prints what comes back.
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;
use std::sync::{Arc, mpsc};

use anyhow::{Context, Result, anyhow, bail};
use phase1_echo::args::{self, Args, Flag, Spec};
use phase1_echo::calls::Calls;
use phase1_echo::{log, output, socket};

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

    // Sending and receiving happen at the same time. A client that sent everything first would deadlock with a large
    // input: the server, unable to deliver its replies, stops reading, and then the client's own write waits for ever.
    let (report, total) = mpsc::channel();
    let server = Arc::new(server);
    let sender = Arc::clone(&server);
    let words = args.operands.iter().map(|word| word.as_bytes()).collect::<Vec<_>>().join(&b' ');
    let from_stdin = args.operands.is_empty();
    std::thread::spawn(move || {
        let sent = if from_stdin {
            send(calls, sender.as_fd(), std::io::stdin().lock())
        } else {
            send(calls, sender.as_fd(), &[words.as_slice(), b"\n"].concat()[..])
        };
        // Reported before the FIN that makes the server end too, so that the thread which sees that end can see this. The
        // receiver is gone only when the program is.
        let _ = report.send(sent);
        calls.shutdown_write(sender.as_fd())
    });
    let received = receive(calls, server.as_fd())?;
    // If the server left first, the other thread may wait for standard input for ever; leaving `main` ends it.
    match total.try_recv() {
        Ok(Ok(sent)) if sent == received => Ok(()),
        Ok(Ok(sent)) => bail!("sent {sent} bytes, but {received} came back"),
        Ok(Err(error)) => Err(error),
        Err(_) => bail!("the server closed the connection after {received} bytes"),
    }
}

/// Copies `input` to the server and returns how much it was.
fn send(calls: Calls, server: BorrowedFd<'_>, mut input: impl Read) -> Result<u64> {
    let mut buf = [0; 16 * 1024];
    let mut sent = 0;
    loop {
        let n = input.read(&mut buf).context("reading standard input")?;
        if n == 0 {
            return Ok(sent);
        }
        calls.write_all(server, &buf[..n]).context("sending")?;
        sent += n as u64;
    }
}

/// Copies what the server sends to standard output until its end of stream.
fn receive(calls: Calls, server: BorrowedFd<'_>) -> Result<u64> {
    let mut buf = [0; 16 * 1024];
    let mut received = 0;
    loop {
        let n = calls.read(server, &mut buf).context("receiving")?;
        if n == 0 {
            return Ok(received);
        }
        output::print(&buf[..n])?;
        received += n as u64;
    }
}
