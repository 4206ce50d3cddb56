//! Publish and subscribe: a message goes to those who listen at the moment.

use std::time::{Duration, Instant};

use super::reply::Reply;
use super::talk::{KEYSPACE, Talk};
use crate::check::{Check, Context, Explain as _, Kind, Outcome};
use crate::client::Options;

const CONFIRM: &str = "a subscription is confirmed with other words, or with the wrong count";
const RECEIVERS: &str = "PUBLISH does not answer how many have received the message";
const MISSED: &str = "a message does not reach every listener, whole and in order";
const GHOST: &str = "who has left still gets messages, or still counts";
const PATTERN: &str = "a pattern listens to the wrong channels";
const TWICE: &str = "a client that listens in two ways does not get the message twice";
const MODE: &str = "a listener's other commands are answered among its messages";
const PONG: &str = "PING is not answered in a listener's own form";
const BACK: &str = "who has left the last channel can't go on as before";
const LATE: &str = "messages are lost for a listener that reads late";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "subscribe",
        phases: KEYSPACE,
        title: "a message reaches everybody who listens, and is counted",
        lesson: "SUBSCRIBE has no reply of its own: each channel is confirmed by a message with the number of channels that \
                 the client now listens to. PUBLISH answers how many have got the message. A client that hangs up leaves \
                 all its channels.",
        chapter: "docs/src/phase4/pubsub.md",
        points: 2,
        topic: "pubsub",
        blocked_by: &["set-get-del"],
        commands: &["SUBSCRIBE", "UNSUBSCRIBE", "PUBLISH"],
        hints: [
            "SUBSCRIBE a b: how many messages come, and what is the number in each?",
            "Two, with 1 and 2. The number counts channels of this client, not clients of the channel.",
            "When a connection ends, take it out of every channel it was in before you forget it.",
        ],
        bugs: &[CONFIRM, RECEIVERS, MISSED, GHOST],
        run: subscribe,
        ..Check::PLAIN
    },
    Check {
        name: "psubscribe",
        phases: KEYSPACE,
        title: "patterns listen to channels that do not exist yet",
        lesson: "A message that comes by a pattern is a pmessage and names the pattern that let it through. A client that \
                 listens to a channel and to a pattern that fits it gets both, and counts twice.",
        chapter: "docs/src/phase4/pubsub.md",
        points: 2,
        topic: "pubsub",
        blocked_by: &["subscribe"],
        after: &["whole-keyspace"],
        commands: &["SUBSCRIBE", "PSUBSCRIBE", "PUNSUBSCRIBE", "PUBLISH", "PUBSUB"],
        hints: [
            "PSUBSCRIBE news.*: which parts has the message of PUBLISH news.art x?",
            "pmessage, news.*, news.art, x: four, and message has three.",
            "Keep patterns in a list of their own, and use the matcher of KEYS.",
        ],
        bugs: &[PATTERN, TWICE, RECEIVERS],
        run: patterns,
        ..Check::PLAIN
    },
    Check {
        name: "listening",
        phases: KEYSPACE,
        title: "a listener may subscribe, leave, ping and quit, and nothing else",
        lesson: "In RESP2 a reply can't be told from a message by its form, so a client that listens must not ask for anything \
                 that is answered by one. PING answers as a message would look. With the last channel, all commands are back.",
        chapter: "docs/src/phase4/pubsub.md",
        points: 1,
        topic: "pubsub",
        blocked_by: &["subscribe"],
        after: &["ping-echo-quit", "mistakes"],
        commands: &["PING", "GET", "SUBSCRIBE", "UNSUBSCRIBE"],
        hints: [
            "What does GET answer to a client that has subscribed?",
            "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
            "Look at the client's number of channels where you look the command up.",
        ],
        bugs: &[MODE, PONG, BACK],
        run: listening,
        ..Check::PLAIN
    },
    Check {
        name: "late-listener",
        phases: KEYSPACE,
        title: "a listener that reads late gets everything, and holds nobody up",
        lesson: "What a listener does not read piles up in the server, like any reply; up to its limit nothing is lost. And the \
                 others must not wait for it: the publisher has an answer as soon as the message lies in every output.",
        chapter: "docs/src/phase4/pubsub.md",
        points: 2,
        topic: "pubsub",
        blocked_by: &["subscribe"],
        after: &["late-reader"],
        commands: &["SUBSCRIBE", "PUBLISH"],
        hints: [
            "One listener reads nothing while 6 MB are published. Does the other one get them at once?",
            "Append to each listener's own output buffer, and let the loop write it when the socket takes more.",
            "Keep the rest of a short write; a message is never dropped because the socket is full.",
        ],
        bugs: &[LATE],
        run: late,
        ..Check::PLAIN
    },
];

