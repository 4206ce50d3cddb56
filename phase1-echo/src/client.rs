//! The client's side: standard input goes to the server, what comes back goes to standard output, both at the same time.
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, mpsc};

use anyhow::{Context, Result, bail};

use crate::calls::Calls;
use crate::output;

// ANCHOR: client-send
/// Sends all of `input` to the server, whatever the bytes are, and returns how many they were.
///
/// What has been read leaves at once: the next read may wait for a person who types.
pub fn send(calls: Calls, server: BorrowedFd<'_>, mut input: impl Read) -> Result<u64> {
    // ANCHOR: client-send-body
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
    // ANCHOR_END: client-send-body
}
// ANCHOR_END: client-send

// ANCHOR: client-receive
/// Prints what the server sends, as it comes, until its end of stream, and returns how many bytes it was.
pub fn receive(calls: Calls, server: BorrowedFd<'_>) -> Result<u64> {
    // ANCHOR: client-receive-body
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
    // ANCHOR_END: client-receive-body
}
// ANCHOR_END: client-receive

// ANCHOR: client-exchange
/// A whole conversation: [`send`] and [`receive`] at the same time, FIN behind the last byte of `input`, and an error
/// unless as many bytes came back as were sent.
///
/// A client that sent everything first would deadlock with a large input: the server, unable to deliver its replies, stops
/// reading, and then the client's own write waits for ever.
pub fn exchange(calls: Calls, server: OwnedFd, input: impl Read + Send + 'static) -> Result<()> {
    // ANCHOR: client-exchange-body
    let (report, total) = mpsc::channel();
    let server = Arc::new(server);
    let sender = Arc::clone(&server);
    std::thread::spawn(move || {
        let sent = send(calls, sender.as_fd(), input);
        // Reported before the FIN that makes the server end too, so that the thread which sees that end can see this. The
        // receiver is gone only when the program is.
        let _ = report.send(sent);
        calls.shutdown_write(sender.as_fd())
    });
    let received = receive(calls, server.as_fd())?;
    // If the server left first, the other thread may wait for its input for ever; leaving `main` ends it.
    match total.try_recv() {
        Ok(Ok(sent)) if sent == received => Ok(()),
        Ok(Ok(sent)) => bail!("sent {sent} bytes, but {received} came back"),
        Ok(Err(error)) => Err(error),
        Err(_) => bail!("the server closed the connection after {received} bytes"),
    }
    // ANCHOR_END: client-exchange-body
}
// ANCHOR_END: client-exchange
