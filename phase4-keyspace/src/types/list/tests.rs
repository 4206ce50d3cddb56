//! Lists against a vector, packed and large.
use super::{List, ListRef};
use crate::random::Random;
use crate::types::rules::Rules;

fn listed(list: ListRef<'_>, from: u64, reverse: bool, most: usize) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    list.walk(from, reverse, |entry| {
        all.push(entry.to_vec());
        all.len() < most
    });
    all
}

fn agree(list: &List, model: &[Vec<u8>], random: &mut Random) {
    let list = list.read();
    assert_eq!(list.len(), model.len() as u64);
    assert_eq!(listed(list, 0, false, usize::MAX), model);
    if model.is_empty() {
        return;
    }
    let from = random.below(model.len());
    assert_eq!(
        listed(list, from as u64, false, 5),
        model[from..].iter().take(5).cloned().collect::<Vec<_>>()
    );
    let back: Vec<_> = model[..=from].iter().rev().take(700).cloned().collect();
    assert_eq!(listed(list, from as u64, true, 700), back);
    for index in [from, 0, model.len() - 1, model.len()] {
        assert_eq!(list.get(index as u64).map(|entry| entry.to_vec()).as_ref(), model.get(index));
    }
}

fn element(random: &mut Random, long: bool) -> Vec<u8> {
    let len = match random.below(40) {
        0 if long => random.below(9000),
        1 if long => 1990 + random.below(20),
        2 => 120 + random.below(20),
        3..20 => return random.below(1000).to_string().into_bytes(),
        _ => random.below(30),
    };
    vec![b'a' + random.below(26) as u8; len]
}

fn edit(seed: u64, size: i64, steps: usize, long: bool) {
    let mut rules = Rules::default();
    rules.limits.list_size = size;
    let mut random = Random(seed);
    let (mut list, mut model): (List, Vec<Vec<u8>>) = Default::default();
    for step in 0..steps {
        // Up to some thousands and down to nothing, several times.
        let growing = step % (steps / 3) < steps / 4;
        let index = match random.below(4) {
            0 => 0,
            1 => model.len(),
            _ => random.below(model.len() + 1),
        };
        match random.below(if growing { 8 } else { 3 }) {
            0 if !model.is_empty() && random.below(2) == 0 => {
                let front = random.below(2) == 0;
                let expected = model.remove(if front { 0 } else { model.len() - 1 });
                list.pop(front, &rules, |entry| assert_eq!(entry.to_vec(), expected));
            }
            0 if !model.is_empty() => {
                let index = index.min(model.len() - 1);
                let most = if growing || random.below(5) > 0 { 3 } else { 300 };
                let count = (random.below(most) + 1).min(model.len() - index);
                list.remove(index as u64, count as u64, &rules);
                model.drain(index..index + count);
            }
            1 if !model.is_empty() => {
                let (index, new) = (index.min(model.len() - 1), element(&mut random, long));
                list.set(index as u64, &new, &rules);
                model[index] = new;
            }
            _ => {
                let new = element(&mut random, long);
                list.insert(index as u64, &new, &rules);
                model.insert(index, new);
            }
        }
        if step % 100 == 0 {
            agree(&list, &model, &mut random);
        }
    }
    agree(&list, &model, &mut random);
    list.remove(0, u64::MAX, &rules);
    assert!(matches!(&list, List::Packed(run) if run.is_empty()));
}

#[test]
fn agrees_with_a_vector_across_the_thresholds() {
    edit(1, -2, 40_000, false);
    edit(2, -2, 20_000, true);
    edit(3, -1, 20_000, true);
    edit(4, 7, 20_000, false);
    edit(5, 1, 5_000, true);
}

#[test]
fn queues_fill_their_chunks_and_give_them_back() {
    const N: u64 = 100_000;
    let rules = Rules::default();
    for front in [false, true] {
        let mut list = List::default();
        for n in 0..N {
            list.push(format!("element:{n:08}").as_bytes(), front, &rules);
        }
        let bytes = |list: &List| if let List::Large(large) = list { large.bytes() } else { 0 };
        assert!(bytes(&list) as u64 <= N * 185 / 10, "{} for {N}", bytes(&list));
        assert_eq!(list.read().get(N / 2).map(|e| e.len()), Some(16));
        // A queue: in at one end, out at the other.
        for n in 0..2 * N {
            list.push(format!("element:{n:08}").as_bytes(), front, &rules);
            list.remove(if front { list.read().len() - 1 } else { 0 }, 1, &rules);
        }
        assert!(bytes(&list) as u64 <= N * 185 / 10 + 20_000, "{} for {N}", bytes(&list));
        // Every second one goes.
        for n in 0..N / 2 {
            list.remove(n, 1, &rules);
        }
        assert!(bytes(&list) as u64 <= N * 185 / 10 * 6 / 10, "{} for half", bytes(&list));
        let List::Large(large) = &mut list else { panic!("it is large") };
        let mut steps = 0;
        while large.free_some() {
            steps += 1;
        }
        assert!(steps > 10, "{steps} steps");
    }
}

#[test]
fn long_elements_are_counted_and_freed() {
    let rules = Rules::default();
    let mut list = List::default();
    for _ in 0..200 {
        list.push(&[b'x'; 100_000], true, &rules);
    }
    let List::Large(large) = &mut list else { panic!("it is large") };
    assert!(large.bytes() > 20_000_000);
    large.set(5, b"short", &rules);
    assert_eq!(large.take_discarded().map(|element| element.len()), Some(100_000));
    list.remove(0, 198, &rules);
    let List::Large(large) = &mut list else { panic!("it is large") };
    assert!(large.bytes() < 300_000, "{}", large.bytes());
    assert_eq!(list.read().index(-1), Some(1));
    assert_eq!(
        (list.read().index(i64::MIN), list.read().index(2), list.read().index(i64::MAX)),
        (None, None, None)
    );
}
