//! The longest that the keyspace works in one piece when much is to be freed: `longest [KEYS] [MEGABYTES]`.
//!
//! Each scene is an operation and the rounds of background work that follow it, timed one by one by thread CPU time, so that
//! other programs do not count. It is run three times, and the smallest of the three figures is printed, in microseconds: of the
//! operation, and of the longest round after it. For scenes that store a long value the same is done to a new key
//! first: that is what a copy costs.
use nix::time::{ClockId, clock_gettime};
use phase4_keyspace::keyspace::{Deadline, Event, Hasher, Keyspace};

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
    println!("{:34} {:>12} {:>14} {:>8}", "", "operation", "longest round", "rounds");
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
    let (mut operation, mut longest, mut rounds) = (f64::MAX, f64::MAX, 0);
    for _ in 0..RUNS {
        let mut keyspace = Keyspace::with_hasher(1, Hasher::with_key(3, 4));
        keyspace.set_now(1);
        (scene.before)(&mut keyspace);
        let (took, ()) = timed(|| (scene.operation)(&mut keyspace));
        operation = took.min(operation);
        let (mut of_this_run, mut more) = (0.0_f64, true);
        rounds = 0;
        while more {
            let (took, wait) = timed(|| keyspace.cron(true));
            of_this_run = took.max(of_this_run);
            more = wait.is_some_and(|wait| wait <= 1);
            rounds += 1;
        }
        longest = of_this_run.min(longest);
    }
    println!("{:34} {operation:>12.1} {longest:>14.1} {rounds:>8}", scene.name);
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
