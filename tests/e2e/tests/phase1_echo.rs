//! Phase 1 from outside: bytes come back, whatever the mode and whichever face of the system calls.
mod support;

use std::process::Command;

use nix::sys::signal::Signal;
use support::{Conn, Server, eventually, noise, refusal, run};

/// Runs `test` on a server of every mode, with nix and with bare libc.
fn every_server(test: impl Fn(Server)) {
    for mode in ["iterative", "fork", "thread"] {
        test(Server::start("echo-server", &["--port", "0", "--mode", mode]));
        test(Server::start("echo-server", &["--port", "0", "--mode", mode, "--raw"]));
    }
}

/// The server still answers a new client.
fn assert_serves(server: &Server) {
    let mut conn = server.connect();
    conn.send(b"ping");
    assert_eq!(conn.read_exact(4), b"ping");
    conn.half_close();
    conn.expect_eof();
}

#[test]
fn bytes_come_back_one_by_one() {
    every_server(|server| {
        let mut conn = server.connect();
        for byte in b"drip, drip" {
            conn.send(&[*byte]);
            assert_eq!(conn.read_exact(1), [*byte]);
        }
        conn.half_close();
        conn.expect_eof();
    });
}

#[test]
fn every_byte_value_survives() {
    let all: Vec<u8> = (0..=255).collect();
    every_server(|server| {
        let mut conn = server.connect();
        conn.send(&all);
        assert_eq!(conn.read_exact(256), all);
    });
}

#[test]
fn sizes_around_common_buffers_survive() {
    every_server(|server| {
        for size in [1023, 1024, 1025, 4095, 4096, 4097, 16383, 16384, 16385, 65535, 65536, 65537] {
            let sent = noise(size as u64, size);
            let mut conn = server.connect();
            conn.send(&sent);
            assert!(conn.read_exact(size) == sent, "{size} bytes");
        }
    });
}

#[test]
fn half_close_gets_the_whole_reply_and_then_the_end() {
    every_server(|server| {
        let sent = noise(7, 100_000);
        let mut conn = server.connect();
        conn.send(&sent);
        conn.half_close();
        assert!(conn.read_to_end() == sent);
    });
}

#[test]
fn a_slow_reader_of_8_mb_gets_every_byte() {
    every_server(|server| {
        let sent = noise(8, 8 << 20);
        let mut conn = Conn::with_receive_buffer(server.addr(), 4096);
        let mut writer = Conn { stream: conn.stream.try_clone().unwrap() };
        let received = std::thread::scope(|scope| {
            scope.spawn(|| {
                writer.send(&sent);
                writer.half_close();
            });
            conn.read_to_end()
        });
        assert_eq!(received.len(), sent.len());
        assert!(received == sent, "bytes were changed on the way");
    });
}

#[test]
fn an_end_of_stream_is_no_error_and_costs_nothing() {
    every_server(|server| {
        let mut conn = server.connect();
        let peer = conn.local_addr();
        conn.half_close();
        conn.expect_eof();
        if server.children().is_empty() {
            server.wait_stderr(&format!("closed {peer}: end of stream, 0 bytes echoed"));
        }
        assert_serves(&server);
        let before = server.cpu_ticks();
        let mut idle = server.connect();
        for _ in 0..20 {
            idle.send(b".");
            idle.read_exact(1);
        }
        assert!(server.cpu_ticks() - before < 20, "a server that waits must not burn processor time");
    });
}

#[test]
fn the_server_may_be_restarted_at_once_on_its_port() {
    every_server(|server| {
        let port = server.addr().port().to_string();
        let mut conn = server.connect();
        conn.send(b"x");
        conn.read_exact(1);
        // The server closes first, so its end of the connection stays in TIME_WAIT.
        server.terminate();
        conn.expect_eof();
        let again = Server::start("echo-server", &["--port", &port]);
        assert_serves(&again);
    });
}

#[test]
fn two_thousand_connections_leave_no_descriptor_behind() {
    every_server(|mut server| {
        assert_serves(&server);
        let settled = |server: &Server| {
            eventually("children and descriptors are gone", || {
                let idle = server.status_field("Threads") == 1 && server.children().is_empty();
                // The fork mode's last zombies wait for the next client.
                if !idle && !server.children().is_empty() {
                    assert_serves(server);
                }
                (idle || server.children().len() <= 2).then(|| server.fd_count())
            })
        };
        let before = settled(&server);
        for _ in 0..2000 {
            let mut conn = server.connect();
            conn.send(b"x");
            assert_eq!(conn.read_exact(1), b"x");
            conn.half_close();
            conn.expect_eof();
        }
        let after = settled(&server);
        assert!(after <= before + 2, "{before} descriptors before 2,000 connections, {after} after");
        assert!(server.children().len() <= 3, "zombies: {:?}", server.children());
        server.assert_alive();
    });
}

