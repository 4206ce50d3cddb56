//! The seam, from both sides at once: a service that does whatever its clients say, on a loop in a thread of its own.
//! What an ordinary client can see of an ordinary server is tested in `tests/e2e/tests/`.
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use super::*;
use crate::service::{Accepted, Admission, Next, Served, Turn};

/// What the loop told the service.
#[derive(PartialEq, Debug)]
enum Told {
    Opened(ConnId),
    Cut(Vec<u8>),
    Closed(ConnId, CloseReason),
    Waits,
    ShutDown,
}

/// Obeys lines. Every mode of every test runs it.
struct Puppet {
    told: Sender<Told>,
    clients: Vec<ConnId>,
    deadline: Option<Instant>,
    refuse: bool,
    flushes: u64,
    /// What [`Service::look_ahead`] was told last.
    coming: Vec<(ConnId, String)>,
    /// Turns since [`Service::turns_over`].
    turns: u64,
    /// Where the command `wait` waits, and the loop with it.
    go_on: Receiver<()>,
}

impl Puppet {
    fn obey(&mut self, line: &str, turn: &mut Turn<'_>) -> Option<Next> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let others: Vec<ConnId> = self.clients.iter().copied().filter(|id| *id != turn.conn).collect();
        match verb {
            "echo" => turn.out.extend_from_slice(format!("{rest}\n").as_bytes()),
            "big" => turn.out.resize(turn.out.len() + rest.parse::<usize>().unwrap(), b'b'),
            "hold" => return Some(Next::Hold),
            "quit" => {
                turn.out.extend_from_slice(b"bye\n");
                return Some(Next::Close);
            }
            "suicide" => turn.outbox.close(turn.conn),
            "abandon" => return Some(Next::Abandon),
            "drop" => others.into_iter().for_each(|id| turn.outbox.abandon(id)),
            "waits" => {
                let waits = turn.out.len() - turn.sent;
                turn.out.extend_from_slice(format!("{waits} {}\n", turn.high_mark - turn.sent).as_bytes());
            }
            "tell" => {
                assert!(turn.outbox.output(turn.conn).is_none(), "one's own output is turn.out");
                for id in others {
                    turn.outbox.output(id).unwrap().extend_from_slice(format!("{rest}\n").as_bytes());
                }
            }
            "resume" => others.into_iter().for_each(|id| turn.outbox.resume(id)),
            "kill" => others.into_iter().for_each(|id| turn.outbox.close(id)),
            "later" => self.deadline = Some(turn.outbox.now() + Duration::from_millis(20)),
            "idle" => {
                let idle_timeout = Some(Duration::from_millis(rest.parse().unwrap()));
                turn.outbox.set_limits(Limits { idle_timeout, ..*turn.outbox.limits() });
            }
            "forever" => turn.outbox.never_idle(turn.conn, true),
            "refuse" => self.refuse = true,
            "flushes" => turn.out.extend_from_slice(format!("{}\n", self.flushes).as_bytes()),
            "stats" => {
                let stats = turn.outbox.stats(turn.conn).unwrap();
                turn.out.extend_from_slice(format!("{} {}\n", stats.input_len, stats.output_len).as_bytes());
            }
            "wait" => {
                self.told.send(Told::Waits).unwrap();
                self.go_on.recv_timeout(Duration::from_secs(20)).unwrap();
            }
            "coming" => {
                let coming = self.coming.iter().map(|(_, text)| text.replace('\n', ";"));
                turn.out.extend_from_slice(format!("{}\n", coming.collect::<Vec<_>>().join(" ")).as_bytes());
            }
            "stop" => turn.outbox.shut_down(),
            other => panic!("{other:?} is no command of the puppet's"),
        }
        None
    }
}

impl Service for Puppet {
    fn open(
        &mut self,
        conn: ConnId,
        accepted: &Accepted,
        out: &mut Vec<u8>,
        outbox: &mut Outbox,
    ) -> Admission {
        assert_eq!(accepted.listener, 5);
        assert!(outbox.output(conn).is_none());
        if self.refuse {
            out.extend_from_slice(b"full\n");
            return Admission::Refuse;
        }
        out.extend_from_slice(b"hello\n");
        self.clients.push(conn);
        self.told.send(Told::Opened(conn)).unwrap();
        Admission::Accept
    }

