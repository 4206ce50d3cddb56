//! Phase 2's frames with requests inside: counts within counts, none of which may be believed.

use super::reply::{Protocol, Reply};
use super::talk::{KEYSPACE, Talk, ping};
use crate::check::{Check, Context, Explain as _, Failure, Kind, Outcome};
use crate::wire::frame;

const TAGS: &str = "a reply is not one tagged value in a frame";
const SPLIT: &str = "a frame that arrives in pieces is not put together";
const BURST: &str = "frames behind the first of a read are dropped";
const INNER: &str = "counts inside the frame are believed";
const TRAILING: &str = "bytes behind the last argument are ignored";
const KILLS: &str = "a malformed frame ends the server";
const NO_CAP: &str = "the frame's length is believed";
const TEXT: &str = "values are taken for text";
const APART: &str = "the two protocols do not share one keyspace";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "framed-replies",
        phases: KEYSPACE,
        catalogue: &[13],
        title: "framed replies are nil, error, string, integer or array, each with its tag",
        lesson: "A reply says what it is in its first byte: 0 nil, 1 error, 2 string, 3 integer, 4 double, 5 array. \
                 Everything after it has a length, so a client never has to guess where it ends.",
        chapter: "docs/src/phase4/resp.md",
        points: 2,
        topic: "framed-protocol",
        blocked_by: &["set-get-del"],
        after: &["many-keys", "counters", "mistakes", "resp-binary"],
        commands: &["{framed_port}", "SET", "GET", "DEL", "MGET", "INCR", "DECRBY"],
        hints: [
            "Write down the reply's bytes for GET of a missing key, with the frame's header.",
            "nil is one byte (0), so the frame is 01 00 00 00 00. An integer is 8 bytes, little-endian, signed.",
            "string: 02 | u32 len | bytes. error: 01 | u32 code | u32 len | text. array: 05 | u32 n | n values.",
        ],
        bugs: &[TAGS, TEXT],
        run: replies,
        ..Check::PLAIN
    },
    Check {
        name: "framed-pieces",
        phases: KEYSPACE,
        catalogue: &[16, 17, 18, 27, 36],
        title: "framed requests are understood in pieces and in bursts",
        lesson: "A frame is complete when its length says so and not before; and whatever is behind it in the buffer is the \
                 next request, which may already be waiting whole.",
        chapter: "docs/src/phase2/decoder.md",
        points: 2,
        topic: "framed-protocol",
        blocked_by: &["framed-replies"],
        after: &["resp-pipeline", "resp-split", "resp-missing-crlf"],
        commands: &["{framed_port}", "ECHO"],
        hints: [
            "Can four length bytes arrive in two reads?",
            "Nothing may be taken from the buffer before the whole frame is there.",
            "loop { if len(buf) < 4 + n: break; run; drop 4 + n bytes } and only then read again.",
        ],
        bugs: &[SPLIT, BURST],
        run: pieces,
        ..Check::PLAIN
    },
    Check {
        name: "framed-inner-counts",
        phases: KEYSPACE,
        catalogue: &[25, 26],
        title: "counts and lengths inside a frame must fill it exactly",
        lesson: "A frame of twelve bytes may claim four billion arguments, or one of four gigabytes. Every number that came \
                 from the network is compared with the bytes that are really there before it sizes an allocation or a \
                 slice.",
        chapter: "docs/src/phase2/hostile-lengths.md",
        points: 3,
        topic: "framed-protocol",
        blocked_by: &["framed-pieces"],
        commands: &["{framed_port}", "GET"],
        hints: [
            "Which numbers inside the frame does the client control?",
            "Check each against what is left of the frame, in a way that cannot overflow.",
            "if n > left / 4 or len > left - 4: error. At the end: if anything is left, error.",
        ],
        bugs: &[INNER, TRAILING, KILLS],
        run: inner_counts,
        ..Check::PLAIN
    },
    Check {
        name: "framed-length",
        phases: KEYSPACE,
        catalogue: &[20, 21],
        title: "an impossible frame length ends that connection and costs nothing",
        lesson: "Four bytes are enough to claim 4 GiB. The length is compared with the limit before anything is reserved, \
                 and the connection, whose next boundary is unknown from here on, is closed.",
        chapter: "docs/src/phase2/hostile-lengths.md",
        points: 1,
        topic: "framed-protocol",
        blocked_by: &["framed-pieces"],
        commands: &["{framed_port}", "GET"],
        hints: [
            "What does your server do with ff ff ff ff?",
            "Compare as an unsigned number, before the allocation.",
            "if len > max { close this connection }",
        ],
        bugs: &[NO_CAP, KILLS],
        run: length,
        ..Check::PLAIN
    },
    Check {
        name: "framed-and-resp",
        phases: KEYSPACE,
        catalogue: &[],
        title: "what one protocol stores the other finds",
        lesson: "The protocols are two doors of one room: the same commands, the same keys, the same order. A value set \
                 through one is there in the other as soon as the reply has left.",
        chapter: "docs/src/phase4/resp.md",
        points: 1,
        topic: "framed-protocol",
        blocked_by: &["framed-replies"],
        commands: &["{framed_port}", "SET", "GET", "DEL"],
        hints: [
            "Does each listener have a store of its own?",
            "Parsing and replying depend on the protocol, commands and keyspace do not.",
            "Keep one keyspace; give each connection its wire format.",
        ],
        bugs: &[APART],
        run: shared_keyspace,
        ..Check::PLAIN
    },
];

