//! `OBJECT`: how a value is kept, for people who look inside.
use crate::command::{Command, Context, DataFn, Group, KeySpec, help};
use crate::error::Error;
use crate::keyspace::{Found, Value};
use crate::text::integer;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[Command::data("object", -2, "", KeySpec::NONE, help_lines)
    .doc(Group::Generic, "2.2.3", "Looks inside values; the subcommand says at what.")
    .subcommands(&[
        row("encoding", encoding, "2.2.3", "Tells how a value is encoded."),
        row("freq", freq, "4.0.0", "Tells how often a key is used, under an LFU policy."),
        row("idletime", idletime, "2.2.3", "Tells the seconds since a key was last used."),
        row("refcount", refcount, "2.2.3", "Tells how often a value is referred to."),
        Command::data("help", 2, "loading stale", KeySpec::NONE, help_lines).doc(
            Group::Generic,
            "6.2.0",
            "Lists the subcommands.",
        ),
    ])];

/// The key is the argument behind the subcommand.
const KEY: KeySpec = KeySpec::Range { first: 2, last: 2, step: 1 };

const fn row(name: &'static str, run: DataFn, since: &'static str, summary: &'static str) -> Command {
    Command::data(name, 3, "readonly", KEY, run)
        .doc(Group::Generic, since, summary)
        .access(&["RO"])
        .tips("nondeterministic_output")
}

/// Longer strings are not `embstr`: one allocation for object and bytes is not worth it beyond a cache line.
const EMBSTR_MAX: usize = 44;
/// Below this, Redis keeps one object for each integer and shares it.
const SHARED_INTEGERS: i64 = 10_000;
/// The reference count of what is shared for ever.
const SHARED_REFCOUNT: i64 = i32::MAX as i64;

const NOT_COUNTED: &str = "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
    switching between policies at runtime LRU and LFU data will take some time to adjust.";
const NOT_TIMED: &str = "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching \
    between policies at runtime LRU and LFU data will take some time to adjust.";
/// Not Redis's: it has no such policy.
const QUEUED: &str = "ERR An S3-FIFO maxmemory policy is selected, idle time not tracked. Please note that when switching \
    between policies at runtime LRU and LFU data will take some time to adjust.";

fn encoding(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    match ctx.peek(ctx.first_key(args.get(2))) {
        Some(found) => reply.bulk(encoding_name(&found).as_bytes()),
        None => reply.nil(),
    }
    Ok(())
}

/// The name that Redis would have for it: integers as `int`, short strings `embstr`, others and edited ones `raw`; a collection
/// by its form.
pub fn encoding_name(found: &Found<'_>) -> &'static str {
    let bytes = match found.value {
        Value::String(bytes) => bytes,
        Value::List(_) => return "quicklist",
        Value::Stream(_) => return "stream",
        Value::ZSet(zset) => return if zset.is_packed() { "listpack" } else { "skiplist" },
        Value::Hash(hash) => return if hash.is_packed() { "listpack" } else { "hashtable" },
        Value::Set(set) => return if set.hashtable { "hashtable" } else { "intset" },
    };
    if found.raw {
        "raw"
    } else if integer::parse(bytes).is_some() {
        "int"
    } else if bytes.len() <= EMBSTR_MAX {
        "embstr"
    } else {
        "raw"
    }
}

fn freq(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let Some(stamp) = ctx.peek(ctx.first_key(args.get(2))).map(|found| found.stamp) else {
        reply.nil();
        return Ok(());
    };
    let counter = ctx.keyspace.db(ctx.db).frequency(stamp).ok_or(Error::other(NOT_COUNTED))?;
    reply.integer(counter.into());
    Ok(())
}

fn idletime(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let Some(stamp) = ctx.peek(ctx.first_key(args.get(2))).map(|found| found.stamp) else {
        reply.nil();
        return Ok(());
    };
    let counts = ctx.keyspace.policy().is_lfu();
    let refusal = || Error::other(if counts { NOT_TIMED } else { QUEUED });
    let idle = ctx.keyspace.db(ctx.db).idle(stamp).ok_or_else(refusal)?;
    reply.integer(idle as i64);
    Ok(())
}

fn refcount(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    match ctx.peek(ctx.first_key(args.get(2))) {
        Some(found) => reply.integer(refcount_of(&found)),
        None => reply.nil(),
    }
    Ok(())
}

/// Nothing is shared here, but Redis shares small integers, and answers so.
pub fn refcount_of(found: &Found<'_>) -> i64 {
    let integer = match found.value {
        Value::String(bytes) if !found.raw => integer::parse(bytes),
        _ => None,
    };
    let shared = integer.is_some_and(|n| (0..SHARED_INTEGERS).contains(&n));
    if shared { SHARED_REFCOUNT } else { 1 }
}

fn help_lines(_: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    help(
        reply,
        "OBJECT",
        &[
            "ENCODING <key>",
            "    Return the kind of internal representation used in order to store the value",
            "    associated with a <key>.",
            "FREQ <key>",
            "    Return the access frequency index of the <key>. The returned integer is",
            "    proportional to the logarithm of the recent access frequency of the key.",
            "IDLETIME <key>",
            "    Return the idle time of the <key>, that is the approximated number of",
            "    seconds elapsed since the last access to the key.",
            "REFCOUNT <key>",
            "    Return the number of references of the value associated with the specified",
            "    <key>.",
        ],
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::command::harness::Harness;

    #[test]
    fn names_encodings_as_redis_does() {
        let mut h = Harness::new();
        let long = "x".repeat(44);
        for (value, name) in [
            ("1", "$3 int"),
            ("-9223372036854775808", "$3 int"),
            ("9223372036854775808", "$6 embstr"),
            ("01", "$6 embstr"),
            (&long, "$6 embstr"),
            (&format!("{long}x"), "$3 raw"),
        ] {
            h.expect(&format!("SET k {value}"), "+OK");
            h.expect("OBJECT ENCODING k", name);
        }
        h.expect("DEL k", ":1");
        h.expect("APPEND k 1", ":1");
        h.expect("OBJECT ENCODING k", "$3 int");
        h.expect("APPEND k 1", ":2");
        h.expect("OBJECT ENCODING k", "$3 raw");
        h.expect("OBJECT REFCOUNT k", ":1");
        h.expect("INCR k", ":12");
        h.expect("OBJECT ENCODING k", "$3 int");
        h.expect("OBJECT REFCOUNT k", ":2147483647");
        h.expect("SET k 10000", "+OK");
        h.expect("OBJECT REFCOUNT k", ":1");
    }

    #[test]
    fn refuses_what_is_not_there() {
        let mut h = Harness::new();
        h.expect("OBJECT ENCODING none", "$-1");
        h.expect("OBJECT FREQ none", "$-1");
        h.expect("OBJECT IDLETIME none", "$-1");
        h.expect("OBJECT ENCODING", "-ERR wrong number of arguments for 'object|encoding' command");
        h.expect("OBJECT", "-ERR wrong number of arguments for 'object' command");
    }
}
