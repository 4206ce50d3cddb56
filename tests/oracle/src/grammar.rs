//! What an argument may be, and how a row of the table becomes a command: mostly right, at times wrong on purpose.
use super::step::{Piece, Request};
use kit::rng::Rng;

/// How many connections take part.
pub const CONNECTIONS: usize = 4;

/// The password that AUTH, HELLO and `CONFIG SET requirepass` use when they mean the right one.
pub const PASSWORD: &str = "sesame";

/// A kind of argument, or a group of them.
#[derive(Clone, Copy, Debug)]
pub enum Arg {
    /// This word, at times in another case.
    Word(&'static str),
    /// A key out of a small pool, so that commands meet; at times out of a large one, so that the table grows.
    Key,
    /// A key that is a hash as a rule.
    Hash,
    /// A key that is a set as a rule.
    Set,
    /// A field or a member out of a small pool, at times any value.
    Element,
    /// A field or a member out of a pool beyond the sizes at which encodings change.
    Wide,
    /// A small whole number that is not negative.
    Small,
    /// How many elements to draw, twice the same ones if negative; never so many that a server would be busy for long.
    Draws,
    /// A key out of a small pool of this name, for values of one type; at times any other key.
    Of(&'static str),
    /// An element of a list: often one of a few, so that it is found again.
    Elem,
    /// A member of a sorted set.
    Member,
    /// A score: often one of a few whole numbers, so that some are equal.
    Score,
    /// An end of a range by score.
    Bound,
    /// An end of a range by name.
    LexBound,
    /// An entry's ID in a stream.
    StreamId,
    /// The ID of a new entry, mostly one that a server can choose a number for.
    NewId,
    /// An end of a range of IDs.
    IdBound,
    /// A small number, at times negative or anything else.
    Few,
    /// A value: numbers, text, binary bytes, lengths at which encodings change.
    Value,
    /// An integer, the extremes and things that are nearly one included.
    Int,
    /// A float, with exponents, infinities and things that are nearly one.
    Float,
    /// A position in a string, from either end, or far outside.
    Index,
    /// An offset for SETRANGE: as `Index`, but no positive one that would make a string of megabytes.
    Offset,
    /// The position of a bit, never one that would make a string of megabytes.
    Bit,
    /// A database number.
    Db,
    /// A glob pattern.
    Pattern,
    /// A count, at least 1 as a rule.
    Count,
    /// Seconds to live: far away, zero, negative, beyond the range.
    Seconds,
    /// Milliseconds to live.
    Millis,
    /// A point in time in Unix seconds: far away or already past.
    UnixSeconds,
    /// A point in time in Unix milliseconds.
    UnixMillis,
    /// A name for a connection, at times with bytes that are not allowed.
    Name,
    /// The id of one of the connections.
    ClientId,
    /// The address of one of the connections.
    Address,
    /// One of these sequences.
    Choice(&'static [&'static [Arg]]),
    /// This sequence or nothing.
    Maybe(&'static [Arg]),
    /// Any of these sequences, in any order, now and then one of them twice.
    Options(&'static [&'static [Arg]]),
    /// This sequence once or several times, up to the number.
    Many(&'static [Arg], usize),
}

/// One row: a command and what it takes.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// How often, relative to the others.
    pub weight: usize,
    /// Its name, for a container with the subcommand after a space.
    pub name: &'static str,
    /// What follows.
    pub args: &'static [Arg],
}

/// A row.
pub const fn row(weight: usize, name: &'static str, args: &'static [Arg]) -> Row {
    Row { weight, name, args }
}

/// A command out of a row.
pub fn command(row: &Row, rng: &mut Rng) -> Request {
    let mut pieces = Vec::new();
    for word in row.name.split(' ') {
        pieces.push(Piece::Bytes(some_case(word, rng)));
    }
    let named = pieces.len();
    row.args.iter().for_each(|arg| expand(*arg, rng, &mut pieces));
    spoil(&mut pieces, named, rng);
    Request::Command(pieces)
}

/// In some of the cases, makes the command wrong: an argument too few, too many, or another than is expected.
fn spoil(pieces: &mut Vec<Piece>, named: usize, rng: &mut Rng) {
    let sorts = matches!(&pieces[0], Piece::Bytes(name) if name.to_ascii_uppercase().starts_with(b"SORT"));
    match rng.below(100) {
        0..3 if pieces.len() > named => {
            pieces.pop();
        }
        3..6 if !draws(pieces) => pieces.push(Piece::Bytes(junk(rng))),
        // What SORT sorts stays one of its own keys: the order of a sorted set's equal elements is that of a hash table.
        6..9 if pieces.len() > named + usize::from(sorts) && !delicate(pieces) => {
            let first = named + usize::from(sorts);
            let at = first + rng.below(pieces.len() - first);
            pieces[at] = Piece::Bytes(junk(rng));
        }
        _ => {}
    }
}

/// Whether another score would leave it to chance what a range by name means.
fn delicate(pieces: &[Piece]) -> bool {
    let about_names = |piece: &Piece| matches!(piece, Piece::Bytes(bytes) if bytes.starts_with(b"lex"));
    draws(pieces) || pieces.iter().any(about_names)
}

/// Whether another number would have redis-server draw two thousand million members.
fn draws(pieces: &[Piece]) -> bool {
    waits(pieces)
        || matches!(pieces.first(), Some(Piece::Bytes(name)) if name.eq_ignore_ascii_case(b"zrandmember"))
}

/// Whether another number could have a connection wait for ever.
fn waits(pieces: &[Piece]) -> bool {
    let text = |piece: &Piece| match piece {
        Piece::Bytes(word) => word.to_ascii_uppercase(),
        _ => Vec::new(),
    };
    let name = pieces.first().map(text).unwrap_or_default();
    ["BL", "BR", "BZ"].iter().any(|start| name.starts_with(start.as_bytes()))
        || pieces.iter().any(|piece| text(piece) == b"BLOCK")
}

fn expand(arg: Arg, rng: &mut Rng, out: &mut Vec<Piece>) {
    let bytes = match arg {
        Arg::Word(word) => some_case(word, rng),
        Arg::Key => key(rng),
        Arg::Hash => typed(b'h', rng),
        Arg::Set => typed(b's', rng),
        Arg::Element => element(rng),
        Arg::Wide => rng.below(800).to_string().into_bytes(),
        Arg::Small => rng.below(14).to_string().into_bytes(),
        Arg::Draws => rng.pick(DRAWS).as_bytes().to_vec(),
        Arg::Of(pool) => match rng.below(100) {
            0..88 => format!("{pool}{}", rng.below(4)).into_bytes(),
            // Never a key of another kind where the scores must be the same.
            88.. if pool == "lex" => b"lex0".to_vec(),
            _ => key(rng),
        },
        Arg::Elem => elem(rng),
        Arg::Member => member(rng),
        Arg::Score => score(rng),
        Arg::Bound => match rng.below(100) {
            0..40 => score(rng),
            40..80 => [b"(".to_vec(), score(rng)].concat(),
            80..98 => rng.pick(&["-inf", "+inf", "(-inf", "inf", "(+inf"]).as_bytes().to_vec(),
            _ => junk(rng),
        },
        Arg::LexBound => match rng.below(100) {
            0..35 => [b"[".to_vec(), member(rng)].concat(),
            35..70 => [b"(".to_vec(), member(rng)].concat(),
            70..95 => rng.pick(&["-", "+"]).as_bytes().to_vec(),
            _ => junk(rng),
        },
        Arg::StreamId => stream_id(rng),
        Arg::NewId => match rng.below(100) {
            0..45 => b"60-*".to_vec(),
            45..70 => format!("{}-*", rng.below(64)).into_bytes(),
            70..90 => format!("{}-{}", rng.below(61), rng.below(30)).into_bytes(),
            90..93 => rng.pick(STREAM_EDGES).as_bytes().to_vec(),
            _ => stream_id(rng),
        },
        Arg::IdBound => match rng.below(100) {
            0..30 => stream_id(rng),
            30..50 => [b"(".to_vec(), stream_id(rng)].concat(),
            _ => rng.pick(&["-", "+", "-", "+", "0", "(60", "60"]).as_bytes().to_vec(),
        },
        Arg::Few => {
            if rng.percent(85) {
                rng.between(-5, 12).to_string().into_bytes()
            } else {
                int(rng)
            }
        }
        Arg::Value => value(rng),
        Arg::Int => int(rng),
        Arg::Float => rng.pick(FLOATS).as_bytes().to_vec(),
        Arg::Index => index(rng),
        Arg::Offset => offset(rng),
        Arg::Bit => bit(rng),
        Arg::Db => rng.pick(DATABASES).as_bytes().to_vec(),
        Arg::Pattern => rng.pick(PATTERNS).to_vec(),
        Arg::Count => rng.pick(COUNTS).as_bytes().to_vec(),
        Arg::Seconds => lifetime(1, rng),
        Arg::Millis => lifetime(1_000, rng),
        Arg::UnixSeconds => moment(1, rng),
        Arg::UnixMillis => moment(1_000, rng),
        Arg::Name => rng.pick(NAMES).to_vec(),
        Arg::ClientId => return out.push(Piece::ClientId(rng.below(CONNECTIONS))),
        Arg::Address => return out.push(Piece::Address(rng.below(CONNECTIONS))),
        Arg::Choice(choices) => return rng.pick(choices).iter().for_each(|arg| expand(*arg, rng, out)),
        Arg::Maybe(group) => {
            if rng.percent(50) {
                group.iter().for_each(|arg| expand(*arg, rng, out));
            }
            return;
        }
        Arg::Options(options) => {
            for _ in 0..*rng.pick(&[0, 0, 0, 1, 1, 1, 1, 2, 2, 3]) {
                rng.pick(options).iter().for_each(|arg| expand(*arg, rng, out));
            }
            return;
        }
        Arg::Many(group, most) => {
            for _ in 0..1 + rng.below(most) {
                group.iter().for_each(|arg| expand(*arg, rng, out));
            }
            return;
        }
    };
    out.push(Piece::Bytes(bytes));
}

const EXTREMES: &[&str] = &[
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "-9223372036854775809",
    "9223372036854775806",
    "18446744073709551616",
    "4294967296",
    "2147483648",
    "-2147483649",
    "9223372036854775",
    "9223372036854776",
    "99999999999999999999999999",
];
const NEARLY_INTS: &[&str] =
    &["", " 1", "1 ", "+1", "01", "-0", "0x10", "1.0", "1e3", "--1", "-", "abc", "1\0", "１"];
const FLOATS: &[&str] = &[
    "0",
    "1",
    "-1",
    "0.1",
    "0.2",
    "-0.1",
    "3.14",
    "10.50",
    "1e5",
    "5.0e3",
    "1.5e-3",
    "1e-20",
    "123456789.123456789",
    "2.5",
    "-2.5",
    "1000000",
    "0.001",
    "1e17",
    "1e18",
    "inf",
    "-inf",
    "+inf",
    "nan",
    "1e308",
    "1e400",
    "1e5000",
    "",
    " 1",
    "1 ",
    "abc",
    "1.",
    ".5",
    "0x1p3",
    "1e",
    "--1",
    "3.0e",
    "+5.5",
    "-0",
    "0.30000000000000004",
    "1e-400",
];
const DATABASES: &[&str] = &[
    "0",
    "0",
    "0",
    "0",
    "0",
    "1",
    "1",
    "2",
    "15",
    "16",
    "-1",
    "abc",
    "1.0",
    "99999999999999999999",
    "4294967296",
];
const COUNTS: &[&str] = &["1", "2", "10", "100", "1000", "1000000", "0", "-1", "abc", "9223372036854775807"];
const DRAWS: &[&str] = &[
    "0",
    "1",
    "1",
    "2",
    "3",
    "5",
    "20",
    "1000",
    "-1",
    "-2",
    "-5",
    "-1500",
    "x",
    "",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "4611686018427387904",
];
const PATTERNS: &[&[u8]] = &[
    b"*",
    b"k*",
    b"?",
    b"k?",
    b"k1*",
    b"*5*",
    b"[k]0",
    b"k[0-3]",
    b"k[^0-3]",
    b"k[3-0]",
    b"\\k1",
    b"k\\",
    b"[",
    b"[k",
    b"",
    b"**",
    b"k0",
    b"*\xff*",
    b"many:1?2",
    b"m*:*[13579]",
    b"\\*",
    b"num[!e]*",
];
const NAMES: &[&[u8]] = &[b"alice", b"bob", b"", b"with space", b"line\nfeed", b"caf\xc3\xa9", b"x-y_z!~"];

/// Something that no argument should be. Never a small positive number: as a time to live it would end in the midst of
/// the replay, sooner on one server than on the other.
fn junk(rng: &mut Rng) -> Vec<u8> {
    match rng.below(5) {
        0 => Vec::new(),
        1 => b"junk".to_vec(),
        2 => rng.between(-20, 0).to_string().into_bytes(),
        // As a number of elements to draw, a negative one that is in range would keep a server busy for ever.
        3 => match *rng.pick(EXTREMES) {
            "-2147483649" => b"-9223372036854775809".to_vec(),
            // As the position of a bit, it would make a string of 256 MB.
            "2147483648" => b"4294967296".to_vec(),
            extreme => extreme.as_bytes().to_vec(),
        },
        _ => {
            let length = rng.below(12);
            [vec![0xfe], rng.bytes(length)].concat()
        }
    }
}

fn key(rng: &mut Rng) -> Vec<u8> {
    match rng.below(100) {
        0..70 => format!("k{}", rng.below(12)).into_bytes(),
        70..75 => format!("list{}", rng.below(4)).into_bytes(),
        75..80 => format!("zset{}", rng.below(4)).into_bytes(),
        80..86 => format!("num{}", rng.below(3)).into_bytes(),
        86..89 => vec![0xff, 0x00, b'\r', b'\n', rng.below(2) as u8],
        89 => Vec::new(),
        90 => b"with space \"quoted\"".to_vec(),
        91 => vec![b'L'; 300],
        _ => format!("many:{}", rng.below(3000)).into_bytes(),
    }
}

/// One of a few keys of a type, or any key.
fn typed(letter: u8, rng: &mut Rng) -> Vec<u8> {
    match rng.below(100) {
        0..94 => vec![letter, b'0' + rng.below(6) as u8],
        _ => key(rng),
    }
}

fn element(rng: &mut Rng) -> Vec<u8> {
    match rng.below(100) {
        0..45 => format!("e{}", rng.below(16)).into_bytes(),
        45..80 => rng.between(-8, 24).to_string().into_bytes(),
        // 64 bytes is the longest that is packed as a rule.
        80..84 => vec![b'y'; 62 + rng.below(5)],
        _ => value(rng),
    }
}

fn elem(rng: &mut Rng) -> Vec<u8> {
    match rng.below(100) {
        0..40 => format!("e{}", rng.below(12)).into_bytes(),
        40..70 => rng.between(-3, 12).to_string().into_bytes(),
        70..72 => vec![b'y'; *rng.pick(&[1990, 2100, 9000])],
        _ => value(rng),
    }
}

fn member(rng: &mut Rng) -> Vec<u8> {
    match rng.below(1000) {
        0..600 => format!("m{}", rng.below(40)).into_bytes(),
        600..800 => rng.between(-3, 12).to_string().into_bytes(),
        800..960 => format!("w{}", rng.below(600)).into_bytes(),
        960..980 => vec![b'z'; 63 + rng.below(3)],
        _ => value(rng),
    }
}

const STREAM_EDGES: &[&str] = &[
    "18446744073709551615-18446744073709551615",
    "18446744073709551615-0",
    "18446744073709551616-1",
    // Redis's error where no number is left in a millisecond depends on what went wrong before.
    "70-18446744073709551614",
    "70-18446744073709551615",
    "0-0",
    "0-1",
    "0-*",
    "*-1",
    "1-1-1",
    "-1-1",
    "1--1",
    "007-01",
    " 7-+1",
    "7- 1",
    "7-1 ",
    "7-",
    "-",
    "+",
    "(7-1",
    "$",
];

fn stream_id(rng: &mut Rng) -> Vec<u8> {
    match rng.below(100) {
        0..50 => format!("60-{}", rng.below(200)).into_bytes(),
        50..85 => format!("{}-{}", rng.below(61), rng.below(4)).into_bytes(),
        85..95 => rng.below(61).to_string().into_bytes(),
        _ => rng.pick(STREAM_EDGES).as_bytes().to_vec(),
    }
}

fn score(rng: &mut Rng) -> Vec<u8> {
    match rng.below(100) {
        0..65 => rng.between(-4, 9).to_string().into_bytes(),
        65..75 => format!("{}.{}", rng.between(-4, 9), rng.below(100)).into_bytes(),
        75..85 => rng.between(-3_000_000_000, 3_000_000_000).to_string().into_bytes(),
        85..97 => rng.pick(FLOATS).as_bytes().to_vec(),
        _ => int(rng),
    }
}

fn value(rng: &mut Rng) -> Vec<u8> {
    match rng.below(100) {
        0..35 => int(rng),
        35..45 => rng.pick(FLOATS).as_bytes().to_vec(),
        45..60 => rng.pick(&["hello", "a", "", "ohmytext", "mynewtext", "\u{e9}t\u{e9}"]).as_bytes().to_vec(),
        60..80 => {
            let length = rng.below(20);
            (0..length).map(|_| b'a' + rng.below(4) as u8).collect()
        }
        // 44 bytes is the longest string that Redis stores beside its header.
        80..90 => vec![b'x'; 42 + rng.below(5)],
        90..97 => {
            let length = rng.below(300);
            rng.bytes(length)
        }
        _ => {
            let length = *rng.pick(&[255, 256, 1023, 1024, 3000]);
            rng.bytes(length)
        }
    }
}

fn int(rng: &mut Rng) -> Vec<u8> {
    match rng.below(100) {
        0..60 => rng.between(-20, 20).to_string().into_bytes(),
        60..75 => rng.between(-100_000, 100_000).to_string().into_bytes(),
        75..90 => rng.pick(EXTREMES).as_bytes().to_vec(),
        _ => rng.pick(NEARLY_INTS).as_bytes().to_vec(),
    }
}

fn index(rng: &mut Rng) -> Vec<u8> {
    if rng.percent(80) { rng.between(-30, 60).to_string().into_bytes() } else { int(rng) }
}

fn offset(rng: &mut Rng) -> Vec<u8> {
    match rng.below(100) {
        0..85 => rng.between(0, 80).to_string().into_bytes(),
        85..95 => rng
            .pick(&["-1", "536870912", "4294967296", "9223372036854775807", "-9223372036854775808"])
            .as_bytes()
            .to_vec(),
        _ => rng.pick(NEARLY_INTS).as_bytes().to_vec(),
    }
}

fn bit(rng: &mut Rng) -> Vec<u8> {
    match rng.below(100) {
        0..60 => rng.between(0, 70).to_string().into_bytes(),
        60..75 => rng.between(0, 2000).to_string().into_bytes(),
        75..90 => format!("#{}", rng.below(12)).into_bytes(),
        90..95 => {
            rng.pick(&["-1", "4294967296", "9223372036854775807", "#-1", "#", "#x"]).as_bytes().to_vec()
        }
        _ => rng.pick(NEARLY_INTS).as_bytes().to_vec(),
    }
}

/// A time to live in units of `per_second` a second. It is drawn from so wide a range that two of them hardly ever lie
/// as close as two servers' clocks: else GT and LT would ask which server was faster.
fn lifetime(per_second: i64, rng: &mut Rng) -> Vec<u8> {
    match rng.below(100) {
        0..75 => (rng.between(10_000, 3_000_000_000) * per_second).to_string().into_bytes(),
        75..85 => rng.pick(&["0", "-1", "-1000000"]).as_bytes().to_vec(),
        85..93 => rng.pick(EXTREMES).as_bytes().to_vec(),
        _ => rng.pick(NEARLY_INTS).as_bytes().to_vec(),
    }
}

fn moment(per_second: i64, rng: &mut Rng) -> Vec<u8> {
    match rng.below(100) {
        0..65 => (rng.between(4_000_000_000, 9_000_000_000) * per_second).to_string().into_bytes(),
        65..85 => rng.pick(&["1", "1000000000", "0", "-1"]).as_bytes().to_vec(),
        85..93 => rng.pick(EXTREMES).as_bytes().to_vec(),
        _ => rng.pick(NEARLY_INTS).as_bytes().to_vec(),
    }
}

fn some_case(word: &str, rng: &mut Rng) -> Vec<u8> {
    match rng.below(10) {
        0 => word.to_ascii_lowercase().into_bytes(),
        1 => {
            let flip = |b: u8| if rng.percent(50) { b.to_ascii_lowercase() } else { b.to_ascii_uppercase() };
            word.bytes().map(flip).collect()
        }
        _ => word.as_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_commands() {
        let set = row(1, "SET", &[Arg::Key, Arg::Value, Arg::Options(&[&[Arg::Word("EX"), Arg::Seconds]])]);
        let draw = |seed| {
            let mut rng = Rng::new(seed);
            (0..50).map(|_| command(&set, &mut rng)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }
}
