//! A small framed echo server with a bug of one's choice, to try the grader on:
//!
//!     cargo build -p grader --example wrong_server
//!     cargo grade phase2 -- target/debug/examples/wrong_server first-frame-only {port}

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

const USAGE: &str = "usage: wrong_server none|first-frame-only|one-frame-per-read|big-endian|swapped-port|wrong-port|\
                     cut-is-message|chatty|late-byte|left-out|came-twice PORT";
const MAX: usize = 32 << 20;

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, bug, port] = &arguments[..] else {
        eprintln!("{USAGE}");
        std::process::exit(2);
    };
    let Ok(port) = port.parse::<u16>() else {
        eprintln!("{USAGE}");
        std::process::exit(2);
    };
    let port = match bug.as_str() {
        "swapped-port" => port.swap_bytes(),
        "wrong-port" => port + 1,
        _ => port,
    };
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    println!("listening on 127.0.0.1:{port}");
    for stream in listener.incoming() {
        // One client's error is not the server's.
        let _ = stream.and_then(|stream| serve(stream, bug));
    }
    Ok(())
}

fn serve(mut stream: TcpStream, bug: &str) -> std::io::Result<()> {
    let mut pending = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    loop {
        let count = stream.read(&mut chunk)?;
        if count == 0 {
            if bug == "cut-is-message" {
                stream.write_all(&pending)?;
            }
            return Ok(());
        }
        if bug == "chatty" {
            println!("{}", "blah ".repeat(1 << 20));
        }
        pending.extend_from_slice(&chunk[..count]);
        let mut at = 0;
        loop {
            let Ok(end) = frame_end(&pending[at..], bug) else { return linger(stream, &mut chunk) };
            let Some(end) = end else { break };
            let frame = &pending[at..at + end];
            match bug {
                "late-byte" if end > 9_000 => {
                    let mut frame = frame.to_vec();
                    frame[9_000] ^= 0x20;
                    stream.write_all(&frame)?;
                }
                "left-out" if end > 9_000 => {
                    stream.write_all(&[&frame[..5_000], &frame[9_000..]].concat())?
                }
                "came-twice" if end > 9_000 => {
                    stream.write_all(&[&frame[..9_000], &frame[5_000..]].concat())?
                }
                _ => stream.write_all(frame)?,
            }
            at += end;
            if matches!(bug, "first-frame-only" | "one-frame-per-read") {
                break;
            }
        }
        if bug == "first-frame-only" && at > 0 {
            at = pending.len();
        }
        pending.drain(..at);
    }
}

/// Ends a connection that still holds input, without a reset that would destroy the replies under way.
fn linger(mut stream: TcpStream, chunk: &mut [u8]) -> std::io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    while stream.read(chunk)? > 0 {}
    Ok(())
}

/// Where the first frame ends, if it is whole.
fn frame_end(bytes: &[u8], bug: &str) -> std::io::Result<Option<usize>> {
    let Some(header) = bytes.first_chunk::<4>() else { return Ok(None) };
    let length = if bug == "big-endian" { u32::from_be_bytes(*header) } else { u32::from_le_bytes(*header) };
    let length = length as usize;
    if length > MAX {
        return Err(std::io::Error::other("too long"));
    }
    Ok((bytes.len() >= 4 + length).then_some(4 + length))
}
