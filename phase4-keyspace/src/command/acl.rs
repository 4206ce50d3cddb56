//! `ACL`: who may do what. Rules and their meaning are [`crate::access`]'s; here they are said and asked for.
mod change;
mod show;

use super::{Command, Group, ServerContext, ServerFn, help};
use crate::error::Error;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The row.
pub static COMMANDS: &[Command] = &[Command::server("acl", -2, "", help_lines)
    .doc(Group::Server, "6.0.0", "Says which users there are and what each of them may do.")
    .subcommands(&[
        open("cat", -2, show::cat, "Lists the categories, or the commands in one."),
        admin("deluser", -3, change::deluser, "6.0.0", "Deletes users and closes their connections."),
        admin("dryrun", -4, show::dryrun, "7.0.0", "Tells whether a user may run a command."),
        open("genpass", -2, show::genpass, "Makes up a password that cannot be guessed."),
        admin("getuser", 3, show::getuser, "6.0.0", "Describes a user."),
        Command::server("help", 2, "loading stale", help_lines).doc(
            Group::Server,
            "6.0.0",
            "Lists the subcommands.",
        ),
        admin("list", 2, show::list, "6.0.0", "Describes all users in rules."),
        admin("load", 2, change::load, "6.0.0", "Reads the users from the ACL file."),
        admin("log", -2, show::log, "6.0.0", "Tells who was refused what."),
        admin("save", 2, change::save, "6.0.0", "Writes the users to the ACL file."),
        admin("setuser", -3, change::setuser, "6.0.0", "Makes a user, or changes what it may do."),
        admin("users", 2, show::users, "6.0.0", "Lists the users' names."),
        open("whoami", 2, show::whoami, "Names the connection's user."),
    ])];

pub use change::load_at_start;

const fn open(name: &'static str, arity: i32, run: ServerFn, summary: &'static str) -> Command {
    Command::server(name, arity, "noscript loading stale", run).doc(Group::Server, "6.0.0", summary)
}

const fn admin(
    name: &'static str,
    arity: i32,
    run: ServerFn,
    since: &'static str,
    summary: &'static str,
) -> Command {
    Command::admin(name, arity, run).doc(Group::Server, since, summary)
}

fn help_lines(_: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    help(
        reply,
        "ACL",
        &[
            "CAT [<category>]",
            "    List the categories, or the commands in one.",
            "DELUSER <username> [<username> ...]",
            "    Delete users and close their connections.",
            "DRYRUN <username> <command> [<arg> ...]",
            "    Tell whether a user may run a command, without running it.",
            "GETUSER <username>",
            "    Describe a user.",
            "GENPASS [<bits>]",
            "    Make up a password of 256 bits, or of so many.",
            "LIST",
            "    Describe all users in rules, as a configuration file has them.",
            "LOAD",
            "    Read the users from the ACL file.",
            "LOG [<count> | RESET]",
            "    Tell who was refused what.",
            "SAVE",
            "    Write the users to the ACL file.",
            "SETUSER <username> <rule> [<rule> ...]",
            "    Make a user, or change what it may do.",
            "USERS",
            "    List the users' names.",
            "WHOAMI",
            "    Name the connection's user.",
        ],
    );
    Ok(())
}
