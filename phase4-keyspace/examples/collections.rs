//! Collections as they grow, and as they are freed: `collections [MOST] [NAME]`, of all kinds or of one.
//!
//! The first table shows what an operation takes at a thousand elements, and a hundred and ten thousand times as many, in
//! nanoseconds. The second shows the longest single operation while a collection grows to MOST, and the longest piece in which
//! it is freed, in microseconds of thread CPU time: for each operation the least of three runs, which do the same one by one,
//! and of these the greatest.
use std::time::Instant;

use nix::time::{ClockId, clock_gettime};
use phase4_keyspace::keyspace::{
    Deadline, Edit, Entry, Event, Hash, Hasher, Key, Keyspace, List, ListRef, Set, Value, ZSet, ZSetRef,
};

const RUNS: usize = 3;
/// Operations timed for a figure of the first table.
const SAMPLE: u64 = 20_000;

fn main() {
    let most = std::env::args().nth(1).and_then(|most| most.replace('_', "").parse().ok());
    let most: u64 = most.unwrap_or(10_000_000);
    println!(
        "{:>10} {:>8} {:>8} {:>12} {:>13} {:>11} {:>8} {:>8} {:>8}",
        "elements", "ZADD", "ZRANK", "LINDEX first", "LINDEX middle", "LINDEX last", "SADD", "HSET", "SPOP"
    );
    let all = std::env::args().len() < 3;
    for size in [1_000, 100_000, 10_000_000].into_iter().filter(|size| *size <= most && all) {
        growth(size);
    }
    println!(
        "\n{:>24} {:>10} {:>10} {:>14} {:>8}",
        format!("{most} elements"),
        "growing",
        "operation",
        "longest round",
        "rounds"
    );
    let grown = [
        ("sorted set", zadd as Grow),
        ("list", rpush),
        ("hash", hset),
        ("set", sadd),
        ("integers", integers),
    ];
    let wanted = std::env::args().nth(2);
    for (name, grow) in grown.into_iter().filter(|(name, _)| wanted.as_ref().is_none_or(|it| it == name)) {
        let growing = longest_growing(grow, most);
        for (how, end) in [("DEL", delete as End), ("SET over it", overwrite), ("expiry", expire)] {
            let (operation, round, rounds) = freed(grow, end, most);
            println!(
                "{:>24} {growing:>10.1} {operation:>10.1} {round:>14.1} {rounds:>8}",
                format!("{name}, {how}")
            );
        }
    }
}

/// Adds element number `n`.
type Grow = fn(&mut Keyspace, u64);
/// Does away with the collection.
type End = fn(&mut Keyspace);

const NAME: &[u8] = b"collection";

fn fresh() -> Keyspace {
    let mut keyspace = Keyspace::with_hasher(1, Hasher::with_key(3, 4));
    keyspace.set_now(1);
    keyspace
}

fn key(keyspace: &Keyspace) -> Key<'static> {
    keyspace.hasher.key(NAME)
}

/// Any number below 2^31, another one for each `n`.
fn scattered(n: u64) -> u64 {
    n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33
}

fn zadd(keyspace: &mut Keyspace, n: u64) {
    let (key, member) = (key(keyspace), format!("member:{n:09}"));
    let score = scattered(n) as f64;
    let added = keyspace.db_mut(0).edit::<ZSet, _>(key, Event::ZAdd, |zset, rules| {
        zset.update(member.as_bytes(), rules, |_| Some(score));
        Edit::Changed(())
    });
    added.expect("it is a sorted set");
}

fn rpush(keyspace: &mut Keyspace, n: u64) {
    let (key, element) = (key(keyspace), format!("element:{n:08}"));
    let pushed = keyspace.db_mut(0).edit::<List, _>(key, Event::RPush, |list, rules| {
        list.push(element.as_bytes(), false, rules);
        Edit::Changed(())
    });
    pushed.expect("it is a list");
}

fn hset(keyspace: &mut Keyspace, n: u64) {
    let (key, field) = (key(keyspace), format!("field:{n:010}"));
    let set = keyspace.db_mut(0).edit::<Hash, _>(key, Event::HSet, |hash, rules| {
        hash.set(field.as_bytes(), b"value of 16 bytes", rules);
        Edit::Changed(())
    });
    set.expect("it is a hash");
}

fn sadd(keyspace: &mut Keyspace, n: u64) {
    add(keyspace, Entry::Bytes(format!("member:{n:09}").as_bytes()));
}

fn integers(keyspace: &mut Keyspace, n: u64) {
    add(keyspace, Entry::Integer(n as i64));
}

fn add(keyspace: &mut Keyspace, member: Entry<'_>) {
    let key = key(keyspace);
    let added = keyspace.db_mut(0).edit::<Set, _>(key, Event::SAdd, |set, rules| {
        set.add(member, rules);
        Edit::Changed(())
    });
    added.expect("it is a set");
}

