//! Many at once, and what they cost: time in proportion, and none when nothing happens.
use std::io::Read as _;
use std::thread;

use super::{assert_serves, echo, every_loop, frame, frames, ticks_in_a_quiet_second};
use crate::support::{Conn, Server, eventually};

#[test]
fn a_storm_of_short_connections_confuses_nobody_and_leaks_nothing() {
    every_loop(|server| {
        assert_serves(&server);
        let before = server.fd_count();
        thread::scope(|scope| {
            for worker in 0..4_u32 {
                let server = &server;
                scope.spawn(move || {
                    for round in 0..400_u32 {
                        let token = [worker.to_le_bytes(), round.to_le_bytes()].concat();
                        let mut conn = server.connect();
                        conn.send(&frame(&token));
                        match round % 4 {
                            // Gone before the reply, one way or the other.
                            0 => drop(conn),
                            1 => conn.reset(),
                            _ => assert_eq!(conn.read_exact(12), frame(&token), "somebody else's reply"),
                        }
                    }
                });
            }
        });
        eventually("every descriptor is closed again", || (server.fd_count() <= before).then_some(()));
        assert_serves(&server);
    });
}

#[test]
fn five_hundred_clients_half_close_at_once() {
    every_loop(|server| {
        let mut conns: Vec<_> = (0..500).map(|_| server.connect()).collect();
        conns.iter_mut().for_each(|conn| echo(conn, b"inside"));
        let before = server.fd_count();
        server.while_stopped(|| {
            for (number, conn) in conns.iter_mut().enumerate() {
                if number % 2 == 0 {
                    conn.send(&frame(&number.to_le_bytes()));
                    conn.half_close();
                }
            }
        });
        for (number, conn) in conns.iter_mut().enumerate() {
            if number % 2 == 0 {
                assert_eq!(conn.read_to_end(), frame(&number.to_le_bytes()));
            } else {
                echo(conn, &number.to_le_bytes());
            }
        }
        eventually("250 descriptors are closed", || (server.fd_count() + 250 <= before).then_some(()));
    });
}

#[test]
fn a_flooder_starves_nobody() {
    let pattern = frames(1000, 100);
    every_loop(|server| {
        let mut flooder = server.connect();
        let mut drain = flooder.stream.try_clone().unwrap();
        let mut other = server.connect();
        thread::scope(|scope| {
            scope.spawn(move || {
                let mut bytes = vec![0; 1 << 20];
                while drain.read(&mut bytes).is_ok_and(|count| count > 0) {}
            });
            let asking =
                scope.spawn(move || (0..200_u32).for_each(|number| echo(&mut other, &number.to_le_bytes())));
            while !asking.is_finished() {
                flooder.send(&pattern);
            }
            flooder.half_close();
        });
    });
}

#[test]
fn work_grows_in_proportion() {
    every_loop(|server| {
        let cpu = |count: usize, size: usize| {
            let sent = frames(count, size);
            let once = || {
                let mut conn = server.connect();
                let mut writer = Conn { stream: conn.stream.try_clone().unwrap() };
                let before = cpu_nanos(&server);
                thread::scope(|scope| {
                    scope.spawn(|| writer.send(&sent));
                    assert_eq!(conn.read_exact(sent.len()).len(), sent.len());
                });
                cpu_nanos(&server) - before
            };
            (0..3).map(|_| once()).min().unwrap() as f64
        };
        // What is quadratic would take 256 times as much for 16 times the work; 64 leaves a factor of four to the caches
        // of a busy machine. Longer frames would be about the pages that the allocator gets from the kernel for them.
        let ratio = cpu(800_000, 6) / cpu(50_000, 6);
        assert!(ratio < 64.0, "16 times as many tiny frames took {ratio:.1} times the processor time");
        let ratio = cpu(1, 8 << 20) / cpu(1, 512 << 10);
        assert!(ratio < 64.0, "a frame 16 times as long took {ratio:.1} times the processor time");
    });
}

/// Processor time the server has used, in nanoseconds: finer than [`Server::cpu_ticks`].
fn cpu_nanos(server: &Server) -> u64 {
    kit::procfs::cpu_nanos(server.pid().as_raw()).unwrap()
}

#[test]
fn nothing_happens_when_nothing_happens() {
    every_loop(|server| {
        let mut conns: Vec<_> = (0..200).map(|_| server.connect()).collect();
        for (number, conn) in conns.iter_mut().enumerate() {
            match number % 3 {
                0 => echo(conn, b"once"),
                1 => conn.send(&frame(b"half of it")[..7]),
                _ => {}
            }
        }
        assert_serves(&server);
        let ticks = ticks_in_a_quiet_second(&server);
        assert!(ticks <= 2, "{ticks} ticks for 200 idle clients");
        assert_eq!(server.status_field("Threads"), 1);
    });
}
