//! What `INFO` tells of snapshots and of the append-only file.
use std::time::Duration;

use super::{Page, absent};

/// The section.
pub fn section(page: &mut Page<'_>) {
    let persist = &page.state.persist;
    let fields = [
        ("rdb_changes_since_last_save", page.state.unsaved() as i64),
        ("rdb_bgsave_in_progress", persist.saving.is_some().into()),
        ("rdb_last_save_time", persist.last_save as i64),
        ("rdb_last_bgsave_time_sec", seconds(persist.last_took)),
        ("rdb_current_bgsave_time_sec", seconds(persist.saving.map(|saving| saving.started.elapsed()))),
        ("rdb_saves", persist.saves as i64),
        ("rdb_last_load_keys_expired", persist.loaded.expired as i64),
        ("rdb_last_load_keys_loaded", persist.loaded.keys as i64),
    ];
    let status = if persist.failed { "err" } else { "ok" };
    for (name, value) in fields {
        page.field(name, value);
    }
    page.field("rdb_last_bgsave_status", status);
    page.absent(absent::PERSISTENCE);
    log(page);
}

/// The append-only file.
fn log(page: &mut Page<'_>) {
    let aof = &page.state.aof;
    let (rewrite, enabled) = (&aof.rewrite, aof.is_on());
    let status = |failed: bool| if failed { "err" } else { "ok" };
    let (writes, rewrites) = (status(aof.failure.is_some()), status(rewrite.failures > 0));
    let fields = [
        ("aof_enabled", enabled.into()),
        ("aof_rewrite_in_progress", rewrite.child.is_some().into()),
        ("aof_rewrite_scheduled", rewrite.scheduled.into()),
        ("aof_last_rewrite_time_sec", seconds(rewrite.last_took)),
        ("aof_current_rewrite_time_sec", seconds(rewrite.child.map(|child| child.started.elapsed()))),
        ("aof_rewrites", rewrite.rewrites as i64),
        ("aof_rewrites_consecutive_failures", rewrite.failures.into()),
    ];
    let while_on = [
        ("aof_current_size", aof.size()),
        ("aof_base_size", aof.base_size),
        ("aof_pending_rewrite", rewrite.scheduled.into()),
        ("aof_buffer_length", aof.log.bytes().len() as u64),
        ("aof_pending_bio_fsync", aof.sync.is_busy().into()),
        ("aof_delayed_fsync", aof.delayed),
    ];
    fields.iter().for_each(|(name, value)| page.field(name, value));
    page.field("aof_last_bgrewrite_status", rewrites);
    page.field("aof_last_write_status", writes);
    if enabled {
        while_on.iter().for_each(|(name, value)| page.field(name, value));
    }
}

fn seconds(took: Option<Duration>) -> i64 {
    took.map_or(-1, |took| took.as_secs() as i64)
}
