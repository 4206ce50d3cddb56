//! The client connects, sends its input, prints what comes back, and says so when there is no server.

use super::{CLOSES_BOTH, EOF_LOOP, on_wire, typed};
use crate::check::{Check, Context, Explain as _, Failure, Kind, Outcome, Phase, Subject};
use crate::host::{CLUTTER, Host, MUTE, PORT_ORDER, STATUS, Setup};
use crate::wire::Wire;

pub(super) const BOTH: &[Phase] = &[Phase::Echo, Phase::Framing];

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "client-connects",
        phases: BOTH,
        subject: Subject::Client,
        title: "the client connects to the port it was given",
        lesson: "A client is three calls away from its server: socket(2) makes an endpoint, connect(2) ties it to the server's \
                 address and does the handshake, and from then on both sides read and write.",
        chapter: "docs/src/phase1/client.md",
        points: 1,
        topic: "client",
        hints: [
            "Where does your client learn the port from? It stands where the command says {port}, and in PORT.",
            "socket, then connect with the server's address: 127.0.0.1 and the port, in network byte order.",
            "sockaddr_in { AF_INET, htons(port), htonl(INADDR_LOOPBACK) }, and its size, to connect().",
        ],
        bugs: &[PORT_ORDER, NO_CONNECTION],
        run: connects,
        ..Check::PLAIN
    },
    Check {
        name: "client-refused",
        phases: BOTH,
        subject: Subject::Client,
        title: "where nobody listens, the client says so in one line and exits with an error",
        lesson: "connect(2) fails with ECONNREFUSED when nobody listens at the port: the most usual mistake there is. Scripts \
                 see it by the exit status, people by one line on standard error; neither is served by a stack trace.",
        chapter: "docs/src/phase1/client.md",
        points: 1,
        topic: "client",
        hints: [
            "What does your client do with the result of connect()? Run it without a server, then type `echo $?`.",
            "An error is one line on standard error and an exit status that isn't 0.",
            "In C: perror(\"connect\"); exit(1). In Python: except OSError as error: sys.exit(str(error)).",
        ],
        bugs: &[STATUS, MUTE, CLUTTER, RETRIES],
        run: refused,
        ..Check::PLAIN
    },
    Check {
        name: "client-round-trip",
        phases: BOTH,
        subject: Subject::Client,
        title: "the client sends its input and prints what comes back",
        lesson: "The smallest conversation: a line goes to the server as it was typed, the reply goes to standard output as it \
                 came, the server closes, the client ends with status 0. Every other check of the client builds on it.",
        chapter: "docs/src/phase1/client.md",
        points: 2,
        topic: "client",
        hints: [
            "Follow one line: who reads it from standard input, what goes into the socket, what comes out, who prints it?",
            "The bytes are sent and printed as they are: in phase 1 with the line end that was typed, in phase 2 as a frame, \
             without it.",
            "Loop: read the socket, write what came to standard output, stop when read() returns 0, exit with 0.",
        ],
        bugs: &[
            NEVER_SENDS,
            NO_LINE_END,
            NO_LENGTH,
            BIG_ENDIAN,
            BIG_ENDIAN_REPLY,
            OTHER_BYTES,
            NOT_PRINTED,
            CLOSES_BOTH,
            TWICE,
            EXTRA_LINE_END,
            OTHER_PRINT,
            EOF_LOOP,
            BAD_STATUS,
        ],
        run: round_trip,
        ..Check::PLAIN
    },
    Check {
        name: "client-prints-reply",
        phases: BOTH,
        subject: Subject::Client,
        title: "what is printed is what the server said",
        lesson: "An echo looks right even if the client prints what it has sent. The server of this check answers in capitals: \
                 whatever comes back is what has to be printed, and the client judges none of it.",
        chapter: "docs/src/phase1/client.md",
        points: 1,
        topic: "client",
        blocked_by: &["client-round-trip"],
        hints: [
            "Which buffer do you print, the one that you sent or the one that you received into?",
            "Print the bytes that read() has returned, as many as it says.",
            "Do not compare the reply with the input: the server may say what it likes.",
        ],
        bugs: &[PRINTS_INPUT, COMPARES],
        run: prints_reply,
        ..Check::PLAIN
    },
];

const NO_CONNECTION: &str = "the client never connects";
const RETRIES: &str = "a refused connection is tried again without end";
const NEVER_SENDS: &str = "the input is not sent";
const NO_LINE_END: &str = "the line end is not sent along";
const NO_LENGTH: &str = "the request has no length in front";
const BIG_ENDIAN: &str = "the request's length is written as big-endian";
const BIG_ENDIAN_REPLY: &str = "the reply's length is read as big-endian";
const OTHER_BYTES: &str = "what is sent is not the input";
const NOT_PRINTED: &str = "the reply is not printed";
const TWICE: &str = "the reply is printed twice";
const EXTRA_LINE_END: &str = "a line end is added to the reply";
const OTHER_PRINT: &str = "what is printed is not what came";
const BAD_STATUS: &str = "a good end has another exit status than 0";
const PRINTS_INPUT: &str = "the input is printed, not the reply";
const COMPARES: &str = "the reply is judged and not printed";

