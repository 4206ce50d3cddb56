//! Users: what each of them may do, who was refused, and the rules that say so.
//!
//! A [`User`] has passwords and selectors. A [`Selector`] permits some commands on some keys and channels; a request runs if
//! one selector permits all of it ([`User::denies`]). [`rules`] changes a user by one rule (`+get`, `~cache:*`, `>secret`),
//! [`describe`] says in rules what a user may do, [`file`] reads and writes users as a file has them. Nothing here knows the
//! command table: rules name commands by a [`Catalogue`], which the floor of the commands makes.
pub mod catalogue;
pub mod commands;
pub mod describe;
pub mod file;
pub mod log;
pub mod password;
pub mod rules;
pub mod selector;
pub mod sha256;
pub mod user;
pub mod users;

pub use catalogue::Catalogue;
pub use selector::{Denial, Reason, Request, Selector};
pub use user::User;
pub use users::{UserId, Users};
