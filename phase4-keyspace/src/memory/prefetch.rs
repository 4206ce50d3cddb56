//! Asking for memory before it is needed.
//!
//! A load that misses every cache takes as long as two hundred instructions, and the commands behind it wait. A prefetch
//! asks for the same cache line and waits for nothing: it yields no value, an address that is not mapped is ignored, and
//! ten or more can be under way at once. Where the processor has no such instruction that Rust can name, nothing is asked
//! for, and the program does the same, later.
#![allow(
    unsafe_code,
    reason = "the prefetch instruction is an intrinsic; it reads no value and cannot fault"
)]

/// Bytes that travel together between memory and cache on the machines this is tuned for. A wrong number costs speed only.
const CACHE_LINE: usize = 64;

// ANCHOR: prefetch
/// Asks for the cache line at this address, which need not be valid.
#[inline(always)]
pub fn line<T>(at: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the instruction is a hint (Intel SDM, PREFETCHh): it reads no value into the program and raises no fault,
        // whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) };
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: PRFM is a hint (Arm ARM, C6.2): it changes no register and no memory, and raises no synchronous fault.
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{at}]", at = in(reg) at, options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = at;
}
// ANCHOR_END: prefetch

/// Asks for every cache line of so many bytes from this address on.
#[inline(always)]
pub fn lines(at: *const u8, bytes: usize) {
    line(at);
    // What does not begin at a line's border ends in one more.
    line(at.wrapping_add(bytes).wrapping_sub(1));
    if bytes > CACHE_LINE {
        (CACHE_LINE..bytes).step_by(CACHE_LINE).for_each(|offset| line(at.wrapping_add(offset)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_address_may_be_asked_for_and_nothing_changes() {
        let bytes = [7_u8; 300];
        lines(bytes.as_ptr(), bytes.len());
        lines(bytes.as_ptr(), 0);
        line(std::ptr::null::<u8>());
        line(usize::MAX as *const u8);
        assert_eq!(bytes, [7; 300]);
    }
}
