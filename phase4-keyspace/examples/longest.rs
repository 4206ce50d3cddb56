//! The longest that the keyspace works in one piece when much is to be freed: `longest [KEYS] [MEGABYTES]`.
//!
//! Each scene is an operation and the rounds of background work that follow it. Its steps are timed by thread CPU time, so
//! that other programs do not count; each step is given the shortest of three identical runs, and of those the longest is
//! printed, in microseconds, with the number of steps. What a copy of the new value costs is printed beside the
//! scenes that make one.
use nix::time::{ClockId, clock_gettime};
use phase4_keyspace::keyspace::{Deadline, Event, Hasher, Keyspace};
use phase4_keyspace::memory;

const RUNS: usize = 3;

/// A scene: its name, what is there before, and what happens then.
struct Scene<'a> {
    name: &'a str,
    before: &'a dyn Fn(&mut Keyspace),
    operation: &'a dyn Fn(&mut Keyspace),
}

fn main() {
    let mut args = std::env::args().skip(1).map(|a| a.replace('_', "").parse::<usize>());
    let keys = args.next().and_then(Result::ok).unwrap_or(1_000_000);
    let long = args.next().and_then(Result::ok).unwrap_or(512) << 20;
    let (first, same, longer, half) =
        (vec![1; long], vec![2; long], vec![3; long + (1 << 20)], vec![4; long / 2 - 1]);
    let fill = |bytes: usize, deadline: Deadline| {
        move |keyspace: &mut Keyspace| {
            let value = vec![b'v'; bytes];
            for n in 0..keys {
                set(keyspace, format!("key:{n:012}").as_bytes(), &value, deadline);
            }
        }
    };
    let long_one = |keyspace: &mut Keyspace| set(keyspace, b"long", &first, Deadline::Clear);
    println!("{keys} keys, a string of {} MiB; thread CPU time, microseconds\n", long >> 20);
    println!("{:34} {:>10} {:>10} {:>10} {:>8}", "", "operation", "longest", "second", "steps");
    for (name, value) in [("the same length", &same), ("a little longer", &longer), ("half", &half)] {
        scene(&Scene {
            name: &format!("SET {name}, to a new key"),
            before: &long_one,
            operation: &|keyspace| set(keyspace, b"another", value, Deadline::Clear),
        });
        scene(&Scene {
            name: &format!("SET {name}, over it"),
            before: &long_one,
            operation: &|keyspace| set(keyspace, b"long", value, Deadline::Clear),
        });
    }
    scene(&Scene {
        name: "SET of 3 bytes over it",
        before: &long_one,
        operation: &|keyspace| set(keyspace, b"long", b"xyz", Deadline::Clear),
    });
    scene(&Scene {
        name: "UNLINK of it",
        before: &long_one,
        operation: &|keyspace| {
            let hasher = keyspace.hasher.clone();
            keyspace.db_mut(0).remove(hasher.key(b"long"), Event::Del);
        },
    });
    let flush: &dyn Fn(&mut Keyspace) = &|keyspace| keyspace.db_mut(0).clear();
    for bytes in [3, 1024, 8192] {
        scene(&Scene {
            name: &format!("FLUSHALL of {bytes} bytes each"),
            before: &fill(bytes, Deadline::Clear),
            operation: flush,
        });
    }
    for bytes in [3, 1024] {
        scene(&Scene {
            name: &format!("expiry of {bytes} bytes each"),
            before: &fill(bytes, Deadline::At(1_000)),
            operation: &|keyspace| keyspace.set_now(2_000),
        });
    }
}

fn set(keyspace: &mut Keyspace, key: &[u8], value: &[u8], deadline: Deadline) {
    let hasher = keyspace.hasher.clone();
    keyspace.db_mut(0).set_string(hasher.key(key), value, deadline, Event::Set);
}

fn scene(scene: &Scene<'_>) {
    let mut fewest: Vec<u64> = Vec::new();
    for _ in 0..RUNS {
        let mut keyspace = Keyspace::with_hasher(1, Hasher::with_key(3, 4));
        keyspace.set_now(1);
        (scene.before)(&mut keyspace);
        let mut step = 0;
        let mut timed = |work: &mut dyn FnMut() -> bool| {
            let start = thread_cpu_nanos();
            let more = work();
            let took = thread_cpu_nanos() - start;
            match fewest.get_mut(step) {
                Some(fewest) => *fewest = took.min(*fewest),
                None => fewest.push(took),
            }
            step += 1;
            more
        };
        timed(&mut || {
            (scene.operation)(&mut keyspace);
            true
        });
        while timed(&mut || keyspace.cron(true).is_some_and(|wait| wait <= 1)) {}
    }
    let operation = fewest[0];
    let mut after = fewest.split_off(1);
    after.sort_unstable();
    let micros = |nanos: Option<&u64>| nanos.map_or(0.0, |nanos| *nanos as f64 / 1e3);
    println!(
        "{:34} {:>10.1} {:>10.1} {:>10.1} {:>8}   {:>4} MB in use",
        scene.name,
        micros(Some(&operation)),
        micros(after.last()),
        micros(after.iter().rev().nth(1)),
        after.len(),
        memory::used() >> 20
    );
}

fn thread_cpu_nanos() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every Linux has this clock");
    time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64
}
