//! All databases as one file.
use std::io::{self, Write};

use super::writer::Writer;
use super::{VERSION, encode, opcode};
use crate::clock::wall_clock;
use crate::keyspace::Keyspace;
use crate::memory;

/// How a file is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// `rdbcompression`
    pub compress: bool,
    /// `rdbchecksum`
    pub checksum: bool,
    /// It is what a log begins with.
    pub of_log: bool,
}

/// Writes all databases; a file's worth of bytes, from the first to the checksum.
///
/// # Errors
/// Those of writing.
pub fn save<W: Write>(out: W, keyspace: &Keyspace, options: Options) -> io::Result<W> {
    let mut out = Writer::new(out, options.compress, options.checksum);
    out.put(format!("REDIS{VERSION:04}").as_bytes())?;
    for (name, text) in [
        ("redis-ver", "7.0.15".to_string()),
        ("redis-bits", usize::BITS.to_string()),
        ("ctime", wall_clock().as_secs().to_string()),
        ("used-mem", memory::used().to_string()),
        ("aof-base", u8::from(options.of_log).to_string()),
    ] {
        out.byte(opcode::AUX)?;
        out.string(name.as_bytes())?;
        out.string(text.as_bytes())?;
    }
    for index in 0..keyspace.databases() {
        save_database(&mut out, keyspace, index)?;
    }
    out.byte(opcode::EOF)?;
    let crc = out.crc()?;
    out.put(&crc.to_le_bytes())?;
    out.finish()
}

fn save_database<W: Write>(out: &mut Writer<W>, keyspace: &Keyspace, index: usize) -> io::Result<()> {
    let db = keyspace.db(index);
    if db.is_empty() {
        return Ok(());
    }
    out.byte(opcode::SELECT_DB)?;
    out.length(index as u64)?;
    out.byte(opcode::RESIZE_DB)?;
    out.length(db.len() as u64)?;
    out.length(db.expires() as u64)?;
    for (key, value, deadline) in db.entries() {
        if let Some(deadline) = deadline {
            out.byte(opcode::EXPIRE_MS)?;
            out.put(&deadline.to_le_bytes())?;
        }
        out.byte(encode::form_of(value))?;
        out.string(key)?;
        encode::value(out, value)?;
    }
    Ok(())
}