#[test]
fn a_reset_in_the_middle_of_a_reply_is_survived() {
    every_server(|mut server| {
        for _ in 0..3 {
            // The server is stuck in write when the reset comes: EPIPE or ECONNRESET, never SIGPIPE.
            let mut conn = Conn::with_receive_buffer(server.addr(), 4096);
            conn.stuff();
            conn.reset();
            server.assert_alive();
        }
        assert_serves(&server);
    });
}

#[test]
fn connections_reset_before_accept_are_survived() {
    every_server(|mut server| {
        let mut first = server.connect();
        first.send(b"x");
        first.read_exact(1);
        // In iterative mode these wait in the backlog while the first client is served, and are gone when accepted.
        (0..20).for_each(|_| server.connect().reset());
        first.half_close();
        first.expect_eof();
        assert_serves(&server);
        server.assert_alive();
    });
}

#[test]
fn fork_and_thread_serve_many_at_once() {
    for mode in ["fork", "thread"] {
        let server = Server::start("echo-server", &["--port", "0", "--mode", mode]);
        let mut conns: Vec<_> = (0..50).map(|_| server.connect()).collect();
        // In reverse, so that each waits behind one that was accepted earlier and is still open.
        for conn in conns.iter_mut().rev() {
            conn.send(b"now");
            assert_eq!(conn.read_exact(3), b"now");
        }
        let tasks =
            if mode == "fork" { server.children().len() as u64 } else { server.status_field("Threads") - 1 };
        assert_eq!(tasks, 50, "--mode {mode}");
    }
}

#[test]
fn iterative_serves_the_next_client_when_the_first_has_gone() {
    let server = Server::start("echo-server", &["--port", "0"]);
    let mut first = server.connect();
    first.send(b"1");
    first.read_exact(1);
    let mut second = server.connect();
    second.send(b"2");
    // Another full exchange with the first shows that the server had its chance and kept to its client.
    first.send(b"1");
    first.read_exact(1);
    second.expect_silence();
    drop(first);
    assert_eq!(second.read_exact(1), b"2");
}

#[test]
fn each_connection_logs_its_4_tuple() {
    every_server(|server| {
        let conn = server.connect();
        server.wait_stderr(&format!("accepted {} -> {} tcp\n", conn.local_addr(), server.addr()));
    });
}

#[test]
fn sigterm_and_sigint_finish_the_reply_and_exit_0() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        every_server(|mut server| {
            let sent = noise(9, 100_000);
            let mut conn = Conn::with_receive_buffer(server.addr(), 4096);
            conn.send(&sent);
            eventually("all of it is in the server's hands", || {
                (conn.unread_by_server().0 == 0).then_some(())
            });
            server.wait_stderr("accepted");
            server.signal(signal);
            assert!(conn.read_exact(sent.len()) == sent);
            conn.expect_eof();
            let status = server.wait_exit();
            assert_eq!(status.code(), Some(0), "{signal}: {}", server.stderr());
        });
    }
}

#[test]
fn sigterm_ends_a_server_with_idle_clients_or_none() {
    every_server(Server::terminate);
    every_server(|server| {
        let mut conn = server.connect();
        conn.send(b"x");
        conn.read_exact(1);
        server.terminate();
        conn.expect_eof();
    });
}

#[test]
fn a_client_that_never_reads_cannot_hold_up_the_exit() {
    let mut server = Server::start("echo-server", &["--port", "0"]);
    let mut conn = Conn::with_receive_buffer(server.addr(), 4096);
    conn.stuff();
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait_exit().code(), Some(0));
    server.wait_stderr("did not take its last replies in time");
}

#[test]
fn an_idle_client_is_closed_only_if_asked_for() {
    let server = Server::start("echo-server", &["--port", "0", "--idle-timeout", "0.05"]);
    let mut idle = server.connect();
    idle.expect_eof();
    server.wait_stderr("idle for too long");
    assert_serves(&server);
}

#[test]
fn the_first_words_tell_what_to_type() {
    let server = Server::start("echo-server", &["--port", "0"]);
    let hint = format!("nc 127.0.0.1 {}", server.addr().port());
    server.wait_stderr(&hint);
    assert!(server.stderr().lines().next().is_some_and(|line| line.contains(&hint)), "{}", server.stderr());
    assert_eq!(server.stdout(), format!("listening on {}\n", server.addr()));
}

