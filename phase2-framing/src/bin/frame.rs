//! `frame`: makes binary frames usable by hand, alone or with any netcat.
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use phase1_echo::args::{self, Args, Flag, Spec};
use phase1_echo::io::write_all;
use phase1_echo::output::print;
use phase1_echo::{log, socket};
use phase2_framing::frame::{self, DEFAULT_MAX, HEADER};
use phase2_framing::stream::FrameStream;
use phase2_framing::{hexdump, payload};

const HELP: &str = "\
Encodes, decodes and sends frames: u32 little-endian length | payload.

Usage: frame encode [FLAGS] [TEXT...]   write frames to standard output
       frame decode [FLAGS]             read frames from standard input, print their payloads
       frame send   [FLAGS] [TEXT...]   send frames to a server, print the replies

`frame encode --help` and so on show the flags.

Try: frame encode hello | nc -N 127.0.0.1 7002 | frame decode
     frame encode hello --hexdump
     frame send --drip hello
";

const REQUEST: Flag =
    Flag { name: "request", value: None, help: "the TEXTs are the words of one phase 4 request: set k v" };
const CLAIM: Flag =
    Flag { name: "claim", value: Some("N"), help: "write N into each header, whatever the payload's length" };
const HEXDUMP: Flag = Flag { name: "hexdump", value: None, help: "show the bytes, field by field" };
const LINES: Flag = Flag { name: "lines", value: None, help: "each line of standard input is a frame" };
const MAX_FRAME: Flag =
    Flag { name: "max-frame", value: Some("BYTES"), help: "longest payload accepted (32m)" };
const REPLY: Flag =
    Flag { name: "reply", value: None, help: "replies are phase 4's tagged values: show them" };

const ENCODE: Spec = Spec {
    program: "frame encode",
    about: "Writes each TEXT as a frame; without any, standard input is one payload.",
    operands: Some("[TEXT...]"),
    flags: &[REQUEST, LINES, CLAIM, HEXDUMP],
    epilogue: "",
};

const DECODE: Spec = Spec {
    program: "frame decode",
    about: "Reads frames from standard input and prints each payload on a line.",
    operands: None,
    flags: &[
        Flag { name: "request", value: None, help: "payloads are phase 4's requests: show their words" },
        REPLY,
        HEXDUMP,
        MAX_FRAME,
    ],
    epilogue: "",
};

const SEND: Spec = Spec {
    program: "frame send",
    about: "Sends each TEXT as a frame (without any, standard input is one payload), then prints a reply for each.",
    operands: Some("[TEXT...]"),
    flags: &[
        Flag { name: "host", value: Some("HOST"), help: "the server's address (127.0.0.1)" },
        Flag { name: "port", value: Some("PORT"), help: "the server's port (7002)" },
        REQUEST,
        REPLY,
        LINES,
        CLAIM,
        Flag {
            name: "pipeline",
            value: Some("N"),
            help: "send everything N times before the first reply (1)",
        },
        Flag { name: "drip", value: None, help: "send byte by byte" },
        Flag { name: "split", value: Some("A,B,..."), help: "send in pieces that end at these offsets" },
        Flag { name: "delay", value: Some("MS"), help: "pause between pieces, in milliseconds (100)" },
        Flag { name: "truncate", value: Some("N"), help: "send only the first N bytes, and then FIN" },
        Flag {
            name: "half-close",
            value: None,
            help: "send FIN after the last byte and expect one after the replies",
        },
        HEXDUMP,
        MAX_FRAME,
        Flag { name: "timeout", value: Some("SECONDS"), help: "give up on a silent server (10; 0: never)" },
    ],
    epilogue: "",
};

/// Most bytes that `frame send` makes at a time.
const MOST: usize = 1 << 32;

