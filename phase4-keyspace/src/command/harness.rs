//! Commands without a server: a keyspace, a client's database number, and replies as text. For tests.
use super::{Context, Run, Tried, find};
use crate::error::Error;
use crate::keyspace::Keyspace;
use crate::wire::args::{Args, Span};
use crate::wire::reply::{Reply, Wire};

/// A keyspace of sixteen databases and one client.
pub struct Harness {
    pub keyspace: Keyspace,
    pub db: usize,
    pub wire: Wire,
    pub max_string: usize,
    pub hits: u64,
    pub misses: u64,
}

impl Harness {
    /// Empty, at a fixed time.
    pub fn new() -> Self {
        let mut keyspace = Keyspace::new(16);
        keyspace.set_now(1_700_000_000_000);
        Harness { keyspace, db: 0, wire: Wire::Resp2, max_string: 512 << 20, hits: 0, misses: 0 }
    }

    /// Runs a command as the server would: name, number of arguments, function. Its reply.
    pub fn run(&mut self, words: &[&[u8]]) -> Vec<u8> {
        let input = words.concat();
        let mut end = 0;
        let spans: Vec<Span> = words
            .iter()
            .map(|word| {
                let start = end;
                end += word.len() as u32;
                Span { start, end }
            })
            .collect();
        let args = Args::new(&input, &spans);
        let mut command = find(args.get(0)).expect("the command exists");
        let mut full_name = command.name.to_string();
        if let (false, Some(word)) = (command.subcommands.is_empty(), args.at(1)) {
            command = command.subcommand(word).expect("the subcommand exists");
            full_name = format!("{full_name}|{}", command.name);
        }
        let mut out = Vec::new();
        let mut reply = Reply::new(&mut out, self.wire);
        let mut ctx = Context {
            keyspace: &mut self.keyspace,
            db: self.db,
            hashes: &[],
            max_string: self.max_string,
            hits: &mut self.hits,
            misses: &mut self.misses,
        };
        let result = match command.run {
            _ if !command.takes(args.len()) => Err(Error::Arity(full_name.into())),
            Run::Data(run) => run(&mut ctx, args, &mut reply),
            // What would wait is answered as inside a transaction.
            Run::Blocking(run) => run(&mut ctx, args, None, &mut reply).map(|tried| {
                if tried != Tried::Done {
                    reply.nil_array();
                }
            }),
            _ => panic!("not a data command"),
        };
        if let Err(error) = result {
            Reply::new(&mut out, self.wire).error(&error);
        }
        out
    }

    /// Runs a line of words; the changes that it noted as `event:key`, and the dirty count they add up to.
    #[track_caller]
    pub fn changes(&mut self, line: &str) -> String {
        self.keyspace.changes.set_keep(true);
        let before = self.keyspace.changes.dirty();
        self.run(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>());
        let changes = &self.keyspace.changes;
        let mut text: String = changes
            .iter()
            .map(|change| {
                let key = String::from_utf8_lossy(change.key.unwrap_or_default()).into_owned();
                format!("{}:{key} ", change.event.name())
            })
            .collect();
        text.push_str(&(changes.dirty() - before).to_string());
        self.keyspace.changes.set_keep(false);
        text
    }

    /// Runs a line of words and compares the reply, whose line ends are written as spaces.
    #[track_caller]
    pub fn expect(&mut self, line: &str, reply: &str) {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        self.args(&words, reply);
    }

    /// The same for words that are empty or have blanks inside.
    #[track_caller]
    pub fn args(&mut self, words: &[&[u8]], reply: &str) {
        let out = self.run(words);
        let out = String::from_utf8_lossy(&out).replace("\r\n", " ");
        let out = out.strip_suffix(' ').expect("a reply ends with a line end");
        assert_eq!(out, reply, "{:?}", words.iter().map(|w| String::from_utf8_lossy(w)).collect::<Vec<_>>());
    }
}
