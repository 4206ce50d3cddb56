//! Rows of the commands about streams; see [`super::table`], and of what they do to keys, see [`super::events`].
//!
//! No entry gets an ID from the clock: two servers would choose two. And no entry is long, so that it is the number of
//! entries that fills a chunk: in bytes, chunks differ from Redis's, and `~` trims whole chunks.
use super::events;
use super::grammar::Arg::{self, *};
use super::grammar::{Row, row};

const STREAM: Arg = Of("stream");
const GROUP: Arg = Choice(&[&[Word("g0")], &[Word("g0")], &[Word("g1")], &[Word("G 2")]]);
const CONSUMER: Arg = Choice(&[&[Word("alice")], &[Word("alice")], &[Word("bob")], &[Word("")]]);
const FIELD: Arg = Choice(&[&[Word("a")], &[Word("a")], &[Word("b")], &[Small]]);
const VALUE: Arg = Choice(&[&[Small], &[Word("v")], &[Word("")], &[Word("twenty bytes of text")]]);
const COUNT: &[Arg] = &[Word("COUNT"), Choice(&[&[Few], &[Few], &[Count]])];
/// Never so few milliseconds that the clocks of two servers would decide.
const IDLE: Arg = Choice(&[
    &[Word("0")],
    &[Word("0")],
    &[Word("1000000000")],
    &[Word("-1")],
    &[Word("9223372036854775807")],
    &[Word("x")],
]);
/// Never so many that it depends on a machine's memory whether Redis can remember them all.
const CLAIMED: Arg = Choice(&[
    &[Word("1")],
    &[Word("3")],
    &[Word("0")],
    &[Word("-1")],
    &[Word("1x")],
    &[Word("1000000")],
    &[Word("9223372036854776")],
    &[Word("9223372036854775807")],
]);
const LONG_AGO: Arg = Choice(&[&[Word("0")], &[Word("5000000000")], &[Word("-1")], &[Word("x")]]);
const TRIM: Arg = Choice(&[
    &[Word("MAXLEN"), EXACTNESS, LENGTH],
    &[Word("MINID"), EXACTNESS, StreamId],
    &[Word("MAXLEN"), Word("~"), LENGTH, Word("LIMIT"), LENGTH],
    &[Word("MINID"), Word("~"), StreamId, Word("LIMIT"), LENGTH],
    &[Word("MAXLEN"), LENGTH, Word("LIMIT"), Few],
    &[Word("LIMIT"), Few],
    &[Word("MAXLEN"), Few, Word("MINID"), StreamId],
]);
const EXACTNESS: Arg = Choice(&[&[Word("~")], &[Word("=")], &[]]);
const LENGTH: Arg = Choice(&[&[Small], &[Word("100")], &[Word("250")], &[Few]]);
const WAIT: &[Arg] = &[Word("BLOCK"), Choice(&[&[Word("1")], &[Word("-1")], &[Word("1x")]])];
const SINCE: Arg = Choice(&[&[StreamId], &[StreamId], &[Word("$")], &[Word(">")], &[Word("0")]]);
const UNREAD: Arg =
    Choice(&[&[Word(">")], &[Word(">")], &[Word(">")], &[Word("0")], &[StreamId], &[Word("$")]]);
const OF_GROUP: Arg = Choice(&[
    &[Word("GROUP"), GROUP, CONSUMER],
    &[Word("GROUP"), GROUP, CONSUMER, Word("COUNT"), Few],
    &[Word("GROUP"), GROUP, CONSUMER, Word("NOACK")],
    &[Word("COUNT"), Few, Word("GROUP"), GROUP, CONSUMER, Word("NOACK")],
]);
const CLAIM: Arg = Options(&[
    &[Word("FORCE")],
    &[Word("JUSTID")],
    &[Word("IDLE"), LONG_AGO],
    &[Word("TIME"), LONG_AGO],
    &[Word("RETRYCOUNT"), Few],
    &[Word("LASTID"), StreamId],
    &[Word("NONSENSE")],
]);

