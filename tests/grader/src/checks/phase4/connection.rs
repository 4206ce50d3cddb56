//! Commands about the connection itself, and the words for mistakes.

use super::reply::Reply;
use super::talk::{KEYSPACE, Talk};
use crate::check::{Check, Context, Explain as _, Kind, Outcome};

const BASICS: &str = "PING or ECHO answer otherwise than Redis";
const WORDS: &str = "errors do not carry Redis's words";
const CASE: &str = "command names depend on upper and lower case";
const STOPS: &str = "a mistaken command ends the connection";
const QUIT: &str = "QUIT does not answer and then close";
const SELECT: &str = "databases are not kept apart";
const HELLO: &str = "HELLO 3 does not switch to RESP3";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "ping-echo-quit",
        phases: KEYSPACE,
        catalogue: &[],
        title: "PING, ECHO and QUIT answer as Redis does",
        lesson: "The first commands every client library sends. QUIT answers +OK and only then closes: a reply may not be \
                 lost to the close.",
        chapter: "docs/src/phase4/commands.md",
        points: 1,
        topic: "connection",
        blocked_by: &["set-get-del"],
        commands: &["PING", "ECHO", "QUIT", "SET", "GET"],
        hints: [
            "PING answers a status line, PING with a message a bulk string.",
            "Names are compared without regard to case: ping, Ping, PING.",
            "QUIT: append +OK, mark the connection `close after the replies`, flush, close.",
        ],
        bugs: &[BASICS, CASE, QUIT],
        run: basics,
        ..Check::PLAIN
    },
    Check {
        name: "mistakes",
        phases: KEYSPACE,
        catalogue: &[],
        title: "unknown commands and wrong arity get Redis's words, and the connection goes on",
        lesson: "A client's mistake is answered, not punished. Libraries compare the first word of an error, people read \
                 the rest: both rely on the exact text.",
        chapter: "docs/src/phase4/commands.md",
        points: 2,
        topic: "connection",
        blocked_by: &["ping-echo-quit"],
        commands: &["PING", "ECHO", "SET", "GET", "DEL", "MSET"],
        hints: [
            "Type the same mistake into redis-cli with a real Redis.",
            "Arity is checked from the command table before the command runs; the name in the text is in lower case.",
            "-ERR unknown command 'x', with args beginning with: 'a' 'b' (each argument quoted, a blank after each)",
        ],
        bugs: &[WORDS, STOPS],
        run: mistakes,
        ..Check::PLAIN
    },
    Check {
        name: "select",
        phases: KEYSPACE,
        catalogue: &[],
        title: "each database has its own keys, each connection its own choice",
        lesson: "SELECT changes state of the connection, not of the server: two clients in two databases must not meet.",
        chapter: "docs/src/phase4/commands.md",
        points: 1,
        topic: "connection",
        blocked_by: &["ping-echo-quit"],
        commands: &["SELECT", "SET", "GET", "DEL"],
        hints: [
            "Where do you keep the number of the selected database?",
            "In the session of the connection; a new connection begins in database 0.",
            "Out of range: -ERR DB index is out of range, and the choice stays as it was.",
        ],
        bugs: &[SELECT],
        run: select,
        ..Check::PLAIN
    },
    Check {
        name: "hello",
        phases: KEYSPACE,
        catalogue: &[],
        title: "HELLO 3 switches this connection to RESP3",
        lesson: "RESP3 has maps, a null of its own, booleans and doubles. The switch is per connection, HELLO's own reply \
                 already uses the new form, and an unknown version changes nothing.",
        chapter: "docs/src/phase4/resp.md",
        points: 1,
        topic: "connection",
        blocked_by: &["mistakes"],
        commands: &["HELLO", "GET"],
        hints: [
            "Which of your replies look different in RESP3?",
            "Nil is `_` for values; HELLO answers a map with server, version, proto, id, mode, role, modules.",
            "HELLO 4: -NOPROTO unsupported protocol version. Keep the version in the session.",
        ],
        bugs: &[HELLO],
        run: hello,
        ..Check::PLAIN
    },
];

