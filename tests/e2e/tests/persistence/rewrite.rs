//! Rewriting the append-only file, switching it on and off, reading it again.
use std::fs;
use std::path::Path;

use crate::client::{Client, fill, same};
use crate::log::{do_odd_things, files};
use crate::support::eventually;
use crate::{crash, start};

/// The names of the log's files.
fn names(dir: &Path) -> Vec<String> {
    files(dir).into_iter().map(|(name, _)| name).collect()
}

/// Waits until the rewrite number `count` is over.
fn rewritten(client: &mut Client, count: u32) {
    eventually("the log is rewritten", || {
        // In this order: it may begin between the two questions.
        let begun = client.info("aof_rewrites") == count.to_string();
        (begun && client.info("aof_rewrite_in_progress") == "0").then_some(())
    });
}

#[test]
fn a_rewritten_log_is_short_and_says_the_same() {
    for (preamble, base_name) in [("yes", "appendonly.aof.2.base.rdb"), ("no", "appendonly.aof.2.base.aof")] {
        let dir = tempfile::tempdir().unwrap();
        let flags = ["--appendonly", "yes", "--appendfsync", "no", "--aof-use-rdb-preamble", preamble];
        let server = start(dir.path(), &flags);
        let mut client = Client::to(server.addr());
        fill(&mut client, 5, 20);
        (0..500).for_each(|number| _ = client.say(&format!("SET often {number}")));
        let size: u64 = client.info("aof_current_size").parse().unwrap();
        assert_eq!(client.say("BGREWRITEAOF"), "+Background append only file rewriting started");
        // What is written meanwhile stands in the next increment.
        do_odd_things(&mut client);
        rewritten(&mut client, 1);
        assert_eq!(client.info("aof_last_bgrewrite_status"), "ok");
        assert_eq!(names(dir.path()), [base_name, "appendonly.aof.2.incr.aof", "appendonly.aof.manifest"]);
        let after: u64 = client.info("aof_current_size").parse().unwrap();
        let base: u64 = client.info("aof_base_size").parse().unwrap();
        // Keys that expire meanwhile are logged behind it.
        assert!(base <= after && after < size, "{base} {after} {size}");
        let before = client.everything();
        assert_eq!(client.say("DEBUG LOADAOF"), "+OK");
        same(&client.everything(), &before, "after the restart");
        client.say("SELECT 0");
        client.say("SET last 1");
        let before = client.everything();
        crash(server);
        let server = start(dir.path(), &flags);
        same(&Client::to(server.addr()).everything(), &before, "after the restart");
    }
}

#[test]
fn a_log_that_has_grown_is_rewritten_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let flags = ["--appendonly", "yes", "--appendfsync", "no", "--auto-aof-rewrite-min-size", "10kb"];
    let server = start(dir.path(), &flags);
    let mut client = Client::to(server.addr());
    (0..400).for_each(|number| _ = client.say(&format!("SET often {number}")));
    rewritten(&mut client, 1);
    let files = names(dir.path());
    assert!(files.contains(&"appendonly.aof.2.base.rdb".into()), "{files:?}");
    server.wait_stderr("bytes: rewriting it");
    client.say("CONFIG SET auto-aof-rewrite-percentage 0");
    client.say("MULTI");
    client.say("SET in 1");
    client.say("BGREWRITEAOF");
    assert_eq!(client.say("EXEC"), "*[+OK, +Background append only file rewriting scheduled]");
    rewritten(&mut client, 2);
    crash(server);
    let server = start(dir.path(), &flags);
    assert_eq!(Client::to(server.addr()).say("MGET often in"), "*[$399, $1]");
}

#[test]
fn the_log_is_switched_on_and_off_while_the_server_runs() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), &[]);
    let mut client = Client::to(server.addr());
    fill(&mut client, 6, 20);
    client.say("SELECT 0");
    assert_eq!(client.info("aof_enabled"), "0");
    assert_eq!(client.say("CONFIG SET appendonly yes"), "+OK");
    client.say("SET meanwhile 1");
    assert_eq!(client.info("aof_enabled"), "1");
    rewritten(&mut client, 1);
    client.say("SET afterwards 1");
    assert_eq!(
        names(dir.path()),
        ["appendonly.aof.1.base.rdb", "appendonly.aof.1.incr.aof", "appendonly.aof.manifest"]
    );
    let before = client.everything();
    client.say("SELECT 0");
    assert_eq!(client.say("CONFIG SET appendonly no"), "+OK");
    client.say("SET lost 1");
    crash(server);
    let server = start(dir.path(), &["--appendonly", "yes"]);
    let mut client = Client::to(server.addr());
    same(&client.everything(), &before, "after the restart");
    client.say("SELECT 0");
    for line in ["CONFIG SET appendonly no", "SET unlogged 1", "CONFIG SET appendonly yes"] {
        assert_eq!(client.say(line), "+OK");
    }
    rewritten(&mut client, 1);
    assert_eq!(
        names(dir.path()),
        ["appendonly.aof.2.base.rdb", "appendonly.aof.2.incr.aof", "appendonly.aof.manifest"]
    );
    crash(server);
    let server = start(dir.path(), &["--appendonly", "yes"]);
    assert_eq!(Client::to(server.addr()).say("EXISTS unlogged lost"), ":1");
}

