//! The process: configuration, counters, its end, its command line.
use super::{expect, info, read_bulk, start, text};
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
        "CONFIG SET tls-port 1\r\n",
        format!("{failed} 'tls-port') - this server does not have it; the only value accepted is '0'\r\n"),
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
        (&["--appendonly", "maybe"], "--appendonly maybe: argument must be 'yes' or 'no'"),
        (&["--save", "60"], "--save 60: Invalid save parameters"),
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

/// What `INFO everything` of redis-server 7.0.15 lists without clients, commands and keys, but for how it was built.
const FIELDS: &str = "\
    redis_version redis_mode os arch_bits \
    multiplexing_api process_id process_supervised run_id tcp_port server_time_usec \
    uptime_in_seconds uptime_in_days hz configured_hz lru_clock executable config_file io_threads_active \
    connected_clients cluster_connections maxclients client_recent_max_input_buffer \
    client_recent_max_output_buffer blocked_clients tracking_clients clients_in_timeout_table used_memory \
    used_memory_human used_memory_rss used_memory_rss_human used_memory_peak used_memory_peak_human \
    used_memory_peak_perc used_memory_overhead used_memory_startup used_memory_dataset \
    used_memory_dataset_perc allocator_allocated allocator_active allocator_resident total_system_memory \
    total_system_memory_human used_memory_lua used_memory_vm_eval used_memory_lua_human \
    used_memory_scripts_eval number_of_cached_scripts number_of_functions number_of_libraries \
    used_memory_vm_functions used_memory_vm_total used_memory_vm_total_human used_memory_functions \
    used_memory_scripts used_memory_scripts_human maxmemory maxmemory_human maxmemory_policy \
    allocator_frag_ratio allocator_frag_bytes allocator_rss_ratio allocator_rss_bytes rss_overhead_ratio \
    rss_overhead_bytes mem_fragmentation_ratio mem_fragmentation_bytes mem_not_counted_for_evict \
    mem_replication_backlog mem_total_replication_buffers mem_clients_slaves mem_clients_normal \
    mem_cluster_links mem_aof_buffer mem_allocator active_defrag_running lazyfree_pending_objects \
    lazyfreed_objects loading async_loading current_cow_peak current_cow_size current_cow_size_age \
    current_fork_perc current_save_keys_processed current_save_keys_total rdb_changes_since_last_save \
    rdb_bgsave_in_progress rdb_last_save_time rdb_last_bgsave_status rdb_last_bgsave_time_sec \
    rdb_current_bgsave_time_sec rdb_saves rdb_last_cow_size rdb_last_load_keys_expired \
    rdb_last_load_keys_loaded aof_enabled aof_rewrite_in_progress aof_rewrite_scheduled \
    aof_last_rewrite_time_sec aof_current_rewrite_time_sec aof_last_bgrewrite_status aof_rewrites \
    aof_rewrites_consecutive_failures aof_last_write_status aof_last_cow_size module_fork_in_progress \
    module_fork_last_cow_size total_connections_received total_commands_processed instantaneous_ops_per_sec \
    total_net_input_bytes total_net_output_bytes total_net_repl_input_bytes total_net_repl_output_bytes \
    instantaneous_input_kbps instantaneous_output_kbps instantaneous_input_repl_kbps \
    instantaneous_output_repl_kbps rejected_connections sync_full sync_partial_ok sync_partial_err \
    expired_keys expired_stale_perc expired_time_cap_reached_count expire_cycle_cpu_milliseconds evicted_keys \
    evicted_clients total_eviction_exceeded_time current_eviction_exceeded_time keyspace_hits keyspace_misses \
    pubsub_channels pubsub_patterns pubsubshard_channels latest_fork_usec total_forks migrate_cached_sockets \
    slave_expires_tracked_keys active_defrag_hits active_defrag_misses active_defrag_key_hits \
    active_defrag_key_misses total_active_defrag_time current_active_defrag_time tracking_total_keys \
    tracking_total_items tracking_total_prefixes unexpected_error_replies total_error_replies \
    dump_payload_sanitizations total_reads_processed total_writes_processed io_threaded_reads_processed \
    io_threaded_writes_processed reply_buffer_shrinks reply_buffer_expands role connected_slaves \
    master_failover_state master_replid master_replid2 master_repl_offset second_repl_offset \
    repl_backlog_active repl_backlog_size repl_backlog_first_byte_offset repl_backlog_histlen used_cpu_sys \
    used_cpu_user used_cpu_sys_children used_cpu_user_children used_cpu_sys_main_thread \
    used_cpu_user_main_thread cluster_enabled";

#[test]
fn info_has_every_field_that_redis_has() {
    let server = start(&[]);
    let mut conn = server.connect();
    conn.send(b"INFO everything\r\n");
    let page = String::from_utf8(read_bulk(&mut conn)).unwrap();
    let names: Vec<&str> = page.lines().filter_map(|line| Some(line.split_once(':')?.0)).collect();
    let missing: Vec<&str> = FIELDS.split(' ').filter(|name| !names.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let twice: Vec<_> =
        names.iter().filter(|name| names.iter().filter(|other| other == name).count() > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
}
