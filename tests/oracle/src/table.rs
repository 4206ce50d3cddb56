//! The commands that are compared. A new command joins by one row.
mod bits;
mod hashes;
mod sets;
mod sort;

use super::grammar::Arg::{self, *};
use super::grammar::{PASSWORD, Row, row};
use super::ordered::{COMBINED, LISTS, SORTED_SETS};

/// Options of SET that say when and how long.
const SET_OPTIONS: &[&[Arg]] = &[
    &[Word("NX")],
    &[Word("XX")],
    &[Word("GET")],
    &[Word("KEEPTTL")],
    &[Word("EX"), Seconds],
    &[Word("PX"), Millis],
    &[Word("EXAT"), UnixSeconds],
    &[Word("PXAT"), UnixMillis],
];
const GETEX_OPTIONS: &[&[Arg]] = &[
    &[Word("PERSIST")],
    &[Word("EX"), Seconds],
    &[Word("PX"), Millis],
    &[Word("EXAT"), UnixSeconds],
    &[Word("PXAT"), UnixMillis],
];
const EXPIRE_OPTIONS: &[&[Arg]] = &[&[Word("NX")], &[Word("XX")], &[Word("GT")], &[Word("LT")]];
const SCAN_OPTIONS: &[&[Arg]] = &[&[Word("MATCH"), Pattern], &[Word("COUNT"), Count]];
const FLUSH_MODE: Arg = Options(&[&[Word("SYNC")], &[Word("ASYNC")]]);
/// What COMMAND GETKEYS and COMMAND INFO are asked about.
const KNOWN_COMMANDS: Arg = Choice(&[
    &[Word("get")],
    &[Word("SET")],
    &[Word("mset")],
    &[Word("del")],
    &[Word("copy")],
    &[Word("ping")],
    &[Word("expire")],
    &[Word("lcs")],
    &[Word("lmove")],
    &[Word("lmpop")],
    &[Word("zunionstore")],
    &[Word("zrange")],
    &[Word("object")],
    &[Word("bitop")],
    &[Word("bitfield")],
    &[Word("hset")],
    &[Word("hrandfield")],
    &[Word("smove")],
    &[Word("sinterstore")],
    &[Word("sintercard")],
    &[Word("xadd")],
    &[Word("xread")],
    &[Word("xreadgroup")],
    &[Word("xgroup")],
    &[Word("xinfo|stream")],
    &[Word("config|get")],
    &[Word("nosuchcommand")],
]);

/// Commands about strings.
const STRINGS: &[Row] = &[
    row(40, "GET", &[Key]),
    row(50, "SET", &[Key, Value]),
    row(40, "SET", &[Key, Value, Options(SET_OPTIONS)]),
    row(8, "SETNX", &[Key, Value]),
    row(6, "SETEX", &[Key, Seconds, Value]),
    row(6, "PSETEX", &[Key, Millis, Value]),
    row(8, "GETSET", &[Key, Value]),
    row(8, "GETDEL", &[Key]),
    row(16, "GETEX", &[Key, Options(GETEX_OPTIONS)]),
    row(10, "MGET", &[Many(&[Key], 6)]),
    row(10, "MSET", &[Many(&[Key, Value], 5)]),
    row(2, "MSET", &[Many(&[Key, Int], 150)]),
    row(8, "MSETNX", &[Many(&[Key, Value], 3)]),
    row(14, "APPEND", &[Key, Value]),
    row(8, "STRLEN", &[Key]),
    row(14, "GETRANGE", &[Key, Index, Index]),
    row(3, "SUBSTR", &[Key, Index, Index]),
    row(14, "SETRANGE", &[Key, Offset, Value]),
    row(10, "INCR", &[Key]),
    row(10, "DECR", &[Key]),
    row(14, "INCRBY", &[Key, Int]),
    row(14, "DECRBY", &[Key, Int]),
    row(20, "INCRBYFLOAT", &[Key, Float]),
    row(
        8,
        "LCS",
        &[
            Key,
            Key,
            Options(&[&[Word("LEN")], &[Word("IDX")], &[Word("MINMATCHLEN"), Int], &[Word("WITHMATCHLEN")]]),
        ],
    ),
];

