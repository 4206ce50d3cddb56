//! Sets as algebra: what is in all, in any, in the first and no other.
use super::set;
use crate::command::element::bulk;
use crate::command::{Command, Context, DataFn, Group, KeySpec};
use crate::error::Error;
use crate::keyspace::{Db, Entry, Event, Key, Rules, Set, SetRef};
use crate::text::integer;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[
    several("sinter", sinter, "Returns the members that all sets have."),
    several("sunion", sunion, "Returns the members that any of the sets has."),
    several("sdiff", sdiff, "Returns the members that the first set has and none of the others."),
    Command::data(
        "sintercard",
        -3,
        "readonly movablekeys",
        KeySpec::Counted { count: 1, first: 2, also: 0 },
        sintercard,
    )
    .doc(Group::Set, "7.0.0", "Counts the members that all sets have."),
    store("sinterstore", sinterstore, "Stores the members that all sets have.")
        .access(&["RW update", "RO access"]),
    store("sunionstore", sunionstore, "Stores the members that any of the sets has."),
    store("sdiffstore", sdiffstore, "Stores the members that the first set has and none of the others."),
];

const fn several(name: &'static str, run: DataFn, summary: &'static str) -> Command {
    Command::data(name, -2, "readonly", KeySpec::ALL, run)
        .doc(Group::Set, "1.0.0", summary)
        .tips("nondeterministic_output_order")
}

const fn store(name: &'static str, run: DataFn, summary: &'static str) -> Command {
    Command::data(name, -3, "write denyoom", KeySpec::ALL, run)
        .doc(Group::Set, "1.0.0", summary)
        .access(&["OW update", "RO access"])
}

fn sinter(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    show(ctx, args, intersection, reply)
}

fn sdiff(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    show(ctx, args, difference, reply)
}

fn sunion(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let keys = keys(ctx, args, 1);
    check(ctx, &keys)?;
    let db = ctx.keyspace.db(ctx.db);
    let union = collect(&sets(db, &keys), union, db.rules());
    reply.set(union.read().len());
    union.read().for_each(|member| bulk(reply, member));
    Ok(())
}

fn sinterstore(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    keep(ctx, args, intersection, Event::SInterStore, reply)
}

fn sunionstore(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    keep(ctx, args, union, Event::SUnionStore, reply)
}

fn sdiffstore(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    keep(ctx, args, difference, Event::SDiffStore, reply)
}

/// `SINTERCARD numkeys key [key …] [LIMIT limit]`
fn sintercard(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let numkeys = integer::parse(args.get(1)).and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
    let numkeys = numkeys.ok_or(Error::bad_argument("ERR numkeys should be greater than 0"))?;
    if numkeys > args.len() - 2 {
        return Err(Error::bad_argument("ERR Number of keys can't be greater than number of args"));
    }
    let mut limit = 0;
    let mut at = 2 + numkeys;
    while at < args.len() {
        let Some(value) = args.at(at + 1).filter(|_| args.is(at, "limit")) else { return Err(Error::Syntax) };
        let count = integer::parse(value).and_then(|n| u64::try_from(n).ok());
        limit = count.ok_or(Error::bad_argument("ERR LIMIT can't be negative"))?;
        at += 2;
    }
    let mut keys = keys(ctx, args, 2);
    keys.truncate(numkeys);
    check(ctx, &keys)?;
    let mut count = 0;
    intersection(&sets(ctx.keyspace.db(ctx.db), &keys), &mut |_| {
        count += 1;
        count != limit
    });
    reply.integer(count as i64);
    Ok(())
}

/// Calls `visit` for every member of the result, until it says `false`.
type Operation = for<'a> fn(&[Option<SetRef<'a>>], &mut dyn FnMut(Entry<'a>) -> bool);

// ANCHOR: set-intersection
/// The smallest set is walked through, and each member looked for in the others, the next smallest first.
fn intersection<'a>(sets: &[Option<SetRef<'a>>], visit: &mut dyn FnMut(Entry<'a>) -> bool) {
    let Some(mut sets) = sets.iter().copied().collect::<Option<Vec<_>>>() else { return };
    sets.sort_by_key(|set| set.len());
    if let Some((smallest, others)) = sets.split_first() {
        smallest.each_while(|member| !others.iter().all(|set| set.contains(member)) || visit(member));
    }
}
// ANCHOR_END: set-intersection

