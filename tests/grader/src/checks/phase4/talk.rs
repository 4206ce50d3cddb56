//! A conversation with a phase 4 server: commands as one would type them, replies in a shorthand.
//!
//! In commands, blanks separate arguments, `''` is the empty one, and `~` stands for letters drawn from the seed: keys
//! that differ from run to run cannot be answered from a table, and checks on a shared server do not meet.

use crate::check::{Context, Explain as _, Kind, Outcome, Phase};
use crate::client::{Client, Options};
use crate::context::{Spelling, not_run};
use crate::diagnosis;
use crate::hexdump::Dump;
use crate::wire::Wire;

use super::reply::{Bad, Protocol, Reply, decode_resp, decode_tagged, request};
use super::vocabulary;

pub(super) const KEYSPACE: &[Phase] = &[Phase::Keyspace];

/// One connection.
#[derive(Debug)]
pub(super) struct Talk {
    pub client: Client,
    pub protocol: Protocol,
    pub salt: String,
    carry: Vec<u8>,
    spelling: Spelling,
    /// What the check declares; any command while its vocabulary is being found out.
    declared: Option<&'static [&'static str]>,
}

impl Talk {
    /// RESP; not run on a command that only has a `{framed_port}`.
    pub fn resp(ctx: &mut Context) -> Outcome<Self> {
        Self::resp_with(ctx, &Options::default())
    }

    /// RESP, under a name for the report.
    pub fn resp_as(ctx: &mut Context, name: &str) -> Outcome<Self> {
        Self::resp_with(ctx, &Options { name: name.to_owned(), ..Options::default() })
    }

    /// RESP, with options of its own.
    pub fn resp_with(ctx: &mut Context, options: &Options) -> Outcome<Self> {
        if framed_only(ctx) {
            return Err(not_run("no RESP port: the command has a {framed_port} and no {port}"));
        }
        let client = ctx.connect_with(options)?;
        Ok(Self::over(ctx, client, Protocol::Resp))
    }

    /// The framed protocol; not run on a command without `{framed_port}`.
    pub fn framed(ctx: &mut Context) -> Outcome<Self> {
        let target = ctx.target()?;
        if target.framed_port.is_none() {
            return Err(not_run("no framed port: the command has no {framed_port}"));
        }
        let options = Options { framed_port: true, ..Options::default() };
        let client = Client::connect(&target, &options, Wire::Framed, ctx.patience)?;
        Ok(Self::over(ctx, client, Protocol::Framed))
    }

    /// Whichever protocol the server has, RESP if both: for the core set.
    pub fn either(ctx: &mut Context) -> Outcome<Self> {
        if framed_only(ctx) { Self::framed(ctx) } else { Self::resp(ctx) }
    }

    fn over(ctx: &mut Context, client: Client, protocol: Protocol) -> Self {
        let salt = String::from_utf8_lossy(&ctx.rng.text(5)).into_owned();
        let (spelling, declared) = (ctx.spelling, Some(ctx.commands));
        Self { client, protocol, salt, carry: Vec::new(), spelling, declared }
    }

    /// Sends names exactly as they are written from here on, and any command.
    pub fn unaltered(mut self) -> Self {
        self.spelling = Spelling::AsWritten;
        self.declared = None;
        self
    }

    /// Back to the spelling of the check.
    pub fn spelled(&mut self, spelling: Spelling) {
        self.spelling = spelling;
    }

    /// A command's name, for bytes that are put together by hand, in the letters that the server knows.
    pub fn name(&self, name: &str) -> String {
        vocabulary::spelled(name, self.spelling)
    }

    /// The bytes of a request.
    pub fn request(&self, args: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        self.batch().add(args, &mut out);
        out
    }

    /// Heading for what follows; see [`Client::step`].
    pub fn step(&mut self, what: impl Into<String>) {
        self.client.step(what);
    }