/// Commands about keys.
const KEYS: &[Row] = &[
    row(14, "DEL", &[Many(&[Key], 4)]),
    row(1, "DEL", &[Many(&[Key], 300)]),
    row(5, "UNLINK", &[Many(&[Key], 4)]),
    row(8, "EXISTS", &[Many(&[Key], 4)]),
    row(8, "TYPE", &[Key]),
    row(2, "KEYS", &[Pattern]),
    row(2, "SCAN 0", &[Options(SCAN_OPTIONS)]),
    // In one step, because each key that TYPE looks at counts as a hit in INFO, and steps may visit one twice.
    row(
        1,
        "SCAN 0 COUNT 100000000 TYPE",
        &[Choice(&[
            &[Word("string")],
            &[Word("list")],
            &[Word("hash")],
            &[Word("set")],
            &[Word("stream")],
            &[Word("nonsense")],
        ])],
    ),
    row(1, "SCAN", &[Int, Options(SCAN_OPTIONS)]),
    row(3, "RANDOMKEY", &[]),
    row(8, "RENAME", &[Key, Key]),
    row(6, "RENAMENX", &[Key, Key]),
    row(10, "COPY", &[Key, Key, Options(&[&[Word("REPLACE")], &[Word("DB"), Db]])]),
    row(5, "TOUCH", &[Many(&[Key], 4)]),
    row(14, "EXPIRE", &[Key, Seconds, Options(EXPIRE_OPTIONS)]),
    row(10, "PEXPIRE", &[Key, Millis, Options(EXPIRE_OPTIONS)]),
    row(10, "EXPIREAT", &[Key, UnixSeconds, Options(EXPIRE_OPTIONS)]),
    row(10, "PEXPIREAT", &[Key, UnixMillis, Options(EXPIRE_OPTIONS)]),
    row(8, "TTL", &[Key]),
    row(8, "PTTL", &[Key]),
    row(6, "EXPIRETIME", &[Key]),
    row(6, "PEXPIRETIME", &[Key]),
    row(8, "PERSIST", &[Key]),
    row(10, "OBJECT ENCODING", &[Key]),
    row(2, "OBJECT IDLETIME", &[Key]),
    row(2, "OBJECT REFCOUNT", &[Key]),
    row(2, "OBJECT FREQ", &[Key]),
    row(1, "OBJECT", &[Maybe(&[Word("NOSUCH"), Key])]),
];

/// Commands about connections.
const CONNECTIONS: &[Row] = &[
    row(8, "PING", &[Maybe(&[Value])]),
    row(6, "ECHO", &[Value]),
    row(
        6,
        "HELLO",
        &[
            Choice(&[&[], &[Word("2")], &[Word("3")], &[Word("3")], &[Word("4")], &[Int]]),
            Options(&[&[Word("SETNAME"), Name], &[Word("AUTH"), Word("default"), Word(PASSWORD)]]),
        ],
    ),
    row(1, "QUIT", &[]),
    row(2, "RESET", &[]),
    row(8, "WATCH", &[Many(&[Key], 3)]),
    row(2, "UNWATCH", &[]),
    row(1, "EXEC", &[]),
    row(1, "DISCARD", &[]),
    row(10, "SELECT", &[Db]),
    row(
        3,
        "AUTH",
        &[Choice(&[&[Word(PASSWORD)], &[Value], &[Word("default"), Word(PASSWORD)], &[Name, Value]])],
    ),
    row(2, "CLIENT ID", &[]),
    row(3, "CLIENT GETNAME", &[]),
    row(3, "CLIENT SETNAME", &[Name]),
    row(
        1,
        "CLIENT LIST",
        &[Options(&[&[Word("TYPE"), Choice(&[&[Word("normal")], &[Word("pubsub")], &[Name]])]])],
    ),
    row(1, "CLIENT LIST", &[Word("ID"), Many(&[ClientId], 2)]),
    row(1, "CLIENT INFO", &[]),
    row(
        2,
        "CLIENT KILL",
        &[Choice(&[
            &[Address],
            &[Value],
            &[Word("ID"), ClientId],
            &[Word("ID"), Word("0")],
            &[Word("ADDR"), Address, Word("SKIPME"), Choice(&[&[Word("yes")], &[Word("no")], &[Name]])],
            &[Word("TYPE"), Choice(&[&[Word("normal")], &[Word("pubsub")], &[Name]])],
            &[Word("USER"), Choice(&[&[Word("default")], &[Name]]), Word("ID"), ClientId],
        ])],
    ),
    // Here and below, numbers that would stop or upset the server stand with the name: names are never spoilt.
    row(1, "CLIENT PAUSE 1", &[Maybe(&[Choice(&[&[Word("WRITE")], &[Word("ALL")], &[Name]])])]),
    row(1, "CLIENT PAUSE 0", &[]),
    row(1, "CLIENT PAUSE -1", &[]),
    row(1, "CLIENT PAUSE soon", &[]),
    // Their end runs over: they are over at once.
    row(1, "CLIENT PAUSE 9223372036854775807", &[]),
    row(1, "CLIENT PAUSE 9223372036854775807 WRITE", &[]),
    row(1, "CLIENT PAUSE 9223372036854775808 WRITE", &[]),
    row(1, "CLIENT UNPAUSE", &[]),
    row(
        1,
        "CLIENT UNBLOCK",
        &[Choice(&[
            &[Word("0")],
            &[Name],
            &[Word("0"), Choice(&[&[Word("TIMEOUT")], &[Word("error")], &[Name]])],
            &[Word("0"), Word("TIMEOUT"), Name],
        ])],
    ),
    row(2, "CLIENT NO-EVICT", &[Choice(&[&[Word("on")], &[Word("off")], &[Name]])]),
    row(1, "CLIENT REPLY", &[Choice(&[&[Word("ON")], &[Name]])]),
    row(1, "CLIENT", &[Maybe(&[Word("NOSUCH"), Value])]),
];

