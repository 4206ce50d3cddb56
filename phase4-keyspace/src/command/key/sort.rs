//! `SORT`: the elements of a list, a set or a sorted set in order, by themselves or by what other keys say of them.
//!
//! Patterns name those keys: the `*` in `weight_*` stands for the element, and `obj_*->field` means a field of a hash. A
//! `BY` without a `*` says that nothing is to be sorted.
use std::cmp::Ordering;

use crate::command::{Command, Context, Group, KeySpec};
use crate::error::Error;
use crate::keyspace::{Event, List, Value};
use crate::text::double;
use crate::text::integer;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[
    Command::data("sort", -2, "write denyoom movablekeys", KeySpec::ONE, sort)
        .doc(
            Group::Sorting,
            "1.0.0",
            "Returns or stores the elements of a list, a set or a sorted set in order.",
        )
        .categories("set sortedset list dangerous")
        .access(&["RO access"]),
    Command::data("sort_ro", -2, "readonly movablekeys", KeySpec::ONE, sort_ro)
        .doc(Group::Sorting, "7.0.0", "Returns the elements of a list, a set or a sorted set in order.")
        .categories("set sortedset list dangerous"),
];

/// `[BY pattern] [LIMIT offset count] [GET pattern …] [ASC|DESC] [ALPHA] [STORE destination]`
struct Options<'a> {
    by: Option<&'a [u8]>,
    /// One of the patterns names no key at all: the order stays as it is, whatever the others say.
    unsorted: bool,
    /// Offset and count; a negative count is no limit.
    limit: (i64, i64),
    gets: Vec<&'a [u8]>,
    descending: bool,
    alpha: bool,
    store: Option<&'a [u8]>,
}

impl<'a> Options<'a> {
    fn parse(args: Args<'a>, may_store: bool) -> Result<Self, Error> {
        let mut options = Options {
            by: None,
            unsorted: false,
            limit: (0, -1),
            gets: Vec::new(),
            descending: false,
            alpha: false,
            store: None,
        };
        let number = |at| integer::parse(args.get(at)).ok_or(Error::NotInteger);
        let mut at = 2;
        while at < args.len() {
            let left = args.len() - at - 1;
            if args.is(at, "asc") || args.is(at, "desc") {
                options.descending = args.is(at, "desc");
            } else if args.is(at, "alpha") {
                options.alpha = true;
            } else if args.is(at, "limit") && left >= 2 {
                options.limit = (number(at + 1)?, number(at + 2)?);
                at += 2;
            } else if args.is(at, "by") && left >= 1 {
                options.by = args.at(at + 1);
                options.unsorted |= !args.get(at + 1).contains(&b'*');
                at += 1;
            } else if args.is(at, "get") && left >= 1 {
                options.gets.extend(args.at(at + 1));
                at += 1;
            } else if args.is(at, "store") && left >= 1 && may_store {
                options.store = args.at(at + 1);
                at += 1;
            } else {
                return Err(Error::Syntax);
            }
            at += 1;
        }
        Ok(options)
    }

    /// Which of so many elements are wanted.
    fn range(&self, len: usize) -> std::ops::Range<usize> {
        let clamp = |n: i64| usize::try_from(n).unwrap_or(0).min(len);
        let start = clamp(self.limit.0);
        match self.limit.1 {
            ..0 => start..len,
            count => start..start.saturating_add(clamp(count)).min(len),
        }
    }
}

/// What an element is sorted by.
enum Weight {
    Number(f64),
    /// `None`: there is no such key, which comes first.
    Text(Option<Vec<u8>>),
}

fn sort(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let options = Options::parse(args, true)?;
    run(ctx, args, options, reply)
}

fn sort_ro(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let options = Options::parse(args, false)?;
    run(ctx, args, options, reply)
}

