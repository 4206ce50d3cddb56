//! The whole requests at the front of one client's input, taken apart but not yet run.
//!
//! Several at once, because the memory that a lookup needs can then be asked for long before it is used: each key is hashed
//! and its bucket asked for as soon as its request is understood, then all records are asked for, and by the time the first
//! command runs they are on their way to the cache.
mod peek;
mod repeat;

use std::mem;

use crate::command::KeySpec;
use crate::command::lookup::{Lookup, Resolved};
use crate::keyspace::Db;
use crate::state::clients::{Client, Unfinished};
use crate::wire::args::{Args, Span};
use crate::wire::limits::{Limits, Parsed, ProtocolError};
use crate::wire::reply::Wire;
use crate::wire::resp::{self, Progress};
use crate::wire::{framed, inline};

use repeat::RepeatCache;

/// Most requests taken apart at once: enough to hide memory's latency, few enough that what was fetched is still cached
/// when its turn comes.
const MOST: usize = 32;
/// Most keys hashed ahead, for the same reason: two cache lines each, of the five hundred of an ordinary first level.
const MOST_KEYS: usize = 200;

/// One request.
#[derive(Clone, Copy)]
pub struct Request {
    first_span: u32,
    spans: u32,
    /// Offset in the input behind its last byte.
    pub end: usize,
    /// What it asks for.
    pub command: Resolved,
    /// Its keys' hashes: where they begin, and how many were computed ahead.
    first_hash: u32,
    hashes: u32,
    /// Its words were typed by hand and lie in `text`.
    inline: bool,
}

/// What comes after the requests gathered.
#[derive(Clone, Copy, Debug)]
pub enum Tail {
    /// Perhaps more; the batch was full.
    More,
    /// Nothing, up to the input's end.
    Nothing,
    /// The front of a request, understood so far.
    Part(Progress),
    /// Bytes that are no request.
    Error(ProtocolError),
}

/// Reused from turn to turn, so that a request allocates nothing.
#[derive(Default)]
pub struct Batch {
    /// In order of arrival.
    pub requests: Vec<Request>,
    spans: Vec<Span>,
    hashes: Vec<u64>,
    text: Vec<u8>,
    repeat: RepeatCache,
    /// Everything before this offset of the input is understood.
    pub end: usize,
}

/// What is looked into ahead of the commands: where their names are known, and where their keys probably are.
#[derive(Clone, Copy)]
pub struct Lookahead<'a> {
    /// The command table.
    pub lookup: &'a Lookup,
    /// The client's database. A `SELECT` in the middle of the batch wastes the prefetch; nothing depends on it.
    pub db: &'a Db,
}

impl Lookahead<'_> {
    /// Where the keys of a request stand, if there is such a command.
    fn keys_of(&self, args: Args<'_>) -> Option<KeySpec> {
        match self.lookup.resolve(args) {
            Resolved::Known(id) => Some(self.lookup.row(id).keys),
            _ => None,
        }
    }
}

impl Batch {
    /// Takes requests apart, from offset `pos` of `input` on.
    pub fn gather(
        &mut self,
        input: &[u8],
        pos: usize,
        client: &mut Client,
        limits: &Limits,
        ahead: Lookahead<'_>,
    ) -> Tail {
        self.requests.clear();
        self.hashes.clear();
        self.spans.clear();
        self.text.clear();
        self.end = pos;
        // An unauthenticated client's next command may be AUTH, which changes the limits for the one behind it.
        let most = if limits.unauthenticated { 1 } else { MOST };
        if client.last_command.is_none() && is_of_the_other_protocol(client.wire, &input[pos..]) {
            let framed = client.wire == Wire::Framed;
            return Tail::Error(if framed { ProtocolError::RespClient } else { ProtocolError::FramedClient });
        }
        let mut progress = self.resume(client, pos);
        let resp = client.wire != Wire::Framed;
        loop {
            if resp && !limits.unauthenticated && progress == Progress::at(self.end) {
                self.gather_plain(input, limits, ahead);
                progress = Progress::at(self.end);
            }
            if self.requests.len() >= most {
                return Tail::More;
            }
            if self.end == input.len() {
                return Tail::Nothing;
            }
            let first_span = if progress.pos == self.end { self.spans.len() } else { 0 };
            let typed = resp && input[self.end] != b'*';
            let parsed = match client.wire {
                Wire::Framed => framed::parse(input, self.end, limits, &mut self.spans),
                _ if typed => inline::parse(input, self.end, &mut self.text, &mut self.spans),
                _ => resp::parse(input, &mut progress, limits, &mut self.spans),
            };
            match parsed {
                Ok(Parsed::Request(end)) => {
                    self.end = end;
                    self.push(input, first_span, typed, ahead);
                }
                Ok(Parsed::Nothing(end)) => self.end = end,
                Ok(Parsed::NeedMore) => return Tail::Part(progress),
                Err(error) => return Tail::Error(error),
            }
            progress = Progress::at(self.end);
        }
    }

