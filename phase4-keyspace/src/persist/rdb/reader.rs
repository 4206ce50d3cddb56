//! Bytes in: lengths and strings of RDB. No length is believed before the bytes are there.
use std::io::Read;

use super::{Fault, crc64, lzf};
use crate::text::integer::Decimal;

const PIECE: usize = 64 << 10;

/// A file or a payload, of known size.
pub struct Reader<R: Read> {
    source: R,
    buffer: Vec<u8>,
    /// What of the buffer has been read.
    at: usize,
    /// Offset of the buffer's first byte.
    base: u64,
    size: u64,
    crc: u64,
    checksum: bool,
}

impl<R: Read> Reader<R> {
    /// Reads `size` bytes from `source`, and keeps a checksum of them or not.
    pub fn new(source: R, size: u64, checksum: bool) -> Self {
        Reader { source, buffer: Vec::new(), at: 0, base: 0, size, crc: 0, checksum }
    }

    /// How many bytes have been read.
    pub fn offset(&self) -> u64 {
        self.base + self.at as u64
    }

    /// How many are to come.
    pub fn left(&self) -> u64 {
        self.size - self.offset()
    }

    /// Something is wrong here.
    pub fn fault<T>(&self, what: impl Into<String>) -> Result<T, Fault> {
        Err(Fault { at: self.offset(), what: what.into() })
    }

    /// The checksum of all that has been read; 0 if none is kept.
    pub fn crc(&mut self) -> u64 {
        if self.checksum {
            self.crc = crc64::update(self.crc, &self.buffer[..self.at]);
        }
        self.base += self.at as u64;
        self.buffer.drain(..self.at);
        self.at = 0;
        self.crc
    }

    /// The next `len` bytes, which have to be there.
    ///
    /// # Errors
    /// The file ends before, or cannot be read.
    pub fn bytes(&mut self, len: u64) -> Result<&[u8], Fault> {
        if len > self.left() {
            let left = self.left();
            return self.fault(format!("{len} bytes should follow, but there are {left}: truncated"));
        }
        let len = len as usize;
        if self.buffer.len() - self.at < len {
            self.fill(len)?;
        }
        self.at += len;
        Ok(&self.buffer[self.at - len..self.at])
    }

    #[cold]
    fn fill(&mut self, len: usize) -> Result<(), Fault> {
        self.crc();
        let wanted = (len.max(PIECE) as u64).min(self.left()) as usize;
        let missing = wanted - self.buffer.len();
        let read = self.source.by_ref().take(missing as u64).read_to_end(&mut self.buffer);
        match read {
            Ok(count) if count == missing => Ok(()),
            Ok(_) => self.fault("the file became shorter while it was read"),
            Err(error) => self.fault(format!("cannot be read: {error}")),
        }
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let bytes = self.bytes(N as u64)?;
        Ok(bytes.try_into().expect("as many as were asked for"))
    }

    /// The next byte.
    pub fn byte(&mut self) -> Result<u8, Fault> {
        Ok(self.array::<1>()?[0])
    }

    /// A length, and nothing else in its place.
    pub fn length(&mut self) -> Result<u64, Fault> {
        match self.length_or_kind()? {
            Ok(length) => Ok(length),
            Err(kind) => self.fault(format!("a length should stand here, not a string of kind {kind}")),
        }
    }

    /// How many elements follow, each of which takes at least a byte.
    pub fn count(&mut self) -> Result<u64, Fault> {
        let count = self.length()?;
        if count > self.left() {
            return self.fault(format!("{count} elements cannot follow in {} bytes", self.left()));
        }
        Ok(count)
    }

    /// A length; or the kind of a string that has none.
    fn length_or_kind(&mut self) -> Result<Result<u64, u8>, Fault> {
        let first = self.byte()?;
        Ok(match first >> 6 {
            0 => Ok(u64::from(first)),
            1 => Ok(u64::from(first & 0x3f) << 8 | u64::from(self.byte()?)),
            2 if first == 0x80 => Ok(u32::from_be_bytes(self.array()?).into()),
            2 if first == 0x81 => Ok(u64::from_be_bytes(self.array()?)),
            2 => return self.fault(format!("{first:#04x} begins no length")),
            _ => Err(first & 0x3f),
        })
    }

    /// A string.
    pub fn string(&mut self) -> Result<Vec<u8>, Fault> {
        let decimal = |number: i64| Decimal::new(number).as_bytes().to_vec();
        match self.length_or_kind()? {
            Ok(length) => Ok(self.bytes(length)?.to_vec()),
            Err(0) => Ok(decimal(i8::from_le_bytes(self.array()?).into())),
            Err(1) => Ok(decimal(i16::from_le_bytes(self.array()?).into())),
            Err(2) => Ok(decimal(i32::from_le_bytes(self.array()?).into())),
            Err(3) => {
                let (compressed, length) = (self.length()?, self.length()?);
                let text = lzf::decompress(self.bytes(compressed)?, length.try_into().unwrap_or(usize::MAX));
                text.map_or_else(|| self.fault("the compressed string before this is damaged"), Ok)
            }
            Err(kind) => self.fault(format!("there is no string of kind {kind}")),
        }
    }
}
