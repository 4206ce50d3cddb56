//! What one client does to others: `CLIENT KILL`, `PAUSE`, `UNPAUSE`, `UNBLOCK`.
use std::time::Duration;

use crate::access::{UserId, Users};
use crate::command::ServerContext;
use crate::error::{Error, c_string, wrong_subcommand};
use crate::state::clients::{Class, Client};
use crate::state::pause::Pause;
use crate::text::integer;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// Whom `CLIENT KILL` means: every condition given must hold.
#[derive(Default)]
struct Filter<'a> {
    addr: Option<&'a [u8]>,
    laddr: Option<&'a [u8]>,
    id: Option<i64>,
    class: Option<Class>,
    user: Option<UserId>,
    spare_me: bool,
}

impl<'a> Filter<'a> {
    fn parse(args: Args<'a>, users: &Users) -> Result<Filter<'a>, Error> {
        let mut filter = Filter { spare_me: true, ..Filter::default() };
        let mut at = 2;
        while at < args.len() {
            let value = args.at(at + 1).ok_or(Error::Syntax)?;
            match args.get(at).to_ascii_lowercase().as_slice() {
                b"id" => filter.id = Some(client_id(value)?),
                b"type" => filter.class = Some(Class::parse(value)?),
                b"addr" => filter.addr = Some(value),
                b"laddr" => filter.laddr = Some(value),
                b"user" => match users.find(value) {
                    Some(user) => filter.user = Some(user),
                    None => {
                        let name = c_string(value, usize::MAX);
                        return Err(Error::bytes([b"ERR No such user '", name, b"'"].concat()));
                    }
                },
                b"skipme" if value.eq_ignore_ascii_case(b"yes") => filter.spare_me = true,
                b"skipme" if value.eq_ignore_ascii_case(b"no") => filter.spare_me = false,
                _ => return Err(Error::Syntax),
            }
            at += 2;
        }
        Ok(filter)
    }

    fn matches(&self, client: &Client) -> bool {
        let is = |wanted: Option<&[u8]>, address: &std::net::SocketAddr| {
            wanted.is_none_or(|wanted| address.to_string().as_bytes() == wanted)
        };
        is(self.addr, &client.peer)
            && is(self.laddr, &client.local)
            && self.id.is_none_or(|id| client.id as i64 == id)
            && self.class.is_none_or(|class| class.has(client))
            && self.user.is_none_or(|user| client.user == user)
            && !client.killed
    }
}

fn client_id(text: &[u8]) -> Result<i64, Error> {
    let id = integer::parse(text).filter(|id| *id > 0);
    id.ok_or_else(|| Error::other("ERR client-id should be greater than 0"))
}

/// With one argument, an address, and `OK` or an error; with more, conditions, and a count.
pub(super) fn kill(
    context: &mut ServerContext<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), Error> {
    if args.len() == 3 {
        let filter = Filter { addr: Some(args.get(2)), ..Filter::default() };
        if kill_matching(context, &filter) == 0 {
            return Err(Error::other("ERR No such client"));
        }
        reply.ok();
    } else {
        let filter = Filter::parse(args, &context.state.users)?;
        reply.integer(kill_matching(context, &filter));
    }
    Ok(())
}

fn kill_matching(context: &mut ServerContext<'_>, filter: &Filter<'_>) -> i64 {
    let (me, mut count) = (context.conn, 0);
    for client in context.state.clients.iter_mut() {
        if !filter.matches(client) || (client.conn == me && filter.spare_me) {
            continue;
        }
        count += 1;
        if client.conn == me {
            // It still gets this reply.
            client.closing = true;
        } else {
            client.killed = true;
            // As in Redis, what waits for it is dropped.
            context.deliver.outbox.abandon(client.conn);
        }
    }
    count
}

/// `CLIENT PAUSE milliseconds [WRITE|ALL]`. A second pause can only lengthen and widen the first.
pub(super) fn pause(
    context: &mut ServerContext<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), Error> {
    let all = match args.len() {
        3 => true,
        4 if args.is(3, "ALL") => true,
        4 if args.is(3, "WRITE") => false,
        4 => return Err(Error::other("ERR CLIENT PAUSE mode must be WRITE or ALL")),
        _ => return Err(wrong_subcommand("CLIENT", args.get(1))),
    };
    let millis = integer::parse(args.get(2))
        .ok_or_else(|| Error::other("ERR timeout is not an integer or out of range"))?;
    let length = u64::try_from(millis).map_err(|_| Error::other("ERR timeout is negative"))?;
    // Redis adds the time of day in 64 bits; an end that runs over lies in the past, and such a pause is over at once.
    let length = if millis.checked_add(context.state.keyspace.now()).is_some() { length } else { 0 };
    // A century is for ever, and still a time that the clock can express.
    let length = Duration::from_millis(length).min(Duration::from_secs(100 * 365 * 24 * 3600));
    let until = context.deliver.outbox.now() + length;
    let before = context.state.pause;
    let pause = Pause {
        until: before.map_or(until, |before| before.until.max(until)),
        all: all || before.is_some_and(|before| before.all),
    };
    if pause.until > context.deliver.outbox.now() {
        context.state.begin_pause(pause);
    }
    reply.ok();
    Ok(())
}

pub(super) fn unpause(
    context: &mut ServerContext<'_>,
    _: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), Error> {
    context.state.end_pause(context.deliver.outbox);
    reply.ok();
    Ok(())
}

/// `CLIENT UNBLOCK id [TIMEOUT|ERROR]`. A paused client is not blocked in this sense.
pub(super) fn unblock(
    context: &mut ServerContext<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), Error> {
    let as_error = match args.len() {
        3 => false,
        4 if args.is(3, "TIMEOUT") => false,
        4 if args.is(3, "ERROR") => true,
        4 => return Err(Error::other("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")),
        _ => return Err(wrong_subcommand("CLIENT", args.get(1))),
    };
    let id = integer::parse(args.get(2)).ok_or(Error::NotInteger)?;
    let ServerContext { state, deliver, .. } = context;
    let target = state.clients.iter_mut().find(|client| client.id as i64 == id && !client.killed);
    let target = target.map(|client| client.conn);
    let blocked = target.filter(|conn| state.unblock(*conn, deliver.outbox));
    if let Some(conn) = blocked {
        let error = as_error.then(|| Error::other("UNBLOCKED client unblocked via CLIENT UNBLOCK"));
        if let Some(error) = &error {
            state.stats.count_error(error);
        }
        deliver.late_reply(state, conn, |reply| match &error {
            Some(error) => reply.error(error),
            None => reply.nil_array(),
        });
    }
    reply.integer(i64::from(blocked.is_some()));
    Ok(())
}
