//! `framed-server`: echoes frames on 127.0.0.1:7002, one client at a time.
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use phase1_echo::args::{self, Args, Flag, Spec};
use phase1_echo::calls::Calls;
use phase1_echo::server::{self, Client};
use phase1_echo::{log, socket};
use phase2_framing::frame::{self, DEFAULT_MAX};
use phase2_framing::stream::{FrameStream, StreamError};

const SPEC: Spec = Spec {
    program: "framed-server",
    about: "Sends every frame (u32 little-endian length | payload) back as a frame, one client at a time.",
    operands: None,
    flags: &[
        Flag { name: "host", value: Some("HOST"), help: "address to listen on (127.0.0.1)" },
        Flag { name: "port", value: Some("PORT"), help: "port to listen on (7002; 0: the kernel picks one)" },
        Flag { name: "max-frame", value: Some("BYTES"), help: "longest payload accepted (32m)" },
        Flag {
            name: "idle-timeout",
            value: Some("SECONDS"),
            help: "close a silent client (0: never, default)",
        },
    ],
    epilogue: "Try: frame encode hello | nc -N 127.0.0.1 7002 | frame decode",
};

/// How long a client that broke the protocol may take to notice.
const NOTICE_TIMEOUT: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    args::run(&SPEC, run)
}

fn run(args: &Args) -> Result<()> {
    let address = args.address(7002)?;
    let max = args.max_frame(DEFAULT_MAX)?;
    let idle = args.seconds("idle-timeout")?;
    let listener = server::open(Calls::Nix, address, |bound| {
        let frame = phase2_framing::frame_tool();
        format!(
            "framed-server: type `{frame} encode hello | {} | {frame} decode` in another terminal. ^C here stops the \
             server.",
            server::nc(bound).replacen("nc", "nc -N", 1)
        )
    })?;
    server::iterative(Calls::Nix, listener, &|client| {
        let mut frames = 0_u64;
        let outcome = socket::set_timeout(client.stream.as_fd(), idle)
            .map_err(StreamError::Io)
            .and_then(|()| echo(client, max, &mut frames));
        match outcome {
            Ok(()) => log!("closed {}: end of stream, {frames} frames echoed", client.peer),
            Err(error) => {
                log!("closed {}: {error}; {frames} frames echoed", client.peer);
                if let StreamError::Frame(_) = error {
                    // The client is still sending; the replies it is owed must reach it all the same.
                    let _ = socket::finish(client.stream.as_fd(), NOTICE_TIMEOUT);
                }
            }
        }
    })
    .context("the server stopped")
}

/// One client, start to end.
fn echo(client: &Client, max: u32, frames: &mut u64) -> Result<(), StreamError> {
    let mut stream = FrameStream::new(client.stream.as_fd(), max);
    while let Some(received) = stream.next_frame()? {
        frame::encode(received.payload, max, received.replies).map_err(StreamError::Frame)?;
        *frames += 1;
    }
    Ok(())
}
