//! A hash: fields with values. Packed while it is small, fields and values by turns; else a table.
use super::collection::{Body, BodyRef, Collection};
use super::member::Pair;
use super::packed::{self, Entry, Sought};
use super::rules::Rules;
use super::table::Table;
use super::{Kind, Object};

/// A hash to be changed.
#[derive(Clone, Debug)]
pub struct Hash(Body<Pair>);

/// A hash to be read.
#[derive(Clone, Copy, Debug)]
pub struct HashRef<'a>(BodyRef<'a, Pair>);

impl Default for Hash {
    fn default() -> Self {
        Hash(Body::Packed(Vec::new()))
    }
}

impl Collection for Hash {
    const KIND: Kind = Kind::Hash;

    fn from_run(run: Vec<u8>, _raw: bool) -> Self {
        Hash(Body::Packed(run))
    }

    fn run(&self) -> Option<&[u8]> {
        self.0.run()
    }

    fn into_run(self) -> Option<Vec<u8>> {
        self.0.into_run()
    }

    fn of(object: &mut Object) -> Option<&mut Self> {
        match object {
            Object::Hash(hash) => Some(hash),
            _ => None,
        }
    }

    fn into_object(self) -> Object {
        Object::Hash(Box::new(self))
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn bytes(&self) -> usize {
        self.0.bytes()
    }

    fn free_some(&mut self) -> bool {
        self.0.free_some()
    }

    fn take_discarded(&mut self) -> Option<Object> {
        self.0.take_discarded()
    }
}

impl<'a> HashRef<'a> {
    /// A packed hash.
    #[inline]
    pub fn packed(run: &'a [u8]) -> Self {
        HashRef(BodyRef::Packed(run))
    }

    /// Whether it is packed (`OBJECT ENCODING`).
    pub fn is_packed(self) -> bool {
        matches!(self.0, BodyRef::Packed(_))
    }

    /// Bytes of memory in use.
    pub fn bytes(self) -> usize {
        self.0.bytes()
    }

    /// A copy.
    pub fn to_hash(self) -> Hash {
        Hash(self.0.to_body())
    }

    /// Number of fields.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(self) -> usize {
        match self.0 {
            BodyRef::Packed(run) => packed::count(run) / 2,
            BodyRef::Table(table) => table.len(),
        }
    }

    /// The value of a field.
    pub fn get(self, field: &[u8]) -> Option<Entry<'a>> {
        match self.0 {
            BodyRef::Packed(run) => {
                let at = packed::find(run, &Sought::of(field), 2).ok()?.end;
                Some(packed::entry(run, at).0)
            }
            BodyRef::Table(table) => Some(Entry::Bytes(table.value(table.find(field)?.reference()))),
        }
    }

    /// Every field with its value.
    pub fn for_each(self, mut visit: impl FnMut(Entry<'a>, Entry<'a>)) {
        match self.0 {
            BodyRef::Packed(run) => {
                let mut at = 0;
                while at < run.len() {
                    let (field, middle) = packed::entry(run, at);
                    let (value, end) = packed::entry(run, middle);
                    visit(field, value);
                    at = end;
                }
            }
            BodyRef::Table(table) => table.iter().for_each(|reference| {
                visit(Entry::Bytes(table.member(reference)), Entry::Bytes(table.value(reference)));
            }),
        }
    }

    /// One step of HSCAN: about `count` fields; the next cursor, 0 at the end. A small hash is one step.
    pub fn scan(self, cursor: u64, count: usize, mut visit: impl FnMut(Entry<'a>, Entry<'a>)) -> u64 {
        match self.0 {
            BodyRef::Packed(_) => {
                self.for_each(visit);
                0
            }
            BodyRef::Table(table) => table.scan(cursor, count, |reference| {
                visit(Entry::Bytes(table.member(reference)), Entry::Bytes(table.value(reference)));
            }),
        }
    }

    /// A field with its value, each as likely as any other. The hash is not empty.
    pub fn pick(self, mut random: impl FnMut() -> u64) -> (Entry<'a>, Entry<'a>) {
        match self.0 {
            BodyRef::Packed(run) => {
                let at = packed::position(run, 2 * ((random() >> 16) as usize % self.len()));
                let (field, middle) = packed::entry(run, at);
                (field, packed::entry(run, middle).0)
            }
            BodyRef::Table(table) => {
                let reference = table.pick(random).expect("a hash is never empty");
                (Entry::Bytes(table.member(reference)), Entry::Bytes(table.value(reference)))
            }
        }
    }
}

