//! Configuration: what a file may say, what CONFIG SET refuses, what CONFIG REWRITE writes.
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{expect, read_bulk, resp, start, text};
use crate::support::{Conn, Server, binary, eventually, run};

/// Starts with a configuration file, and whatever else there is to say.
fn start_with(path: &Path, flags: &[&str]) -> Server {
    let port = ["--port", "any", "--framed-port", "0"];
    Server::start("keyspace-server", &[&[path.to_str().unwrap()], &port[..], flags].concat())
}

/// The value that CONFIG GET shows.
fn get(conn: &mut Conn, name: &str) -> Vec<u8> {
    conn.send(&resp(&[b"CONFIG", b"GET", name.as_bytes()]));
    assert_eq!(text(&conn.read_exact(4)), "*2\r\n", "{name}");
    assert_eq!(text(&read_bulk(conn)), name);
    read_bulk(conn)
}

#[test]
fn any_password_outlives_a_rewrite_and_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("main.conf");
    let every: Vec<u8> = (0..=255).collect();
    for password in [&every[..], b"a\nport 1", b"\"'\\", b"#x", b" ", b"plain"] {
        // Latin-1 in a comment is nothing to stumble over.
        std::fs::write(&path, b"# caf\xe9\nmaxclients 77\n").unwrap();
        let server = start_with(&path, &[]);
        let mut conn = server.connect();
        expect(&mut conn, resp(&[b"CONFIG", b"SET", b"requirepass", password]), "+OK\r\n");
        expect(&mut conn, "CONFIG REWRITE\r\n", "+OK\r\n");
        drop(server);
        let server = start_with(&path, &[]);
        let mut conn = server.connect();
        expect(&mut conn, "PING\r\n", "-NOAUTH Authentication required.\r\n");
        expect(&mut conn, resp(&[b"AUTH", password]), "+OK\r\n");
        assert!(get(&mut conn, "requirepass") == password);
        assert_eq!(get(&mut conn, "maxclients"), b"77");
    }
}

#[test]
fn a_rewritten_file_is_readable_by_all_and_a_deleted_one_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("main.conf");
    std::fs::write(&path, "\"timeout\" 6\nhz 20\n").unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "umask 0; exec \"$0\" \"$@\""]).arg(binary("keyspace-server"));
    command.arg(&path).args(["--port", "any", "--framed-port", "0"]);
    let server = Server::spawn(command, 1);
    let mut conn = server.connect();
    expect(&mut conn, "CONFIG SET timeout 0\r\nCONFIG REWRITE\r\n", "+OK\r\n+OK\r\n");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "timeout 0\nhz 20\n", "a quoted name is a name");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    std::fs::remove_file(&path).unwrap();
    expect(&mut conn, "CONFIG REWRITE\r\n", "+OK\r\n");
    let again = std::fs::read_to_string(&path).unwrap();
    assert!(again.contains("timeout 0\n") && again.contains("hz 20\n"), "{again}");
    std::fs::remove_dir_all(dir.path()).unwrap();
    expect(&mut conn, "CONFIG REWRITE\r\n", "-ERR Rewriting config file: No such file or directory\r\n");
}

