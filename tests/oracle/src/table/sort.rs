//! SORT. Its keys are its own, so that none of them is ever a sorted set: Redis changes how it keeps one that it has sorted.
use crate::grammar::Arg::{self, *};
use crate::grammar::{Row, row};

const LIST: Arg = Choice(&[&[Word("pile")], &[Word("pile")], &[Word("stack")]]);
const SET: Arg = Choice(&[&[Word("heap")], &[Word("heap")], &[Word("bag")]]);
const ELEMENT: Arg = Choice(&[&[Small], &[Small], &[Small], &[Float], &[Element]]);
const GET: &[Arg] = &[
    Word("GET"),
    Choice(&[&[Word("#")], &[Word("k*")], &[Word("num*")], &[Word("h*->e1")], &[Word("k*->")], &[Word("x")]]),
];
const BY: &[Arg] =
    &[Word("BY"), Choice(&[&[Word("k*")], &[Word("num*")], &[Word("h*->1")], &[Word("none*")]])];
const ORDER: &[Arg] = &[Choice(&[&[Word("ASC")], &[Word("DESC")]])];
const LIMIT: &[Arg] = &[Word("LIMIT"), Index, Index];
const ALPHA: &[Arg] = &[Word("ALPHA")];
const STORE: &[Arg] = &[Word("STORE"), LIST];
const UNSORTED: &[Arg] = &[Word("BY"), Word("nosort")];

/// The rows. Where both may be equal, a set has no order of its own, and a sort of a part isn't stable in Redis.
pub const ROWS: &[Row] = &[
    row(6, "RPUSH", &[LIST, Many(&[Small], 8)]),
    row(2, "RPUSH", &[LIST, Many(&[ELEMENT], 4)]),
    row(6, "SADD", &[SET, Many(&[Small], 8)]),
    row(2, "SADD", &[SET, Many(&[ELEMENT], 4)]),
    row(3, "DEL", &[LIST]),
    row(3, "DEL", &[SET]),
    row(2, "LLEN", &[LIST]),
    row(6, "SORT", &[LIST, Options(&[ORDER, LIMIT, ALPHA, GET])]),
    row(6, "SORT", &[SET, Options(&[ORDER, LIMIT, ALPHA, GET])]),
    row(4, "SORT_RO", &[LIST, Options(&[ORDER, LIMIT, ALPHA, GET, STORE])]),
    row(6, "SORT", &[LIST, Options(&[BY, ORDER, LIMIT, GET])]),
    row(4, "SORT", &[LIST, Options(&[BY, ORDER, ALPHA, GET])]),
    row(6, "SORT", &[LIST, Options(&[UNSORTED, ORDER, LIMIT, GET])]),
    row(6, "SORT", &[SET, Options(&[ORDER, LIMIT, ALPHA, GET]), Word("STORE"), LIST]),
    row(3, "SORT", &[SET, Word("BY"), Word("nosort"), Word("STORE"), LIST, Options(&[ORDER, LIMIT, GET])]),
    row(3, "SORT", &[LIST, Options(&[ORDER, LIMIT, GET]), Word("STORE"), LIST]),
    row(1, "SORT", &[Hash]),
];
