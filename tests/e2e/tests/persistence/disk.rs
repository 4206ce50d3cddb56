//! A disk that fails, by fault injection: never silent, and what was promised is kept.
use std::process::{Child, Command};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::client::Client;
use crate::support::{Server, eventually};
use crate::{crash, start};

/// strace on a running server, until it is dropped.
struct Strace {
    child: Child,
    output: tempfile::NamedTempFile,
}

impl Strace {
    fn on(server: &Server, args: &[&str]) -> Strace {
        let output = tempfile::NamedTempFile::new().unwrap();
        let mut command = Command::new("strace");
        command.args(["-f", "-q", "-p", &server.pid().to_string(), "-o"]).arg(output.path()).args(args);
        let child = command.spawn().unwrap();
        eventually("strace is attached", || (server.status_field("TracerPid") > 0).then_some(()));
        Strace { child, output }
    }

    /// Detaches, and returns what was seen.
    fn end(mut self) -> String {
        kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM).unwrap();
        self.child.wait().unwrap();
        std::fs::read_to_string(self.output.path()).unwrap()
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "needs strace"]
fn under_always_a_tick_is_written_and_synced_once_and_then_answered() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), &["--appendonly", "yes", "--appendfsync", "always"]);
    let mut conn = server.connect();
    conn.send(b"SET first 1\r\n");
    conn.read_exact(5);
    let strace = Strace::on(&server, &["-e", "trace=write,fdatasync,fsync,sendto,epoll_wait"]);
    for _ in 0..20 {
        conn.send(&b"SET k v\r\n".repeat(16));
        conn.read_exact(16 * 5);
    }
    let calls = strace.end();
    let named: Vec<&str> = calls
        .lines()
        .filter_map(|line| line.split_once(' ').map(|(_, call)| call.trim_start()))
        .filter_map(|call| {
            ["write", "fdatasync", "fsync", "sendto"]
                .into_iter()
                .find(|name| call.starts_with(&format!("{name}(")))
        })
        .collect();
    let count = |name: &str| named.iter().filter(|call| **call == name).count();
    assert_eq!(
        (count("write"), count("fdatasync"), count("fsync")),
        (count("sendto"), count("sendto"), 0),
        "{calls}"
    );
    assert!((20..=40).contains(&count("sendto")), "{calls}");
    for three in named.chunks(3) {
        assert_eq!(three, ["write", "fdatasync", "sendto"], "{calls}");
    }
}

#[test]
#[ignore = "needs strace"]
fn under_always_a_failure_ends_the_server_and_no_reply_leaves() {
    for (inject, expected) in [
        ("write:error=ENOSPC:when=1", "write: No space left on device (os error 28)"),
        ("fdatasync:error=EIO", "fdatasync: Input/output error (os error 5)"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut server = start(dir.path(), &["--appendonly", "yes", "--appendfsync", "always"]);
        let mut client = Client::to(server.addr());
        client.say("SET before 1");
        let call = inject.split(':').next().unwrap();
        let strace =
            Strace::on(&server, &["-e", &format!("trace={call}"), "-e", &format!("inject={inject}")]);
        let mut conn = server.connect();
        conn.send(b"SET k v\r\n");
        assert_eq!(conn.read_until_closed(), b"", "{inject}");
        assert_eq!(server.wait_exit().code(), Some(1), "{inject}");
        drop(strace);
        let stderr = server.stderr();
        let last = stderr.lines().last().unwrap();
        assert!(last.contains("appendonly.aof.1.incr.aof: ") && last.contains(expected), "{stderr}");
        let server = start(dir.path(), &["--appendonly", "yes"]);
        assert_eq!(Client::to(server.addr()).say("GET before"), "$1");
    }
}

#[test]
#[ignore = "needs strace"]
fn otherwise_writes_are_refused_until_the_disk_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), &["--appendonly", "yes", "--appendfsync", "no"]);
    let mut client = Client::to(server.addr());
    client.say("SET before 1");
    let log = dir.path().join("appendonlydir/appendonly.aof.1.incr.aof");
    let strace = Strace::on(
        &server,
        &["-e", "trace=write", "-P", log.to_str().unwrap(), "-e", "inject=write:error=ENOSPC"],
    );
    assert_eq!(client.say("SET k v"), "+OK", "it has run when the disk is asked");
    assert_eq!(client.say("SET k w"), "-MISCONF Errors writing to the AOF file: No space left on device");
    assert!(client.say("PING").starts_with("-MISCONF"));
    assert_eq!(client.say("GET k"), "$v");
    assert_eq!(client.info("aof_last_write_status"), "err");
    strace.end();
    eventually("the disk is back", || (client.say("SET k x") == "+OK").then_some(()));
    assert_eq!(client.info("aof_last_write_status"), "ok");
    server.wait_stderr("write: No space left on device (os error 28): writes are refused until it succeeds");
    server.wait_stderr("written again");
    crash(server);
    let server = start(dir.path(), &["--appendonly", "yes"]);
    assert_eq!(Client::to(server.addr()).say("MGET before k"), "*[$1, $x]");
}

#[test]
#[ignore = "needs strace"]
fn after_a_failed_fdatasync_only_a_new_file_is_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), &["--appendonly", "yes"]);
    let mut client = Client::to(server.addr());
    // It fails once; a second call would succeed.
    let strace = Strace::on(&server, &["-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=1"]);
    let mut refused = false;
    eventually("the log is rewritten", || {
        let reply = client.say("SET k v");
        refused |= reply == "-MISCONF Errors writing to the AOF file: Input/output error";
        assert!(reply == "+OK" || refused, "{reply}");
        (refused && reply == "+OK").then_some(())
    });
    assert_eq!(
        (client.info("aof_last_write_status"), client.info("aof_rewrites")),
        ("ok".into(), "1".into())
    );
    strace.end();
    server.wait_stderr(
        "fdatasync: Input/output error (os error 5): writes are refused until the log has been rewritten",
    );
    crash(server);
    let server = start(dir.path(), &["--appendonly", "yes"]);
    assert_eq!(Client::to(server.addr()).say("GET k"), "$v");
}
