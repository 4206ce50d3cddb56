//! Passwords, kept as digests: a copy of the server's memory or of its ACL file does not tell them.
use super::sha256::sha256;

/// The digest of a password.
#[derive(Clone, Copy, Debug)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of a password as it was typed.
    pub fn of(password: &[u8]) -> Digest {
        Digest(sha256(password))
    }

    /// Reads 64 hexadecimal digits, in lower case as Redis wants them.
    pub fn parse(hex: &[u8]) -> Option<Digest> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(hex.chunks(2)) {
            let [high, low] = pair else { return None };
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        (hex.len() == 64).then_some(Digest(digest))
    }

    /// The same digits.
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Compares every byte, whatever the first ones are: the time taken tells nothing about where two digests differ.
    pub fn same(&self, other: &Digest) -> bool {
        // ANCHOR: same-digest
        let differences = self.0.iter().zip(other.0).fold(0, |seen, (a, b)| seen | (a ^ b));
        differences == 0
        // ANCHOR_END: same-digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_as_it_is_written() {
        let digest = Digest::of(b"any \0 password \xff");
        let hex = digest.hex();
        assert!(Digest::parse(hex.as_bytes()).is_some_and(|read| read.same(&digest)));
        assert!(!Digest::of(b"").same(&digest));
        for wrong in [&hex[1..], &hex.to_uppercase(), &format!("{hex}0"), &format!("{hex}00"), "", "zz"] {
            assert!(Digest::parse(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }

    #[test]
    fn one_bit_is_a_difference() {
        let digest = Digest::of(b"x");
        for bit in 0..256 {
            let mut other = digest;
            other.0[bit / 8] ^= 1 << (bit % 8);
            assert!(!other.same(&digest), "bit {bit}");
        }
    }
}
