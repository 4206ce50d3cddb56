//! Clients that finish, half-close, reset or stop in the middle.
use std::thread;

use super::{assert_serves, echo, every_loop, frame, frames, stuff};
use crate::support::{Conn, eventually};

#[test]
fn half_closing_gets_everything_that_is_owed() {
    let sent = frames(8, 1 << 20);
    every_loop(|server| {
        let mut conn = server.connect();
        let mut writer = Conn { stream: conn.stream.try_clone().unwrap() };
        thread::scope(|scope| {
            scope.spawn(|| {
                writer.send(&sent);
                writer.half_close();
            });
            assert!(conn.read_to_end() == sent);
        });
    });
}

#[test]
fn data_and_end_in_one_burst() {
    every_loop(|server| {
        for size in [0, 10, 70_000] {
            let sent = frames(3, size);
            let mut conn = server.connect();
            // Stopped, the server sees both in the same event.
            server.while_stopped(|| {
                conn.send(&sent);
                conn.half_close();
            });
            assert!(conn.read_to_end() == sent, "3 frames of {size} bytes and FIN");
        }
    });
}

#[test]
fn an_end_inside_a_frame_gets_no_reply_and_is_named() {
    every_loop(|server| {
        for (cut, sent) in [(2, &frame(b"hello")[..2]), (9, &[frame(b"hello"), frame(b"x")].concat()[..11])] {
            let mut conn = server.connect();
            let peer = conn.local_addr();
            conn.send(sent);
            conn.half_close();
            assert_eq!(conn.read_to_end(), &sent[..sent.len() - 2], "cut at {cut}");
            server.wait_stderr(&peer.to_string());
        }
        assert_serves(&server);
    });
}

#[test]
fn resets_in_every_state_harm_nobody_else() {
    let pattern = frames(1000, 1000);
    every_loop(|mut server| {
        let mut bystander = server.connect();
        for _ in 0..10 {
            server.connect().reset();
            let mut halfway = server.connect();
            halfway.send(&frame(b"hello")[..5]);
            halfway.reset();
            let mut unread = server.connect();
            unread.send(&pattern);
            unread.reset();
        }
        // One whose output is full when it goes.
        let mut stalled = server.connect();
        stuff(&mut stalled, &pattern);
        let before = server.fd_count();
        stalled.reset();
        eventually("the descriptor of a reset connection is closed", || {
            (server.fd_count() < before).then_some(())
        });
        echo(&mut bystander, b"still here");
        server.assert_alive();
    });
}
