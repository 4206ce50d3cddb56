//! RESP as clients send it: in pieces, in bursts, with any bytes inside, and typed by hand.

use super::reply::{Protocol, Reply};
use super::robustness::LOST_REPLIES;
use super::talk::{KEYSPACE, Talk};
use crate::check::{Check, Context, Explain as _, Kind, Outcome};

pub(super) const SPLIT: &str = "a request that arrives in pieces is not put together";
const BURST: &str = "requests behind the first of a read are dropped";
const ORDER: &str = "replies do not come in the order of the requests";
const TEXT: &str = "values are taken for text";
const BIG: &str = "a value larger than the read buffer is cut";
const EMPTY: &str = "an empty request is not passed over";
const BARE: &str = "a bare line feed does not end a line";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "resp-split",
        phases: KEYSPACE,
        catalogue: &[16, 17],
        title: "a request is understood wherever the network cuts it",
        lesson: "TCP keeps no boundaries: a read may end inside a length, between CR and LF, or inside a value. The parser \
                 must be able to stop at any byte and to go on when more comes.",
        chapter: "docs/src/phase4/resp.md",
        points: 3,
        topic: "resp-protocol",
        blocked_by: &["set-get-del"],
        after: &["resp-missing-crlf"],
        commands: &["SET", "GET"],
        hints: [
            "What does your parser do when the bytes end between \\r and \\n?",
            "Keep the bytes until the request is whole; `not yet` is neither an error nor a request.",
            "parse(buf) -> NeedMore | Request(consumed): drop nothing on NeedMore, read more, parse again.",
        ],
        bugs: &[SPLIT],
        run: split,
        ..Check::PLAIN
    },
    Check {
        name: "resp-pipeline",
        phases: KEYSPACE,
        catalogue: &[18, 27, 36],
        title: "1,000 requests in one write get 1,000 replies in order",
        lesson: "Clients send many requests without waiting and match replies by their order alone. One read then holds \
                 many requests, and the last may be cut.",
        chapter: "docs/src/phase4/resp.md",
        points: 3,
        topic: "resp-protocol",
        blocked_by: &["set-get-del"],
        commands: &["ECHO"],
        hints: [
            "How many requests can one read() bring?",
            "After a request, look at what is left in the buffer before you wait for the socket again.",
            "while let Request(n) = parse(&buf[pos..]) { run; pos += n } and only then read.",
        ],
        bugs: &[BURST, ORDER],
        run: pipeline,
        ..Check::PLAIN
    },
    Check {
        name: "resp-binary",
        phases: KEYSPACE,
        catalogue: &[13],
        title: "keys and values may hold any bytes, or none",
        lesson: "A bulk string says its length so that its bytes need no escaping: zero bytes, line ends and bytes that \
                 are no UTF-8 pass as they are. Whoever looks for the line end instead of counting breaks here.",
        chapter: "docs/src/phase4/resp.md",
        points: 2,
        topic: "resp-protocol",
        blocked_by: &["set-get-del"],
        after: &["resp-split", "resp-pipeline"],
        commands: &["SET", "GET", "DEL"],
        hints: [
            "How does your parser find the end of a value?",
            "By its length, never by looking for \\r\\n, and never through a C string.",
            "Take len bytes, then skip two; keep keys and values as byte arrays.",
        ],
        bugs: &[TEXT],
        run: binary,
        ..Check::PLAIN
    },
    Check {
        name: "resp-sizes",
        phases: KEYSPACE,
        catalogue: &[12, 41],
        title: "values around every usual buffer size, and of 6 MB, come back whole",
        lesson: "A fixed read buffer is a fixed largest request unless it can grow or be emptied in between; and exactly \
                 full is not the end of the stream.",
        chapter: "docs/src/phase4/resp.md",
        points: 2,
        topic: "resp-protocol",
        blocked_by: &["resp-binary"],
        after: &["resp-split"],
        commands: &["SET", "GET", "DEL"],
        hints: [
            "What happens when a request is larger than your buffer?",
            "read() with no room left returns 0, which looks like the end of the stream.",
            "Grow the buffer to what the bulk length announces (up to the limit), or move the bytes out.",
        ],
        bugs: &[BIG, LOST_REPLIES],
        run: sizes,
        ..Check::PLAIN
    },
    Check {
        name: "resp-empty",
        phases: KEYSPACE,
        catalogue: &[],
        title: "empty requests are passed over without a reply",
        lesson: "`*0`, `*-1` and an empty line ask for nothing and get nothing. Answering them would shift every later \
                 reply by one, and a pipelining client would take each answer for the next question's.",
        chapter: "docs/src/phase4/resp.md",
        points: 1,
        topic: "resp-protocol",
        blocked_by: &["resp-pipeline"],
        commands: &["ECHO"],
        hints: [
            "What is the command's name in a request of no arguments?",
            "Skip it: no reply, no error, go on with the bytes behind it.",
            "if argc <= 0 { consume the line; continue }",
        ],
        bugs: &[EMPTY],
        run: empty,
        ..Check::PLAIN
    },
    Check {
        name: "resp-by-hand",
        phases: KEYSPACE,
        catalogue: &[],
        title: "RESP typed by hand, with bare line feeds, is understood",
        lesson: "netcat sends a line feed where the protocol has carriage return and line feed. Redis itself waits for the \
                 missing byte; this course's server takes both, so that every lab works with any netcat.",
        chapter: "docs/src/phase4/resp.md",
        points: 1,
        topic: "by-hand",
        blocked_by: &["resp-split"],
        commands: &["ECHO"],
        hints: [
            "printf '*1\\n$4\\nPING\\n' | nc 127.0.0.1 6379: what comes?",
            "A line ends at \\n; a \\r before it belongs to the end, too.",
            "find '\\n'; if the byte before it is '\\r', the line ends one earlier. After a value accept \\n or \\r\\n.",
        ],
        bugs: &[BARE],
        run: by_hand,
        ..Check::PLAIN
    },
];

