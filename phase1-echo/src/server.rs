//! Accepting clients without dying of it, and three ways to serve more than one: [`iterative()`], [`fork_per_client`],
//! [`thread_per_client`].
mod descriptors;
mod fork;
mod iterative;
mod thread;

use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use nix::errno::Errno;

use crate::calls::Calls;
use crate::{log, output, signals, socket};

pub use self::descriptors::{check_room, raise_descriptor_limit};
pub use self::fork::fork_per_client;
pub use self::iterative::iterative;
pub use self::thread::thread_per_client;

/// How many finished handshakes may wait for [`next_client`].
pub const BACKLOG: i32 = 511;

/// One accepted connection: the descriptor and the 4-tuple that names it among all connections of this machine.
pub struct Client {
    /// Closed on drop.
    pub stream: OwnedFd,
    /// Source IP and port.
    pub peer: SocketAddr,
    /// Destination IP and port: ours.
    pub local: SocketAddr,
}

/// What [`next_client`] came back with.
pub enum Next {
    /// A connection.
    Client(Client),
    /// No connection, but no reason to stop: call again.
    Again,
    /// The server was told to stop.
    Stop,
}

/// Listens, installs the signal handlers and says so: `hint` to the newcomer on stderr, the contract's one line on
/// stdout.
pub fn open(calls: Calls, address: SocketAddr, hint: impl FnOnce(SocketAddr) -> String) -> Result<OwnedFd> {
    let listener = calls.listen(address, BACKLOG).map_err(|errno| match (calls, address) {
        (Calls::Raw, SocketAddr::V6(_)) => {
            anyhow!("--raw speaks IPv4 only: leave it out to listen on {address}")
        }
        _ => anyhow!(socket::explain_listen(address, errno)),
    })?;
    signals::install(listener.as_fd()).context("cannot install the signal handlers")?;
    let bound = socket::local_addr(listener.as_fd()).context("the listener has no address")?;
    check_room(listener.as_fd())?;
    log!("{}", hint(bound));
    output::announce(&format!("listening on {bound}\n"));
    Ok(listener)
}

/// The command that reaches a server, for its first words: `nc 127.0.0.1 7001`. A wildcard address is reached through
/// the loopback one.
pub fn nc(bound: SocketAddr) -> String {
    let ip = match bound.ip() {
        ip if !ip.is_unspecified() => ip.to_string(),
        ip if ip.is_ipv4() => "127.0.0.1".to_owned(),
        _ => "::1".to_owned(),
    };
    format!("nc {ip} {}", bound.port())
}

// ANCHOR: next-client
/// Waits for a client and logs its 4-tuple. Errors that concern one connection or one moment are survived.
pub fn next_client(calls: Calls, listener: BorrowedFd<'_>) -> Result<Next> {
    let accepted = calls.accept(listener);
    if signals::stopping() {
        return Ok(Next::Stop);
    }
    match accepted {
        Ok((stream, peer)) => {
            let local = socket::local_addr(stream.as_fd()).context("getsockname of a new connection")?;
            log!("accepted {peer} -> {local} tcp");
            Ok(Next::Client(Client { stream, peer, local }))
        }
        Err(Errno::EINTR | Errno::ECONNABORTED) => Ok(Next::Again),
        // EAGAIN: a timeout on the listener ran out.
        Err(Errno::EAGAIN) => Ok(Next::Again),
        Err(errno) if socket::is_network_error(errno) => Ok(Next::Again),
        Err(errno @ (Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM)) => {
            // The connection stays in the backlog, so an immediate retry would fail the same way at full speed.
            log!("accept: {}; trying again in 100 ms (ulimit -n raises the limit)", errno.desc());
            std::thread::sleep(Duration::from_millis(100));
            Ok(Next::Again)
        }
        Err(errno) => Err(errno).context("accept"),
    }
}
// ANCHOR_END: next-client

/// What is done with a connected client, start to end.
pub type Serve<'a> = &'a (dyn Fn(&Client) + Sync);

fn serve_watched(serve: Serve<'_>, client: &Client) {
    let _watch = signals::watch(client.stream.as_fd());
    serve(client);
    deliver(client);
}

/// While stopping: waits until the peer's kernel has all replies, for at most the grace that [`signals`] allows.
///
/// A client in the middle of sending would otherwise meet a closed connection, its next bytes would be answered with RST,
/// and replies still on their way would be lost. What it sends from here on is not answered.
fn deliver(client: &Client) {
    let mut discard = [0; 16 * 1024];
    while signals::stopping() && socket::unacknowledged(client.stream.as_fd()).is_ok_and(|count| count > 0) {
        // Does not wait: after the shutdown for reading, 0 means that nothing is here right now.
        match Calls::Nix.read(client.stream.as_fd(), &mut discard) {
            Ok(0) => std::thread::sleep(Duration::from_millis(1)),
            Ok(_) => {}
            Err(_) => return,
        }
    }
}
