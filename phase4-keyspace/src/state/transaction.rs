//! `MULTI`: what a client has queued for `EXEC`.
use super::stats::CommandId;
use crate::wire::args::{Args, OwnedArgs, Span};

/// A transaction that has begun. Dropping it is `DISCARD`.
#[derive(Default)]
pub struct Transaction {
    /// In order of arrival.
    pub queue: Vec<Queued>,
    /// A request was refused when it should have been queued: `EXEC` will refuse all.
    pub aborted: bool,
    /// One of them writes: `EXEC` waits while writes are paused.
    pub writes: bool,
    /// One of them may take memory: `EXEC` is refused when there is none.
    pub needs_memory: bool,
    /// How many of them run, while `EXEC` does.
    running: usize,
    /// Bytes of all arguments: they count against `client-query-buffer-limit`, as what waits to be understood does.
    pub bytes: usize,
}

/// A request that has been admitted and waits for `EXEC`.
pub struct Queued {
    /// Its command.
    pub command: CommandId,
    /// Its arguments, the name included.
    pub args: OwnedArgs,
}

impl Transaction {
    /// `EXEC` begins: hands out what is queued.
    pub fn begin(&mut self) -> Vec<Queued> {
        self.running = self.queue.len();
        std::mem::take(&mut self.queue)
    }

    /// Whether `EXEC` runs it.
    pub fn is_running(&self) -> bool {
        self.running > 0
    }

    /// How many requests it has, queued or running.
    #[allow(clippy::len_without_is_empty, reason = "an empty transaction is one")]
    pub fn len(&self) -> usize {
        self.queue.len() + self.running
    }

    /// What it takes (`CLIENT LIST`'s `multi-mem`).
    pub fn memory(&self) -> usize {
        let spans: usize =
            self.queue.iter().map(|queued| queued.args.as_args().len() * size_of::<Span>()).sum();
        self.bytes + spans + self.queue.capacity() * size_of::<Queued>()
    }

    /// Adds a request.
    pub fn push(&mut self, command: CommandId, args: Args<'_>) {
        self.bytes += args.from(0).map(<[u8]>::len).sum::<usize>();
        self.queue.push(Queued { command, args: OwnedArgs::of(args) });
    }
}
