//! Why threads that share `k++` lose updates, and one thread with a queue of requests does not.
//!
//! ```console
//! $ cargo run -p phase1-echo --example counter-race
//! ```
//!
//! `k++` is three steps: load k, add one, store k. Two threads that both load 10 both store 11, and one increment is
//! gone. In C the plain `k++` shows it (and is undefined behaviour); safe Rust refuses to compile it, so here the load and
//! the store are written apart, on an atomic: exactly the machine's three steps, and the same loss.
//!
//! Three cures. A lock makes the three steps one, and every thread wait. An atomic `fetch_add` makes them one
//! instruction, which works for one number but not for "if this key exists, move it there". The third is the one this
//! course builds: many clients, *one* thread that takes their requests from a queue and runs each to its end. Nothing is
//! shared, so nothing is locked, and every command is atomic, however many steps it has.
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Instant;

const THREADS: u64 = 4;
const EACH: u64 = 250_000;

// ANCHOR: race-unprotected
/// Load and store are two steps, and another thread may run between them.
fn unprotected() -> u64 {
    let k = AtomicU64::new(0);
    on_threads(|| {
        let loaded = k.load(Relaxed);
        k.store(loaded + 1, Relaxed);
    });
    k.into_inner()
}
// ANCHOR_END: race-unprotected

fn locked() -> u64 {
    let k = Mutex::new(0);
    on_threads(|| *k.lock().unwrap_or_else(PoisonError::into_inner) += 1);
    k.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn one_instruction() -> u64 {
    let k = AtomicU64::new(0);
    on_threads(|| {
        k.fetch_add(1, Relaxed);
    });
    k.into_inner()
}

// ANCHOR: race-queue
/// The event loop's way: clients only ask, and one thread, which alone owns `k`, executes.
fn one_thread_with_a_queue() -> u64 {
    enum Request {
        Incr,
    }
    let (requests, queue) = mpsc::channel();
    let event_loop = thread::spawn(move || {
        let mut k = 0_u64;
        for request in queue {
            match request {
                Request::Incr => k += 1,
            }
        }
        k
    });
    on_threads({
        let requests = requests.clone();
        move || requests.send(Request::Incr).expect("the loop runs until the last sender is gone")
    });
    drop(requests);
    event_loop.join().expect("counting does not panic")
}
// ANCHOR_END: race-queue

fn on_threads(increment: impl Fn() + Sync) {
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..EACH).for_each(|_| increment()));
        }
    });
}

fn main() {
    let expected = THREADS * EACH;
    println!("{THREADS} clients ask for k++ {EACH} times each; k should be {expected}");
    for (name, count) in [
        ("load, then store (k++)", unprotected as fn() -> u64),
        ("a lock around k++", locked),
        ("one atomic instruction", one_instruction),
        ("one thread, one queue", one_thread_with_a_queue),
    ] {
        let start = Instant::now();
        let k = count();
        let lost = expected - k;
        println!("{name:<24} k = {k:>9}   lost {lost:>9}   {:>6.1} ms", start.elapsed().as_secs_f64() * 1e3);
    }
}
