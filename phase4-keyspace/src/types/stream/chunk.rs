//! A chunk of a stream: entries one behind another, with what most of them have in common said once.
//!
//! ```text
//! chunk:  bytes of the names | number of names | names | entry | entry | …
//! entry:  length and marks | later than the first by ms | by number | values
//!         length and marks | later than the first by ms | by number | number of pairs | field | value | field | value …
//! ```
//!
//! Names are the fields of the entry that began the chunk. An entry with the same fields, in this order, has the mark
//! [`SAME`] and only its values. Fields and values are entries of [`packed`]; all other numbers are varints, seven bits a
//! byte and the lowest first. The difference of the numbers may be negative: its sign is the lowest bit (zigzag). A length
//! in front makes an entry something that a search steps over without looking at its fields.
//!
//! An entry that is removed gets the mark [`DELETED`] and stays, until the whole chunk goes: nothing behind it moves.
use super::id::Id;
use crate::types::packed::{self, Entry, Sought};

/// The entry was removed.
const DELETED: u8 = 1;
/// Its fields are the names of the chunk.
const SAME: u8 = 2;
/// Bits of the first varint that are marks.
const MARKS: u32 = 2;

/// Reads a varint and steps over it.
#[inline(always)]
fn varint(bytes: &[u8], at: &mut usize) -> u64 {
    let first = bytes[*at];
    *at += 1;
    if first < 0x80 { u64::from(first) } else { long_varint(u64::from(first & 0x7f), bytes, at) }
}

#[inline(never)]
fn long_varint(mut value: u64, bytes: &[u8], at: &mut usize) -> u64 {
    let mut shift = 7;
    loop {
        let byte = bytes[*at];
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return value;
        }
        shift += 7;
    }
}

fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Fields with their values.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    /// The chunk's names, if these are the fields.
    names: Option<&'a [u8]>,
    run: &'a [u8],
    len: usize,
}

impl<'a> Fields<'a> {
    /// How many pairs.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether they are the chunk's names.
    pub fn are_names(&self) -> bool {
        self.names.is_some()
    }

    /// Field and value, in order.
    pub fn pairs(self) -> impl Iterator<Item = (Entry<'a>, Entry<'a>)> {
        let (mut name_at, mut at) = (0, 0);
        (0..self.len).map(move |_| {
            let field;
            match self.names {
                Some(names) => (field, name_at) = packed::entry(names, name_at),
                None => (field, at) = packed::entry(self.run, at),
            }
            let value;
            (value, at) = packed::entry(self.run, at);
            (field, value)
        })
    }
}

/// An entry where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// Its offset in the chunk.
    pub at: usize,
    /// Its ID.
    pub id: Id,
    /// It was removed.
    pub deleted: bool,
    /// What it holds.
    pub fields: Fields<'a>,
}

/// A chunk to be read.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    first: Id,
    bytes: &'a [u8],
    names: &'a [u8],
    name_count: usize,
    /// Where the entries begin.
    start: usize,
}

impl<'a> Chunk<'a> {
    /// These bytes, of which the first entry has or had this ID.
    #[inline]
    pub fn new(first: Id, bytes: &'a [u8]) -> Self {
        let mut at = 0;
        let len = varint(bytes, &mut at) as usize;
        let name_count = varint(bytes, &mut at) as usize;
        let start = at + len;
        Chunk { first, bytes, names: &bytes[at..start], name_count, start }
    }

    /// The ID against which those of the entries are counted.
    pub fn first(self) -> Id {
        self.first
    }

    /// The names, as entries of a run.
    pub fn names(self) -> impl Iterator<Item = Entry<'a>> {
        packed::entries(self.names)
    }

    /// How many names there are.
    pub fn name_count(self) -> usize {
        self.name_count
    }

    /// Every entry in order, removed ones included.
    #[inline]
    pub fn walk(self) -> impl Iterator<Item = Found<'a>> {
        let mut next = self.start;
        std::iter::from_fn(move || {
            (next < self.bytes.len()).then(|| {
                let (at, mut here) = (next, next);
                let head = varint(self.bytes, &mut here);
                next = here + (head >> MARKS) as usize;
                self.found(at, here, next, head as u8)
            })
        })
    }

    #[inline(always)]
    fn found(self, at: usize, mut here: usize, end: usize, marks: u8) -> Found<'a> {
        let ms = self.first.ms.wrapping_add(varint(self.bytes, &mut here));
        let seq = varint(self.bytes, &mut here);
        let seq = self.first.seq.wrapping_add((seq >> 1) ^ (seq & 1).wrapping_neg());
        let fields = if marks & SAME != 0 {
            Fields { names: Some(self.names), run: &self.bytes[here..end], len: self.name_count }
        } else {
            let len = varint(self.bytes, &mut here) as usize;
            Fields { names: None, run: &self.bytes[here..end], len }
        };
        Found { at, id: Id { ms, seq }, deleted: marks & DELETED != 0, fields }
    }

    /// Whether fields are the names.
    fn has_names<'f>(self, fields: impl ExactSizeIterator<Item = Entry<'f>>) -> bool {
        let mut at = 0;
        fields.len() == self.name_count
            && fields.into_iter().all(|field| {
                let name;
                (name, at) = packed::entry(self.names, at);
                name == field
            })
    }
}

