//! What there is: users, categories, refusals; and whether a user may do something.
use crate::access::catalogue::{CATEGORIES, category};
use crate::access::{Reason, describe, file};
use crate::command::ServerContext;
use crate::command::catalogue::catalogue;
use crate::command::lookup::{self, Resolved};
use crate::command::permission;
use crate::error::{Error, c_string, wrong_subcommand};
use crate::random::secret;
use crate::text::double::Double;
use crate::text::integer;
use crate::wire::args::{Args, OwnedArgs};
use crate::wire::reply::Reply;

pub fn cat(_: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    match args.len() {
        2 => {
            reply.array(CATEGORIES.len());
            CATEGORIES.iter().for_each(|category| reply.bulk(category.as_bytes()));
        }
        3 => {
            let name = args.get(2);
            let unknown =
                || Error::bytes([b"ERR Unknown category '", c_string(name, usize::MAX), b"'"].concat());
            let category = category(name).ok_or_else(unknown)?;
            // Those of this server only: a client asks in order to use them.
            let here = catalogue().walk().filter(|id| usize::from(*id) < lookup::table().len());
            let members: Vec<u16> = here.filter(|id| catalogue().entry(*id).is_in(category)).collect();
            reply.array(members.len());
            members.iter().for_each(|id| reply.bulk(catalogue().entry(*id).name.as_bytes()));
        }
        _ => return Err(wrong_subcommand("ACL", args.get(1))),
    }
    Ok(())
}

pub fn list(context: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let users = context.state.users.all();
    reply.array(users.len());
    users.for_each(|user| reply.bulk(&file::line(user, catalogue())));
    Ok(())
}

pub fn users(context: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let users = context.state.users.all();
    reply.array(users.len());
    users.for_each(|user| reply.bulk(&user.name));
    Ok(())
}

pub fn whoami(context: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let user = context.client().user;
    reply.bulk(&context.state.users.get(user).name);
    Ok(())
}

pub fn getuser(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let users = &context.state.users;
    let Some(user) = users.find(args.get(2)).map(|id| users.get(id)) else {
        reply.nil();
        return Ok(());
    };
    let flags = describe::flags(user);
    reply.map(6);
    reply.bulk(b"flags");
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"passwords");
    reply.array(user.passwords.len());
    user.passwords.iter().for_each(|digest| reply.bulk(digest.hex().as_bytes()));
    let selector = |reply: &mut Reply<'_>, nth: usize| {
        let selector = &user.selectors[nth];
        reply.bulk(b"commands");
        reply.bulk(describe::selector_commands(selector, catalogue()).as_bytes());
        reply.bulk(b"keys");
        reply.bulk(&describe::selector_keys(selector));
        reply.bulk(b"channels");
        reply.bulk(&describe::selector_channels(selector));
    };
    selector(reply, 0);
    reply.bulk(b"selectors");
    reply.array(user.selectors.len() - 1);
    for nth in 1..user.selectors.len() {
        reply.map(3);
        selector(reply, nth);
    }
    Ok(())
}

/// `ACL DRYRUN user command …`: whether the user may run it, and if not why. Nothing is run.
pub fn dryrun(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    const REQUEST: usize = 3;
    let quoted =
        |before: &[u8], name: &[u8], after: &[u8]| [before, c_string(name, usize::MAX), after].concat();
    let users = &context.state.users;
    let user = users.find(args.get(2)).map(|id| users.get(id));
    let user = user.ok_or_else(|| Error::bytes(quoted(b"ERR User '", args.get(2), b"' not found")))?;
    let request = OwnedArgs::words(&args.from(REQUEST).collect::<Vec<_>>());
    let Resolved::Known(id) = lookup::table().resolve(request.as_args()) else {
        return Err(Error::bytes(quoted(b"ERR Command '", args.get(REQUEST), b"' not found")));
    };
    let name = lookup::table().full_name(id);
    if !lookup::table().row(id).takes(request.as_args().len()) {
        return Err(Error::Arity(name.to_string().into()));
    }
    let Some(denial) = permission::denied(user, id, request.as_args()) else {
        reply.ok();
        return Ok(());
    };
    let object = request.as_args().get(denial.at);
    reply.bulk(&match denial.reason {
        Reason::Command => format!("This user has no permissions to run the '{name}' command").into_bytes(),
        Reason::Key => quoted(b"This user has no permissions to access the '", object, b"' key"),
        Reason::Channel => quoted(b"This user has no permissions to access the '", object, b"' channel"),
    });
    Ok(())
}

/// `ACL GENPASS [bits]`: hexadecimal digits, four bits each, rounded up.
pub fn genpass(_: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let bits = match args.len() {
        2 => 256,
        3 => integer::parse(args.get(2)).ok_or(Error::NotInteger)?,
        _ => return Err(wrong_subcommand("ACL", args.get(1))),
    };
    if !(1..=4096).contains(&bits) {
        return Err(Error::other(
            "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096",
        ));
    }
    let digits = (bits as usize).div_ceil(4);
    let mut bytes = vec![0; digits.div_ceil(2)];
    secret::fill(&mut bytes)
        .map_err(|errno| Error::other(format!("ERR the kernel gave no random numbers: {}", errno.desc())))?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    reply.bulk(&text.as_bytes()[..digits]);
    Ok(())
}

/// `ACL LOG [count|RESET]`: ten entries unless more or fewer are asked for.
pub fn log(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let count = match args.len() {
        2 => 10,
        3 if args.is(2, "reset") => {
            context.state.users.log.clear();
            reply.ok();
            return Ok(());
        }
        3 => integer::parse(args.get(2)).ok_or(Error::NotInteger)?,
        _ => return Err(wrong_subcommand("ACL", args.get(1))),
    };
    let now = context.state.keyspace.now();
    let entries = context.state.users.log.entries();
    let shown = entries.len().min(usize::try_from(count).unwrap_or(0));
    reply.array(shown);
    for entry in entries.take(shown) {
        let event = &entry.event;
        reply.map(7);
        reply.bulk(b"count");
        reply.integer(entry.count as i64);
        let context: &[u8] = if event.in_transaction { b"multi" } else { b"toplevel" };
        for (name, value) in [
            (&b"reason"[..], event.refused.name().as_bytes()),
            (b"context", context),
            (b"object", &event.object),
            (b"username", &event.username),
        ] {
            reply.bulk(name);
            reply.bulk(value);
        }
        reply.bulk(b"age-seconds");
        let age = (now - entry.time) as f64 / 1000.0;
        reply.double(age, Double::new(age).as_str());
        reply.bulk(b"client-info");
        reply.bulk(entry.client.as_bytes());
    }
    Ok(())
}
