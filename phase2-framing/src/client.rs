//! The client's side: each request is a frame, each reply is printed on a line.
use std::io::BufRead;

use anyhow::{Context, Result, bail};
use phase1_echo::output;

use crate::stream::FrameStream;

// ANCHOR: framed-ask
/// Sends `request` as one frame, waits for one frame and prints it with a line end.
///
/// A server that leaves instead of replying is an error, whether it leaves on a boundary or inside the reply; of a reply
/// that is cut nothing is printed.
pub fn ask(server: &mut FrameStream<'_>, request: &[u8]) -> Result<()> {
    // ANCHOR: framed-ask-body
    server.push(request)?;
    server.flush().context("sending")?;
    match server.next_frame().context("waiting for the reply")? {
        Some(reply) => output::print(&[reply.payload, b"\n"].concat()),
        None => bail!("the server closed the connection instead of replying"),
    }
    // ANCHOR_END: framed-ask-body
}
// ANCHOR_END: framed-ask

// ANCHOR: framed-session
/// [`ask`]s for each line of `input`, without its line end, as soon as that line is there. An empty line is an empty
/// frame.
pub fn session(server: &mut FrameStream<'_>, input: impl BufRead) -> Result<()> {
    // ANCHOR: framed-session-body
    for line in input.split(b'\n') {
        ask(server, &line.context("reading standard input")?)?;
    }
    Ok(())
    // ANCHOR_END: framed-session-body
}
// ANCHOR_END: framed-session
