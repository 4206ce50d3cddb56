//! Which commands a server knows, found out by asking: a check that needs one it does not know is not tried.
//!
//! Servers say "unknown command" in many ways: by that error, by another, by hanging up, by saying nothing. So each is first
//! asked for a command that certainly does not exist, and what it does then is what it does about any command it lacks.

mod samples;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::reply::Reply;
use super::talk::Talk;
use crate::check::{Context, Kind, Outcome, Verdict};
use crate::context::Spelling;
use samples::SAMPLES;

/// The commands with which everything begins: a server that knows none of them has another fault than a gap.
const BASIC: [&str; 3] = ["PING", "SET", "GET"];

const NONSENSE: &str = "NOSUCHCOMMAND";

/// What one run has found out about its server.
#[derive(Debug, Default)]
pub(crate) struct Vocabulary(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    basics: Option<Basics>,
    /// Whether a command is missing.
    asked: HashMap<&'static str, bool>,
}

#[derive(Debug, Clone)]
struct Basics {
    /// What it does about a command that does not exist.
    unknown: Answer,
    spelling: Spelling,
    /// False when it does the same about every command.
    tells: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    /// An error, up to the command's name.
    Error(String),
    Closed,
    Silent,
    Other,
}

impl Vocabulary {
    /// Which of the commands the server does not know. Tells the context how names have to be spelled.
    ///
    /// # Errors
    /// When the server does not start or cannot be talked to.
    pub(crate) fn missing(&self, ctx: &mut Context, commands: &[&'static str]) -> Outcome<Vec<&'static str>> {
        if let Some(&port) = commands.iter().find(|need| is_port(need) && !ctx.launch.has(need)) {
            return Ok(vec![port]);
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let basics = match &known.basics {
            Some(basics) => basics.clone(),
            None => known.basics.insert(basics(ctx)?).clone(),
        };
        ctx.spelling = basics.spelling;
        let mut missing = Vec::new();
        if !basics.tells {
            return Ok(missing);
        }
        for &command in commands.iter().filter(|need| !is_port(need)) {
            let lacks = match known.asked.get(command) {
                Some(lacks) => *lacks,
                None => {
                    let line = spelled(sample(command), basics.spelling);
                    let lacks = is_missing(&ask(ctx, &line)?, &basics.unknown);
                    known.asked.insert(command, lacks);
                    lacks
                }
            };
            if lacks {
                missing.push(command);
            }
        }
        Ok(missing)
    }
}

/// `{framed_port}` among the commands: without it in the command line there is nobody to talk to.
pub(super) fn is_port(need: &str) -> bool {
    need.starts_with('{')
}

/// A command line that asks for this command.
fn sample(command: &str) -> &'static str {
    let found = SAMPLES.iter().find(|(name, _)| *name == command);
    found.map(|(_, line)| *line).expect("every declared command has a sample: a test holds the table")
}

/// Whether there is a sample for this command, so that a check may declare it.
#[cfg(test)]
pub(super) fn has_sample(command: &str) -> bool {
    SAMPLES.iter().any(|(name, _)| *name == command)
}

/// Whether a command is one that checks must declare.
pub(super) fn is_command(name: &str) -> bool {
    SAMPLES.iter().any(|(command, _)| *command == name)
}

/// A command line with its name in the letters that the server knows.
pub(super) fn spelled(line: &str, spelling: Spelling) -> String {
    let (name, rest) = line.split_at(line.find(' ').unwrap_or(line.len()));
    match spelling {
        Spelling::AsWritten => line.to_owned(),
        Spelling::Lower => name.to_lowercase() + rest,
        Spelling::Upper => name.to_uppercase() + rest,
    }
}

fn basics(ctx: &mut Context) -> Outcome<Basics> {
    let unknown = ask(ctx, NONSENSE)?;
    let mut known = [0; 2];
    for name in BASIC {
        let spellings = [Spelling::AsWritten, Spelling::Lower];
        for (count, line) in known.iter_mut().zip(spellings.map(|spelling| spelled(sample(name), spelling))) {
            *count += usize::from(!is_missing(&ask(ctx, &line)?, &unknown));
        }
    }
    let spelling = match known.map(|count| count > 0) {
        [false, true] => Spelling::Lower,
        [true, false] => Spelling::Upper,
        _ => Spelling::AsWritten,
    };
    Ok(Basics { unknown, spelling, tells: known != [0, 0] })
}

fn is_missing(answer: &Answer, unknown: &Answer) -> bool {
    match answer {
        Answer::Error(text) => says_unknown(text) || answer == unknown,
        Answer::Closed | Answer::Silent => answer == unknown,
        Answer::Other => false,
    }
}

/// The words in which servers say that a command is not there.
pub(super) fn says_unknown(text: &str) -> bool {
    const WORDS: [&str; 7] = [
        "unknown command",
        "unknown cmd",
        "no such command",
        "unrecognized",
        "unsupported command",
        "not implemented",
        "invalid command",
    ];
    let text = text.to_lowercase();
    WORDS.iter().any(|word| text.contains(word))
}

/// Sends one command on a connection of its own. A server that ends over it has not said that it does not know it.
fn ask(ctx: &mut Context, line: &str) -> Outcome<Answer> {
    if ctx.target()?.ended().is_some() {
        ctx.fresh()?;
    }
    let patience = ctx.patience;
    ctx.patience.quiet = Duration::from_millis(300);
    ctx.patience.stall = Duration::from_secs(3);
    let talk = Talk::either(ctx);
    ctx.patience = patience;
    let mut talk = talk?.unaltered();
    match talk.hear(line) {
        Ok(Reply::Error(text)) => {
            let name = line.split(' ').next().unwrap_or(line).to_lowercase();
            let end = text.to_lowercase().find(&name).unwrap_or(text.len());
            Ok(Answer::Error(text.get(..end).unwrap_or(&text).to_owned()))
        }
        Ok(_) => Ok(Answer::Other),
        Err(Verdict::Failed(failure)) => Ok(match failure.kind {
            Kind::EarlyEof | Kind::Reset => Answer::Closed,
            Kind::NoReply => Answer::Silent,
            _ => Answer::Other,
        }),
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_shows_as_the_treatment_of_nonsense() {
        let error = |text: &str| Answer::Error(text.into());
        assert!(is_missing(&error("ERR unknown command '"), &Answer::Other));
        assert!(is_missing(&error("ERR what? "), &error("ERR what? ")));
        assert!(!is_missing(&error("ERR no such key"), &error("ERR unknown command '")));
        assert!(is_missing(&Answer::Closed, &Answer::Closed));
        assert!(!is_missing(&Answer::Closed, &error("ERR unknown command '")));
        assert!(!is_missing(&Answer::Other, &Answer::Other));
    }
}