#[test]
fn a_log_that_cannot_be_begun_leaves_the_server_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), &[]);
    let mut client = Client::to(server.addr());
    fs::write(dir.path().join("appendonlydir"), b"").unwrap();
    let refused = "-ERR CONFIG SET failed (possibly related to argument \\'appendonly\\') - Unable to turn on AOF. Check server logs.";
    assert_eq!(client.say("CONFIG SET appendonly yes"), refused);
    server.wait_stderr("CONFIG SET appendonly: ");
    assert_eq!(
        (client.info("aof_enabled"), client.say("CONFIG GET appendonly")),
        ("0".into(), "*[$appendonly, $no]".into())
    );
    assert_eq!(client.say("SET k v"), "+OK");
    assert_eq!(
        client.say("BGREWRITEAOF"),
        "-ERR Can\\'t execute an AOF background rewriting. Please check the server logs for more information."
    );
    fs::remove_file(dir.path().join("appendonlydir")).unwrap();
    assert_eq!(client.say("CONFIG SET appendonly yes"), "+OK");
}

#[test]
fn one_child_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), &["--appendonly", "yes", "--appendfsync", "no"]);
    let mut client = Client::to(server.addr());
    // Both arrive in one read: the child of the first cannot have been waited for.
    let mut conn = server.connect();
    conn.send(b"BGREWRITEAOF\r\nBGREWRITEAOF\r\nBGSAVE\r\nBGSAVE SCHEDULE\r\n");
    let replies: Vec<String> = (0..4).map(|_| conn.read_line()).collect();
    assert_eq!(replies[0], "+Background append only file rewriting started\r\n");
    assert_eq!(replies[1], "-ERR Background append only file rewriting already in progress\r\n");
    assert!(
        replies[2].starts_with("-ERR Another child process is active (AOF?): can't BGSAVE right now."),
        "{replies:?}"
    );
    assert_eq!(replies[3], "+Background saving scheduled\r\n");
    rewritten(&mut client, 1);
    eventually("the snapshot is saved", || (client.info("rdb_saves") == "1").then_some(()));
    conn.send(b"BGSAVE\r\nBGREWRITEAOF\r\n");
    assert_eq!(conn.read_line(), "+Background saving started\r\n");
    assert_eq!(conn.read_line(), "+Background append only file rewriting scheduled\r\n");
    rewritten(&mut client, 2);
}

#[test]
fn a_rewrite_that_fails_is_told_and_the_log_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), &["--appendonly", "yes", "--appendfsync", "no"]);
    let mut client = Client::to(server.addr());
    client.say("SET k v");
    // Nothing can be renamed to the name of a folder.
    let base = dir.path().join("appendonlydir/appendonly.aof.2.base.rdb");
    fs::create_dir(&base).unwrap();
    client.say("BGREWRITEAOF");
    eventually("it has failed", || (client.info("aof_last_bgrewrite_status") == "err").then_some(()));
    server.wait_stderr("cannot rewrite the append-only file: ");
    client.say("APPEND k w");
    fs::remove_dir(&base).unwrap();
    assert_eq!(
        names(dir.path()),
        [
            "appendonly.aof.1.base.rdb",
            "appendonly.aof.1.incr.aof",
            "appendonly.aof.2.incr.aof",
            "appendonly.aof.manifest"
        ]
    );
    crash(server);
    let server = start(dir.path(), &["--appendonly", "yes"]);
    let mut client = Client::to(server.addr());
    assert_eq!(client.say("GET k"), "$vw");
    client.say("BGREWRITEAOF");
    rewritten(&mut client, 1);
    assert_eq!(
        names(dir.path()),
        ["appendonly.aof.2.base.rdb", "appendonly.aof.3.incr.aof", "appendonly.aof.manifest"]
    );
}
