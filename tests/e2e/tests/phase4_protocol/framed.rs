//! The framed protocol, beside RESP on the same keyspace.
use super::{expect, expect_last, info, start_framed};
use crate::support::{Conn, Server};

pub fn frame(words: &[&[u8]]) -> Vec<u8> {
    let mut inside = (words.len() as u32).to_le_bytes().to_vec();
    for word in words {
        inside.extend((word.len() as u32).to_le_bytes());
        inside.extend(*word);
    }
    outer(&inside)
}

pub fn outer(inside: &[u8]) -> Vec<u8> {
    [&(inside.len() as u32).to_le_bytes(), inside].concat()
}

fn framed_string(bytes: &[u8]) -> Vec<u8> {
    outer(&[&[2], &(bytes.len() as u32).to_le_bytes()[..], bytes].concat())
}

fn framed_error(code: u32, message: &str) -> Vec<u8> {
    outer(
        &[&[1], &code.to_le_bytes()[..], &(message.len() as u32).to_le_bytes(), message.as_bytes()].concat(),
    )
}

#[test]
fn framed_requests_get_tagged_replies() {
    let server = start_framed(&[]);
    let mut conn = server.connect();
    let requests: Vec<(Vec<u8>, Vec<u8>)> = vec![
        (frame(&[b"set", b"k", b"\0\r\n\xff"]), framed_string(b"OK")),
        (frame(&[b"GET", b"k"]), framed_string(b"\0\r\n\xff")),
        (frame(&[b"get", b"none"]), outer(&[0])),
        (frame(&[b"incr", b"n"]), outer(&[&[3], &1i64.to_le_bytes()[..]].concat())),
        (frame(&[b"mget", b"none", b"n"]), outer(&[5, 2, 0, 0, 0, 0, 2, 1, 0, 0, 0, b'1'])),
        (
            frame(&[b"nonsense"]),
            framed_error(1, "ERR unknown command 'nonsense', with args beginning with: "),
        ),
        (frame(&[b"get"]), framed_error(4, "ERR wrong number of arguments for 'get' command")),
        (frame(&[b"incr", b"k"]), framed_error(4, "ERR value is not an integer or out of range")),
        (frame(&[b""]), framed_error(1, "ERR unknown command '', with args beginning with: ")),
    ];
    for (request, reply) in &requests {
        expect(&mut conn, request, reply);
    }
    expect(&mut conn, frame(&[b"del", b"n"]), outer(&[&[3], &1i64.to_le_bytes()[..]].concat()));
    // All at once, in two pieces, wherever they break.
    let all: Vec<u8> = requests.iter().flat_map(|(request, _)| request.clone()).collect();
    let replies: Vec<u8> = requests.iter().flat_map(|(_, reply)| reply.clone()).collect();
    for split in (1..all.len()).step_by(3) {
        let mut conn = server.connect();
        conn.send_split(&all, &[split]);
        assert!(conn.read_exact(replies.len()) == replies, "split at {split}");
        expect(&mut conn, frame(&[b"del", b"n"]), outer(&[&[3], &1i64.to_le_bytes()[..]].concat()));
    }
}

#[test]
fn framed_nonsense_is_refused_and_ends_only_that_connection() {
    let server = start_framed(&["--client-query-buffer-limit", "1mb", "--proto-max-bulk-len", "1mb"]);
    let mut bystander = server.connect();
    let inside = framed_error(4, "ERR Protocol error: the counts inside the frame do not fill it exactly");
    let ping = [4, 0, 0, 0, b'p', b'i', b'n', b'g'];
    let too_big = framed_error(2, "ERR Protocol error: frame too big");
    let cases: Vec<(Vec<u8>, &Vec<u8>)> = vec![
        (outer(&[]), &inside),
        (outer(&[1, 0]), &inside),
        (outer(&[0, 0, 0, 0]), &inside),
        (outer(&[&[0xff; 4], &ping[..]].concat()), &inside),
        (outer(&[1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]), &inside),
        (outer(&[1, 0, 0, 0, 5, 0, 0, 0, b'p', b'i', b'n', b'g']), &inside),
        (outer(&[&[1, 0, 0, 0], &ping[..], b"x"].concat()), &inside),
        (vec![0xff; 4], &too_big),
        (vec![1, 0, 0x10, 0], &too_big),
    ];
    for (bytes, reply) in cases {
        expect_last(&server, &bytes, reply);
        let behind = [frame(&[b"ping"]), bytes].concat();
        expect_last(&server, behind, [framed_string(b"PONG"), reply.clone()].concat());
    }
    expect(&mut bystander, frame(&[b"ping"]), framed_string(b"PONG"));
    let mut conn = server.connect();
    expect(&mut conn, &frame(&[b"hello"])[..4], b"");
    conn.half_close();
    conn.expect_eof();
}

#[test]
fn both_protocols_share_one_keyspace_on_either_poller() {
    for poller in ["epoll", "poll"] {
        let flags = ["--port", "any", "--framed-port", "any", "--poller", poller];
        let server = Server::start_expecting("keyspace-server", &flags, 2);
        let mut resp = Conn::to(server.addr_of("resp"));
        let mut framed = Conn::to(server.addr_of("framed"));
        expect(&mut resp, "SET k v\r\n", "+OK\r\n");
        expect(&mut framed, frame(&[b"get", b"k"]), framed_string(b"v"));
        assert_eq!(info(&mut resp, "multiplexing_api"), poller);
        server.terminate();
    }
}
