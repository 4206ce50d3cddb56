//! The gate, on a loop in a thread of its own: a server whose clients can say what is sent to whom.
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;

use phase3_eventloop::connection::CloseReason;
use phase3_eventloop::event_loop::EventLoop;
use phase3_eventloop::poller::PollerKind;
use phase3_eventloop::service::{Accepted, Admission, Next, Served, Service, Turn};
use phase3_eventloop::trace::Trace;

use super::*;
use crate::config::Config;
use crate::server::{FRAMED_LISTENER, RESP_LISTENER, Server};

/// The real server; input that begins with `!` is an order to the gate.
struct Puppet {
    server: Server,
    behind_reply: Vec<u8>,
}

impl Puppet {
    /// Sends `length` bytes to everyone, in a bulk string; answers how often the message was written.
    fn tell_all(&mut self, turn: &mut Turn<'_>, kind: Kind, length: usize) {
        let state = &mut self.server.state;
        let written = Cell::new(0);
        let mut message = Message::new(|reply: &mut Reply<'_>| {
            written.set(written.get() + 1);
            reply.bulk(&vec![b'm'; length]);
        });
        let all: Vec<ConnId> = state.clients.iter_mut().map(|client| client.conn).collect();
        let mut deliver = Deliver::new(turn.outbox, Some(turn.conn), &mut self.behind_reply);
        let caller = state.caller(turn.conn).unwrap();
        let start = begin_reply(state, caller, turn.out);
        for conn in all {
            deliver.send(state, conn, kind, &mut message);
        }
        Reply::new(turn.out, caller.wire).integer(written.get());
        deliver.end_reply(state, caller, start, turn.out, false);
    }
}

impl Service for Puppet {
    fn open(&mut self, conn: ConnId, it: &Accepted, out: &mut Vec<u8>, outbox: &mut Outbox) -> Admission {
        self.server.open(conn, it, out, outbox)
    }

    fn serve(&mut self, mut turn: Turn<'_>) -> Served {
        let Some(order) = turn.input.strip_prefix(b"!") else { return self.server.serve(turn) };
        let order = std::str::from_utf8(order).unwrap();
        let (verb, length) = order.split_once(' ').unwrap();
        let kind = if verb == "push" { Kind::Push } else { Kind::Reply };
        self.tell_all(&mut turn, kind, length.parse().unwrap());
        Served { consumed: turn.input.len(), next: Next::More }
    }

    fn turns_over(&mut self) {
        self.server.turns_over();
    }

    fn end_of_input(&mut self, conn: ConnId, rest: &[u8], out: &mut Vec<u8>) {
        self.server.end_of_input(conn, rest, out);
    }

    fn before_flush(&mut self, outbox: &mut Outbox) -> anyhow::Result<()> {
        self.server.before_flush(outbox)
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.server.next_deadline()
    }

    fn on_deadline(&mut self, outbox: &mut Outbox) {
        self.server.on_deadline(outbox);
    }

    fn close(&mut self, conn: ConnId, ending: CloseReason) {
        self.server.close(conn, ending);
    }

    fn shut_down(&mut self) -> anyhow::Result<()> {
        self.server.shut_down()
    }
}

struct Running {
    resp: SocketAddr,
    framed: SocketAddr,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    fn start(poller: PollerKind) -> Running {
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [resp, framed] = [0, 1].map(|n: usize| listeners[n].local_addr().unwrap());
        let thread = std::thread::spawn(move || {
            let mut event_loop = EventLoop::new(poller, Default::default(), Trace::new(None)?)?;
            for (listener, tag) in listeners.into_iter().zip([RESP_LISTENER, FRAMED_LISTENER]) {
                event_loop.listen(listener.into(), tag)?;
            }
            let server = Server::new(Config::default(), Instant::now());
            event_loop.run(&mut Puppet { server, behind_reply: Vec::new() })
        });
        Running { resp, framed, thread }
    }

    fn stop(self, client: &mut Client) {
        client.say(b"SHUTDOWN\r\n");
        self.thread.join().unwrap().unwrap();
    }
}

struct Client(TcpStream);

impl Client {
    fn to(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_nodelay(true).unwrap();
        Client(stream)
    }

    fn say(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    #[track_caller]
    fn expect(&mut self, bytes: &[u8]) {
        let mut got = vec![0; bytes.len()];
        self.0.read_exact(&mut got).unwrap();
        assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(bytes));
    }
}

fn everywhere(test: impl Fn(&Running, &mut Client)) {
    for poller in [PollerKind::Epoll, PollerKind::Poll] {
        let running = Running::start(poller);
        let mut client = Client::to(running.resp);
        client.say(b"PING\r\n");
        client.expect(b"+PONG\r\n");
        test(&running, &mut client);
        running.stop(&mut client);
    }
}