    /// The bytes of a command.
    pub fn bytes_of(&self, command: &str) -> Vec<u8> {
        let args = self.arguments(command);
        self.request(&args.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    fn arguments(&self, command: &str) -> Vec<Vec<u8>> {
        let word = |word: &str| if word == "''" { String::new() } else { word.replace('~', &self.salt) };
        command.split(' ').map(|part| word(part).into_bytes()).collect()
    }

    /// Sends a command and expects the reply.
    pub fn ask(&mut self, command: &str, reply: &str) -> Outcome {
        let bytes = self.bytes_of(command);
        self.step(format!("`{}`", command.replace('~', &self.salt)));
        let reply = Reply::shorthand(&reply.replace('~', &self.salt));
        let outcome = self.exchange(&bytes, &reply);
        // A check that asks for an error wants its words compared, not this one's.
        if matches!(reply, Reply::Error(_)) { outcome } else { name_unknown(outcome, command) }
    }

    /// Commands and their replies, one after the other.
    pub fn rows(&mut self, rows: &[(&str, &str)]) -> Outcome {
        rows.iter().try_for_each(|(command, reply)| self.ask(command, reply))
    }

    /// Sends these bytes and expects this reply.
    pub fn exchange(&mut self, bytes: &[u8], reply: &Reply) -> Outcome {
        let mut expected = Vec::new();
        reply.encode(self.protocol, &mut expected);
        self.client.exchange(bytes, &expected)
    }

    /// Sends a command of any bytes and expects this reply.
    pub fn ask_bytes(&mut self, args: &[&[u8]], reply: &Reply) -> Outcome {
        let bytes = self.request(args);
        let outcome = self.exchange(&bytes, reply);
        name_unknown(outcome, &String::from_utf8_lossy(args.first().copied().unwrap_or_default()))
    }

    /// Sends a command whose reply cannot be known beforehand.
    pub fn hear(&mut self, command: &str) -> Outcome<Reply> {
        let bytes = self.bytes_of(command);
        self.step(format!("`{}`", command.replace('~', &self.salt)));
        self.client.send(&bytes)?;
        self.read()
    }

    /// [`Talk::hear`] for commands that answer an integer.
    pub fn integer(&mut self, command: &str) -> Outcome<i64> {
        match self.hear(command)? {
            Reply::Integer(value) => Ok(value),
            other => Err(self.wrong(&other, "an integer")),
        }
    }

    /// Reads one reply.
    pub fn read(&mut self) -> Outcome<Reply> {
        if self.protocol == Protocol::Framed {
            let header = self.client.read_exact(4)?;
            let len = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
            let payload = self.client.read_exact(len)?;
            return match decode_tagged(&payload) {
                Some((reply, used)) if used == len => Ok(reply),
                _ => {
                    let text = "the reply's frame does not hold exactly one tagged value";
                    Err(self.client.fail(Kind::WrongBytes, text))
                }
            };
        }
        loop {
            match decode_resp(&self.carry) {
                Ok((reply, used)) => {
                    self.carry.drain(..used);
                    return Ok(reply);
                }
                Err(Bad::Malformed(text)) => return Err(self.client.fail(Kind::WrongBytes, text)),
                Err(Bad::Cut) => {}
            }
            let more = self.client.read_some()?;
            if more.is_empty() {
                return Err(self.client.fail(Kind::EarlyEof, "the connection ended before the reply did"));
            }
            self.carry.extend(more);
        }
    }

    /// A failure: `got` came where `wanted` was due.
    pub fn wrong(&mut self, got: &Reply, wanted: &str) -> crate::check::Verdict {
        let mut failure =
            self.client.failure(Kind::WrongBytes, format!("{wanted} was expected, {got:?} came"));
        failure.expected = Some(Dump::of(wanted.as_bytes()));
        if let Reply::Error(text) = got
            && vocabulary::says_unknown(text)
            && let Some(command) = failure.step.as_deref().and_then(|step| step.split('`').nth(1))
        {
            let name = command.split(' ').next().unwrap_or(command);
            failure.bug = Some(diagnosis::unknown_command(name).into());
        }
        failure.into()
    }

    /// An empty batch in this connection's protocol.
    pub fn batch(&self) -> Batch {
        Batch {
            protocol: self.protocol,
            spelling: self.spelling,
            declared: self.declared,
            sent: Vec::new(),
            owed: Vec::new(),
        }
    }

    /// Sends a batch in one go and expects its replies.
    pub fn run(&mut self, batch: &Batch) -> Outcome {
        self.client.exchange(&batch.sent, &batch.owed)
    }
}

/// Pipelined requests and the bytes owed for them.
#[derive(Debug)]
pub(super) struct Batch {
    protocol: Protocol,
    spelling: Spelling,
    declared: Option<&'static [&'static str]>,
    pub sent: Vec<u8>,
    pub owed: Vec<u8>,
}

impl Batch {
    pub fn push(&mut self, args: &[&[u8]], reply: &Reply) {
        let mut sent = std::mem::take(&mut self.sent);
        self.add(args, &mut sent);
        self.sent = sent;
        reply.encode(self.protocol, &mut self.owed);
    }

    fn add(&self, args: &[&[u8]], out: &mut Vec<u8>) {
        let Some((name, rest)) = args.split_first() else { return request(self.protocol, args, out) };
        debug_assert!(self.is_declared(name), "the check does not declare {}", name.escape_ascii());
        let name = match self.spelling {
            Spelling::AsWritten => return request(self.protocol, args, out),
            Spelling::Lower => name.to_ascii_lowercase(),
            Spelling::Upper => name.to_ascii_uppercase(),
        };
        request(self.protocol, &[&[name.as_slice()], rest].concat(), out);
    }

    fn is_declared(&self, name: &[u8]) -> bool {
        let Ok(name) = std::str::from_utf8(name) else { return true };
        let name = name.to_uppercase();
        self.declared
            .is_none_or(|declared| !vocabulary::is_command(&name) || declared.contains(&name.as_str()))
    }

    pub fn clear(&mut self) {
        self.sent.clear();
        self.owed.clear();
    }
}

/// A reply that says "unknown command" is named as that, whatever the check asked.
fn name_unknown(outcome: Outcome, command: &str) -> Outcome {
    outcome.on_failure(|failure| {
        let came = failure.came.as_ref().map(Dump::text).unwrap_or_default();
        let name = command.split(' ').next().unwrap_or(command);
        // An error about another name is about bytes that were taken for a command.
        let about_it = came.to_lowercase().contains(&name.to_lowercase());
        if failure.kind == Kind::WrongBytes && about_it && vocabulary::says_unknown(&came) {
            failure.bug = Some(diagnosis::unknown_command(name).into());
        }
    })
}

/// The proof that the server still serves others.
pub(super) fn ping(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::either(ctx)?;
    talk.step("does the server still serve another client?");
    let bytes = talk.bytes_of("GET ~nothing");
    talk.exchange(&bytes, &Reply::Nil)
}

fn framed_only(ctx: &Context) -> bool {
    let has = |placeholder: &str| ctx.launch.argv.iter().any(|arg| arg.contains(placeholder));
    has("{framed_port}") && !has("{port}")
}