fn connects(ctx: &mut Context) -> Outcome {
    let input = typed(&ctx.rng.text(12));
    let mut host = ctx.host(Setup::input(&input))?;
    host.accept().likely_when(&[Kind::Refused], NO_CONNECTION)
}

fn refused(ctx: &mut Context) -> Outcome {
    let input = typed(&ctx.rng.text(12));
    let mut host = ctx.host(Setup { absent: true, ..Setup::input(&input) })?;
    host.fails("nobody listens at the port").likely_when(&[Kind::StillRunning], RETRIES)
}

fn round_trip(ctx: &mut Context) -> Outcome {
    let len = ctx.rng.range(5, 40);
    let line = ctx.rng.text(len);
    let (input, message) = (typed(&line), on_wire(ctx, &line));
    let mut host = ctx.host(Setup::input(&input))?;
    host.accept()?;
    host.step("one line of input, and its echo");
    host.expect(&message).on_failure(|failure| blame_request(failure, ctx.wire, &line))?;
    if ctx.wire == Wire::Raw {
        // Then a client that has closed both halves cannot receive the reply by chance.
        host.wait_for_end()?;
    }
    host.send(&message).likely_when(&[Kind::ClientEnded], CLOSES_BOTH)?;
    host.finish()?;
    let outcome = host.succeeds(&input);
    let understands_big_endian =
        outcome.is_err() && ctx.wire == Wire::Framed && big_endian_works(ctx, &line)?;
    let refused = host.was_refused();
    outcome.on_failure(|failure| {
        let came = host.output();
        let bug = match failure.kind {
            _ if understands_big_endian => BIG_ENDIAN_REPLY,
            Kind::NotPrinted | Kind::BadExit if refused => CLOSES_BOTH,
            Kind::NotPrinted => NOT_PRINTED,
            Kind::WrongPrint if came == [input.as_slice(), &input].concat() => TWICE,
            Kind::WrongPrint if came == [input.as_slice(), b"\n"].concat() => EXTRA_LINE_END,
            Kind::WrongPrint => OTHER_PRINT,
            Kind::StillRunning => EOF_LOOP,
            Kind::BadExit => BAD_STATUS,
            _ => return,
        };
        failure.bug.get_or_insert(bug.into());
    })
}

/// What is wrong with a request that is not `line` as it should stand on the wire.
fn blame_request(failure: &mut Failure, wire: Wire, line: &[u8]) {
    let came = failure.came.as_ref();
    let begins = |bytes: &[u8]| {
        came.is_some_and(|came| (0..bytes.len()).all(|at| came.byte_at(at) == Some(bytes[at])))
    };
    let total = came.map_or(0, |came| came.total);
    let big = u32::try_from(line.len()).unwrap_or(u32::MAX).to_be_bytes();
    let bug = match wire {
        _ if total == 0 => NEVER_SENDS,
        Wire::Framed if begins(&big) => BIG_ENDIAN,
        Wire::Framed if begins(&line[..1]) => NO_LENGTH,
        Wire::Raw if total == line.len() && begins(line) => NO_LINE_END,
        _ => OTHER_BYTES,
    };
    if failure.kind.is_an_answer() {
        failure.bug.get_or_insert(bug.into());
    }
}

/// Whether a reply whose length has its bytes in the other order is printed at once.
fn big_endian_works(ctx: &mut Context, line: &[u8]) -> Outcome<bool> {
    let message = on_wire(ctx, line);
    let mut swapped = message.clone();
    swapped[..4].reverse();
    let mut host: Host = ctx.host(Setup::input(&typed(line)))?;
    let outcome = host.accept().and_then(|()| host.expect(&message)).and_then(|()| host.send(&swapped));
    Ok(outcome.and_then(|()| host.finish()).and_then(|()| host.succeeds(&typed(line))).is_ok())
}

fn prints_reply(ctx: &mut Context) -> Outcome {
    let len = ctx.rng.range(5, 40);
    let line = ctx.rng.text(len);
    let capitals = line.to_ascii_uppercase();
    let (message, reply) = (on_wire(ctx, &line), on_wire(ctx, &capitals));
    let mut host = ctx.host(Setup::input(&typed(&line)))?;
    host.accept()?;
    host.step("a line in small letters, answered in capitals");
    host.expect(&message)?;
    if ctx.wire == Wire::Raw {
        host.wait_for_end()?;
    }
    host.send(&reply).likely(PRINTS_INPUT)?;
    host.finish()?;
    let outcome = host.succeeds(&typed(&capitals));
    outcome
        .likely_when(&[Kind::WrongPrint], PRINTS_INPUT)
        .likely_when(&[Kind::NotPrinted, Kind::BadExit, Kind::StillRunning], COMPARES)
}