#[test]
fn mistakes_on_the_command_line_get_one_clear_line() {
    let taken = Server::start("echo-server", &["--port", "0"]);
    let port = taken.addr().port().to_string();
    for raw in [&[][..], &["--raw"][..]] {
        let with = |args: &[&str]| refusal("echo-server", &[args, raw].concat());
        let in_use = with(&["--port", &port]);
        assert!(in_use.contains(&format!("port {port} on 127.0.0.1 is in use")) && in_use.contains("--port"));
        assert!(with(&["--host", "192.0.2.1"]).contains("not an address of this machine"));
        assert!(with(&["--prot", "1"]).contains("did you mean --port?"));
        assert!(with(&["--port", "70000"]).contains("from 0 to 65535"));
        assert!(with(&["--mode", "async"]).contains("iterative, fork or thread"));
        assert!(with(&["7001"]).contains("unexpected argument"));
    }
    assert!(refusal("echo-server", &["--raw", "--host", "::1", "--port", "0"]).contains("IPv4 only"));
}

/// Who may bind port 80 depends on user and machine, so the test makes itself a user without privileges.
#[test]
#[ignore = "needs root, to become somebody else"]
fn a_privileged_port_is_explained() {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"]);
    command.arg(support::binary("echo-server")).args(["--port", "80"]);
    let output = support::run_command(command, b"");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("port 80 is privileged"), "{stderr}");
}

#[test]
fn help_names_the_flags() {
    for (name, flag) in [("echo-server", "--mode MODE"), ("echo-client", "--timeout SECONDS")] {
        let output = run(name, &["--help"], b"");
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).contains(flag));
    }
}

#[test]
fn the_client_prints_what_comes_back() {
    let server = Server::start("echo-server", &["--port", "0"]);
    let port = server.addr().port().to_string();
    for raw in [&[][..], &["--raw"][..]] {
        let talk = |args: &[&str], input: &[u8]| {
            run("echo-client", &[&["--port", &port], raw, args].concat(), input)
        };
        assert_eq!(talk(&["hello", "world"], b"").stdout, b"hello world\n");
        // Far more than all buffers between the two hold: a client that sent first and read later would hang.
        let large = noise(3, 16 << 20);
        let output = talk(&[], &large);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout == large);
    }
    drop(server);
    assert!(refusal("echo-client", &["--port", &port, "hello"]).contains("nothing listens on"));
}

/// Every second call of each kind fails the way the kernel may make it fail; nobody notices.
#[test]
#[ignore = "needs strace"]
fn interrupted_and_aborted_calls_go_unnoticed() {
    for (fault, words) in [
        ("read:error=EINTR", ""),
        ("write:error=EINTR", ""),
        ("accept4:error=EINTR", ""),
        ("accept4:error=ECONNABORTED", ""),
        ("accept4:error=EMFILE", "trying again"),
    ] {
        for raw in [&[][..], &["--raw"][..]] {
            let mut command = Command::new("strace");
            // The dynamic loader and the runtime make the first reads and writes, and must not be disturbed.
            let first = if fault.starts_with("accept4") { 1 } else { 20 };
            command.args(["-f", "-o", "/dev/null", "-e", &format!("inject={fault}:when={first}+2")]);
            command.arg(support::binary("echo-server")).args(["--port", "0"]).args(raw);
            let mut server = Server::spawn(command, 1);
            for _ in 0..3 {
                let mut conn = server.connect();
                for i in 0..40_u8 {
                    conn.send(&[i]);
                    assert_eq!(conn.read_exact(1), [i], "{fault}");
                }
                conn.half_close();
                conn.expect_eof();
            }
            server.assert_alive();
            if !words.is_empty() {
                server.wait_stderr(words);
            }
        }
    }
}

/// A client that goes on sending to a server on its way out must not be answered with RST while replies are under way.
#[test]
fn replies_in_flight_survive_a_client_that_keeps_sending() {
    every_server(|mut server| {
        let sent = noise(11, 100_000);
        let mut conn = Conn::with_receive_buffer(server.addr(), 4096);
        conn.send(&sent);
        conn.wait_until_taken();
        server.signal(Signal::SIGTERM);
        server.wait_stderr("end of stream, 100000 bytes echoed");
        conn.send(b"too late");
        assert!(conn.read_exact(sent.len()) == sent);
        conn.read_until_closed();
        assert_eq!(server.wait_exit().code(), Some(0));
    });
}

/// A forked child that kept the listener open would hold the port for as long as its client stays.
#[test]
fn a_child_does_not_hold_the_port() {
    let mut server = Server::start("echo-server", &["--port", "0", "--mode", "fork"]);
    let mut conn = server.connect();
    conn.send(b"x");
    conn.read_exact(1);
    server.signal(Signal::SIGKILL);
    server.wait_exit();
    let again = Server::start("echo-server", &["--port", &server.addr().port().to_string()]);
    assert_serves(&again);
    conn.send(b"y");
    assert_eq!(conn.read_exact(1), b"y", "the child still serves its client");
}
