//! `INFO memory`.
use super::{Page, absent};
use crate::memory::alloc::handed_out;
use crate::memory::{self, process};

/// The section itself.
pub fn section(page: &mut Page<'_>) {
    let (used, resident) = (memory::used() as u64, process::resident() as u64);
    let peak = (page.state.peak_memory as u64).max(used);
    page.state.peak_memory = peak as usize;
    let dataset = page.state.keyspace.bytes() as u64;
    page.bytes("used_memory", used);
    page.bytes("used_memory_rss", resident);
    page.bytes("used_memory_peak", peak);
    page.field("used_memory_peak_perc", format_args!("{:.2}%", percent(used, peak)));
    page.field("used_memory_overhead", used.saturating_sub(dataset));
    page.field("used_memory_startup", page.state.startup_memory);
    page.field("used_memory_dataset", dataset.min(used));
    page.field("used_memory_dataset_perc", format_args!("{:.2}%", percent(dataset.min(used), used)));
    page.bytes("total_system_memory", process::total_system() as u64);
    page.bytes("maxmemory", page.state.config.maxmemory);
    page.field("maxmemory_policy", page.state.config.eviction.policy.name());
    page.field("mem_fragmentation_ratio", format_args!("{:.2}", resident as f64 / used.max(1) as f64));
    page.field("mem_fragmentation_bytes", resident as i64 - used as i64);
    // Active is what was handed out, free slots of record pages included: what malloc keeps besides cannot be asked for.
    let active = (handed_out() as u64).max(used);
    page.field("allocator_allocated", used);
    page.field("allocator_active", active);
    page.field("allocator_resident", resident);
    page.field("allocator_frag_ratio", format_args!("{:.2}", active as f64 / used.max(1) as f64));
    page.field("allocator_frag_bytes", active - used);
    page.field("allocator_rss_ratio", format_args!("{:.2}", resident as f64 / active.max(1) as f64));
    page.field("allocator_rss_bytes", resident as i64 - active as i64);
    page.field("rss_overhead_ratio", "1.00");
    page.field("rss_overhead_bytes", 0);
    page.field("mem_clients_normal", page.buffers.bytes);
    page.field("mem_allocator", if cfg!(target_env = "gnu") { "libc" } else { "unknown" });
    page.absent(absent::MEMORY);
    page.field("mem_not_counted_for_evict", page.state.not_counted());
    page.field("mem_aof_buffer", page.state.aof.log.capacity());
    page.field("lazyfree_pending_objects", page.state.keyspace.lazyfree_pending());
    page.field("lazyfreed_objects", page.state.keyspace.lazyfreed());
}

fn percent(part: u64, whole: u64) -> f64 {
    part as f64 * 100.0 / whole.max(1) as f64
}

/// `1.44M`
pub fn human(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let mut amount = bytes as f64;
    for unit in ["K", "M", "G", "T", "P"] {
        amount /= 1024.0;
        if amount < 1024.0 {
            return format!("{amount:.2}{unit}");
        }
    }
    format!("{:.2}E", amount / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::human;

    #[test]
    fn bytes_for_people() {
        let cases = [(0, "0B"), (1023, "1023B"), (1024, "1.00K"), (1_511_464, "1.44M"), (1 << 30, "1.00G")];
        for (bytes, text) in cases {
            assert_eq!(human(bytes), text);
        }
    }
}
