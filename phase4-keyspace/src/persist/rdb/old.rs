//! Forms of small collections that Redis wrote before listpacks: ziplist, zipmap, intset.
use super::listpack::signed;
use crate::keyspace::Entry;

/// Bytes that are taken from the front.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], String> {
        let (front, rest) = self.0.split_at_checked(len).ok_or("a small collection that ends too early")?;
        self.0 = rest;
        Ok(front)
    }

    fn byte(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?[0])
    }

    fn le32(&mut self) -> Result<usize, String> {
        Ok(signed(self.take(4)?) as u32 as usize)
    }
}

/// The entries of a ziplist: total length (4), offset of the last entry (4), number of entries (2), entries, `ff`. In front of
/// each entry stands the length of the one before.
///
/// # Errors
/// What is wrong with it; entries may have been handed out before that is known.
pub fn ziplist<'a>(
    all: &'a [u8],
    mut visit: impl FnMut(Entry<'a>) -> Result<(), String>,
) -> Result<(), String> {
    let mut bytes = Bytes(all);
    let total = bytes.le32()?;
    let last = bytes.le32()?;
    let said = signed(bytes.take(2)?) as u16;
    if total != all.len() {
        return Err(format!("a ziplist of {} bytes that says it has {total}", all.len()));
    }
    let (mut before, mut start, mut count) = (0, 10, 0usize);
    loop {
        let here = all.len() - bytes.0.len();
        let previous = match bytes.byte()? {
            0xff => break,
            0xfe => bytes.le32()?,
            short => short.into(),
        };
        if previous != before {
            return Err(format!("an entry at {here} of a ziplist with a wrong length in front of it"));
        }
        visit(ziplist_entry(&mut bytes)?)?;
        (before, start) = (all.len() - bytes.0.len() - here, here);
        count += 1;
    }
    if !bytes.0.is_empty() || last != start || (said != 0xffff && usize::from(said) != count) {
        return Err("a ziplist whose header does not fit its entries".into());
    }
    Ok(())
}

fn ziplist_entry<'a>(bytes: &mut Bytes<'a>) -> Result<Entry<'a>, String> {
    let first = bytes.byte()?;
    let integer = |bytes: &mut Bytes<'a>, len| Ok(Entry::Integer(signed(bytes.take(len)?)));
    match first {
        0..0x40 => Ok(Entry::Bytes(bytes.take(first.into())?)),
        0x40..0x80 => {
            let len = u16::from_be_bytes([first & 0x3f, bytes.byte()?]);
            Ok(Entry::Bytes(bytes.take(len.into())?))
        }
        0x80 => {
            let len = (bytes.le32()? as u32).swap_bytes();
            Ok(Entry::Bytes(bytes.take(len as usize)?))
        }
        0xc0 => integer(bytes, 2),
        0xd0 => integer(bytes, 4),
        0xe0 => integer(bytes, 8),
        0xf0 => integer(bytes, 3),
        0xfe => integer(bytes, 1),
        0xf1..=0xfd => Ok(Entry::Integer(i64::from(first & 0x0f) - 1)),
        _ => Err(format!("{first:#04x} begins no entry of a ziplist")),
    }
}

/// The fields of a zipmap with their values: a byte about their number, then length, field, length, unused bytes, value, and
/// the unused bytes; `ff`.
///
/// # Errors
/// As [`ziplist`].
pub fn zipmap<'a>(
    all: &'a [u8],
    mut visit: impl FnMut(Entry<'a>, Entry<'a>) -> Result<(), String>,
) -> Result<(), String> {
    let mut bytes = Bytes(all);
    bytes.byte()?;
    while let Some(len) = zipmap_length(&mut bytes)? {
        let field = bytes.take(len)?;
        let len = zipmap_length(&mut bytes)?.ok_or("a field of a zipmap without a value")?;
        let unused = bytes.byte()?;
        let value = bytes.take(len)?;
        bytes.take(unused.into())?;
        visit(Entry::Bytes(field), Entry::Bytes(value))?;
    }
    if bytes.0.is_empty() { Ok(()) } else { Err("a zipmap that goes on behind its end".into()) }
}

/// `None` at the end.
fn zipmap_length(bytes: &mut Bytes<'_>) -> Result<Option<usize>, String> {
    Ok(match bytes.byte()? {
        0xff => None,
        0xfe => Some(bytes.le32()?),
        short => Some(short.into()),
    })
}

/// The integers of an intset: bytes of each (4), their number (4), and they in order.
///
/// # Errors
/// As [`ziplist`].
pub fn intset(all: &[u8], mut visit: impl FnMut(i64) -> Result<(), String>) -> Result<(), String> {
    let mut bytes = Bytes(all);
    let (width, count) = (bytes.le32()?, bytes.le32()?);
    if ![2, 4, 8].contains(&width) || bytes.0.len() as u64 != width as u64 * count as u64 {
        return Err(format!("an intset of {} bytes with {count} integers of {width} bytes", all.len()));
    }
    bytes.0.chunks_exact(width).try_for_each(|integer| visit(signed(integer)))
}
