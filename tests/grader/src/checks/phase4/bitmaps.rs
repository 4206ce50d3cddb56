//! Bitmaps: strings as rows of bits, and of small integers.

use super::elements::TYPE;
use super::talk::{KEYSPACE, Talk};
use crate::check::{Check, Context, Explain as _, Outcome};

const ORDER: &str = "bit 0 is not the highest bit of the first byte";
const GROW: &str = "a string does not grow by zeros to the byte of the bit";
const COUNT: &str = "BITCOUNT counts outside its range, or reads bytes as bits";
const POSITION: &str = "BITPOS finds the wrong bit, or forgets the zeros behind the end";
const SHORT: &str = "BITOP does not treat a shorter string as if zeros followed";
const OPERATION: &str = "BITOP combines bits in another way than its name says";
const SIGN: &str = "BITFIELD loses the sign or the upper bits of an integer";
const OVERFLOW: &str = "BITFIELD's OVERFLOW is ignored or misread";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "bits",
        phases: KEYSPACE,
        title: "single bits are set, read, counted and found",
        lesson: "Bit 0 is the highest bit of byte 0, as one would write it down. A string that is too short grows by zero \
                 bytes, and behind its end there are only zeros: BITPOS of a 0 without an end finds the first of those.",
        chapter: "docs/src/phase4/bits.md",
        points: 2,
        topic: "bitmaps",
        blocked_by: &["set-get-del"],
        commands: &["SET", "GET", "STRLEN", "SETBIT", "GETBIT", "BITCOUNT", "BITPOS", "RPUSH"],
        hints: [
            "SETBIT k 1 1. Which byte does GET return?",
            "0x40, the letter @: the mask is 0x80 >> (n % 8), in byte n / 8.",
            "BITCOUNT's range is in bytes unless BIT is said; both ends are included and may count from the end.",
        ],
        bugs: &[ORDER, GROW, COUNT, POSITION, TYPE],
        run: bits,
        ..Check::PLAIN
    },
    Check {
        name: "bitop",
        phases: KEYSPACE,
        title: "BITOP combines strings of different lengths",
        lesson: "The result is as long as the longest string; behind the end of a shorter one there are zeros, and AND with a \
                 zero is zero. A missing key is a string of zeros.",
        chapter: "docs/src/phase4/bits.md",
        points: 1,
        topic: "bitmaps",
        blocked_by: &["bits"],
        commands: &["SET", "GET", "STRLEN", "EXISTS", "BITOP", "BITCOUNT", "GETBIT"],
        hints: [
            "BITOP AND d a b, where b is shorter: what are the last bytes of d?",
            "Zeros, and d is as long as a.",
            "Loop over the longest length and take 0 for a byte that is not there.",
        ],
        bugs: &[SHORT, OPERATION],
        run: bitop,
        ..Check::PLAIN
    },
    Check {
        name: "bitfield",
        phases: KEYSPACE,
        title: "BITFIELD keeps small integers, each with its width, its sign and its way to overflow",
        lesson: "i5 at bit 3 crosses from one byte to the next. A signed field's top bit is its sign, which has to be carried \
                 into all higher bits when it is read. OVERFLOW says what an INCRBY that does not fit does: WRAP, SAT or FAIL.",
        chapter: "docs/src/phase4/bits.md",
        points: 2,
        topic: "bitmaps",
        blocked_by: &["bits"],
        commands: &["GET", "STRLEN", "BITFIELD"],
        hints: [
            "BITFIELD k SET i8 0 -1 GET i8 0 GET u8 0. What are the three replies?",
            "0, -1 and 255. Shift the field to the top of 64 bits, then back with the sign.",
            "OVERFLOW holds for the INCRBY and SET behind it; FAIL answers nil and writes nothing.",
        ],
        bugs: &[SIGN, OVERFLOW],
        run: bitfield,
        ..Check::PLAIN
    },
];

fn bits(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.rows(&[
        ("SETBIT ~b 1 1", ":0"),
        ("GET ~b", "$@"),
        ("SETBIT ~b 7 1", ":0"),
        ("GET ~b", "$A"),
        ("SETBIT ~b 1 0", ":1"),
        ("SETBIT ~b 2 1", ":0"),
        ("GET ~b", "$!"),
        ("GETBIT ~b 2", ":1"),
        ("GETBIT ~b 1", ":0"),
    ])
    .likely(ORDER)?;
    talk.rows(&[
        ("SETBIT ~b 23 0", ":0"),
        ("STRLEN ~b", ":3"),
        ("GET ~b", "$!\0\0"),
        ("GETBIT ~b 1000000", ":0"),
        ("STRLEN ~b", ":3"),
        ("GETBIT ~nothing 0", ":0"),
        ("SETBIT ~b -1 1", "-ERR bit offset is not an integer or out of range"),
        ("SETBIT ~b 4294967296 1", "-ERR bit offset is not an integer or out of range"),
        ("SETBIT ~b 0 2", "-ERR bit is not an integer or out of range"),
    ])
    .likely(GROW)?;
    talk.rows(&[
        ("SET ~f foobar", "+OK"),
        ("BITCOUNT ~f", ":26"),
        ("BITCOUNT ~f 0 0", ":4"),
        ("BITCOUNT ~f 1 -2", ":18"),
        ("BITCOUNT ~f -2 99", ":7"),
        ("BITCOUNT ~f 5 30 BIT", ":17"),
        ("BITCOUNT ~f -3 -1 BIT", ":1"),
        ("BITCOUNT ~f 3 2", ":0"),
        ("BITCOUNT ~nothing", ":0"),
    ])
    .likely(COUNT)?;
    positions(&mut talk).likely(POSITION)?;
    talk.rows(&[("RPUSH ~l a", ":1"), ("SETBIT ~l 0 1", super::elements::WRONGTYPE)]).likely(TYPE)
}

