//! Parameters of Redis that mean nothing here. A line of a file that has one is no mistake: a file written for Redis starts
//! this server, which says once what it does not heed.

/// Names, and why they mean nothing. A name that ends in `-` stands for all that begin so.
const ELSEWHERE: &[(&str, &str)] = &[
    (
        "repl- replica- slave- min-replicas- min-slaves- masterauth masteruser rdb-del-sync-files",
        "there is no replication",
    ),
    ("cluster- propagation-error-behavior", "there is no cluster"),
    ("tls-", "encryption is the work of a proxy in front of the server"),
    ("active-defrag- jemalloc-bg-thread", "the allocator is another one"),
    ("lua-time-limit busy-reply-threshold", "there are no scripts"),
    ("hll-sparse-max-bytes", "there is no HyperLogLog"),
    ("tracking-table-max-keys", "there is no client-side caching"),
    ("lazyfree-", "large values are always freed in pieces"),
    (
        "activerehashing dynamic-hz active-expire-effort",
        "tables grow and keys expire in steps that need no tuning",
    ),
    ("stream-node-", "chunks of streams have a size of their own"),
    ("sanitize-dump-payload", "what RESTORE is given is always looked through"),
    (
        "aof- auto-aof- no-appendfsync-on-rewrite rdb-save-incremental-fsync",
        "files are written in another way",
    ),
    ("syslog-facility syslog-ident", "the log goes to stderr or to logfile"),
    ("crash-log-enabled crash-memcheck-enabled", "a crash is the service manager's to report"),
    ("set-proc-title proc-title-template", "the process keeps its name"),
    (
        "oom-score-adj oom-score-adj-values disable-thp ignore-warnings",
        "the process's surroundings are the operator's",
    ),
    ("server_cpulist bio_cpulist aof_rewrite_cpulist bgsave_cpulist", "processors are bound with taskset"),
    (
        "shutdown-on-sigint shutdown-on-sigterm shutdown-timeout",
        "a signal saves if there are save points, and ends",
    ),
    ("bind-source-addr socket-mark-id", "the server opens no connections"),
    ("unixsocketperm", "there is no Unix socket"),
];

/// Why a parameter of Redis means nothing here; `None`: it is none, or it does.
pub fn why(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let is = |known: &str| name == known || known.ends_with('-') && name.starts_with(known);
    ELSEWHERE.iter().find(|(names, _)| names.split(' ').any(is)).map(|(_, why)| *why)
}

#[cfg(test)]
mod tests {
    use super::why;

    #[test]
    fn names_and_beginnings_of_names() {
        for name in ["repl-timeout", "TLS-cert-file", "activerehashing", "replica-priority", "oom-score-adj"]
        {
            assert!(why(name).is_some(), "{name}");
        }
        for name in ["port", "repl", "nonsense", "activerehashing2", ""] {
            assert_eq!(why(name), None, "{name}");
        }
    }
}
