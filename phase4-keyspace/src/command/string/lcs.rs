//! `LCS`: the longest common subsequence of two strings, by the table of the textbooks.
use super::string;
use crate::command::{Command, Context, Group, KeySpec};
use crate::error::Error;
use crate::text::integer;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[Command::data("lcs", -3, "readonly", KeySpec::TWO, lcs).doc(
    Group::String,
    "7.0.0",
    "Finds the longest sequence of bytes that two strings share in order, gaps allowed.",
)];

#[derive(Default)]
struct Options {
    len: bool,
    idx: bool,
    with_match_len: bool,
    min_match_len: i64,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Options, Error> {
        let mut options = Options::default();
        let mut at = 3;
        while at < args.len() {
            if args.is(at, "len") {
                options.len = true;
            } else if args.is(at, "idx") {
                options.idx = true;
            } else if args.is(at, "withmatchlen") {
                options.with_match_len = true;
            } else if args.is(at, "minmatchlen") && at + 1 < args.len() {
                at += 1;
                options.min_match_len = integer::parse(args.get(at)).ok_or(Error::NotInteger)?;
            } else {
                return Err(Error::Syntax);
            }
            at += 1;
        }
        if options.len && options.idx {
            let text = "ERR If you want both the length and indexes, please just use IDX.";
            return Err(Error::bad_argument(text));
        }
        Ok(options)
    }
}

/// `LCS key1 key2 [LEN] [IDX] [MINMATCHLEN n] [WITHMATCHLEN]`
fn lcs(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let max = ctx.max_string;
    // Both must be at hand at once, and a lookup may expire a key: so one of them is copied.
    let a = load(ctx, args.get(1)).map(<[u8]>::to_vec);
    let b = load(ctx, args.get(2));
    let (a, b) = (a?, b?);
    let options = Options::parse(args)?;
    let table = Table::new(&a, b, max)?;
    if options.len {
        reply.integer(i64::from(table.at(a.len(), b.len())));
        return Ok(());
    }
    let (sequence, mut matches) = table.walk(&a, b);
    if !options.idx {
        reply.bulk(&sequence);
        return Ok(());
    }
    matches.retain(|m| m.len as i64 >= options.min_match_len);
    reply.map(2);
    reply.bulk(b"matches");
    reply.array(matches.len());
    for m in &matches {
        reply.array(if options.with_match_len { 3 } else { 2 });
        for start in [m.a, m.b] {
            reply.array(2);
            reply.integer(start as i64);
            reply.integer((start + m.len - 1) as i64);
        }
        if options.with_match_len {
            reply.integer(m.len as i64);
        }
    }
    reply.bulk(b"len");
    reply.integer(sequence.len() as i64);
    Ok(())
}

fn load<'c>(ctx: &'c mut Context<'_>, key: &[u8]) -> Result<&'c [u8], Error> {
    match ctx.read(ctx.key(key)) {
        Some(found) => {
            string(found.value).map_err(|_| Error::other("ERR The specified keys must contain string values"))
        }
        None => Ok(b""),
    }
}

/// A stretch of `len` bytes that both strings have: at `a` in the first, at `b` in the second.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Match {
    a: usize,
    b: usize,
    len: usize,
}

/// For each pair of prefixes the length of their longest common subsequence.
struct Table {
    cells: Vec<u32>,
    width: usize,
}

impl Table {
    /// Time and memory are the product of the lengths; the memory may not exceed `max` bytes, the length of the longest string.
    fn new(a: &[u8], b: &[u8], max: usize) -> Result<Table, Error> {
        let width = b.len() + 1;
        let cells = (a.len() + 1).checked_mul(width).filter(|cells| *cells <= max / size_of::<u32>());
        let Some(cells) = cells else {
            let text = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";
            return Err(Error::TooBig(text.into()));
        };
        let mut table = Table { cells: vec![0; cells], width };
        for i in 1..=a.len() {
            for j in 1..=b.len() {
                table.cells[i * width + j] = match a[i - 1] == b[j - 1] {
                    true => table.at(i - 1, j - 1) + 1,
                    false => table.at(i - 1, j).max(table.at(i, j - 1)),
                };
            }
        }
        Ok(table)
    }

    fn at(&self, i: usize, j: usize) -> u32 {
        self.cells[i * self.width + j]
    }

    /// From the far corner back: the sequence itself, and where its stretches lie, the last one first. Of two equally good
    /// ways the one that shortens `b` is taken, as Redis does, so that both report the same stretches.
    fn walk(&self, a: &[u8], b: &[u8]) -> (Vec<u8>, Vec<Match>) {
        let (mut i, mut j) = (a.len(), b.len());
        let mut sequence = Vec::with_capacity(self.at(i, j) as usize);
        let mut matches: Vec<Match> = Vec::new();
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                sequence.push(a[i - 1]);
                match matches.last_mut() {
                    Some(last) if last.a == i && last.b == j => {
                        *last = Match { a: i - 1, b: j - 1, len: last.len + 1 };
                    }
                    _ => matches.push(Match { a: i - 1, b: j - 1, len: 1 }),
                }
                i -= 1;
                j -= 1;
            } else if self.at(i - 1, j) > self.at(i, j - 1) {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        sequence.reverse();
        (sequence, matches)
    }
}

#[cfg(test)]
mod tests {
    use crate::command::harness::Harness;
    use crate::wire::reply::Wire;

    #[test]
    fn finds_sequence_length_and_places() {
        let mut h = Harness::new();
        h.expect("MSET a ohmytext b mynewtext", "+OK");
        h.expect("LCS a b", "$6 mytext");
        h.expect("LCS a b LEN", ":6");
        h.expect("LCS a b IDX", "*4 $7 matches *2 *2 *2 :4 :7 *2 :5 :8 *2 *2 :2 :3 *2 :0 :1 $3 len :6");
        h.expect(
            "LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN",
            "*4 $7 matches *1 *3 *2 :4 :7 *2 :5 :8 :4 $3 len :6",
        );
        h.wire = Wire::Resp3;
        h.expect("LCS a none IDX", "%2 $7 matches *0 $3 len :0");
        h.expect("LCS none none", "$0 ");
    }

    #[test]
    fn refuses_contradictions_and_giants() {
        let mut h = Harness::new();
        h.expect("LCS a b IDX LEN", "-ERR If you want both the length and indexes, please just use IDX.");
        h.expect("LCS a b MINMATCHLEN", "-ERR syntax error");
        h.expect("LCS a b MINMATCHLEN x FOO", "-ERR value is not an integer or out of range");
        h.expect("SETRANGE a 20000 x", ":20001");
        h.expect("LCS a a", "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
    }
}