/// Commands about the server.
const SERVER: &[Row] = &[
    row(3, "DBSIZE", &[]),
    row(1, "FLUSHDB", &[FLUSH_MODE]),
    row(1, "FLUSHALL", &[FLUSH_MODE]),
    row(4, "SWAPDB", &[Db, Db]),
    row(6, "MOVE", &[Key, Db]),
    row(1, "TIME", &[]),
    row(1, "DEBUG SLEEP 0", &[]),
    row(1, "DEBUG SLEEP 0.0001", &[]),
    row(1, "DEBUG SET-ACTIVE-EXPIRE 0", &[]),
    row(3, "DEBUG OBJECT", &[Key]),
    row(2, "DEBUG ERROR", &[Choice(&[&[Word("ERR no")], &[Word("MADEUP")], &[Word("two\r\nlines\n")]])]),
    row(
        2,
        "INFO",
        &[Options(&[&[Word("keyspace")], &[Word("server")], &[Word("stats")], &[Word("nosuch")]])],
    ),
    row(1, "COMMAND COUNT", &[]),
    row(1, "COMMAND LIST", &[]),
    row(2, "COMMAND INFO", &[Many(&[KNOWN_COMMANDS], 3)]),
    row(1, "COMMAND DOCS", &[KNOWN_COMMANDS]),
    row(3, "COMMAND GETKEYS", &[KNOWN_COMMANDS, Many(&[Key], 4)]),
    row(1, "COMMAND", &[Word("NOSUCH")]),
    row(
        3,
        "CONFIG GET",
        &[Many(
            &[Choice(&[
                &[Word("maxmemory")],
                &[Word("timeout")],
                &[Word("maxmemory-policy")],
                &[Word("appendonly")],
                &[Word("databases")],
                &[Word("requirepass")],
                &[Word("proto-max-bulk-len")],
                &[Word("max*")],
                &[Word("slaveof")],
                &[Word("replicao?")],
                &[Word("loglevel")],
                &[Word("notify-keyspace-events")],
                &[Word("client-output-buffer-limit")],
                &[Word("daemonize")],
                &[Word("nosuch")],
            ])],
            3,
        )],
    ),
    row(1, "CONFIG SET timeout 0", &[]),
    row(1, "CONFIG SET timeout 3600", &[]),
    row(1, "CONFIG SET timeout -1", &[]),
    row(1, "CONFIG SET timeout never", &[]),
    row(1, "CONFIG SET timeout 0 timeout 1", &[]),
    row(1, "CONFIG SET timeout 0 nosuch 1", &[]),
    row(1, "CONFIG SET maxmemory 0", &[]),
    row(1, "CONFIG SET maxmemory-policy noeviction", &[]),
    row(1, "CONFIG SET proto-max-bulk-len 512mb", &[]),
    row(1, "CONFIG SET proto-max-bulk-len much", &[]),
    row(1, "CONFIG SET databases 20", &[]),
    row(1, "CONFIG SET nosuch", &[Int]),
    row(1, "CONFIG SET", &[]),
    row(1, "CONFIG RESETSTAT", &[]),
    row(1, "CONFIG", &[Word("NOSUCH")]),
    row(3, "NOSUCHCOMMAND", &[Maybe(&[Value, Value])]),
];

