//! The append-only file: what is in it, what comes back, and what is said of one that is damaged.
use std::fs;
use std::path::Path;

use crate::client::{Client, fill, same};
use crate::support::{Server, eventually, refusal};
use crate::{crash, start};

/// The files of the log, with their texts.
pub fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(dir.join("appendonlydir")).unwrap();
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

fn log_of(dir: &Path, number: u32) -> String {
    let path = dir.join(format!("appendonlydir/appendonly.aof.{number}.incr.aof"));
    String::from_utf8(fs::read(path).unwrap()).unwrap()
}

/// The requests of a log, a line each.
fn lines(log: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in log.lines() {
        match line.as_bytes()[0] {
            b'*' => found.push(String::new()),
            b'$' => {}
            _ => {
                let request = found.last_mut().unwrap();
                request.push_str(if request.is_empty() { "" } else { " " });
                request.push_str(line);
            }
        }
    }
    found
}

/// Commands whose effect depends on chance, on the time, or on waiting.
pub fn do_odd_things(client: &mut Client) {
    for line in [
        "SELECT 1",
        "SADD odd:set a b c d e f g h",
        "SPOP odd:set",
        "SPOP odd:set 3",
        "SET odd:string v EX 1000",
        "GETEX odd:string PX 2000000",
        "SET odd:number 3.0e3",
        "EXPIRE odd:number 5000",
        "INCRBYFLOAT odd:number 0.1",
        "HSET odd:hash f 1.5",
        "HINCRBYFLOAT odd:hash f 1e-3",
        "RPUSH odd:list 1 2 3 4 5 6",
        "BLPOP odd:none odd:list 0",
        "BLMOVE odd:list odd:list LEFT RIGHT 0",
        "LMPOP 2 odd:none odd:list RIGHT COUNT 2",
        "ZADD odd:zset 1 a 2 b 3 c",
        "BZPOPMAX odd:zset 0",
        "ZMPOP 1 odd:zset MIN",
        "SORT odd:list DESC STORE odd:sorted",
        "MULTI",
        "SELECT 2",
        "SET odd:two 1",
        "SPOP odd:set",
        "RENAME odd:two odd:three",
        "EXEC",
        "COPY odd:three odd:four DB 3",
        "MOVE odd:three 4",
        "SETEX odd:dead 1 v",
        "PEXPIRE odd:dead 1",
        "SWAPDB 5 6",
        "SELECT 1",
        "XADD odd:stream * a 1",
        "XADD odd:stream MAXLEN ~ 1000 * b 2",
        "XGROUP CREATE odd:stream g 0",
        "XREADGROUP GROUP g one COUNT 1 STREAMS odd:stream >",
        "XADD odd:stream * c 3",
        "XREADGROUP GROUP g two STREAMS odd:stream >",
        "XAUTOCLAIM odd:stream g three 0 0 COUNT 1",
        "XADD odd:stream MAXLEN = 2 * d 4",
    ] {
        client.say(line);
    }
    eventually("the key dies", || (client.say("EXISTS odd:dead") == ":0").then_some(()));
}

#[test]
fn everything_comes_back_from_the_log() {
    // Each request waits for the disk, so there are fewer of them.
    for (policy, keys) in [("always", 3), ("everysec", 40), ("no", 40)] {
        let dir = tempfile::tempdir().unwrap();
        let flags = ["--appendonly", "yes", "--appendfsync", policy];
        let server = start(dir.path(), &flags);
        let mut client = Client::to(server.addr());
        fill(&mut client, 3, keys);
        do_odd_things(&mut client);
        let before = client.everything();
        assert!(before.len() > 10, "{}", before.len());
        assert_eq!(
            (client.info("aof_enabled"), client.info("aof_last_write_status")),
            ("1".into(), "ok".into())
        );
        crash(server);
        let server = start(dir.path(), &flags);
        let mut client = Client::to(server.addr());
        same(&client.everything(), &before, policy);
        assert_eq!(client.info("rdb_changes_since_last_save"), "0");
        let size: usize = files(dir.path())
            .iter()
            .map(|(name, text)| if name.ends_with("manifest") { 0 } else { text.len() })
            .sum();
        assert_eq!(client.info("aof_current_size"), size.to_string());
        client.say("FLUSHALL");
        server.terminate();
        let server = start(dir.path(), &flags);
        assert_eq!(Client::to(server.addr()).say("DBSIZE"), ":0");
    }
}

