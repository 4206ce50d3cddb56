//! Snapshots.
use std::process::Command;

use kit::resp::Value;

use crate::client::{Client, fill};
use crate::support::{eventually, refusal};
use crate::{crash, redis, start};

#[test]
fn everything_comes_back_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), &["--save", "3600", "1"]);
    let mut client = Client::to(server.addr());
    fill(&mut client, 1, 60);
    let before = client.everything();
    assert_ne!(client.info("rdb_changes_since_last_save"), "0");
    server.terminate();
    let server = start(dir.path(), &[]);
    let mut client = Client::to(server.addr());
    assert_eq!(client.everything(), before);
    assert_eq!(client.info("rdb_changes_since_last_save"), "0");
    assert_eq!(client.info("rdb_last_load_keys_loaded"), before.len().to_string());
    assert_eq!(client.say("DEBUG RELOAD"), "+OK");
    assert_eq!(client.everything(), before);
    client.say("SELECT 0");
    client.say("SET fresh 1");
    server.terminate();
    let server = start(dir.path(), &[]);
    assert_eq!(
        Client::to(server.addr()).say("EXISTS fresh"),
        ":0",
        "without save points nothing is saved at the end"
    );
}

#[test]
fn a_child_saves_what_stood_when_it_was_started() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), &[]);
    let mut client = Client::to(server.addr());
    fill(&mut client, 2, 40);
    let before = client.everything();
    assert_eq!(client.say("BGSAVE NOW"), "-ERR syntax error");
    assert_eq!(client.say("BGSAVE"), "+Background saving started");
    client.say("FLUSHALL");
    eventually("the child is done", || (client.info("rdb_bgsave_in_progress") == "0").then_some(()));
    assert_eq!(client.info("rdb_last_bgsave_status"), "ok");
    assert_eq!(client.info("rdb_saves"), "1");
    assert_eq!(client.info("rdb_changes_since_last_save"), before.len().to_string(), "what FLUSHALL removed");
    assert!(server.children().is_empty(), "it has been waited for");
    crash(server);
    let server = start(dir.path(), &[]);
    assert_eq!(Client::to(server.addr()).everything(), before);
}

#[test]
fn a_transaction_is_saved_whole() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), &[]);
    let mut client = Client::to(server.addr());
    for line in ["MULTI", "SET a 1", "BGSAVE", "SET b 2"] {
        client.say(line);
    }
    assert_eq!(client.say("EXEC"), "*[+OK, +Background saving scheduled, +OK]");
    eventually("the child is done", || (client.info("rdb_saves") == "1").then_some(()));
    crash(server);
    let server = start(dir.path(), &[]);
    assert_eq!(Client::to(server.addr()).say("EXISTS a b"), ":2");
}

#[test]
fn a_save_point_saves() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), &["--save", "1 2"]);
    let mut client = Client::to(server.addr());
    assert_eq!(client.say("CONFIG GET save"), "*[$save, $1 2]");
    client.say("MSET a 1 b 2");
    eventually("the save point is met", || (client.info("rdb_saves") == "1").then_some(()));
    crash(server);
    let server = start(dir.path(), &[]);
    assert_eq!(Client::to(server.addr()).say("MGET a b"), "*[$1, $2]");
}

#[test]
fn a_save_that_fails_is_told_and_leaves_the_old_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = start(dir.path(), &["--save", "3600 1000"]);
    let mut client = Client::to(server.addr());
    client.say("SET k v");
    assert_eq!(client.say("SAVE"), "+OK");
    let (file, away) = (dir.path().join("dump.rdb"), dir.path().join("away"));
    std::fs::rename(&file, &away).unwrap();
    // Nothing can be renamed to the name of a folder.
    std::fs::create_dir(&file).unwrap();
    assert!(client.say("SAVE").starts_with("-ERR cannot save: "));
    assert_eq!(client.say("SET k w"), "+OK", "only a background save that fails stops writes");
    client.say("BGSAVE");
    eventually("the child has failed", || (client.info("rdb_last_bgsave_status") == "err").then_some(()));
    assert!(client.say("SET k x").starts_with("-MISCONF Redis is configured to save RDB snapshots, but"));
    assert!(client.say("PING").starts_with("-MISCONF"));
    assert_eq!(client.say("GET k"), "$w");
    server.wait_stderr("cannot save: ");
    let left: Vec<_> =
        std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "no temporary file is left: {left:?}");
    assert_eq!(client.say("SHUTDOWN"), "-ERR Errors trying to SHUTDOWN. Check logs.");
    assert_eq!(client.say("CONFIG SET stop-writes-on-bgsave-error no"), "+OK");
    assert_eq!(client.say("SET k y"), "+OK");
    std::fs::remove_dir(&file).unwrap();
    std::fs::rename(&away, &file).unwrap();
    client.say("BGSAVE");
    eventually("the child is done", || (client.info("rdb_last_bgsave_status") == "ok").then_some(()));
    server.assert_alive();
    server.terminate();
}