    /// The arguments of a request.
    #[inline]
    pub fn args<'a>(&'a self, request: &Request, input: &'a [u8]) -> Args<'a> {
        let first = request.first_span as usize;
        let bytes = if request.inline { &self.text[..] } else { input };
        Args::new(bytes, &self.spans[first..first + request.spans as usize])
    }

    /// The hashes of a request's first so many keys.
    #[inline]
    pub fn hashes(&self, request: &Request) -> &[u64] {
        let first = request.first_hash as usize;
        &self.hashes[first..first + request.hashes as usize]
    }

    /// Starts loading the records that the batch will ask for. For a single request there is nothing to overlap with.
    pub fn warm(&self, db: &Db) {
        if self.requests.len() > 1 {
            db.warm(&self.hashes);
        }
    }

    /// Remembers the front of a request until more of it arrives. `consumed` bytes will be gone from the input then.
    pub fn set_aside(&mut self, client: &mut Client, progress: Progress, consumed: usize) {
        if client.wire == Wire::Framed || progress.pos == self.end {
            return;
        }
        let first: u32 = self.requests.iter().map(|request| request.spans).sum();
        let mut spans =
            if first == 0 { mem::take(&mut self.spans) } else { self.spans.split_off(first as usize) };
        if consumed > 0 {
            for span in &mut spans {
                span.start -= consumed as u32;
                span.end -= consumed as u32;
            }
        }
        client.unfinished = Some(Box::new(Unfinished { progress: progress.cut(consumed), spans }));
    }

    /// Takes up a request that [`Batch::set_aside`] has kept.
    fn resume(&mut self, client: &mut Client, pos: usize) -> Progress {
        match client.unfinished.take() {
            Some(unfinished) if pos == 0 => {
                self.spans = unfinished.spans;
                unfinished.progress
            }
            _ => Progress::at(pos),
        }
    }

    /// Takes in any request: finds its command, hashes its keys.
    fn push(&mut self, input: &[u8], first_span: usize, typed: bool, ahead: Lookahead<'_>) {
        let first_hash = self.hashes.len();
        let bytes = if typed { &self.text[..] } else { input };
        let args = Args::new(bytes, &self.spans[first_span..]);
        let command = ahead.lookup.resolve(args);
        if let Resolved::Known(id) = command {
            hash_keys(&mut self.hashes, args, ahead.lookup.row(id).keys, ahead.db);
        }
        self.note(first_span, first_hash, command, typed);
    }

    #[inline(always)]
    fn note(&mut self, first_span: usize, first_hash: usize, command: Resolved, inline: bool) {
        self.requests.push(Request {
            first_span: first_span as u32,
            spans: (self.spans.len() - first_span) as u32,
            end: self.end,
            command,
            first_hash: first_hash as u32,
            hashes: (self.hashes.len() - first_hash) as u32,
            inline,
        });
    }

    /// After a giant request: give its list of arguments back.
    pub fn shrink(&mut self) {
        if self.spans.capacity() > 64 * 1024 {
            self.spans = Vec::new();
        }
        if self.text.capacity() > 64 * 1024 {
            self.text = Vec::new();
        }
    }
}

/// A client that has the ports mixed up waits in silence for a reply, as the server does for the rest of what it takes for one
/// request.
fn is_of_the_other_protocol(wire: Wire, input: &[u8]) -> bool {
    if wire == Wire::Framed { framed::is_text(input) } else { framed::is_frame(input) }
}

/// Hashes a request's keys, as many as there is room for, and asks for their buckets.
#[inline(never)]
fn hash_keys(hashes: &mut Vec<u64>, args: Args<'_>, keys: KeySpec, db: &Db) {
    for key in keys.of(args).take(MOST_KEYS.saturating_sub(hashes.len())) {
        hashes.push(db.hash_and_prefetch(key));
    }
}
