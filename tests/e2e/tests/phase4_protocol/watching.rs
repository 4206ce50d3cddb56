//! Looking on: slow requests, samples, MONITOR; and configuration files that were written for Redis.
use std::path::Path;

use super::{expect, info, read_bulk, resp, start, text};
use crate::support::{Conn, Server, run};

/// Everything up to the reply to a PING that is sent behind `bytes`.
fn say(conn: &mut Conn, bytes: &str) -> String {
    conn.send(format!("{bytes}\r\nPING\r\n").as_bytes());
    let end = b"+PONG\r\n";
    let mut got = Vec::new();
    while !got.ends_with(end) {
        got.extend(conn.read_exact(1));
    }
    got.truncate(got.len() - end.len());
    String::from_utf8_lossy(&got).into_owned()
}

#[test]
fn slow_requests_are_kept_short_and_without_passwords() {
    let server = start(&["--slowlog-log-slower-than", "0", "--slowlog-max-len", "5"]);
    let mut conn = server.connect();
    let long = "x".repeat(130);
    let many = (0..40).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
    say(
        &mut conn,
        &format!(
            "AUTH a b\r\nCONFIG SET requirepass ''\r\nSET k {long}\r\nDEL {many}\r\nMULTI\r\nINCR n\r\nEXEC"
        ),
    );
    let told = say(&mut conn, "SLOWLOG GET -1");
    assert!(told.starts_with("*5\r\n"), "{told}");
    for part in ["... (2 more bytes)", "... (10 more arguments)", "\r\nINCR\r\n", "\r\nMULTI\r\n"] {
        assert!(told.contains(part), "no {part:?} in {told}");
    }
    assert!(!told.contains("EXEC"), "its commands are there one by one");
    let mut conn = server.connect();
    expect(&mut conn, "CONFIG SET slowlog-max-len 128\r\nSLOWLOG RESET\r\n", "+OK\r\n+OK\r\n");
    say(&mut conn, "ACL SETUSER joe >pw\r\nHELLO 2 AUTH joe pw\r\nCONFIG SET hz 10 requirepass ''");
    let told = say(&mut conn, "SLOWLOG GET");
    assert!(!told.contains("pw") && told.matches("(redacted)").count() == 5, "{told}");
    expect(&mut conn, "CONFIG SET slowlog-log-slower-than 1000000 slowlog-max-len 1\r\n", "+OK\r\n");
    expect(&mut conn, "SLOWLOG LEN\r\nSLOWLOG RESET\r\nSLOWLOG GET\r\n", ":1\r\n+OK\r\n*0\r\n");
}

#[test]
fn a_slow_command_is_a_sample() {
    let server = start(&["--latency-monitor-threshold", "10"]);
    let mut conn = server.connect();
    expect(&mut conn, "PING\r\nLATENCY LATEST\r\nDEBUG SLEEP 0.05\r\n", "+PONG\r\n*0\r\n+OK\r\n");
    let told = say(&mut conn, "LATENCY LATEST");
    assert!(told.starts_with("*1\r\n*4\r\n$7\r\ncommand\r\n"), "{told}");
    assert!(say(&mut conn, "LATENCY HISTORY command").starts_with("*1\r\n*2\r\n"));
    assert!(say(&mut conn, "LATENCY GRAPH command").contains("command - high "));
    assert!(say(&mut conn, "LATENCY DOCTOR").contains("command: 1 seconds"));
    expect(
        &mut conn,
        "LATENCY RESET\r\nLATENCY GRAPH command\r\n",
        ":1\r\n-ERR No samples available for event 'command'\r\n",
    );
    let told = say(&mut conn, "LATENCY HISTOGRAM debug");
    assert!(
        told.starts_with("*2\r\n$5\r\ndebug\r\n*4\r\n$5\r\ncalls\r\n:1\r\n$14\r\nhistogram_usec\r\n*2\r\n"),
        "{told}"
    );
    let percentiles = info(&mut conn, "latency_percentiles_usec_debug");
    assert!(percentiles.starts_with("p50=5") && percentiles.contains(",p99.9="), "{percentiles}");
    expect(&mut conn, "CONFIG RESETSTAT\r\nCONFIG SET latency-tracking no\r\n", "+OK\r\n+OK\r\n");
    assert_eq!(say(&mut conn, "LATENCY HISTOGRAM debug"), "*0\r\n");
}

#[test]
fn a_monitor_is_shown_what_runs() {
    let server = start(&[]);
    let mut monitor = server.connect();
    expect(&mut monitor, "MONITOR\r\n", "+OK\r\n");
    let mut conn = server.connect();
    let peer = conn.local_addr();
    expect(&mut conn, resp(&[b"SET", b"a", b"\"\\\n\x07\xff x"]), "+OK\r\n");
    say(
        &mut conn,
        "GET a\r\nNOPE\r\nGET\r\nAUTH x y\r\nCONFIG GET port\r\nSELECT 3\r\nMULTI\r\nGET a\r\nEXEC",
    );
    let expected = [
        r#"[0 P] "SET" "a" "\"\\\n\a\xff x""#,
        r#"[0 P] "GET" "a""#,
        r#"[0 P] "AUTH" "(redacted)" "(redacted)""#,
        r#"[3 P] "SELECT" "3""#,
        r#"[3 P] "MULTI""#,
        r#"[3 P] "GET" "a""#,
        r#"[3 P] "EXEC""#,
    ];
    for line in expected {
        let line = line.replacen("P]", &format!("{peer}]"), 1);
        let mut got = Vec::new();
        while !got.ends_with(b"\r\n") {
            got.extend(monitor.read_exact(1));
        }
        let got = text(&got);
        let (time, rest) = got.trim_end().split_once(' ').unwrap();
        assert!(time.starts_with("+1") && time.len() == "+1795727375.616196".len(), "{got}");
        assert_eq!(rest, line);
    }
    let mut second = server.connect();
    expect(&mut second, "MONITOR\r\nGET a\r\n", "+OK\r\n-ERR Replica can't interact with the keyspace\r\n");
    second.send(b"RESET\r\n");
    assert_eq!(text(&second.read_exact(8)), "+RESET\r\n");
    drop(monitor);
    expect(&mut second, "STRLEN a\r\n", ":7\r\n");
}

