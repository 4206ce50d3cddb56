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
