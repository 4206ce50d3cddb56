//! The process: its command line, its signals, its system calls, its trace.
use std::process::Command;

use nix::sys::signal::Signal;

use super::{LOOPS, assert_serves, cycle, echo, every_loop, frames, stuff, ticks_in_a_quiet_second};
use crate::support::{Server, binary, eventually, refusal};

#[test]
fn sigterm_sends_the_replies_in_flight() {
    let pattern = frames(1000, 1000);
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        every_loop(|mut server| {
            let mut idle = server.connect();
            let mut reader = server.connect();
            let sent = stuff(&mut reader, &pattern);
            server.signal(signal);
            let received = reader.read_to_end();
            // Every reply that had been made, whole, then the end of the stream and no reset.
            assert!(
                received.len() <= sent && received.len() % 1004 == 0,
                "{} of {sent} bytes",
                received.len()
            );
            assert!(received.len() > 1 << 20, "only {} bytes", received.len());
            assert!(received == cycle(&pattern, 0..received.len()));
            idle.expect_eof();
            let status = server.wait_exit();
            assert!(status.success(), "{status}: {}", server.stderr());
        });
    }
}

#[test]
fn sigterm_does_not_wait_for_ever() {
    let pattern = frames(1000, 1000);
    every_loop(|mut server| {
        let mut stalled = server.connect();
        stuff(&mut stalled, &pattern);
        server.signal(Signal::SIGTERM);
        // Nobody is let in any more, so the signal has been seen; a second one ends the patience.
        eventually("the listener is closed", || {
            std::net::TcpStream::connect(server.addr()).is_err().then_some(())
        });
        server.signal(Signal::SIGTERM);
        assert!(server.wait_exit().success());
    });
}

#[test]
fn a_restart_gets_its_port_back_at_once() {
    let server = Server::start("eventloop-server", &["--port", "0"]);
    let port = server.addr().port().to_string();
    let mut conn = server.connect();
    echo(&mut conn, b"hello");
    server.terminate();
    let server = Server::start("eventloop-server", &["--port", &port]);
    assert_serves(&server);
}

#[test]
fn the_trace_tells_what_happened() {
    let directory = tempfile::tempdir().unwrap();
    let pattern = frames(1000, 1000);
    for (number, kind) in LOOPS.iter().enumerate() {
        let path = directory.path().join(format!("{number}.json"));
        let flags =
            [&["--port", "0", "--idle-timeout", "600", "--trace", path.to_str().unwrap()], *kind].concat();
        let server = Server::start("eventloop-server", &flags);
        let mut stalled = server.connect();
        let sent = stuff(&mut stalled, &pattern);
        stalled.read_exact(sent / 1004 * 1004);
        let peer = stalled.local_addr().to_string();
        stalled.half_close();
        stalled.expect_eof();
        // Written while the server runs, too, not only at its end.
        eventually("the trace is written", || {
            std::fs::read_to_string(&path).unwrap().contains("\"close\"").then_some(())
        });
        let ticks = ticks_in_a_quiet_second(&server);
        assert!(ticks <= 2, "{ticks} ticks of tracing nothing");
        server.terminate();

        let text = std::fs::read_to_string(&path).unwrap();
        let events: Vec<serde_json::Value> = serde_json::from_str(&text).expect("valid JSON");
        let track = events
            .iter()
            .find(|event| event["name"] == "thread_name" && event["args"]["name"] == peer.as_str());
        let track = &track.expect("a track with the peer's name")["tid"];
        assert!(*track != 0);
        let on_track = |name: &str| {
            events.iter().filter(|event| event["tid"] == *track && event["name"] == name).collect::<Vec<_>>()
        };
        for name in ["accept", "read", "serve", "write", "back-pressure on", "back-pressure off", "close"] {
            let found = on_track(name);
            assert!(!found.is_empty(), "no {name:?} in the trace of {kind:?}");
            assert!(found.iter().all(|event| event["ts"].is_f64() && event["pid"].is_u64()), "{found:?}");
        }
        assert_eq!(on_track("accept")[0]["args"]["peer"], peer.as_str());
        let total = |name: &str| {
            on_track(name).iter().filter_map(|event| event["args"]["bytes"].as_u64()).sum::<u64>()
        };
        assert_eq!(total("read") as usize, sent);
        assert_eq!(total("write") as usize, sent / 1004 * 1004);
        assert!(
            events.iter().any(|event| event["tid"] == 0 && event["name"] == "wait" && event["dur"].is_f64())
        );
        assert!(events.iter().any(|event| event["tid"] == 0 && event["name"] == "tick"));
    }
}

#[test]
fn mistakes_on_the_command_line_are_answered_in_one_line() {
    let said = |flags: &[&str]| refusal("eventloop-server", flags);
    assert!(said(&["--poller", "kqueue"]).contains("choose epoll or poll"));
    assert!(said(&["--edge-triggered"]).contains("--example edge"));
    assert!(said(&["--port", "65536"]).contains("from 0 to 65535"));
    assert!(said(&["--max-clients", "many"]).contains("--max-clients"));
    assert!(said(&["--max-frame", "5g"]).contains("--max-frame"));
    assert!(said(&["--idle-timeout", "soon"]).contains("seconds"));
    assert!(said(&["--edge"]).contains("--help"));
    assert!(said(&["--trace", "/nonexistent/file"]).contains("--trace"));
    assert!(said(&["--port", "0", "--host", "192.0.2.1"]).contains("not an address of this machine"));
    let server = Server::start("eventloop-server", &["--port", "0"]);
    let port = server.addr().port().to_string();
    assert!(said(&["--port", &port]).contains("is in use"));
    assert!(server.stderr().contains(&format!("nc -N 127.0.0.1 {port}")), "{}", server.stderr());
    assert_eq!(server.stdout(), format!("listening on {}\n", server.addr()));
}

#[test]
#[ignore = "needs strace"]
fn interrupted_and_failing_system_calls_are_survived() {
    let faults = [
        "recvfrom:error=EINTR:when=1+2",
        "sendto:error=EINTR:when=1+2",
        "sendto:error=EAGAIN:when=1+2",
        "accept4:error=ECONNABORTED:when=1+2",
        "accept4:error=EAGAIN:when=1+2",
        "accept4:error=EINTR:when=1+2",
        "epoll_wait:error=EINTR:when=1+2",
        "poll:error=EINTR:when=1+2",
    ];
    for fault in faults {
        for kind in LOOPS {
            println!("{fault} with {kind:?}");
            let mut command = Command::new("strace");
            let log = tempfile::NamedTempFile::new().unwrap();
            command.args(["-f", "-e", &format!("inject={fault}"), "-o"]).arg(log.path());
            command.arg(binary("eventloop-server")).args(["--port", "0"]).args(kind);
            let server = Server::spawn(command, 1);
            let sent = frames(20, 5000);
            for _ in 0..10 {
                let mut conn = server.connect();
                conn.send(&sent);
                assert!(conn.read_exact(sent.len()) == sent);
                echo(&mut conn, b"and again");
                conn.half_close();
                conn.expect_eof();
            }
        }
    }
}
