//! The smallest keyspace: `get`, `set` and `del` over frames, on a hashtable that grows while it serves.
//!
//! ```console
//! $ cargo run -p phase4-keyspace --example tiny-keyspace -- 7004
//! ```
//!
//! Three rooms, one below the other: a table that grows in steps, a request and a reply as bytes, a service on phase 3's
//! loop. Each line marked "Missing" is a part of the real server, and most are a bug of the museum.
use std::mem;
use std::os::fd::AsFd;

use anyhow::{Context, Result};
use phase1_echo::{log, output, socket};
use phase2_framing::frame::{self, Decoded};
use phase3_eventloop::connection::CloseReason;
use phase3_eventloop::event_loop::EventLoop;
use phase3_eventloop::limits::Limits;
use phase3_eventloop::outbox::Outbox;
use phase3_eventloop::poller::PollerKind;
use phase3_eventloop::service::{Accepted, Admission, Next, Served, Service, Turn};
use phase3_eventloop::slab::ConnId;
use phase3_eventloop::trace::Trace;

// The table ---------------------------------------------------------------------------------------------------------

/// Two tables: all that is new goes into one; the other, half its size, is emptied into it, a few slots with each call.
#[derive(Default)]
struct Dict {
    new: Table,
    old: Table,
    /// The slots of `old` below this one are empty.
    moved: usize,
}

/// Chained: a slot is the head of a list of all entries whose hash ends in the slot's number.
#[derive(Default)]
struct Table {
    /// A power of two of them, or none.
    slots: Vec<Link>,
    entries: usize,
}

type Link = Option<Box<Entry>>;

// `vec!` below wants to clone an empty slot.
#[derive(Clone)]
struct Entry {
    /// Kept, so that moving an entry does not hash its key again.
    hash: u64,
    key: Vec<u8>,
    value: Vec<u8>,
    next: Link,
}

impl Dict {
    const FIRST_SIZE: usize = 4;
    /// Slots of the old table that each call empties. A table of n slots is full n insertions after the last growth, so
    /// even one a call would do; with four the second look-up is over sooner.
    const STEP: usize = 4;

    fn get(&mut self, key: &[u8]) -> Option<&[u8]> {
        self.help_moving();
        let hash = hash(key);
        let mut entry = self.new.find(hash, key);
        if entry.is_none() {
            // An entry is in one of the two, never in both (`looks-in-the-old-bucket-only`).
            entry = self.old.find(hash, key);
        }
        entry.map(|entry| &entry.value[..])
    }

    fn set(&mut self, key: &[u8], value: &[u8]) {
        self.help_moving();
        let hash = hash(key);
        for table in [&mut self.new, &mut self.old] {
            if let Some(entry) = table.link(hash, key).and_then(|link| link.as_mut()) {
                // `first-value-stays`
                entry.value = value.to_vec();
                return;
            }
        }
        if self.new.entries == self.new.slots.len() {
            self.grow();
        }
        self.new.insert(Box::new(Entry { hash, key: key.to_vec(), value: value.to_vec(), next: None }));
    }

    fn del(&mut self, key: &[u8]) -> bool {
        self.help_moving();
        let hash = hash(key);
        // From both (`deletes-in-the-old-bucket-only`). Missing: a table that has become too large does not shrink.
        self.new.remove(hash, key) || self.old.remove(hash, key)
    }

    /// Begins to grow; what that costs is paid by the calls that follow (`doubles-at-once`).
    fn grow(&mut self) {
        let size = (self.new.slots.len() * 2).max(Dict::FIRST_SIZE);
        // A table of empty slots is all zero bytes. `vec!` knows it and asks for zero pages (calloc), which the kernel
        // supplies one by one when they are first touched. A loop that writes `None` would touch all of them now: for a
        // gigabyte, half a second in which no client is served.
        let table = Table { slots: vec![None; size], entries: 0 };
        self.old = mem::replace(&mut self.new, table);
        self.moved = 0;
    }

