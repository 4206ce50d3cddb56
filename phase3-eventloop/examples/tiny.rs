//! The smallest event loop: frames come back to many clients, from one thread, in a hundred lines.
//!
//! ```console
//! $ cargo run -p phase3-eventloop --example tiny -- 7003
//! ```
//!
//! One list of descriptors, one call that waits for all of them: poll(2). It serves well-behaved clients well. What is
//! wrong with it is the rest of this phase; each line marked "Missing" is a bug of the museum.
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;

use anyhow::Result;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use phase1_echo::log;
use phase2_framing::frame::{self, DEFAULT_MAX, Decoded};

struct Client {
    stream: TcpStream,
    input: Vec<u8>,
    output: Vec<u8>,
    gone: bool,
}

impl Client {
    /// One read, then every whole frame that has arrived.
    fn read(&mut self) {
        let mut buffer = [0; 64 * 1024];
        match self.stream.read(&mut buffer) {
            // Missing: replies that are owed are lost (`no-reply-after-half-close`).
            Ok(0) => self.gone = true,
            Ok(count) => self.input.extend_from_slice(&buffer[..count]),
            Err(error) => self.gone = !may_try_again(error.kind()),
        }
        while let Ok(Decoded::Frame { consumed, .. }) = frame::decode(&self.input, DEFAULT_MAX) {
            // Missing: a client that never reads fills the memory (`no-high-mark`).
            self.output.extend_from_slice(&self.input[..consumed]);
            // Missing: moves the whole buffer for each frame (`shifts-the-buffer-per-frame`).
            self.input.drain(..consumed);
        }
        // Missing: a length beyond the maximum ends nothing; the client waits for ever (`no-maximum`).
    }

    fn write(&mut self) {
        match self.stream.write(&self.output) {
            // A short write: the rest stays, and poll says when there is room again.
            Ok(count) => drop(self.output.drain(..count)),
            Err(error) => self.gone = !may_try_again(error.kind()),
        }
    }
}

fn may_try_again(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

// Missing: SIGTERM ends it at once, with replies unsent (`sigterm-by-default`).
fn main() -> Result<()> {
    let port = std::env::args().nth(1).map_or(Ok(7003), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    listener.set_nonblocking(true)?;
    log!("listening on {}", listener.local_addr()?);
    let mut clients: Vec<Client> = Vec::new();
    loop {
        // Missing: the list is made anew for each wait, and looked through after it; epoll keeps it in the kernel.
        let mut list = vec![PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        for client in &clients {
            let mut interest = PollFlags::POLLIN;
            // Only while something waits: a socket is writable nearly always (`always-asks-for-writable`).
            interest.set(PollFlags::POLLOUT, !client.output.is_empty());
            list.push(PollFd::new(client.stream.as_fd(), interest));
        }
        // Missing: an interruption by a signal ends the server (`eintr-wait-fatal`).
        poll(&mut list, PollTimeout::NONE)?;
        let ready: Vec<PollFlags> = list.iter().filter_map(PollFd::revents).collect();
        for (client, ready) in clients.iter_mut().zip(&ready[1..]) {
            if ready.intersects(PollFlags::POLLIN | PollFlags::POLLHUP | PollFlags::POLLERR) {
                client.read();
            }
            if !client.output.is_empty() {
                client.write();
            }
        }
        // After the walk, so that positions in the two lists agree (`list-changed-while-walked`).
        clients.retain(|client| !client.gone);
        if ready[0].contains(PollFlags::POLLIN) {
            // Missing: out of descriptors, this ends the server (`emfile-is-fatal`).
            let (stream, _) = listener.accept()?;
            stream.set_nonblocking(true)?;
            clients.push(Client { stream, input: Vec::new(), output: Vec::new(), gone: false });
        }
    }
}
