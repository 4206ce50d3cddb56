//! Who may do what.
use std::os::unix::ffi::OsStrExt;

use super::super::value;
use super::Change::{Anytime, AtStart};
use super::{INT, Parameter, one, path, row, set};
use crate::config::value::shown;

const CHANNELS: &[(&str, bool)] = &[("allchannels", true), ("resetchannels", false)];

/// The parameters. Users themselves have lines of their own (`user name rules`).
pub static ACCESS: &[Parameter] = &[
    row(
        "aclfile",
        AtStart,
        |c| c.aclfile.as_os_str().as_bytes().into(),
        |c, w| {
            c.aclfile = path(one(w)?);
            Ok(())
        },
    ),
    row("acllog-max-len", Anytime, |c| shown(c.acllog_max_len), |c, w| set(&mut c.acllog_max_len, w, INT)),
    row(
        "acl-pubsub-default",
        Anytime,
        |c| value::word(c.open_channels, CHANNELS),
        |c, w| {
            c.open_channels = value::choice(one(w)?, CHANNELS)?;
            Ok(())
        },
    ),
];