fn main() -> ExitCode {
    let mut line = std::env::args_os().skip(1);
    let command = line.next().unwrap_or_default();
    match command.to_str() {
        Some("encode") => args::run_with(&ENCODE, line, encode),
        Some("decode") => args::run_with(&DECODE, line, decode),
        Some("send") => args::run_with(&SEND, line, send),
        Some("--help" | "-h" | "help") => args::exit_code("frame", print(HELP.as_bytes())),
        _ => {
            log!("frame: {command:?} is no command: choose encode, decode or send (--help explains them)");
            ExitCode::FAILURE
        }
    }
}

/// The payloads that a command line and standard input ask for.
fn payloads(args: &Args) -> Result<Vec<Vec<u8>>> {
    let words = args.operands.iter().map(|word| word.as_bytes());
    if args.has("request") {
        ensure!(words.len() > 0, "--request needs a command: frame encode --request get key");
        return Ok(vec![payload::encode_request(words)]);
    }
    if words.len() > 0 {
        ensure!(!args.has("lines"), "--lines reads standard input: leave the TEXT out");
        return Ok(words.map(<[u8]>::to_vec).collect());
    }
    let mut input = Vec::new();
    std::io::stdin().lock().read_to_end(&mut input).context("reading standard input")?;
    if args.has("lines") {
        let text = input.strip_suffix(b"\n").unwrap_or(&input);
        return Ok(text.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect());
    }
    Ok(vec![input])
}

/// The frames around them; the tool may send what a server should refuse, so no maximum applies.
fn frames(args: &Args) -> Result<Vec<Vec<u8>>> {
    let claim = args.text("claim").map(|_| args.value("claim", 0_u32)).transpose()?;
    let wrap = |payload: Vec<u8>| {
        let mut bytes = Vec::with_capacity(HEADER + payload.len());
        frame::encode(&payload, u32::MAX, &mut bytes)?;
        if let Some(claim) = claim {
            bytes[..HEADER].copy_from_slice(&claim.to_le_bytes());
        }
        Ok(bytes)
    };
    payloads(args)?.into_iter().map(wrap).collect()
}

fn encode(args: &Args) -> Result<()> {
    let mut offset = 0;
    for bytes in frames(args)? {
        if args.has("hexdump") {
            let fields = match args.has("request") {
                true => payload::decode_request(&bytes[HEADER..])?.1,
                false => Vec::new(),
            };
            print(hexdump::frame(&bytes, offset, &fields).as_bytes())?;
        } else {
            print(&bytes)?;
        }
        offset += bytes.len();
    }
    Ok(())
}

fn decode(args: &Args) -> Result<()> {
    let max = args.max_frame(DEFAULT_MAX)?;
    let stdin = std::io::stdin();
    let mut stream = FrameStream::new(stdin.as_fd(), max);
    let shape = match (args.has("request"), args.has("reply")) {
        (false, false) => Shape::Plain,
        (true, false) => Shape::Request,
        (false, true) => Shape::Reply,
        (true, true) => bail!("--request and --reply: the input is the one or the other"),
    };
    let mut offset = 0;
    while let Some(received) = stream.next_frame()? {
        offset += show(received.payload, shape, args.has("hexdump").then_some(offset))?;
    }
    Ok(())
}

/// What the payloads coming in are.
#[derive(Clone, Copy)]
enum Shape {
    Plain,
    Request,
    Reply,
}

/// Prints one payload; returns how long its frame is.
fn show(payload: &[u8], shape: Shape, dump_at: Option<usize>) -> Result<usize> {
    let (text, fields) = match shape {
        Shape::Plain => (payload.to_vec(), Vec::new()),
        Shape::Request => {
            let (words, fields) = payload::decode_request(payload)?;
            let words: Vec<_> = words.iter().map(|word| payload::quoted(word)).collect();
            (words.join(" ").into_bytes(), fields)
        }
        Shape::Reply => {
            let (value, fields) = payload::decode_reply(payload)?;
            (value.to_string().into_bytes(), fields)
        }
    };
    match dump_at {
        Some(offset) => {
            let bytes = [&(payload.len() as u32).to_le_bytes()[..], payload].concat();
            print(hexdump::frame(&bytes, offset, &fields).as_bytes())?;
        }
        None => print(&[&text[..], b"\n"].concat())?,
    }
    Ok(HEADER + payload.len())
}

