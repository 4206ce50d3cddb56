//! What the server remembers about each client, beyond the loop's buffers.
use std::net::SocketAddr;
use std::time::Instant;

use phase3_eventloop::service::Accepted;
use phase3_eventloop::slab::ConnId;

use super::stats::CommandId;
use super::subscriptions::Subscriptions;
use super::transaction::Transaction;
use super::watch::Watch;
use crate::access::UserId;
use crate::error::Error;
use crate::wire::args::Span;
use crate::wire::reply::Wire;
use crate::wire::resp::Progress;

/// One client.
pub struct Client {
    /// Its connection.
    pub conn: ConnId,
    /// `CLIENT ID`: counts up from 1, never reused.
    pub id: u64,
    /// How it wants to be answered.
    pub wire: Wire,
    /// Its selected database.
    pub db: usize,
    /// It has given the password, or none is asked for.
    pub authenticated: bool,
    /// Who it is.
    pub user: UserId,
    /// Its user may not do everything.
    pub limited: bool,
    /// `CLIENT REPLY`.
    pub replies: Replies,
    /// Nothing further of it is served: its last reply has been written (`QUIT`).
    pub closing: bool,
    /// It was ended from outside (`CLIENT KILL`, an output limit); the loop closes it at the end of the tick.
    pub killed: bool,
    /// Why it is not served at the moment.
    pub held: Option<Held>,
    /// `MULTI`, until `EXEC` or `DISCARD`.
    pub transaction: Option<Box<Transaction>>,
    /// What it listens to; `None`: nothing.
    pub subscriptions: Option<Box<Subscriptions>>,
    /// What it watches.
    pub watch: Option<Box<Watch>>,
    /// A request that has arrived in part.
    pub unfinished: Option<Box<Unfinished>>,
    /// When it last sent anything.
    pub last_active: Instant,
    /// The last command that it ran.
    pub last_command: Option<CommandId>,
    /// Since when its waiting output has been above the soft limit.
    pub over_soft_limit: Option<Instant>,
    /// The most bytes of replies that have waited for it lately (`CLIENT LIST`'s `rbp`).
    pub output_peak: usize,
    /// What it takes, as it was counted last.
    pub counted: usize,
    /// When it connected.
    pub since: Instant,
    /// `CLIENT SETNAME`; empty: none.
    pub name: Vec<u8>,
    /// `CLIENT SETINFO lib-name`.
    pub lib_name: Vec<u8>,
    /// `CLIENT SETINFO lib-ver`.
    pub lib_version: Vec<u8>,
    /// It is shown every request.
    pub monitors: bool,
    /// `CLIENT NO-EVICT`.
    pub no_evict: bool,
    /// The client's end of the connection.
    pub peer: SocketAddr,
    /// Ours.
    pub local: SocketAddr,
    /// Our descriptor, to be shown only.
    pub fd: i32,
}

/// Which replies reach the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Replies {
    /// All.
    On,
    /// None.
    Off,
    /// All but the next command's.
    SkipNext,
    /// All but that of the command that runs now.
    Skipping,
}

/// A client that is not served until something happens or time is up. What it sends meanwhile waits in the loop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held {
    /// What it waits for.
    pub why: HeldBy,
    /// When it has waited long enough; `None`: only the event helps.
    pub until: Option<Instant>,
}

/// What a held client waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeldBy {
    /// `CLIENT PAUSE`: its command has not run yet and will be served again from the input.
    Pause,
    /// A blocking command: it has been taken from the input and waits for a key.
    Keys,
}

/// A request of which only the front has arrived; offsets count from its first byte.
pub struct Unfinished {
    /// How far it is understood.
    pub progress: Progress,
    /// Its arguments so far.
    pub spans: Vec<Span>,
}

impl Client {
    /// `CLIENT LIST`'s idea of the letters that describe a client.
    pub fn flags(&self) -> String {
        let letters = [
            (self.monitors, 'O'),
            (self.subscriptions.is_some(), 'P'),
            (self.transaction.is_some(), 'x'),
            (self.held.is_some(), 'b'),
            (self.watch.as_ref().is_some_and(|watch| watch.changed), 'd'),
            (self.closing, 'c'),
            (self.killed, 'A'),
            (self.no_evict, 'e'),
        ];
        let set: String = letters.iter().filter(|(on, _)| *on).map(|(_, letter)| letter).collect();
        if set.is_empty() { "N".into() } else { set }
    }

