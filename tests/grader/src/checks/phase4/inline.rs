//! Inline commands: what telnet and nc send.

use super::protocol_errors::{GOES_ON, KILLS, LOST, refuses};
use super::reply::Reply;
use super::talk::{KEYSPACE, Talk};
use crate::check::{Check, Context, Explain as _, Kind, Outcome};

const NOT_UNDERSTOOD: &str = "a typed line is not understood";
const LINE_END: &str = "only one of \\n and \\r\\n ends a line";
const QUOTES: &str = "quotes or escapes are not taken off";
const ACCEPTED: &str = "an open quote is accepted";
const UNBOUNDED: &str = "a line without an end is collected without bound";
const CUT: &str = "a line that arrives in pieces is not put together";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "inline-commands",
        phases: KEYSPACE,
        catalogue: &[16],
        title: "a typed line is a command, ended by \\n or \\r\\n, in one piece or many",
        lesson: "Whatever does not begin with `*` is a line of words. This is what makes the server answer a person with \
                 telnet or nc, and it costs a dozen lines.",
        chapter: "docs/src/phase4/resp.md",
        points: 2,
        topic: "inline",
        blocked_by: &["set-get-del"],
        after: &["ping-echo-quit"],
        commands: &["PING", "ECHO", "SET", "GET", "DEL"],
        hints: [
            "Type `PING` into nc. Which bytes arrive?",
            "Look at the first byte: `*` begins RESP, anything else a line; telnet ends it with \\r\\n, nc with \\n.",
            "Find '\\n', drop a '\\r' before it, split at blanks (several count as one), run it.",
        ],
        bugs: &[NOT_UNDERSTOOD, LINE_END, CUT],
        run: commands,
        ..Check::PLAIN
    },
    Check {
        name: "inline-quotes",
        phases: KEYSPACE,
        catalogue: &[],
        title: "quotes and escapes stand for blanks and unprintable bytes",
        lesson: "In double quotes \\n, \\r, \\t, \\\" and \\x41 are escapes; in single quotes only \\' is. A quote that is \
                 not closed makes the line's meaning a guess, and a server must not guess.",
        chapter: "docs/src/phase4/resp.md",
        points: 1,
        topic: "inline",
        blocked_by: &["inline-commands"],
        commands: &["ECHO", "GET"],
        hints: [
            "How would you type a value that contains a blank?",
            "A small state machine: outside, in double quotes, in single quotes, behind a backslash.",
            "Error text: ERR Protocol error: unbalanced quotes in request; then close that connection.",
        ],
        bugs: &[QUOTES, ACCEPTED, KILLS, LOST, GOES_ON],
        run: quotes,
        ..Check::PLAIN
    },
    Check {
        name: "inline-too-long",
        phases: KEYSPACE,
        catalogue: &[42],
        title: "a line without an end is given up after 64 KiB",
        lesson: "Nobody types 64 KiB. A line that long is a mistake or an attack, and a server that waits for its end keeps \
                 whatever it is sent.",
        chapter: "docs/src/phase4/resp.md",
        points: 1,
        topic: "inline",
        blocked_by: &["inline-commands"],
        after: &["half-request"],
        commands: &["ECHO", "GET"],
        hints: [
            "What is the longest line your server collects?",
            "The limit is on what is buffered without a line end.",
            "ERR Protocol error: too big inline request; flush, close.",
        ],
        bugs: &[UNBOUNDED, KILLS, LOST, GOES_ON],
        run: too_long,
        ..Check::PLAIN
    },
];

fn commands(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    let silent = [Kind::NoReply, Kind::EarlyEof, Kind::Reset];
    for end in ["\r\n", "\n"] {
        let bug = if end == "\n" { LINE_END } else { NOT_UNDERSTOOD };
        talk.step(format!("lines that end in {}", end.escape_debug()));
        for (line, reply) in [
            (talk.name("PING"), Reply::Status("PONG".into())),
            (format!("  {}   hello  ", talk.name("echo")), Reply::bulk("hello")),
            (talk.name("SET typed value"), Reply::ok()),
            (talk.name("GET typed"), Reply::bulk("value")),
            (talk.name("DEL typed"), Reply::Integer(1)),
        ] {
            talk.exchange(format!("{line}{end}").as_bytes(), &reply).likely_when(&silent, bug).likely(bug)?;
        }
    }
    talk.step("three lines at once, then RESP on the same connection");
    let mut bytes = "PING\r\nPING\nPING\r\n".replace("PING", &talk.name("PING")).into_bytes();
    bytes.extend(talk.bytes_of("ECHO RESP"));
    talk.client.send(&bytes)?;
    talk.client.expect(b"+PONG\r\n+PONG\r\n+PONG\r\n$4\r\nRESP\r\n").likely(NOT_UNDERSTOOD)?;
    let line = talk.name("ECHO pieces\r\n");
    for at in 1..line.len() {
        talk.step(format!("a line cut after byte {at}"));
        talk.client.send_split(line.as_bytes(), &[at])?;
        talk.client.expect(b"$6\r\npieces\r\n").likely(CUT)?;
    }
    Ok(())
}

fn quotes(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    let rows: &[(&str, &[u8])] = &[
        (r#"ECHO "two words""#, b"two words"),
        (r#"ECHO "tab\tquote\"line\r\nhex\x00\xff""#, b"tab\tquote\"line\r\nhex\0\xff"),
        (r"ECHO 'it\'s \n raw'", br"it's \n raw"),
        (r#"ECHO """#, b""),
        (r#""ECHO" 'x'"#, b"x"),
    ];
    for (line, value) in rows {
        let line = line.replace("ECHO", &talk.name("ECHO"));
        talk.step(&line);
        talk.exchange(format!("{line}\r\n").as_bytes(), &Reply::bulk(*value)).likely(QUOTES)?;
    }
    for line in [r#"ECHO "open"#, "ECHO 'open", r#"ECHO "closed"inside"#] {
        let error = "ERR Protocol error: unbalanced quotes in request";
        refuses(ctx, format!("{line}\r\n").as_bytes(), error, ACCEPTED)?;
    }
    Ok(())
}

fn too_long(ctx: &mut Context) -> Outcome {
    let line = ctx.rng.text((64 << 10) + 16);
    refuses(ctx, &line, "ERR Protocol error: too big inline request", UNBOUNDED)
}
