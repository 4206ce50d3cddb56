//! What surrounds a server must not end it: a log that cannot be written, a terminal that closes, limits that change.
#![allow(clippy::unwrap_used, reason = "this is test code, outside of a #[test] function too")]
#![allow(unsafe_code, reason = "prlimit(2), which lowers the limit of a running server")]
mod support;

use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::sys::signal::Signal;
use support::{Conn, Server, binary, eventually, refusal, run, run_command};

/// A server, and one request of its protocol with the reply.
struct Program {
    name: &'static str,
    args: &'static [&'static str],
    request: &'static [u8],
    reply: &'static [u8],
}

const FRAME: &[u8] = b"\x05\0\0\0hello";

const fn program(name: &'static str, args: &'static [&'static str], request: &'static [u8]) -> Program {
    Program { name, args, request, reply: request }
}

const fn keyspace(args: &'static [&'static str]) -> Program {
    Program { name: "keyspace-server", args, request: b"PING\r\n", reply: b"+PONG\r\n" }
}

/// Every server, in every mode and with either poller.
const PROGRAMS: [Program; 8] = [
    program("echo-server", &["--port", "0"], b"hello\n"),
    program("echo-server", &["--port", "0", "--mode", "fork"], b"hello\n"),
    program("echo-server", &["--port", "0", "--mode", "thread"], b"hello\n"),
    program("framed-server", &["--port", "0"], FRAME),
    program("eventloop-server", &["--port", "0", "--poller", "epoll"], FRAME),
    program("eventloop-server", &["--port", "0", "--poller", "poll"], FRAME),
    keyspace(&["--port", "any", "--framed-port", "0", "--poller", "epoll"]),
    keyspace(&["--port", "any", "--framed-port", "0", "--poller", "poll"]),
];

impl Program {
    /// Behind a shell: `before` are commands such as `ulimit`, `redirect` stands behind the command line.
    fn in_shell(&self, before: &str, redirect: &str) -> Command {
        println!("{} {} {} {redirect}", before, self.name, self.args.join(" "));
        let mut command = Command::new("bash");
        command.arg("-c").arg(format!("{before}\nexec \"$0\" \"$@\" {redirect}"));
        command.arg(binary(self.name)).args(self.args);
        command
    }

    fn start(&self) -> Server {
        println!("{} {}", self.name, self.args.join(" "));
        Server::start(self.name, self.args)
    }

    fn serves(&self, address: SocketAddr) {
        self.talk(&mut Conn::to(address));
    }

    fn talk(&self, conn: &mut Conn) {
        conn.send(self.request);
        assert_eq!(conn.read_exact(self.reply.len()), self.reply);
    }
}