#[test]
fn a_message_is_written_once_per_protocol_and_reaches_each_client_in_its_own() {
    everywhere(|running, speaker| {
        let mut resp: Vec<Client> = (0..20).map(|_| Client::to(running.resp)).collect();
        for (n, client) in resp.iter_mut().enumerate() {
            client.say(if n % 2 == 0 { b"PING\r\n" } else { b"HELLO 3\r\nPING\r\n" });
            let mut greeting = Vec::new();
            while !greeting.ends_with(b"+PONG\r\n") {
                let mut byte = [0];
                client.0.read_exact(&mut byte).unwrap();
                greeting.push(byte[0]);
            }
        }
        let mut framed = Client::to(running.framed);
        framed.say(b"\x0c\0\0\0\x01\0\0\0\x04\0\0\0PING");
        framed.expect(b"\x09\0\0\0\x02\x04\0\0\0PONG");
        speaker.say(b"!push 3");
        // Its own message stands behind the reply; three protocols are spoken.
        speaker.expect(b":3\r\n$3\r\nmmm\r\n");
        for client in &mut resp {
            client.expect(b"$3\r\nmmm\r\n");
        }
        framed.expect(b"\x08\0\0\0\x02\x03\0\0\0mmm");
    });
}

#[test]
fn client_reply_silences_replies_and_not_messages() {
    everywhere(|running, speaker| {
        let mut quiet = Client::to(running.resp);
        quiet.say(b"PING\r\nCLIENT REPLY OFF\r\n");
        quiet.expect(b"+PONG\r\n");
        speaker.say(b"!reply 1");
        speaker.expect(b":1\r\n$1\r\nm\r\n");
        speaker.say(b"!push 2");
        speaker.expect(b":1\r\n$2\r\nmm\r\n");
        quiet.expect(b"$2\r\nmm\r\n");
        // Silenced itself, it gets the message alone.
        speaker.say(b"CLIENT REPLY OFF\r\n");
        quiet.say(b"!push 3");
        quiet.expect(b"$3\r\nmmm\r\n");
        speaker.expect(b"$3\r\nmmm\r\n");
    });
}

#[test]
fn who_does_not_read_is_cut_off_by_what_waits_and_who_reads_is_not() {
    everywhere(|running, speaker| {
        speaker.say(b"CONFIG SET client-output-buffer-limit 'normal 9000000 0 0'\r\n");
        speaker.expect(b"+OK\r\n");
        let mut reader = Client::to(running.resp);
        let mut sleeper = Client::to(running.resp);
        for client in [&mut reader, &mut sleeper] {
            client.say(b"PING\r\n");
            client.expect(b"+PONG\r\n");
        }
        let (header, mut body) = (b"$4000000\r\n", vec![0; 4_000_002]);
        for _ in 0..20 {
            speaker.say(b"!push 4000000");
            speaker.expect(b":1\r\n");
            for client in [&mut *speaker, &mut reader] {
                client.expect(header);
                client.0.read_exact(&mut body).unwrap();
            }
        }
        // What the kernel had taken by then, and no more.
        let got = sleeper.0.read_to_end(&mut Vec::new()).unwrap();
        assert!(got < 40_000_000, "{got} bytes came");
        speaker.say(b"CLIENT LIST ID 3\r\n");
        speaker.expect(b"$0\r\n\r\n");
    });
}

#[test]
fn a_client_that_is_going_gets_nothing_more() {
    let mut state = State::new(Config::default(), 1, Instant::now());
    let (mut outbox, mut behind) = (Outbox::new(Default::default()), Vec::new());
    let conn = ConnId::new(0, 0);
    let local = SocketAddr::from(([127, 0, 0, 1], 1));
    let accepted = Accepted { listener: RESP_LISTENER, peer: local, local, fd: 0 };
    state.clients.open(conn, &accepted, Wire::Resp2, Instant::now());
    let mut deliver = Deliver::new(&mut outbox, Some(conn), &mut behind);
    deliver.to(&mut state, conn, Kind::Push, |reply| reply.ok());
    let mut out = Vec::new();
    last_words(&mut state, conn, &mut out, |reply| reply.ok());
    for flag in [
        |client: &mut crate::state::clients::Client| client.closing = true,
        |client: &mut crate::state::clients::Client| client.killed = true,
    ] {
        flag(state.clients.get(conn).unwrap());
        deliver.to(&mut state, conn, Kind::Push, |_| panic!("it is going"));
        last_words(&mut state, conn, &mut out, |_| panic!("it is going"));
        state.clients.get(conn).unwrap().closing = false;
    }
    assert_eq!((out.as_slice(), behind.as_slice()), (&b"+OK\r\n"[..], &b"+OK\r\n"[..]));
}