/// Commands about streams.
pub const ROWS: &[Row] = &[
    row(60, "XADD", &[STREAM, NewId, Many(&[FIELD, VALUE], 3)]),
    row(20, "XADD", &[STREAM, Word("60-*"), Word("a"), Small]),
    row(10, "XADD", &[STREAM, TRIM, NewId, FIELD, VALUE]),
    row(4, "XADD", &[STREAM, Word("NOMKSTREAM"), NewId, FIELD, VALUE]),
    row(1, "XADD", &[STREAM, NewId, Many(&[FIELD, VALUE], 60)]),
    row(6, "XLEN", &[STREAM]),
    row(14, "XRANGE", &[STREAM, IdBound, IdBound, Maybe(COUNT)]),
    row(14, "XREVRANGE", &[STREAM, IdBound, IdBound, Maybe(COUNT)]),
    row(14, "XDEL", &[STREAM, Many(&[StreamId], 5)]),
    row(8, "XTRIM", &[STREAM, TRIM]),
    row(
        3,
        "XSETID",
        &[STREAM, NewId, Options(&[&[Word("ENTRIESADDED"), LENGTH], &[Word("MAXDELETEDID"), StreamId]])],
    ),
    row(2, "DEL", &[STREAM]),
    row(1, "SET", &[STREAM, Word("no stream")]),
    row(2, "COPY", &[STREAM, STREAM, Maybe(&[Word("REPLACE")])]),
    row(2, "RENAME", &[STREAM, STREAM]),
    row(2, "TYPE", &[STREAM]),
    row(2, "OBJECT ENCODING", &[STREAM]),
    row(8, "XREAD", &[Maybe(COUNT), Word("STREAMS"), STREAM, SINCE]),
    row(6, "XREAD", &[Maybe(COUNT), Word("STREAMS"), STREAM, STREAM, StreamId, StreamId]),
    row(2, "XREAD", &[Options(&[COUNT, WAIT]), Word("STREAMS"), STREAM, SINCE]),
    row(1, "XREAD", &[OF_GROUP, Word("STREAMS"), STREAM, SINCE]),
    row(20, "XREADGROUP", &[OF_GROUP, Word("STREAMS"), STREAM, UNREAD]),
    row(8, "XREADGROUP", &[OF_GROUP, Word("STREAMS"), STREAM, STREAM, UNREAD, UNREAD]),
    row(2, "XREADGROUP", &[OF_GROUP, Options(&[WAIT]), Word("STREAMS"), STREAM, UNREAD]),
    row(1, "XREADGROUP", &[Word("STREAMS"), STREAM, STREAM, STREAM, UNREAD, UNREAD, UNREAD]),
    row(
        10,
        "XGROUP CREATE",
        &[
            STREAM,
            GROUP,
            Choice(&[&[Word("0")], &[Word("$")], &[StreamId]]),
            Options(&[&[Word("MKSTREAM")], &[Word("ENTRIESREAD"), Few]]),
        ],
    ),
    row(
        4,
        "XGROUP SETID",
        &[
            STREAM,
            GROUP,
            Choice(&[&[Word("0")], &[Word("$")], &[StreamId]]),
            Maybe(&[Word("ENTRIESREAD"), Few]),
        ],
    ),
    row(2, "XGROUP DESTROY", &[STREAM, GROUP]),
    row(4, "XGROUP CREATECONSUMER", &[STREAM, GROUP, CONSUMER]),
    row(2, "XGROUP DELCONSUMER", &[STREAM, GROUP, CONSUMER]),
    row(1, "XGROUP HELP", &[]),
    row(12, "XACK", &[STREAM, GROUP, Many(&[StreamId], 5)]),
    row(6, "XPENDING", &[STREAM, GROUP]),
    row(
        10,
        "XPENDING",
        &[STREAM, GROUP, Maybe(&[Word("IDLE"), IDLE]), IdBound, IdBound, Few, Maybe(&[CONSUMER])],
    ),
    row(10, "XCLAIM", &[STREAM, GROUP, CONSUMER, IDLE, Many(&[StreamId], 4), CLAIM]),
    row(
        8,
        "XAUTOCLAIM",
        &[STREAM, GROUP, CONSUMER, IDLE, IdBound, Options(&[&[Word("COUNT"), CLAIMED], &[Word("JUSTID")]])],
    ),
    row(6, "XINFO STREAM", &[STREAM, Maybe(&[Word("FULL"), Maybe(&[Word("COUNT"), Few])])]),
    row(6, "XINFO GROUPS", &[STREAM]),
    row(4, "XINFO CONSUMERS", &[STREAM, GROUP]),
    row(1, "XINFO HELP", &[]),
];

