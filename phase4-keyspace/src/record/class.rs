//! Size classes: how much room a record gets.
//!
//! A page holds slots of one size only, so that any freed slot fits the next record of its class, and a page without
//! records can be given back whole. Up to 256 bytes every multiple of 8 is a class; above, eight classes to each
//! doubling, so that at most an eighth is wasted. A record ends there; the chunks of a list are longer, up to half a page,
//! and each of their classes is a whole fraction of one.

/// Records, slots and references count in units of 8 bytes.
pub const UNIT: usize = 8;
/// The largest record: eight to a page. Longer values live in the side slab.
pub const MAX_RECORD: usize = 2048;
/// The largest slot: two to a page.
pub const MAX_SLOT: usize = 8192;
/// Number of size classes.
pub const CLASSES: usize = 62;
/// Units of a page.
const PAGE_UNITS: usize = 2 * MAX_SLOT / UNIT;
/// Number of those for records.
const RECORDS: usize = 56;

/// Units of each class, ascending.
static UNITS: [u16; CLASSES] = {
    let mut units = [0; CLASSES];
    let (mut class, mut size, mut step) = (0, 0_u16, 1);
    while class < CLASSES {
        if class >= RECORDS {
            // Seven to a page, six, … two.
            units[class] = (PAGE_UNITS / (7 - (class - RECORDS))) as u16;
            class += 1;
            continue;
        }
        size += step;
        units[class] = size;
        class += 1;
        // 32 units are reached in steps of one; 64 in steps of four, 128 of eight, 256 of sixteen.
        if size.is_power_of_two() && size >= 32 {
            step = size / 8;
        }
    }
    units
};

/// The class of each record size, in units.
static CLASS: [u8; MAX_SLOT / UNIT + 1] = {
    let mut classes = [0; MAX_SLOT / UNIT + 1];
    let (mut size, mut class) = (0, 0);
    while size < classes.len() {
        if size > UNITS[class] as usize {
            class += 1;
        }
        classes[size] = class as u8;
        size += 1;
    }
    classes
};

/// The class of a record of this many bytes, at most [`MAX_SLOT`].
#[inline]
pub fn class_of(bytes: usize) -> usize {
    usize::from(CLASS[bytes.div_ceil(UNIT)])
}

/// The units of a slot of this class.
#[inline]
pub fn units_of(class: usize) -> usize {
    usize::from(UNITS[class])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_fit_and_waste_at_most_an_eighth() {
        assert_eq!(units_of(RECORDS - 1) * UNIT, MAX_RECORD);
        for bytes in 1..=MAX_RECORD {
            let slot = units_of(class_of(bytes)) * UNIT;
            assert!(slot >= bytes, "{bytes} in {slot}");
            assert!(slot < bytes + UNIT + if bytes > 256 { bytes / 8 } else { 0 }, "{bytes} in {slot}");
        }
        assert_eq!((class_of(24), class_of(25), class_of(256), class_of(257)), (2, 3, 31, 32));
    }

    #[test]
    fn chunks_fill_their_pages() {
        for bytes in MAX_RECORD + 1..=MAX_SLOT {
            let units = units_of(class_of(bytes));
            assert!(
                units * UNIT >= bytes && PAGE_UNITS % units < PAGE_UNITS / units,
                "{bytes}: {units} units"
            );
        }
        assert_eq!(units_of(CLASSES - 1) * UNIT, MAX_SLOT);
    }
}
