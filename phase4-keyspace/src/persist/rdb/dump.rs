//! One value alone, as `DUMP` hands it out and `RESTORE` takes it: form, value, version (2 bytes), checksum of all before (8).
use super::object::object;
use super::reader::Reader;
use super::writer::Writer;
use super::{LAST_VERSION, VERSION, crc64, encode};
use crate::keyspace::{Object, Rules, Value};

const FOOTER: usize = 10;

/// Why a payload is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// It is of a later version, or damaged.
    Footer,
    /// What it says makes no sense, or is nothing that this server has.
    Format,
}

/// The payload of a value.
pub fn dump(value: Value<'_>, compress: bool) -> Vec<u8> {
    let mut out = Writer::new(Vec::new(), compress, false);
    let written = out.byte(encode::form_of(value)).and_then(|()| encode::value(&mut out, value));
    let mut payload = written.and_then(|()| out.finish()).expect("writing to memory does not fail");
    payload.extend_from_slice(&VERSION.to_le_bytes());
    let crc = crc64::update(0, &payload);
    payload.extend_from_slice(&crc.to_le_bytes());
    payload
}

/// The value of a payload.
///
/// # Errors
/// It is none.
pub fn restore(payload: &[u8], rules: &Rules) -> Result<Object, Refused> {
    let body_len = payload.len().checked_sub(FOOTER).ok_or(Refused::Footer)?;
    let (body, footer) = payload.split_at(body_len);
    let (checked, crc) = payload.split_at(body_len + 2);
    let version = u16::from_le_bytes([footer[0], footer[1]]);
    if version > LAST_VERSION || crc64::update(0, checked).to_le_bytes() != crc {
        return Err(Refused::Footer);
    }
    let mut reader = Reader::new(body, body_len as u64, false);
    let form = reader.byte().map_err(|_| Refused::Format)?;
    object(&mut reader, form, rules).ok().flatten().ok_or(Refused::Format)
}
