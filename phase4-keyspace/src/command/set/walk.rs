//! Walking through a set a step at a time (`SSCAN`), and members by chance (`SPOP`, `SRANDMEMBER`).
use super::{read, set};
use crate::command::element::{Selection, bulk, check_repeats, positive_count, signed_count};
use crate::command::key::scan::{ScanOptions, cursor, empty_scan};
use crate::command::{Command, Context, Group, KeySpec};
use crate::error::Error;
use crate::keyspace::{Edit, Event, Set};
use crate::text::integer::Decimal;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[
    Command::data("spop", -2, "write fast", KeySpec::ONE, spop)
        .doc(Group::Set, "1.0.0", "Removes one member or several, chosen by chance, and returns them.")
        .access(&["RW access delete"])
        .tips("nondeterministic_output"),
    Command::data("srandmember", -2, "readonly", KeySpec::ONE, srandmember)
        .doc(Group::Set, "1.0.0", "Returns one member or several, chosen by chance.")
        .tips("nondeterministic_output"),
    Command::data("sscan", -3, "readonly", KeySpec::ONE, sscan)
        .doc(Group::Set, "2.8.0", "Returns some members and the cursor to ask for more with.")
        .tips("nondeterministic_output"),
];

/// A set of which so little is left is copied by Redis, which makes it an `intset` again if it can be.
const COPIED_BELOW: u64 = 5;

/// `SPOP key [count]`
fn spop(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    if args.len() > 3 {
        return Err(Error::Syntax);
    }
    let count = args.at(2).map(positive_count).transpose()?;
    let mut random = ctx.keyspace.random();
    let key = ctx.first_key(args.get(1));
    let Some(count) = count else {
        let popped = ctx.db().update::<Set, _>(key, Event::SPop, |set, _| {
            let member = set.pop(|| random.next());
            Edit::Changed(member)
        })?;
        match popped {
            Some(member) => {
                taken(ctx, &member);
                reply.bulk(&member);
            }
            None => reply.nil(),
        }
        return Ok(());
    };
    let len = match ctx.db().find(key) {
        Some(found) => set(found.value)?.len() as u64,
        None => 0,
    };
    if count == 0 || len == 0 {
        reply.set(0);
    } else if count >= len {
        if let Some(all) = read(ctx, args)? {
            reply.set(all.len());
            all.for_each(|member| bulk(reply, member));
        }
        ctx.db().remove_emptied(key, Event::SPop, len as u32);
    } else {
        reply.set(count as usize);
        let mut members = Vec::with_capacity(count as usize);
        ctx.db().update::<Set, _>(key, Event::SPop, |set, rules| {
            members.extend((0..count).map(|_| set.pop(|| random.next())));
            if (len - count) * COPIED_BELOW <= count {
                set.forget_past(rules);
            }
            Edit::Counted(count as u32, ())
        })?;
        for member in &members {
            taken(ctx, member);
            reply.bulk(member);
        }
    }
    Ok(())
}

/// Notes which member chance has chosen.
fn taken(ctx: &mut Context<'_>, member: &[u8]) {
    if ctx.keyspace.changes.keeps_details() {
        ctx.keyspace.changes.detail(member);
    }
}

/// `SRANDMEMBER key [count]`
fn srandmember(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    if args.len() > 3 {
        return Err(Error::Syntax);
    }
    let mut random = ctx.keyspace.random();
    let Some(count) = args.at(2) else {
        match read(ctx, args)? {
            Some(set) => bulk(reply, set.pick(|| random.next())),
            None => reply.nil(),
        }
        return Ok(());
    };
    let count = signed_count(count)?;
    if count < 0 {
        check_repeats(ctx, count.unsigned_abs())?;
    }
    match read(ctx, args)? {
        Some(set) if count > 0 => {
            let mut selection = Selection::new(count as usize, set.len(), random);
            reply.array(selection.wanted());
            set.each_while(|member| {
                if selection.takes() {
                    bulk(reply, member);
                }
                selection.wanted() > 0
            });
        }
        Some(set) if count < 0 => {
            reply.array(count.unsigned_abs() as usize);
            (0..count.unsigned_abs()).for_each(|_| bulk(reply, set.pick(|| random.next())));
        }
        _ => reply.array(0),
    }
    Ok(())
}

