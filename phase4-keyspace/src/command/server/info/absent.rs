//! Fields of Redis's `INFO` about what this server does not have. Programs poll them by name, so they are here, with the value
//! that Redis shows while the thing is not in use.

/// A field and its value.
pub type Field = (&'static str, &'static str);

/// No supervisor. How Redis was built (`redis_git_sha1`, `gcc_version` and the like) is left out: it was not.
pub const SERVER: &[Field] = &[("process_supervised", "no")];

/// No Lua, no functions, no replicas, no cluster.
pub const MEMORY: &[Field] = &[
    ("used_memory_lua", "0"),
    ("used_memory_lua_human", "0B"),
    ("used_memory_vm_eval", "0"),
    ("used_memory_vm_functions", "0"),
    ("used_memory_vm_total", "0"),
    ("used_memory_vm_total_human", "0B"),
    ("used_memory_scripts_eval", "0"),
    ("used_memory_functions", "0"),
    ("used_memory_scripts", "0"),
    ("used_memory_scripts_human", "0B"),
    ("number_of_cached_scripts", "0"),
    ("number_of_functions", "0"),
    ("number_of_libraries", "0"),
    ("mem_replication_backlog", "0"),
    ("mem_total_replication_buffers", "0"),
    ("mem_clients_slaves", "0"),
    ("mem_cluster_links", "0"),
    ("active_defrag_running", "0"),
];

/// What a child copies is not measured yet, nor how far it is.
pub const PERSISTENCE: &[Field] = &[
    ("loading", "0"),
    ("async_loading", "0"),
    ("current_cow_peak", "0"),
    ("current_cow_size", "0"),
    ("current_cow_size_age", "0"),
    ("current_fork_perc", "0.00"),
    ("current_save_keys_processed", "0"),
    ("current_save_keys_total", "0"),
    ("rdb_last_cow_size", "0"),
    ("aof_last_cow_size", "0"),
    ("module_fork_in_progress", "0"),
    ("module_fork_last_cow_size", "0"),
];

/// No replication, tracking, I/O threads; expiry finds keys by a queue and is never cut short; output
/// buffers are shared and neither shrink nor grow by themselves.
pub const STATS: &[Field] = &[
    ("total_net_repl_input_bytes", "0"),
    ("total_net_repl_output_bytes", "0"),
    ("instantaneous_input_repl_kbps", "0.00"),
    ("instantaneous_output_repl_kbps", "0.00"),
    ("sync_full", "0"),
    ("sync_partial_ok", "0"),
    ("sync_partial_err", "0"),
    ("expired_stale_perc", "0.00"),
    ("expired_time_cap_reached_count", "0"),
    ("migrate_cached_sockets", "0"),
    ("slave_expires_tracked_keys", "0"),
    ("active_defrag_hits", "0"),
    ("active_defrag_misses", "0"),
    ("active_defrag_key_hits", "0"),
    ("active_defrag_key_misses", "0"),
    ("total_active_defrag_time", "0"),
    ("current_active_defrag_time", "0"),
    ("tracking_total_keys", "0"),
    ("tracking_total_items", "0"),
    ("tracking_total_prefixes", "0"),
    ("unexpected_error_replies", "0"),
    ("dump_payload_sanitizations", "0"),
    ("io_threaded_reads_processed", "0"),
    ("io_threaded_writes_processed", "0"),
    ("reply_buffer_shrinks", "0"),
    ("reply_buffer_expands", "0"),
];

/// No replicas.
pub const REPLICATION: &[Field] = &[
    ("connected_slaves", "0"),
    ("master_failover_state", "no-failover"),
    ("master_replid2", "0000000000000000000000000000000000000000"),
    ("master_repl_offset", "0"),
    ("second_repl_offset", "-1"),
    ("repl_backlog_active", "0"),
    ("repl_backlog_size", "0"),
    ("repl_backlog_first_byte_offset", "0"),
    ("repl_backlog_histlen", "0"),
];