    fn help_moving(&mut self) {
        for _ in 0..Dict::STEP {
            let Some(slot) = self.old.slots.get_mut(self.moved) else { break };
            let mut chain = slot.take();
            // The whole chain (`split-forgets-the-chain`).
            while let Some(mut entry) = chain {
                chain = entry.next.take();
                self.old.entries -= 1;
                self.new.insert(entry);
            }
            self.moved += 1;
        }
        if self.moved == self.old.slots.len() {
            // Missing: this gives the whole table back in one call; for a gigabyte, a hundred milliseconds.
            self.old = Table::default();
        }
    }
}

impl Table {
    /// The slot of a hash. `None`: the table has no slots.
    fn slot(&self, hash: u64) -> Option<usize> {
        Some(hash as usize & self.slots.len().checked_sub(1)?)
    }

    fn find(&self, hash: u64, key: &[u8]) -> Option<&Entry> {
        let mut link = &self.slots[self.slot(hash)?];
        while let Some(entry) = link {
            if entry.is(hash, key) {
                return Some(entry);
            }
            link = &entry.next;
        }
        None
    }

    /// The link that holds the key's entry, or the empty one at the end of its chain.
    fn link(&mut self, hash: u64, key: &[u8]) -> Option<&mut Link> {
        let slot = self.slot(hash)?;
        let mut link = &mut self.slots[slot];
        while link.as_ref().is_some_and(|entry| !entry.is(hash, key)) {
            link = &mut link.as_mut().expect("the condition found an entry").next;
        }
        Some(link)
    }

    /// Adds an entry whose key is in neither table.
    fn insert(&mut self, mut entry: Box<Entry>) {
        let slot = self.slot(entry.hash).expect("entries are added to the new table, which has slots");
        entry.next = self.slots[slot].take();
        self.slots[slot] = Some(entry);
        self.entries += 1;
    }

    fn remove(&mut self, hash: u64, key: &[u8]) -> bool {
        let Some(link) = self.link(hash, key) else { return false };
        let Some(entry) = link.take() else { return false };
        *link = entry.next;
        self.entries -= 1;
        true
    }
}

impl Entry {
    fn is(&self, hash: u64, key: &[u8]) -> bool {
        self.hash == hash && self.key == key
    }
}

