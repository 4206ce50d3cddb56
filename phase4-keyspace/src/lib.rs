//! Phase 4: a hashtable store that real Redis clients talk to, on phase 3's loop.
//!
//! From phase 3 to phase 4 the loop stays and the decoder changes. `examples/tiny.rs` is the whole idea in three hundred
//! lines: read it first. The crate is a house of seven floors. A room uses
//! rooms of its own floor that stand above it in this table, and rooms of the floors below; nothing climbs, and nothing
//! below [`server`] knows that sockets exist. A test reads every `use` line and holds them to this order.
//!
//! | floor | room | what it is for |
//! |---|---|---|
//! | 1 knows no Redis | [`clock`] | what time it is |
//! | 1 | [`log`] | lines for the operator |
//! | 1 | [`text`] | numbers and patterns written as text |
//! | 1 | [`error`] | what can be wrong with a request, in Redis's words |
//! | 1 | `hash` | the keyed hash, SipHash-1-3 |
//! | 1 | `random` | cheap random numbers |
//! | 1 | [`memory`] | vectors that never move, cache lines, the allocator, what is in use |
//! | 2 bytes and tables | [`wire`] | bytes to requests and replies to bytes: RESP, inline, framed |
//! | 2 | `record` | the heap of records: a reference to a key and its value |
//! | 2 | `dict` | linear hashing: a hash to a reference |
//! | 3 values | `types` | what a key can hold |
//! | 4 the keyspace | [`keyspace`] | numbered databases: what a lookup means, who dies next, what changed |
//! | 4 | [`persist`] | snapshots and the append-only file, in Redis's formats |
//! | 5 what a server is | [`config`] | parameters, from the file and at run time |
//! | 5 | [`access`] | users, what each of them may do, who was refused |
//! | 5 | [`state`] | databases, clients, counters: everything a command may touch, without control flow |
//! | 5 | [`deliver`] | the gate for output: bytes to any client, limits by class |
//! | 6 commands | [`command`] | the table, one family of commands a file |
//! | 7 running it | [`server`] | whose turn it is, may it run, run it, tell the others |
//!
//! **The way of a `GET`**: phase 3's loop reads → [`server`] is handed the bytes → [`server::batch`] finds requests in them
//! ([`wire::resp`]), resolves names ([`command::lookup`]), hashes keys and asks for their cache lines → [`server::admit`]
//! says whether it may run → [`server::execute`] calls the command's function → [`keyspace`] → `dict` → `record` →
//! [`wire::reply`] appends the answer → [`server::unit`] learns what changed → the loop sends. Down once, up once.
//!
//! **First evening**: [`wire::resp`], [`command::string`], [`keyspace`], `dict`, `record`. **Wings**, to be read when
//! needed: [`server::batch`] (asking for memory ahead), [`text::extended`] (`INCRBYFLOAT`'s 80-bit numbers),
//! [`command::server`] (INFO, CONFIG, COMMAND), [`config`].
pub mod access;
pub mod clock;
pub mod command;
pub mod config;
pub mod deliver;
mod dict;
pub mod error;
mod hash;
pub mod keyspace;
pub mod log;
pub mod memory;
pub mod persist;
mod random;
mod record;
pub mod server;
pub mod state;
pub mod text;
mod types;
pub mod wire;
