//! Phase 3: one thread, one loop, any number of clients.
//!
//! Reuses phase 1's socket calls and phase 2's frame *decoder*; leaves behind their blocking helpers, because
//! `read_full` inside a loop over nonblocking descriptors would stop every client for the sake of one.
//!
//! Read it in this order: [`poller`] (who is ready?), [`slab`] (whose event is it?), [`connection`] (what may it do now?),
//! [`service`] (the seam to whatever answers), [`event_loop`] (the tick), and [`echo`], the smallest service.
pub mod buffers;
pub mod connection;
pub mod echo;
pub mod event_loop;
pub mod outbox;
pub mod poller;
pub mod service;
pub mod slab;
pub mod syscalls;
pub mod timers;
pub mod trace;
