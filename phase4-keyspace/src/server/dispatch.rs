//! One request: may it run, who runs it, and what follows from what it did.
use phase3_eventloop::outbox::Outbox;
use phase3_eventloop::service::ConnId;

use crate::command::lookup::{CommandId, Named};
use crate::command::{Command, Context, Effect, Run};
use crate::error::{Error, c_string};
use crate::log;
use crate::session::{HeldBy, Replies};
use crate::wire::args::Args;
use crate::wire::framed;
use crate::wire::reply::{Reply, Wire};

use super::core::{Core, ServerContext};
use super::stats::Meter;

/// What became of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Answered.
    Done,
    /// Answered, and the client's state may have changed: look before going on.
    Changed,
    /// Not run: it stays in the input until the client is released.
    Held,
}

/// What the dispatcher has to know of a client. Looked up once, and again after a command that may have changed it: most
/// commands are about data, and a pipeline of them need not ask who is asking each time.
#[derive(Clone, Copy)]
pub struct Client {
    /// Its connection.
    pub conn: ConnId,
    /// Its selected database.
    pub db: usize,
    /// How it is answered.
    pub wire: Wire,
    /// Which replies it gets.
    replies: Replies,
    /// It still owes the password.
    pub stranger: bool,
}

impl Client {
    /// Of an open session; `None` if it is gone.
    pub fn of(core: &mut Core, conn: ConnId) -> Option<Client> {
        let asked = core.config.asks_password();
        let session = core.sessions.get(conn)?;
        let stranger = asked && !session.authenticated;
        Some(Client { conn, db: session.db, wire: session.wire, replies: session.replies, stranger })
    }
}

/// A request on its way to its command.
pub struct Incoming<'a> {
    /// What it asks for.
    pub command: Named,
    /// Hashes of its first so many keys, computed ahead.
    pub hashes: &'a [u64],
    /// Its arguments.
    pub args: Args<'a>,
}

/// Runs one request and appends its reply.
#[inline]
pub fn dispatch(
    core: &mut Core,
    client: Client,
    incoming: Incoming<'_>,
    out: &mut Vec<u8>,
    outbox: &mut Outbox,
    meter: &mut Meter,
) -> Outcome {
    // ANCHOR: dispatch-body
    let Client { conn, db, wire, replies, .. } = client;
    let start = out.len();
    if wire == Wire::Framed {
        framed::begin_reply(out);
    }
    if replies == Replies::SkipNext {
        set_replies(core, conn, Replies::Skipping);
    }
    let mut outcome = Outcome::Done;
    match admit(core, client, &incoming) {
        Ok(Verdict::Run(id, row)) => {
            let mut reply = Reply::new(out, wire);
            let result = match row.run {
                Run::Data(run) => {
                    meter.switch(id, &mut core.stats);
                    let stats = &mut core.stats;
                    let (hits, misses) = (&mut stats.hits, &mut stats.misses);
                    let (hashes, keyspace) = (incoming.hashes, &mut core.keyspace);
                    let max_string = core.config.proto_max_bulk_len as usize;
                    let mut context = Context { keyspace, db, hashes, max_string, hits, misses };
                    run(&mut context, incoming.args, &mut reply)
                }
                Run::Server(run) => {
                    outcome = Outcome::Changed;
                    // It may look at the counters, or reset them: all calls before it are in, its own is not yet.
                    meter.write_calls(&mut core.stats);
                    meter.switch(id, &mut core.stats);
                    // CLIENT LIST shows it; for commands that cannot look, the end of the batch is early enough.
                    note(core, conn, id);
                    run(&mut ServerContext { core, conn, outbox }, incoming.args, &mut reply)
                }
            };
            match result {
                Ok(Effect::Read) => {}
                // The one place that learns of every change: WATCH and the append-only file will be told here.
                Ok(Effect::Wrote) => core.dirty += 1,
                Err(error) => {
                    core.stats.commands[id as usize].failed += 1;
                    refuse(core, &error, wire, out);
                }
            }
        }
        Ok(Verdict::Hold) => {
            out.truncate(start);
            set_replies(core, conn, replies);
            let until = core.pause.map(|pause| pause.until);
            core.hold(conn, HeldBy::Pause, until);
            return Outcome::Held;
        }
        Ok(Verdict::HangUp) => outcome = Outcome::Changed,
        Err(error) => refuse(core, &error, wire, out),
    }
    if wire == Wire::Framed {
        finish_frame(core, start, out);
    }
    if replies != Replies::On || outcome == Outcome::Changed {
        outcome = Outcome::Changed;
        mute(core, conn, start, out);
    }
    outcome
    // ANCHOR_END: dispatch-body
}

