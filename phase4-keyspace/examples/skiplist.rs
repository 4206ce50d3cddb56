//! The skiplist with spans, as Redis keeps its sorted sets in order, measured: `skiplist [MEMBERS]`. The counted tree stands in
//! `types/tree.rs`, and `ordered` measures it.
//!
//! A skiplist (Pugh, 1990) is a sorted linked list with express lanes. Every node is in lane 0, one in four of those in lane 1,
//! one in four of those in lane 2, and so on: a search goes along the highest lane as far as it can, drops down one, and needs
//! about log n steps. A *span* on each link says how many nodes it passes over; the sum of the spans on the way to a node is
//! its rank. What an insert has to mend is the links at which the search dropped down, and nothing else: no node is ever
//! split, joined or moved. That is its charm. Its price is that each step is another node somewhere in memory.
use std::time::Instant;

/// Lanes at most: enough for 4^16 nodes.
const LANES: usize = 16;
/// One in so many nodes of a lane is in the next.
const THINNING: u64 = 4;
/// No node. Number 0 is the head, which stands in front of all and is in every lane.
const HEAD: u32 = 0;
const NONE: u32 = u32::MAX;

/// A link in one lane.
#[derive(Clone, Copy)]
struct Link {
    to: u32,
    /// Nodes from here to there; to the end of the list where there is none.
    span: u32,
}

struct Node {
    score: f64,
    member: u32,
    /// A link in each lane that the node is in.
    links: Box<[Link]>,
}

/// Members by score, and by number where scores are equal.
struct SkipList {
    nodes: Vec<Node>,
    /// Numbers of nodes that were removed.
    vacant: Vec<u32>,
    /// Lanes in use.
    lanes: usize,
    len: u32,
    random: u64,
}

/// Where a search dropped down: in each lane, the last node before the place, and how many stand up to it.
type Trail = [(u32, u32); LANES];

impl SkipList {
    fn new() -> Self {
        let head = Node {
            score: f64::NEG_INFINITY,
            member: 0,
            links: vec![Link { to: NONE, span: 0 }; LANES].into_boxed_slice(),
        };
        SkipList { nodes: vec![head], vacant: Vec::new(), lanes: 1, len: 0, random: 88_172_645_463_325_252 }
    }

    /// Lanes of a new node: one, and with a chance of one in four one more, and so on.
    fn toss(&mut self) -> usize {
        let mut lanes = 1;
        loop {
            // Xorshift (Marsaglia, 2003).
            self.random ^= self.random << 13;
            self.random ^= self.random >> 7;
            self.random ^= self.random << 17;
            if lanes == LANES || !(self.random >> 20).is_multiple_of(THINNING) {
                return lanes;
            }
            lanes += 1;
        }
    }

    // ANCHOR: skiplist-search
    /// Goes to the place of this member: along each lane while the next node stands before it, then down.
    fn search(&self, score: f64, member: u32) -> Trail {
        let mut trail = [(HEAD, 0); LANES];
        let (mut at, mut passed) = (HEAD, 0);
        for lane in (0..self.lanes).rev() {
            loop {
                let Link { to, span } = self.nodes[at as usize].links[lane];
                let before = to != NONE && {
                    let next = &self.nodes[to as usize];
                    next.score < score || (next.score == score && next.member < member)
                };
                if !before {
                    break;
                }
                (at, passed) = (to, passed + span);
            }
            trail[lane] = (at, passed);
        }
        trail
    }
    // ANCHOR_END: skiplist-search

    /// The node behind a trail's end, if it is this member's.
    fn found(&self, trail: &Trail, score: f64, member: u32) -> Option<u32> {
        let to = self.nodes[trail[0].0 as usize].links[0].to;
        let node = self.nodes.get(to as usize)?;
        (node.score == score && node.member == member).then_some(to)
    }

    /// Adds a member that is not there.
    fn insert(&mut self, score: f64, member: u32) {
        let trail = self.search(score, member);
        let (lanes, rank) = (self.toss(), trail[0].1);
        while self.lanes < lanes {
            // A lane not used so far has one link, from the head to the end.
            self.nodes[HEAD as usize].links[self.lanes] = Link { to: NONE, span: self.len };
            self.lanes += 1;
        }
        let fresh = self.vacant.pop().unwrap_or(self.nodes.len() as u32);
        let mut links = vec![Link { to: NONE, span: 0 }; lanes].into_boxed_slice();
        for (lane, (from, passed)) in (0..self.lanes).zip(trail) {
            let link = &mut self.nodes[from as usize].links[lane];
            if lane < lanes {
                // The link that led over the place is cut in two.
                links[lane] = Link { to: link.to, span: link.span - (rank - passed) };
                *link = Link { to: fresh, span: rank - passed + 1 };
            } else {
                link.span += 1;
            }
        }
        let node = Node { score, member, links };
        match self.nodes.get_mut(fresh as usize) {
            Some(vacant) => *vacant = node,
            None => self.nodes.push(node),
        }
        self.len += 1;
    }

