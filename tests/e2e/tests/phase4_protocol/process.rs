//! The process: configuration, counters, its end, its command line.
use super::{expect, info, start, text};
use crate::support::{Server, eventually, refusal, run};

#[test]
fn config_is_read_changed_and_rewritten() {
    let dir = tempfile::tempdir().unwrap();
    let (path, other) = (dir.path().join("main.conf"), dir.path().join("other.conf"));
    std::fs::write(&other, "maxclients 50\nclient-output-buffer-limit pubsub 1mb 1mb 1\n").unwrap();
    std::fs::write(&path, format!("# mine\ninclude {}\ntimeout 100\nport 1\nsave \"\"\n", other.display()))
        .unwrap();
    let server =
        Server::start("keyspace-server", &[path.to_str().unwrap(), "--port", "any", "--framed-port", "0"]);
    let mut conn = server.connect();
    expect(&mut conn, "CONFIG GET MAXCLIENTS\r\n", "*2\r\n$10\r\nMAXCLIENTS\r\n$2\r\n50\r\n");
    expect(
        &mut conn,
        "CONFIG GET timeo* save\r\n",
        "*4\r\n$4\r\nsave\r\n$0\r\n\r\n$7\r\ntimeout\r\n$3\r\n100\r\n",
    );
    let failed = "-ERR CONFIG SET failed (possibly related to argument";
    expect(
        &mut conn,
        "CONFIG SET timeout 7 maxclients none\r\n",
        format!("{failed} 'maxclients') - argument couldn't be parsed into an integer\r\n"),
    );
    expect(&mut conn, "CONFIG GET timeout\r\n", "*2\r\n$7\r\ntimeout\r\n$3\r\n100\r\n");
    expect(&mut conn, "CONFIG SET timeout 7 maxclients 60\r\n", "+OK\r\n");
    expect(
        &mut conn,
        "CONFIG SET maxmemory 1gb\r\n",
        format!(
            "{failed} 'maxmemory') - a memory limit and eviction are not built yet; the only value accepted is '0'\r\n"
        ),
    );
    expect(&mut conn, "CONFIG REWRITE\r\n", "+OK\r\n");
    let rewritten = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        rewritten,
        format!("# mine\ninclude {}\ntimeout 7\nport 1\nsave \"\"\nmaxclients 60\n", other.display())
    );
    expect(&mut conn, "CONFIG SET timeout 1\r\n", "+OK\r\n");
    // In force at once, for those who are connected already.
    conn.expect_eof();
}

#[test]
fn counters_count_and_are_reset() {
    let server = start(&[]);
    let mut conn = server.connect();
    expect(
        &mut conn,
        "SET k v\r\nGET k\r\nGET none\r\nGET\r\nINCR k\r\n",
        [
            "+OK\r\n$1\r\nv\r\n$-1\r\n",
            "-ERR wrong number of arguments for 'get' command\r\n",
            "-ERR value is not an integer or out of range\r\n",
        ]
        .concat(),
    );
    assert_eq!(info(&mut conn, "keyspace_hits"), "1");
    assert_eq!(info(&mut conn, "keyspace_misses"), "1");
    assert_eq!(info(&mut conn, "total_error_replies"), "2");
    assert_eq!(info(&mut conn, "errorstat_ERR"), "count=2");
    assert_eq!(info(&mut conn, "db0"), "keys=1,expires=0,avg_ttl=0");
    let get = info(&mut conn, "cmdstat_get");
    assert!(get.starts_with("calls=2,usec=") && get.ends_with(",rejected_calls=1,failed_calls=0"), "{get}");
    let incr = info(&mut conn, "cmdstat_incr");
    assert!(incr.starts_with("calls=1,") && incr.ends_with(",rejected_calls=0,failed_calls=1"), "{incr}");
    // An error on request is no failure.
    expect(&mut conn, "DEBUG ERROR 'ODD one'\r\n", "-ODD one\r\n");
    assert_eq!(info(&mut conn, "total_error_replies"), "2");
    expect(&mut conn, "CONFIG RESETSTAT\r\n", "+OK\r\n");
    assert_eq!(info(&mut conn, "keyspace_hits"), "0");
    assert_eq!(info(&mut conn, "total_error_replies"), "0");
    expect(&mut conn, "SET gone x PX 1\r\n", "+OK\r\n");
    eventually("the key expires while nobody looks", || {
        (info(&mut conn, "expired_keys") == "1").then_some(())
    });
}

#[test]
fn going_down_answers_what_has_arrived() {
    let mut server = start(&[]);
    let mut conn = server.connect();
    expect(&mut conn, "SET k v\r\n", "+OK\r\n");
    conn.send(b"GET k\r\nSHUTDOWN NOSAVE\r\nGET k\r\n");
    assert_eq!(text(&conn.read_until_closed()), "$1\r\nv\r\n");
    assert!(server.wait_exit().success());
    let server = start(&[]);
    expect(&mut server.connect(), "PING\r\n", "+PONG\r\n");
    server.terminate();
}

#[test]
fn a_wrong_command_line_gets_one_line() {
    let cases: &[(&[&str], &str)] = &[
        (&["--nonsense", "1"], "--nonsense 1: there is no parameter of this name"),
        (&["--port", "x"], "--port x: argument couldn't be parsed into an integer"),
        (&["--appendonly", "yes"], "--appendonly yes: persistence is not built yet"),
        (&["--save", "60", "1"], "--save 60 1: persistence is not built yet"),
        (&["--port", "0", "--framed-port", "0"], "nothing to listen on"),
        (&["--port", "any", "--bind", "192.0.2.1"], "192.0.2.1"),
        (&["/nonexistent.conf"], "cannot read the configuration file /nonexistent.conf"),
        (&["--port", "any", "--dir", "/nonexistent"], "dir /nonexistent"),
    ];
    for (args, expected) in cases {
        let line = refusal("keyspace-server", args);
        assert!(line.contains(expected), "{args:?}: {line}");
    }
    let server = start(&[]);
    let port = server.addr().port().to_string();
    let line = refusal("keyspace-server", &["--port", &port, "--framed-port", "0"]);
    assert!(line.contains(&port) && line.contains("in use") && line.contains("with --port"), "{line}");
    let line = refusal("keyspace-server", &["--port", "any", "--framed-port", &port]);
    assert!(line.contains("framed protocol: port") && line.contains("with --framed-port"), "{line}");
    let help = run("keyspace-server", &["--help"], b"");
    assert!(help.status.success() && text(&help.stdout).contains("redis.conf"));
}

#[test]
fn a_log_file_that_was_renamed_is_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (path, kept) = (dir.path().join("log"), dir.path().join("log.1"));
    // A relative name stands in the server's directory.
    let server = start(&["--dir", dir.path().to_str().unwrap(), "--logfile", "log"]);
    let mut conn = server.connect();
    expect(&mut conn, "DEBUG LOG one\r\n", "+OK\r\n");
    std::fs::rename(&path, &kept).unwrap();
    expect(&mut conn, "DEBUG LOG two\r\n", "+OK\r\n");
    let (kept, new) = (std::fs::read_to_string(kept).unwrap(), std::fs::read_to_string(path).unwrap());
    assert!(kept.contains("DEBUG LOG: one") && !kept.contains("two"), "{kept}");
    assert!(new.contains("DEBUG LOG: two") && !new.contains("one"), "{new}");
    let refused = refusal("keyspace-server", &["--port", "any", "--logfile", "/nonexistent/log"]);
    assert!(refused.contains("logfile /nonexistent/log: No such file"), "{refused}");
}
