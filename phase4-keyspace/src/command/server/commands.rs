//! `COMMAND`: the table describes itself, so that clients can find keys and route requests without knowing each command.
use crate::command::catalogue::has_category;
use crate::command::{Command, Context, DataFn, Group, KeySpec, all, find, help};
use crate::error::Error;
use crate::text::glob;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

mod describe;
mod keys;

use describe::{write_docs, write_info};

/// The rows.
pub const COMMANDS: &[Command] = &[row("command", -1, info_of_all, "2.8.13", "Describes all commands.")
    .tips("nondeterministic_output_order")
    .subcommands(&[
        row("count", 2, count, "2.8.13", "Returns the number of commands."),
        row("docs", -2, docs, "7.0.0", "Tells what commands do, for people.")
            .tips("nondeterministic_output_order"),
        row("getkeys", -4, keys::getkeys, "2.8.13", "Picks the keys out of a request."),
        row(
            "getkeysandflags",
            -4,
            keys::getkeysandflags,
            "7.0.0",
            "Picks the keys out of a request and tells what happens to each.",
        ),
        row("help", 2, help_lines, "5.0.0", "Lists the subcommands."),
        row("info", -2, info, "2.8.13", "Describes commands, for programs.")
            .tips("nondeterministic_output_order"),
        row("list", -2, list, "7.0.0", "Returns the names of the commands.")
            .tips("nondeterministic_output_order"),
    ])];

const fn row(
    name: &'static str,
    arity: i32,
    run: DataFn,
    since: &'static str,
    summary: &'static str,
) -> Command {
    Command::data(name, arity, "loading stale", KeySpec::NONE, run)
        .doc(Group::Server, since, summary)
        .categories("connection")
}

/// A row, with its container if it is a subcommand.
#[derive(Clone, Copy)]
struct Named {
    container: Option<&'static Command>,
    command: &'static Command,
}

impl Named {
    fn top(command: &'static Command) -> Named {
        Named { container: None, command }
    }

    /// `get`, `object|encoding`
    fn full_name(self) -> String {
        match self.container {
            Some(container) => format!("{}|{}", container.name, self.command.name),
            None => self.command.name.into(),
        }
    }

    /// The command of a full name, in any case.
    fn find(full_name: &[u8]) -> Option<Named> {
        let mut parts = full_name.splitn(2, |&byte| byte == b'|');
        let top = find(parts.next()?)?;
        match parts.next() {
            Some(sub) => Some(Named { container: Some(top), command: top.subcommand(sub)? }),
            None => Some(Named::top(top)),
        }
    }

    fn subcommands(self) -> impl ExactSizeIterator<Item = Named> {
        self.command.subcommands.iter().map(move |sub| Named { container: Some(self.command), command: sub })
    }
}

fn count(_: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    reply.integer(all().count() as i64);
    Ok(())
}

fn info_of_all(_: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    reply.array(all().count());
    for command in all() {
        write_info(reply, Named::top(command));
    }
    Ok(())
}

/// `COMMAND INFO [name …]`
fn info(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    if args.len() == 2 {
        return info_of_all(ctx, args, reply);
    }
    reply.array(args.len() - 2);
    for name in args.from(2) {
        match Named::find(name) {
            Some(named) => write_info(reply, named),
            None => reply.nil(),
        }
    }
    Ok(())
}

/// `COMMAND DOCS [name …]`: unknown names are left out.
fn docs(_: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let named: Vec<Named> = match args.len() {
        2 => all().map(Named::top).collect(),
        _ => args.from(2).filter_map(Named::find).collect(),
    };
    reply.map(named.len());
    for named in named {
        write_docs(reply, named);
    }
    Ok(())
}

/// `COMMAND LIST [FILTERBY MODULE name|ACLCAT category|PATTERN pattern]`: subcommands too.
fn list(_: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let with_subcommands =
        || all().flat_map(|row| std::iter::once(Named::top(row)).chain(Named::top(row).subcommands()));
    let names: Vec<Named> = if args.len() == 2 {
        with_subcommands().collect()
    } else if args.len() != 5 || !args.is(2, "filterby") {
        return Err(Error::Syntax);
    } else if args.is(3, "module") {
        Vec::new()
    } else if args.is(3, "aclcat") {
        let category = String::from_utf8_lossy(args.get(4)).to_lowercase();
        with_subcommands().filter(|named| has_category(named.command, &category)).collect()
    } else if args.is(3, "pattern") {
        let matches = |named: &Named| glob::matches_nocase(args.get(4), named.full_name().as_bytes());
        with_subcommands().filter(matches).collect()
    } else {
        return Err(Error::Syntax);
    };
    reply.array(names.len());
    for name in names {
        reply.bulk(name.full_name().as_bytes());
    }
    Ok(())
}

