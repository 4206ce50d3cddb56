//! Text to value, with redis.conf's units and Redis's words for what is wrong. A value is bytes: a password may be any.
use std::fmt::Display;
use std::ops::RangeInclusive;

use crate::text::integer;

/// What is wrong with a value.
pub type Refusal = String;

/// `yes` or `no`.
pub fn boolean(text: &[u8]) -> Result<bool, Refusal> {
    match text {
        _ if text.eq_ignore_ascii_case(b"yes") => Ok(true),
        _ if text.eq_ignore_ascii_case(b"no") => Ok(false),
        _ => Err("argument must be 'yes' or 'no'".into()),
    }
}

/// A number within a range, in its one spelling: neither `+5` nor `007` is one.
pub fn number(text: &[u8], range: RangeInclusive<u64>) -> Result<u64, Refusal> {
    let value = integer::parse(text).ok_or("argument couldn't be parsed into an integer")?;
    within(value.into(), range)
}

/// The same for a number that may be negative.
pub fn signed(text: &[u8], range: RangeInclusive<i64>) -> Result<i64, Refusal> {
    let value = integer::parse(text).ok_or("argument couldn't be parsed into an integer")?;
    let fitting = Some(value).filter(|value| range.contains(value));
    fitting.ok_or_else(|| format!("argument must be between {} and {} inclusive", range.start(), range.end()))
}

/// A number of bytes, with a unit or without one, within a range.
pub fn memory(text: &[u8], range: RangeInclusive<u64>) -> Result<u64, Refusal> {
    let value = bytes(text).ok_or("argument must be a memory value")?;
    within(value.into(), range)
}

fn within(value: i128, range: RangeInclusive<u64>) -> Result<u64, Refusal> {
    let fitting = u64::try_from(value).ok().filter(|value| range.contains(value));
    fitting.ok_or_else(|| format!("argument must be between {} and {} inclusive", range.start(), range.end()))
}

/// `1k` is 1000 bytes, `1kb` is 1024, and so on for `m`, `mb`, `g`, `gb`. No digits are a 0, as in Redis; what is beyond 64
/// bits is the largest number there is.
pub fn bytes(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    let digit = |number: u64, byte: &u8| number.saturating_mul(10).saturating_add(u64::from(byte - b'0'));
    Some(number.iter().fold(0, digit).saturating_mul(factor))
}

/// One word out of several.
pub fn choice<T: Copy>(text: &[u8], choices: &[(&str, T)]) -> Result<T, Refusal> {
    let found = choices.iter().find(|(word, _)| word.as_bytes().eq_ignore_ascii_case(text));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        format!("argument(s) must be one of the following: {}", words.join(", "))
    })
}

/// The word of a value.
pub fn word<T: Copy + PartialEq>(value: T, choices: &[(&'static str, T)]) -> Vec<u8> {
    shown(choices.iter().find(|(_, one)| *one == value).map_or("", |(word, _)| word))
}

/// A value as `CONFIG GET` shows it.
pub fn shown(value: impl Display) -> Vec<u8> {
    value.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_units_are_redis_confs() {
        let cases = [
            ("100", 100),
            ("1k", 1000),
            ("1kb", 1024),
            ("2MB", 2 << 20),
            ("1gb", 1 << 30),
            ("1G", 1_000_000_000),
            ("7b", 7),
            ("007mb", 7 << 20),
            ("", 0),
            ("kb", 0),
            ("18446744073709551615", u64::MAX),
            ("99999999999999999999999999999", u64::MAX),
            ("99999999999gb", u64::MAX),
        ];
        for (text, expected) in cases {
            assert_eq!(bytes(text.as_bytes()), Some(expected), "{text}");
        }
        for text in ["x", "1zz", "-1", "+1", " 1", "1 mb", "1.5mb"] {
            let refused = Err("argument must be a memory value".to_string());
            assert_eq!(memory(text.as_bytes(), 0..=u64::MAX), refused, "{text}");
        }
        let refused = "argument must be between 1 and 9223372036854775807 inclusive".to_string();
        for text in ["", "0mb", "9223372036854775808", "99999999999gb"] {
            assert_eq!(memory(text.as_bytes(), 1..=i64::MAX as u64), Err(refused.clone()), "{text}");
        }
    }

    #[test]
    fn numbers_out_of_range_name_the_range() {
        assert_eq!(number(b"-1", 0..=5), Err("argument must be between 0 and 5 inclusive".into()));
        assert_eq!(number(b"6", 0..=5), Err("argument must be between 0 and 5 inclusive".into()));
        assert_eq!(number(b"5", 0..=5), Ok(5));
        let twenty_nines = "9".repeat(29);
        for text in ["", "x", "+5", "005", " 5", "5 ", "-0", "0x5", "9223372036854775808", &twenty_nines] {
            let refused = Err("argument couldn't be parsed into an integer".into());
            assert_eq!(number(text.as_bytes(), 0..=5), refused, "{text}");
        }
    }
}
