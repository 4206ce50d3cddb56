//! Commands about sets.
use crate::grammar::Arg::*;
use crate::grammar::{Row, row};

const WALK: &[&[crate::grammar::Arg]] = &[&[Word("MATCH"), Pattern], &[Word("COUNT"), Count]];
const LIMIT: &[&[crate::grammar::Arg]] = &[&[Word("LIMIT"), Count], &[Word("LIMIT"), Int]];

/// The rows.
pub const ROWS: &[Row] = &[
    row(20, "SADD", &[Set, Many(&[Element], 5)]),
    row(8, "SADD", &[Set, Many(&[Int], 5)]),
    row(1, "SADD", &[Set, Many(&[Wide], 300)]),
    row(4, "SADD", &[Set, Value]),
    row(14, "SREM", &[Set, Many(&[Element], 5)]),
    row(1, "SREM", &[Set, Many(&[Wide], 300)]),
    row(10, "SISMEMBER", &[Set, Element]),
    row(5, "SMISMEMBER", &[Set, Many(&[Element], 5)]),
    row(8, "SMEMBERS", &[Set]),
    row(5, "SCARD", &[Set]),
    row(4, "SPOP", &[Set, Maybe(&[Draws])]),
    row(2, "SPOP", &[Set, Word("1000000")]),
    row(4, "SRANDMEMBER", &[Set]),
    row(5, "SRANDMEMBER", &[Set, Draws]),
    row(12, "SMOVE", &[Set, Set, Element]),
    row(8, "SINTER", &[Many(&[Set], 4)]),
    row(8, "SUNION", &[Many(&[Set], 4)]),
    row(8, "SDIFF", &[Many(&[Set], 4)]),
    row(8, "SINTERSTORE", &[Many(&[Set], 4)]),
    row(8, "SUNIONSTORE", &[Many(&[Set], 4)]),
    row(8, "SDIFFSTORE", &[Many(&[Set], 4)]),
    row(4, "SINTERCARD", &[Word("1"), Set, Options(LIMIT)]),
    row(4, "SINTERCARD", &[Word("2"), Set, Set, Options(LIMIT)]),
    row(2, "SINTERCARD", &[Int, Many(&[Set], 3), Options(LIMIT)]),
    row(5, "SSCAN", &[Set, Word("0"), Options(WALK)]),
    row(3, "SSCAN", &[Set, Word("0"), Word("COUNT"), Word("1000000")]),
    row(1, "SSCAN", &[Set, Int, Options(WALK)]),
    row(6, "OBJECT ENCODING", &[Set]),
    row(2, "MEMORY USAGE", &[Set, Maybe(&[Word("SAMPLES"), Count])]),
    row(2, "TYPE", &[Set]),
    row(4, "DEL", &[Set]),
    row(3, "COPY", &[Set, Set, Maybe(&[Word("REPLACE")])]),
    row(2, "RENAME", &[Set, Set]),
    row(2, "EXPIRE", &[Set, Seconds]),
    row(2, "SET", &[Set, Value]),
    row(1, "MOVE", &[Set, Db]),
];
