//! Commands about the client's own connection.
pub mod client;
mod control;

use super::{Command, Group, ServerContext, permission};
use crate::error::{Error, c_string};
use crate::state::clients::Replies;
use crate::text::integer;
use crate::wire::args::Args;
use crate::wire::reply::{Reply, Wire};

/// Their rows.
pub static COMMANDS: &[Command] = &[
    Command::server("ping", -1, "fast", ping)
        .doc(Group::Connection, "1.0.0", "Ping the server")
        .tips("request_policy:all_shards response_policy:all_succeeded"),
    Command::server("echo", 2, "loading stale fast", echo).doc(
        Group::Connection,
        "1.0.0",
        "Echo the given string",
    ),
    Command::server("quit", -1, "noscript loading stale fast no_auth allow_busy", quit).doc(
        Group::Connection,
        "1.0.0",
        "Close the connection",
    ),
    Command::server("reset", 1, "noscript loading stale fast no_auth allow_busy", reset).doc(
        Group::Connection,
        "6.2.0",
        "Reset the connection",
    ),
    Command::server("select", 2, "loading stale fast", select).doc(
        Group::Connection,
        "1.0.0",
        "Change the selected database for the current connection",
    ),
    Command::server("auth", -2, "noscript loading stale fast no_auth allow_busy", auth).doc(
        Group::Connection,
        "1.0.0",
        "Authenticate to the server",
    ),
    Command::server("hello", -1, "noscript loading stale fast no_auth allow_busy", hello).doc(
        Group::Connection,
        "6.0.0",
        "Handshake with Redis",
    ),
];

/// To a client that listens to channels and speaks no RESP3 the answer is a message, too.
fn ping(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    match args.len() {
        1 | 2 if reply.wire() != Wire::Resp3 && context.client().subscriptions.is_some() => {
            reply.array(2);
            reply.bulk(b"pong");
            reply.bulk(args.at(1).unwrap_or_default());
        }
        1 => reply.simple("PONG"),
        2 => reply.bulk(args.get(1)),
        _ => return Err(Error::Arity("ping".into())),
    }
    Ok(())
}

fn echo(_: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    reply.bulk(args.get(1));
    Ok(())
}

fn quit(context: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    context.client().closing = true;
    reply.ok();
    Ok(())
}

/// What a connection can have changed about itself goes back to how it began, except `CLIENT NO-EVICT`: an operator's tool
/// that resets itself stays exempt.
fn reset(context: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    context.state.log_out(context.conn);
    context.state.unwatch(context.conn);
    if let Some(subscriptions) = context.client().subscriptions.take() {
        context.state.pubsub.forget(context.conn, &subscriptions);
        context.deliver.outbox.never_idle(context.conn, false);
    }
    if std::mem::take(&mut context.client().monitors) {
        let conn = context.conn;
        context.state.monitors.retain(|monitor| *monitor != conn);
        context.deliver.outbox.never_idle(conn, false);
    }
    let client = context.client();
    client.transaction = None;
    client.db = 0;
    client.name.clear();
    // `CLIENT REPLY SKIP` still skips this reply.
    if client.replies == Replies::Off {
        client.replies = Replies::On;
    }
    if client.wire == Wire::Resp3 {
        client.wire = Wire::Resp2;
        reply.set_wire(Wire::Resp2);
    }
    reply.simple("RESET");
    Ok(())
}

fn select(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let index = integer::parse(args.get(1)).ok_or(Error::NotInteger)?;
    if i32::try_from(index).is_err() {
        let range = format!("ERR value is out of range, value must between {} and {}", i32::MIN, i32::MAX);
        return Err(Error::other(range));
    }
    match usize::try_from(index) {
        Ok(index) if index < context.state.keyspace.databases() => context.client().db = index,
        _ => return Err(Error::other("ERR DB index is out of range")),
    }
    reply.ok();
    Ok(())
}

fn auth(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    match args.len() {
        2 if context.state.users.default_user().nopass => {
            return Err(Error::other(
                "ERR AUTH <password> called without any password configured for the default user. Are you sure your \
                 configuration is correct?",
            ));
        }
        2 => authenticate(context, args, b"default", args.get(1))?,
        3 => authenticate(context, args, args.get(1), args.get(2))?,
        _ => return Err(Error::Syntax),
    }
    reply.ok();
    Ok(())
}

/// Has the client become the user, if the password is right.
fn authenticate(
    context: &mut ServerContext<'_>,
    args: Args<'_>,
    user: &[u8],
    password: &[u8],
) -> Result<(), Error> {
    let Some(id) = context.state.users.authenticate(user, password) else {
        permission::log_failed_login(context, args, user);
        return Err(Error::other("WRONGPASS invalid username-password pair or user is disabled."));
    };
    context.state.log_in(context.conn, id);
    Ok(())
}

/// `HELLO [version [AUTH user password] [SETNAME name]]`: as in Redis, options act as they are read, and what they did stays
/// if a later one is wrong.
fn hello(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let wire = context.client().wire;
    let version = match args.at(1).map(integer::parse) {
        None => None,
        Some(None) => return Err(Error::other("ERR Protocol version is not an integer or out of range")),
        Some(Some(2)) => Some(Wire::Resp2),
        Some(Some(3)) => Some(Wire::Resp3),
        Some(Some(_)) => return Err(Error::other("NOPROTO unsupported protocol version")),
    };
    if version.is_some() && wire == Wire::Framed {
        return Err(Error::other(
            "NOPROTO this connection speaks the framed protocol, which has no versions",
        ));
    }
    let mut at = 2;
    while at < args.len() {
        let more = args.len() - 1 - at;
        if args.is(at, "AUTH") && more >= 2 {
            authenticate(context, args, args.get(at + 1), args.get(at + 2))?;
            at += 3;
        } else if args.is(at, "SETNAME") && more >= 1 {
            client::check_name(args.get(at + 1), "Client names")?;
            context.client().name = args.get(at + 1).to_vec();
            at += 2;
        } else {
            // As C prints it: not past a NUL.
            let option = c_string(args.get(at), usize::MAX);
            return Err(Error::bytes([b"ERR Syntax error in HELLO option '", option, b"'"].concat()));
        }
    }
    if context.state.users.asks_password() && !context.client().authenticated {
        return Err(Error::other(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> \
             option can be used to authenticate the client and select the RESP protocol version at the same time",
        ));
    }
    let client = context.client();
    client.wire = version.unwrap_or(wire);
    reply.set_wire(client.wire);
    let id = client.id;
    describe(id, reply);
    Ok(())
}

fn describe(id: u64, reply: &mut Reply<'_>) {
    let protocol = if reply.wire() == Wire::Resp3 { 3 } else { 2 };
    reply.map(7);
    reply.bulk(b"server");
    reply.bulk(b"redis");
    reply.bulk(b"version");
    reply.bulk(super::server::info::COMPATIBLE_WITH.as_bytes());
    reply.bulk(b"proto");
    reply.integer(protocol);
    reply.bulk(b"id");
    reply.integer(id as i64);
    reply.bulk(b"mode");
    reply.bulk(b"standalone");
    reply.bulk(b"role");
    reply.bulk(b"master");
    reply.bulk(b"modules");
    reply.array(0);
}
