//! The bugs that well-known teaching servers have, each shown absent by a test on every phase it concerns.
//!
//! Most of these tests stand with the other tests of their phase; [`SHOWN_BY`] says where, and is itself tested. Here
//! stand those of phase 4 that are about its server as a whole.
mod support;

use std::path::Path;
use std::process::Command;

use support::{Conn, Server, binary};

/// Number in the catalogue of classic bugs, what goes wrong, the file under `tests/e2e/tests/`, and the test.
const SHOWN_BY: &[(u32, &str, &str, &str)] = &[
    (
        4,
        "a signal in a system call ends the server",
        "phase1_echo",
        "interrupted_and_aborted_calls_go_unnoticed",
    ),
    (4, "", "phase3_eventloop/process", "interrupted_and_failing_system_calls_are_survived"),
    (4, "", "short_counts", "interruption_by_a_signal"),
    (4, "", "pitfalls", "interrupted_and_failing_calls_are_survived"),
    (5, "a failing accept ends the server", "phase1_echo", "connections_reset_before_accept_are_survived"),
    (5, "", "phase1_echo", "interrupted_and_aborted_calls_go_unnoticed"),
    (5, "", "phase3_eventloop/process", "interrupted_and_failing_system_calls_are_survived"),
    (5, "", "pitfalls", "interrupted_and_failing_calls_are_survived"),
    (
        6,
        "writing to a client that has gone kills",
        "phase1_echo",
        "a_reset_in_the_middle_of_a_reply_is_survived",
    ),
    (6, "", "phase2_framing", "two_thousand_connections_and_some_resets_leave_nothing_behind"),
    (6, "", "phase3_eventloop/ends", "resets_in_every_state_harm_nobody_else"),
    (6, "", "pitfalls", "a_client_that_goes_in_the_middle_of_its_replies_harms_nobody"),
    (
        15,
        "the length's bytes in the wrong order",
        "phase2_framing",
        "bug_15_the_length_is_little_endian_and_a_swapped_one_is_suspected",
    ),
    (
        19,
        "what remains behind a frame is ignored",
        "phase2_framing",
        "bug_19_one_exact_frame_gets_one_reply_and_the_connection_stays",
    ),
    (
        19,
        "",
        "phase3_eventloop/frames",
        "a_hundred_coalesced_frames_get_a_hundred_replies_without_another_byte",
    ),
    (
        20,
        "a length that is negative or overflows",
        "phase2_framing",
        "bug_20_lengths_that_would_be_negative_or_overflow_close_the_connection",
    ),
    (
        20,
        "",
        "phase3_eventloop/limits",
        "the_longest_frame_is_served_and_a_longer_one_ends_its_connection_alone",
    ),
    (20, "", "phase4_protocol/framed", "framed_nonsense_is_refused_and_ends_only_that_connection"),
    (20, "", "phase4_protocol/requests", "protocol_errors_are_redis_own_and_end_only_that_connection"),
    (21, "memory is taken by the header's word", "phase2_framing", "bug_21_a_claimed_length_costs_no_memory"),
    (21, "", "phase3_eventloop/limits", "a_length_alone_reserves_nothing"),
    (21, "", "phase4_protocol/requests", "a_large_value_arrives_in_pieces_and_a_header_alone_costs_nothing"),
    (
        24,
        "a frame cut short is taken for a message",
        "phase2_framing",
        "bug_24_a_frame_cut_short_gets_no_reply_and_is_logged_with_its_place",
    ),
    (24, "", "phase3_eventloop/ends", "an_end_inside_a_frame_gets_no_reply_and_is_named"),
    (24, "", "pitfalls", "a_request_cut_short_does_nothing"),
    (
        29,
        "half a request keeps all others waiting",
        "phase3_eventloop/frames",
        "half_a_frame_keeps_nobody_waiting",
    ),
    (29, "", "pitfalls", "half_a_request_keeps_nobody_waiting"),
    (
        38,
        "out of descriptors, accept is tried without end",
        "phase3_eventloop/limits",
        "running_out_of_descriptors_is_survived_without_spinning",
    ),
    (38, "", "pitfalls", "running_out_of_descriptors_is_survived_without_spinning"),
    (
        42,
        "replies nobody reads pile up without bound",
        "phase3_eventloop/limits",
        "a_client_that_does_not_read_costs_little_memory_and_nobody_elses_time",
    ),
    (42, "", "phase4_protocol/limits", "a_client_that_never_reads_costs_bounded_memory_and_is_closed"),
    (
        48,
        "the parser recurses until the stack ends",
        "pitfalls",
        "deep_nesting_ends_in_an_error_and_not_in_a_crash",
    ),
];

#[test]
fn every_entry_names_a_test_that_exists() {
    for (bug, _, file, test) in SHOWN_BY {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/{file}.rs"));
        let source =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(source.contains(&format!("\nfn {test}()")), "bug {bug}: no test {test} in {file}.rs");
    }
}

/// Runs the test on both pollers, with phase 4's server.
fn every_poller(flags: &[&str], test: impl Fn(Server)) {
    for poller in ["epoll", "poll"] {
        let common = ["--port", "any", "--framed-port", "any", "--poller", poller];
        test(Server::start_expecting("keyspace-server", &[&common[..], flags].concat(), 2));
    }
}

fn assert_serves(server: &Server) {
    let mut conn = Conn::to(server.addr_of("resp"));
    conn.send(b"PING\r\n");
    assert_eq!(conn.read_exact(7), b"+PONG\r\n");
}

