//! The append-only file.
use super::super::value::{self, Refusal, shown};
use super::Change::{Anytime, AtStart};
use super::{Config, INT, Parameter, one, row, set, yes_no};
use crate::persist::aof::Policy;

const POLICIES: &[(&str, Policy)] =
    &[("everysec", Policy::EverySecond), ("always", Policy::Always), ("no", Policy::No)];

/// The parameters.
pub static LOG: &[Parameter] = &[
    row("appendonly", Anytime, |c| yes_no(c.appendonly), |c, w| set_flag(&mut c.appendonly, w)),
    row("appendfsync", Anytime, |c| value::word(c.appendfsync, POLICIES), set_policy),
    row(
        "appendfilename",
        AtStart,
        |c| shown(&c.appendfilename),
        |c, w| set_name(&mut c.appendfilename, w, "appendfilename can't be a path, just a filename"),
    ),
    row(
        "appenddirname",
        AtStart,
        |c| shown(&c.appenddirname),
        |c, w| set_name(&mut c.appenddirname, w, "appenddirname can't be a path, just a dirname"),
    ),
    row(
        "aof-use-rdb-preamble",
        Anytime,
        |c| yes_no(c.aof_use_rdb_preamble),
        |c, w| set_flag(&mut c.aof_use_rdb_preamble, w),
    ),
    row(
        "aof-load-truncated",
        Anytime,
        |c| yes_no(c.aof_load_truncated),
        |c, w| set_flag(&mut c.aof_load_truncated, w),
    ),
    row(
        "aof-timestamp-enabled",
        Anytime,
        |c| yes_no(c.aof_timestamp_enabled),
        |c, w| set_flag(&mut c.aof_timestamp_enabled, w),
    ),
    row(
        "no-appendfsync-on-rewrite",
        Anytime,
        |c| yes_no(c.no_appendfsync_on_rewrite),
        |c, w| set_flag(&mut c.no_appendfsync_on_rewrite, w),
    ),
    row(
        "auto-aof-rewrite-percentage",
        Anytime,
        |c| shown(c.auto_aof_rewrite_percentage),
        |c, w| set(&mut c.auto_aof_rewrite_percentage, w, INT),
    ),
    row(
        "auto-aof-rewrite-min-size",
        Anytime,
        |c| shown(c.auto_aof_rewrite_min_size),
        |c, w| {
            c.auto_aof_rewrite_min_size = value::memory(one(w)?, 0..=i64::MAX as u64)?;
            Ok(())
        },
    ),
];

fn set_flag(flag: &mut bool, words: &[&[u8]]) -> Result<(), Refusal> {
    *flag = value::boolean(one(words)?)?;
    Ok(())
}

fn set_policy(config: &mut Config, words: &[&[u8]]) -> Result<(), Refusal> {
    config.appendfsync = value::choice(one(words)?, POLICIES)?;
    Ok(())
}

/// A name of which the names of files are made.
fn set_name(name: &mut String, words: &[&[u8]], not_a_name: &str) -> Result<(), Refusal> {
    let word = std::str::from_utf8(one(words)?).map_err(|_| "a name of UTF-8 is needed")?;
    if word.is_empty() || word == "." || word == ".." || word.contains(['/', '\0']) {
        return Err(not_a_name.into());
    }
    *name = word.into();
    Ok(())
}
