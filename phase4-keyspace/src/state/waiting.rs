//! Who waits for which key: the clients that a blocking command holds, in the order in which they came.
//!
//! [`Waiting::block`] takes a client in. The end of each unit of execution says which keys are there now
//! ([`Waiting::key_appeared`], [`Waiting::database_changed`]) and which streams have changed ([`Waiting::stream_changed`]);
//! [`Waiting::next_ready`] and [`Waiting::next_waiter`] say who is to be served. Whatever ends the waiting (an element, a timeout, `CLIENT UNBLOCK`, the client's own end) calls
//! [`Waiting::take`], which removes every trace of it.
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::{Bound, Range};
use std::rc::Rc;
use std::time::{Duration, Instant};

use phase3_eventloop::slab::ConnId;

use super::stats::CommandId;
use crate::keyspace::Kind;
use crate::wire::args::OwnedArgs;

/// What a command waits for that has found nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wait {
    /// Which of its arguments are keys.
    pub keys: Range<usize>,
    /// What a key has to hold.
    pub kind: Kind,
    /// How long; `None`: for ever.
    pub timeout: Option<Duration>,
    /// The request to be tried again, if it is not the one that came.
    pub again: Option<OwnedArgs>,
}

/// A request that is to be tried again.
pub struct Blocked {
    /// Its command.
    pub command: CommandId,
    /// Its arguments.
    pub args: OwnedArgs,
    /// Its client's database.
    pub db: usize,
    /// The arguments that are keys.
    pub keys: Range<usize>,
    /// What a key has to hold.
    pub kind: Kind,
    /// When it has waited long enough.
    pub until: Option<Instant>,
}

/// A client that waits for a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waiter {
    /// Counts up: who came first is served first.
    pub ticket: u64,
    /// Its connection.
    pub conn: ConnId,
    /// Which of its arguments the key is.
    pub at: usize,
    kind: Kind,
}

/// Those that wait for one key, by ticket.
#[derive(Default)]
struct Queue {
    waiters: BTreeMap<u64, Waiter>,
    /// How many of them read streams.
    readers: usize,
    /// The key is on the list of those that are ready.
    ready: bool,
}

type Key = Box<[u8]>;

/// All clients that wait for keys.
#[derive(Default)]
pub struct Waiting {
    /// By database.
    queues: Vec<HashMap<Key, Queue>>,
    clients: HashMap<ConnId, (u64, Rc<Blocked>)>,
    ready: VecDeque<(usize, Key)>,
    timeouts: BTreeSet<(Instant, u64, ConnId)>,
    last_ticket: u64,
}

impl Waiting {
    /// Whether no client waits.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// How many clients wait for a limited time.
    pub fn timeouts(&self) -> usize {
        self.timeouts.len()
    }

    /// Whether this client waits.
    pub fn holds(&self, conn: ConnId) -> bool {
        self.clients.contains_key(&conn)
    }

    /// Has a client wait, behind all that wait for the same keys. It waits for nothing yet.
    pub fn block(&mut self, conn: ConnId, blocked: Blocked) {
        self.last_ticket += 1;
        let ticket = self.last_ticket;
        let Blocked { db, kind, .. } = blocked;
        if self.queues.len() <= db {
            self.queues.resize_with(db + 1, HashMap::new);
        }
        let args = blocked.args.as_args();
        for at in blocked.keys.clone() {
            // A key that is named twice is waited for once.
            let queue = self.queues[db].entry(args.get(at).into()).or_default();
            let others = queue.waiters.len();
            queue.waiters.entry(ticket).or_insert(Waiter { ticket, conn, at, kind });
            if kind == Kind::Stream {
                queue.readers += queue.waiters.len() - others;
            }
        }
        self.timeouts.extend(blocked.until.map(|until| (until, ticket, conn)));
        self.clients.insert(conn, (ticket, Rc::new(blocked)));
    }

    /// What a client that waits has asked for.
    pub fn request(&self, conn: ConnId) -> Option<Rc<Blocked>> {
        self.clients.get(&conn).map(|(_, blocked)| blocked.clone())
    }

    /// Ends the waiting of a client and hands out what it was about; `None` if it does not wait.
    pub fn take(&mut self, conn: ConnId) -> Option<Rc<Blocked>> {
        let (ticket, blocked) = self.clients.remove(&conn)?;
        let args = blocked.args.as_args();
        let queues = &mut self.queues[blocked.db];
        for at in blocked.keys.clone() {
            let Some(queue) = queues.get_mut(args.get(at)) else { continue };
            if queue.waiters.remove(&ticket).is_some_and(|waiter| waiter.kind == Kind::Stream) {
                queue.readers -= 1;
            }
            if queue.waiters.is_empty() {
                queues.remove(args.get(at));
            }
        }
        if let Some(until) = blocked.until {
            self.timeouts.remove(&(until, ticket, conn));
        }
        Some(blocked)
    }

