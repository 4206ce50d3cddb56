//! Sorted sets against a vector in order, packed and large.
use super::bounds::{Cut, End, by_name, by_score};
use super::merge::Merge;
use super::{ZSet, ZSetRef};
use crate::random::Random;
use crate::types::rules::Rules;

type Model = Vec<(f64, Vec<u8>)>;

fn listed(set: ZSetRef<'_>, span: std::ops::Range<u64>, reverse: bool) -> Model {
    let mut all = Vec::new();
    set.range(span, reverse, |member, score| all.push((score, member.to_vec())));
    all
}

fn score(random: &mut Random) -> f64 {
    match random.below(10) {
        0 => f64::NEG_INFINITY,
        1 => f64::INFINITY,
        2 => -0.0,
        3 => random.below(5) as f64 / 7.0 - 0.3,
        // Scores that agree in their upper halves.
        4 => 1.0 + f64::EPSILON * random.below(9) as f64,
        5 => 1e300 * random.below(3) as f64,
        _ => random.below(40) as f64 - 20.0,
    }
}

fn agree(set: &ZSet, model: &Model, random: &mut Random) {
    let set = set.read();
    let len = model.len() as u64;
    assert_eq!(set.len() as u64, len);
    assert_eq!(&listed(set, 0..len, false), model);
    let start = random.below(model.len() + 1);
    let end = start + random.below(model.len() + 1 - start);
    let mut part = model[start..end].to_vec();
    assert_eq!(listed(set, start as u64..end as u64, false), part);
    part.reverse();
    assert_eq!(listed(set, start as u64..end as u64, true), part);
    for (rank, (score, member)) in model.iter().enumerate() {
        assert_eq!((set.score(member), set.rank(member)), (Some(*score), Some((rank as u64, *score))));
    }
    let (cut, after) = (score(random), random.below(2) == 0);
    let before = model.iter().filter(|(s, _)| *s < cut || (after && *s == cut)).count() as u64;
    assert_eq!(set.count_before(&Cut::Score(cut, after)), before);
    assert_eq!((set.score(b"none"), set.rank(b"none")), (None, None));
}

#[test]
fn agrees_with_a_vector_across_the_thresholds() {
    for (seed, entries, longest, members) in
        [(1, 8, 64, 40), (2, 0, 64, 300), (3, 128, 3, 2000), (4, 128, 64, 90)]
    {
        let mut rules = Rules::default();
        (rules.limits.zset_entries, rules.limits.zset_value) = (entries, longest);
        let mut random = Random(seed);
        let (mut set, mut model): (ZSet, Model) = Default::default();
        for step in 0..20_000 {
            let member = random.below(members).to_string().into_bytes();
            let at = model.iter().position(|(_, other)| *other == member);
            match random.below(if step % 8000 < 5000 { 4 } else { 2 }) {
                0 => {
                    assert_eq!(set.remove(&member), at.is_some());
                    at.map(|at| model.remove(at));
                }
                1 if !model.is_empty() && random.below(20) == 0 => {
                    let start = random.below(model.len());
                    let end = (start + random.below(4)).min(model.len());
                    let mut gone = Vec::new();
                    let reverse = random.below(2) == 0;
                    set.remove_range(start as u64..end as u64, reverse, |m, s| gone.push((s, m.to_vec())));
                    if reverse {
                        gone.reverse();
                    }
                    assert_eq!(gone, model.drain(start..end).collect::<Model>());
                }
                _ => {
                    let new = score(&mut random);
                    set.update(&member, &rules, |old| {
                        assert_eq!(old, at.map(|at| model[at].0));
                        Some(new)
                    });
                    at.map(|at| model.remove(at));
                    let place = model.partition_point(|(s, m)| *s < new || (*s == new && *m < member));
                    model.insert(place, (new, member));
                }
            }
            if step % 250 == 0 {
                agree(&set, &model, &mut random);
            }
        }
        agree(&set, &model, &mut random);
    }
}

