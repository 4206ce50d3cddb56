//! Phase 3: one thread, one loop, any number of clients.
//!
//! Reuses phase 1's socket calls and phase 2's frame *decoder*; leaves behind their blocking helpers, because
//! `read_full` inside a loop over nonblocking descriptors would stop every client for the sake of one.
//!
//! Each room uses only those above it in this table (a test holds them to it).
//!
//! | room | idea |
//! |---|---|
//! | [`syscalls`] | recv and send that never wait |
//! | [`buffers`] | a pool of buffers: an idle connection owns none |
//! | [`timers`] | what has to be looked at again, and when |
//! | [`poller`] | who is ready? poll(2) and epoll(7) behind one interface |
//! | [`slab`] | whose event is it? Connections by slot and generation |
//! | [`limits`] | what one connection may hold, and for how long |
//! | [`connection`] | what one client may do now: a state machine over two buffers |
//! | [`trace`] | what the loop did, for a viewer |
//! | [`outbox`] | what a service may ask of the loop |
//! | [`service`] | the seam to whatever answers |
//! | [`event_loop`] | the tick, and everything that happens in it |
//! | [`echo`] | the smallest service |
//!
//! Read [`poller`], [`slab`], [`connection`], [`service`], [`event_loop`] and [`echo`], in this order.
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