/// Every row.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    [
        STRINGS,
        bits::ROWS,
        KEYS,
        hashes::ROWS,
        sets::ROWS,
        sort::ROWS,
        LISTS,
        SORTED_SETS,
        COMBINED,
        super::streams::ROWS,
        CONNECTIONS,
        SERVER,
    ]
    .into_iter()
    .flatten()
}

/// Requests that are no RESP arrays: inline commands, and streams that end their connection. Each ends whole.
pub const RAW: &[&[u8]] = &[
    b"PING\r\n",
    b"PING\n",
    b"\r\n",
    b"  \n",
    b"SET k1 \"a b\\x00\\xff\\n\"\r\n",
    b"SET k2 'it\\'s'\n",
    b"get   k1  \n",
    b"GET k1 k2\n",
    b"GET\n",
    b"nosuch 'a b'\n",
    b"SET k3 \"\"\r\n",
    b"SET k1 \"unbalanced\r\n",
    b"SET k1 'unbalanced\n",
    b"SET k1 \"a\"b\n",
    b"*0\r\n",
    b"*-1\r\n",
    b"*abc\r\n",
    b"*1048577\r\n",
    b"*99999999999999999999\r\n",
    b"*1\r\n:1\r\n",
    b"*1\r\nPING\r\n",
    b"*1\r\n$-1\r\n",
    b"*1\r\n$abc\r\n",
    b"*1\r\n$536870913\r\n",
    b"*2\r\n$4\r\nECHO\r\n$99999999999999999999\r\n",
    b"*1\r\n$ 4\r\n",
    b"POST / HTTP/1.1\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"SET k1 v\r\nGET k1\r\n*1\r\n$5\r\nhost:\r\nPING\r\n",
    b"Host: localhost\r\n",
];

/// `CONFIG SET` of any of these parameters to any of these values. None of the values changes what other commands answer, so
/// they are never spoilt.
pub const CONFIG_SET: &[(&[&str], &[&str])] = &[
    (&["timeout", "tcp-keepalive", "maxclients"], BAD_INTEGERS),
    (&["proto-max-bulk-len", "client-query-buffer-limit"], BAD_AMOUNTS),
    (COLLECTION_SIZES, &["0", "1", "8", "64", "512", "-1", "x", "9223372036854775808"]),
    (&["stream-node-max-entries"], &["100", "7", "1", "-1", "x"]),
    (IMMUTABLE, &["", "no", "x"]),
    (&["client-output-buffer-limit"], OUTPUT_LIMITS),
    (&["loglevel"], &["warning", "DEBUG", "debug", "loud", ""]),
    (&["maxmemory"], &["", "0kb"]),
    // Every letter but those that would have Redis publish something.
    (&["notify-keyspace-events"], &["", "gA", "mn$x", "dtexzhsl$g", "xx", "K E", "q"]),
];

const BAD_INTEGERS: &[&str] = &[
    "",
    "+5",
    "007",
    " 5",
    "5 ",
    "-0",
    "0x10",
    "-1",
    "9223372036854775808",
    "99999999999999999999999999999",
    "a\0b",
];

const BAD_AMOUNTS: &[&str] = &[
    "",
    "0",
    "512",
    "-1",
    "+2mb",
    "kb",
    "1.5mb",
    "1 mb",
    "9223372036854775808",
    "99999999999999999999999999999",
];

