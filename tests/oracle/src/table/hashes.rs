//! Commands about hashes.
use crate::grammar::Arg::*;
use crate::grammar::{Row, row};

const WALK: &[&[crate::grammar::Arg]] = &[&[Word("MATCH"), Pattern], &[Word("COUNT"), Count]];

/// The rows.
pub const ROWS: &[Row] = &[
    row(20, "HSET", &[Hash, Many(&[Element, Element], 4)]),
    row(1, "HSET", &[Hash, Many(&[Int, Int], 40)]),
    row(1, "HSET", &[Hash, Many(&[Wide, Int], 300)]),
    row(8, "HSET", &[Hash, Element, Value]),
    row(4, "HMSET", &[Hash, Many(&[Element, Element], 3)]),
    row(8, "HSETNX", &[Hash, Element, Value]),
    row(16, "HGET", &[Hash, Element]),
    row(8, "HMGET", &[Hash, Many(&[Element], 5)]),
    row(8, "HGETALL", &[Hash]),
    row(4, "HKEYS", &[Hash]),
    row(4, "HVALS", &[Hash]),
    row(4, "HLEN", &[Hash]),
    row(4, "HSTRLEN", &[Hash, Element]),
    row(6, "HEXISTS", &[Hash, Element]),
    row(12, "HDEL", &[Hash, Many(&[Element], 4)]),
    row(1, "HDEL", &[Hash, Many(&[Wide], 300)]),
    row(10, "HINCRBY", &[Hash, Element, Int]),
    row(10, "HINCRBYFLOAT", &[Hash, Element, Float]),
    row(3, "HRANDFIELD", &[Hash]),
    row(6, "HRANDFIELD", &[Hash, Draws, Maybe(&[Word("WITHVALUES")])]),
    row(5, "HSCAN", &[Hash, Word("0"), Options(WALK)]),
    row(3, "HSCAN", &[Hash, Word("0"), Word("COUNT"), Word("1000000")]),
    row(1, "HSCAN", &[Hash, Int, Options(WALK)]),
    row(6, "OBJECT ENCODING", &[Hash]),
    row(2, "DEBUG OBJECT", &[Hash]),
    row(2, "MEMORY USAGE", &[Hash, Maybe(&[Word("SAMPLES"), Count])]),
    row(2, "TYPE", &[Hash]),
    row(4, "DEL", &[Hash]),
    row(3, "COPY", &[Hash, Hash, Maybe(&[Word("REPLACE")])]),
    row(2, "RENAME", &[Hash, Hash]),
    row(2, "EXPIRE", &[Hash, Seconds]),
    row(2, "SET", &[Hash, Value]),
    row(1, "MOVE", &[Hash, Db]),
    row(1, "PERSIST", &[Hash]),
];
