//! What the tools under `tests/` share, one of each. It knows no check and no course.
//!
//! - Programs: [`launch`] starts and ends them, [`ports`] finds a free one, [`procfs`] and [`sockdiag`] look at what they do.
//! - Bytes: [`conn`] opens connections, [`wire`] and [`resp`] are the formats, [`hexdump`] shows them, [`rng`] makes them up.
//! - Pictures: [`svg`].

pub mod conn;
pub mod hexdump;
pub mod launch;
pub mod ports;
pub mod procfs;
pub mod resp;
pub mod rng;
pub mod sockdiag;
pub mod svg;
pub mod wire;
