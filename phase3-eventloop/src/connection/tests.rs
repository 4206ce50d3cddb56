//! The state machine on one end of a socket pair, with the test on the other.
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use nix::errno::Errno;

use super::*;
use crate::buffers::BufferPool;

const LIMITS: Limits = Limits {
    idle_timeout: Some(Duration::from_secs(10)),
    stall_timeout: Some(Duration::from_secs(5)),
    high_mark: 1000,
    low_mark: 100,
    max_pending: 1 << 20,
    keepalive: None,
};

fn pair() -> (Connection, UnixStream, BufferPool) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let connection = Connection::new(ConnId::new(0, 0), ours.into(), 0, Instant::now());
    (connection, theirs, BufferPool::default())
}

#[test]
fn a_whole_request_leaves_no_buffer_behind() {
    let (mut connection, mut theirs, mut buffers) = pair();
    theirs.write_all(b"hello").unwrap();
    assert_eq!(connection.receive(&mut buffers), Ok(5));
    assert_eq!(connection.pending, b"hello");
    consume(&mut connection.pending, 5, &mut buffers);
    assert_eq!(connection.pending.capacity(), 0);
    assert_eq!(connection.receive(&mut buffers), Err(Errno::EAGAIN));
    assert_eq!(connection.pending.capacity(), 0, "nothing came");
    drop(theirs);
    assert_eq!(connection.receive(&mut buffers), Ok(0));
    assert!(buffers.take().capacity() >= READ_SIZE, "it is back in the pool");
}

#[test]
fn the_rest_stands_in_front_of_what_arrives_next() {
    let (mut connection, mut theirs, mut buffers) = pair();
    theirs.write_all(b"one tw").unwrap();
    connection.receive(&mut buffers).unwrap();
    consume(&mut connection.pending, 4, &mut buffers);
    assert_eq!(connection.pending, b"tw");
    assert!(connection.pending.capacity() < 100, "a short rest does not keep the buffer it arrived in");
    theirs.write_all(b"o thr").unwrap();
    assert_eq!(connection.receive(&mut buffers), Ok(5));
    assert_eq!(connection.pending, b"two thr");
    consume(&mut connection.pending, 0, &mut buffers);
    assert_eq!(connection.pending, b"two thr");
    consume(&mut connection.pending, 4, &mut buffers);
    assert_eq!(connection.pending, b"thr");
}

