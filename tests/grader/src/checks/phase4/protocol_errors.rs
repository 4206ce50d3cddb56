//! RESP that makes no sense: the client is told why, its connection ends, and nobody else notices.

use super::resp::SPLIT;
use super::talk::{KEYSPACE, Talk, ping};
use crate::check::{Check, Context, Explain as _, Kind, Outcome};

const BELIEVES: &str = "a length is believed before it is checked";
pub(super) const KILLS: &str = "a malformed request ends the server";
pub(super) const LOST: &str = "the error reply is lost before the close";
pub(super) const GOES_ON: &str = "the connection goes on after a protocol error";
const RECURSION: &str = "the parser recurses as deep as the client likes";
const MISSING_CRLF: &str = "a value is taken before its line end has come";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "resp-bad-lengths",
        phases: KEYSPACE,
        catalogue: &[20, 21, 28],
        title: "impossible lengths get an error, then that connection ends",
        lesson: "After a length that cannot be, nobody knows where the next request begins: the only honest way is to say \
                 so and to close. The reply must still arrive, the memory must not be claimed, and the other clients must \
                 not feel it.",
        chapter: "docs/src/phase4/resp.md",
        points: 3,
        topic: "resp-protocol",
        blocked_by: &["resp-split"],
        commands: &["ECHO", "GET"],
        hints: [
            "What does your parser make of `*1` followed by `$-5`? Of `*abc`?",
            "Parse the whole line as a number and check its range before you use it for anything.",
            "Write `-ERR Protocol error: invalid bulk length`, flush it, then close this connection only.",
        ],
        bugs: &[BELIEVES, KILLS, LOST, GOES_ON],
        run: bad_lengths,
        ..Check::PLAIN
    },
    Check {
        name: "resp-long-lines",
        phases: KEYSPACE,
        catalogue: &[21],
        title: "a length line without an end is given up after 64 KiB",
        lesson: "A client that sends digits for ever makes a patient server collect them for ever. Every buffer that waits \
                 for something needs a limit.",
        chapter: "docs/src/phase4/resp.md",
        points: 1,
        topic: "resp-protocol",
        blocked_by: &["resp-bad-lengths"],
        after: &["half-request"],
        commands: &["ECHO", "GET"],
        hints: [
            "How much does your server collect while it looks for the end of a line?",
            "No length needs more than twenty digits. Redis waits for 64 KiB, then answers with an error.",
            "if no line end in sight && buffered > 65536 { error(\"too big mbulk count string\"); close }",
        ],
        bugs: &[BELIEVES, KILLS, LOST, GOES_ON],
        run: long_lines,
        ..Check::PLAIN
    },
    Check {
        name: "resp-missing-crlf",
        phases: KEYSPACE,
        catalogue: &[17],
        title: "a request is run only once its last line end has come",
        lesson: "The two bytes behind a value belong to the request. Who runs the command without them finds them later at \
                 the front of the next request.",
        chapter: "docs/src/phase4/resp.md",
        points: 1,
        topic: "resp-protocol",
        blocked_by: &["set-get-del"],
        commands: &["ECHO"],
        hints: [
            "When is `$1\\r\\nk` complete?",
            "A bulk string takes its length plus two bytes.",
            "if buf.len() < pos + len + 2 { return NeedMore }",
        ],
        bugs: &[MISSING_CRLF, SPLIT],
        run: missing_crlf,
        ..Check::PLAIN
    },
    Check {
        name: "resp-deep",
        phases: KEYSPACE,
        catalogue: &[48],
        title: "60,000 nested arrays neither end the server nor slow it",
        lesson: "A parser that calls itself for each level uses the stack as deep as a stranger asks. Requests are arrays of \
                 strings, one level deep: anything else is a protocol error, found at the second line.",
        chapter: "docs/src/phase4/resp.md",
        points: 2,
        topic: "resp-protocol",
        blocked_by: &["resp-bad-lengths"],
        commands: &["ECHO", "GET"],
        hints: [
            "What does your parser do with an array inside an array inside an array?",
            "A request's elements are bulk strings. Refuse what does not begin with $.",
            "-ERR Protocol error: expected '$', got '*' - and close.",
        ],
        bugs: &[RECURSION, LOST, GOES_ON],
        run: deep,
        ..Check::PLAIN
    },
];