#[test]
fn a_damaged_file_is_not_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), &[]);
    let mut client = Client::to(server.addr());
    client.say("SET key value");
    client.say("SAVE");
    server.terminate();
    let path = dir.path().join("dump.rdb");
    let whole = std::fs::read(&path).unwrap();
    let at = whole.windows(5).position(|some| some == b"value").unwrap();
    let mut damaged = whole.clone();
    damaged[at] ^= 1;
    let args = ["--port", "any", "--framed-port", "0", "--dir", dir.path().to_str().unwrap()];
    std::fs::write(&path, &damaged).unwrap();
    let line = refusal("keyspace-server", &args);
    assert!(line.contains(&format!("at offset {}: the checksum is", whole.len() - 8)), "{line}");
    std::fs::write(&path, &whole[..at + 2]).unwrap();
    let line = refusal("keyspace-server", &args);
    assert!(line.contains(&format!("at offset {at}: 5 bytes should follow, but there are 2")), "{line}");
}

#[test]
fn a_dumped_value_is_restored() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), &[]);
    let mut client = Client::to(server.addr());
    client.say("SET k 10");
    let dump = client.ask(&[b"DUMP", b"k"]);
    let dump = dump.text().unwrap();
    assert_eq!(dump, b"\0\xc0\n\n\0n\x9fWE\x0e\xaec\xbb", "as redis-server 7.0.15 has it");
    let mut restore = |key: &[u8], ttl: &[u8], more: &[&[u8]]| {
        client.ask(&[&[&b"RESTORE"[..], key, ttl, dump], more].concat()).to_string()
    };
    assert_eq!(restore(b"k", b"0", &[]), "-BUSYKEY Target key name already exists.");
    assert_eq!(restore(b"k", b"0", &[b"REPLACE"]), "+OK");
    assert_eq!(restore(b"n", b"-1", &[]), "-ERR Invalid TTL value, must be >= 0");
    assert_eq!(restore(b"n", b"0", &[b"IDLETIME", b"-1"]), "-ERR Invalid IDLETIME value, must be >= 0");
    assert_eq!(restore(b"n", b"0", &[b"FREQ", b"256"]), "-ERR Invalid FREQ value, must be >= 0 and <= 255");
    assert_eq!(restore(b"n", b"0", &[b"FREQ", b"1", b"IDLETIME", b"1"]), "-ERR syntax error");
    assert_eq!(restore(b"past", b"1", &[b"ABSTTL"]), "+OK");
    assert_eq!(restore(b"idle", b"0", &[b"IDLETIME", b"1000"]), "+OK");
    assert_eq!(restore(b"later", b"100000", &[]), "+OK");
    assert_eq!(client.say("EXISTS past"), ":0");
    assert_eq!(client.say("GET later"), "$10");
    assert!(client.say("OBJECT IDLETIME idle").starts_with(":100"));
    assert_eq!(client.say("RESTORE x 0 nonsense"), "-ERR DUMP payload version or checksum are wrong");
    let stream = b"\x0f\x01\n\x00\xd4\xf8\x9a\x28\x9c\x21\x4b\x1a";
    assert!(client.ask(&[b"RESTORE", b"x", b"0", stream]).to_string().starts_with("-ERR "));
}

#[test]
#[ignore = "needs redis-server"]
fn redis_server_reads_our_files_and_we_read_its() {
    for seed in 0..8 {
        let dir = tempfile::tempdir().unwrap();
        let ours = start(dir.path(), &[]);
        let mut client = Client::to(ours.addr());
        fill(&mut client, 100 + seed, 40);
        let before = client.everything();
        if seed % 2 == 0 {
            client.say("CONFIG SET rdbcompression no");
        }
        assert_eq!(client.say("SAVE"), "+OK");
        let check = Command::new("redis-check-rdb").arg(dir.path().join("dump.rdb")).output().unwrap();
        assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
        let theirs = redis(dir.path(), &[]);
        let mut redis = Client::to(theirs.address);
        assert_eq!(redis.everything(), before, "seed {seed}");
        redis.say("SELECT 0");
        client.say("SELECT 0");
        let Value::Aggregate(_, keys) = client.ask(&[b"KEYS", b"*"]) else { panic!("no keys") };
        for key in &keys {
            let key = key.text().unwrap();
            let (dump, back) = (client.ask(&[b"DUMP", key]), redis.ask(&[b"DUMP", key]));
            let copy = [key, b"-copy"].concat();
            for (to, payload) in [(&mut redis, dump), (&mut client, back)] {
                let restored = to.ask(&[b"RESTORE", &copy, b"0", payload.text().unwrap()]);
                assert_eq!(restored.to_string(), "+OK", "{}", key.escape_ascii());
            }
        }
        let all = redis.everything();
        assert_eq!(client.everything(), all, "seed {seed}, after DUMP and RESTORE");
        assert_eq!(redis.say("SAVE"), "+OK");
        let again = start(dir.path(), &[]);
        assert_eq!(Client::to(again.addr()).everything(), all, "seed {seed}, from redis-server's file");
    }
}