#[test]
fn a_long_request_grows_in_place_and_arrives_intact() {
    let (mut connection, mut theirs, mut buffers) = pair();
    let message: Vec<u8> = (0..5_000_000_u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
    let copy = message.clone();
    let writer = std::thread::spawn(move || theirs.write_all(&copy).map(|()| theirs));
    let mut copies = 0;
    while connection.pending.len() < message.len() {
        let place = connection.pending.as_ptr();
        match connection.receive(&mut buffers) {
            Ok(_) => consume(&mut connection.pending, 0, &mut buffers),
            Err(Errno::EAGAIN) => std::thread::yield_now(),
            Err(errno) => panic!("{errno}"),
        }
        copies += usize::from(connection.pending.as_ptr() != place);
    }
    assert!(connection.pending == message);
    assert!(copies < 20, "moved {copies} times");
    writer.join().unwrap().unwrap();
}

#[test]
fn a_request_of_exactly_the_read_size_is_no_end_of_stream() {
    let (mut connection, mut theirs, mut buffers) = pair();
    theirs.set_nonblocking(false).unwrap();
    let writer = std::thread::spawn(move || {
        theirs.write_all(&[7; 2 * READ_SIZE]).unwrap();
        theirs
    });
    while connection.pending.len() < 2 * READ_SIZE {
        match connection.receive(&mut buffers) {
            Ok(count) => assert_ne!(count, 0, "after {} bytes", connection.pending.len()),
            Err(errno) => assert_eq!(errno, Errno::EAGAIN),
        }
    }
    let _theirs = writer.join().unwrap();
    assert_eq!(connection.receive(&mut buffers), Err(Errno::EAGAIN));
}

/// Fills the socket until the kernel takes no more.
fn clog(connection: &mut Connection, now: Instant) {
    connection.output = vec![b'x'; 4 << 20];
    while connection.can_write && connection.owed() > 0 {
        connection.flush(now).unwrap();
    }
}

#[test]
fn back_pressure_goes_on_above_the_high_mark_and_off_below_the_low_one() {
    let (mut connection, mut theirs, _) = pair();
    clog(&mut connection, Instant::now());
    assert_eq!((connection.step(&LIMITS), connection.state), (Step::Stay, State::Full));
    assert!(!connection.wants_read());
    assert_eq!(connection.desired_interest(), Interest { writable: true, ..Interest::NONE });

    let expected = connection.output.len();
    let reader = std::thread::spawn(move || {
        let mut all = vec![0; expected];
        theirs.read_exact(&mut all).map(|()| theirs)
    });
    while connection.owed() > 0 {
        connection.flush(Instant::now()).unwrap();
        let owed = connection.owed();
        connection.step(&LIMITS);
        assert_eq!(connection.state == State::Open, owed < LIMITS.low_mark, "with {owed} bytes owed");
    }
    reader.join().unwrap().unwrap();
    assert_eq!(connection.state, State::Open);
    assert_eq!(connection.desired_interest(), Interest::READ);
}

#[test]
fn a_stall_is_measured_from_the_last_progress() {
    let (mut connection, mut theirs, _) = pair();
    let start = Instant::now();
    let second = Duration::from_secs(1);
    clog(&mut connection, start);
    assert_eq!(connection.deadline(&LIMITS, start), Some((start + 5 * second, CloseReason::Stalled)));
    assert_eq!(connection.flush(start + second), Ok(0));
    assert_eq!(
        connection.deadline(&LIMITS, start),
        Some((start + 5 * second, CloseReason::Stalled)),
        "no progress"
    );
    theirs.read_exact(&mut vec![0; 150_000]).unwrap();
    assert!(connection.flush(start + 2 * second).unwrap() > 0);
    assert_eq!(connection.deadline(&LIMITS, start), Some((start + 7 * second, CloseReason::Stalled)));
}

#[test]
fn held_and_exempt_connections_are_not_idle() {
    let (mut connection, _theirs, _) = pair();
    let start = connection.last_activity;
    let later = start + Duration::from_secs(60);
    let idle = LIMITS.idle_timeout.unwrap();
    assert_eq!(connection.deadline(&LIMITS, later), Some((start + idle, CloseReason::Idle)));
    connection.never_idle = true;
    assert_eq!(connection.deadline(&LIMITS, later), Some((later + idle, CloseReason::Idle)));
    connection.never_idle = false;
    connection.state = State::Held;
    assert_eq!(connection.deadline(&LIMITS, later), Some((later + idle, CloseReason::Idle)));
}

#[test]
fn a_held_client_is_read_one_read_ahead() {
    let (mut connection, mut theirs, mut buffers) = pair();
    connection.state = State::Held;
    let writer = std::thread::spawn(move || drop(theirs.write_all(&[1; 4 * READ_SIZE])));
    while connection.wants_read() {
        if let Err(errno) = connection.receive(&mut buffers) {
            assert_eq!(errno, Errno::EAGAIN);
        }
    }
    assert!((READ_SIZE..2 * READ_SIZE).contains(&connection.pending.len()));
    drop(connection);
    writer.join().unwrap();
}

#[test]
fn an_ordinary_end_says_fin_and_waits_for_the_peers() {
    let (mut connection, mut theirs, mut buffers) = pair();
    connection.output = b"bye".to_vec();
    connection.close(CloseReason::ByService, false);
    assert_eq!(connection.step(&LIMITS), Step::Stay, "not before it is sent");
    connection.flush(Instant::now()).unwrap();
    assert_eq!(connection.step(&LIMITS), Step::Linger);
    connection.linger(Instant::now());
    let mut reply = Vec::new();
    theirs.read_to_end(&mut reply).unwrap();
    assert_eq!(reply, b"bye");
    theirs.write_all(b"too late").unwrap();
    assert!(connection.wants_read(), "or the close would be a reset");
    assert_eq!(connection.receive(&mut buffers), Ok(8));
    assert_eq!(connection.step(&LIMITS), Step::Stay);
    connection.peer_ended = true;
    assert_eq!(connection.step(&LIMITS), Step::Remove);
}

#[test]
fn after_the_peers_fin_what_is_owed_is_sent_first() {
    let (mut connection, _theirs, _) = pair();
    clog(&mut connection, Instant::now());
    connection.peer_ended = true;
    connection.close(CloseReason::EndOfStream, false);
    assert_eq!(connection.step(&LIMITS), Step::Stay);
    assert_eq!(connection.desired_interest(), Interest { writable: true, ..Interest::NONE });
    connection.sent = connection.output.len();
    assert_eq!(connection.step(&LIMITS), Step::Remove);
}

#[test]
fn an_end_can_be_cut_short_but_not_taken_back() {
    let (mut connection, _theirs, _) = pair();
    clog(&mut connection, Instant::now());
    connection.close(CloseReason::EndOfStream, false);
    connection.close(CloseReason::Shutdown, false);
    assert_eq!(connection.state, State::Closing { reason: CloseReason::EndOfStream, force: false });
    connection.close(CloseReason::Stalled, true);
    assert_eq!(connection.state, State::Closing { reason: CloseReason::Stalled, force: true });
    connection.abandon(CloseReason::Error(Errno::EPIPE));
    assert_eq!(connection.state, State::Closing { reason: CloseReason::Stalled, force: true });
    assert_eq!(connection.step(&LIMITS), Step::Remove);
}

#[test]
fn a_broken_connection_owes_nothing() {
    let (mut connection, theirs, _) = pair();
    drop(theirs);
    connection.output = b"hello".to_vec();
    let errno = connection.flush(Instant::now()).unwrap_err();
    assert_eq!(errno, Errno::EPIPE, "an errno, not a signal");
    connection.abandon(CloseReason::Error(errno));
    assert_eq!((connection.owed(), connection.step(&LIMITS)), (0, Step::Remove));
}

#[test]
fn sent_output_is_dropped_in_proportion() {
    let (mut connection, _theirs, mut buffers) = pair();
    connection.output = b"0123456789".to_vec();
    connection.sent = 4;
    connection.prepare_output(&mut buffers);
    assert_eq!((connection.sent, connection.owed()), (4, 6), "moving 6 bytes for 4 does not pay");
    connection.sent = 5;
    connection.prepare_output(&mut buffers);
    assert_eq!((connection.sent, &connection.output[..]), (0, &b"56789"[..]));
}
