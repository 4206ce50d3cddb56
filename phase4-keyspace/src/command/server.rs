//! Commands about the server itself: its parameters, its figures, its own command table.
pub mod admin;
pub mod commands;
pub mod config;
pub mod debug;
pub mod info;
pub mod latency;
pub mod memory;
pub mod monitor;
pub mod persistence;
pub mod slowlog;
