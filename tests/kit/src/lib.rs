//! What the tools under `tests/` share. It knows no check, no course and no server: only ports, `/proc`, sockets and bytes.

pub mod hexdump;
pub mod launch;
pub mod ports;
pub mod procfs;
pub mod resp;
pub mod rng;
pub mod sockdiag;
pub mod svg;
pub mod wire;