/// A disk that fails is never silent, and what stood there stands until the new file is whole.
#[test]
#[ignore = "needs strace"]
fn a_rewrite_that_fails_says_so_and_keeps_the_old_file() {
    let failures = [
        ("openat:error=ENOSPC:when=2", "openat", "No space left on device", "timeout 6\n"),
        ("write:error=ENOSPC", "write", "No space left on device", "timeout 6\n"),
        ("fsync:error=EIO:when=1", "fsync", "Input/output error", "timeout 6\n"),
        ("rename:error=EROFS", "rename", "Read-only file system", "timeout 6\n"),
        // The folder's: the new file stands there, but a power cut may still bring the old one back.
        ("fsync:error=EIO:when=2", "fsync", "Input/output error", "timeout 7\n"),
    ];
    for (inject, call, reason, stands) in failures {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("main.conf");
        std::fs::write(&path, "timeout 6\n").unwrap();
        let server = start_with(&path, &[]);
        let mut conn = server.connect();
        expect(&mut conn, "CONFIG SET timeout 7\r\n", "+OK\r\n");
        let log = tempfile::NamedTempFile::new().unwrap();
        let mut strace = Command::new("strace");
        strace.args(["-p", &server.pid().to_string(), "-e", &format!("trace={call}"), "-o"]).arg(log.path());
        // Descriptors of files only: the replies go through sendto.
        let mut strace = strace.args(["-e", &format!("inject={inject}")]).spawn().unwrap();
        eventually("strace is attached", || (server.status_field("TracerPid") > 0).then_some(()));
        let reply = format!("-ERR Rewriting config file: {reason}\r\n");
        expect(&mut conn, "CONFIG REWRITE\r\n", &reply);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), stands, "{inject}");
        let left: Vec<_> =
            std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left, [path], "{inject}");
        expect(&mut conn, "PING\r\n", "+PONG\r\n");
        kill(Pid::from_raw(strace.id() as i32), Signal::SIGTERM).unwrap();
        strace.wait().unwrap();
    }
}

#[test]
fn a_pattern_includes_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("main.conf");
    std::fs::create_dir(dir.path().join("more")).unwrap();
    let include = format!("include {0}/more/*.conf\ninclude {0}/none/*.conf\n", dir.path().display());
    std::fs::write(&path, include).unwrap();
    drop(start_with(&path, &[]));
    for (name, line) in [("2.conf", "hz 30\n"), ("1.conf", "hz 20\ntimeout 100\n"), ("3.off", "nonsense\n")] {
        std::fs::write(dir.path().join("more").join(name), line).unwrap();
    }
    let server = start_with(&path, &[]);
    let mut conn = server.connect();
    assert_eq!((get(&mut conn, "hz"), get(&mut conn, "timeout")), (b"30".to_vec(), b"100".to_vec()));
}

#[test]
fn every_refused_line_is_named_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("main.conf");
    std::fs::write(&path, "port 1\nnonsense 5\ntimeout soon\n# fine\nhz \"1\n").unwrap();
    let output = run("keyspace-server", &[path.to_str().unwrap(), "--maxclients", "0"], b"");
    let lines = String::from_utf8(output.stderr).unwrap();
    let parts = [
        "line 2: nonsense 5: there is no parameter of this name",
        "line 3: timeout soon: argument couldn't be parsed into an integer",
        "line 5: hz \"1: unbalanced quotes",
        "--maxclients 0: argument must be between 1 and 4294967295 inclusive",
    ];
    assert_eq!((output.status.code(), lines.lines().count()), (Some(1), parts.len()), "{lines}");
    for (line, part) in lines.lines().zip(parts) {
        assert!(line.contains(part), "{lines}");
    }
}