/// Remembers a client's last command.
pub fn note(core: &mut Core, conn: ConnId, id: CommandId) {
    if let Some(session) = core.sessions.get(conn) {
        session.last_command = Some(id);
    }
}

#[cold]
fn set_replies(core: &mut Core, conn: ConnId, replies: Replies) {
    if let Some(session) = core.sessions.get(conn) {
        session.replies = replies;
    }
}

/// Patches the frame's length in. SHUTDOWN answers nothing at all, not even an empty frame.
fn finish_frame(core: &mut Core, start: usize, out: &mut Vec<u8>) {
    if out.len() == start + 4 {
        out.truncate(start);
    } else if !framed::end_reply(out, start) {
        out.truncate(start + 4);
        let error = Error::TooBig("ERR the reply is longer than a frame can be".into());
        refuse(core, &error, Wire::Framed, out);
        framed::end_reply(out, start);
    }
}

enum Verdict {
    Run(CommandId, &'static Command),
    Hold,
    HangUp,
}

/// Every reason why a request does not run, in Redis's order.
#[inline]
fn admit(core: &mut Core, client: Client, incoming: &Incoming<'_>) -> Result<Verdict, Error> {
    let Named::Known(id) = incoming.command else { return unnamed(core, client, incoming) };
    let row = core.lookup.row(id);
    if !row.takes(incoming.args.len()) {
        core.stats.commands[id as usize].rejected += 1;
        return Err(Error::Arity(core.lookup.full_name(id).to_string().into()));
    }
    if client.stranger && !row.has_flag("no_auth") {
        core.stats.commands[id as usize].rejected += 1;
        return Err(Error::other("NOAUTH Authentication required."));
    }
    match core.pause {
        Some(pause) if pause.all || row.has_flag("write") => Ok(Verdict::Hold),
        _ => Ok(Verdict::Run(id, row)),
    }
}

#[cold]
fn unnamed(core: &mut Core, client: Client, incoming: &Incoming<'_>) -> Result<Verdict, Error> {
    match incoming.command {
        Named::UnknownSub(id) => Err(unknown_sub(core, id, incoming.args)),
        _ if is_browser(incoming.args.get(0)) => hang_up(core, client.conn),
        _ => Err(unknown(incoming.args)),
    }
}

/// What the first lines of an HTTP request look like, taken for commands. A web page can make a browser send them, with
/// commands of the page's choice in the body; Redis hangs up before it comes to those.
fn is_browser(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}

fn hang_up(core: &mut Core, conn: ConnId) -> Result<Verdict, Error> {
    if let Some(session) = core.sessions.get(conn) {
        log::warning(format_args!("{} speaks HTTP, perhaps on behalf of a web page: closed", session.peer));
        session.closing = true;
    }
    Ok(Verdict::HangUp)
}

/// Appends an error reply and counts it.
pub fn refuse(core: &mut Core, error: &Error, wire: Wire, out: &mut Vec<u8>) {
    core.stats.count_error(error);
    Reply::new(out, wire).error(error);
}

/// `CLIENT REPLY`: takes back a reply that the client does not want. How things stand *after* the command decides, so
/// that `SKIP` and `OFF` are silent themselves and `ON` is not.
fn mute(core: &mut Core, conn: ConnId, start: usize, out: &mut Vec<u8>) {
    let Some(session) = core.sessions.get(conn) else { return };
    if session.replies != Replies::On {
        out.truncate(start);
    }
    if session.replies == Replies::Skipping {
        session.replies = Replies::On;
    }
}

/// Redis quotes at most 128 bytes of the name, and arguments until 128 bytes are full.
fn unknown(args: Args<'_>) -> Error {
    const QUOTED: usize = 128;
    let mut text = b"ERR unknown command '".to_vec();
    text.extend_from_slice(c_string(args.get(0), QUOTED));
    text.extend_from_slice(b"', with args beginning with: ");
    let before = text.len();
    for arg in args.from(1) {
        let used = text.len() - before;
        if used >= QUOTED {
            break;
        }
        text.push(b'\'');
        text.extend_from_slice(c_string(arg, QUOTED - used));
        text.extend_from_slice(b"' ");
    }
    Error::UnknownCommand(text)
}

fn unknown_sub(core: &Core, id: CommandId, args: Args<'_>) -> Error {
    let container = core.lookup.row(id).name.to_uppercase();
    let name = c_string(args.get(1), 128);
    Error::bytes([b"ERR unknown subcommand '", name, b"'. Try ", container.as_bytes(), b" HELP."].concat())
}

/// What a subcommand says that counts its own arguments.
pub fn wrong_subcommand(container: &str, name: &[u8]) -> Error {
    let text = b"ERR unknown subcommand or wrong number of arguments for '";
    Error::bytes([text, c_string(name, 128), b"'. Try ", container.as_bytes(), b" HELP."].concat())
}
