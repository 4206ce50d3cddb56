//! A set: members without order. Packed while it is small, whatever the members are; else a table, in which integers need no
//! record.
//!
//! Redis keeps a small set of integers as a sorted array, the `intset`, and everything else as a hash table. What
//! `OBJECT ENCODING` has to answer follows from the set's past, so a set remembers whether Redis would have converted it.
use super::collection::{Body, BodyRef, Collection};
use super::member::Member;
use super::packed::{self, Entry, Sought};
use super::rules::Rules;
use super::table::{self, Spot, Table};
use super::{Kind, Object};
use crate::record::Ref;

/// Most members, and bytes of a member, of a packed set.
const PACKED_MEMBERS: usize = 128;
/// See [`PACKED_MEMBERS`].
const PACKED_MEMBER: usize = 64;

/// A set to be changed.
#[derive(Clone, Debug)]
pub struct Set {
    body: Body<Member>,
    hashtable: bool,
}

/// A set to be read.
#[derive(Clone, Copy, Debug)]
pub struct SetRef<'a> {
    body: BodyRef<'a, Member>,
    /// Redis would keep it as a hash table.
    pub hashtable: bool,
}

impl Default for Set {
    fn default() -> Self {
        Set::from_run(Vec::new(), false)
    }
}

impl Collection for Set {
    const KIND: Kind = Kind::Set;

    fn from_run(run: Vec<u8>, raw: bool) -> Self {
        Set { body: Body::Packed(run), hashtable: raw }
    }

    fn run(&self) -> Option<&[u8]> {
        self.body.run()
    }

    fn into_run(self) -> Option<Vec<u8>> {
        self.body.into_run()
    }

    fn raw(&self) -> bool {
        self.hashtable
    }

    fn of(object: &mut Object) -> Option<&mut Self> {
        match object {
            Object::Set(set) => Some(set),
            _ => None,
        }
    }

    fn into_object(self) -> Object {
        Object::Set(Box::new(self))
    }

    fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    fn bytes(&self) -> usize {
        self.body.bytes()
    }

    fn free_some(&mut self) -> bool {
        self.body.free_some()
    }

    fn take_discarded(&mut self) -> Option<Object> {
        self.body.take_discarded()
    }
}

/// A member of a table. What is text there because it is too long for a reference is an integer elsewhere.
fn entry(table: &Table<Member>, reference: Ref) -> Entry<'_> {
    match table::integer_of(reference) {
        Some(integer) => Entry::Integer(integer),
        None => Entry::of(table.member(reference)),
    }
}

/// Finds a member of a table: integers of up to 31 bits are there without a record, longer ones as text.
fn find(table: &Table<Member>, member: Entry<'_>) -> Option<Spot> {
    match member {
        Entry::Bytes(bytes) => table.find(bytes),
        Entry::Integer(n) => match table::reference_of(n) {
            Some(reference) => table.find_reference(reference),
            None => member.with(|text| table.find(text)),
        },
    }
}

fn insert(table: &mut Table<Member>, member: Entry<'_>) {
    match member {
        Entry::Bytes(bytes) => _ = table.insert(bytes, b""),
        Entry::Integer(n) => match table::reference_of(n) {
            Some(reference) => table.insert_reference(reference),
            None => _ = member.with(|text| table.insert(text, b"")),
        },
    }
}

impl<'a> SetRef<'a> {
    /// A packed set.
    pub fn packed(run: &'a [u8], hashtable: bool) -> Self {
        SetRef { body: BodyRef::Packed(run), hashtable }
    }