#[test]
fn equal_scores_are_cut_by_name() {
    for entries in [0, 128] {
        let mut rules = Rules::default();
        rules.limits.zset_entries = entries;
        let mut set = ZSet::default();
        for member in ["", "a", "ab", "b", "12", "c\0"] {
            set.update(member.as_bytes(), &rules, |_| Some(1.0));
        }
        for (min, max, names) in [
            ("-", "+", &["", "12", "a", "ab", "b", "c\0"][..]),
            ("[a", "(b", &["a", "ab"]),
            ("(a", "[b", &["ab", "b"]),
            ("(", "(12", &[]),
            ("[aa", "[b", &["ab", "b"]),
            ("+", "-", &[]),
            ("[b", "[a", &[]),
        ] {
            let cut = |text: &'static str, end| by_name(text.as_bytes(), end).expect("a cut");
            let span = set.read().span(&cut(min, End::Min), &cut(max, End::Max));
            let found: Vec<Vec<u8>> = listed(set.read(), span, false).into_iter().map(|(_, m)| m).collect();
            assert_eq!(found, names.iter().map(|n| n.as_bytes().to_vec()).collect::<Vec<_>>(), "{min} {max}");
        }
        let all = set.read().span(&by_score(b"(0", End::Min).unwrap(), &by_score(b"1", End::Max).unwrap());
        assert_eq!(all, 0..6);
    }
}

#[test]
fn a_packed_zero_has_no_sign() {
    let mut set = ZSet::default();
    set.update(b"a", &Rules::default(), |_| Some(-0.0));
    assert_eq!(set.read().score(b"a").map(f64::to_bits), Some(0));
    let mut rules = Rules::default();
    rules.limits.zset_entries = 0;
    let mut set = ZSet::default();
    set.update(b"a", &rules, |_| Some(-0.0));
    assert_eq!(set.read().score(b"a").map(f64::to_bits), Some((-0.0f64).to_bits()));
}

#[test]
fn merging_sorts_at_the_end() {
    for (count, packed) in [(100, true), (129, false), (5000, false)] {
        let rules = Rules::default();
        let (mut merge, mut random) = (Merge::new(&rules), Random(count));
        let mut model: std::collections::BTreeMap<Vec<u8>, f64> = Default::default();
        while model.len() < count as usize {
            let member = random.below(3 * count as usize).to_string().into_bytes();
            let score = random.below(50) as f64;
            merge.add(&member, score, |a, b| a + b);
            *model.entry(member).or_default() += score;
        }
        let mut sorted: Model = model.into_iter().map(|(member, score)| (score, member)).collect();
        sorted.sort_by(|a, b| a.partial_cmp(b).expect("no NaN"));
        let set = merge.finish(&rules);
        assert_eq!((listed(set.read(), 0..count, false), matches!(set, ZSet::Packed(_))), (sorted, packed));
    }
}

#[test]
fn a_set_that_shrank_is_compacted_and_is_freed_in_pieces() {
    let mut rules = Rules::default();
    rules.limits.zset_entries = 0;
    let mut set = ZSet::default();
    for n in 0..20_000u32 {
        set.update(format!("member:{n:08}").as_bytes(), &rules, |_| Some(f64::from(n % 100)));
    }
    let bytes = |set: &ZSet| if let ZSet::Large(large) = set { large.bytes() } else { 0 };
    let full = bytes(&set);
    for n in (0..20_000u32).filter(|n| n % 10 != 0) {
        assert!(set.remove(format!("member:{n:08}").as_bytes()));
    }
    for n in (0..20_000u32).step_by(10) {
        assert!(set.read().rank(format!("member:{n:08}").as_bytes()).is_some());
    }
    assert!(bytes(&set) < full / 2, "{} of {full}", bytes(&set));
    let ZSet::Large(large) = &mut set else { panic!("it is large") };
    let mut steps = 0;
    while large.free_some() {
        steps += 1;
    }
    assert!(steps > 5, "{steps} steps");
}
