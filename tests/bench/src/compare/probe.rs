//! One request at a time over a blocking connection: preloads keys, keeps idle connections, and makes sure that the
//! servers to be compared do the same work, by comparing their replies byte for byte.

use super::skip::{Skipper, Wire};
use super::template::{Batch, Template};
use anyhow::{Context, Result, bail};
use kit::conn;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of requests that go out before their replies are read; the replies must fit the socket buffers.
const PRELOAD_BATCH: usize = 64 * 1024;

/// Commands whose replies every server must agree on before its speed counts. Each line runs on a clean key.
pub const COMMANDS: &[&str] = &[
    "PING",
    "ECHO {value}",
    "SET compare:probe {value}",
    "GET compare:probe",
    "STRLEN compare:probe",
    "APPEND compare:probe abc",
    "EXISTS compare:probe compare:probe compare:none",
    "INCR compare:probe",
    "GET compare:none",
    "SET compare:number 41",
    "INCR compare:number",
    "MSET compare:a 1 compare:b 2",
    "MGET compare:a compare:none compare:b",
    "EXPIRE compare:a 1000",
    "TTL compare:a",
    "TTL compare:b",
    "EXPIRE compare:none 1000",
    "GET",
    "SET compare:a",
    "EXPIRE compare:a soon",
    "NOSUCHCOMMAND a b",
    "DEL compare:probe compare:number compare:a compare:b compare:none",
];

/// A blocking connection.
#[derive(Debug)]
pub struct Exchange {
    stream: TcpStream,
    wire: Wire,
}

impl Exchange {
    /// Connects.
    ///
    /// # Errors
    /// Those of connect(2).
    pub fn connect(address: SocketAddr, wire: Wire) -> Result<Self> {
        let stream =
            conn::open_blocking(address, PATIENCE).with_context(|| format!("cannot connect to {address}"))?;
        Ok(Exchange { stream, wire })
    }

    /// Sends the batch and returns the bytes of its replies.
    ///
    /// # Errors
    /// The connection ends or times out before all replies came, or what came is no reply.
    pub fn raw(&mut self, batch: &Batch) -> Result<Vec<u8>> {
        Ok(self.round_trip(batch)?.0)
    }

    /// Sends the batch and fails if a reply is an error.
    ///
    /// # Errors
    /// As [`Exchange::raw`], and an error reply.
    pub fn expect_success(&mut self, batch: &Batch) -> Result<()> {
        match self.round_trip(batch)?.1.error() {
            Some(error) => bail!("the server answered with an error: {error}"),
            None => Ok(()),
        }
    }

    fn round_trip(&mut self, batch: &Batch) -> Result<(Vec<u8>, Skipper)> {
        self.stream.write_all(batch.bytes()).context("cannot send")?;
        let (mut replies, mut seen, mut skipper) = (Vec::new(), 0, Skipper::new(self.wire));
        let mut buffer = vec![0; 16 * 1024];
        while seen < batch.requests() as u64 || !skipper.at_boundary() {
            let got = self.stream.read(&mut buffer).context("no reply")?;
            if got == 0 {
                bail!("the server closed the connection instead of answering");
            }
            seen += skipper.feed(&buffer[..got]).map_err(|what| anyhow::anyhow!("not a reply: {what}"))?;
            replies.extend_from_slice(&buffer[..got]);
        }
        Ok((replies, skipper))
    }
}

/// Stores `value` under each of the keys `0..keys`.
///
/// # Errors
/// The server fails, or holds another number of keys afterwards.
pub fn preload(address: SocketAddr, wire: Wire, keys: u64, value: &[u8]) -> Result<()> {
    let mut exchange = Exchange::connect(address, wire)?;
    let template = Template::parse("SET {key} {value}")?;
    let size = template.batch(wire, value, 1).request_size();
    let mut batch = template.batch(wire, value, (PRELOAD_BATCH / size).max(1));
    let mut next = 0;
    while next < keys {
        if keys - next < batch.requests() as u64 {
            batch = template.batch(wire, value, (keys - next) as usize);
        }
        batch.set_keys(|| {
            next += 1;
            next - 1
        });
        exchange.expect_success(&batch).context("while preloading keys")?;
    }
    if wire == Wire::Resp {
        let reply = exchange.raw(&Template::parse("DBSIZE")?.batch(wire, b"", 1))?;
        let held = String::from_utf8_lossy(&reply).trim().to_owned();
        if held != format!(":{keys}") {
            bail!("after preloading {keys} keys DBSIZE says {held}");
        }
    }
    Ok(())
}

