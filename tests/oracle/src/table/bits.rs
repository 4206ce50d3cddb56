//! Commands about bits of strings.
use crate::grammar::Arg::{self, *};
use crate::grammar::{Row, row};

const TYPE: Arg = Choice(&[
    &[Word("i8")],
    &[Word("u8")],
    &[Word("i5")],
    &[Word("u4")],
    &[Word("u1")],
    &[Word("i1")],
    &[Word("i32")],
    &[Word("u63")],
    &[Word("i64")],
    &[Word("u64")],
    &[Word("i65")],
    &[Word("u0")],
    &[Word("x")],
]);
const STEPS: &[&[Arg]] = &[
    &[Word("GET"), TYPE, Bit],
    &[Word("GET"), TYPE, Bit],
    &[Word("SET"), TYPE, Bit, Int],
    &[Word("SET"), TYPE, Bit, Int],
    &[Word("INCRBY"), TYPE, Bit, Int],
    &[Word("INCRBY"), TYPE, Bit, Int],
    &[Word("OVERFLOW"), Word("SAT")],
    &[Word("OVERFLOW"), Word("FAIL")],
    &[Word("OVERFLOW"), Word("WRAP")],
    &[Word("OVERFLOW"), Word("x")],
];
const READS: &[&[Arg]] =
    &[&[Word("GET"), TYPE, Bit], &[Word("get"), TYPE, Bit], &[Word("SET"), TYPE, Bit, Int]];
const UNIT: &[&[Arg]] = &[&[Word("BIT")], &[Word("BYTE")]];
const ON: Arg = Choice(&[&[Word("0")], &[Word("1")], &[Word("1")], &[Word("2")]]);

/// The rows.
pub const ROWS: &[Row] = &[
    row(14, "SETBIT", &[Key, Bit, ON]),
    row(10, "GETBIT", &[Key, Bit]),
    row(5, "BITCOUNT", &[Key]),
    row(10, "BITCOUNT", &[Key, Index, Index, Maybe(&[Choice(UNIT)])]),
    row(1, "BITCOUNT", &[Key, Index]),
    row(6, "BITPOS", &[Key, ON]),
    row(4, "BITPOS", &[Key, ON, Index]),
    row(10, "BITPOS", &[Key, ON, Index, Index, Maybe(&[Choice(UNIT)])]),
    row(12, "BITOP", &[Choice(&[&[Word("AND")], &[Word("OR")], &[Word("XOR")]]), Key, Many(&[Key], 4)]),
    row(5, "BITOP", &[Choice(&[&[Word("NOT")], &[Word("NOT")], &[Word("NAND")]]), Key, Key]),
    row(20, "BITFIELD", &[Key, Options(STEPS)]),
    row(12, "BITFIELD", &[Key, Many(&[Choice(STEPS)], 4)]),
    row(6, "BITFIELD_RO", &[Key, Many(&[Choice(READS)], 3)]),
];
