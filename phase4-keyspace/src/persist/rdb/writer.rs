//! Bytes out: lengths and strings of RDB, the checksum kept along the way.
use std::io::{self, Write};

use super::crc64;
use super::lzf::Compressor;
use crate::text::integer;

/// So many bytes are handed on together.
const PIECE: usize = 64 << 10;
/// Shorter strings are never compressed.
const LEAST_COMPRESSED: usize = 21;

/// What is written, on its way to a file or to a reply.
pub struct Writer<W: Write> {
    out: W,
    buffer: Vec<u8>,
    crc: u64,
    checksum: bool,
    compressor: Option<Compressor>,
    compressed: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Writes to `out`, with LZF (`rdbcompression`) and a checksum (`rdbchecksum`) or without.
    pub fn new(out: W, compress: bool, checksum: bool) -> Self {
        let compressor = compress.then(Compressor::default);
        Writer { out, buffer: Vec::new(), crc: 0, checksum, compressor, compressed: Vec::new() }
    }

    /// Bytes as they are.
    ///
    /// # Errors
    /// Those of writing; so for all methods here.
    pub fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.buffer.len() + bytes.len() > PIECE {
            self.hand_on()?;
        }
        if bytes.len() > PIECE {
            self.crc = if self.checksum { crc64::update(self.crc, bytes) } else { 0 };
            return self.out.write_all(bytes);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// One byte.
    pub fn byte(&mut self, byte: u8) -> io::Result<()> {
        self.put(&[byte])
    }

    fn hand_on(&mut self) -> io::Result<()> {
        if self.checksum {
            self.crc = crc64::update(self.crc, &self.buffer);
        }
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// The checksum of all so far; 0 if none is kept.
    pub fn crc(&mut self) -> io::Result<u64> {
        self.hand_on()?;
        Ok(self.crc)
    }

    /// Hands on what is left and returns where all went.
    pub fn finish(mut self) -> io::Result<W> {
        self.hand_on()?;
        Ok(self.out)
    }

    /// A length.
    pub fn length(&mut self, length: u64) -> io::Result<()> {
        match length {
            0..0x40 => self.byte(length as u8),
            0x40..0x4000 => self.put(&(length as u16 | 0x4000).to_be_bytes()),
            0x4000..0x1_0000_0000 => {
                self.byte(0x80)?;
                self.put(&(length as u32).to_be_bytes())
            }
            _ => {
                self.byte(0x81)?;
                self.put(&length.to_be_bytes())
            }
        }
    }

    /// A string: as an integer if it is one of up to 32 bits, compressed if that makes it shorter, else as it is.
    pub fn string(&mut self, text: &[u8]) -> io::Result<()> {
        // The longest is -2147483648.
        if text.len() <= 11
            && let Some(number) = integer::parse(text).and_then(|number| i32::try_from(number).ok())
        {
            return self.integer(number);
        }
        if text.len() >= LEAST_COMPRESSED
            && let Some(compressor) = &mut self.compressor
        {
            let mut compressed = std::mem::take(&mut self.compressed);
            compressed.clear();
            let shorter = compressor.compress(text, &mut compressed);
            if shorter {
                self.byte(0xc3)?;
                self.length(compressed.len() as u64)?;
                self.length(text.len() as u64)?;
                self.put(&compressed)?;
            }
            self.compressed = compressed;
            if shorter {
                return Ok(());
            }
        }
        self.length(text.len() as u64)?;
        self.put(text)
    }

    fn integer(&mut self, number: i32) -> io::Result<()> {
        match (i8::try_from(number), i16::try_from(number)) {
            (Ok(number), _) => self.put(&[0xc0, number as u8]),
            (_, Ok(number)) => {
                self.byte(0xc1)?;
                self.put(&number.to_le_bytes())
            }
            _ => {
                self.byte(0xc2)?;
                self.put(&number.to_le_bytes())
            }
        }
    }
}
