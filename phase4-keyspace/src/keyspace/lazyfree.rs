//! Freeing without a pause: what is large is freed a piece at a time.
//!
//! Giving 512 MB back to the kernel in one call takes it about 40 ms, and so does every other free of millions of bytes or
//! of thousands of blocks. So a value is dropped here or there only if it is small. To be rid of a large one, or of a
//! whole store, hand it to [`Lazyfree`]; [`super::Keyspace::cron`] frees a share of what waits, bounded by time, in every
//! tick until nothing is left.
use std::time::{Duration, Instant};

use super::Object;
use crate::memory::chunks::Chunks;

/// Smaller objects are freed at once: giving back sixteen pages is a matter of microseconds.
const LARGE: usize = 64 * 1024;
/// How long a share of freeing takes.
const SHARE: Duration = Duration::from_micros(250);
/// Small objects of a store freed between two looks at the clock.
const SMALL_AT_ONCE: usize = 16;

/// Values and stores that no key leads to any more.
#[derive(Default)]
pub struct Lazyfree {
    objects: Chunks<Object, 256>,
    stores: Vec<Detached>,
    freed: u64,
}

/// A structure that is no longer wanted and can be taken apart piece by piece.
pub trait Pieces {
    /// An object of it; `None` when there is none left.
    fn pop_object(&mut self) -> Option<Object>;
    /// Frees a piece of its tables; whether anything is left.
    fn release(&mut self) -> bool;
    /// Bytes of memory in use, the objects' own possessions aside.
    fn bytes(&self) -> usize;
}

/// A database's store that FLUSHDB has replaced.
struct Detached {
    store: Box<dyn Pieces>,
    /// Keys that it had, less those whose objects have become entries of their own.
    keys: u64,
}

impl Lazyfree {
    /// Frees an object: now if it is small, else a piece at a time.
    pub fn object(&mut self, object: Object) {
        if object.bytes() >= LARGE {
            self.objects.push(object);
        }
    }

    /// Frees a store that had so many keys, a piece at a time.
    pub fn store(&mut self, store: Box<dyn Pieces>, keys: u64) {
        self.stores.push(Detached { store, keys });
    }

    /// Frees one piece; whether anything is left.
    pub fn step(&mut self) -> bool {
        if let Some(mut object) = self.objects.pop() {
            if object.free_some() {
                self.objects.push(object);
            } else {
                self.freed += 1;
            }
        } else if let Some(Detached { store, keys }) = self.stores.last_mut() {
            for _ in 0..SMALL_AT_ONCE {
                match store.pop_object() {
                    Some(object) if object.bytes() >= LARGE => {
                        *keys = keys.saturating_sub(1);
                        self.objects.push(object);
                        break;
                    }
                    Some(_small) => {}
                    None if store.release() => break,
                    None => {
                        self.freed += *keys;
                        self.stores.pop();
                        break;
                    }
                }
            }
        }
        self.objects.len() > 0 || !self.stores.is_empty()
    }

    /// Frees pieces until the share that began at `start` is over; whether anything is left.
    pub fn share(&mut self, start: Instant) -> bool {
        while self.step() {
            if start.elapsed() >= SHARE {
                return true;
            }
        }
        false
    }

    /// Whether nothing waits.
    pub fn is_idle(&self) -> bool {
        self.objects.len() == 0 && self.stores.is_empty()
    }

    /// Values that wait.
    pub fn pending(&self) -> u64 {
        self.objects.len() as u64 + self.stores.iter().map(|detached| detached.keys).sum::<u64>()
    }

    /// Values freed here so far.
    pub fn freed(&self) -> u64 {
        self.freed
    }

    /// Bytes of the stores that wait.
    pub fn bytes(&self) -> usize {
        self.objects.bytes() + self.stores.iter().map(|detached| detached.store.bytes()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_string_shrinks_in_steps() {
        let mut lazyfree = Lazyfree::default();
        lazyfree.object(Object::String(vec![1; 8 << 20]));
        let (mut steps, mut before) = (1, 8 << 20);
        while lazyfree.step() {
            steps += 1;
            let left = lazyfree.objects[0].bytes();
            assert!((1..=1 << 20).contains(&(before - left)), "{before} to {left}");
            before = left;
        }
        assert!(steps >= 8, "{steps} steps");
        assert_eq!((lazyfree.pending(), lazyfree.freed()), (0, 1));
    }

    #[test]
    fn a_share_ends_with_its_time() {
        let mut lazyfree = Lazyfree::default();
        for _ in 0..100 {
            lazyfree.object(Object::String(vec![1; 2 << 20]));
        }
        let long_ago = Instant::now().checked_sub(SHARE).expect("the machine has been up for longer");
        assert!(lazyfree.share(long_ago));
        assert_eq!(lazyfree.objects.len(), 100, "one step of the last one's four");
        let before = lazyfree.pending();
        while lazyfree.share(Instant::now()) {}
        assert_eq!((before, lazyfree.pending(), lazyfree.freed()), (100, 0, 100));
    }

    #[test]
    fn small_values_do_not_wait() {
        let mut lazyfree = Lazyfree::default();
        lazyfree.object(Object::String(vec![1; LARGE - 1]));
        assert!(lazyfree.is_idle() && lazyfree.freed() == 0);
    }
}