fn help_lines(_: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    help(
        reply,
        "COMMAND",
        &[
            "(no subcommand)",
            "    Return details about all Redis commands.",
            "COUNT",
            "    Return the total number of commands in this Redis server.",
            "LIST",
            "    Return a list of all commands in this Redis server.",
            "INFO [<command-name> ...]",
            "    Return details about multiple Redis commands.",
            "    If no command names are given, documentation details for all",
            "    commands are returned.",
            "DOCS [<command-name> ...]",
            "    Return documentation details about multiple Redis commands.",
            "    If no command names are given, documentation details for all",
            "    commands are returned.",
            "GETKEYS <full-command>",
            "    Return the keys from a full Redis command.",
            "GETKEYSANDFLAGS <full-command>",
            "    Return the keys and the access flags from a full Redis command.",
        ],
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::harness::Harness;

    /// What no compiler checks in a row: names in lower case and told once, a description, flags that fit together.
    #[test]
    fn every_row_is_whole() {
        let mut names = std::collections::BTreeSet::new();
        for top in all() {
            for named in std::iter::once(Named::top(top)).chain(Named::top(top).subcommands()) {
                let (name, row) = (named.full_name(), named.command);
                assert!(names.insert(name.clone()), "{name} stands in the table twice");
                assert_eq!(name, name.to_lowercase());
                assert!(row.arity != 0, "{name}");
                assert!(
                    !row.docs.summary.is_empty() && !row.docs.since.is_empty(),
                    "{name} has no description"
                );
                let has = |flag| row.flags.text().split(' ').any(|one| one == flag);
                assert!(!(has("write") && has("readonly")), "{name} both writes and does not");
            }
        }
    }

    #[test]
    fn lists_by_filter() {
        let mut h = Harness::new();
        h.expect("COMMAND LIST FILTERBY PATTERN *|ENC*", "*1 $15 object|encoding");
        h.expect("COMMAND LIST FILTERBY MODULE x", "*0");
        let top = all().count();
        let with_subcommands = top + all().map(|row| row.subcommands.len()).sum::<usize>();
        assert!(with_subcommands > top);
        let list = String::from_utf8(h.run(&[b"COMMAND", b"LIST"])).unwrap();
        assert!(
            list.starts_with(&format!("*{with_subcommands}\r\n")) && list.contains("\r\nobject|encoding\r\n")
        );
        h.expect("COMMAND LIST FILTERBY FOO x", "-ERR syntax error");
        h.expect("COMMAND LIST FILTERBY PATTERN", "-ERR syntax error");
        h.expect("COMMAND INFO nope", "*1 $-1");
        h.expect("COMMAND DOCS nope", "*0");
    }

    #[test]
    fn finds_keys() {
        let mut h = Harness::new();
        h.expect("COMMAND GETKEYS MSET a b c d", "*2 $1 a $1 c");
        h.expect("COMMAND GETKEYS OBJECT ENCODING a", "*1 $1 a");
        h.expect("COMMAND GETKEYS OBJECT FOO a", "-ERR Invalid command specified");
        h.expect("COMMAND GETKEYS DBSIZE a", "-ERR The command has no key arguments");
        h.expect("COMMAND GETKEYS GET a b", "-ERR Invalid number of arguments specified for command");
        h.expect("COMMAND GETKEYSANDFLAGS SET a b", "*1 *2 $1 a *2 +OW +update");
        h.expect("COMMAND GETKEYSANDFLAGS SET a b NX GET", "*1 *2 $1 a *3 +RW +access +update");
        h.expect(
            "COMMAND GETKEYSANDFLAGS RENAME a b",
            "*2 *2 $1 a *3 +RW +access +delete *2 $1 b *2 +OW +update",
        );
    }
}
