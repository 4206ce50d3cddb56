//! Telling glibc's allocator how to treat this server's 16 KiB pages.
#![allow(unsafe_code, reason = "mallopt(3) has no safe wrapper; nothing here touches memory")]

/// Has every block of 16 KiB or more mapped for itself, so that freeing one gives exactly it back to the kernel.
///
/// By default glibc carves blocks under 128 KiB (and, after the first free of a larger one, of up to 32 MiB) out of one
/// growing heap, and can only give back that heap's end: a page in the middle stays, and when the last block at the end
/// goes, everything free below it is returned in one call, milliseconds long. To be called once, before the first key.
/// Where the allocator is not glibc's, nothing happens.
pub fn map_pages_apart() {
    #[cfg(target_env = "gnu")]
    {
        const PAGE: libc::c_int = 16 * 1024;
        // The kernel's own default limit is 65,530 mappings; neighbours count as one.
        const MAPPINGS: libc::c_int = 1 << 30;
        // SAFETY: mallopt takes two integers and sets a parameter of the allocator under the allocator's own lock.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, PAGE);
            libc::mallopt(libc::M_MMAP_MAX, MAPPINGS);
        }
    }
}