/// What a listener is owed without having asked.
pub(super) fn owed(talk: &mut Talk, message: &str) -> Outcome {
    let message = Reply::shorthand(&message.replace('~', &talk.salt));
    talk.exchange(&[], &message)
}

/// Several clients that name keys and channels alike.
pub(super) fn clients<const N: usize>(ctx: &mut Context, names: [&str; N]) -> Outcome<[Talk; N]> {
    let mut talks = Vec::new();
    for name in names {
        let mut talk = Talk::resp_as(ctx, name)?;
        if let Some(first) = talks.first() {
            let first: &Talk = first;
            talk.salt.clone_from(&first.salt);
        }
        talks.push(talk);
    }
    Ok(talks.try_into().expect("one for each name"))
}

fn subscribe(ctx: &mut Context) -> Outcome {
    let [mut a, mut b, mut c, mut from] = clients(ctx, ["A", "B", "C", "the publisher"])?;
    from.ask("PUBLISH ~c nobody", ":0").likely(RECEIVERS)?;
    a.ask("SUBSCRIBE ~c ~d", "[$subscribe $~c :1]").likely(CONFIRM)?;
    owed(&mut a, "[$subscribe $~d :2]").likely(CONFIRM)?;
    a.ask("SUBSCRIBE ~c", "[$subscribe $~c :2]").likely(CONFIRM)?;
    for talk in [&mut b, &mut c] {
        talk.ask("SUBSCRIBE ~c", "[$subscribe $~c :1]").likely(CONFIRM)?;
    }
    from.rows(&[("PUBLISH ~c one", ":3"), ("PUBLISH ~d two", ":1"), ("PUBLISH ~c three", ":3")])
        .likely(RECEIVERS)?;
    for talk in [&mut a, &mut b, &mut c] {
        owed(talk, "[$message $~c $one]").likely(MISSED)?;
    }
    owed(&mut a, "[$message $~d $two]").likely(MISSED)?;
    for talk in [&mut a, &mut b, &mut c] {
        owed(talk, "[$message $~c $three]").likely(MISSED)?;
    }
    a.ask("UNSUBSCRIBE ~c", "[$unsubscribe $~c :1]").likely(CONFIRM)?;
    from.ask("PUBLISH ~c four", ":2").likely(GHOST)?;
    for talk in [&mut b, &mut c] {
        owed(talk, "[$message $~c $four]").likely(MISSED)?;
    }
    a.client.expect_silence().likely(GHOST)?;
    // Any bytes, and many: they end where their length says.
    let bytes = ctx.rng.bytes(70_000);
    let channel = format!("{}c", a.salt);
    from.ask_bytes(&[b"PUBLISH", channel.as_bytes(), &bytes], &Reply::Integer(2)).likely(RECEIVERS)?;
    let message =
        Reply::Array(vec![Reply::bulk("message"), Reply::bulk(channel.as_str()), Reply::bulk(bytes)]);
    b.exchange(&[], &message).likely(MISSED)?;
    c.exchange(&[], &message).likely(MISSED)?;
    // One hangs up, and is taken out of its channel as soon as the server has seen it.
    c.client.reset();
    counts_down(&mut from, "PUBLISH ~c five", 1)
}