/// `SSCAN key cursor [MATCH pattern] [COUNT count]`
fn sscan(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let cursor = cursor(args.get(2))?;
    let Some(set) = read(ctx, args)? else {
        empty_scan(reply);
        return Ok(());
    };
    let options = ScanOptions::parse(args, 3, false)?;
    let mut found = Vec::new();
    let mut elements = Reply::new(&mut found, reply.wire());
    let mut next = 0;
    elements.counted_array(|elements| {
        let mut count = 0;
        next = set.scan(cursor, options.count, |member| {
            if member.with(|member| options.pattern.matches(member)) {
                bulk(elements, member);
                count += 1;
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
    use std::collections::BTreeMap;

    use crate::command::harness::Harness;
    use crate::wire::reply::Wire;

    #[test]
    fn popping_takes_every_member_once() {
        for members in [3, 120, 400] {
            let mut h = Harness::new();
            (0..members).for_each(|n| h.expect(&format!("SADD s {n}"), ":1"));
            h.expect("SPOP s 0", "*0");
            let mut popped = Vec::new();
            for _ in 0..members {
                let out = String::from_utf8(h.run(&[b"SPOP", b"s"])).expect("text");
                popped.push(out.lines().nth(1).expect("a member").parse::<i32>().expect("a number"));
            }
            popped.sort_unstable();
            assert_eq!(popped, (0..members).collect::<Vec<_>>());
            h.expect("SPOP s", "$-1");
            h.expect("SPOP s 5", "*0");
            h.expect("EXISTS s", ":0");
        }
    }

    #[test]
    fn chance_is_fair() {
        let mut h = Harness::new();
        (0..10).for_each(|n| h.expect(&format!("SADD s {n}"), ":1"));
        (0..300).for_each(|n| h.expect(&format!("SADD t {n}"), ":1"));
        for (key, members) in [("s", 10), ("t", 300)] {
            let mut hits: BTreeMap<String, usize> = BTreeMap::new();
            let draws = 200 * members;
            let out = h.run(&[b"SRANDMEMBER", key.as_bytes(), format!("-{draws}").as_bytes()]);
            let text = String::from_utf8(out).expect("text");
            text.lines().skip(2).step_by(2).for_each(|m| *hits.entry(m.into()).or_default() += 1);
            assert_eq!(hits.len(), members);
            assert!(hits.values().all(|hits| (110..320).contains(hits)), "{hits:?}");
        }
    }

    #[test]
    fn counts_are_checked_and_not_believed() {
        let mut h = Harness::new();
        h.expect("SADD s a", ":1");
        for (line, reply) in [
            ("SPOP s -1", "-ERR value is out of range, must be positive"),
            ("SPOP s 1 2", "-ERR syntax error"),
            ("SRANDMEMBER s x y", "-ERR syntax error"),
            ("SRANDMEMBER s x", "-ERR value is not an integer or out of range"),
            ("SRANDMEMBER s -4611686018427387904", "-ERR value is out of range"),
            ("SRANDMEMBER s 4611686018427387904", "*1 $1 a"),
            ("SRANDMEMBER s -2", "*2 $1 a $1 a"),
            ("SRANDMEMBER s 0", "*0"),
            ("SRANDMEMBER none 1", "*0"),
            ("SRANDMEMBER none", "$-1"),
            ("SSCAN s 0 COUNT 1 MATCH *", "*2 $1 0 *1 $1 a"),
            ("SSCAN none 0", "*2 $1 0 *0"),
            ("SSCAN s x", "-ERR invalid cursor"),
        ] {
            h.expect(line, reply);
        }
        h.wire = Wire::Resp3;
        h.expect("SPOP s 9223372036854775807", "~1 $1 a");
        h.expect("EXISTS s", ":0");
        for (line, changes) in [
            ("SADD s 1 2 3", "new:s sadd:s 3"),
            ("SPOP s", "spop:s 1"),
            ("SPOP s 5", "spop:s del:s 2"),
            ("SPOP s", "0"),
        ] {
            assert_eq!(h.changes(line), changes, "{line}");
        }
    }

    #[test]
    fn what_is_left_of_a_set_may_be_an_intset_again() {
        let mut h = Harness::new();
        (0..600).for_each(|n| h.expect(&format!("SADD s {n}"), ":1"));
        h.expect("OBJECT ENCODING s", "$9 hashtable");
        h.run(&[b"SPOP", b"s", b"200"]);
        h.expect("OBJECT ENCODING s", "$9 hashtable");
        h.run(&[b"SPOP", b"s", b"390"]);
        h.expect("OBJECT ENCODING s", "$6 intset");
    }
}