    /// Number of members.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(self) -> usize {
        match self.body {
            BodyRef::Packed(run) => packed::count(run),
            BodyRef::Table(table) => table.len(),
        }
    }

    /// Whether it has this member.
    pub fn contains(self, member: Entry<'_>) -> bool {
        match self.body {
            BodyRef::Packed(run) => packed::find(run, &Sought::entry(member), 1).is_ok(),
            BodyRef::Table(table) => find(table, member).is_some(),
        }
    }

    /// Every member, until `visit` says `false`.
    pub fn each_while(self, mut visit: impl FnMut(Entry<'a>) -> bool) {
        _ = match self.body {
            BodyRef::Packed(run) => packed::entries(run).all(visit),
            BodyRef::Table(table) => table.iter().all(|reference| visit(entry(table, reference))),
        };
    }

    /// Every member.
    pub fn for_each(self, mut visit: impl FnMut(Entry<'a>)) {
        self.each_while(|member| {
            visit(member);
            true
        });
    }

    /// One step of SSCAN: about `count` members; the next cursor, 0 at the end. A small set is one step.
    pub fn scan(self, cursor: u64, count: usize, mut visit: impl FnMut(Entry<'a>)) -> u64 {
        match self.body {
            BodyRef::Packed(_) => {
                self.for_each(visit);
                0
            }
            BodyRef::Table(table) => table.scan(cursor, count, |reference| visit(entry(table, reference))),
        }
    }

    /// A member, each as likely as any other. The set is not empty.
    pub fn pick(self, mut random: impl FnMut() -> u64) -> Entry<'a> {
        match self.body {
            BodyRef::Packed(run) => {
                let at = packed::position(run, (random() >> 16) as usize % self.len());
                packed::entry(run, at).0
            }
            BodyRef::Table(table) => entry(table, table.pick(random).expect("a set is never empty")),
        }
    }

    /// Bytes of memory in use.
    pub fn bytes(self) -> usize {
        self.body.bytes()
    }

    /// A copy.
    pub fn to_set(self) -> Set {
        Set { body: self.body.to_body(), hashtable: self.hashtable }
    }
}

impl Set {
    /// The set, to be read.
    pub fn read(&self) -> SetRef<'_> {
        SetRef { body: self.body.read(), hashtable: self.hashtable }
    }

    /// Adds a member; whether it was not there.
    pub fn add(&mut self, member: Entry<'_>, rules: &Rules) -> bool {
        let is_integer = matches!(member, Entry::Integer(_));
        if let Body::Packed(_) = self.body
            && !is_integer
            && member.len() > PACKED_MEMBER
        {
            self.unpack(rules);
        }
        let len = match &mut self.body {
            Body::Packed(run) => {
                let sought = Sought::entry(member);
                let Err(len) = packed::find(run, &sought, 1) else { return false };
                sought.push(run);
                if len >= PACKED_MEMBERS {
                    self.unpack(rules);
                }
                len + 1
            }
            Body::Table(table) => {
                if find(table, member).is_some() {
                    return false;
                }
                insert(table, member);
                table.len()
            }
        };
        self.hashtable |= !is_integer || len as u64 > rules.limits.set_integers;
        true
    }

    /// Removes a member; whether it was there.
    pub fn remove(&mut self, member: Entry<'_>) -> bool {
        match &mut self.body {
            Body::Packed(run) => match packed::find(run, &Sought::entry(member), 1) {
                Ok(found) => {
                    packed::remove(run, found);
                    true
                }
                Err(_) => false,
            },
            Body::Table(table) => {
                let found = find(table, member);
                if let Some(spot) = found {
                    table.remove(spot);
                    table.compact(super::MOVED_A_REMOVAL, |_, _| {});
                }
                found.is_some()
            }
        }
    }

    /// Removes a member chosen by chance; it was there.
    pub fn pop(&mut self, random: impl FnMut() -> u64) -> Vec<u8> {
        let member = self.read().pick(random).to_vec();
        self.remove(Entry::of(&member));
        member
    }

    /// Redis has copied what is left of the set to a new one, which is an `intset` again if it can be.
    pub fn forget_past(&mut self, rules: &Rules) {
        let mut integers = true;
        self.read().each_while(|member| {
            integers = matches!(member, Entry::Integer(_));
            integers
        });
        self.hashtable = !integers || self.read().len() as u64 > rules.limits.set_integers;
    }

    fn unpack(&mut self, rules: &Rules) {
        let mut table = Table::new(&rules.hasher);
        self.read().for_each(|member| insert(&mut table, member));
        self.body = Body::Table(Box::new(table));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use std::collections::HashSet;

    #[test]
    fn agrees_with_a_set_across_the_thresholds() {
        for (seed, kinds, members) in [(1, 1, 900), (2, 3, 300), (3, 3, 120), (4, 2, 130)] {
            let (rules, mut random) = (Rules::default(), Random(seed));
            let (mut set, mut model) = (Set::default(), HashSet::new());
            for step in 0..6000 {
                let n = random.below(members) as i64;
                let text = match n % kinds {
                    0 => (n * 40_000_000).to_string().into_bytes(),
                    1 => vec![b'a'; n as usize % 70].into_iter().chain(n.to_string().into_bytes()).collect(),
                    _ => format!("{n}").into_bytes(),
                };
                if random.below(if step < 3000 { 4 } else { 2 }) > 0 {
                    assert_eq!(set.add(Entry::of(&text), &rules), model.insert(text));
                } else {
                    assert_eq!(set.remove(Entry::of(&text)), model.remove(&text));
                }
            }
            let mut met = HashSet::new();
            set.read().for_each(|member| assert!(met.insert(member.to_vec())));
            assert_eq!((&met, set.read().len()), (&model, model.len()));
            assert!(model.iter().all(|text| set.read().contains(Entry::of(text))));
            assert!(!set.read().contains(Entry::Bytes(b"none")));
            assert!(model.contains(&set.read().pick(|| random.next()).to_vec()));
        }
    }

    #[test]
    fn the_name_of_the_encoding_follows_from_the_past() {
        let rules = Rules::default();
        let mut set = Set::default();
        (0..512).for_each(|n| assert!(set.add(Entry::Integer(n), &rules)));
        assert!(!set.read().hashtable);
        set.add(Entry::Integer(512), &rules);
        assert!(set.read().hashtable);
        let mut mixed = Set::default();
        mixed.add(Entry::Integer(1), &rules);
        mixed.add(Entry::Bytes(b"x"), &rules);
        mixed.remove(Entry::Bytes(b"x"));
        assert!(mixed.read().hashtable);
    }

    #[test]
    fn a_small_set_of_any_member_is_packed() {
        let rules = Rules::default();
        let mut set = Set::default();
        for n in 0..128 {
            set.add(Entry::of(format!("m{n}").as_bytes()), &rules);
            assert!(set.run().is_some(), "{n}");
        }
        set.add(Entry::Bytes(b"one more"), &rules);
        assert!(set.run().is_none());
        let mut long = Set::default();
        long.add(Entry::Bytes(&[b'x'; 65]), &rules);
        assert!(long.run().is_none());
    }
}
