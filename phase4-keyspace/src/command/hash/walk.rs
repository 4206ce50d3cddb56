//! Walking through a hash a step at a time (`HSCAN`), and fields by chance (`HRANDFIELD`).
use super::read;
use crate::command::element::{Selection, bulk, check_repeats, signed_count};
use crate::command::key::scan::{ScanOptions, cursor, empty_scan};
use crate::command::{Command, Context, Group, KeySpec};
use crate::error::Error;
use crate::keyspace::Entry;
use crate::keyspace::{HashRef, Random};
use crate::text::integer::Decimal;
use crate::wire::args::Args;
use crate::wire::reply::{Reply, Wire};

/// The rows.
pub const COMMANDS: &[Command] = &[
    Command::data("hrandfield", -2, "readonly", KeySpec::ONE, hrandfield)
        .doc(Group::Hash, "6.2.0", "Returns one field or several, chosen by chance.")
        .tips("nondeterministic_output"),
    Command::data("hscan", -3, "readonly", KeySpec::ONE, hscan)
        .doc(Group::Hash, "2.8.0", "Returns some fields with values and the cursor to ask for more with.")
        .tips("nondeterministic_output"),
];

/// `HRANDFIELD key [count [WITHVALUES]]`
fn hrandfield(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let mut random = ctx.keyspace.random();
    let Some(count) = args.at(2) else {
        match read(ctx, args)? {
            Some(hash) => bulk(reply, hash.pick(|| random.next()).0),
            None => reply.nil(),
        }
        return Ok(());
    };
    let count = signed_count(count)?;
    let values = args.len() == 4 && args.is(3, "withvalues");
    if args.len() > 3 && !values {
        return Err(Error::Syntax);
    }
    if values && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(Error::bad_argument("ERR value is out of range"));
    }
    if count < 0 {
        check_repeats(ctx, count.unsigned_abs())?;
    }
    let pairs = Pairs { nested: reply.wire() != Wire::Resp2, values };
    match read(ctx, args)? {
        Some(hash) if count > 0 => some_of(hash, count as usize, random, pairs, reply),
        Some(hash) if count < 0 => {
            let repeats = count.unsigned_abs() as usize;
            pairs.begin(reply, repeats);
            for _ in 0..repeats {
                let (field, value) = hash.pick(|| random.next());
                pairs.one(reply, field, value);
            }
        }
        _ => reply.array(0),
    }
    Ok(())
}

fn some_of(hash: HashRef<'_>, count: usize, random: Random, pairs: Pairs, reply: &mut Reply<'_>) {
    let mut selection = Selection::new(count, hash.len(), random);
    pairs.begin(reply, selection.wanted());
    hash.for_each(|field, value| {
        if selection.takes() {
            pairs.one(reply, field, value);
        }
    });
}

/// How fields, with their values or without, are listed: in RESP3 each pair is an array of its own.
#[derive(Clone, Copy)]
struct Pairs {
    nested: bool,
    values: bool,
}

impl Pairs {
    fn begin(self, reply: &mut Reply<'_>, count: usize) {
        reply.array(if self.values && !self.nested { count * 2 } else { count });
    }

    fn one(self, reply: &mut Reply<'_>, field: Entry<'_>, value: Entry<'_>) {
        if self.values && self.nested {
            reply.array(2);
        }
        bulk(reply, field);
        if self.values {
            bulk(reply, value);
        }
    }
}

/// `HSCAN key cursor [MATCH pattern] [COUNT count]`
fn hscan(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let cursor = cursor(args.get(2))?;
    let Some(hash) = read(ctx, args)? else {
        empty_scan(reply);
        return Ok(());
    };
    let options = ScanOptions::parse(args, 3, false)?;
    let mut found = Vec::new();
    let mut elements = Reply::new(&mut found, reply.wire());
    let mut next = 0;
    elements.counted_array(|elements| {
        let mut count = 0;
        next = hash.scan(cursor, options.count, |field, value| {
            if field.with(|field| options.pattern.matches(field)) {
                bulk(elements, field);
                bulk(elements, value);
                count += 2;
            }
        });
        count
    });
    reply.array(2);
    reply.bulk(Decimal::unsigned(next).as_bytes());
    reply.encoded(&found);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::command::harness::Harness;
    use crate::wire::reply::Wire;

    #[test]
    fn chance_gives_fields_of_the_hash() {
        let mut h = Harness::new();
        h.expect("HSET h a 1", ":1");
        h.expect("HRANDFIELD h", "$1 a");
        h.expect("HRANDFIELD none", "$-1");
        h.expect("HRANDFIELD none 3", "*0");
        h.expect("HRANDFIELD h 0", "*0");
        h.expect("HRANDFIELD h 9223372036854775807", "*1 $1 a");
        h.expect("HRANDFIELD h -2 WITHVALUES", "*4 $1 a $1 1 $1 a $1 1");
        h.expect("HRANDFIELD h 1 FOO", "-ERR syntax error");
        h.expect("HRANDFIELD h 4611686018427387904 WITHVALUES", "-ERR value is out of range");
        h.expect("HRANDFIELD h -4611686018427387904", "-ERR value is out of range");
        h.wire = Wire::Resp3;
        h.expect("HRANDFIELD h 5 WITHVALUES", "*1 *2 $1 a $1 1");
    }

    #[test]
    fn a_scan_meets_every_field() {
        let mut h = Harness::new();
        h.expect("HSCAN none 0 FOO", "*2 $1 0 *0");
        h.expect("HSCAN none x", "-ERR invalid cursor");
        h.expect("HSET h 1 one x 2", ":2");
        h.expect("HSCAN h 0 MATCH [0-9]", "*2 $1 0 *2 $1 1 $3 one");
        h.expect("HSCAN h 0 TYPE hash", "-ERR syntax error");
        for n in 0..1000 {
            h.expect(&format!("HSET h f{n} v"), ":1");
        }
        let (mut met, mut cursor, mut steps) = (BTreeSet::new(), "0".to_string(), 0);
        loop {
            let out = String::from_utf8(h.run(&[b"HSCAN", b"h", cursor.as_bytes(), b"COUNT", b"20"]))
                .expect("text");
            let lines: Vec<&str> = out.lines().collect();
            cursor = lines[2].into();
            met.extend(lines[4..].iter().skip(1).step_by(4).map(ToString::to_string));
            steps += 1;
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(met.len(), 1002);
        assert!(steps > 10, "{steps}");
    }
}
