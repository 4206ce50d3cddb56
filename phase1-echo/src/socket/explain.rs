//! What went wrong, and what to do about it, in one line.
use std::net::SocketAddr;

use nix::errno::Errno;

// ANCHOR: explain-listen
/// One line that says why [`listen`](super::listen) failed and what to do about it.
pub fn explain_listen(address: SocketAddr, errno: Errno) -> String {
    let port = address.port();
    match errno {
        Errno::EADDRINUSE => format!(
            "port {port} on {} is in use: stop the program that listens there (`ss -ltnp sport = :{port}` names it) \
             or choose another with --port",
            address.ip()
        ),
        Errno::EACCES if port < 1024 => {
            format!("port {port} is privileged: ports below 1024 are root's, choose one above with --port")
        }
        Errno::EADDRNOTAVAIL => format!(
            "{} is not an address of this machine: use 127.0.0.1 for this machine alone, 0.0.0.0 for every IPv4 \
             address it has",
            address.ip()
        ),
        errno => format!("cannot listen on {address}: {}", errno.desc()),
    }
}
// ANCHOR_END: explain-listen

/// One line that says why [`connect`](super::connect) failed and what to do about it.
pub fn explain_connect(address: SocketAddr, errno: Errno) -> String {
    match errno {
        Errno::ECONNREFUSED => {
            format!("nothing listens on {address}: start the server first, or name its port with --port")
        }
        Errno::ETIMEDOUT | Errno::EHOSTUNREACH | Errno::ENETUNREACH => {
            format!("{address} does not answer ({}): check --host and --port", errno.desc())
        }
        errno => format!("cannot connect to {address}: {}", errno.desc()),
    }
}