fn send(args: &Args) -> Result<()> {
    let address = args.address(7002)?;
    let max = args.max_frame(DEFAULT_MAX)?;
    let times = args.value("pipeline", 1_usize)?;
    let frames = frames(args)?;
    let total = frames.concat().len().saturating_mul(times);
    ensure!(total <= MOST, "--pipeline {times}: {total} bytes, more than {MOST} at a time");
    let mut bytes = frames.concat().repeat(times);
    let mut expected = frames.len() * times;
    let truncate = args.text("truncate").map(|_| args.value("truncate", 0_usize)).transpose()?;
    if let Some(keep) = truncate {
        bytes.truncate(keep);
        let whole = frames.iter().cycle().take(expected).scan(0, |end, frame| {
            *end += frame.len();
            Some(*end)
        });
        expected = whole.take_while(|&end| end <= keep).count();
    }
    let ends = ends(args, bytes.len())?;
    let delay = Duration::from_millis(args.value("delay", 100)?);
    let half_close = args.has("half-close") || truncate.is_some();
    let timeout = if args.has("timeout") { args.seconds("timeout")? } else { Some(Duration::from_secs(10)) };

    let server =
        socket::connect(address).map_err(|errno| anyhow!(socket::explain_connect(address, errno)))?;
    // Each piece is to leave as a segment of its own.
    socket::set_nodelay(server.as_fd(), true).context("TCP_NODELAY")?;
    socket::set_timeout(server.as_fd(), timeout).context("cannot set the timeout")?;
    // Sending and receiving at once: a long pipeline would otherwise fill every buffer on the way and stand still.
    std::thread::scope(|scope| {
        let fd = server.as_fd();
        let sending = scope.spawn(move || send_pieces(fd, &bytes, &ends, delay, half_close));
        let received = receive(args, fd, max, expected, half_close);
        let sent = sending.join().map_err(|_| anyhow!("the sending thread failed"))?;
        // What went wrong with the replies explains why sending failed, not the other way round.
        received.and(sent.context("sending"))
    })
}

/// Where the pieces end.
fn ends(args: &Args, len: usize) -> Result<Vec<usize>> {
    if args.has("drip") {
        return Ok((1..=len).collect());
    }
    let mut ends = Vec::new();
    for offset in args.text("split").into_iter().flat_map(|list| list.split(',')) {
        let offset =
            offset.trim().parse().map_err(|_| anyhow!("--split takes offsets, such as 1,3,7: {offset:?}"))?;
        ensure!(ends.last().is_none_or(|&last| last < offset), "--split takes offsets in rising order");
        ensure!(offset < len, "--split {offset}: there are only {len} bytes to send");
        ends.push(offset);
    }
    ends.push(len);
    Ok(ends)
}

fn send_pieces(
    fd: BorrowedFd<'_>,
    bytes: &[u8],
    ends: &[usize],
    delay: Duration,
    half_close: bool,
) -> nix::Result<()> {
    let mut from = 0;
    for &end in ends {
        if from > 0 {
            std::thread::sleep(delay);
        }
        write_all(fd, &bytes[from..end])?;
        from = end;
    }
    if half_close { socket::shutdown_write(fd) } else { Ok(()) }
}

fn receive(args: &Args, fd: BorrowedFd<'_>, max: u32, expected: usize, to_the_end: bool) -> Result<()> {
    let mut stream = FrameStream::new(fd, max);
    let shape = if args.has("reply") { Shape::Reply } else { Shape::Plain };
    let (mut received, mut offset) = (0, 0);
    while received < expected || to_the_end {
        match stream.next_frame().with_context(|| format!("after {received} of {expected} replies"))? {
            Some(reply) => offset += show(reply.payload, shape, args.has("hexdump").then_some(offset))?,
            None if received == expected => return Ok(()),
            None => bail!("the server closed the connection after {received} of {expected} replies"),
        }
        received += 1;
    }
    Ok(())
}
