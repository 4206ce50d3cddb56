//! One set of tests; both pollers have to pass it.
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::*;

const NOW: Option<Duration> = Some(Duration::ZERO);
const SOON: Option<Duration> = Some(Duration::from_secs(10));
const WRITE: Interest = Interest { writable: true, ..Interest::NONE };

fn both(test: impl Fn(Box<dyn Poller>)) {
    for kind in [PollerKind::Poll, PollerKind::Epoll] {
        println!("with {kind:?}");
        test(kind.open().unwrap());
    }
}

fn wait(poller: &mut dyn Poller, timeout: Option<Duration>) -> Vec<Event> {
    // What was in the list before must not come back.
    let mut events = vec![Event { token: 99, readable: true, writable: true, hang_up: true }];
    poller.wait(&mut events, timeout).unwrap();
    events.sort_by_key(|event| event.token);
    events
}

fn readable(token: u64) -> Event {
    Event { token, readable: true, writable: false, hang_up: false }
}

#[test]
fn reports_a_state_for_as_long_as_it_lasts() {
    both(|mut poller| {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        poller.register(ours.as_fd(), 7, Interest::READ).unwrap();
        assert_eq!(wait(&mut *poller, NOW), []);
        theirs.write_all(b"x").unwrap();
        assert_eq!(wait(&mut *poller, SOON), [readable(7)]);
        assert_eq!(wait(&mut *poller, SOON), [readable(7)], "unread, so still readable");
        ours.read_exact(&mut [0]).unwrap();
        assert_eq!(wait(&mut *poller, NOW), []);
    });
}

#[test]
fn interest_and_token_can_change() {
    both(|mut poller| {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"x").unwrap();
        poller.register(ours.as_fd(), 1, Interest::NONE).unwrap();
        assert_eq!(wait(&mut *poller, NOW), [], "watched for nothing");
        poller.modify(ours.as_fd(), u64::MAX, WRITE).unwrap();
        let writable = Event { token: u64::MAX, readable: false, writable: true, hang_up: false };
        assert_eq!(wait(&mut *poller, SOON), [writable]);
        poller.modify(ours.as_fd(), 2, Interest::READ).unwrap();
        assert_eq!(wait(&mut *poller, SOON), [readable(2)]);
    });
}

#[test]
fn a_deregistered_descriptor_is_silent_and_the_others_keep_their_tokens() {
    both(|mut poller| {
        let mut pairs: Vec<_> = (0..5).map(|_| UnixStream::pair().unwrap()).collect();
        for (number, (ours, theirs)) in pairs.iter_mut().enumerate() {
            theirs.write_all(b"x").unwrap();
            poller.register(ours.as_fd(), number as u64, Interest::READ).unwrap();
        }
        poller.deregister(pairs[1].0.as_fd()).unwrap();
        poller.deregister(pairs[4].0.as_fd()).unwrap();
        assert_eq!(wait(&mut *poller, SOON), [readable(0), readable(2), readable(3)]);
        poller.modify(pairs[3].0.as_fd(), 30, Interest::READ).unwrap();
        assert_eq!(wait(&mut *poller, SOON), [readable(0), readable(2), readable(30)]);
        // Their places are free again, for whatever gets their numbers.
        poller.register(pairs[4].0.as_fd(), 40, Interest::READ).unwrap();
        poller.register(pairs[1].0.as_fd(), 10, Interest::READ).unwrap();
        assert_eq!(
            wait(&mut *poller, SOON),
            [readable(0), readable(2), readable(10), readable(30), readable(40)]
        );
    });
}

#[test]
fn a_hang_up_is_reported_unasked() {
    both(|mut poller| {
        let (ours, theirs) = UnixStream::pair().unwrap();
        poller.register(ours.as_fd(), 1, Interest::NONE).unwrap();
        drop(theirs);
        let events = wait(&mut *poller, SOON);
        assert!(events.len() == 1 && events[0].hang_up, "{events:?}");
    });
}

#[test]
fn a_fin_is_reported_behind_bytes_if_it_was_asked_for() {
    both(|mut poller| {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"unread").unwrap();
        poller.register(ours.as_fd(), 1, Interest { peer_fin: true, ..Interest::NONE }).unwrap();
        assert_eq!(wait(&mut *poller, NOW), []);
        theirs.shutdown(std::net::Shutdown::Write).unwrap();
        let events = wait(&mut *poller, SOON);
        assert!(events.len() == 1 && events[0].hang_up && !events[0].readable, "{events:?}");
        poller.modify(ours.as_fd(), 1, Interest::NONE).unwrap();
        assert_eq!(wait(&mut *poller, NOW), [], "not asked for any more");
    });
}

#[test]
fn registering_twice_or_touching_a_stranger_is_an_error() {
    both(|mut poller| {
        let (ours, theirs) = UnixStream::pair().unwrap();
        poller.register(ours.as_fd(), 1, Interest::READ).unwrap();
        assert_eq!(poller.register(ours.as_fd(), 1, Interest::READ), Err(Errno::EEXIST));
        assert_eq!(poller.modify(theirs.as_fd(), 1, Interest::READ), Err(Errno::ENOENT));
        assert_eq!(poller.deregister(theirs.as_fd()), Err(Errno::ENOENT));
    });
}

#[test]
fn a_wait_is_never_shorter_than_asked() {
    both(|mut poller| {
        let timeout = Duration::from_micros(1_200);
        let start = Instant::now();
        assert_eq!(wait(&mut *poller, Some(timeout)), []);
        assert!(start.elapsed() >= timeout, "{:?}", start.elapsed());
    });
}

#[test]
fn timeouts_round_up() {
    let millis = |timeout| to_millis(Some(timeout));
    assert_eq!(to_millis(None), -1);
    assert_eq!(millis(Duration::ZERO), 0);
    assert_eq!(millis(Duration::from_nanos(1)), 1);
    assert_eq!(millis(Duration::from_millis(5)), 5);
    assert_eq!(millis(Duration::from_nanos(5_000_001)), 6);
    assert_eq!(millis(Duration::MAX), i32::MAX);
}
