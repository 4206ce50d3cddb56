//! Accepting clients without dying of it, and three ways to serve more than one.
#![allow(unsafe_code, reason = "fork(2)")]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

use crate::echo::Calls;
use crate::{log, output, signals, socket};

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
    /// None this time. Look after other duties, then ask again.
    Nobody,
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

/// Each client is a descriptor, and many systems start programs with 1,024 of them. What root allows may be used. Returns
/// how many there are now.
pub fn raise_descriptor_limit(wanted: u64) -> Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).context("getrlimit")?;
    if soft < wanted.min(hard) {
        // Refused only if the hard limit is higher than the system's own; then the soft one stays.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, wanted.min(hard), hard);
    }
    Ok(getrlimit(Resource::RLIMIT_NOFILE).context("getrlimit")?.0)
}

/// Fails if there is no descriptor left for a client: such a server would listen and never accept.
pub fn check_room(listener: BorrowedFd<'_>) -> Result<()> {
    // A duplicate takes a descriptor as a connection does.
    let room = listener.try_clone_to_owned();
    room.map(drop)
        .context("no descriptor is left for a client; raise the limit, such as with `ulimit -n 1024`")
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
        Err(Errno::EINTR | Errno::ECONNABORTED) => Ok(Next::Nobody),
        // EAGAIN: a timeout on the listener ran out.
        Err(Errno::EAGAIN) => Ok(Next::Nobody),
        Err(errno) if socket::is_network_error(errno) => Ok(Next::Nobody),
        Err(errno @ (Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM)) => {
            // The connection stays in the backlog, so an immediate retry would fail the same way at full speed.
            log!("accept: {}; trying again in 100 ms (ulimit -n raises the limit)", errno.desc());
            std::thread::sleep(Duration::from_millis(100));
            Ok(Next::Nobody)
        }
        Err(errno) => Err(errno).context("accept"),
    }
}
// ANCHOR_END: next-client

/// What is done with a connected client, start to end.
pub type Serve<'a> = &'a (dyn Fn(&Client) + Sync);

// ANCHOR: modes
/// One client at a time; the others wait in the backlog. The simplest server, and the shape of a database's main thread.
pub fn iterative(calls: Calls, listener: OwnedFd, serve: Serve<'_>) -> Result<()> {
    loop {
        match next_client(calls, listener.as_fd())? {
            Next::Client(client) => {
                serve_watched(serve, &client);
                calls.close(client.stream);
            }
            Next::Nobody => {}
            Next::Stop => return Ok(()),
        }
    }
}

/// A process per client: each has its own memory and its own descriptors, and a crash stays its own.
pub fn fork_per_client(calls: Calls, listener: OwnedFd, serve: Serve<'_>) -> Result<()> {
    signals::interrupt_on_child_exit().context("sigaction")?;
    let mut children = BTreeSet::new();
    loop {
        reap(&mut children);
        let client = match next_client(calls, listener.as_fd())? {
            Next::Client(client) => client,
            Next::Nobody => continue,
            Next::Stop => break,
        };
        // SAFETY: this process has one thread, so no lock can be held by a thread that the child lacks.
        match unsafe { fork() } {
            Ok(ForkResult::Child) => {
                signals::forget_listener();
                // Else the port would stay taken for as long as this client stays.
                drop(listener);
                serve_watched(serve, &client);
                calls.close(client.stream);
                std::process::exit(0);
            }
            Ok(ForkResult::Parent { child }) => {
                children.insert(child);
                // The child has its own descriptor. Kept open here, the connection would never end.
                calls.close(client.stream);
            }
            Err(errno) => log!("closed {}: cannot fork: {}", client.peer, errno.desc()),
        }
    }
    for child in &children {
        // Reaped last time round at the latest, so the number still names our child; it may have just exited.
        let _ = kill(*child, Signal::SIGTERM);
    }
    while !children.is_empty() {
        wait_for_child(&mut children, WaitPidFlag::empty());
    }
    Ok(())
}

/// Collects children that have exited; until then the kernel keeps each as a zombie for its exit status.
///
/// One that exits between this call and the next `accept` is collected when anything next wakes the server.
fn reap(children: &mut BTreeSet<Pid>) {
    while wait_for_child(children, WaitPidFlag::WNOHANG) {}
}

/// True if a child was collected or the call was interrupted; without children left, forgets the list.
fn wait_for_child(children: &mut BTreeSet<Pid>, flags: WaitPidFlag) -> bool {
    match waitpid(None, Some(flags)) {
        Ok(WaitStatus::StillAlive) => false,
        Ok(status) => {
            if let Some(child) = status.pid() {
                children.remove(&child);
            }
            true
        }
        Err(Errno::EINTR) => true,
        Err(_) => {
            children.clear();
            false
        }
    }
}

/// A thread per client: all see the same memory, so whatever they share needs a lock (`examples/counter-race.rs`).
pub fn thread_per_client(calls: Calls, listener: OwnedFd, serve: Serve<'_>) -> Result<()> {
    // The signal handler must not take a lock, so this thread tells the others, when accept has told it.
    let live: Mutex<Vec<Arc<Client>>> = Mutex::default();
    let lock = || live.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        let outcome = loop {
            let client = match next_client(calls, listener.as_fd()) {
                Ok(Next::Client(client)) => Arc::new(client),
                Ok(Next::Nobody) => continue,
                Ok(Next::Stop) => break Ok(()),
                Err(error) => break Err(error),
            };
            lock().push(Arc::clone(&client));
            let peer = client.peer;
            let run = move || {
                serve(&client);
                deliver(&client);
                lock().retain(|other| !Arc::ptr_eq(other, &client));
                if let Some(client) = Arc::into_inner(client) {
                    calls.close(client.stream);
                }
            };
            if let Err(error) = std::thread::Builder::new().spawn_scoped(scope, run) {
                log!("closed {peer}: cannot start a thread: {error}");
                lock().retain(|other| other.peer != peer);
            }
        };
        for client in lock().iter() {
            // One that has gone meanwhile makes this fail, and its thread knows.
            let _ = socket::shutdown_read(client.stream.as_fd());
        }
        // The scope waits for every thread before it ends.
        outcome
    })
}
// ANCHOR_END: modes

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
    let mut bin = [0; 16 * 1024];
    while signals::stopping() && socket::unacknowledged(client.stream.as_fd()).is_ok_and(|count| count > 0) {
        // Does not wait: after the shutdown for reading, 0 means that nothing is here right now.
        match Calls::Nix.read(client.stream.as_fd(), &mut bin) {
            Ok(0) => std::thread::sleep(Duration::from_millis(1)),
            Ok(_) => {}
            Err(_) => return,
        }
    }
}
