//! Publish and subscribe: a message goes to whoever listens at the moment, and to nobody else ever.
//!
//! A subscription is confirmed by a message, not by a reply: one for each channel.
use super::{Command, Group, KeySpec, ServerContext, ServerFn, help};
use crate::deliver::{Kind, publish};
use crate::error::{Error, wrong_subcommand};
use crate::state::subscriptions::{Space, Subscriptions};
use crate::text::glob;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub static COMMANDS: &[Command] = &[
    listen("subscribe", -2, subscribe, "2.0.0", "Listens to channels."),
    listen("unsubscribe", -1, unsubscribe, "2.0.0", "Stops listening to channels."),
    listen("psubscribe", -2, psubscribe, "2.0.0", "Listens to all channels whose names fit patterns."),
    listen("punsubscribe", -1, punsubscribe, "2.0.0", "Stops listening by patterns."),
    shard(listen("ssubscribe", -2, ssubscribe, "7.0.0", "Listens to shard channels."), KeySpec::ALL),
    shard(
        listen("sunsubscribe", -1, sunsubscribe, "7.0.0", "Stops listening to shard channels."),
        KeySpec::ALL,
    ),
    Command::server("publish", 3, "pubsub loading stale fast", publish_to_channel).doc(
        Group::PubSub,
        "2.0.0",
        "Sends a message to a channel.",
    ),
    shard(
        Command::server("spublish", 3, "pubsub loading stale fast", publish_to_shard).doc(
            Group::PubSub,
            "7.0.0",
            "Sends a message to a shard channel.",
        ),
        KeySpec::ONE,
    ),
    Command::server("pubsub", -2, "", wrong)
        .doc(Group::PubSub, "2.8.0", "Tells which channels have listeners.")
        .subcommands(&[
            ask("channels", -2, channels, "2.8.0", "Lists the channels that have listeners."),
            Command::server("help", 2, "loading stale", help_lines).doc(
                Group::PubSub,
                "6.2.0",
                "Lists the subcommands.",
            ),
            ask("numpat", 2, numpat, "2.8.0", "Counts the patterns."),
            ask("numsub", -2, numsub, "2.8.0", "Counts channels' listeners."),
            ask("shardchannels", -2, shardchannels, "7.0.0", "Lists the shard channels that have listeners."),
            ask("shardnumsub", -2, shardnumsub, "7.0.0", "Counts shard channels' listeners."),
        ]),
];

const fn listen(
    name: &'static str,
    arity: i32,
    run: ServerFn,
    since: &'static str,
    summary: &'static str,
) -> Command {
    Command::server(name, arity, "pubsub noscript loading stale", run).doc(Group::PubSub, since, summary)
}

const fn ask(
    name: &'static str,
    arity: i32,
    run: ServerFn,
    since: &'static str,
    summary: &'static str,
) -> Command {
    Command::server(name, arity, "pubsub loading stale", run).doc(Group::PubSub, since, summary)
}

/// A cluster routes by a shard channel's name as it does by a key.
const fn shard(command: Command, keys: KeySpec) -> Command {
    Command { keys, ..command }.access(&["not_key"])
}

fn subscribe(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    join(context, args, reply, Space::Channel, b"subscribe")
}

fn psubscribe(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    join(context, args, reply, Space::Pattern, b"psubscribe")
}

fn ssubscribe(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    join(context, args, reply, Space::Shard, b"ssubscribe")
}

fn unsubscribe(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    leave(context, args, reply, Space::Channel, b"unsubscribe")
}

fn punsubscribe(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    leave(context, args, reply, Space::Pattern, b"punsubscribe")
}

fn sunsubscribe(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    leave(context, args, reply, Space::Shard, b"sunsubscribe")
}

fn join(
    context: &mut ServerContext<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    space: Space,
    word: &[u8],
) -> Result<(), Error> {
    for (index, name) in args.from(1).enumerate() {
        let state = &mut *context.state;
        state.pubsub.subscribe(&mut state.clients, context.conn, space, name);
        confirm(context, reply, index, space, word, Some(name));
    }
    // A listener has nothing to say, and is not idle.
    context.deliver.outbox.never_idle(context.conn, true);
    Ok(())
}