    /// Removes a member; whether it was there.
    fn remove(&mut self, score: f64, member: u32) -> bool {
        let trail = self.search(score, member);
        let Some(gone) = self.found(&trail, score, member) else { return false };
        let links = std::mem::take(&mut self.nodes[gone as usize].links);
        for (lane, (from, _)) in (0..self.lanes).zip(trail) {
            let link = &mut self.nodes[from as usize].links[lane];
            if link.to == gone {
                *link = Link { to: links[lane].to, span: link.span + links[lane].span - 1 };
            } else {
                link.span -= 1;
            }
        }
        while self.lanes > 1 && self.nodes[HEAD as usize].links[self.lanes - 1].to == NONE {
            self.lanes -= 1;
        }
        self.vacant.push(gone);
        self.len -= 1;
        true
    }

    /// How many members stand in front of this one, if it is there.
    fn rank(&self, score: f64, member: u32) -> Option<u32> {
        let trail = self.search(score, member);
        self.found(&trail, score, member).map(|_| trail[0].1)
    }

    /// `count` members from a rank on.
    fn range(&self, rank: u32, count: usize) -> Vec<u32> {
        let (mut at, mut passed) = (HEAD, 0);
        for lane in (0..self.lanes).rev() {
            loop {
                let Link { to, span } = self.nodes[at as usize].links[lane];
                if to == NONE || passed + span > rank {
                    break;
                }
                (at, passed) = (to, passed + span);
            }
        }
        let mut members = Vec::new();
        let mut next = self.nodes[at as usize].links[0].to;
        while next != NONE && members.len() < count {
            let node = &self.nodes[next as usize];
            members.push(node.member);
            next = node.links[0].to;
        }
        members
    }
}

/// Any number, another one for each `n`.
fn scattered(n: u32) -> u32 {
    n.wrapping_mul(0x9E37_79B1).rotate_left(15).wrapping_mul(0x85EB_CA6B)
}

/// Against a sorted vector, or the figures would be worth nothing.
fn check() {
    let (mut list, mut model) = (SkipList::new(), Vec::<(u32, u32)>::new());
    for step in 0..20_000 {
        let (score, member) = (scattered(step) % 50, scattered(step + 1) % 400);
        match model.binary_search(&(score, member)) {
            Ok(at) => {
                assert_eq!(list.rank(score.into(), member), Some(at as u32));
                assert!(list.remove(score.into(), member));
                model.remove(at);
            }
            Err(at) => {
                assert!(!list.remove(score.into(), member));
                list.insert(score.into(), member);
                model.insert(at, (score, member));
            }
        }
        if step % 100 == 0 {
            let from = (step as usize / 3) % (model.len() + 1);
            let expected: Vec<u32> = model[from..].iter().take(20).map(|(_, member)| *member).collect();
            assert_eq!(list.range(from as u32, 20), expected);
        }
    }
    assert_eq!(list.len as usize, model.len());
}

fn main() {
    check();
    let most = std::env::args().nth(1).and_then(|most| most.replace('_', "").parse().ok());
    let most: u32 = most.unwrap_or(1_000_000);
    println!(
        "{:>10} {:>8} {:>8} {:>8} {:>13}   nanoseconds",
        "members", "add", "update", "rank", "range of 100"
    );
    for members in [1_000, 100_000, 1_000_000, 10_000_000].into_iter().filter(|members| *members <= most) {
        let mut list = SkipList::new();
        let score = |n: u32| f64::from(scattered(n) >> 2);
        (0..members).for_each(|n| list.insert(score(n), n));
        let add = mean(|n| list.insert(score(members + n), members + n));
        let update = mean(|n| {
            assert!(list.remove(score(members + n), members + n));
            list.insert(score(n) + 0.5, members + n);
        });
        let rank = mean(|n| {
            let n = scattered(n) % members;
            assert!(list.rank(score(n), n).is_some());
        });
        let range = mean(|n| assert_eq!(list.range(scattered(n) % (members - 100), 100).len(), 100));
        println!("{members:>10} {add:>8.0} {update:>8.0} {rank:>8.0} {range:>13.0}");
    }
}

/// Nanoseconds of one operation.
fn mean(mut operation: impl FnMut(u32)) -> f64 {
    const SAMPLE: u32 = 20_000;
    let start = Instant::now();
    (0..SAMPLE).for_each(&mut operation);
    start.elapsed().as_nanos() as f64 / f64::from(SAMPLE)
}