impl Hash {
    /// The hash, to be read.
    pub fn read(&self) -> HashRef<'_> {
        HashRef(self.0.read())
    }

    // ANCHOR: hash-set
    /// Sets a field; whether it is new.
    pub fn set(&mut self, field: &[u8], value: &[u8], rules: &Rules) -> bool {
        let longest = rules.limits.hash_value;
        let fits = field.len() as u64 <= longest && value.len() as u64 <= longest;
        if let Body::Packed(_) = self.0
            && !fits
        {
            self.unpack(rules);
        }
        match &mut self.0 {
            Body::Packed(run) => {
                let (field, value) = (Sought::of(field), Sought::of(value));
                match packed::find(run, &field, 2) {
                    Ok(found) => {
                        let end = packed::next(run, found.end);
                        value.splice(run, found.end..end);
                        false
                    }
                    Err(entries) => {
                        field.push(run);
                        value.push(run);
                        if entries as u64 / 2 >= rules.limits.hash_entries {
                            self.unpack(rules);
                        }
                        true
                    }
                }
            }
            Body::Table(table) => match table.find(field) {
                Some(spot) => {
                    table.set_value(spot, value);
                    false
                }
                None => {
                    table.insert(field, value);
                    true
                }
            },
        }
    }
    // ANCHOR_END: hash-set

    /// Removes a field; whether it was there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match &mut self.0 {
            Body::Packed(run) => match packed::find(run, &Sought::of(field), 2) {
                Ok(found) => {
                    let end = packed::next(run, found.end);
                    packed::remove(run, found.start..end);
                    true
                }
                Err(_) => false,
            },
            Body::Table(table) => {
                let found = table.find(field);
                if let Some(spot) = found {
                    table.remove(spot);
                    table.compact(super::MOVED_A_REMOVAL, |_, _| {});
                }
                found.is_some()
            }
        }
    }

    fn unpack(&mut self, rules: &Rules) {
        let mut table = Table::new(&rules.hasher);
        self.read().for_each(|field, value| {
            field.with(|field| value.with(|value| _ = table.insert(field, value)));
        });
        self.0 = Body::Table(Box::new(table));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use std::collections::HashMap;

    #[test]
    fn agrees_with_a_map_across_the_thresholds() {
        for (seed, entries, longest) in [(1, 8, 64), (2, 0, 64), (3, 200, 3), (4, 512, 64)] {
            let mut rules = Rules::default();
            (rules.limits.hash_entries, rules.limits.hash_value) = (entries, longest);
            let mut random = Random(seed);
            let (mut hash, mut model) = (Hash::default(), HashMap::new());
            for step in 0..4000 {
                let field = random.below(300).to_string().into_bytes();
                if random.below(3) > 0 {
                    let value = vec![b'0' + (step % 10) as u8; random.below(if step < 50 { 3 } else { 70 })];
                    assert_eq!(hash.set(&field, &value, &rules), model.insert(field, value).is_none());
                } else {
                    assert_eq!(hash.remove(&field), model.remove(&field).is_some());
                }
                let small =
                    model.len() as u64 <= entries && model.values().all(|v| v.len() as u64 <= longest);
                assert!(small || !hash.read().is_packed(), "{step}");
            }
            let mut met = HashMap::new();
            hash.read().for_each(|field, value| {
                assert!(met.insert(field.to_vec(), value.to_vec()).is_none());
            });
            assert_eq!((&met, hash.read().len()), (&model, model.len()));
            for (field, value) in &model {
                assert_eq!(hash.read().get(field).map(Entry::to_vec).as_ref(), Some(value));
            }
            assert_eq!(hash.read().get(b"none"), None);
        }
    }

    #[test]
    fn the_threshold_is_the_last_small_one() {
        let rules = Rules::default();
        let mut hash = Hash::default();
        for n in 0..512 {
            hash.set(format!("{n}").as_bytes(), b"v", &rules);
            assert!(hash.read().is_packed(), "{n}");
        }
        hash.set(b"0", &[b'v'; 64], &rules);
        assert!(hash.read().is_packed());
        hash.set(b"512", b"v", &rules);
        assert!(!hash.read().is_packed());
        let mut long = Hash::default();
        long.set(b"f", &[b'v'; 65], &rules);
        assert!(!long.read().is_packed());
    }
}