    /// A key is there that was not.
    pub fn key_appeared(&mut self, db: usize, key: &[u8]) {
        let queue = self.queues.get_mut(db).and_then(|queues| queues.get_mut(key));
        if let Some(queue) = queue.filter(|queue| !queue.ready) {
            queue.ready = true;
            self.ready.push_back((db, key.into()));
        }
    }

    /// Something that readers of a stream may have to be told has happened to a key: it has another entry, a group less, or is
    /// no stream any more.
    pub fn stream_changed(&mut self, db: usize, key: &[u8]) {
        let queue = self.queues.get(db).and_then(|queues| queues.get(key));
        if queue.is_some_and(|queue| queue.readers > 0) {
            self.key_appeared(db, key);
        }
    }

    /// No key of a database is left.
    pub fn database_emptied(&mut self, db: usize) {
        let Some(queues) = self.queues.get(db) else { return };
        let keys: Vec<Key> =
            queues.iter().filter(|(_, queue)| queue.readers > 0).map(|(key, _)| key.clone()).collect();
        keys.iter().for_each(|key| self.key_appeared(db, key));
    }

    /// A database has got other contents: any key may be there now. Keys that were waited for first come first.
    pub fn database_changed(&mut self, db: usize) {
        let Some(queues) = self.queues.get(db) else { return };
        let first = |queue: &Queue| queue.waiters.keys().next().copied();
        let mut keys: Vec<(Option<u64>, Key)> =
            queues.iter().map(|(key, queue)| (first(queue), key.clone())).collect();
        keys.sort_unstable();
        for (_, key) in keys {
            self.key_appeared(db, &key);
        }
    }

    /// The next key that is ready, in the order in which they became so. It will be ready again only if it appears again.
    pub fn next_ready(&mut self) -> Option<(usize, Key)> {
        let (db, key) = self.ready.pop_front()?;
        if let Some(queue) = self.queues[db].get_mut(&key) {
            queue.ready = false;
        }
        Some((db, key))
    }

    /// The first that waits for a key to hold a value of this kind (`None`: it is not there) and came after the one with this
    /// ticket; tickets count from 1. Readers of streams want to know of everything that happens to their key.
    pub fn next_waiter(&self, db: usize, key: &[u8], kind: Option<Kind>, after: u64) -> Option<Waiter> {
        let queue = self.queues.get(db)?.get(key)?;
        let later = queue.waiters.range((Bound::Excluded(after), Bound::Unbounded));
        later
            .map(|(_, waiter)| *waiter)
            .find(|waiter| waiter.kind == Kind::Stream || Some(waiter.kind) == kind)
    }