    /// Which of `client-output-buffer-limit`'s limits it is under.
    pub fn class(&self) -> Class {
        if self.subscriptions.is_some() { Class::PubSub } else { Class::Normal }
    }

    /// Notes how many bytes of replies wait for it now.
    #[inline]
    pub fn note_waiting(&mut self, waiting: usize) {
        self.output_peak = self.output_peak.max(waiting);
    }
}

/// What running a request takes from its client. Looked up once, and again after a command that may have changed it: most
/// commands are about data, and a pipeline of them need not ask who is asking each time.
#[derive(Clone, Copy)]
pub struct Caller {
    /// Its connection.
    pub conn: ConnId,
    /// Its selected database.
    pub db: usize,
    /// How it is answered.
    pub wire: Wire,
    /// Which replies it gets.
    pub replies: Replies,
    /// It still owes the password.
    pub unauthenticated: bool,
    /// Its user may not do everything: each of its requests is looked at.
    pub limited: bool,
    /// It has said `MONITOR`: what it says about keys would stand between what it is shown.
    pub monitors: bool,
    /// It has said `MULTI`: its requests are queued.
    pub queues: bool,
    /// It listens to channels and could not tell a message from a reply: it may do little else.
    pub listens: bool,
}

impl Caller {
    /// Whether `CLIENT REPLY` withholds the next reply, or may.
    pub fn is_silent(self) -> bool {
        self.replies != Replies::On
    }

    /// Whether there are commands that it may not run just now.
    #[inline]
    pub fn is_restricted(self) -> bool {
        self.unauthenticated | self.limited | self.monitors | self.queues | self.listens
    }
}

/// All sessions, by the dense slot of their connection.
#[derive(Default)]
pub struct Clients {
    slots: Vec<Option<Client>>,
    count: usize,
    last_id: u64,
}

impl Clients {
    /// How many clients there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Takes a new client in, which is not logged in yet.
    pub fn open(&mut self, conn: ConnId, accepted: &Accepted, wire: Wire, now: Instant) {
        self.last_id += 1;
        let client = Client {
            conn,
            id: self.last_id,
            wire,
            db: 0,
            authenticated: false,
            user: UserId::DEFAULT,
            limited: false,
            replies: Replies::On,
            closing: false,
            killed: false,
            held: None,
            transaction: None,
            subscriptions: None,
            watch: None,
            unfinished: None,
            last_active: now,
            last_command: None,
            over_soft_limit: None,
            output_peak: 0,
            counted: 0,
            since: now,
            name: Vec::new(),
            lib_name: Vec::new(),
            lib_version: Vec::new(),
            monitors: false,
            no_evict: false,
            peer: accepted.peer,
            local: accepted.local,
            fd: accepted.fd,
        };
        if self.slots.len() <= conn.index() {
            self.slots.resize_with(conn.index() + 1, || None);
        }
        self.slots[conn.index()] = Some(client);
        self.count += 1;
    }

    /// The session of a connection, unless it is gone.
    #[inline]
    pub fn get(&mut self, conn: ConnId) -> Option<&mut Client> {
        self.slots.get_mut(conn.index())?.as_mut().filter(|client| client.conn == conn)
    }

    /// Forgets a client.
    pub fn close(&mut self, conn: ConnId) -> Option<Client> {
        self.get(conn)?;
        self.count -= 1;
        self.slots[conn.index()].take()
    }

    /// All clients, longest connected first.
    pub fn by_age(&self) -> Vec<&Client> {
        let mut all: Vec<&Client> = self.slots.iter().flatten().collect();
        all.sort_unstable_by_key(|client| client.id);
        all
    }

    /// All clients, in no order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Client> {
        self.slots.iter_mut().flatten()
    }
}

/// The kinds of client there are in Redis.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// It asks and gets answers.
    Normal,
    /// It listens to channels.
    PubSub,
    /// Replication, which this server does not have.
    Replication,
}

impl Class {
    /// Reads a class's name.
    pub fn parse(name: &[u8]) -> Result<Class, Error> {
        match name.to_ascii_lowercase().as_slice() {
            b"normal" => Ok(Class::Normal),
            b"pubsub" => Ok(Class::PubSub),
            b"master" | b"slave" | b"replica" => Ok(Class::Replication),
            _ => Err(Error::bytes([b"ERR Unknown client type '", name, b"'"].concat())),
        }
    }

    /// Whether this client is of the class.
    pub fn has(self, client: &Client) -> bool {
        self == client.class()
    }
}