fn difference<'a>(sets: &[Option<SetRef<'a>>], visit: &mut dyn FnMut(Entry<'a>) -> bool) {
    let Some((Some(first), others)) = sets.split_first() else { return };
    // A large set is the likeliest to have a member.
    let mut others: Vec<SetRef<'a>> = others.iter().flatten().copied().collect();
    others.sort_by_key(|set| std::cmp::Reverse(set.len()));
    first.each_while(|member| others.iter().any(|set| set.contains(member)) || visit(member));
}

/// A member of several sets is visited several times.
fn union<'a>(sets: &[Option<SetRef<'a>>], visit: &mut dyn FnMut(Entry<'a>) -> bool) {
    sets.iter().flatten().for_each(|set| set.each_while(&mut *visit));
}

fn collect(sets: &[Option<SetRef<'_>>], operation: Operation, rules: &Rules) -> Set {
    let mut result = Set::default();
    operation(sets, &mut |member| {
        result.add(member, rules);
        true
    });
    result
}

/// The keys from argument `first` on.
fn keys<'k>(ctx: &Context<'_>, args: Args<'k>, first: usize) -> Vec<Key<'k>> {
    let hashed_before = if first == 2 && !args.is(0, "sintercard") { 1 } else { 0 };
    args.from(first).enumerate().map(|(n, bytes)| ctx.nth_key(n + hashed_before, bytes)).collect()
}

/// Looks every key up, so that dead ones are removed and uses are marked and counted; one of another type is refused.
fn check(ctx: &mut Context<'_>, keys: &[Key<'_>]) -> Result<(), Error> {
    for key in keys {
        if let Some(found) = ctx.read(*key) {
            set(found.value)?;
        }
    }
    Ok(())
}

