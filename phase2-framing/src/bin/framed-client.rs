//! `framed-client`: sends each operand, or each line of standard input, as a frame and prints the reply.
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use phase1_echo::args::{self, Args, Flag, Spec};
use phase1_echo::socket;
use phase2_framing::client;
use phase2_framing::frame::DEFAULT_MAX;
use phase2_framing::stream::FrameStream;

const SPEC: Spec = Spec {
    program: "framed-client",
    about: "Sends each TEXT, or else each line of standard input, as one frame and prints each reply on a line.",
    operands: Some("[TEXT...]"),
    flags: &[
        Flag { name: "host", value: Some("HOST"), help: "the server's address (127.0.0.1)" },
        Flag { name: "port", value: Some("PORT"), help: "the server's port (7002)" },
        Flag { name: "max-frame", value: Some("BYTES"), help: "longest payload sent or accepted (32m)" },
        Flag {
            name: "timeout",
            value: Some("SECONDS"),
            help: "give up on a silent server (0: never, default)",
        },
    ],
    epilogue: "Try: framed-client hello",
};

fn main() -> ExitCode {
    args::run(&SPEC, run)
}

fn run(args: &Args) -> Result<()> {
    let address = args.address(7002)?;
    let max = args.max_frame(DEFAULT_MAX)?;
    let timeout = args.seconds("timeout")?;
    let server =
        socket::connect(address).map_err(|errno| anyhow!(socket::explain_connect(address, errno)))?;
    socket::set_timeout(server.as_fd(), timeout).context("cannot set the timeout")?;
    let mut stream = FrameStream::new(server.as_fd(), max);
    if args.operands.is_empty() {
        return client::session(&mut stream, std::io::stdin().lock());
    }
    args.operands.iter().try_for_each(|text| client::ask(&mut stream, text.as_bytes()))
}