fn leave(
    context: &mut ServerContext<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    space: Space,
    word: &[u8],
) -> Result<(), Error> {
    let mut names: Vec<Vec<u8>> = args.from(1).map(<[u8]>::to_vec).collect();
    if names.is_empty() {
        let subscriptions = context.client().subscriptions.as_deref();
        let all = subscriptions.map(|subscriptions| subscriptions.names(space).iter());
        names = all.into_iter().flatten().map(|name| name.to_vec()).collect();
        if names.is_empty() {
            confirm(context, reply, 0, space, word, None);
        }
    }
    for (index, name) in names.iter().enumerate() {
        let state = &mut *context.state;
        state.pubsub.unsubscribe(&mut state.clients, context.conn, space, name);
        confirm(context, reply, index, space, word, Some(name));
    }
    let listens = context.client().subscriptions.is_some();
    context.deliver.outbox.never_idle(context.conn, listens);
    Ok(())
}

/// The message that says what the client listens to now. It is no reply, so `CLIENT REPLY` lets it pass; but a transaction
/// has one reply for each command, which is then the first of them.
fn confirm(
    context: &mut ServerContext<'_>,
    reply: &mut Reply<'_>,
    index: usize,
    space: Space,
    word: &[u8],
    name: Option<&[u8]>,
) {
    let client = context.client();
    let count =
        client.subscriptions.as_deref().map_or(0, |subscriptions| Subscriptions::shown(subscriptions, space));
    let in_transaction = client.transaction.is_some();
    let write = |reply: &mut Reply<'_>| {
        reply.push(3);
        reply.bulk(word);
        match name {
            Some(name) => reply.bulk(name),
            None => reply.nil(),
        }
        reply.integer(count as i64);
    };
    if in_transaction && index == 0 {
        return write(reply);
    }
    context.deliver.to(context.state, context.conn, Kind::Push, write);
}

fn publish_to_channel(
    context: &mut ServerContext<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), Error> {
    send(context, args, reply, Space::Channel)
}

fn publish_to_shard(
    context: &mut ServerContext<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), Error> {
    send(context, args, reply, Space::Shard)
}

fn send(
    context: &mut ServerContext<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    space: Space,
) -> Result<(), Error> {
    let count = publish(context.state, &mut context.deliver, space, args.get(1), args.get(2));
    reply.integer(count as i64);
    Ok(())
}

fn channels(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    list(context, args, reply, Space::Channel)
}

fn shardchannels(
    context: &mut ServerContext<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), Error> {
    list(context, args, reply, Space::Shard)
}

fn list(
    context: &mut ServerContext<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    space: Space,
) -> Result<(), Error> {
    if args.len() > 3 {
        return Err(wrong_subcommand("PUBSUB", args.get(1)));
    }
    let fits = |name: &[u8]| args.at(2).is_none_or(|pattern| glob::matches(pattern, name));
    let names: Vec<&[u8]> =
        context.state.pubsub.all(space).map(|(name, _)| name).filter(|name| fits(name)).collect();
    reply.array(names.len());
    names.iter().for_each(|name| reply.bulk(name));
    Ok(())
}

fn numsub(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    count(context, args, reply, Space::Channel)
}

fn shardnumsub(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    count(context, args, reply, Space::Shard)
}

fn count(
    context: &mut ServerContext<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    space: Space,
) -> Result<(), Error> {
    let names = args.from(2);
    reply.array(names.len() * 2);
    for name in names {
        reply.bulk(name);
        reply.integer(context.state.pubsub.listeners(space, name).len() as i64);
    }
    Ok(())
}

fn numpat(context: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    reply.integer(context.state.pubsub.count(Space::Pattern) as i64);
    Ok(())
}

fn wrong(_: &mut ServerContext<'_>, args: Args<'_>, _: &mut Reply<'_>) -> Result<(), Error> {
    Err(wrong_subcommand("PUBSUB", args.get(1)))
}

fn help_lines(_: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    help(
        reply,
        "PUBSUB",
        &[
            "CHANNELS [<pattern>]",
            "    List the channels that have listeners.",
            "NUMPAT",
            "    Count the patterns.",
            "NUMSUB [<channel> ...]",
            "    Count channels' listeners, those by pattern not included.",
            "SHARDCHANNELS [<pattern>]",
            "    List the shard channels that have listeners.",
            "SHARDNUMSUB [<shardchannel> ...]",
            "    Count shard channels' listeners.",
        ],
    );
    Ok(())
}
