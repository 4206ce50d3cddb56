//! `--check` and `--explain`: what is wrong with a file, where, what can be saved, and what its bytes mean.
use std::fs;
use std::path::Path;

use crate::client::{Client, fill};
use crate::start;
use crate::support::run;

/// What a flag says of a file, and whether it ends well.
fn said(flag: &str, path: &Path) -> (String, bool) {
    let output = run("keyspace-server", &[flag, path.to_str().unwrap()], b"");
    (String::from_utf8(output.stdout).unwrap(), output.status.success())
}

#[test]
fn whole_files_are_whole_and_others_are_named_with_what_can_be_saved() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), &["--appendonly", "yes", "--appendfsync", "no"]);
    let mut client = Client::to(server.addr());
    fill(&mut client, 8, 10);
    client.say("SELECT 0");
    client.say("SAVE");
    server.terminate();
    let folder = dir.path().join("appendonlydir");
    let (log, manifest) = (folder.join("appendonly.aof.1.incr.aof"), folder.join("appendonly.aof.manifest"));
    let snapshot = dir.path().join("dump.rdb");
    let (text, whole) = said("--check", &manifest);
    assert!(
        whole && text.lines().count() == 3 && text.lines().all(|line| line.contains(": whole")),
        "{text}"
    );
    let (text, whole) = said("--check", &snapshot);
    assert!(whole && text.contains("dump.rdb: whole: 10 keys in "), "{text}");

    let bytes = fs::read(&log).unwrap();
    let whole_log = said("--check", &log).0;
    let requests: u64 =
        whole_log.split(": whole: ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    fs::write(&log, &bytes[..bytes.len() - 1]).unwrap();
    let (text, whole) = said("--check", &manifest);
    let last = text.lines().last().unwrap();
    assert!(!whole && last.contains("ends in the middle of a request or transaction"), "{text}");
    assert!(
        last.contains(&format!("{} requests in ", requests - 1))
            && last.contains("a server cuts it off there"),
        "{text}"
    );
    let mut damaged = bytes.clone();
    damaged[0] = b'+';
    fs::write(&log, &damaged).unwrap();
    let (text, whole) = said("--check", &log);
    assert!(
        !whole && text.contains("at offset 0: no request begins here: 0 requests in 0 bytes can be saved"),
        "{text}"
    );
    let mut damaged = fs::read(&snapshot).unwrap();
    let at = damaged.len() - 9;
    damaged[at] = 0xc3;
    fs::write(&snapshot, &damaged).unwrap();
    assert!(!said("--check", &snapshot).1);
    fs::write(&manifest, b"file x seq 1 type b").unwrap();
    assert!(said("--check", &manifest).0.contains("at offset 0: the last line does not end"));
    let nothing = run("keyspace-server", &["--check", "/nonexistent"], b"");
    assert!(
        !nothing.status.success()
            && String::from_utf8_lossy(&nothing.stderr).contains("/nonexistent: No such file")
    );
}

#[test]
fn bytes_are_explained() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), &["--appendonly", "yes"]);
    let mut client = Client::to(server.addr());
    client.say("SET key value PXAT 99999999999999");
    client.say("SAVE");
    server.terminate();
    let (text, whole) = said("--explain", &dir.path().join("dump.rdb"));
    assert!(whole, "{text}");
    for line in [
        "00000000  52 45 44 49 53 30 30 31 30                       a snapshot: REDIS0010",
        "redis-ver = 7.0.15",
        "1 keys, 1 of them with a deadline",
        "the next key dies at 99999999999999 ms",
        "03 6b 65 79                                      key key",
        "05 76 61 6c 75 65                                its value, a string",
        "checksum: right",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let log = dir.path().join("appendonlydir/appendonly.aof.1.incr.aof");
    let (text, _) = said("--explain", &log);
    assert!(text.contains("SELECT 0\n") && text.contains("SET key value PXAT 99999999999999\n"), "{text}");
    let bytes = fs::read(&log).unwrap();
    fs::write(&log, [&bytes[..], b"*1\r\n$4\r\nPI"].concat()).unwrap();
    assert!(said("--explain", &log).0.contains("the front of a request: the file ends here"));
    fs::write(&log, [&bytes[..], b"oops"].concat()).unwrap();
    assert!(
        said("--explain", &log).0.contains(&format!("at offset {}: no request begins here", bytes.len()))
    );
}
