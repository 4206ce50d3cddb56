//! One request's arguments, borrowed from the read buffer.

/// Where one argument lies in the input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// Offset of its first byte.
    pub start: u32,
    /// Offset behind its last byte.
    pub end: u32,
}

/// A request: argument 0 is the command's name. Copying it copies two slices, never the bytes.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    input: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Args<'a> {
    /// Arguments that lie at `spans` of `input`; every span must be inside it.
    #[inline]
    pub fn new(input: &'a [u8], spans: &'a [Span]) -> Self {
        Args { input, spans }
    }

    /// How many arguments, the name included.
    #[allow(clippy::len_without_is_empty)]
    #[inline]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// The argument at `index`; panics past the end, so a command asks for those its arity promises, or uses [`Args::at`].
    #[inline]
    pub fn get(&self, index: usize) -> &'a [u8] {
        let span = self.spans[index];
        &self.input[span.start as usize..span.end as usize]
    }

    /// The argument at `index`, if there is one.
    #[inline]
    pub fn at(&self, index: usize) -> Option<&'a [u8]> {
        (index < self.spans.len()).then(|| self.get(index))
    }

    /// Arguments from `index` on.
    pub fn from(&self, index: usize) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a> {
        let input = self.input;
        self.spans[index.min(self.spans.len())..]
            .iter()
            .map(move |s| &input[s.start as usize..s.end as usize])
    }

    /// Whether the argument at `index` is this word, in any case.
    pub fn is(&self, index: usize, word: &str) -> bool {
        self.at(index).is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
    }
}

/// A request that outlives the buffer it came in: queued by MULTI, waiting in a blocked client, read back from a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnedArgs {
    bytes: Box<[u8]>,
    spans: Box<[Span]>,
}

impl OwnedArgs {
    /// Copies a request.
    pub fn of(args: Args<'_>) -> Self {
        Self::collect(args.from(0))
    }

    /// A request of these words.
    pub fn words(words: &[&[u8]]) -> Self {
        Self::collect(words.iter().copied())
    }

    fn collect<'a>(words: impl ExactSizeIterator<Item = &'a [u8]> + Clone) -> Self {
        let mut bytes = Vec::with_capacity(words.clone().map(<[u8]>::len).sum());
        let spans = words
            .map(|word| {
                let start = bytes.len() as u32;
                bytes.extend_from_slice(word);
                Span { start, end: bytes.len() as u32 }
            })
            .collect();
        OwnedArgs { bytes: bytes.into_boxed_slice(), spans }
    }

    /// The request as commands take it.
    pub fn as_args(&self) -> Args<'_> {
        Args::new(&self.bytes, &self.spans)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_request_is_the_same_request() {
        let words: [&[u8]; 4] = [b"SET", b"", b"a\0b", b"\xff"];
        let kept = OwnedArgs::words(&words);
        assert_eq!(kept.as_args().from(0).collect::<Vec<_>>(), words);
        assert_eq!(OwnedArgs::of(kept.as_args()), kept);
    }
}