fn positions(talk: &mut Talk) -> Outcome {
    talk.rows(&[
        ("BITPOS ~f 1", ":1"),
        ("BITPOS ~f 0", ":0"),
        ("BITPOS ~f 1 2", ":17"),
        ("BITPOS ~f 1 -1", ":41"),
        ("BITPOS ~f 0 9 12 BIT", ":11"),
        ("BITPOS ~nothing 0", ":0"),
        ("BITPOS ~nothing 1", ":-1"),
    ])?;
    let key = format!("{}ones", talk.salt);
    talk.ask_bytes(&[b"SET", key.as_bytes(), b"\xff\xff"], &super::reply::Reply::ok())?;
    talk.rows(&[
        ("BITPOS ~ones 0", ":16"),
        ("BITPOS ~ones 0 0 -1", ":-1"),
        ("BITPOS ~ones 0 1", ":16"),
        ("BITPOS ~ones 1 0 1", ":0"),
    ])
}

fn bitop(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.rows(&[
        ("SET ~a abcdef", "+OK"),
        ("SET ~c ABC", "+OK"),
        ("BITOP OR ~d ~c ~c", ":3"),
        ("GET ~d", "$ABC"),
        ("BITOP XOR ~d ~c ~c", ":3"),
        ("BITCOUNT ~d", ":0"),
        ("BITOP NOT ~d ~c", ":3"),
        ("GETBIT ~d 0", ":1"),
        ("GETBIT ~d 1", ":0"),
        ("BITCOUNT ~d", ":17"),
        ("BITOP NOT ~d ~a ~c", "-ERR BITOP NOT must be called with a single source key."),
    ])
    .likely(OPERATION)?;
    talk.rows(&[
        ("BITOP AND ~d ~a ~c", ":6"),
        ("GET ~d", "$ABC\0\0\0"),
        ("BITOP AND ~d ~c ~a", ":6"),
        ("GET ~d", "$ABC\0\0\0"),
        ("BITOP OR ~d ~c ~a", ":6"),
        ("GET ~d", "$abcdef"),
        ("BITOP XOR ~d ~a ~c", ":6"),
        ("GET ~d", "$   def"),
        ("BITOP AND ~d ~a ~nothing", ":6"),
        ("BITCOUNT ~d", ":0"),
        ("BITOP OR ~d ~nothing ~none", ":0"),
        ("EXISTS ~d", ":0"),
    ])
    .likely(SHORT)
}

fn bitfield(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.rows(&[
        ("BITFIELD ~k SET i8 0 -1 GET i8 0 GET u8 0", "[:0 :-1 :255]"),
        ("BITFIELD ~k SET u8 #1 65", "[:0]"),
        ("STRLEN ~k", ":2"),
        ("BITFIELD ~k GET u4 12 GET u16 0 GET i4 4", "[:1 :65345 :-1]"),
        ("BITFIELD ~k SET i5 3 -13 GET i5 3 GET u5 3", "[:-1 :-13 :19]"),
        ("BITFIELD ~k SET i64 100 -9000000000000000000 GET i64 100", "[:0 :-9000000000000000000]"),
        ("BITFIELD ~k GET u32 4000", "[:0]"),
        ("BITFIELD ~nothing GET i8 0", "[:0]"),
    ])
    .likely(SIGN)?;
    talk.rows(&[
        ("BITFIELD ~o INCRBY u2 0 3", "[:3]"),
        ("BITFIELD ~o INCRBY u2 0 1", "[:0]"),
        ("BITFIELD ~o OVERFLOW SAT INCRBY u2 0 5 INCRBY u2 0 1", "[:3 :3]"),
        ("BITFIELD ~o OVERFLOW FAIL INCRBY u2 0 1 GET u2 0", "[nil :3]"),
        ("BITFIELD ~o OVERFLOW SAT INCRBY i4 8 100 INCRBY i4 8 -100", "[:7 :-8]"),
        ("BITFIELD ~o INCRBY i4 8 -1", "[:7]"),
        ("BITFIELD ~o OVERFLOW WRAP INCRBY i4 8 1 OVERFLOW FAIL INCRBY i4 8 -1", "[:-8 nil]"),
    ])
    .likely(OVERFLOW)
}