/// A server that is asked the same as the others.
#[derive(Clone, Copy, Debug)]
pub struct Witness<'a> {
    /// What the tables call it.
    pub name: &'a str,
    /// Where it listens.
    pub address: SocketAddr,
    /// What it speaks there.
    pub wire: Wire,
}

/// Runs every command on each of the servers, which must speak one wire format, and compares the replies. Returns the
/// replies, in order.
///
/// # Errors
/// The first difference, with both replies; or a server that does not answer.
pub fn compare_replies(witnesses: &[Witness<'_>], commands: &[String], value: &[u8]) -> Result<Vec<Vec<u8>>> {
    let mut agreed: Vec<Vec<u8>> = Vec::new();
    for (place, witness) in witnesses.iter().enumerate() {
        let mut exchange = Exchange::connect(witness.address, witness.wire)?;
        for (index, command) in commands.iter().enumerate() {
            let batch = Template::parse(command)?.batch(witness.wire, value, 1);
            let reply = exchange.raw(&batch).with_context(|| format!("{} on {command:?}", witness.name))?;
            if place == 0 {
                agreed.push(reply);
            } else if reply != agreed[index] {
                bail!(
                    "the servers do not do the same work, so their speed cannot be compared. First difference, {}:\n  \
                     {command}\n    {}: {}\n    {}: {}",
                    witness.wire,
                    witnesses[0].name,
                    shown(&agreed[index]),
                    witness.name,
                    shown(&reply)
                );
            }
        }
    }
    Ok(agreed)
}

/// Opens connections that stay silent after one request, which proves that the server has accepted them.
///
/// # Errors
/// The server refuses one of them.
pub fn idle_connections(
    address: SocketAddr,
    wire: Wire,
    request: &Batch,
    count: usize,
) -> Result<Vec<Exchange>> {
    let mut idle = Vec::with_capacity(count);
    for index in 0..count {
        let open = || -> Result<Exchange> {
            let mut exchange = Exchange::connect(address, wire)?;
            exchange.expect_success(request)?;
            Ok(exchange)
        };
        idle.push(open().with_context(|| format!("idle connection {} of {count}", index + 1))?);
    }
    Ok(idle)
}

fn shown(reply: &[u8]) -> String {
    let cut = &reply[..reply.len().min(200)];
    format!("\"{}\"{}", cut.escape_ascii(), if cut.len() < reply.len() { " …" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    /// Answers each read with the fixed bytes, for as many connections as come.
    fn parrot(reply: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                while stream.read(&mut [0; 4096]).is_ok_and(|got| got > 0) {
                    stream.write_all(reply).unwrap();
                }
            }
        });
        address
    }

    #[test]
    fn a_difference_is_named_with_both_replies() {
        let (same, other) = (parrot(b"+PONG\r\n"), parrot(b"+PING\r\n"));
        let witness = |name, address| Witness { name, address, wire: Wire::Resp };
        let commands = ["PING".to_owned()];
        let agreed = compare_replies(&[witness("a", same), witness("b", same)], &commands, b"").unwrap();
        assert_eq!(agreed, [b"+PONG\r\n"]);
        let error = compare_replies(&[witness("a", same), witness("b", other)], &commands, b"").unwrap_err();
        let text = error.to_string();
        for part in ["PING", "a: \"+PONG\\r\\n\"", "b: \"+PING\\r\\n\""] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn a_preload_that_lost_keys_is_noticed() {
        let error = preload(parrot(b":3\r\n"), Wire::Resp, 1, b"xyz").unwrap_err();
        assert!(error.to_string().contains("DBSIZE says :3"), "{error:#}");
    }

    #[test]
    fn a_preload_that_is_refused_is_quoted() {
        let error = preload(parrot(b"-OOM no room\r\n"), Wire::Resp, 1, b"xyz").unwrap_err();
        assert!(format!("{error:#}").contains("OOM no room"), "{error:#}");
    }

    #[test]
    fn idle_connections_must_be_served_once() {
        let request = Template::parse("PING").unwrap().batch(Wire::Resp, b"", 1);
        let open = idle_connections(parrot(b"+PONG\r\n"), Wire::Resp, &request, 1).unwrap();
        assert_eq!(open.len(), 1);
        let error = idle_connections(parrot(b"-ERR full\r\n"), Wire::Resp, &request, 1).unwrap_err();
        assert!(format!("{error:#}").contains("ERR full"));
    }
}