    fn serve(&mut self, mut turn: Turn<'_>) -> Served {
        assert!(!turn.input.is_empty());
        self.turns += 1;
        let mut consumed = 0;
        while let Some(end) = turn.input[consumed..].iter().position(|byte| *byte == b'\n') {
            if turn.out.len() > turn.high_mark {
                return Served { consumed, next: Next::Full };
            }
            let line = std::str::from_utf8(&turn.input[consumed..consumed + end]).unwrap();
            consumed += end + 1;
            if let Some(next) = self.obey(line, &mut turn) {
                return Served { consumed, next };
            }
        }
        Served { consumed, next: Next::More }
    }

    fn look_ahead(&mut self, coming: &mut dyn Iterator<Item = (ConnId, &[u8])>) {
        self.coming = coming.map(|(id, bytes)| (id, String::from_utf8_lossy(bytes).into())).collect();
    }

    fn turns_over(&mut self) {
        assert!(self.turns > 0, "no turn since it was called last");
        self.turns = 0;
    }

    fn end_of_input(&mut self, _conn: ConnId, rest: &[u8], out: &mut Vec<u8>) {
        assert_eq!(self.turns, 0, "something else than a turn follows, and it was not said");
        if !rest.is_empty() {
            out.extend_from_slice(b"cut\n");
            self.told.send(Told::Cut(rest.to_vec())).unwrap();
        }
    }

    fn before_flush(&mut self, _outbox: &mut Outbox) -> anyhow::Result<()> {
        assert_eq!(self.turns, 0, "the tick ends, and it was not said that its turns are over");
        self.flushes += 1;
        Ok(())
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn on_deadline(&mut self, outbox: &mut Outbox) {
        assert!(outbox.now() >= self.deadline.take().unwrap(), "called too early");
        for id in &self.clients {
            outbox.output(*id).unwrap().extend_from_slice(b"now\n");
        }
    }

    fn close(&mut self, conn: ConnId, ending: CloseReason) {
        let position = self.clients.iter().position(|id| *id == conn).expect("closed twice, or never opened");
        self.clients.remove(position);
        self.told.send(Told::Closed(conn, ending)).unwrap();
    }

    fn shut_down(&mut self) -> anyhow::Result<()> {
        self.told.send(Told::ShutDown).unwrap();
        Ok(())
    }
}

struct Running {
    address: SocketAddr,
    told: Receiver<Told>,
    go_on: Sender<()>,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

struct Client(BufReader<TcpStream>);

impl Client {
    fn say(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn expect(&mut self, line: &str) {
        let mut got = String::new();
        self.0.read_line(&mut got).unwrap();
        assert_eq!(got, format!("{line}\n"));
    }

    /// The rest of the stream, up to the server's FIN. A reset fails.
    fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).unwrap();
        rest
    }

    fn half_close(&mut self) {
        self.0.get_mut().shutdown(std::net::Shutdown::Write).unwrap();
    }
}

impl Running {
    fn start(poller: PollerKind, limits: Limits) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, told) = channel();
        let (go_on, gate) = channel();
        let thread = std::thread::spawn(move || {
            let mut event_loop = EventLoop::new(poller, limits, Trace::new(None)?)?;
            event_loop.listen(listener.into(), 5)?;
            let mut puppet = Puppet {
                told: sender,
                clients: vec![],
                deadline: None,
                refuse: false,
                flushes: 0,
                coming: vec![],
                turns: 0,
                go_on: gate,
            };
            event_loop.run(&mut puppet)
        });
        Running { address, told, go_on, thread: Some(thread) }
    }

    fn connect(&self) -> (Client, ConnId) {
        let mut client = self.dial();
        client.expect("hello");
        match self.next() {
            Told::Opened(id) => (client, id),
            other => panic!("{other:?}"),
        }
    }

    fn dial(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_nodelay(true).unwrap();
        Client(BufReader::new(stream))
    }

    fn next(&self) -> Told {
        self.told.recv_timeout(Duration::from_secs(20)).expect("the service was not told anything")
    }

    /// Lets everything that `speak` sends arrive within one tick.
    fn in_one_tick(&self, client: &mut Client, speak: impl FnOnce()) {
        client.say("wait\n");
        assert_eq!(self.next(), Told::Waits);
        speak();
        self.go_on.send(()).unwrap();
    }

    fn stop(mut self, mut client: Client) {
        client.say("stop\n");
        self.thread.take().unwrap().join().unwrap().unwrap();
    }
}

