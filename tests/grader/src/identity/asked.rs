//! What a phase 4 server says of itself, and whom it asks: a program that passes every request on to a real Redis is none
//! of the known programs, but it has a connection to one, and its INFO is Redis's.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use kit::{conn, resp};

use crate::procfs::{self, LISTEN};
use crate::target::Target;

/// How Redis and its descendants were built: lines of `INFO server` that no client needs, so that nobody who writes a
/// server for himself makes them up. This course's server leaves them out, for they would not be true.
const BUILD: [&str; 5] =
    ["redis_git_sha1:", "redis_build_id:", "gcc_version:", "atomicvar_api:", "monotonic_clock:"];

/// This many of them are no accident.
const ENOUGH: usize = 3;

/// ESTABLISHED in the kernel's `tcp_states.h`.
const ESTABLISHED: u8 = 1;

/// What can be learnt in one conversation; nothing from a server that does not speak RESP, or not in time.
pub fn notices(target: &Target) -> Vec<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, target.port));
    let Ok(mut stream) = conn::open_blocking(address, Duration::from_millis(500)) else { return Vec::new() };
    let info = ask(&mut stream, &[b"INFO", b"server"]).unwrap_or_default();
    let hello = ask(&mut stream, &[b"HELLO", b"2"]).unwrap_or_default();
    let mut notices: Vec<String> = built_as_redis(&info, &hello).into_iter().collect();
    // While the connection stands: a proxy may keep one of its own for each client.
    notices.extend(others(target).into_iter().map(|(port, name)| {
        format!(
            "the server under test is itself a client of another server: {name}, on port {port}. Whose replies are these?"
        )
    }));
    notices
}

fn built_as_redis(info: &str, hello: &str) -> Option<String> {
    let found: Vec<&str> =
        info.lines().filter(|line| BUILD.iter().any(|name| line.starts_with(name))).collect();
    if found.len() < ENOUGH {
        return None;
    }
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("?");
    // HELLO's reply is a list of names and values, each under a line with its length.
    let name = hello.lines().skip_while(|line| *line != "server").nth(2).unwrap_or("redis");
    Some(format!(
        "this is no student's work: asked with HELLO and INFO, the server under test calls itself {name} {} and says how \
         that was built ({}); its program is {}",
        field("redis_version:"),
        found.join(", "),
        field("executable:")
    ))
}

/// Sends one request and reads its reply, or what comes of it until there is half a second of silence.
fn ask(stream: &mut TcpStream, args: &[&[u8]]) -> std::io::Result<String> {
    const MOST: usize = 64 << 10;
    let mut bytes = Vec::new();
    resp::request(args, &mut bytes);
    stream.write_all(&bytes)?;
    let (mut reply, mut buffer) = (Vec::new(), [0; 4_096]);
    while reply.len() < MOST && matches!(resp::parse(&reply), Ok(None)) {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(got) => reply.extend(&buffer[..got]),
        }
    }
    Ok(String::from_utf8_lossy(&reply).into_owned())
}

/// The listening sockets of others to which this server has connected: their ports, and the programs behind them.
fn others(target: &Target) -> Vec<(u16, String)> {
    let own: Vec<u64> =
        target.members().iter().flat_map(|member| procfs::socket_inodes(member.pid)).collect();
    let Ok(rows) = procfs::tcp_rows() else { return Vec::new() };
    let listening =
        |port: u16| rows.iter().filter(move |row| row.state == LISTEN && row.local.port() == port);
    let mut found: Vec<(u16, String)> = Vec::new();
    for row in rows.iter().filter(|row| row.state == ESTABLISHED && own.contains(&row.inode)) {
        let serves = listening(row.local.port()).any(|listener| own.contains(&listener.inode));
        let port = row.remote.port();
        if serves || found.iter().any(|(known, _)| *known == port) {
            continue;
        }
        if let Some(listener) = listening(port).next() {
            found.push((port, owner(listener.inode)));
        }
    }
    found
}

/// The program that holds a socket.
fn owner(inode: u64) -> String {
    let holder = procfs::processes().find(|stat| procfs::socket_inodes(stat.pid).contains(&inode));
    holder.map_or_else(
        || "a process that cannot be seen".to_owned(),
        |stat| super::known_server(stat.pid).unwrap_or(stat.name),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_is_known_by_how_it_was_built() {
        let info = "# Server\r\nredis_version:7.0.15\r\nredis_git_sha1:00000000\r\nredis_build_id:ae4d\r\n\
                    gcc_version:12.2.0\r\nexecutable:/usr/bin/redis-server\r\n";
        let hello = "*14\r\n$6\r\nserver\r\n$6\r\nvalkey\r\n";
        let notice = built_as_redis(info, hello).expect("it is noticed");
        for part in ["valkey 7.0.15", "redis_build_id:ae4d", "/usr/bin/redis-server"] {
            assert!(notice.contains(part), "{part} is missing in {notice}");
        }
    }

    #[test]
    fn a_server_that_names_a_version_for_its_clients_is_none() {
        let info =
            "$60\r\n# Server\r\nredis_version:7.0.0\r\nserver_name:mine\r\nexecutable:/home/ada/server\r\n";
        assert_eq!(built_as_redis(info, ""), None);
        assert_eq!(built_as_redis("-ERR unknown command\r\n", ""), None);
    }
}
