//! `keyspace-cli`: talks to the server by hand, for machines without redis-cli. It looks and behaves like redis-cli, and
//! speaks the framed protocol as well.
//!
//! Three ways to use it: with a command as arguments, with commands on standard input, or at a prompt. Line editing and
//! history are left to rlwrap. It waits for one reply to each command, so it is not for SUBSCRIBE or MONITOR.
mod client;
mod options;
mod resp;
mod value;

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use phase1_echo::args::exit_code;
use phase1_echo::log;
use phase1_echo::output::print;
use phase4_keyspace::wire::args::Args;
use phase4_keyspace::wire::inline;

use client::{Client, Failure};
use options::{Options, Parsed};
use value::Value;

/// From here on the prompt tells how long a command took.
const SLOW: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let options = match options::parse(std::env::args_os().skip(1)) {
        Ok(Parsed::Run(options)) => options,
        Ok(Parsed::Help) => {
            return exit_code("keyspace-cli", print(options::HELP.as_bytes()));
        }
        Err(error) => {
            log!("keyspace-cli: {error}");
            return ExitCode::FAILURE;
        }
    };
    let raw = options.raw.unwrap_or(!io::stdout().is_terminal());
    let outcome = if options.command.is_empty() {
        session(&mut Client::new(&options), raw, io::stdin().is_terminal())
    } else {
        once(&options, raw)
    };
    match outcome {
        Ok(code) => code,
        // The reader of our output has enough of it (`| head`): no reason to complain.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            log!("keyspace-cli: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One command from the arguments. An error reply makes the exit status 1.
fn once(options: &Options, raw: bool) -> io::Result<ExitCode> {
    let words: Vec<&[u8]> = options.command.iter().map(Vec::as_slice).collect();
    match Client::new(options).call(&words) {
        Ok(value) => {
            show(&value, raw || is_report(&words))?;
            let failed = matches!(value, Value::Error(_));
            Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        }
        Err(failure) => {
            log!("{failure}");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Commands line by line, from a person at a prompt or from a file. A person may try again after a lost connection; a
/// file is not continued.
fn session(client: &mut Client<'_>, raw: bool, person: bool) -> io::Result<ExitCode> {
    if person && let Err(failure) = client.connect() {
        log!("{failure}");
    }
    let mut lines = io::stdin().lock();
    let mut line = Vec::new();
    loop {
        if person {
            write(client.prompt().as_bytes())?;
        }
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Ok(ExitCode::SUCCESS);
        }
        let (mut text, mut spans) = (Vec::new(), Vec::new());
        if inline::split(&line, &mut text, &mut spans).is_err() {
            write(b"Invalid argument(s)\n")?;
            continue;
        }
        let words: Vec<&[u8]> = Args::new(&text, &spans).from(0).collect();
        match words.as_slice() {
            [] => continue,
            [word] if is_word(word, "quit") || is_word(word, "exit") => return Ok(ExitCode::SUCCESS),
            [word] if person && (is_word(word, "help") || word == b"?") => {
                write(b"Type a command, such as: SET name you.  COMMAND LIST shows them all, quit ends.\n")?;
                continue;
            }
            _ => {}
        }
        let start = Instant::now();
        match client.call(&words) {
            Ok(value) => {
                show(&value, raw || is_report(&words))?;
                if person && !raw && start.elapsed() >= SLOW {
                    write(format!("({:.2}s)\n", start.elapsed().as_secs_f64()).as_bytes())?;
                }
            }
            Err(failure) => {
                log!("{failure}");
                if !person || matches!(failure, Failure::Refused(_)) {
                    return Ok(ExitCode::FAILURE);
                }
            }
        }
    }
}

fn show(value: &Value, raw: bool) -> io::Result<()> {
    let mut out = Vec::new();
    if raw {
        value.write_raw(&mut out);
        out.push(b'\n');
    } else {
        value.write_formatted(&mut out);
    }
    write(&out)
}

/// Standard output, at once.
fn write(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// Replies that are pages of text are shown as they are, even at a terminal.
fn is_report(words: &[&[u8]]) -> bool {
    match words {
        [first, ..] if is_word(first, "info") => true,
        [first, second, ..] if is_word(first, "client") => is_word(second, "list") || is_word(second, "info"),
        _ => false,
    }
}

fn is_word(bytes: &[u8], word: &str) -> bool {
    bytes.eq_ignore_ascii_case(word.as_bytes())
}