/// Runs a test on every kind of loop.
fn everywhere(limits: Limits, test: impl Fn(Running)) {
    for poller in [PollerKind::Epoll, PollerKind::Poll] {
        println!("with {poller:?}");
        test(Running::start(poller, limits));
    }
}

#[test]
fn a_held_client_is_served_on_where_it_stopped() {
    everywhere(Limits::default(), |running| {
        let (mut held, _) = running.connect();
        let (mut other, _) = running.connect();
        held.say("echo 1\nhold\necho 2\n");
        held.expect("1");
        held.say("echo 3\necho 4");
        other.say("echo a\n");
        other.expect("a");
        other.say("resume\n");
        held.expect("2");
        held.expect("3");
        held.say("5\n");
        held.expect("45");
        running.stop(other);
    });
}

#[test]
fn a_held_client_that_leaves_is_gone_at_once() {
    everywhere(Limits::default(), |running| {
        let (mut held, id) = running.connect();
        held.say("hold\necho 1\n");
        held.half_close();
        assert_eq!(running.next(), Told::Cut(b"echo 1\n".to_vec()));
        assert_eq!(running.next(), Told::Closed(id, CloseReason::EndOfStream));
        assert_eq!(held.rest(), b"cut\n");
        let (last, _) = running.connect();
        running.stop(last);
    });
}

/// It has sent more than is read ahead, so no read can see its FIN.
#[test]
fn a_held_client_that_has_sent_too_much_is_gone_at_once_too() {
    for poller in [PollerKind::Epoll, PollerKind::Poll] {
        let running = Running::start(poller, Limits::default());
        let (mut held, id) = running.connect();
        held.say("hold\n");
        held.say(&"much\n".repeat(20_000));
        held.half_close();
        assert!(matches!(running.next(), Told::Cut(rest) if rest.len() >= crate::connection::READ_SIZE));
        assert_eq!(running.next(), Told::Closed(id, CloseReason::EndOfStream));
        let (last, _) = running.connect();
        running.stop(last);
    }
}

#[test]
fn words_reach_other_connections_in_the_same_tick() {
    everywhere(Limits::default(), |running| {
        let (mut speaker, _) = running.connect();
        let mut listeners: Vec<_> = (0..20).map(|_| running.connect().0).collect();
        speaker.say("tell one\ntell two\necho done\n");
        speaker.expect("done");
        for listener in &mut listeners {
            listener.expect("one");
            listener.expect("two");
        }
        running.stop(speaker);
    });
}

#[test]
fn closing_says_the_last_words_though_input_is_unread() {
    everywhere(Limits::default(), |running| {
        let (mut client, id) = running.connect();
        // More than one read, so that bytes are left in the kernel when the service closes.
        client.say(&format!("quit\n{}", "x".repeat(300_000)));
        assert_eq!(client.rest(), b"bye\n");
        assert_eq!(running.next(), Told::Closed(id, CloseReason::ByService));
        let (last, _) = running.connect();
        running.stop(last);
    });
}

#[test]
fn an_abandoned_client_gets_nothing_of_what_it_is_owed() {
    everywhere(Limits::default(), |running| {
        let (mut client, id) = running.connect();
        client.say("echo 1\nbig 100000\nabandon\n");
        assert_eq!(running.next(), Told::Closed(id, CloseReason::ByService));
        assert_eq!(client.rest(), b"");
        // Another client does it, to one that waits for the rest of an output too large for the kernel.
        let (mut greedy, id) = running.connect();
        let (mut other, _) = running.connect();
        greedy.say("big 50000000\n");
        greedy.0.read_exact(&mut [0]).unwrap();
        other.say("drop\necho done\n");
        other.expect("done");
        assert_eq!(running.next(), Told::Closed(id, CloseReason::ByService));
        assert!(greedy.rest().len() < 40_000_000);
        running.stop(other);
    });
}

