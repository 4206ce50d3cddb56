//! Logs that redis-server has written, read here, and the other way round.
use std::process::Command;

use crate::client::{Client, fill, same};
use crate::support::eventually;
use crate::{crash, redis, start};

#[test]
#[ignore = "needs redis-server"]
fn redis_server_reads_our_log_and_we_read_its() {
    for seed in 0..8 {
        let dir = tempfile::tempdir().unwrap();
        let flags = ["--appendonly", "yes", "--appendfsync", "no"];
        let ours = start(dir.path(), &flags);
        let mut client = Client::to(ours.addr());
        fill(&mut client, 200 + seed, 30);
        crate::log::do_odd_things(&mut client);
        let before = client.everything();
        crash(ours);
        let manifest = dir.path().join("appendonlydir/appendonly.aof.manifest");
        let check = Command::new("redis-check-aof").arg(&manifest).output().unwrap();
        assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
        let theirs = redis(dir.path(), &flags);
        let mut client = Client::to(theirs.address);
        eventually("the log is loaded", || (!client.say("DBSIZE").starts_with("-LOADING")).then_some(()));
        same(&client.everything(), &before, &format!("seed {seed}, from our log"));
        client.say("FLUSHALL");
        fill(&mut client, 300 + seed, 30);
        crate::log::do_odd_things(&mut client);
        let before = client.everything();
        drop(theirs);
        let ours = start(dir.path(), &flags);
        same(
            &Client::to(ours.addr()).everything(),
            &before,
            &format!("seed {seed}, from redis-server's log"),
        );
    }
}