/// The sets at keys that have been checked.
fn sets<'a>(db: &'a Db, keys: &[Key<'_>]) -> Vec<Option<SetRef<'a>>> {
    keys.iter().map(|key| db.value(*key).and_then(|value| set(value).ok())).collect()
}

fn show(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    operation: Operation,
    reply: &mut Reply<'_>,
) -> Result<(), Error> {
    let keys = keys(ctx, args, 1);
    check(ctx, &keys)?;
    let sets = sets(ctx.keyspace.db(ctx.db), &keys);
    reply.counted_set(|reply| {
        let mut count = 0;
        operation(&sets, &mut |member| {
            bulk(reply, member);
            count += 1;
            true
        });
        count
    });
    Ok(())
}

/// The result is built aside and then stored: the destination may be one of the sets.
fn keep(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    operation: Operation,
    event: Event,
    reply: &mut Reply<'_>,
) -> Result<(), Error> {
    let keys = keys(ctx, args, 2);
    check(ctx, &keys)?;
    let db = ctx.keyspace.db(ctx.db);
    let result = collect(&sets(db, &keys), operation, db.rules());
    let len = result.read().len();
    let destination = ctx.first_key(args.get(1));
    ctx.db().store_collection(destination, result, event);
    reply.integer(len as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::command::harness::Harness;
    use crate::random::Random;
    use crate::wire::reply::Wire;

    fn members(h: &mut Harness, line: &str) -> BTreeSet<String> {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let text = String::from_utf8(h.run(&words)).expect("text");
        let members: Vec<String> = text.lines().skip(2).step_by(2).map(ToString::to_string).collect();
        assert_eq!(text.lines().next(), Some(format!("*{}", members.len()).as_str()), "{line}");
        let distinct: BTreeSet<String> = members.iter().cloned().collect();
        assert_eq!(members.len(), distinct.len(), "{line}");
        distinct
    }

    /// Small and large sets, of integers and of text, in every order.
    #[test]
    fn results_agree_with_std() {
        let (mut h, mut random) = (Harness::new(), Random(3));
        let sizes = [0, 1, 5, 100, 129, 600];
        let mut model: Vec<BTreeSet<String>> = Vec::new();
        for (n, size) in sizes.into_iter().enumerate() {
            let mut set = BTreeSet::new();
            while set.len() < size {
                let number = random.below(700);
                set.insert(match number % 3 {
                    0 => format!("m{number}"),
                    1 => number.to_string(),
                    _ => (number << 40).to_string(),
                });
            }
            set.iter().for_each(|member| h.expect(&format!("SADD s{n} {member}"), ":1"));
            model.push(set);
        }
        for _ in 0..300 {
            let chosen: Vec<usize> = (0..1 + random.below(3)).map(|_| random.below(6)).collect();
            let keys: String = chosen.iter().map(|n| format!(" s{n}")).collect();
            let sets = || chosen.iter().map(|n| &model[*n]);
            let inter = sets().skip(1).fold(model[chosen[0]].clone(), |all, set| &all & set);
            let diff = sets().skip(1).fold(model[chosen[0]].clone(), |all, set| &all - set);
            let union = sets().fold(BTreeSet::new(), |all, set| &all | set);
            for (name, expected) in [("SINTER", inter.clone()), ("SDIFF", diff), ("SUNION", union)] {
                assert_eq!(members(&mut h, &format!("{name}{keys}")), expected, "{name}{keys}");
                h.expect(&format!("{name}STORE d{keys}"), &format!(":{}", expected.len()));
                assert_eq!(members(&mut h, "SMEMBERS d"), expected);
            }
            let count = chosen.len();
            h.expect(&format!("SINTERCARD {count}{keys}"), &format!(":{}", inter.len()));
            h.expect(&format!("SINTERCARD {count}{keys} LIMIT 3"), &format!(":{}", inter.len().min(3)));
            chosen.iter().for_each(|n| assert_eq!(members(&mut h, &format!("SMEMBERS s{n}")), model[*n]));
        }
    }

    #[test]
    fn a_destination_may_be_a_source_and_may_hold_anything() {
        let mut h = Harness::new();
        h.expect("SADD a 1 2 3", ":3");
        h.expect("SADD b 2 3 4", ":3");
        h.expect("SET d text EX 100", "+OK");
        assert_eq!(h.changes("SINTERSTORE d a b"), "sinterstore:d 1");
        h.expect("TTL d", ":-1");
        assert_eq!(h.changes("SDIFFSTORE a a b"), "sdiffstore:a 1");
        h.expect("SMEMBERS a", "*1 $1 1");
        assert_eq!(h.changes("SUNIONSTORE new a"), "new:new sunionstore:new 1");
        assert_eq!(h.changes("SINTERSTORE d a none"), "del:d 1");
        assert_eq!(h.changes("SINTERSTORE d a none"), "0");
        h.expect("SET s text", "+OK");
        let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";
        for line in ["SINTER none s", "SUNION a s", "SDIFF a s", "SINTERSTORE a a s", "SINTERCARD 2 none s"] {
            h.expect(line, wrong);
        }
        h.expect("SMEMBERS a", "*1 $1 1");
        h.wire = Wire::Resp3;
        h.expect("SINTER a none", "~0");
        h.expect("SUNION a none", "~1 $1 1");
    }

    #[test]
    fn numbers_of_keys_are_checked() {
        let mut h = Harness::new();
        for (line, error) in [
            ("SINTERCARD 0 a", "-ERR numkeys should be greater than 0"),
            ("SINTERCARD x a", "-ERR numkeys should be greater than 0"),
            ("SINTERCARD 9223372036854775807 a", "-ERR Number of keys can't be greater than number of args"),
            ("SINTERCARD 1 a LIMIT -1", "-ERR LIMIT can't be negative"),
            ("SINTERCARD 1 a LIMIT", "-ERR syntax error"),
            ("SINTERCARD 1 a FOO 1", "-ERR syntax error"),
        ] {
            h.expect(line, error);
        }
    }
}