fn run(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    mut options: Options<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), Error> {
    let mut sorts = !options.unsorted;
    let (mut elements, is_set) = load(ctx, args, options.descending && !sorts)?;
    if is_set && !sorts && options.store.is_some() {
        // A set has no order, and what is stored should be the same on every server.
        (sorts, options.alpha, options.by) = (true, true, None);
    }
    let range = options.range(elements.len());
    if sorts {
        elements = sorted(ctx, elements, &options)?;
    }
    let elements = &elements[range];
    match options.store {
        None => {
            reply.array(elements.len() * options.gets.len().max(1));
            each(ctx, elements, &options.gets, |value| match value {
                Some(value) => reply.bulk(value),
                None => reply.nil(),
            });
        }
        Some(destination) => {
            let mut list = List::default();
            let rules = ctx.keyspace.db(ctx.db).rules().clone();
            each(ctx, elements, &options.gets, |value| list.push(value.unwrap_or_default(), false, &rules));
            let len = list.read().len();
            let key = ctx.key(destination);
            ctx.db().store_counted(key, list, Event::SortStore, len as u32);
            reply.integer(len as i64);
        }
    }
    Ok(())
}

/// Every element, in its collection's order or in that reversed; and whether the collection is a set.
fn load(ctx: &mut Context<'_>, args: Args<'_>, reverse: bool) -> Result<(Vec<Vec<u8>>, bool), Error> {
    let key = ctx.first_key(args.get(1));
    let mut elements = Vec::new();
    let value = ctx.read(key).map(|found| found.value);
    match value {
        None => {}
        Some(Value::List(list)) => list.walk(0, false, |element| {
            elements.push(element.to_vec());
            true
        }),
        Some(Value::Set(set)) => set.for_each(|member| elements.push(member.to_vec())),
        Some(Value::ZSet(zset)) => {
            zset.range(0..zset.len() as u64, false, |member, _| elements.push(member.to_vec()))
        }
        Some(_) => return Err(Error::WrongType),
    }
    let is_set = matches!(value, Some(Value::Set(_)));
    if reverse && !is_set {
        elements.reverse();
    }
    Ok((elements, is_set))
}

fn sorted(
    ctx: &mut Context<'_>,
    elements: Vec<Vec<u8>>,
    options: &Options<'_>,
) -> Result<Vec<Vec<u8>>, Error> {
    let mut weighed = Vec::with_capacity(elements.len());
    let mut all_numbers = true;
    for element in elements {
        let text = match options.by {
            Some(pattern) => look_up(ctx, pattern, &element),
            None => Some(element.clone()),
        };
        let weight = if options.alpha {
            Weight::Text(text)
        } else {
            let number = text.map_or(Some(0.0), |text| double::parse_weight(&text));
            all_numbers &= number.is_some();
            Weight::Number(number.unwrap_or(0.0))
        };
        weighed.push((element, weight));
    }
    if !all_numbers {
        return Err(Error::other("ERR One or more scores can't be converted into double"));
    }
    let stored = options.store.is_some();
    weighed.sort_by(|a, b| {
        let order = compare(a, b, stored);
        if options.descending { order.reverse() } else { order }
    });
    Ok(weighed.into_iter().map(|(element, _)| element).collect())
}

/// Equal numbers are ordered by the elements themselves. Text that is shown and not stored ends, as in C, with a NUL.
fn compare(a: &(Vec<u8>, Weight), b: &(Vec<u8>, Weight), stored: bool) -> Ordering {
    match (&a.1, &b.1) {
        (Weight::Number(x), Weight::Number(y)) => {
            x.partial_cmp(y).unwrap_or(Ordering::Equal).then_with(|| a.0.cmp(&b.0))
        }
        (Weight::Text(Some(x)), Weight::Text(Some(y))) if !stored => c_text(x).cmp(c_text(y)),
        (Weight::Text(x), Weight::Text(y)) => x.cmp(y),
        _ => Ordering::Equal,
    }
}