fn start_with(path: &Path, flags: &[&str]) -> Server {
    let port = ["--port", "any", "--framed-port", "0"];
    Server::start("keyspace-server", &[&[path.to_str().unwrap()], &port[..], flags].concat())
}

#[test]
fn what_means_nothing_here_is_told_once_and_what_would_be_missed_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("main.conf");
    let lines = "daemonize yes\nrepl-timeout 60\nactiverehashing yes\nrepl-timeout 70\nhz 20\n";
    std::fs::write(&path, lines).unwrap();
    let server = start_with(&path, &[]);
    server.wait_stderr("not heeded, because it means nothing here: activerehashing (");
    assert_eq!(info(&mut server.connect(), "hz"), "20");
    for refused in ["replicaof 127.0.0.1 1", "cluster-enabled yes", "tls-port 1", "nonsense 1"] {
        std::fs::write(&path, refused).unwrap();
        let output = run("keyspace-server", &[path.to_str().unwrap()], b"");
        assert_eq!(output.status.code(), Some(1), "{refused}");
    }
}

#[test]
#[ignore = "needs redis-server, and to read its /etc/redis/redis.conf"]
fn the_stock_configuration_of_redis_starts() {
    let dir = tempfile::tempdir().unwrap();
    let stock = Path::new("/etc/redis/redis.conf");
    let server = start_with(stock, &["--dir", dir.path().to_str().unwrap(), "--logfile", ""]);
    server.wait_stderr("not heeded, because it means nothing here: ");
    let mut conn = server.connect();
    let unheeded: String =
        server.stderr().lines().filter(|line| line.contains("not heeded")).map(str::to_owned).collect();
    for line in std::fs::read_to_string(stock).unwrap().lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, value @ ..] = words.as_slice() else { continue };
        if name.starts_with('#')
            || ["port", "dir", "logfile", "bind"].contains(name)
            || unheeded.contains(&format!("{name} ("))
        {
            continue;
        }
        conn.send(&resp(&[b"CONFIG", b"GET", name.as_bytes()]));
        assert_eq!(text(&conn.read_exact(4)), "*2\r\n", "{name} is neither in force nor named");
        read_bulk(&mut conn);
        let shown = text(&read_bulk(&mut conn));
        let written = value.join(" ").replace('"', "");
        let megabytes = written.strip_suffix("mb").and_then(|count| count.parse::<u64>().ok());
        let plain = megabytes.map_or(written, |count| (count << 20).to_string());
        assert!(
            shown == plain || shown.contains(value.first().unwrap_or(&"")) || name.ends_with("limit"),
            "{name}: {shown}, not {plain}"
        );
    }
}

#[test]
fn commands_can_be_renamed_and_removed() {
    let flags = ["--rename-command", "CONFIG", "secret-config", "--rename-command", "FLUSHALL", ""];
    let server = start(&[&flags[..], &["--rename-command", "GET", "fetch"]].concat());
    let mut conn = server.connect();
    expect(&mut conn, "SET k v\r\nFETCH k\r\nfetch k\r\n", "+OK\r\n$1\r\nv\r\n$1\r\nv\r\n");
    expect(&mut conn, "Secret-Config GET hz\r\n", "*2\r\n$2\r\nhz\r\n$2\r\n10\r\n");
    expect(
        &mut conn,
        "CONFIG GET\r\nFLUSHALL\r\n",
        "-ERR unknown command 'CONFIG', with args beginning with: 'GET' \r\n-ERR unknown command 'FLUSHALL', with args beginning with: \r\n",
    );
    expect(
        &mut conn,
        "ACL SETUSER joe on nopass ~* +get\r\nAUTH joe x\r\nFETCH k\r\n",
        "+OK\r\n+OK\r\n$1\r\nv\r\n",
    );
    for (wrong, why) in
        [(["nope", "x"], "there is no command 'nope'"), (["get", "set"], "there is a command 'set' already")]
    {
        let output = run(
            "keyspace-server",
            &["--port", "any", "--framed-port", "0", "--rename-command", wrong[0], wrong[1]],
            b"",
        );
        let told = text(&output.stderr);
        assert!(output.status.code() == Some(1) && told.contains(why), "{told}");
    }
}

#[test]
fn parameters_that_name_files_change_only_where_that_is_permitted() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(&["--dir", dir.path().to_str().unwrap(), "--enable-protected-configs", "local"]);
    let mut conn = server.connect();
    std::fs::create_dir(dir.path().join("deeper")).unwrap();
    expect(
        &mut conn,
        "CONFIG SET dir deeper dbfilename other.rdb\r\nSET k v\r\nSAVE\r\n",
        "+OK\r\n+OK\r\n+OK\r\n",
    );
    assert!(dir.path().join("deeper/other.rdb").is_file());
    let refused =
        "-ERR CONFIG SET failed (possibly related to argument 'dir') - No such file or directory\r\n";
    expect(&mut conn, "CONFIG SET dir none\r\n", refused);
    let server = start(&[]);
    let refused =
        "-ERR CONFIG SET failed (possibly related to argument 'dir') - can't set protected config\r\n";
    expect(&mut server.connect(), "CONFIG SET dir /\r\n", refused);
}