fn spop(keyspace: &mut Keyspace, n: u64) {
    let (key, mut draw) = (key(keyspace), n);
    let popped = keyspace.db_mut(0).update::<Set, _>(key, Event::SPop, |set, _| {
        let random = || {
            draw = draw.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            draw ^ draw >> 29
        };
        Edit::Changed(set.pop(random))
    });
    assert!(popped.expect("it is a set").is_some());
}

fn delete(keyspace: &mut Keyspace) {
    let key = key(keyspace);
    keyspace.db_mut(0).remove(key, Event::Del);
}

fn overwrite(keyspace: &mut Keyspace) {
    let key = key(keyspace);
    keyspace.db_mut(0).set_string(key, b"short", Deadline::Clear, Event::Set);
}

fn expire(keyspace: &mut Keyspace) {
    let key = key(keyspace);
    keyspace.db_mut(0).set_deadline(key, Some(2), Event::Expire);
    keyspace.set_now(3);
}

fn growth(size: u64) {
    let mut keyspace = fresh();
    (0..size).for_each(|n| zadd(&mut keyspace, n));
    let add = mean(SAMPLE, |n| zadd(&mut keyspace, size + n));
    let rank = mean(SAMPLE, |n| {
        let member = format!("member:{:09}", scattered(n) % size);
        assert!(zset(&keyspace).rank(member.as_bytes()).is_some());
    });
    delete(&mut keyspace);
    (0..size).for_each(|n| rpush(&mut keyspace, n));
    let index = |at: u64| mean(SAMPLE, |_| assert!(list(&keyspace).get(at).is_some()));
    let (first, middle, last) = (index(0), index(size / 2), index(size - 1));
    delete(&mut keyspace);
    (0..size).for_each(|n| hset(&mut keyspace, n));
    let set = mean(SAMPLE, |n| hset(&mut keyspace, size + n));
    delete(&mut keyspace);
    (0..size).for_each(|n| sadd(&mut keyspace, n));
    let member = mean(SAMPLE, |n| sadd(&mut keyspace, size + n));
    let pop = mean(SAMPLE, |n| spop(&mut keyspace, n));
    println!(
        "{size:>10} {add:>8.0} {rank:>8.0} {first:>12.0} {middle:>13.0} {last:>11.0} {member:>8.0} {set:>8.0} {pop:>8.0}"
    );
}

fn zset(keyspace: &Keyspace) -> ZSetRef<'_> {
    match keyspace.db(0).value(key(keyspace)) {
        Some(Value::ZSet(zset)) => zset,
        _ => panic!("it is a sorted set"),
    }
}

fn list(keyspace: &Keyspace) -> ListRef<'_> {
    match keyspace.db(0).value(key(keyspace)) {
        Some(Value::List(list)) => list,
        _ => panic!("it is a list"),
    }
}

/// Nanoseconds of one operation.
fn mean(count: u64, mut operation: impl FnMut(u64)) -> f64 {
    let start = Instant::now();
    (0..count).for_each(&mut operation);
    start.elapsed().as_nanos() as f64 / count as f64
}

fn longest_growing(grow: Grow, most: u64) -> f64 {
    let mut least = vec![f32::MAX; most as usize];
    for _ in 0..RUNS {
        let mut keyspace = fresh();
        for (n, least) in (0..).zip(&mut least) {
            *least = least.min(timed(|| grow(&mut keyspace, n)).0 as f32);
        }
    }
    least.into_iter().fold(0.0, |greatest, took| f64::from(took).max(greatest))
}

/// The operation, the longest round of background work after it, and how many rounds there were.
fn freed(grow: Grow, end: End, most: u64) -> (f64, f64, usize) {
    let (mut operation, mut rounds) = (f64::MAX, Vec::<f64>::new());
    for _ in 0..RUNS {
        let mut keyspace = fresh();
        (0..most).for_each(|n| grow(&mut keyspace, n));
        operation = timed(|| end(&mut keyspace)).0.min(operation);
        for n in 0.. {
            let (took, wait) = timed(|| keyspace.cron(true));
            match rounds.get_mut(n) {
                Some(least) => *least = took.min(*least),
                None => rounds.push(took),
            }
            if wait.is_none_or(|wait| wait > 1) {
                break;
            }
        }
    }
    (operation, rounds.iter().fold(0.0, |greatest, took| took.max(greatest)), rounds.len())
}

/// Microseconds of this thread's processor time, and the result.
fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = thread_cpu_nanos();
    let result = work();
    ((thread_cpu_nanos() - start) as f64 / 1e3, result)
}

fn thread_cpu_nanos() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every Linux has this clock");
    time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64
}