#[test]
fn what_has_been_sent_does_not_count_as_waiting() {
    let limits = Limits { high_mark: 60_000_000, low_mark: 50_000_000, ..Limits::default() };
    everywhere(limits, |running| {
        let (mut client, _) = running.connect();
        client.say("big 20000000\n");
        let mut half = vec![0; 15_000_000];
        client.0.read_exact(&mut half).unwrap();
        client.say("waits\n");
        let mut rest = vec![0; 5_000_000];
        client.0.read_exact(&mut rest).unwrap();
        let mut line = String::new();
        client.0.read_line(&mut line).unwrap();
        let (waits, mark) = line.trim().split_once(' ').unwrap();
        assert!(
            waits.parse::<usize>().unwrap() <= 5_000_000,
            "{waits} bytes wait of the five million not read"
        );
        assert_eq!(mark, "60000000");
        running.stop(client);
    });
}

#[test]
fn a_service_closes_others_and_itself() {
    everywhere(Limits::default(), |running| {
        let (mut killer, _) = running.connect();
        let victims: Vec<_> = (0..10).map(|_| running.connect()).collect();
        killer.say("tell adieu\nkill\necho done\n");
        killer.expect("done");
        let mut closed: Vec<_> = victims.iter().map(|_| running.next()).collect();
        for (mut victim, id) in victims {
            assert_eq!(victim.rest(), b"adieu\n");
            let position = closed.iter().position(|told| *told == Told::Closed(id, CloseReason::ByService));
            closed.remove(position.expect("closed, for this reason, once"));
        }
        let (mut suicide, id) = running.connect();
        suicide.say("echo 1\nsuicide\n");
        assert_eq!(suicide.rest(), b"1\n");
        assert_eq!(running.next(), Told::Closed(id, CloseReason::ByService));
        running.stop(killer);
    });
}

#[test]
fn a_refused_client_hears_why() {
    everywhere(Limits::default(), |running| {
        let (mut client, _) = running.connect();
        client.say("refuse\necho 1\n");
        client.expect("1");
        let mut refused = running.dial();
        refused.say("echo too early\n");
        assert_eq!(refused.rest(), b"full\n");
        client.say("echo 2\n");
        client.expect("2");
        assert!(running.told.try_recv().is_err(), "neither opened nor closed");
        running.stop(client);
    });
}

#[test]
fn a_full_output_suspends_serving_and_loses_nothing() {
    let limits = Limits { high_mark: 10_000, low_mark: 1_000, ..Limits::default() };
    everywhere(limits, |running| {
        let (mut client, _) = running.connect();
        let mut stream = client.0.get_ref().try_clone().unwrap();
        // 200 requests for 100 kB each, many of them behind one another in a single read.
        let asking = std::thread::spawn(move || stream.write_all("big 100000\n".repeat(200).as_bytes()));
        let mut all = vec![0; 200 * 100_000];
        client.0.read_exact(&mut all).unwrap();
        assert!(all.iter().all(|byte| *byte == b'b'));
        asking.join().unwrap().unwrap();
        client.say("echo still here\n");
        client.expect("still here");
        running.stop(client);
    });
}

#[test]
fn a_deadline_is_kept_without_any_traffic() {
    everywhere(Limits::default(), |running| {
        let (mut client, _) = running.connect();
        client.say("later\n");
        client.expect("now");
        running.stop(client);
    });
}

#[test]
fn a_quiet_loop_does_not_turn() {
    everywhere(Limits::default(), |running| {
        let (mut client, _) = running.connect();
        client.say("flushes\n");
        let mut first = String::new();
        client.0.read_line(&mut first).unwrap();
        client.say("later\n");
        client.expect("now");
        client.say("flushes\n");
        let mut second = String::new();
        client.0.read_line(&mut second).unwrap();
        let ticks = second.trim().parse::<u64>().unwrap() - first.trim().parse::<u64>().unwrap();
        // One for each request and one for the deadline, and some to spare.
        assert!(ticks <= 8, "{ticks} ticks for three things to do");
        running.stop(client);
    });
}

#[test]
fn a_new_idle_timeout_reaches_those_asleep_but_not_the_exempt() {
    everywhere(Limits::default(), |running| {
        let (mut client, _) = running.connect();
        let (mut asleep, id) = running.connect();
        client.say("forever\nidle 30\n");
        assert_eq!(asleep.rest(), b"");
        assert_eq!(running.next(), Told::Closed(id, CloseReason::Idle));
        client.say("echo still here\n");
        client.expect("still here");
        running.stop(client);
    });
}

