//! Integers as Redis reads and writes them: one spelling for each value, so that `01`, `+1`, ` 1` and `-0` are strings.

/// Reads a signed 64-bit integer in its only spelling: no leading zeros, plus sign, blanks or `-0`.
pub fn parse(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] if digits.len() <= 19 => {}
        _ => return None,
    }
    // Nineteen digits stay below 10^19, which a u64 still holds: the range is checked once, at the end.
    let mut magnitude: u64 = 0;
    for &byte in digits {
        if !byte.is_ascii_digit() {
            return None;
        }
        magnitude = magnitude * 10 + u64::from(byte - b'0');
    }
    match negative {
        true => 0i64.checked_sub_unsigned(magnitude),
        false => i64::try_from(magnitude).ok(),
    }
}

/// Reads the integer that a text begins with, as C's `atoi` does: blanks before it and anything behind are passed over, no
/// digits are a zero, and what is beyond 32 bits is cut off.
pub fn leading(text: &[u8]) -> i32 {
    let text = text.trim_ascii_start();
    let (negative, digits) = signed(text);
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let value =
        digits.fold(0_i64, |value, digit| value.saturating_mul(10).saturating_add((digit - b'0').into()));
    (if negative { -value } else { value }) as i32
}

/// Reads an unsigned 64-bit integer as C's `strtoul` does, which is how Redis reads SCAN's cursor: a sign is accepted,
/// a negative number wraps around, and no digits at all are a zero; a NUL ends the text. Leading blanks and anything behind
/// are not accepted.
pub fn parse_cursor(text: &[u8]) -> Option<u64> {
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    if text.is_empty() {
        return Some(0);
    }
    let (negative, digits) = signed(text);
    wrapped(negative, digits)
}

/// Reads an unsigned 64-bit integer as C's `strtoull` does, which is how Redis reads the halves of a stream's ID: blanks, a
/// plus sign and zeros may stand in front. A negative number in its one spelling is refused; in any other, as in Redis, it
/// wraps around.
pub fn parse_unsigned(text: &[u8]) -> Option<u64> {
    let blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let trimmed = &text[text.iter().take_while(|byte| blank(byte)).count()..];
    let (negative, digits) = signed(trimmed);
    if negative && parse(text).is_some() {
        return None;
    }
    wrapped(negative, digits)
}

/// Whether a minus sign stands in front, and what stands behind the sign.
fn signed(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    }
}

/// An unsigned integer of nothing but digits, at least one; a negative one wraps around.
fn wrapped(negative: bool, digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let mut value: u64 = 0;
    for &byte in digits {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?;
    }
    Some(if negative { value.wrapping_neg() } else { value })
}

/// The decimal digits of an integer, without an allocation.
pub struct Decimal {
    buf: [u8; DECIMAL_LEN],
    start: usize,
}

impl Decimal {
    /// Writes `value` out.
    pub fn new(value: i64) -> Self {
        let mut buf = [0; DECIMAL_LEN];
        let start = DECIMAL_LEN - decimal(value, &mut buf).len();
        Decimal { buf, start }
    }

    /// The same for a value that may need all 64 bits.
    pub fn unsigned(value: u64) -> Self {
        let mut buf = [0; DECIMAL_LEN];
        let start = digits(value, &mut buf);
        Decimal { buf, start }
    }

    /// The digits, with a minus sign if there is one.
    pub fn as_bytes(&self) -> &[u8] {
        &self.buf[self.start..]
    }
}

/// Length of `i64::MIN` in decimal, and of `u64::MAX`.
pub const DECIMAL_LEN: usize = 20;

/// The numbers below a hundred, two digits each.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut n = 0;
    while n < pairs.len() {
        pairs[n] = [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
        n += 1;
    }
    pairs
};

/// Writes a number in decimal to the end of `buf`.
pub fn decimal(value: i64, buf: &mut [u8; DECIMAL_LEN]) -> &[u8] {
    let mut start = digits(value.unsigned_abs(), buf);
    if value < 0 {
        start -= 1;
        buf[start] = b'-';
    }
    &buf[start..]
}

/// Where the digits begin that it writes to the end of `buf`. By hand, because `write!` costs ten times as much, and by
/// twos, because a division is the dearest step.
fn digits(value: u64, buf: &mut [u8; DECIMAL_LEN]) -> usize {
    let (mut rest, mut at) = (value, DECIMAL_LEN);
    while rest >= 10 {
        at -= 2;
        buf[at..at + 2].copy_from_slice(&PAIRS[(rest % 100) as usize]);
        rest /= 100;
    }
    if rest > 0 || at == DECIMAL_LEN {
        at -= 1;
        buf[at] = b'0' + rest as u8;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_only_the_one_spelling() {
        for (text, value) in [("0", 0), ("7", 7), ("-1", -1), ("10", 10), ("1234567890123", 1234567890123)] {
            assert_eq!(parse(text.as_bytes()), Some(value), "{text}");
        }
        for text in ["", "-", "+1", "01", "-0", "-01", " 1", "1 ", "1.0", "1e3", "0x1", "--1", "1\0", "٣"] {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn stops_at_the_ends_of_the_range() {
        assert_eq!(parse(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!(parse(b"-9223372036854775808"), Some(i64::MIN));
        for text in
            ["9223372036854775808", "-9223372036854775809", "9999999999999999999", "10000000000000000000"]
        {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for value in [0, 1, 9, 10, -1, -10, 12345, i64::MAX, i64::MIN, i64::MIN + 1] {
            assert_eq!(Decimal::new(value).as_bytes(), value.to_string().as_bytes());
            assert_eq!(parse(Decimal::new(value).as_bytes()), Some(value));
        }
        assert_eq!(Decimal::unsigned(u64::MAX).as_bytes(), b"18446744073709551615");
    }

    #[test]
    fn reads_what_a_text_begins_with_as_atoi_does() {
        for (text, value) in [("", 0), ("x1", 0), ("2x", 2), (" 1", 1), ("+1", 1), ("-3 ", -3), ("1.5", 1)] {
            assert_eq!(leading(text.as_bytes()), value, "{text:?}");
        }
        assert_eq!((leading(b"4294967297"), leading(b"99999999999999999999")), (1, -1));
    }

    #[test]
    fn reads_halves_of_ids_as_strtoull_does() {
        for (text, value) in [("0", 0), ("007", 7), ("\x0b +7", 7), ("18446744073709551615", u64::MAX)] {
            assert_eq!(parse_unsigned(text.as_bytes()), Some(value), "{text:?}");
        }
        assert_eq!((parse_unsigned(b"-01"), parse_unsigned(b" -1")), (Some(u64::MAX), Some(u64::MAX)));
        for text in ["", "-1", "-", "+", "1 ", "x", "- 1", "18446744073709551616"] {
            assert_eq!(parse_unsigned(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn reads_cursors_as_strtoul_does() {
        for (text, value) in [("", 0), ("0", 0), ("007", 7), ("+7", 7), ("18446744073709551615", u64::MAX)] {
            assert_eq!(parse_cursor(text.as_bytes()), Some(value), "{text:?}");
        }
        assert_eq!(parse_cursor(b"-1"), Some(u64::MAX));
        for text in ["-", "+", " 1", "1 ", "x", "18446744073709551616"] {
            assert_eq!(parse_cursor(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn decimals_are_what_std_writes() {
        for value in [0, 1, 9, 10, 99, 100, 12345, -1, -10, i64::MAX, i64::MIN, i64::MIN + 1] {
            assert_eq!(decimal(value, &mut [0; DECIMAL_LEN]), value.to_string().as_bytes());
        }
    }
}