/// What the commands about streams do to keys.
pub const EVENTS: &[events::Row] = &[
    ("", "XADD s 1-1 a b"),
    ("XADD s 1-1 a b", "XADD s 2-1 a b"),
    ("XADD s 1-1 a b", "XADD s 1-1 a b"),
    ("", "XADD s NOMKSTREAM 1-1 a b"),
    ("XADD s 1-1 a b", "XADD s MAXLEN 1 2-1 a b"),
    ("XADD s 1-1 a b", "XADD s MAXLEN 5 2-1 a b"),
    ("XADD s 1-1 a b", "XADD s MINID 9 2-1 a b"),
    ("SET s v", "XADD s 1-1 a b"),
    ("XADD s 1-1 a b;PEXPIREAT s 1", "XADD s 1-1 a b"),
    ("XADD s 1-1 a b", "XLEN s"),
    ("XADD s 1-1 a b", "XRANGE s - +"),
    ("XADD s 1-1 a b", "XREVRANGE s + -"),
    ("XADD s 1-1 a b;XADD s 2-1 a b", "XDEL s 1-1 2-1 3-1"),
    ("XADD s 1-1 a b", "XDEL s 3-1"),
    ("XADD s 1-1 a b;XADD s 2-1 a b", "XTRIM s MAXLEN 0"),
    ("XADD s 1-1 a b", "XTRIM s MAXLEN 5"),
    ("XADD s 1-1 a b", "XSETID s 5-5"),
    ("XADD s 1-1 a b", "XREAD STREAMS s 0"),
    ("", "XREAD STREAMS s 0"),
    ("XADD s 1-1 a b", "XGROUP CREATE s g 0"),
    ("", "XGROUP CREATE s g 0 MKSTREAM"),
    ("XGROUP CREATE s g 0 MKSTREAM", "XGROUP CREATE s g 0 MKSTREAM"),
    ("XGROUP CREATE s g 0 MKSTREAM", "XGROUP SETID s g 5"),
    ("XGROUP CREATE s g 0 MKSTREAM", "XGROUP DESTROY s g"),
    ("XGROUP CREATE s g 0 MKSTREAM", "XGROUP DESTROY s h"),
    ("XGROUP CREATE s g 0 MKSTREAM", "XGROUP CREATECONSUMER s g c"),
    ("XGROUP CREATE s g 0 MKSTREAM;XGROUP CREATECONSUMER s g c", "XGROUP CREATECONSUMER s g c"),
    ("XGROUP CREATE s g 0 MKSTREAM;XGROUP CREATECONSUMER s g c", "XGROUP DELCONSUMER s g c"),
    ("XGROUP CREATE s g 0 MKSTREAM", "XREADGROUP GROUP g c STREAMS s >"),
    ("XGROUP CREATE s g 0 MKSTREAM;XADD s 1-1 a b", "XREADGROUP GROUP g c STREAMS s >"),
    ("XGROUP CREATE s g 0 MKSTREAM;XADD s 1-1 a b", "XREADGROUP GROUP g c NOACK STREAMS s >"),
    (READ, "XREADGROUP GROUP g c STREAMS s >"),
    (READ, "XREADGROUP GROUP g c STREAMS s 0"),
    (READ, "XREADGROUP GROUP g d STREAMS s 0"),
    (READ, "XACK s g 1-1 2-1 3-1"),
    (READ, "XACK s g 9-1"),
    (READ, "XPENDING s g"),
    (READ, "XCLAIM s g d 0 1-1 2-1 9-1"),
    (READ, "XCLAIM s g c 0 1-1"),
    (READ, "XCLAIM s g d 1000000000 1-1"),
    ("XADD s 1-1 a b;XGROUP CREATE s g 0", "XCLAIM s g d 0 1-1 FORCE"),
    ("XADD s 1-1 a b;XGROUP CREATE s g 0", "XCLAIM s g d 0 1-1 LASTID 5-5"),
    (READ_AND_GONE, "XCLAIM s g d 0 1-1 2-1"),
    (READ, "XAUTOCLAIM s g d 0 0"),
    (READ, "XAUTOCLAIM s g d 1000000000 0"),
    (READ_AND_GONE, "XAUTOCLAIM s g d 0 0"),
    ("XADD s 1-1 a b", "XINFO STREAM s"),
    ("XADD s 1-1 a b", "DEL s"),
    ("XADD s 1-1 a b", "COPY s t"),
    ("XADD s 1-1 a b", "RENAME s t"),
];

const READ: &str = "XADD s 1-1 a b;XADD s 2-1 a b;XGROUP CREATE s g 0;XREADGROUP GROUP g c STREAMS s >";
const READ_AND_GONE: &str =
    "XADD s 1-1 a b;XADD s 2-1 a b;XGROUP CREATE s g 0;XREADGROUP GROUP g c STREAMS s >;XDEL s 1-1";