fn c_text(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Shows each element, or what each pattern of GET makes of it.
fn each(ctx: &mut Context<'_>, elements: &[Vec<u8>], gets: &[&[u8]], mut show: impl FnMut(Option<&[u8]>)) {
    for element in elements {
        if gets.is_empty() {
            show(Some(element));
        }
        for pattern in gets {
            show(look_up(ctx, pattern, element).as_deref());
        }
    }
}

/// What a pattern means for an element: the string, or the field of a hash, at the key that it names. `#` is the element.
fn look_up(ctx: &mut Context<'_>, pattern: &[u8], element: &[u8]) -> Option<Vec<u8>> {
    if pattern == b"#" {
        return Some(element.to_vec());
    }
    let star = pattern.iter().position(|byte| *byte == b'*')?;
    let (prefix, rest) = (&pattern[..star], &pattern[star + 1..]);
    // An arrow with nothing behind it is part of the name.
    let arrow = rest.windows(2).position(|two| two == b"->").filter(|at| at + 2 < rest.len());
    let (postfix, field) = match arrow {
        Some(at) => (&rest[..at], Some(&rest[at + 2..])),
        None => (rest, None),
    };
    let name = [prefix, element, postfix].concat();
    let found = ctx.read(ctx.key(&name))?;
    match (found.value, field) {
        (Value::String(text), None) => Some(text.to_vec()),
        (Value::Hash(hash), Some(field)) => hash.get(field).map(|value| value.to_vec()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::command::harness::Harness;

    #[test]
    fn elements_come_in_order() {
        let mut h = Harness::new();
        h.expect("RPUSH l 3 1 10 2", ":4");
        for (line, reply) in [
            ("SORT l", "*4 $1 1 $1 2 $1 3 $2 10"),
            ("SORT_RO l DESC", "*4 $2 10 $1 3 $1 2 $1 1"),
            ("SORT l ALPHA", "*4 $1 1 $2 10 $1 2 $1 3"),
            ("SORT l LIMIT 1 2", "*2 $1 2 $1 3"),
            ("SORT l LIMIT 0 0", "*0"),
            ("SORT l LIMIT -5 -1", "*4 $1 1 $1 2 $1 3 $2 10"),
            ("SORT l LIMIT 9223372036854775807 9223372036854775807", "*0"),
            ("SORT l BY nosort", "*4 $1 3 $1 1 $2 10 $1 2"),
            ("SORT l BY nosort DESC LIMIT 0 2", "*2 $1 2 $2 10"),
            ("SORT l BY nosort BY w*", "*4 $1 3 $1 1 $2 10 $1 2"),
            ("SORT none", "*0"),
            ("SORT l LIMIT 0 x", "-ERR value is not an integer or out of range"),
            ("SORT l FOO", "-ERR syntax error"),
            ("SORT_RO l STORE d", "-ERR syntax error"),
        ] {
            h.expect(line, reply);
        }
        h.expect("ZADD z 5 b 7 a", ":2");
        h.expect("SORT z ALPHA", "*2 $1 a $1 b");
        h.expect("SORT z BY nosort DESC", "*2 $1 a $1 b");
        h.expect("SORT z", "-ERR One or more scores can't be converted into double");
        h.expect("SET s text", "+OK");
        h.expect("SORT s", "-WRONGTYPE Operation against a key holding the wrong kind of value");
    }

    #[test]
    fn other_keys_say_what_to_sort_by_and_what_to_show() {
        let mut h = Harness::new();
        h.expect("SADD s 1 2 3", ":3");
        h.expect("MSET w1 30 w2 10 name1 one name2 two", "+OK");
        h.expect("HSET o3 w 5 name three", ":2");
        h.expect("SORT s BY w*", "*3 $1 3 $1 2 $1 1");
        h.expect("SORT s BY w* GET name* GET #", "*6 $-1 $1 3 $3 two $1 2 $3 one $1 1");
        h.expect("SORT s BY o*->w DESC GET o*->name LIMIT 0 1", "*1 $5 three");
        h.expect("SORT s GET nostar", "*3 $-1 $-1 $-1");
        h.expect("SORT s GET w*->", "*3 $-1 $-1 $-1");
        h.expect("SORT s BY w* ALPHA", "*3 $1 3 $1 2 $1 1");
    }

    #[test]
    fn a_result_is_stored_as_a_list() {
        let mut h = Harness::new();
        h.expect("SADD s 3 1 2", ":3");
        h.expect("SET d text EX 100", "+OK");
        assert_eq!(h.changes("SORT s STORE d"), "sortstore:d 3");
        h.expect("LRANGE d 0 -1", "*3 $1 1 $1 2 $1 3");
        h.expect("TTL d", ":-1");
        assert_eq!(h.changes("SORT s BY nosort GET w* STORE new"), "new:new sortstore:new 3");
        h.expect("LRANGE new 0 -1", "*3 $0  $0  $0 ");
        assert_eq!(h.changes("SORT none STORE d"), "del:d 1");
        assert_eq!(h.changes("SORT none STORE d"), "0");
    }
}
