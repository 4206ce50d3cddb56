//! Caches as they are told in papers, to compare the server with: each knows which objects it holds and nothing else.
mod clock;
mod lru;
pub mod redis;
mod s3fifo;
mod sieve;

pub use clock::Clock;
pub use lru::Lru;
pub use redis::Redis;
pub use s3fifo::S3Fifo;
pub use sieve::Sieve;

/// A cache that holds so many objects.
pub trait Cache {
    /// An object is asked for: whether it was there. If not, it is now, and another may be gone.
    fn request(&mut self, object: u64) -> bool;
}
