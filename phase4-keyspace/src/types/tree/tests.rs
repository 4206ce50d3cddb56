//! The tree against a vector, at sizes at which every split, join and collapse happens often.
use super::{Item, NONE, Tree};
use crate::random::Random;

/// A number in order, and what it counts for.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
struct Counted(u32, u32);

impl Item for Counted {
    fn weight(self) -> u64 {
        self.1.into()
    }
}

impl<const LEAF: usize, const FAN: usize> Tree<Counted, LEAF, FAN> {
    /// What must hold in every tree: nothing is empty, and every inner node knows its children.
    fn check(&self) {
        fn node<const L: usize, const F: usize>(tree: &Tree<Counted, L, F>, at: u32, levels: usize) {
            if levels == 0 {
                assert!(tree.leaves[at].len() > 0, "an empty leaf");
                return;
            }
            let inner = &tree.inner[at];
            assert!(inner.len() > 0, "an empty inner node");
            for slot in 0..inner.len() {
                let child = inner.child(slot);
                assert_eq!(tree.summary(child, levels == 1), (inner.firsts()[slot], inner.weights()[slot]));
                node(tree, child, levels - 1);
            }
        }
        if self.root != NONE {
            node(self, self.root, self.height);
        }
    }
}

fn against_a_vector<const LEAF: usize, const FAN: usize>(operations: usize, most: usize, heavy: bool) {
    let mut random = Random(LEAF as u64 * 31 + FAN as u64);
    let mut tree = Tree::<Counted, LEAF, FAN>::default();
    let mut model: Vec<Counted> = Vec::new();
    for operation in 0..operations {
        // The size goes up and down, so that trees are torn down to nothing as well.
        let growing = operation / most % 3 != 2;
        let number = random.below(most * 4) as u32;
        let (path, before) = tree.seek(|item| item.0 < number);
        let at = model.partition_point(|item| item.0 < number);
        assert_eq!(before, model[..at].iter().map(|item| item.weight()).sum::<u64>());
        let found = model.get(at).copied();
        assert_eq!(tree.get(&path), found);
        let weight = if heavy { random.below(100) as u32 + 1 } else { 1 };
        match found {
            Some(item) if item.0 == number && growing => {
                tree.set(&path, Counted(number, weight));
                model[at].1 = weight;
            }
            Some(item) if !growing => {
                assert_eq!(tree.remove(&path), item);
                model.remove(at);
            }
            None if !growing && at > 0 => {
                let last = tree.at(tree.weight() - 1).0;
                assert_eq!(Some(tree.remove(&last)), model.pop());
            }
            _ => {
                tree.insert(&path, Counted(number, weight));
                model.insert(at, Counted(number, weight));
            }
        }
        if operation % 512 == 0 {
            tree.check();
            compare(&tree, &model, &mut random);
        }
    }
    tree.check();
}

fn compare<const LEAF: usize, const FAN: usize>(
    tree: &Tree<Counted, LEAF, FAN>,
    model: &[Counted],
    random: &mut Random,
) {
    assert_eq!(tree.forward(tree.at(0).0).collect::<Vec<_>>(), model);
    let backward: Vec<Counted> = tree.backward(tree.at(u64::MAX).0).collect();
    assert!(backward.iter().rev().eq(model));
    assert_eq!(tree.weight(), model.iter().map(|item| item.weight()).sum::<u64>());
    let position = random.below(tree.weight() as usize + 2) as u64;
    let (mut at, mut before) = (0, 0);
    while at < model.len() && before + model[at].weight() <= position {
        before += model[at].weight();
        at += 1;
    }
    let (path, found) = tree.at(position);
    assert_eq!((tree.get(&path), found), (model.get(at).copied(), before));
    let some: Vec<Counted> = tree.forward(path).take(20).collect();
    assert!(some.iter().eq(model[at..].iter().take(20)));
    let some: Vec<Counted> = tree.backward(path).take(20).collect();
    assert!(some.iter().eq(model[..at].iter().rev().take(20)));
}

#[test]
fn agrees_with_a_vector() {
    against_a_vector::<4, 4>(120_000, 3000, true);
    against_a_vector::<5, 4>(100_000, 1000, false);
    against_a_vector::<8, 6>(100_000, 200, true);
    against_a_vector::<63, 25>(200_000, 10_000, false);
}

#[test]
fn items_in_order_fill_their_leaves() {
    const N: u32 = 100_000;
    let mut ends = (Tree::<Counted, 63, 25>::default(), Tree::<Counted, 63, 25>::default());
    for i in 0..N {
        ends.0.insert(&ends.0.at(u64::MAX).0, Counted(i, 1));
        ends.1.insert(&ends.1.at(0).0, Counted(N - i, 1));
    }
    for tree in [ends.0, ends.1] {
        tree.check();
        let least = N as usize * size_of::<Counted>();
        assert!(tree.bytes() < least * 11 / 10, "{} for {least}", tree.bytes());
    }
}

#[test]
fn a_tree_that_emptied_gives_its_memory_back() {
    let mut tree = Tree::<Counted, 63, 25>::default();
    for i in 0..50_000 {
        tree.insert(&tree.at(u64::MAX).0, Counted(i, 1));
    }
    let full = tree.bytes();
    for _ in 0..49_000 {
        tree.remove(&tree.at(0).0);
    }
    tree.check();
    assert!(tree.bytes() < full / 5, "{} of {full}", tree.bytes());
    (0..10_000).for_each(|i| tree.insert(&tree.at(u64::MAX).0, Counted(50_000 + i, 1)));
    let mut steps = 1;
    while tree.release() {
        steps += 1;
    }
    assert!(steps >= 2 && tree.weight() == 0 && tree.get(&tree.at(0).0).is_none());
    tree.insert(&tree.at(0).0, Counted(1, 1));
    assert_eq!(tree.weight(), 1);
}

#[test]
fn a_node_is_512_bytes() {
    assert_eq!(size_of::<super::Leaf<Counted, 63>>(), 512);
    assert_eq!(size_of::<super::Inner<Counted, 25>>(), 512);
}