fn replies(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::framed(ctx)?;
    talk.rows(&[
        ("get ~a", "nil"),
        ("set ~a one", "+OK"),
        ("get ~a", "$one"),
        ("mget ~a ~none ~a", "[$one nil $one]"),
        ("set ~n 41", "+OK"),
        ("incr ~n", ":42"),
        ("decrby ~n 50", ":-8"),
        ("set ~e ''", "+OK"),
        ("get ~e", "$"),
        ("incr ~a", "-ERR value is not an integer or out of range"),
        ("del ~a ~n ~e", ":3"),
        ("get", "-ERR wrong number of arguments for 'get' command"),
    ])
    .on_failure(name_the_form)?;
    match talk.hear("nosuchcommand")? {
        Reply::Error(text) if text.starts_with("ERR unknown command") => {}
        other => return Err(talk.wrong(&other, "an error about an unknown command")).likely(TAGS),
    }
    let every: Vec<u8> = (0..=255).collect();
    talk.step("a value of every byte");
    talk.ask_bytes(&[b"set", b"bytes", &every], &Reply::ok()).likely(TEXT)?;
    talk.ask_bytes(&[b"get", b"bytes"], &Reply::bulk(every)).likely(TEXT)
}

/// Where nothing came, nothing can be said about the form of what should have come.
fn name_the_form(failure: &mut Failure) {
    let came = failure.came.as_ref().is_some_and(|dump| dump.total > 0);
    if failure.kind.is_an_answer() && came {
        failure.bug.get_or_insert(TAGS.into());
    }
}

fn pieces(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::framed(ctx)?;
    let message = talk.request(&[b"echo", b"in pieces"]);
    let mut owed = Vec::new();
    Reply::bulk("in pieces").encode(Protocol::Framed, &mut owed);
    for at in 1..message.len() {
        talk.step(format!("a frame cut after byte {at}"));
        talk.client.send_split(&message, &[at]).likely(SPLIT)?;
        talk.client.expect(&owed).likely(SPLIT)?;
    }
    let mut batch = talk.batch();
    for n in 0..1_000 {
        let text = format!("number {n}");
        batch.push(&[b"echo", text.as_bytes()], &Reply::bulk(text.as_str()));
    }
    talk.step("1,000 numbered frames in one go");
    talk.run(&batch).likely(BURST)
}

/// Payloads whose inside does not fit, and which bug accepts them.
fn inner_counts(ctx: &mut Context) -> Outcome {
    let words = |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
    let get = [&words(&[2])[..], &frame(b"get"), &frame(b"k")].concat();
    let rows: Vec<(&str, Vec<u8>, &'static str)> = vec![
        ("n = 2³²−1, and nothing behind it", words(&[u32::MAX]), INNER),
        ("n = 3, and two arguments", [&words(&[3])[..], &get[4..]].concat(), INNER),
        ("an argument of 2³²−1 bytes", [&words(&[1, u32::MAX])[..], b"get"].concat(), INNER),
        ("an argument of 2³¹ bytes", [&words(&[1, 1 << 31])[..], b"get"].concat(), INNER),
        ("an argument one byte longer than the frame", [&words(&[1, 4])[..], b"get"].concat(), INNER),
        ("an empty payload, without even a count", Vec::new(), INNER),
        ("half a count", vec![1, 0], INNER),
        ("a byte behind the last argument", [&get[..], b"x"].concat(), TRAILING),
    ];
    for (what, payload, wrong) in rows {
        let mut talk = Talk::framed(ctx)?;
        talk.step(what);
        talk.client.send(&frame(&payload))?;
        // An error or the end of the connection: both refuse it. A value or silence means it was believed.
        let refused = match talk.client.read_some() {
            Err(verdict) => {
                let outcome: Outcome = Err(verdict);
                return outcome.likely_death(KILLS).likely(wrong);
            }
            Ok(came) => came.is_empty() || came.get(4) == Some(&1),
        };
        if !refused {
            return Err(talk.client.fail(Kind::WrongBytes, "the malformed request was run")).likely(wrong);
        }
        drop(talk);
        ping(ctx).likely_death(KILLS).note(format!("before that, a frame was sent: {what}"))?;
    }
    Ok(())
}

fn length(ctx: &mut Context) -> Outcome {
    for claimed in [u32::MAX, 1 << 31, i32::MAX as u32] {
        let mut talk = Talk::framed(ctx)?;
        let target = ctx.target()?;
        let before = target.address_space();
        talk.step(format!("a header that claims {claimed} bytes"));
        talk.client.send(&claimed.to_le_bytes())?;
        let closed = loop {
            // An error reply may come first.
            match talk.client.read_some() {
                Ok(came) if came.is_empty() => break Ok(()),
                Ok(_) => {}
                Err(verdict) => break Err(verdict),
            }
        };
        closed.likely_death(KILLS).likely(NO_CAP)?;
        if let (Some(before), Some(after)) = (before, target.address_space())
            && after > before + (1 << 30)
        {
            let text = format!("the header made the server reserve {} MB", (after - before) >> 20);
            return Err(talk.client.fail(Kind::Resource, text)).likely(NO_CAP);
        }
    }
    ping(ctx).likely_death(KILLS)
}

fn shared_keyspace(ctx: &mut Context) -> Outcome {
    let mut framed = Talk::framed(ctx)?;
    let mut resp = Talk::resp(ctx)?;
    resp.salt.clone_from(&framed.salt);
    framed.ask("SET ~k framed", "+OK")?;
    resp.rows(&[("GET ~k", "$framed"), ("SET ~k resp", "+OK")]).likely(APART)?;
    framed.rows(&[("GET ~k", "$resp"), ("DEL ~k", ":1")]).likely(APART)?;
    resp.ask("GET ~k", "nil").likely(APART)
}