/// FNV-1a. Missing: a secret key. Whoever knows the function can choose a million names that share a slot.
fn hash(key: &[u8]) -> u64 {
    key.iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

// Bytes -------------------------------------------------------------------------------------------------------------

/// A request's arguments: `u32 n | n × (u32 len | bytes)`. `None` if the counts and the bytes disagree.
fn arguments(mut payload: &[u8]) -> Option<Vec<&[u8]>> {
    let count = take_u32(&mut payload)?;
    // Grows by what is there, not by what the count claims (`reserves-by-the-count`).
    let mut args = Vec::new();
    for _ in 0..count {
        let len = take_u32(&mut payload)?;
        args.push(take(&mut payload, len)?);
    }
    // Nothing may follow (`trailing-bytes-ignored`).
    payload.is_empty().then_some(args)
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (front, back) = rest.split_at_checked(len)?;
    *rest = back;
    Some(front)
}

fn take_u32(rest: &mut &[u8]) -> Option<usize> {
    // Little-endian (`big-endian-integers`).
    Some(u32::from_le_bytes(take(rest, 4)?.try_into().ok()?) as usize)
}

/// A reply: one tagged value. Missing: doubles and arrays, which none of the three commands needs.
enum Reply<'a> {
    Nil,
    Error(u32, &'a str),
    String(&'a [u8]),
    Integer(i64),
}

impl Reply<'_> {
    const UNKNOWN_COMMAND: u32 = 1;
    const BAD_ARGUMENT: u32 = 4;

    /// Appends the value in a frame of its own.
    fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        match *self {
            Reply::Nil => out.push(0),
            Reply::Error(code, text) => {
                out.push(1);
                out.extend_from_slice(&code.to_le_bytes());
                write_bytes(out, text.as_bytes());
            }
            Reply::String(value) => {
                out.push(2);
                write_bytes(out, value);
            }
            Reply::Integer(value) => {
                out.push(3);
                out.extend_from_slice(&value.to_le_bytes());
            }
        }
        // The length is known now.
        let len = (out.len() - start - 4) as u32;
        out[start..start + 4].copy_from_slice(&len.to_le_bytes());
    }
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

// The service -------------------------------------------------------------------------------------------------------

#[derive(Default)]
struct Keyspace {
    dict: Dict,
}

impl Keyspace {
    /// Missing: names in capitals, sixteen databases, times to live, and two hundred commands.
    fn run(&mut self, args: &[&[u8]], out: &mut Vec<u8>) {
        let reply = match args {
            [b"get", key] => self.dict.get(key).map_or(Reply::Nil, Reply::String),
            [b"set", key, value] => {
                self.dict.set(key, value);
                Reply::String(b"OK")
            }
            [b"del", key] => Reply::Integer(i64::from(self.dict.del(key))),
            [b"get" | b"set" | b"del", ..] => {
                Reply::Error(Reply::BAD_ARGUMENT, "ERR wrong number of arguments")
            }
            // A mistake is answered, and its client stays (`mistake-hangs-up`).
            _ => Reply::Error(Reply::UNKNOWN_COMMAND, "ERR unknown command; there are get, set, del"),
        };
        reply.write(out);
    }
}

/// Missing: a password, a limit on the number of clients, statistics, a trace of who is slow.
impl Service for Keyspace {
    fn open(&mut self, _: ConnId, accepted: &Accepted, _: &mut Vec<u8>, _: &mut Outbox) -> Admission {
        log!("{} connected", accepted.peer);
        Admission::Accept
    }

    fn serve(&mut self, turn: Turn<'_>) -> Served {
        let mut consumed = 0;
        let next = loop {
            if turn.out.len() > turn.high_mark {
                break Next::Full;
            }
            match frame::decode(&turn.input[consumed..], frame::DEFAULT_MAX) {
                Ok(Decoded::Frame { value: payload, consumed: length }) => {
                    match arguments(payload) {
                        Some(args) => self.run(&args, turn.out),
                        None => {
                            Reply::Error(Reply::BAD_ARGUMENT, "ERR counts and bytes disagree")
                                .write(turn.out);
                            break Next::Close;
                        }
                    }
                    consumed += length;
                }
                Ok(Decoded::NeedMore) => break Next::More,
                Err(error) => {
                    log!("{error}");
                    break Next::Close;
                }
            }
        };
        Served { consumed, next }
    }

    // Missing: nothing is written anywhere, so what the dict holds ends with the process.
    fn close(&mut self, _: ConnId, _: CloseReason) {}
}

fn main() -> Result<()> {
    let port: u16 = std::env::args().nth(1).map_or(Ok(7004), |port| port.parse()).context("PORT")?;
    let listener = socket::listen(([127, 0, 0, 1], port).into(), 128).context("cannot listen")?;
    let address = socket::local_addr(listener.as_fd()).context("getsockname")?;
    let (limits, trace) = (Limits::default(), Trace::new(None)?);
    let mut event_loop =
        EventLoop::new(PollerKind::Epoll, limits, trace).context("cannot set up the event loop")?;
    event_loop.listen(listener, 0).context("cannot watch the listener")?;
    output::announce(&format!("listening on {address} framed\n"));
    event_loop.run(&mut Keyspace::default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn agrees_with_a_map_of_the_library_while_it_grows() {
        let (mut dict, mut model) = (Dict::default(), HashMap::new());
        let mut state = 1u64;
        for step in 0..200_000u64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let key = ((state >> 33) % 5_000).to_string().into_bytes();
            match state >> 62 {
                0 => assert_eq!(dict.del(&key), model.remove(&key).is_some()),
                1 => assert_eq!(dict.get(&key), model.get(&key).map(Vec::as_slice)),
                _ => {
                    let value = step.to_le_bytes().to_vec();
                    dict.set(&key, &value);
                    model.insert(key, value);
                }
            }
            assert_eq!(dict.new.entries + dict.old.entries, model.len());
        }
    }

    #[test]
    fn a_request_is_refused_unless_counts_and_bytes_agree() {
        let request = b"\x02\0\0\0\x03\0\0\0get\x01\0\0\0k";
        assert_eq!(arguments(request), Some(vec![&b"get"[..], b"k"]));
        for cut in 0..request.len() {
            assert_eq!(arguments(&request[..cut]), None, "{cut}");
        }
        assert_eq!(arguments(b"\x01\0\0\0\x01\0\0\0kx"), None);
        assert_eq!(arguments(b"\xff\xff\xff\xff"), None);
    }
}