/// A pipe without a reader, for a child to inherit; the descriptor's number for the shell.
fn broken_pipe() -> OwnedFd {
    // Another test may start a program at any moment, which must not inherit the reader.
    let (_reader, writer) = nix::unistd::pipe2(OFlag::O_CLOEXEC).unwrap();
    fcntl(&writer, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    writer
}

#[test]
fn a_log_that_cannot_be_written_ends_no_server() {
    let pipe = broken_pipe();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("log");
    let targets = [
        (String::new(), "2>/dev/full".to_owned()),
        (String::new(), format!("2>&{}", pipe.as_raw_fd())),
        // SIGXFSZ, unless it is ignored.
        ("ulimit -f 0".to_owned(), format!("2>{}", file.display())),
    ];
    for program in &PROGRAMS {
        for (before, redirect) in &targets {
            let mut server = Server::spawn(program.in_shell(before, redirect), 1);
            for _ in 0..3 {
                program.serves(server.addr());
                Conn::to(server.addr()).reset();
            }
            program.serves(server.addr());
            server.assert_alive();
            server.terminate();
        }
    }
}

#[test]
fn a_stdout_that_cannot_be_written_ends_no_server() {
    let pipe = broken_pipe();
    for program in &PROGRAMS {
        for redirect in ["1>/dev/full".to_owned(), format!("1>&{}", pipe.as_raw_fd())] {
            let server = Server::spawn(program.in_shell("", &redirect), 0);
            // The first words on stderr say how to reach it: `nc 127.0.0.1 7001`, `-p 6379`.
            server.wait_stderr("nc ");
            let words = server.stderr();
            let port = words.split("nc ").nth(1).unwrap().split_whitespace();
            let port = port.map(|word| word.trim_matches('`')).find_map(|word| word.parse::<u16>().ok());
            program.serves(SocketAddr::from(([127, 0, 0, 1], port.expect("a port"))));
        }
    }
}

#[test]
fn a_trace_that_cannot_be_written_ends_no_server() {
    for program in &PROGRAMS[4..] {
        let server = Server::start(program.name, &[program.args, &["--trace", "/dev/full"]].concat());
        program.serves(server.addr());
        server.wait_stderr("the trace ends here");
        program.serves(server.addr());
        server.terminate();
    }
}

/// Descriptors run out, and the words about it cannot be written.
#[test]
fn a_full_disk_and_no_descriptors_end_no_server() {
    for program in &PROGRAMS {
        let mut server = Server::spawn(program.in_shell("ulimit -n 32", "2>/dev/full"), 1);
        let crowd: Vec<Conn> = (0..60).map(|_| Conn::to(server.addr())).collect();
        drop(crowd);
        // Until the last of the crowd has been seen leaving, a newcomer may be one too many.
        eventually("a newcomer is served", || {
            let mut conn = server.connect();
            conn.send(program.request);
            (conn.read_up_to(program.reply.len()) == program.reply).then_some(())
        });
        server.assert_alive();
    }
}

#[test]
fn a_crowd_that_is_refused_and_stays_is_answered_at_once() {
    for program in &PROGRAMS[4..] {
        let keyspace = program.name == "keyspace-server";
        let flag = if keyspace { "--maxclients 100" } else { "--max-clients 100" };
        // 100 clients, and 32 descriptors beside them.
        let server = Server::spawn(program.in_shell("ulimit -Hn 4096; ulimit -Sn 64", flag), 1);
        let mut inside: Vec<Conn> = (0..100).map(|_| server.connect()).collect();
        inside.iter_mut().for_each(|conn| program.talk(conn));
        let start = Instant::now();
        let mut outside: Vec<Conn> = (0..300).map(|_| server.connect()).collect();
        for conn in &mut outside {
            let said = conn.read_until_closed();
            assert!(said.is_empty() != keyspace, "{:?}", String::from_utf8_lossy(&said));
        }
        // Lingering takes 2 s, and there is room for 30 to do so at a time.
        assert!(start.elapsed() < Duration::from_secs(6), "{:?} for 300 refusals", start.elapsed());
        inside.iter_mut().for_each(|conn| program.talk(conn));
    }
}

#[test]
fn clients_that_quit_and_stay_keep_nobody_out() {
    for program in &PROGRAMS[6..] {
        let server = Server::spawn(program.in_shell("ulimit -n 64", ""), 1);
        let start = Instant::now();
        let mut quitters = Vec::new();
        for _ in 0..300 {
            let mut conn = server.connect();
            conn.send(b"QUIT\r\n");
            assert_eq!(conn.read_until_closed(), b"+OK\r\n");
            quitters.push(conn);
        }
        assert!(start.elapsed() < Duration::from_secs(5), "{:?} for 300 clients", start.elapsed());
    }
}

/// The poller reports a hang-up for as long as it lasts, asked for or not.
#[test]
fn a_held_client_that_dies_is_gone_at_once_and_costs_no_time() {
    for program in &PROGRAMS[6..] {
        let cases = [1000, 65_736, 100_000].map(|more| [(more, true), (more, false)]).concat();
        for (more, reset) in cases.into_iter().chain([(1 << 20, true)]) {
            let server = program.start();
            let mut admin = server.connect();
            admin.send(b"CLIENT PAUSE 100000 WRITE\r\n");
            assert_eq!(admin.read_exact(5), b"+OK\r\n");
            let mut held = server.connect();
            held.send(b"SET k v\r\n");
            held.wait_until_taken();
            held.send(&vec![b'x'; more]);
            eventually("what fits has arrived", || {
                let (on_the_way, unread) = held.unread_by_server();
                (on_the_way == 0 || unread > 65_536).then_some(())
            });
            for _ in 0..5 {
                program.talk(&mut admin);
            }
            if reset {
                held.reset()
            } else {
                drop(held)
            }
            eventually("the dead client leaves the list", || {
                admin.send(b"CLIENT LIST\r\n");
                let head = admin.read_line();
                let list = admin.read_exact(head[1..].trim_end().parse::<usize>().unwrap() + 2);
                (list.iter().filter(|byte| **byte == b'\n').count() == 2).then_some(())
            });
            let before = server.cpu_ticks();
            std::thread::sleep(Duration::from_millis(500));
            let ticks = server.cpu_ticks() - before;
            assert!(
                ticks <= 5,
                "{ticks} ticks in half a second of pause, after {more} bytes, reset: {reset}"
            );
        }
    }
}

/// poll(2) refuses a list longer than the limit.
#[test]
fn a_limit_lowered_below_the_descriptors_in_use_ends_no_server() {
    for program in &PROGRAMS {
        let server = program.start();
        let concurrent = !matches!(program.name, "framed-server") && program.args.len() != 2;
        let mut inside: Vec<Conn> = (0..if concurrent { 20 } else { 1 }).map(|_| server.connect()).collect();
        inside.iter_mut().for_each(|conn| program.talk(conn));
        for lowered in [5, 0] {
            let limit = libc::rlimit { rlim_cur: lowered, rlim_max: lowered };
            // SAFETY: `limit` lives through the call, and the old limits are not asked for.
            let result = unsafe {
                libc::prlimit(
                    server.pid().as_raw(),
                    libc::RLIMIT_NOFILE,
                    &raw const limit,
                    std::ptr::null_mut(),
                )
            };
            assert_eq!(result, 0, "{}", nix::errno::Errno::last());
            for _ in 0..3 {
                inside.iter_mut().for_each(|conn| program.talk(conn));
            }
        }
        let mut rest = inside.split_off(1);
        rest.drain(..).for_each(Conn::reset);
        program.talk(&mut inside[0]);
        drop(inside);
        server.terminate();
    }
}

#[test]
fn a_server_without_a_descriptor_for_a_client_says_so_and_ends() {
    for program in &PROGRAMS {
        for most in 4..12 {
            let mut server = Server::spawn(program.in_shell(&format!("ulimit -n {most}"), ""), 0);
            eventually("the server listens or ends", || {
                let ended = kit::procfs::stat(server.pid().as_raw()).unwrap().state == 'Z';
                (ended || server.stdout().ends_with('\n')).then_some(())
            });
            if let Some(line) = server.stdout().lines().next() {
                program.serves(line.split_whitespace().nth(2).unwrap().parse().unwrap());
            } else {
                assert_eq!(server.wait_exit().code(), Some(1));
                server.wait_stderr(&format!("{}: ", program.name));
                let said = server.stderr();
                let last = said.lines().last().unwrap_or_default();
                assert!(last.starts_with(program.name), "{said}");
                assert!(last.contains("descriptor") || last.contains("open files"), "{said}");
                // Phase 4 has said by then that there can be fewer clients than configured.
                assert!(said.lines().count() == 1 || program.name == "keyspace-server", "{said}");
            }
        }
    }
}

#[test]
fn huge_durations_and_sizes_are_refused_or_served() {
    const HUGE: &str = "9223372036854775807";
    let flags: [(usize, &[&str]); 9] = [
        (0, &["--idle-timeout"]),
        (1, &["--idle-timeout"]),
        (3, &["--idle-timeout", "--max-frame"]),
        (4, &["--idle-timeout", "--stall-timeout", "--max-frame", "--max-clients"]),
        (5, &["--idle-timeout", "--stall-timeout", "--max-frame", "--max-clients"]),
        (6, &["--timeout", "--stall-timeout", "--tcp-keepalive", "--maxclients", "--tcp-backlog"]),
        (6, &["--client-query-buffer-limit", "--proto-max-bulk-len", "--hz", "--slowlog-max-len"]),
        (7, &["--timeout", "--stall-timeout", "--tcp-keepalive", "--maxclients", "--tcp-backlog"]),
        (7, &["--latency-monitor-threshold", "--maxmemory"]),
    ];
    for (number, flags) in flags {
        let program = &PROGRAMS[number];
        for flag in flags {
            for value in [HUGE, "18446744073709551615", "3153600000", "4294967295"] {
                let mut server = Server::spawn(program.in_shell("", &format!("{flag} {value}")), 0);
                eventually("the server listens or ends", || {
                    let ended = kit::procfs::stat(server.pid().as_raw()).unwrap().state == 'Z';
                    (ended || server.stdout().ends_with('\n')).then_some(())
                });
                if let Some(line) = server.stdout().lines().next() {
                    program.serves(line.split_whitespace().nth(2).unwrap().parse().unwrap());
                    server.assert_alive();
                    server.terminate();
                } else {
                    assert_eq!(server.wait_exit().code(), Some(1));
                    server.wait_stderr(&flag[2..]);
                }
            }
        }
    }
    let refused = refusal("frame", &["send", "--pipeline", "18446744073709551615", "hello"]);
    assert!(refused.contains("--pipeline"), "{refused}");
    for value in [HUGE, "1e300", "-1"] {
        assert!(refusal("echo-client", &["--timeout", value, "x"]).contains("--timeout"));
        assert!(refusal("framed-client", &["--timeout", value, "x"]).contains("--timeout"));
        assert!(refusal("frame", &["send", "--timeout", value, "x"]).contains("--timeout"));
    }
}

#[test]
fn a_terminal_that_closes_ends_no_server() {
    for program in &PROGRAMS {
        let server = program.start();
        let mut conn = server.connect();
        program.talk(&mut conn);
        nix::sys::signal::killpg(server.pid(), Signal::SIGHUP).unwrap();
        // By the client that is inside, too: in fork mode its process got the signal as well.
        program.talk(&mut conn);
        drop(conn);
        program.serves(server.addr());
        server.terminate();
    }
}

#[test]
fn a_tool_whose_reader_has_left_ends_quietly_and_a_full_disk_is_named() {
    let echo = PROGRAMS[0].start();
    let framed = PROGRAMS[3].start();
    let keyspace = PROGRAMS[6].start();
    let port = |server: &Server| server.addr().port().to_string();
    let (echo_port, framed_port, keyspace_port) = (port(&echo), port(&framed), port(&keyspace));
    let tools: [(&str, &[&str]); 11] = [
        ("echo-client", &["--port", &echo_port, "hello"]),
        ("framed-client", &["--port", &framed_port, "hello"]),
        ("frame", &["encode", "hello"]),
        ("frame", &["send", "--port", &framed_port, "hello"]),
        ("keyspace-cli", &["--port", &keyspace_port, "PING"]),
        ("echo-server", &["--help"]),
        ("frame", &["--help"]),
        ("eventloop-server", &["--help"]),
        ("keyspace-server", &["--help"]),
        ("keyspace-server", &["--version"]),
        ("keyspace-cli", &["--help"]),
    ];
    let pipe = broken_pipe();
    for (name, args) in tools {
        println!("{name} {args:?}");
        assert!(run(name, args, b"").status.success());
        let redirected = |redirect: &str| {
            let mut command = Command::new("bash");
            command.arg("-c").arg(format!("exec \"$0\" \"$@\" {redirect}")).arg(binary(name)).args(args);
            let output = run_command(command, b"");
            let said = String::from_utf8(output.stderr).unwrap();
            let said = said.lines().filter(|line| !line.starts_with("connected ")).collect::<String>();
            (output.status.code(), said)
        };
        assert_eq!(redirected(&format!("1>&{}", pipe.as_raw_fd())), (Some(0), String::new()));
        let (status, said) = redirected("1>/dev/full");
        assert!(status == Some(1) && said.contains("No space left"), "{status:?} {said}");
    }
}

/// Errors of the newcomer's network come from accept; the next connection may be fine, and does not wait for it.
#[test]
#[ignore = "needs strace"]
fn network_errors_of_accept_cost_no_time() {
    let network = [
        "EPROTO",
        "ENETDOWN",
        "ENOPROTOOPT",
        "EHOSTDOWN",
        "ENONET",
        "EHOSTUNREACH",
        "ENETUNREACH",
        "ETIMEDOUT",
    ];
    for program in &PROGRAMS {
        for error in network.iter().chain(&["EOPNOTSUPP", "EPERM", "EAGAIN"]) {
            println!("{error} in {} {}", program.name, program.args.join(" "));
            let log = tempfile::NamedTempFile::new().unwrap();
            let mut command = Command::new("strace");
            command
                .args(["-f", "-e", &format!("inject=accept4:error={error}:when=1+2"), "-o"])
                .arg(log.path());
            command.arg(binary(program.name)).args(program.args);
            let server = Server::spawn(command, 1);
            let start = Instant::now();
            for _ in 0..20 {
                program.serves(server.addr());
            }
            // A pause of 100 ms each would be 2 s.
            assert!(start.elapsed() < Duration::from_millis(1500), "{:?}", start.elapsed());
        }
    }
}