#[test]
fn a_client_that_goes_in_the_middle_of_its_replies_harms_nobody() {
    every_poller(&[], |mut server| {
        let mut witness = Conn::to(server.addr_of("resp"));
        witness.send(format!("SET big {}\r\n", "x".repeat(60_000)).as_bytes());
        assert_eq!(witness.read_exact(5), b"+OK\r\n");
        for _ in 0..5 {
            let mut conn = Conn::with_receive_buffer(server.addr_of("resp"), 4096);
            conn.send(&b"GET big\r\n".repeat(200));
            // The first bytes of the replies prove that the server is writing; then the reader is gone.
            conn.read_exact(10);
            conn.reset();
            witness.send(b"PING\r\n");
            assert_eq!(witness.read_exact(7), b"+PONG\r\n");
        }
        server.assert_alive();
    });
}

#[test]
fn a_request_cut_short_does_nothing() {
    every_poller(&[], |server| {
        let halves: [(&str, &[u8]); 3] = [
            ("resp", b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nval"),
            ("resp", b"SET k value"),
            ("framed", b"\x16\0\0\0\x03\0\0\0\x03\0\0\0set\x01\0\0\0k\x02\0\0\0v"),
        ];
        for (word, half) in halves {
            let mut conn = Conn::to(server.addr_of(word));
            conn.send(half);
            conn.half_close();
            assert_eq!(conn.read_to_end(), b"", "{}", half.escape_ascii());
        }
        let mut conn = Conn::to(server.addr_of("resp"));
        conn.send(b"EXISTS k\r\n");
        assert_eq!(conn.read_exact(4), b":0\r\n");
    });
}

#[test]
fn half_a_request_keeps_nobody_waiting() {
    every_poller(&[], |server| {
        let mut slow: Vec<Conn> = Vec::new();
        for (word, half) in [("resp", &b"*2\r\n$4\r\nECHO\r\n$5\r\nhe"[..]), ("framed", b"\x10\0\0\0\x02\0")]
        {
            let mut conn = Conn::to(server.addr_of(word));
            conn.send(half);
            conn.wait_until_taken();
            slow.push(conn);
        }
        assert_serves(&server);
        slow[0].send(b"llo\r\n");
        assert_eq!(slow[0].read_exact(11), b"$5\r\nhello\r\n");
    });
}

#[test]
fn running_out_of_descriptors_is_survived_without_spinning() {
    let server = {
        let binary = binary("keyspace-server").display().to_string();
        let line = format!("ulimit -n 48 && exec '{binary}' --port any --framed-port 0 --maxclients 10000");
        let mut command = Command::new("sh");
        command.args(["-c", &line]);
        Server::spawn(command, 1)
    };
    // More than it can have: those beyond are refused, closed, or wait in the kernel's queue.
    let crowd: Vec<Conn> = (0..80).map(|_| Conn::to(server.addr())).collect();
    let before = server.cpu_ticks();
    // The one wait for time itself: an idle second must cost next to nothing. 20 ticks are a fifth of it.
    std::thread::sleep(std::time::Duration::from_secs(1));
    let spent = server.cpu_ticks() - before;
    assert!(spent < 20, "{spent} clock ticks in an idle second");
    drop(crowd);
    support::eventually("the server accepts again", || {
        let mut conn = Conn::to(server.addr());
        use std::io::{Read, Write};
        let mut answer = [0; 7];
        let answered = conn.stream.write_all(b"PING\r\n").and_then(|()| conn.stream.read_exact(&mut answer));
        (answered.is_ok() && &answer == b"+PONG\r\n").then_some(())
    });
}

#[test]
fn deep_nesting_ends_in_an_error_and_not_in_a_crash() {
    every_poller(&[], |mut server| {
        let mut conn = Conn::to(server.addr_of("resp"));
        // A request is an array of strings: the second `*` already stands where `$` is due.
        conn.stuff_all(&b"*1\r\n".repeat(60_000));
        let answer = conn.read_until_closed();
        assert_eq!(answer.escape_ascii().to_string(), r"-ERR Protocol error: expected \'$\', got \'*\'\r\n");
        server.assert_alive();
        assert_serves(&server);
    });
}

impl Conn {
    /// Sends as much as the server takes before it closes.
    fn stuff_all(&mut self, bytes: &[u8]) {
        use std::io::Write;
        // It may close at the first four bytes, and then the rest fails.
        let _ = self.stream.write_all(bytes);
    }
}

#[test]
#[ignore = "needs strace and ptrace"]
fn interrupted_and_failing_calls_are_survived() {
    // The first calls of each kind, then every fifth: whatever the loop does after a failure happens too.
    for fault in [
        "recvfrom:error=EINTR:when=2+5",
        "sendto,writev:error=EINTR:when=1+5",
        "accept4:error=EINTR:when=1+3",
        "accept4:error=ECONNABORTED:when=1+3",
        "epoll_wait,epoll_pwait:error=EINTR:when=3+4",
    ] {
        let mut command = Command::new("strace");
        command.args(["-f", "-o", "/dev/null", "-e", &format!("inject={fault}")]);
        command.arg(binary("keyspace-server")).args(["--port", "any", "--framed-port", "0"]);
        let server = Server::spawn(command, 1);
        for round in 0..10 {
            let mut conn = server.connect();
            for n in 0..5 {
                conn.send(format!("SET k{round} {n}\r\nGET k{round}\r\n").as_bytes());
                assert_eq!(conn.read_exact(12), format!("+OK\r\n$1\r\n{n}\r\n").as_bytes(), "{fault}");
            }
        }
    }
}
