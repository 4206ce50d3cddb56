//! A look at requests before their turn, to ask for the memory that they will need.
//!
//! Clients without a pipeline send one request each, and a batch of one has nothing to overlap its waits with. But the
//! loop reads several connections before it serves the first, so the waits of different clients can overlap. Their turns
//! parse and hash again: nothing but time depends on what is seen here.
use super::{Batch, Lookahead};
use crate::state::clients::Client;
use crate::wire::args::Args;
use crate::wire::limits::{Limits, Parsed};
use crate::wire::reply::Wire;
use crate::wire::{framed, resp};

/// Longer input is not looked at: a pipeline and a long list of keys look ahead for themselves.
const LONGEST: usize = 2 * 1024;

impl Batch {
    // ANCHOR: peek
    /// The hash of the first key that `input` names, if that is one plain request; its bucket is asked for.
    pub fn peek(
        &mut self,
        input: &[u8],
        client: &Client,
        limits: &Limits,
        ahead: Lookahead<'_>,
    ) -> Option<u64> {
        if input.len() > LONGEST || limits.unauthenticated || client.unfinished.is_some() {
            return None;
        }
        self.spans.clear();
        let usual = match client.wire {
            Wire::Framed => None,
            _ => self.repeat.head.parse(input, 0, limits, &mut self.spans),
        };
        let (end, keys) = match usual {
            Some(end) => (end, self.repeat.keys),
            None => {
                self.spans.clear();
                let end = match client.wire {
                    Wire::Framed => match framed::parse(input, 0, limits, &mut self.spans) {
                        Ok(Parsed::Request(end)) => end,
                        _ => return None,
                    },
                    _ => resp::parse_plain(input, 0, limits, &mut self.spans)?,
                };
                (end, ahead.keys_of(Args::new(input, &self.spans))?)
            }
        };
        let key = keys.of(Args::new(input, &self.spans)).next()?;
        (end == input.len()).then(|| ahead.db.hash_and_prefetch(key))
    }
    // ANCHOR_END: peek
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Instant;

    use phase3_eventloop::service::Accepted;
    use phase3_eventloop::slab::ConnId;

    use super::*;
    use crate::command::all;
    use crate::command::lookup::Lookup;
    use crate::keyspace::Keyspace;
    use crate::state::clients::Clients;

    const LIMITS: Limits = Limits { max_bulk: 1 << 20, max_frame: 1 << 20, unauthenticated: false };
    const GET: &[u8] = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";

    /// Whether a look at `input` finds the hash of the key `k`, before and after the client's turn over `served`.
    fn sees_k(input: &[u8], served: &[u8], wire: Wire, limits: Limits) -> [bool; 2] {
        let (lookup, keyspace) = (Lookup::new(all()), Keyspace::new(1));
        let local = SocketAddr::from(([127, 0, 0, 1], 1));
        let accepted = Accepted { listener: 0, peer: local, local, fd: 0 };
        let mut clients = Clients::default();
        let conn = ConnId::new(0, 0);
        clients.open(conn, &accepted, wire, Instant::now());
        let client = clients.get(conn).unwrap();
        let ahead = Lookahead { lookup: &lookup, db: keyspace.db(0) };
        let mut batch = Batch::default();
        let wanted = Some(ahead.db.hash_and_prefetch(b"k"));
        let first = batch.peek(input, client, &limits, ahead) == wanted;
        if let super::super::Tail::Part(progress) = batch.gather(served, 0, client, &limits, ahead) {
            batch.set_aside(client, progress, 0);
        }
        [first, batch.peek(input, client, &limits, ahead) == wanted]
    }

    #[test]
    fn one_plain_request_is_seen_whatever_ran_before() {
        for served in [GET, b"*1\r\n$4\r\nPING\r\n", b"*3\r\n$3\r\nSET\r\n$1\r\nj\r\n$1\r\nk\r\n"] {
            assert_eq!(sees_k(GET, served, Wire::Resp2, LIMITS), [true; 2]);
            let set = b"*3\r\n$3\r\nset\r\n$1\r\nk\r\n$2\r\nvv\r\n";
            assert_eq!(sees_k(set, served, Wire::Resp3, LIMITS), [true; 2]);
        }
        let framed = b"\x14\0\0\0\x02\0\0\0\x03\0\0\0GET\x05\0\0\0kkkkk";
        assert_eq!(sees_k(framed, framed, Wire::Framed, LIMITS), [false; 2], "the key is another one");
        let framed = b"\x10\0\0\0\x02\0\0\0\x03\0\0\0GET\x01\0\0\0k";
        assert_eq!(sees_k(framed, framed, Wire::Framed, LIMITS), [true; 2]);
    }

    #[test]
    fn everything_else_is_left_to_its_turn() {
        let twice = [GET, GET].concat();
        let long = [b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2048\r\n", &[b'v'; 2048][..], b"\r\n"].concat();
        let others: [&[u8]; 7] = [
            &twice,
            &long,
            &GET[..GET.len() - 1],
            b"GET k\r\n",
            b"*1\r\n$4\r\nPING\r\n",
            b"*2\r\n$4\r\nPING\r\n$1\r\nk\r\n",
            b"*2\r\n$4\r\nNONE\r\n$1\r\nk\r\n",
        ];
        for input in others {
            assert_eq!(sees_k(input, GET, Wire::Resp2, LIMITS), [false; 2], "{input:?}");
        }
        let unauthenticated = Limits { unauthenticated: true, ..LIMITS };
        assert_eq!(sees_k(GET, GET, Wire::Resp2, unauthenticated), [false; 2]);
        // What arrives now is the rest of something else.
        assert_eq!(sees_k(GET, b"*2\r\n$3\r\nGET\r\n", Wire::Resp2, LIMITS), [true, false]);
    }
}