fn split(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    let value = ctx.rng.text(12);
    let mut message = talk.request(&[b"SET", b"split", &value]);
    let set = message.len();
    message.extend(talk.request(&[b"GET", b"split"]));
    let mut owed = Vec::new();
    Reply::ok().encode(Protocol::Resp, &mut owed);
    Reply::bulk(value).encode(Protocol::Resp, &mut owed);
    for at in 1..message.len() {
        let inside = if at < set { "the SET" } else { "the GET" };
        talk.step(format!("SET and GET, cut after byte {at}, in {inside}"));
        talk.client.send_split(&message, &[at]).likely(SPLIT)?;
        talk.client.expect(&owed).likely(SPLIT)?;
    }
    let every: Vec<usize> = (1..message.len()).collect();
    talk.step("SET and GET byte by byte");
    talk.client.send_split(&message, &every).likely(SPLIT)?;
    talk.client.expect(&owed).likely(SPLIT)
}

fn pipeline(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    let mut batch = talk.batch();
    for n in 0..1_000 {
        let text = format!("{n} {}", talk.salt);
        batch.push(&[b"ECHO", text.as_bytes()], &Reply::bulk(text.as_str()));
    }
    talk.step("1,000 numbered requests in one go");
    talk.run(&batch).likely_when(&[Kind::WrongBytes], ORDER).likely(BURST)?;

    let cut = batch.sent.len() * 2 / 5;
    talk.step("the same, cut inside a request, and FIN after the last");
    talk.client.send_split(&batch.sent, &[cut])?;
    talk.client.finish()?;
    talk.client.expect(&batch.owed).likely_when(&[Kind::WrongBytes], ORDER).likely(BURST)
}

fn binary(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    let mut every: Vec<u8> = (0..=255).collect();
    ctx.rng.shuffle(&mut every);
    let salt = talk.salt.clone().into_bytes();
    let values: [&[u8]; 6] =
        [&every, b"line\r\nends\r\n", b"\r\n", b"", b"zero\0byte", b"*1\r\n$4\r\nPING\r\n"];
    for value in values {
        let key = [&salt, value].concat();
        talk.step(format!("a key that ends with, and a value of: {}", value.escape_ascii()));
        talk.ask_bytes(&[b"SET", &key, value], &Reply::ok()).likely(TEXT)?;
        talk.ask_bytes(&[b"GET", &key], &Reply::bulk(value)).likely(TEXT)?;
    }
    talk.step("the empty key");
    talk.ask_bytes(&[b"SET", b"", b"of the empty key"], &Reply::ok()).likely(TEXT)?;
    talk.ask_bytes(&[b"GET", b""], &Reply::bulk("of the empty key")).likely(TEXT)?;
    talk.ask_bytes(&[b"DEL", b""], &Reply::Integer(1)).likely(TEXT)
}

fn sizes(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    // Such that the value, and such that the whole request, has a round size.
    let overhead = b"*3\r\n$3\r\nSET\r\n$4\r\nsize\r\n$0000\r\n\r\n".len();
    let round = [1_024, 4_096, 16_384, 32_768, 65_536];
    let mut sizes: Vec<usize> = round
        .iter()
        .flat_map(|size| [size - overhead, size - overhead - 1, size - 1, *size, size + 1])
        .collect();
    sizes.push((6 << 20) + ctx.rng.below(10_000));
    for size in sizes {
        let value = ctx.rng.bytes(size);
        talk.step(format!("a value of {size} bytes"));
        talk.ask_bytes(&[b"SET", b"size", &value], &Reply::ok()).likely(BIG)?;
        // The value was taken whole, so what is missing of the reply was lost on the way out.
        talk.ask_bytes(&[b"GET", b"size"], &Reply::bulk(value))
            .likely_when(&[Kind::NoReply], LOST_REPLIES)
            .likely(BIG)?;
    }
    talk.ask("DEL size", ":1")
}

fn empty(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    for nothing in ["*0\r\n", "*-1\r\n", "*-10\r\n", "\r\n", "\r\n\r\n*0\r\n"] {
        let mut bytes = nothing.as_bytes().to_vec();
        bytes.extend(talk.bytes_of("ECHO behind"));
        talk.step(format!("{} and then an ECHO", nothing.escape_debug()));
        talk.exchange(&bytes, &Reply::bulk("behind")).likely(EMPTY).likely_death(EMPTY)?;
    }
    Ok(())
}

fn by_hand(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.step("a request whose lines end in \\n alone");
    let request = format!("*2\n$4\n{}\n$5\nhello\n", talk.name("ECHO"));
    talk.exchange(request.as_bytes(), &Reply::bulk("hello")).likely(BARE)?;
    talk.step("the same with \\r\\n afterwards, on one connection");
    let request = request.replace('\n', "\r\n");
    talk.exchange(request.as_bytes(), &Reply::bulk("hello")).likely(BARE)
}
