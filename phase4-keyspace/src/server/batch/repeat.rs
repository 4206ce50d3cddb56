//! Requests that look like the one before: pipelines repeat one command, so its name is compared with the last one's bytes
//! before it is looked up.
use super::{Batch, Lookahead, MOST, Request, hash_keys};
use crate::command::KeySpec;
use crate::command::lookup::Resolved;
use crate::wire::args::Args;
use crate::wire::limits::Limits;
use crate::wire::resp::{self, RequestPrefix};

/// The last plain request's head and what came of looking its name up: pipelines repeat one command.
#[derive(Clone, Copy)]
pub(super) struct RepeatCache {
    pub head: RequestPrefix,
    pub command: Resolved,
    pub keys: KeySpec,
    /// The first argument is the only key, and it is there.
    pub one_key: bool,
}

impl Default for RepeatCache {
    fn default() -> Self {
        RepeatCache {
            head: RequestPrefix::NONE,
            command: Resolved::Unknown,
            keys: KeySpec::NONE,
            one_key: false,
        }
    }
}

impl Batch {
    /// Nearly every request is whole, small and well-formed. As many as are so are taken here, in one short loop.
    #[inline]
    pub(super) fn gather_plain(&mut self, input: &[u8], limits: &Limits, ahead: Lookahead<'_>) {
        while self.requests.len() < MOST {
            let first_span = self.spans.len();
            let begin = self.end;
            if let Some(end) = self.repeat.head.parse(input, begin, limits, &mut self.spans) {
                self.end = end;
                self.push_repeated(input, first_span, ahead);
                continue;
            }
            self.spans.truncate(first_span);
            let Some(end) = resp::parse_plain(input, begin, limits, &mut self.spans) else {
                self.spans.truncate(first_span);
                return;
            };
            self.end = end;
            self.push(input, first_span, false, ahead);
            if let Some(Request { command: Resolved::Known(id), .. }) = self.requests.last()
                && ahead.lookup.is_simple(*id)
            {
                let spans = &self.spans[first_span..];
                let keys = ahead.lookup.row(*id).keys;
                let one_key = keys == KeySpec::ONE && spans.len() > 1;
                let head = RequestPrefix::of(input, begin, spans);
                self.repeat = RepeatCache { head, command: Resolved::Known(*id), keys, one_key };
            }
        }
    }

    /// Takes in a request that began like the one before.
    #[inline(always)]
    fn push_repeated(&mut self, input: &[u8], first_span: usize, ahead: Lookahead<'_>) {
        let RepeatCache { command, keys, one_key, .. } = self.repeat;
        let first_hash = self.hashes.len();
        let spans = &self.spans[first_span..];
        if one_key {
            self.hashes.push(ahead.db.hash_and_prefetch(Args::new(input, spans).get(1)));
        } else {
            hash_keys(&mut self.hashes, Args::new(input, spans), keys, ahead.db);
        }
        self.note(first_span, first_hash, command, false);
    }
}
