//! Bytes that nobody meant: random ones, and requests with a few bytes changed, on both protocols. Whatever becomes of
//! their connection, the server answers others, and its memory stays bounded.
mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};

use kit::rng::Rng;
use support::{Conn, Server};

const ROUNDS: u64 = 400;
/// Resident memory at the end, in kB. A fresh server takes a tenth of it.
const MOST_MEMORY: u64 = 100 * 1024;

const RESP: &[&[u8]] = &[
    b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n",
    b"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n",
    b"*5\r\n$4\r\nMSET\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n",
    b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n",
    b"*1\r\n$4\r\nINFO\r\n",
    b"*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$3\r\nfuz\r\n",
    b"*4\r\n$8\r\nGETRANGE\r\n$3\r\nkey\r\n$1\r\n0\r\n$2\r\n-1\r\n",
    b"SET key \"with spaces\"\r\nGET key\n",
    b"*0\r\n*-1\r\n\r\n",
];
const FRAMED: &[&[u8]] = &[
    b"\x16\0\0\0\x03\0\0\0\x03\0\0\0set\x01\0\0\0k\x02\0\0\0vv",
    b"\x10\0\0\0\x02\0\0\0\x03\0\0\0get\x01\0\0\0k",
    b"\x0c\0\0\0\x01\0\0\0\x04\0\0\0PING",
    b"\x04\0\0\0\0\0\0\0",
    b"\0\0\0\0",
];

/// A few whole requests with some damage: bytes changed, left out, repeated; or nothing but noise.
fn damaged(requests: &[&[u8]], rng: &mut Rng) -> Vec<u8> {
    if rng.percent(25) {
        let length = rng.below(2000);
        return rng.bytes(length);
    }
    let mut bytes: Vec<u8> = (0..1 + rng.below(8)).flat_map(|_| rng.pick(requests).to_vec()).collect();
    for _ in 0..rng.below(5) {
        let at = rng.below(bytes.len());
        match rng.below(4) {
            0 => bytes[at] = rng.next_u64() as u8,
            1 => bytes[at] ^= 1 << rng.below(8),
            2 => drop(bytes.drain(at..(at + 1 + rng.below(4)).min(bytes.len()))),
            _ => {
                let again = bytes[at..(at + 1 + rng.below(9)).min(bytes.len())].to_vec();
                bytes.splice(at..at, again);
            }
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

/// Sends all and reads until the server closes. It may close at any time, so errors are as good as the end.
fn throw(address: SocketAddr, bytes: &[u8]) {
    let mut conn = Conn::to(address);
    if conn.stream.write_all(bytes).is_ok() && conn.stream.shutdown(Shutdown::Write).is_ok() {
        let mut sink = Vec::new();
        let ended = conn.stream.read_to_end(&mut sink);
        let reset = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionReset;
        assert!(ended.as_ref().map_or_else(reset, |_| true), "the connection hangs: {ended:?}");
    }
}

#[test]
fn noise_and_damaged_requests_never_stop_the_server() {
    let flags = ["--port", "any", "--framed-port", "any"];
    let mut server = Server::start_expecting("keyspace-server", &flags, 2);
    let mut witness = Conn::to(server.addr_of("resp"));
    for seed in 0..ROUNDS {
        let mut rng = Rng::new(seed);
        for (word, requests) in [("resp", RESP), ("framed", FRAMED)] {
            let bytes = damaged(requests, &mut rng);
            throw(server.addr_of(word), &bytes);
            server.assert_alive();
            witness.send(b"PING\r\n");
            assert_eq!(
                witness.read_exact(7),
                b"+PONG\r\n",
                "after seed {seed}, {word}: {}",
                bytes.escape_ascii()
            );
        }
    }
    let resident = server.status_field("VmRSS");
    assert!(resident < MOST_MEMORY, "{resident} kB after {ROUNDS} rounds");
}
