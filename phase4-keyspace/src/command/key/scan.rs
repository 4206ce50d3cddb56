//! Walking through the keys: all at once (`KEYS`) or a step at a time (`SCAN`).
use crate::command::{Command, Context, Group, KeySpec};
use crate::error::Error;
use crate::keyspace::Value;
use crate::text::glob;
use crate::text::integer::{self, Decimal};
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[
    Command::data("keys", 2, "readonly", KeySpec::NONE, keys)
        .doc(Group::Generic, "1.0.0", "Returns all keys that match a pattern, however long that takes.")
        .categories("dangerous")
        .tips("request_policy:all_shards nondeterministic_output_order"),
    Command::data("scan", -2, "readonly", KeySpec::NONE, scan)
        .doc(Group::Generic, "2.8.0", "Returns some keys and the cursor to ask for more with.")
        .tips("nondeterministic_output request_policy:special"),
];

/// Redis's COUNT where none is given.
const DEFAULT_COUNT: usize = 10;

/// One pass over the whole database while everyone waits: the one command here that is as slow as the data is large.
fn keys(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let pattern = Pattern::new(args.get(1));
    reply.counted_array(|reply| {
        let mut count = 0;
        // A step of unlimited size is the whole way, and nothing moves meanwhile: each key comes once.
        ctx.db().scan(0, usize::MAX, |key, _| {
            if pattern.matches(key) {
                reply.bulk(key);
                count += 1;
            }
        });
        count
    });
    Ok(())
}

/// `SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]`
fn scan(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    // ANCHOR: scan-body
    let cursor = cursor(args.get(1))?;
    let options = ScanOptions::parse(args, 2, true)?;
    // The reply leads with the next cursor, which is known only after the keys: they wait in a buffer of their own.
    let mut keys = Vec::new();
    let mut elements = Reply::new(&mut keys, reply.wire());
    let mut next = cursor;
    // TYPE looks at each key's value, and INFO counts that as a hit.
    let mut looked_at = 0;
    elements.counted_array(|elements| {
        let mut count = 0;
        next = ctx.db().scan(cursor, options.count, |key, value| {
            if options.pattern.matches(key) && options.has_type(value, &mut looked_at) {
                elements.bulk(key);
                count += 1;
            }
        });
        count
    });
    *ctx.hits += looked_at;
    reply.array(2);
    reply.bulk(Decimal::unsigned(next).as_bytes());
    reply.encoded(&keys);
    Ok(())
    // ANCHOR_END: scan-body
}

/// The cursor that an argument is.
pub fn cursor(text: &[u8]) -> Result<u64, Error> {
    integer::parse_cursor(text).ok_or(Error::bad_argument("ERR invalid cursor"))
}

/// What `HSCAN` and its kin answer where there is no key.
pub fn empty_scan(reply: &mut Reply<'_>) {
    reply.array(2);
    reply.bulk(b"0");
    reply.array(0);
}

/// `[MATCH pattern] [COUNT count]`, and of keys `[TYPE type]`.
pub struct ScanOptions<'a> {
    /// What the elements must match.
    pub pattern: Pattern<'a>,
    /// About how many elements to look at.
    pub count: usize,
    type_name: Option<&'a [u8]>,
}

impl<'a> ScanOptions<'a> {
    /// Reads the arguments from `first` on.
    pub fn parse(args: Args<'a>, first: usize, keys: bool) -> Result<Self, Error> {
        let mut options = ScanOptions { pattern: Pattern::new(b"*"), count: DEFAULT_COUNT, type_name: None };
        for at in (first..args.len()).step_by(2) {
            let value = args.at(at + 1).ok_or(Error::Syntax)?;
            if args.is(at, "count") {
                let count = integer::parse(value).ok_or(Error::NotInteger)?;
                options.count = usize::try_from(count).ok().filter(|&n| n > 0).ok_or(Error::Syntax)?;
            } else if args.is(at, "match") {
                options.pattern = Pattern::new(value);
            } else if keys && args.is(at, "type") {
                options.type_name = Some(value);
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(options)
    }

    fn has_type(&self, value: Value<'_>, looked_at: &mut u64) -> bool {
        self.type_name.is_none_or(|name| {
            *looked_at += 1;
            value.kind().name().as_bytes().eq_ignore_ascii_case(name)
        })
    }
}

/// A pattern, with the one that everything matches told apart: the matcher itself never lets `*` match the empty key.
#[derive(Clone, Copy)]
pub enum Pattern<'a> {
    /// `*`
    Everything,
    /// Any other.
    Glob(&'a [u8]),
}

impl<'a> Pattern<'a> {
    /// Of an argument.
    pub fn new(pattern: &'a [u8]) -> Self {
        if pattern == b"*" { Pattern::Everything } else { Pattern::Glob(pattern) }
    }

    /// Whether a key, a field or a member matches.
    pub fn matches(self, key: &[u8]) -> bool {
        match self {
            Pattern::Everything => true,
            Pattern::Glob(pattern) => glob::matches(pattern, key),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::command::harness::Harness;
    use std::collections::BTreeSet;

    #[test]
    fn keys_filters_by_pattern() {
        let mut h = Harness::new();
        h.expect("KEYS *", "*0");
        h.expect("MSET one 1 two 2 three 3", "+OK");
        h.expect("KEYS o*", "*1 $3 one");
        h.args(&[b"SET", b"", b"v"], "+OK");
        h.expect("DEL two three", ":2");
        h.expect("KEYS **", "*1 $3 one");
        h.expect("DBSIZE", ":2");
        h.expect("KEYS ?", "*0");
    }

    #[test]
    fn scan_returns_every_key_in_steps() {
        let mut h = Harness::new();
        for i in 0..1000 {
            h.expect(&format!("SET key:{i} v"), "+OK");
        }
        let mut seen = BTreeSet::new();
        let mut cursor = "0".to_string();
        loop {
            let out = h.run(&[
                b"SCAN",
                cursor.as_bytes(),
                b"MATCH",
                b"key:*5",
                b"COUNT",
                b"20",
                b"TYPE",
                b"STRING",
            ]);
            let text = String::from_utf8(out).expect("these keys are text");
            // *2, the cursor's length, the cursor, the number of keys, then length and key by turns.
            let lines: Vec<&str> = text.lines().collect();
            cursor = lines[2].into();
            seen.extend(lines[4..].iter().skip(1).step_by(2).map(ToString::to_string));
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(seen.len(), 100);
        h.expect("SCAN 0 TYPE nosuchtype COUNT 5000", "*2 $1 0 *0");
    }

    #[test]
    fn scan_checks_its_arguments() {
        let mut h = Harness::new();
        h.expect("SCAN x", "-ERR invalid cursor");
        h.expect("SCAN x FOO", "-ERR invalid cursor");
        h.expect("SCAN 0 FOO", "-ERR syntax error");
        h.expect("SCAN 0 COUNT 0", "-ERR syntax error");
        h.expect("SCAN 0 COUNT x", "-ERR value is not an integer or out of range");
        h.expect("SCAN 0 MATCH", "-ERR syntax error");
        h.expect("SCAN -1 MATCH a", "*2 $1 0 *0");
    }
}
