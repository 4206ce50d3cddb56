//! Aggregates whose length is known only when their elements are written: the header comes last and moves to the front.
use super::Reply;

impl<'a> Reply<'a> {
    /// An array whose length is known only when it is written: `fill` appends the elements and returns how many.
    pub fn counted_array(&mut self, fill: impl FnOnce(&mut Reply<'_>) -> usize) {
        self.counted(fill, Reply::array);
    }

    /// The same where it's mostly `guess`: then nothing that has been written need be moved.
    pub fn guessed_array(&mut self, guess: usize, fill: impl FnOnce(&mut Reply<'_>) -> usize) {
        let start = self.out.len();
        self.array(guess);
        let elements = self.out.len();
        let count = fill(self);
        if count != guess {
            self.out.drain(start..elements);
            let end = self.out.len();
            self.array(count);
            let header = self.out.len() - end;
            self.out[start..].rotate_right(header);
        }
    }

    /// The same for distinct elements.
    pub fn counted_set(&mut self, fill: impl FnOnce(&mut Reply<'_>) -> usize) {
        self.counted(fill, Reply::set);
    }

    fn counted(&mut self, fill: impl FnOnce(&mut Reply<'_>) -> usize, announce: fn(&mut Reply<'a>, usize)) {
        let start = self.out.len();
        let count = fill(self);
        let end = self.out.len();
        announce(self, count);
        let header = self.out.len() - end;
        self.out[start..].rotate_right(header);
    }
}