/// Publishes until so few have received it.
fn counts_down(talk: &mut Talk, command: &str, few: i64) -> Outcome {
    let until = Instant::now() + Duration::from_secs(3);
    loop {
        let count = talk.integer(command)?;
        if count == few {
            return Ok(());
        }
        if Instant::now() > until {
            let text =
                format!("3 s after a listener has hung up, PUBLISH still answers {count} instead of {few}");
            return Err(talk.client.fail(Kind::WrongBytes, text)).likely(GHOST);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn patterns(ctx: &mut Context) -> Outcome {
    let [mut a, mut from] = clients(ctx, ["A", "the publisher"])?;
    a.ask("PSUBSCRIBE ~n.*", "[$psubscribe $~n.* :1]").likely(PATTERN)?;
    from.rows(&[("PUBLISH ~n.sport y", ":1"), ("PUBLISH ~m.art z", ":0"), ("PUBLISH ~n z", ":0")])
        .likely(PATTERN)?;
    owed(&mut a, "[$pmessage $~n.* $~n.sport $y]").likely(PATTERN)?;
    a.ask("SUBSCRIBE ~n.art", "[$subscribe $~n.art :2]").likely(PATTERN)?;
    from.ask("PUBLISH ~n.art x", ":2").likely(TWICE)?;
    owed(&mut a, "[$message $~n.art $x]").likely(TWICE)?;
    owed(&mut a, "[$pmessage $~n.* $~n.art $x]").likely(TWICE)?;
    from.rows(&[("PUBSUB NUMSUB ~n.art ~n.sport", "[$~n.art :1 $~n.sport :0]"), ("PUBSUB NUMPAT", ":1")])
        .likely(RECEIVERS)?;
    a.ask("PUNSUBSCRIBE ~n.*", "[$punsubscribe $~n.* :1]").likely(PATTERN)?;
    from.ask("PUBLISH ~n.sport y", ":0").likely(PATTERN)?;
    a.client.expect_silence().likely(PATTERN)
}

fn listening(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.ask("SUBSCRIBE ~c", "[$subscribe $~c :1]")?;
    let refused = "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are \
                   allowed in this context";
    talk.ask("GET ~k", refused).likely(MODE)?;
    talk.rows(&[("PING", "[$pong $]"), ("PING hi", "[$pong $hi]")]).likely(PONG)?;
    talk.ask("UNSUBSCRIBE", "[$unsubscribe $~c :0]").likely(BACK)?;
    talk.rows(&[("GET ~k", "nil"), ("PING", "+PONG"), ("UNSUBSCRIBE", "[$unsubscribe nil :0]")]).likely(BACK)
}

fn late(ctx: &mut Context) -> Outcome {
    const MESSAGES: usize = 800;
    let mut from = Talk::resp_as(ctx, "the publisher")?;
    let options =
        Options { name: "the late listener".into(), receive_buffer: Some(16 << 10), ..Options::default() };
    let mut late = Talk::resp_with(ctx, &options)?;
    let mut prompt = Talk::resp_as(ctx, "the prompt listener")?;
    for talk in [&mut late, &mut prompt] {
        talk.salt.clone_from(&from.salt);
        talk.ask("SUBSCRIBE ~c", "[$subscribe $~c :1]")?;
    }
    let channel = format!("{}c", from.salt);
    let mut owed = Vec::new();
    for n in 0..MESSAGES {
        let payload = [format!("{n}:").into_bytes(), ctx.rng.text(8_000)].concat();
        from.step(format!("message {n}, which one of two listeners does not read yet"));
        from.ask_bytes(&[b"PUBLISH", channel.as_bytes(), &payload], &Reply::Integer(2)).likely(LATE)?;
        let message =
            Reply::Array(vec![Reply::bulk("message"), Reply::bulk(channel.as_str()), Reply::bulk(payload)]);
        prompt.step(format!("message {n}"));
        prompt.exchange(&[], &message).likely(LATE)?;
        owed.push(message);
    }
    late.step(format!("{MESSAGES} messages of 8 KB, read at last"));
    owed.iter().try_for_each(|message| late.exchange(&[], message)).likely(LATE)
}
