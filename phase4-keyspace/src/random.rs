//! Random numbers that come out the same in every run (xorshift; Marsaglia, 2003). Not for secrets: [`secret`] is.
pub mod secret;

/// A source of them; its number must not be 0.
pub struct Random(pub u64);

impl Random {
    /// Any 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `n`, which is not 0. The tests ask for it.
    #[cfg(test)]
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() >> 20) as usize % n
    }
}
