//! Frames, however they are cut and however many come at once.
use std::thread;

use super::{assert_serves, echo, every_loop, frame, frames};
use crate::support::{Conn, noise};

#[test]
fn frames_of_every_size_come_back() {
    every_loop(|server| {
        let mut conn = server.connect();
        for size in
            [0, 1, 3, 4, 5, 1023, 4092, 4096, 65_531, 65_532, 65_533, 65_536, 131_068, 131_072, 262_144]
        {
            echo(&mut conn, &noise(size as u64, size));
        }
        conn.half_close();
        conn.expect_eof();
    });
}

#[test]
fn a_read_that_fills_the_buffer_is_no_end_of_stream() {
    every_loop(|server| {
        // All of it is in the server's kernel before it may read: the first read is full to the brim.
        for total in [65_536, 131_072, 196_608] {
            let mut conn = server.connect();
            let sent = frame(&noise(1, total - 4));
            let mut writer = Conn { stream: conn.stream.try_clone().unwrap() };
            let bytes = sent.clone();
            let writing = server.while_stopped(|| thread::spawn(move || writer.send(&bytes)));
            assert!(conn.read_exact(total) == sent);
            writing.join().unwrap();
            echo(&mut conn, b"still here");
        }
    });
}

#[test]
fn frames_split_anywhere_come_back() {
    let sent = [frame(b"first"), frame(b""), frame(b"the last")].concat();
    every_loop(|server| {
        let mut conn = server.connect();
        for offset in 1..sent.len() {
            conn.send_split(&sent, &[offset]);
            assert_eq!(conn.read_exact(sent.len()), sent, "split at {offset}");
        }
        conn.drip(&sent);
        assert_eq!(conn.read_exact(sent.len()), sent, "byte by byte");
    });
}

#[test]
fn a_thousand_pipelined_requests_are_answered_in_order() {
    let sent: Vec<u8> = (0..1000_u32).flat_map(|number| frame(&number.to_le_bytes())).collect();
    every_loop(|server| {
        let mut conn = server.connect();
        conn.send(&sent);
        assert!(conn.read_exact(sent.len()) == sent);
    });
}

#[test]
fn a_hundred_coalesced_frames_get_a_hundred_replies_without_another_byte() {
    let sent = frames(100, 50);
    every_loop(|server| {
        let mut conn = server.connect();
        conn.send(&sent);
        assert!(conn.read_exact(sent.len()) == sent);
        // And 2½ frames get two, then the rest.
        let sent = frames(3, 100);
        conn.send_split(&sent, &[2 * 104 + 50]);
        assert!(conn.read_exact(sent.len()) == sent);
    });
}

#[test]
fn a_megabyte_at_once_and_then_silence() {
    let sent = frames(10_000, 100);
    every_loop(|server| {
        let mut conn = server.connect();
        let mut writer = Conn { stream: conn.stream.try_clone().unwrap() };
        thread::scope(|scope| {
            scope.spawn(|| writer.send(&sent));
            assert!(conn.read_exact(sent.len()) == sent);
        });
    });
}

#[test]
fn half_a_frame_keeps_nobody_waiting() {
    every_loop(|server| {
        let mut slow = server.connect();
        slow.send(&frame(b"hello")[..6]);
        slow.wait_until_taken();
        for _ in 0..20 {
            assert_serves(&server);
        }
        slow.send(&frame(b"hello")[6..]);
        assert_eq!(slow.read_exact(9), frame(b"hello"));
    });
}

#[test]
fn many_clients_drip_at_once() {
    let sent = frames(2, 20);
    every_loop(|server| {
        let mut conns: Vec<_> = (0..200).map(|_| server.connect()).collect();
        for byte in &sent {
            conns.iter_mut().for_each(|conn| conn.send(std::slice::from_ref(byte)));
        }
        for conn in &mut conns {
            assert_eq!(conn.read_exact(sent.len()), sent);
        }
        assert_eq!(server.status_field("Threads"), 1);
    });
}