#[test]
fn the_log_says_what_was_done() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), &["--appendonly", "yes", "--appendfsync", "no"]);
    let mut client = Client::to(server.addr());
    for line in [
        "SET a 1",
        "SET a 2 NX",
        "GET a",
        "SELECT 3",
        "SADD s x",
        "MULTI",
        "INCR b",
        "SPOP s",
        "GET b",
        "EXEC",
        "MULTI",
        "INCR b",
        "EXEC",
    ] {
        client.say(line);
    }
    assert_eq!(
        lines(&log_of(dir.path(), 1)),
        ["SELECT 0", "SET a 1", "SELECT 3", "SADD s x", "MULTI", "INCR b", "DEL s", "EXEC", "INCR b"]
    );
    let mut waiting = Client::to(server.addr());
    waiting.say("SELECT 3");
    let waits = std::thread::spawn(move || waiting.say("BLPOP q 0"));
    eventually("it waits", || (client.say("INFO clients").contains("blocked_clients:1")).then_some(()));
    client.say("LPUSH q 1 2");
    assert_eq!(waits.join().unwrap(), "*[$q, $2]");
    let log = lines(&log_of(dir.path(), 1));
    assert_eq!(log[log.len() - 2..], ["LPUSH q 1 2", "LPOP q"]);
    let names: Vec<String> = files(dir.path()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["appendonly.aof.1.base.rdb", "appendonly.aof.1.incr.aof", "appendonly.aof.manifest"]);
    let manifest = files(dir.path())[2].1.clone();
    assert_eq!(
        String::from_utf8(manifest).unwrap(),
        "file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"
    );
}

#[test]
fn an_unfinished_request_or_transaction_at_the_end_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let flags = ["--appendonly", "yes"];
    let server = start(dir.path(), &flags);
    let mut client = Client::to(server.addr());
    client.say("SET whole 1");
    client.say("SET last 1");
    server.terminate();
    let path = dir.path().join("appendonlydir/appendonly.aof.1.incr.aof");
    let text = fs::read(&path).unwrap();
    let whole = text.len() - "*3\r\n$3\r\nSET\r\n$4\r\nlast\r\n$1\r\n1\r\n".len();
    let half = [&text[..], b"*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$4\r\nhalf\r\n$1\r\n1\r\n"].concat();
    for (damaged, valid, exist) in [(&text[..text.len() - 1], whole, ":1"), (&half[..], text.len(), ":2")] {
        fs::write(&path, damaged).unwrap();
        let args = ["--port", "any", "--framed-port", "0", "--dir", dir.path().to_str().unwrap()];
        let line = refusal("keyspace-server", &[&args[..], &flags, &["--aof-load-truncated", "no"]].concat());
        assert!(
            line.contains(&format!("in the middle of a request or transaction at offset {valid}; ")),
            "{line}"
        );
        assert_eq!(fs::read(&path).unwrap(), damaged);
        let server = start(dir.path(), &flags);
        server.wait_stderr(&format!("{} bytes cut off at offset {valid}", damaged.len() - valid));
        assert_eq!(fs::read(&path).unwrap(), &damaged[..valid]);
        assert_eq!(Client::to(server.addr()).say("EXISTS whole last half"), exist);
        server.terminate();
    }
}

#[test]
fn damage_in_the_middle_is_refused_with_its_offset() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), &["--appendonly", "yes"]);
    Client::to(server.addr()).say("SET k v");
    server.terminate();
    let folder = dir.path().join("appendonlydir");
    let (log, manifest) = (folder.join("appendonly.aof.1.incr.aof"), folder.join("appendonly.aof.manifest"));
    let (text, list) = (fs::read(&log).unwrap(), fs::read(&manifest).unwrap());
    let args =
        ["--port", "any", "--framed-port", "0", "--appendonly", "yes", "--dir", dir.path().to_str().unwrap()];
    let refused = |expected: &str| {
        let line = refusal("keyspace-server", &args);
        assert!(line.contains(expected), "{line}");
    };
    let at = text.windows(3).position(|some| some == b"SET").unwrap();
    let mut damaged = text.clone();
    damaged[at + 3] = b'x';
    fs::write(&log, &damaged).unwrap();
    refused(&format!("1.incr.aof: at offset {}: no line end behind a word", at + 3));
    damaged[at..at + 4].copy_from_slice(b"SEX\r");
    fs::write(&log, &damaged).unwrap();
    refused("at offset 23: the request 'SEX': this server has no such command");
    fs::remove_file(&log).unwrap();
    refused("1.incr.aof: at offset 0: cannot be read: No such file or directory");
    fs::write(&log, &text).unwrap();
    fs::write(&manifest, b"file appendonly.aof.1.base.rdb seq 1 type q\n").unwrap();
    refused("appendonly.aof.manifest: at offset 0: there is no type q");
    fs::write(&manifest, &list).unwrap();
    let base = folder.join("appendonly.aof.1.base.rdb");
    let snapshot = fs::read(&base).unwrap();
    fs::write(&base, &snapshot[..snapshot.len() - 1]).unwrap();
    refused("1.base.rdb: at offset ");
    fs::write(&base, &snapshot).unwrap();
    // The last file but one is whole, or nothing is loaded.
    fs::write(&manifest, [&list[..], b"file next seq 2 type i\n"].concat()).unwrap();
    fs::write(folder.join("next"), b"").unwrap();
    fs::write(&log, &text[..text.len() - 1]).unwrap();
    refused("1.incr.aof ends in the middle of a request or transaction at offset 23, and others follow it");
    fs::write(&log, &text).unwrap();
    let server = start(dir.path(), &["--appendonly", "yes"]);
    assert_eq!(Client::to(server.addr()).say("GET k"), "$v");
}