/// Both names of each parameter. They decide what OBJECT ENCODING answers, for both servers alike.
const COLLECTION_SIZES: &[&str] = &[
    "hash-max-listpack-entries",
    "hash-max-ziplist-entries",
    "hash-max-listpack-value",
    "hash-max-ziplist-value",
    "zset-max-listpack-entries",
    "zset-max-ziplist-value",
    "set-max-intset-entries",
    "list-max-listpack-size",
    "list-max-ziplist-size",
    "list-compress-depth",
];

const IMMUTABLE: &[&str] = &[
    "daemonize",
    "io-threads",
    "cluster-enabled",
    "databases",
    "supervised",
    "PidFile",
    "tcp-backlog",
    "logfile",
    "replicaof",
    "slaveof",
    "unixsocket",
    "aclfile",
    "enable-debug-command",
    "dir",
    "dbfilename",
];

const OUTPUT_LIMITS: &[&str] = &[
    "",
    "pubsub 1mb 1kb +07",
    "replica 256mb 64mb 60",
    "normal 0 0",
    "normal  5  6  7",
    "normal -1 0 0",
    "normal 0 0 -1",
    "normal 0 0 1x",
    "master 0 0 0",
];

/// What a client without a password tries: the generator sets one, and takes it away again afterwards.
pub const WITHOUT_PASSWORD: &[&[&[u8]]] = &[
    &[b"GET", b"k1"],
    &[b"PING"],
    &[b"SELECT", b"1"],
    &[b"AUTH", b"wrong"],
    &[b"AUTH", b"nobody", b"sesame"],
    &[b"AUTH", b"default", b"sesame"],
    &[b"AUTH"],
    &[b"HELLO", b"3"],
    &[b"HELLO"],
    &[b"HELLO", b"3", b"AUTH", b"default", b"wrong"],
    &[b"HELLO", b"3", b"AUTH", b"default", b"sesame", b"SETNAME", b"alice"],
    &[b"NOSUCHCOMMAND"],
    &[b"CLIENT", b"ID"],
    &[b"COMMAND", b"COUNT"],
    &[b"CLIENT", b"NOSUCH"],
    &[b"RESET"],
    &[b"DEL", b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"9", b"10"],
];

/// How a client begins to listen. No channel fits two of the patterns: the order of their messages would be that of a hash
/// table.
pub const SUBSCRIBE: &[(&[u8], &[&[u8]])] = &[
    (b"SUBSCRIBE", &[b"a", b"ab", b"b1", b""]),
    (b"psubscribe", &[b"a*", b"b?", b"[c]"]),
    (b"SSUBSCRIBE", &[b"a", b"c"]),
];

/// How it stops.
pub const UNSUBSCRIBE: &[(&[u8], &[&[u8]])] = &[
    (b"UNSUBSCRIBE", &[b"a", b"b1", b"ab", b"other", b""]),
    (b"PUNSUBSCRIBE", &[b"b?", b"[c]", b"a*"]),
    (b"sunsubscribe", &[b"c", b"a"]),
];

/// What others say meanwhile.
pub const PUBLISH: &[&[&[u8]]] = &[
    &[b"PUBLISH", b"a", b"hello"],
    &[b"PUBLISH", b"ab", b""],
    &[b"publish", b"b1", b"\r\n\0"],
    &[b"PUBLISH", b"", b"empty"],
    &[b"PUBLISH", b"c", b"by pattern only"],
    &[b"PUBLISH", b"nobody", b"listens"],
    &[b"PUBLISH", b"a"],
    &[b"SPUBLISH", b"a", b"in a shard"],
    &[b"SPUBLISH", b"b1", b"nobody"],
    &[b"PUBSUB", b"CHANNELS"],
    &[b"PUBSUB", b"CHANNELS", b"a*"],
    &[b"PUBSUB", b"CHANNELS", b"a*", b"b"],
    &[b"PUBSUB", b"NUMSUB", b"a", b"b1", b"a", b"none"],
    &[b"PUBSUB", b"numsub"],
    &[b"PUBSUB", b"NUMPAT"],
    &[b"PUBSUB", b"SHARDCHANNELS"],
    &[b"PUBSUB", b"SHARDNUMSUB", b"a", b"none"],
    &[b"PUBSUB", b"NOSUCH"],
    &[b"PUBSUB"],
    &[b"INFO", b"stats"],
];
