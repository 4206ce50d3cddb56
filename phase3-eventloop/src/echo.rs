//! The smallest service: phase 2's frames come back, now from any number of clients at once.
use std::collections::HashMap;
use std::net::SocketAddr;

use phase1_echo::log;
use phase2_framing::frame::{self, Decoded};

use crate::connection::CloseReason;
use crate::outbox::Outbox;
use crate::service::{Accepted, Admission, Next, Served, Service, Turn};
use crate::slab::ConnId;

/// Echoes frames: `u32 little-endian length | payload`.
pub struct FrameEcho {
    max_frame: u32,
    max_clients: usize,
    /// For the log: every connection that was accepted and has not been closed.
    peers: HashMap<ConnId, SocketAddr>,
}

impl FrameEcho {
    /// Payloads of at most `max_frame` bytes, for at most `max_clients` clients at a time.
    pub fn new(max_frame: u32, max_clients: usize) -> Self {
        FrameEcho { max_frame, max_clients, peers: HashMap::new() }
    }
}

impl Service for FrameEcho {
    fn open(&mut self, conn: ConnId, accepted: &Accepted, _: &mut Vec<u8>, _: &mut Outbox) -> Admission {
        if self.peers.len() >= self.max_clients {
            // The protocol has no word for "full": the client sees an end of stream where its reply should be.
            log!("{}: refused, {} clients are the most (--max-clients)", accepted.peer, self.max_clients);
            return Admission::Refuse;
        }
        self.peers.insert(conn, accepted.peer);
        Admission::Accept
    }

    fn serve(&mut self, turn: Turn<'_>) -> Served {
        // ANCHOR: echo-serve
        // ANCHOR: echo-serve-body
        let mut consumed = 0;
        let next = loop {
            if turn.out.len() > turn.high_mark {
                break Next::Full;
            }
            match frame::decode(&turn.input[consumed..], self.max_frame) {
                Ok(Decoded::Frame { consumed: length, .. }) => {
                    turn.out.extend_from_slice(&turn.input[consumed..consumed + length]);
                    consumed += length;
                }
                Ok(Decoded::NeedMore) => break Next::More,
                Err(error) => {
                    log!("{}: {error}", self.peers[&turn.conn]);
                    break Next::Close;
                }
            }
        };
        Served { consumed, next }
        // ANCHOR_END: echo-serve-body
        // ANCHOR_END: echo-serve
    }

    fn close(&mut self, conn: ConnId, reason: CloseReason) {
        // The others are ordinary; of these the client's owner will ask.
        if matches!(reason, CloseReason::Idle | CloseReason::Stalled | CloseReason::Error(_)) {
            log!("{}: closed: {reason}", self.peers[&conn]);
        }
        self.peers.remove(&conn);
    }

    fn end_of_input(&mut self, conn: ConnId, rest: &[u8], _out: &mut Vec<u8>) {
        if let Some(cut) = frame::cut(rest) {
            log!("{}: {cut}", self.peers[&conn]);
        }
    }
}