#[test]
fn a_log_of_one_file_is_taken_in() {
    let dir = tempfile::tempdir().unwrap();
    let old = b"*2\r\n$6\r\nSELECT\r\n$1\r\n2\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n";
    fs::write(dir.path().join("appendonly.aof"), old).unwrap();
    let server = start(dir.path(), &["--appendonly", "yes"]);
    let mut client = Client::to(server.addr());
    client.say("SELECT 2");
    assert_eq!(client.say("APPEND k w"), ":2");
    server.terminate();
    assert!(!dir.path().join("appendonly.aof").exists());
    let names: Vec<String> = files(dir.path()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["appendonly.aof", "appendonly.aof.1.incr.aof", "appendonly.aof.manifest"]);
    // A crash between the manifest and the move.
    fs::remove_file(dir.path().join("appendonlydir/appendonly.aof.1.incr.aof")).unwrap();
    fs::write(
        dir.path().join("appendonlydir/appendonly.aof.manifest"),
        b"file appendonly.aof seq 1 type b\n",
    )
    .unwrap();
    fs::rename(dir.path().join("appendonlydir/appendonly.aof"), dir.path().join("appendonly.aof")).unwrap();
    let server = start(dir.path(), &["--appendonly", "yes"]);
    let mut client = Client::to(server.addr());
    client.say("SELECT 2");
    assert_eq!(client.say("GET k"), "$v");
}

#[test]
fn a_log_begins_with_the_snapshot_that_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), &[]);
    let mut client = Client::to(server.addr());
    fill(&mut client, 4, 20);
    let before = client.everything();
    client.say("SAVE");
    server.terminate();
    let server = start(dir.path(), &["--appendonly", "yes"]);
    same(&Client::to(server.addr()).everything(), &before, "after the restart");
    server.terminate();
    fs::remove_file(dir.path().join("dump.rdb")).unwrap();
    let server = start(dir.path(), &["--appendonly", "yes"]);
    same(&Client::to(server.addr()).everything(), &before, "the log has it now");
    Client::to(server.addr()).say("FLUSHALL");
    Client::to(server.addr()).say("SAVE");
    server.terminate();
    let server = start(dir.path(), &["--appendonly", "yes"]);
    assert_eq!(Client::to(server.addr()).say("DBSIZE"), ":0", "the log comes before a snapshot");
}

#[test]
fn the_time_stands_in_the_log_on_request() {
    let dir = tempfile::tempdir().unwrap();
    let flags = ["--appendonly", "yes", "--aof-timestamp-enabled", "yes"];
    let server = start(dir.path(), &flags);
    Client::to(server.addr()).say("SET k v");
    server.terminate();
    let log = log_of(dir.path(), 1);
    let seconds: u64 = log.strip_prefix("#TS:").unwrap().split_once("\r\n").unwrap().0.parse().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!(seconds <= now && seconds + 60 > now, "{log}");
    let server = start(dir.path(), &flags);
    assert_eq!(Client::to(server.addr()).say("GET k"), "$v");
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), &["--appendonly", "yes"]);
    let args =
        ["--port", "any", "--framed-port", "0", "--appendonly", "yes", "--dir", dir.path().to_str().unwrap()];
    let line = refusal("keyspace-server", &args);
    assert!(line.contains("appendonlydir: another server uses this folder"), "{line}");
    server.terminate();
    let folder = dir.path().join("appendonlydir");
    let log = folder.join("appendonly.aof.1.incr.aof");
    fs::remove_file(&log).unwrap();
    fs::create_dir(&log).unwrap();
    let line = refusal("keyspace-server", &args);
    assert!(
        line.contains("appendonly.aof.1.incr.aof: at offset 0: cannot be read: Is a directory"),
        "{line}"
    );
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, b"").unwrap();
    let line = refusal("keyspace-server", &args);
    assert!(
        line.contains("appendonlydir: Not a directory") || line.contains("appendonlydir: ENOTDIR"),
        "{line}"
    );
}

#[test]
fn what_a_killed_server_was_writing_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    start(dir.path(), &["--appendonly", "yes"]).terminate();
    let leftover = dir.path().join("appendonlydir/temp-rewriteaof-bg-123.aof");
    fs::write(&leftover, b"half").unwrap();
    let server: Server = start(dir.path(), &["--appendonly", "yes"]);
    assert!(!leftover.exists());
    server.terminate();
}

#[test]
fn nothing_acknowledged_is_lost_by_a_kill() {
    for policy in ["always", "no"] {
        let dir = tempfile::tempdir().unwrap();
        let server = crate::support::binary("keyspace-server");
        let plan = oracle::crash::Plan { server, policy: policy.into(), kills: 10, seed: 7 };
        let tally = oracle::crash::run(&plan, dir.path()).unwrap();
        assert_eq!((tally.kills, tally.lost, tally.torn), (10, 0, 0), "{policy}: {tally:?}");
        assert!(tally.acknowledged >= 10 && tally.rewriting > 0, "{policy}: {tally:?}");
    }
}
