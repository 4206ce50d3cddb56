//! CRC-64 as RDB has it (Jones's polynomial, reflected, no inversion), eight bytes a step.
//!
//! A checksum is a division in which nothing is carried. One table says what a byte does to the remainder; eight tables say
//! what it does when so many bytes follow it, so that eight bytes can be looked up side by side.

/// The polynomial ad93d235_94c935a9 with its bits in the order in which they are met.
const POLYNOMIAL: u64 = 0x95ac_9329_ac4b_c9b5;

static TABLES: [[u64; 256]; 8] = tables();

const fn tables() -> [[u64; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let (mut crc, mut bit) = (byte as u64, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut followed = 1;
    while followed < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[followed - 1][byte];
            tables[followed][byte] = tables[0][(before & 0xff) as usize] ^ before >> 8;
            byte += 1;
        }
        followed += 1;
    }
    tables
}

/// The checksum of what `crc` is the checksum of, with `bytes` behind it. It begins with 0.
pub fn update(mut crc: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let mixed = (crc ^ u64::from_le_bytes(*word)).to_le_bytes();
        crc = mixed.iter().zip(TABLES.iter().rev()).fold(0, |sum, (byte, table)| sum ^ table[*byte as usize]);
    }
    rest.iter().fold(crc, |crc, byte| TABLES[0][(crc as u8 ^ byte) as usize] ^ crc >> 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_is_rediss() {
        assert_eq!(update(0, b"123456789"), 0xe9c6_d914_c4b8_d9ca);
    }

    #[test]
    fn eight_at_a_time_and_one_by_one_agree() {
        let bytes: Vec<u8> = (0..100u8).map(|n| n.wrapping_mul(37)).collect();
        let single = bytes.iter().fold(0, |crc, byte| update(crc, &[*byte]));
        for cut in 0..bytes.len() {
            assert_eq!(update(update(0, &bytes[..cut]), &bytes[cut..]), single);
        }
    }
}