    /// When the first of them will have waited long enough.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.timeouts.first().map(|(until, ..)| *until)
    }

    /// A client that has waited long enough by now.
    pub fn timed_out(&self, now: Instant) -> Option<ConnId> {
        self.timeouts.first().filter(|(until, ..)| *until <= now).map(|(.., conn)| *conn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(waiting: &mut Waiting, conn: u64, keys: &[&str], until: Option<Instant>) {
        let words: Vec<&[u8]> = keys.iter().map(|key| key.as_bytes()).collect();
        let (args, keys) = (OwnedArgs::words(&words), 0..words.len());
        waiting.block(ConnId(conn), Blocked { command: 0, args, db: 2, keys, kind: Kind::List, until });
    }

    /// Who is served if every key that is ready has enough for all.
    fn served(waiting: &mut Waiting) -> Vec<(u64, usize)> {
        let mut served = Vec::new();
        while let Some((db, key)) = waiting.next_ready() {
            while let Some(waiter) = waiting.next_waiter(db, &key, Some(Kind::List), 0) {
                assert!(waiting.take(waiter.conn).is_some());
                served.push((waiter.conn.0, waiter.at));
            }
        }
        served
    }

    fn assert_empty(waiting: &Waiting) {
        assert!(waiting.is_empty() && waiting.timeouts.is_empty() && waiting.ready.is_empty());
        assert!(waiting.queues.iter().all(HashMap::is_empty));
    }

    #[test]
    fn first_come_first_served_key_by_key() {
        let mut waiting = Waiting::default();
        block(&mut waiting, 9, &["a", "b"], None);
        block(&mut waiting, 5, &["b"], None);
        block(&mut waiting, 7, &["a", "a", "c"], None);
        waiting.key_appeared(1, b"a");
        waiting.key_appeared(2, b"x");
        waiting.key_appeared(2, b"b");
        waiting.key_appeared(2, b"a");
        waiting.key_appeared(2, b"b");
        assert_eq!(served(&mut waiting), [(9, 1), (5, 0), (7, 0)]);
        assert_empty(&waiting);
    }

    #[test]
    fn another_kind_is_not_theirs_and_a_ticket_is_passed_once() {
        let mut waiting = Waiting::default();
        block(&mut waiting, 1, &["k"], None);
        block(&mut waiting, 2, &["k"], None);
        assert_eq!(waiting.next_waiter(2, b"k", Some(Kind::ZSet), 0), None);
        assert_eq!(waiting.next_waiter(2, b"k", None, 0), None);
        let first = waiting.next_waiter(2, b"k", Some(Kind::List), 0).unwrap();
        let second = waiting.next_waiter(2, b"k", Some(Kind::List), first.ticket).unwrap();
        assert_eq!((first.conn, second.conn), (ConnId(1), ConnId(2)));
        assert_eq!(waiting.next_waiter(2, b"k", Some(Kind::List), second.ticket), None);
    }

    #[test]
    fn readers_of_streams_are_asked_whatever_has_happened() {
        let mut waiting = Waiting::default();
        block(&mut waiting, 1, &["list"], None);
        let (args, keys) = (OwnedArgs::words(&[b"s", b"s", b"t"]), 0..3);
        let request = Blocked { command: 0, args, db: 2, keys, kind: Kind::Stream, until: None };
        waiting.block(ConnId(2), request);
        waiting.stream_changed(2, b"list");
        assert!(waiting.next_ready().is_none(), "nobody reads a stream there");
        waiting.stream_changed(2, b"s");
        let (db, key) = waiting.next_ready().unwrap();
        let reader = waiting.next_waiter(db, &key, None, 0).unwrap();
        assert_eq!((reader.conn, reader.at), (ConnId(2), 0));
        assert_eq!(waiting.next_waiter(db, &key, None, reader.ticket), None);
        waiting.database_emptied(2);
        assert_eq!(served_keys(&mut waiting), 2);
        waiting.take(ConnId(2));
        waiting.take(ConnId(1));
        assert_empty(&waiting);
    }

    fn served_keys(waiting: &mut Waiting) -> usize {
        std::iter::from_fn(|| waiting.next_ready()).count()
    }

    #[test]
    fn a_changed_database_makes_all_its_keys_ready() {
        let mut waiting = Waiting::default();
        for (conn, key) in ["d", "a", "c", "b"].into_iter().enumerate() {
            block(&mut waiting, conn as u64, &[key], None);
        }
        waiting.database_changed(0);
        assert!(waiting.next_ready().is_none());
        waiting.database_changed(2);
        assert_eq!(served(&mut waiting), [(0, 0), (1, 0), (2, 0), (3, 0)]);
    }

    #[test]
    fn time_runs_out_in_its_own_order() {
        let mut waiting = Waiting::default();
        let now = Instant::now();
        let at = |millis| Some(now + Duration::from_millis(millis));
        block(&mut waiting, 1, &["k"], at(30));
        block(&mut waiting, 2, &["k"], None);
        block(&mut waiting, 3, &["k"], at(10));
        assert_eq!((waiting.next_timeout(), waiting.timeouts()), (at(10), 2));
        assert_eq!(waiting.timed_out(now), None);
        assert_eq!(waiting.timed_out(now + Duration::from_millis(10)), Some(ConnId(3)));
        waiting.take(ConnId(3));
        assert_eq!(waiting.next_timeout(), at(30));
        waiting.take(ConnId(1));
        assert_eq!(waiting.next_timeout(), None);
        assert!(waiting.holds(ConnId(2)) && !waiting.holds(ConnId(1)));
    }

    #[test]
    fn a_thousand_that_leave_in_any_order_leave_nothing_behind() {
        let mut waiting = Waiting::default();
        let now = Instant::now();
        for conn in 0..1000 {
            block(&mut waiting, conn, &["k", "other"], (conn % 2 == 0).then_some(now));
        }
        waiting.key_appeared(2, b"k");
        for n in 0..1000 {
            // 379 and 1000 have no common divisor: every one once.
            let conn = ConnId(n * 379 % 1000);
            assert!(waiting.take(conn).is_some() && waiting.take(conn).is_none());
        }
        assert!(served(&mut waiting).is_empty());
        assert_empty(&waiting);
    }
}
