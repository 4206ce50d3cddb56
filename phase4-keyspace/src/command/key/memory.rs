//! `MEMORY`: what a key costs.
use crate::command::server::memory::{DOCTOR, MALLOC_STATS, PURGE, STATS};
use crate::command::{Command, Context, DataFn, Group, KeySpec, help};
use crate::error::Error;
use crate::text::integer;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[Command::data("memory", -2, "", KeySpec::NONE, help_lines)
    .doc(Group::Server, "4.0.0", "Tells about memory; the subcommand says what.")
    .subcommands(&[
        row("help", 2, "loading stale", KeySpec::NONE, help_lines, "Lists the subcommands."),
        STATS,
        DOCTOR,
        PURGE,
        MALLOC_STATS,
        row("usage", -3, "readonly", KEY, usage, "Tells how many bytes a key and its value take.")
            .access(&["RO"]),
    ])];

/// The key is the argument behind the subcommand.
const KEY: KeySpec = KeySpec::Range { first: 2, last: 2, step: 1 };

const fn row(
    name: &'static str,
    arity: i32,
    flags: &'static str,
    keys: KeySpec,
    run: DataFn,
    summary: &'static str,
) -> Command {
    Command::data(name, arity, flags, keys, run).doc(Group::Server, "4.0.0", summary)
}

/// `MEMORY USAGE key [SAMPLES count]`: nothing is sampled, for every structure knows its size. It is no use of the key, and
/// counts as neither hit nor miss.
fn usage(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    for at in (3..args.len()).step_by(2) {
        let Some(samples) = args.at(at + 1).filter(|_| args.is(at, "samples")) else {
            return Err(Error::Syntax);
        };
        if integer::parse(samples).ok_or(Error::NotInteger)? < 0 {
            return Err(Error::Syntax);
        }
    }
    let key = ctx.first_key(args.get(2));
    match ctx.keyspace.db(ctx.db).usage(key) {
        Some(bytes) => reply.integer(bytes as i64),
        None => reply.nil(),
    }
    Ok(())
}

fn help_lines(_: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    help(
        reply,
        "MEMORY",
        &[
            "DOCTOR",
            "    Tell what may be wrong with the use of memory.",
            "MALLOC-STATS",
            "    Tell what the allocator knows.",
            "PURGE",
            "    Give free memory back to the system.",
            "STATS",
            "    Tell what the memory in use is used for.",
            "USAGE <key> [SAMPLES <count>]",
            "    Return memory in bytes used by <key> and its value.",
        ],
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::command::harness::Harness;

    #[test]
    fn a_key_costs_what_it_holds() {
        let mut h = Harness::new();
        h.expect("MEMORY USAGE none", "$-1");
        h.expect("MEMORY USAGE none SAMPLES -1", "-ERR syntax error");
        h.expect("MEMORY USAGE none SAMPLES x", "-ERR value is not an integer or out of range");
        h.expect("MEMORY USAGE none FOO", "-ERR syntax error");
        let mut bytes = Vec::new();
        for line in ["SET k v", "HSET k f v", "SADD k m"] {
            h.expect("DEL k", if bytes.is_empty() { ":0" } else { ":1" });
            h.run(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>());
            let out = String::from_utf8(h.run(&[b"MEMORY", b"USAGE", b"k", b"SAMPLES", b"0"])).expect("text");
            bytes.push(out.trim().trim_start_matches(':').parse::<usize>().expect("a number"));
        }
        assert!(bytes.iter().all(|bytes| (10..60).contains(bytes)), "{bytes:?}");
    }
}
