//! From the configuration to listening sockets.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, OwnedFd};

use anyhow::{Result, anyhow, bail};
use nix::errno::Errno;
use phase1_echo::socket;

use super::{Config, Port};

/// Which protocol a listener speaks: the tag it is given to the loop with.
pub const RESP_LISTENER: usize = 0;
/// See [`RESP_LISTENER`].
pub const FRAMED_LISTENER: usize = 1;

/// A socket that clients can connect to.
pub struct Listening {
    /// The socket.
    pub socket: OwnedFd,
    /// Where it is.
    pub address: SocketAddr,
}

/// Listens on every address of `bind` but those in `kept`, where a socket listens already. With [`Port::Any`], the kernel chooses for the first address and the others follow.
///
/// # Errors
/// Says which address cannot be used, why, and what to do; `flag` is the one that gave the port.
pub fn listen(config: &Config, port: Port, flag: &str, kept: &[SocketAddr]) -> Result<Vec<Listening>> {
    let mut port = match port {
        Port::None => return Ok(Vec::new()),
        Port::Any => 0,
        Port::At(port) => port,
    };
    let backlog = i32::try_from(config.tcp_backlog).unwrap_or(i32::MAX);
    let mut listening = Vec::new();
    for host in &config.bind {
        // redis.conf's `-::1`: try it, and do without if the machine has no such address.
        let (host, optional) = host.strip_prefix('-').map_or((host.as_str(), false), |host| (host, true));
        let address = SocketAddr::new(resolve(host)?, port);
        if kept.contains(&address) {
            continue;
        }
        match socket::listen(address, backlog) {
            Ok(socket) => {
                let address = socket::local_addr(socket.as_fd())?;
                port = address.port();
                listening.push(Listening { socket, address });
            }
            Err(Errno::EADDRNOTAVAIL | Errno::EAFNOSUPPORT) if optional => {}
            Err(errno) => {
                // Phase 1's words, but this server has two ports.
                bail!("{}", socket::explain_listen(address, errno).replace("--port", flag));
            }
        }
    }
    Ok(listening)
}

/// The addresses that `bind` and a port ask for, as far as they have an answer.
pub fn addresses(config: &Config, port: Port) -> Vec<SocketAddr> {
    let Port::At(port) = port else { return Vec::new() };
    let hosts = config.bind.iter().map(|host| host.strip_prefix('-').unwrap_or(host));
    hosts.filter_map(|host| Some(SocketAddr::new(resolve(host).ok()?, port))).collect()
}

fn resolve(host: &str) -> Result<IpAddr> {
    match host {
        "*" => return Ok(Ipv4Addr::UNSPECIFIED.into()),
        "::*" => return Ok(Ipv6Addr::UNSPECIFIED.into()),
        _ => {}
    }
    if let Ok(address) = host.parse() {
        return Ok(address);
    }
    let found = (host, 0).to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    found
        .map(|address| address.ip())
        .ok_or_else(|| anyhow!("bind {host}: no address of this machine has that name"))
}
