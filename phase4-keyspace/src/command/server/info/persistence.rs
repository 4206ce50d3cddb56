//! What `INFO` tells of snapshots and of the append-only file.
use std::time::Duration;

use super::{Page, absent};

/// The section.
pub fn section(page: &mut Page<'_>) {
    let persist = &page.state.persist;
    let seconds = |took: Option<Duration>| took.map_or(-1, |took| took.as_secs() as i64);
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
    let (size, base, waiting) = (aof.size(), aof.base_size, aof.log.bytes().len());
    let (enabled, busy, delayed) = (aof.is_on(), aof.sync.is_busy(), aof.delayed);
    page.field("aof_enabled", u8::from(enabled));
    page.field("aof_last_write_status", if page.state.aof.failure.is_some() { "err" } else { "ok" });
    if !enabled {
        return;
    }
    page.field("aof_current_size", size);
    page.field("aof_base_size", base);
    page.field("aof_pending_rewrite", 0);
    page.field("aof_buffer_length", waiting);
    page.field("aof_pending_bio_fsync", u8::from(busy));
    page.field("aof_delayed_fsync", delayed);
}