/// Begins a chunk with these names.
pub fn begin<'f>(out: &mut Vec<u8>, names: impl ExactSizeIterator<Item = Entry<'f>> + Clone) {
    out.clear();
    let len: usize = names.clone().map(|name| Sought::entry(name).len()).sum();
    push_varint(out, len as u64);
    push_varint(out, names.len() as u64);
    names.for_each(|name| Sought::entry(name).push(out));
}

/// Appends an entry; `flat` is field, value, field, value. Its ID is not below the chunk's.
pub fn append<'f>(
    out: &mut Vec<u8>,
    first: Id,
    id: Id,
    flat: impl ExactSizeIterator<Item = Entry<'f>> + Clone,
) {
    let same = Chunk::new(first, out).has_names(flat.clone().step_by(2));
    let start = out.len();
    push_varint(out, id.ms - first.ms);
    let more = id.seq.wrapping_sub(first.seq) as i64;
    push_varint(out, (more << 1 ^ more >> 63) as u64);
    if same {
        flat.skip(1).step_by(2).for_each(|value| Sought::entry(value).push(out));
    } else {
        push_varint(out, flat.len() as u64 / 2);
        flat.for_each(|one| Sought::entry(one).push(out));
    }
    // The length is known now, and goes in front.
    let end = out.len();
    push_varint(out, ((end - start) as u64) << MARKS | u64::from(if same { SAME } else { 0 }));
    let head = out.len() - end;
    out[start..].rotate_right(head);
}

/// Marks the entry at an offset as removed.
pub fn delete(bytes: &mut [u8], at: usize) {
    bytes[at] |= DELETED;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn numbers_of_any_size_come_back() {
        for value in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut out = Vec::new();
            push_varint(&mut out, value);
            let mut at = 0;
            assert_eq!((varint(&out, &mut at), at), (value, out.len()));
        }
    }

    #[test]
    fn entries_come_back_with_their_fields_and_marks() {
        let mut random = Random(3);
        let texts: Vec<Vec<u8>> = (0..40)
            .map(|n| if n % 3 == 0 { vec![b'x'; n * 7] } else { n.to_string().into_bytes() })
            .collect();
        let first = Id { ms: 1000, seq: u64::MAX - 2 };
        let mut bytes = Vec::new();
        begin(&mut bytes, [&b"name"[..], b"7"].map(Entry::of).into_iter());
        let mut model: Vec<(Id, bool, Vec<Vec<u8>>)> = Vec::new();
        let mut id = first;
        for n in 0..300 {
            let mut flat = vec![b"name".to_vec(), texts[random.below(40)].clone()];
            if n % 5 != 0 {
                flat.extend([b"7".to_vec(), texts[random.below(40)].clone()]);
            }
            append(
                &mut bytes,
                first,
                id,
                flat.iter().map(|text| Entry::of(text)).collect::<Vec<_>>().into_iter(),
            );
            model.push((id, false, flat));
            id = match random.below(3) {
                0 => Id { ms: id.ms + 1, seq: 0 },
                1 => Id { ms: id.ms + (1 << random.below(50)), seq: random.next() },
                _ => id.next().unwrap(),
            };
            if random.below(4) == 0 {
                let at = random.below(model.len());
                model[at].1 = true;
                let found = Chunk::new(first, &bytes).walk().nth(at).unwrap().at;
                delete(&mut bytes, found);
            }
        }
        let chunk = Chunk::new(first, &bytes);
        assert_eq!(chunk.walk().count(), model.len());
        for (found, (id, deleted, flat)) in chunk.walk().zip(&model) {
            assert_eq!((found.id, found.deleted, found.fields.len()), (*id, *deleted, flat.len() / 2));
            assert_eq!(found.fields.are_names(), flat.len() == 4);
            let met: Vec<Vec<u8>> =
                found.fields.pairs().flat_map(|(field, value)| [field.to_vec(), value.to_vec()]).collect();
            assert_eq!(met, *flat);
        }
    }
}