#[test]
fn config_set_says_what_redis_says() {
    let server = start(&[]);
    let mut conn = server.connect();
    let integer = "argument couldn't be parsed into an integer";
    let memory = "argument must be a memory value";
    let range = "argument must be between 1048576 and 9223372036854775807 inclusive";
    let twenty_nines = "9".repeat(29);
    for (name, value, why) in [
        ("timeout", "+5", integer),
        ("timeout", "007", integer),
        ("timeout", &twenty_nines, integer),
        ("timeout", "", integer),
        ("timeout", "2147483648", "argument must be between 0 and 2147483647 inclusive"),
        ("proto-max-bulk-len", "", range),
        ("proto-max-bulk-len", "512", range),
        ("proto-max-bulk-len", "9223372036854775808", range),
        ("proto-max-bulk-len", "1.5mb", memory),
        ("client-query-buffer-limit", "-1", memory),
    ] {
        let refused = format!("-ERR CONFIG SET failed (possibly related to argument '{name}') - {why}\r\n");
        expect(&mut conn, resp(&[b"CONFIG", b"SET", name.as_bytes(), value.as_bytes()]), refused);
    }
    for name in ["daemonize", "io-threads", "cluster-enabled", "replicaof", "databases", "logfile"] {
        let refused = format!(
            "-ERR CONFIG SET failed (possibly related to argument '{name}') - can't set immutable config\r\n"
        );
        for value in ["no", "1", "x"] {
            expect(&mut conn, format!("CONFIG SET {name} {value}\r\n"), &refused);
        }
    }
    for (letters, shown) in [("KEA", "AKE"), ("Kg", "gK"), ("KEAn", "AKE"), ("", "")] {
        expect(&mut conn, format!("CONFIG SET notify-keyspace-events '{letters}'\r\n"), "+OK\r\n");
        assert_eq!(text(&get(&mut conn, "notify-keyspace-events")), shown);
    }
    let refused = "-ERR CONFIG SET failed (possibly related to argument 'notify-keyspace-events') - \
        Invalid event class character. Use 'Ag$lshzxeKEtmdn'.\r\n";
    expect(&mut conn, "CONFIG SET notify-keyspace-events KEq\r\n", refused);
    let none = "*4\r\n$9\r\nreplicaof\r\n$0\r\n\r\n$7\r\nslaveof\r\n$0\r\n\r\n";
    expect(&mut conn, "CONFIG GET slaveof replicaof\r\n", none);
    for level in ["debug", "verbose", "notice", "warning"] {
        expect(&mut conn, format!("CONFIG SET loglevel {level}\r\n"), "+OK\r\n");
        assert_eq!(get(&mut conn, "loglevel"), level.as_bytes());
    }
    expect(&mut conn, "CONFIG SET proto-max-bulk-len 10gb\r\n", "+OK\r\n");
    assert_eq!(get(&mut conn, "proto-max-bulk-len"), b"10737418240");
    let before = get(&mut conn, "client-output-buffer-limit");
    expect(&mut conn, "CONFIG SET client-output-buffer-limit ''\r\n", "+OK\r\n");
    assert_eq!(get(&mut conn, "client-output-buffer-limit"), before);
}

#[test]
fn ports_and_addresses_change_while_it_runs() {
    for poller in ["epoll", "poll"] {
        let server =
            Server::start("keyspace-server", &["--port", "any", "--framed-port", "0", "--poller", poller]);
        let mut conn = server.connect();
        let old = server.addr();
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let in_use = taken.local_addr().unwrap().port();
        expect(
            &mut conn,
            format!("CONFIG SET port {in_use}\r\n"),
            "-ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check server \
             logs.\r\n",
        );
        expect(
            &mut conn,
            "CONFIG SET bind 192.0.2.1\r\n",
            "-ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified addresses.\r\n",
        );
        expect(&mut Conn::to(old), "PING\r\n", "+PONG\r\n");
        let new = SocketAddr::from(([127, 0, 0, 1], kit::ports::free_port().unwrap()));
        expect(&mut conn, format!("CONFIG SET port {}\r\n", new.port()), "+OK\r\n");
        expect(&mut Conn::to(new), "PING\r\n", "+PONG\r\n");
        eventually("the old port to be closed", || TcpStream::connect(old).err());
        expect(&mut conn, resp(&[b"CONFIG", b"SET", b"bind", b"127.0.0.2 127.0.0.1"]), "+OK\r\n");
        let second = SocketAddr::from(([127, 0, 0, 2], new.port()));
        for address in [new, second] {
            expect(&mut Conn::to(address), "PING\r\n", "+PONG\r\n");
        }
        expect(&mut conn, "CONFIG SET port 0\r\n", "+OK\r\n");
        eventually("both to be closed", || {
            TcpStream::connect(new).err().and(TcpStream::connect(second).err())
        });
        expect(&mut conn, "PING\r\n", "+PONG\r\n");
    }
}