fn basics(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.rows(&[("PING", "+PONG"), ("PING message", "$message"), ("ECHO message", "$message")])
        .likely(BASICS)?;
    let mut talk = talk.unaltered();
    for (command, reply) in [("ping", "+PONG"), ("PiNg", "+PONG"), ("set ~k v", "+OK"), ("gEt ~k", "$v")] {
        talk.ask(command, reply).on_failure(|failure| failure.bug = None).likely(CASE)?;
    }
    talk.spelled(ctx.spelling);
    talk.step("QUIT with a PING before it in the same write");
    let bytes = [talk.bytes_of("PING"), talk.bytes_of("QUIT")].concat();
    talk.client.send(&bytes)?;
    talk.client.expect(b"+PONG\r\n+OK\r\n").likely(QUIT)?;
    talk.client.expect_eof().likely(QUIT)
}

fn mistakes(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.rows(&[
        ("GET", "-ERR wrong number of arguments for 'get' command"),
        ("GET a b", "-ERR wrong number of arguments for 'get' command"),
        ("SET a", "-ERR wrong number of arguments for 'set' command"),
        ("DEL", "-ERR wrong number of arguments for 'del' command"),
        ("MSET ~a 1 ~b", "-ERR wrong number of arguments for 'mset' command"),
        ("ECHO", "-ERR wrong number of arguments for 'echo' command"),
        ("PING a b", "-ERR wrong number of arguments for 'ping' command"),
        ("SET ~a v NONSENSE", "-ERR syntax error"),
        ("frobnicate a b", "-ERR unknown command 'frobnicate', with args beginning with: 'a' 'b' "),
        ("Frobnicate", "-ERR unknown command 'Frobnicate', with args beginning with: "),
        ("GET ~a", "nil"),
    ])
    .likely_when(&[Kind::EarlyEof, Kind::Reset, Kind::NoReply], STOPS)
    .likely(WORDS)?;
    talk.step("a name that holds a line end may not break the reply into two");
    talk.client.send(b"*1\r\n$7\r\nab\r\ncde\r\n")?;
    match talk.read()? {
        Reply::Error(text) if text.starts_with("ERR unknown command 'ab") => {}
        other => return Err(talk.wrong(&other, "one line about an unknown command")).likely(WORDS),
    }
    talk.ask("PING", "+PONG").likely(WORDS)
}

fn select(ctx: &mut Context) -> Outcome {
    let mut one = Talk::resp_as(ctx, "one")?;
    let mut two = Talk::resp_as(ctx, "two")?;
    two.salt.clone_from(&one.salt);
    one.rows(&[("SET ~k zero", "+OK"), ("SELECT 3", "+OK"), ("GET ~k", "nil"), ("SET ~k three", "+OK")])
        .likely(SELECT)?;
    two.ask("GET ~k", "$zero").likely(SELECT)?;
    one.rows(&[
        ("SELECT 9999", "-ERR DB index is out of range"),
        ("SELECT -1", "-ERR DB index is out of range"),
        ("GET ~k", "$three"),
        ("DEL ~k", ":1"),
        ("SELECT 0", "+OK"),
        ("GET ~k", "$zero"),
        ("DEL ~k", ":1"),
    ])
    .likely(SELECT)
}

fn hello(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.ask("HELLO 4", "-NOPROTO unsupported protocol version").likely(HELLO)?;
    for (version, nil) in [(3, "_\r\n"), (2, "$-1\r\n")] {
        let Reply::Array(items) = talk.hear(&format!("HELLO {version}"))? else {
            return Err(talk.client.fail(Kind::WrongBytes, "HELLO answers a map")).likely(HELLO);
        };
        let proto = items.iter().position(|item| *item == Reply::bulk("proto"));
        if proto.and_then(|at| items.get(at + 1)) != Some(&Reply::Integer(version)) {
            return Err(talk.client.fail(Kind::WrongBytes, format!("no field proto of {version}")))
                .likely(HELLO);
        }
        let bytes = talk.bytes_of("GET ~missing");
        talk.step(format!("GET of a missing key after HELLO {version}"));
        talk.client.exchange(&bytes, nil.as_bytes()).likely(HELLO)?;
    }
    Ok(())
}
