//! `DEBUG`: what tests and the curious need.
use std::thread;
use std::time::Duration;

use phase3_eventloop::slab::ConnId;

use crate::command::ServerContext;
use crate::command::key::object;
use crate::command::{Command, Group, help, restart};
use crate::config::Debugging;
use crate::error::Error;
use crate::error::wrong_subcommand;
use crate::keyspace::Value;
use crate::log;
use crate::state::State;
use crate::state::recorder::Recorder;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The row. Its subcommands are no rows of their own in Redis, and so not here.
pub static COMMANDS: &[Command] = &[Command::admin("debug", -2, debug).doc(
    Group::Server,
    "1.0.0",
    "Looks inside the server and makes it misbehave on purpose.",
)];

fn debug(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let name = args.get(1).to_ascii_lowercase();
    match (name.as_slice(), args.len()) {
        (b"help", 2) => help_lines(reply),
        // It blocks every client, which is its purpose.
        (b"sleep", 3) => {
            let seconds: f64 =
                std::str::from_utf8(args.get(2)).ok().and_then(|s| s.parse().ok()).unwrap_or(0.0);
            thread::sleep(Duration::try_from_secs_f64(seconds).unwrap_or_default());
            reply.ok();
        }
        (b"set-active-expire", 3) => {
            // Anything but a number is 0, as in C.
            context.state.active_expire =
                args.get(2) != b"0" && crate::text::integer::parse(args.get(2)).is_some();
            reply.ok();
        }
        (b"error", 3) => {
            // It answers what it was asked for, so nothing has failed and nothing is counted.
            let line = |byte: &u8| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte };
            reply.error(&Error::bytes(args.get(2).iter().map(line).collect::<Vec<u8>>()));
        }
        (b"log", 3) => {
            log::warning(format_args!("DEBUG LOG: {}", String::from_utf8_lossy(args.get(2))));
            reply.ok();
        }
        (b"object", 3) => describe(context, args.get(2), reply)?,
        (b"journal", 2 | 3) => journal(context, args, reply)?,
        (b"reload", 2 | 3) => reload(context, args, reply)?,
        (b"loadaof", 2) => load_log(context, reply)?,
        _ => return Err(wrong_subcommand("DEBUG", args.get(1))),
    }
    Ok(())
}

/// Whether a client may use `DEBUG` at all, whoever its user is. Asked before anything else is.
pub fn permitted(state: &mut State, conn: ConnId) -> Result<(), Error> {
    let local = state.clients.get(conn).is_some_and(|client| client.peer.ip().is_loopback());
    match state.config.debugging {
        Debugging::Yes => Ok(()),
        Debugging::Local if local => Ok(()),
        _ => Err(Error::other(
            "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a \
             local connection, otherwise you need to set this option in the configuration file, and then restart the \
             server.",
        )),
    }
}

/// `DEBUG JOURNAL [ON|OFF]`: what the units of execution since the last call did to keys, each as `database event key`.
fn journal(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let state = &mut *context.state;
    if args.is(2, "on") || args.is(2, "off") {
        let on = args.is(2, "on");
        state.recorder = on.then(Recorder::default);
        state.update_journal();
        reply.ok();
        return Ok(());
    }
    if args.len() == 3 {
        return Err(Error::Syntax);
    }
    let recorder = state.recorder.as_mut().ok_or(Error::other("ERR say DEBUG JOURNAL ON first"))?;
    let changes = recorder.take();
    reply.array(changes.len());
    for change in changes {
        let key = change.key.unwrap_or_default();
        let text = [format!("{} {} ", change.db, change.event.name()).as_bytes(), &key].concat();
        reply.bulk(&text);
    }
    Ok(())
}

/// `DEBUG RELOAD [NOSAVE]`: writes a snapshot, forgets everything, and loads it.
fn reload(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let state = &mut *context.state;
    match args.at(2) {
        None => state.save().map_err(|error| Error::other(format!("ERR cannot save: {error}")))?,
        Some(_) if args.is(2, "nosave") => {}
        Some(_) => return Err(Error::other("ERR DEBUG RELOAD takes no option but NOSAVE")),
    }
    (0..state.keyspace.databases()).for_each(|db| state.keyspace.db_mut(db).clear());
    state.load_snapshot().map_err(|error| {
        log::warning(format_args!("DEBUG RELOAD: {error}"));
        Error::other("ERR Error trying to load the RDB dump, check server logs.")
    })?;
    reply.ok();
    Ok(())
}

/// `DEBUG LOADAOF`: forgets everything, and reads the append-only file.
fn load_log(context: &mut ServerContext<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let state = &mut *context.state;
    let failed = || Error::other("ERR Error trying to load the AOF files, check server logs.");
    if !state.aof.is_on() || state.aof.temporary {
        return Err(failed());
    }
    restart::reload_log(state).map_err(|error| {
        log::warning(format_args!("DEBUG LOADAOF: {error:#}"));
        failed()
    })?;
    reply.ok();
    Ok(())
}

/// Where Redis prints an address, this prints 0: a record moves when its table grows, so an address would mean nothing.
fn describe(context: &mut ServerContext<'_>, key: &[u8], reply: &mut Reply<'_>) -> Result<(), Error> {
    let db = context.client().db;
    let keyspace = &mut context.state.keyspace;
    let lru_clock = (keyspace.now() / 1000) as u64 & 0xff_ffff;
    let key = keyspace.hasher.key(key);
    let stamp = keyspace.db_mut(db).into_peeked(key).ok_or(Error::NoSuchKey)?.stamp;
    let idle = keyspace.db(db).idle(stamp).unwrap_or(0);
    let found = keyspace.db_mut(db).into_peeked(key).ok_or(Error::NoSuchKey)?;
    let encoding = object::encoding_name(&found);
    let serialized = match found.value {
        Value::String(bytes) => serialized_len(bytes, encoding),
        collection => collection.bytes(),
    };
    let refcount = object::refcount_of(&found);
    let lru = lru_clock.wrapping_sub(idle) & 0xff_ffff;
    reply.simple(&format!(
        "Value at:0x0 refcount:{refcount} encoding:{encoding} serializedlength:{serialized} lru:{lru} \
         lru_seconds_idle:{idle}"
    ));
    Ok(())
}

/// How long the value would be in a snapshot: small integers are packed, other strings carry their length.
fn serialized_len(bytes: &[u8], encoding: &str) -> usize {
    let packed = if encoding == "int" { crate::text::integer::parse(bytes) } else { None };
    match packed {
        Some(-0x80..=0x7f) => 2,
        Some(-0x8000..=0x7fff) => 3,
        Some(-0x8000_0000..=0x7fff_ffff) => 5,
        _ => {
            bytes.len()
                + if bytes.len() < 64 {
                    1
                } else if bytes.len() < 16_384 {
                    2
                } else {
                    5
                }
        }
    }
}

fn help_lines(reply: &mut Reply<'_>) {
    help(
        reply,
        "DEBUG",
        &[
            "ERROR <string>",
            "    Answer with this error.",
            "JOURNAL [ON|OFF]",
            "    Start or stop to record changes of keys; alone: return those since the last call.",
            "LOADAOF",
            "    Forget everything, and read the append-only file.",
            "LOG <message>",
            "    Write a line to the server's log.",
            "OBJECT <key>",
            "    Tell how a value is kept.",
            "RELOAD [NOSAVE]",
            "    Write a snapshot, forget everything, and load it.",
            "SET-ACTIVE-EXPIRE <0|1>",
            "    Look for expired keys in the background, or only where a command meets them.",
            "SLEEP <seconds>",
            "    Serve no client for a while.",
        ],
    );
}