#[test]
fn an_unfinished_request_may_not_grow_for_ever() {
    let limits = Limits { max_pending: 100_000, ..Limits::default() };
    everywhere(limits, |running| {
        let (mut client, id) = running.connect();
        let mut stream = client.0.get_ref().try_clone().unwrap();
        let writing = std::thread::spawn(move || drop(stream.write_all(&[b'x'; 1_000_000])));
        assert_eq!(client.rest(), b"");
        assert_eq!(running.next(), Told::Closed(id, CloseReason::Error(Errno::EMSGSIZE)));
        writing.join().unwrap();
        let (last, _) = running.connect();
        running.stop(last);
    });
}

#[test]
fn a_cut_request_is_reported_with_what_there_was_of_it() {
    everywhere(Limits::default(), |running| {
        let (mut client, id) = running.connect();
        client.say("echo 1\necho");
        client.half_close();
        assert_eq!(client.rest(), b"1\ncut\n");
        assert_eq!(running.next(), Told::Cut(b"echo".to_vec()));
        assert_eq!(running.next(), Told::Closed(id, CloseReason::EndOfStream));
        let (last, _) = running.connect();
        running.stop(last);
    });
}

#[test]
fn stats_are_those_of_the_turn() {
    everywhere(Limits::default(), |running| {
        let (mut client, _) = running.connect();
        client.say("stats\n");
        client.expect("6 0");
        running.stop(client);
    });
}

#[test]
fn stopping_sends_what_is_owed_and_closes_everybody() {
    everywhere(Limits::default(), |running| {
        let (mut asleep, first) = running.connect();
        let (mut client, second) = running.connect();
        client.say("big 20000000\n");
        client.0.fill_buf().unwrap();
        asleep.say("stop\n");
        assert_eq!(running.next(), Told::ShutDown);
        assert_eq!(client.rest().len(), 20_000_000);
        assert_eq!(asleep.rest(), b"");
        let mut closed = [running.next(), running.next()];
        closed.sort_by_key(|told| matches!(told, Told::Closed(id, _) if *id == second));
        assert_eq!(closed, [first, second].map(|id| Told::Closed(id, CloseReason::Shutdown)));
        assert!(TcpStream::connect(running.address).is_err(), "nobody listens any more");
        let mut running = running;
        running.thread.take().unwrap().join().unwrap().unwrap();
    });
}

#[test]
fn the_service_is_told_what_comes_before_the_first_of_it_is_served() {
    everywhere(Limits::default(), |running| {
        let (mut gate, _) = running.connect();
        let (mut first, _) = running.connect();
        let (mut second, _) = running.connect();
        running.in_one_tick(&mut gate, || {
            first.say("coming\n");
            second.say("echo 1\necho");
        });
        first.expect("coming; echo 1;echo");
        second.expect("1");
        second.say(" 2\n");
        second.expect("2");
        // More than one crowd, each with what an earlier tick left of it.
        let mut crowd: Vec<_> = (0..40).map(|_| running.connect().0).collect();
        running.in_one_tick(&mut gate, || {
            for (number, client) in crowd.iter_mut().enumerate() {
                client.say(&format!("echo a{number}\necho b"));
            }
        });
        for (number, client) in crowd.iter_mut().enumerate() {
            client.expect(&format!("a{number}"));
            client.say(&format!("{number}\n"));
        }
        for (number, client) in crowd.iter_mut().enumerate() {
            client.expect(&format!("b{number}"));
        }
        running.stop(gate);
    });
}

#[test]
fn whoever_is_closed_while_waiting_for_a_turn_gets_none() {
    everywhere(Limits::default(), |running| {
        let (mut gate, _) = running.connect();
        let (mut killer, id) = running.connect();
        let mut victims: Vec<_> = (0..3).map(|_| running.connect().0).collect();
        running.in_one_tick(&mut gate, || {
            killer.say("kill\n");
            for victim in &mut victims {
                victim.say("echo alive\n");
            }
        });
        for victim in &mut victims {
            assert_eq!(victim.rest(), b"", "served, or reset");
        }
        let mut last = killer;
        last.say("echo still here\n");
        last.expect("still here");
        assert_ne!(running.next(), Told::Closed(id, CloseReason::ByService));
        running.stop(last);
    });
}
