//! Phase 3: one thread, one loop, any number of clients.
//!
//! Reuses phase 1's socket calls and phase 2's frame *decoder*; leaves behind their blocking helpers, because
//! `read_full` inside a loop over nonblocking descriptors would stop every client for the sake of one.
//!
//! Each room uses only those above it in this table (a test holds them to it). The first evening reads the core, from
//! `examples/tiny.rs`, which is the whole idea in a hundred lines, to [`echo`]; the wings are read when needed.
//!
//! | part | room | idea |
//! |---|---|---|
//! | core | [`syscalls`] | recv and send that never wait |
//! | wing | [`buffers`] | a pool of buffers: an idle connection owns none |
//! | wing | [`timers`] | what has to be looked at again, and when |
//! | core | [`poller`] | who is ready? poll(2) and epoll(7) behind one interface |
//! | core | [`slab`] | whose event is it? Connections by slot and generation |
//! | wing | [`limits`] | what one connection may hold, and for how long |
//! | core | [`connection`] | what one client may do now: a state machine over two buffers |
//! | wing | [`trace`] | what the loop did, for a viewer |
//! | core | [`outbox`] | what a service may ask of the loop during a turn |
//! | core | [`service`] | the seam to whatever answers: three methods |
//! | core | [`event_loop`] | the tick: `turn.rs` reads and serves, `flush.rs` sends. Its wings: `accept.rs`, `timeouts.rs`, `batch.rs`, `signals.rs`, `shutdown.rs` |
//! | core | [`echo`] | the smallest service |
//!
//! **The way of a request**: [`event_loop`] waits at the [`poller`] → `turn.rs` finds the [`connection`] in the [`slab`],
//! reads, and lends its buffers to a turn → the [`service`] appends its reply → `flush.rs` sends what all turns of the tick have
//! appended, one write per connection. `examples/edge.rs` shows the other way to ask epoll.
pub mod buffers;
pub mod connection;
pub mod echo;
pub mod event_loop;
pub mod limits;
pub mod outbox;
pub mod poller;
pub mod service;
pub mod slab;
pub mod syscalls;
pub mod timers;
pub mod trace;