/// Sends bytes beyond repair: the error must come, then the end; a witness connection and new clients go on.
pub(super) fn refuses(ctx: &mut Context, bytes: &[u8], error: &str, wrong: &'static str) -> Outcome {
    let mut witness = Talk::resp_as(ctx, "another client")?;
    witness.ask("ECHO before", "$before")?;
    let mut talk = Talk::resp(ctx)?;
    // A client that is turned away has another story.
    talk.ask("ECHO served", "$served")?;
    let shown: String = bytes.iter().take(24).map(|byte| byte.escape_ascii().to_string()).collect();
    talk.step(format!("{shown}{}", if bytes.len() > 24 { " …" } else { "" }));
    talk.client.send(bytes).likely_death(KILLS)?;
    talk.client
        .expect(format!("-{error}\r\n").as_bytes())
        .likely_death(KILLS)
        .likely_when(&[Kind::EarlyEof, Kind::Reset], LOST)
        .likely(wrong)?;
    talk.client
        .expect_closed()
        .likely_death(KILLS)
        .likely_when(&[Kind::NotClosed, Kind::ExtraBytes], GOES_ON)?;
    witness.ask("ECHO after", "$after").likely_death(KILLS)?;
    ping(ctx).likely_death(KILLS)
}

fn bad_lengths(ctx: &mut Context) -> Outcome {
    const MULTI: &str = "ERR Protocol error: invalid multibulk length";
    const BULK: &str = "ERR Protocol error: invalid bulk length";
    let rows: &[(&str, &str)] = &[
        ("*abc\r\n", MULTI),
        ("*2147483648\r\n", MULTI),
        ("*99999999999999999999\r\n", MULTI),
        ("*1\r\n$-5\r\n", BULK),
        ("*1\r\n$abc\r\n", BULK),
        ("*1\r\n$4294967295\r\n", BULK),
        ("*1\r\n$9223372036854775807\r\n", BULK),
        ("*2\r\n$3\r\nGET\r\n$99999999999\r\n", BULK),
        ("*1\r\n:5\r\n", "ERR Protocol error: expected '$', got ':'"),
        ("*2\r\n$3\r\nGET\r\nkey\r\n", "ERR Protocol error: expected '$', got 'k'"),
    ];
    rows.iter().try_for_each(|(bytes, error)| refuses(ctx, bytes.as_bytes(), error, BELIEVES))
}

fn long_lines(ctx: &mut Context) -> Outcome {
    // Barely beyond the limit, so that nothing is left unread when the server closes: that would turn FIN into RST.
    let digits = "1".repeat((64 << 10) + 16);
    refuses(
        ctx,
        format!("*{digits}").as_bytes(),
        "ERR Protocol error: too big mbulk count string",
        BELIEVES,
    )?;
    let bulk = format!("*1\r\n${digits}");
    refuses(ctx, bulk.as_bytes(), "ERR Protocol error: too big bulk count string", BELIEVES)
}

fn missing_crlf(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.step("a request without the line end behind its last value");
    let request = format!("*2\r\n$4\r\n{}\r\n$5\r\nvalue", talk.name("ECHO"));
    talk.client.send(request.as_bytes())?;
    talk.client.expect_silence().likely(MISSING_CRLF)?;
    talk.client.send(b"\r\n")?;
    talk.client.expect(b"$5\r\nvalue\r\n").likely(SPLIT)
}

fn deep(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.ask("ECHO before", "$before")?;
    talk.step("60,000 times *1\\r\\n");
    let bytes = b"*1\r\n".repeat(60_000);
    // The server may close before it has read everything; what it said before that must still be there.
    let sent = talk.client.send(&bytes).likely_death(RECURSION);
    if sent.is_ok() {
        talk.client
            .expect(b"-ERR Protocol error: expected '$', got '*'\r\n")
            .likely_death(RECURSION)
            .likely_when(&[Kind::EarlyEof, Kind::Reset], LOST)
            .likely(RECURSION)?;
        talk.client.expect_closed().likely_when(&[Kind::NotClosed, Kind::ExtraBytes], GOES_ON)?;
    }
    ping(ctx).likely_death(RECURSION)
}
