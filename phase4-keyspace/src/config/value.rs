//! Text to value, with redis.conf's units and Redis's words for what is wrong.
use std::ops::RangeInclusive;

/// What is wrong with a value.
pub type Refusal = String;

/// `yes` or `no`.
pub fn boolean(text: &str) -> Result<bool, Refusal> {
    match text {
        _ if text.eq_ignore_ascii_case("yes") => Ok(true),
        _ if text.eq_ignore_ascii_case("no") => Ok(false),
        _ => Err("argument must be 'yes' or 'no'".into()),
    }
}

/// A number within a range.
pub fn number(text: &str, range: RangeInclusive<u64>) -> Result<u64, Refusal> {
    let value: i128 = text.parse().map_err(|_| "argument couldn't be parsed into an integer".to_string())?;
    within(value, range)
}

/// A number of bytes, with a unit or without one, within a range.
pub fn memory(text: &str, range: RangeInclusive<u64>) -> Result<u64, Refusal> {
    let value = bytes(text).ok_or("argument must be a memory value")?;
    within(i128::from(value), range)
}

fn within(value: i128, range: RangeInclusive<u64>) -> Result<u64, Refusal> {
    let fitting = u64::try_from(value).ok().filter(|value| range.contains(value));
    fitting.ok_or_else(|| format!("argument must be between {} and {} inclusive", range.start(), range.end()))
}

/// `1k` is 1000 bytes, `1kb` is 1024, and so on for `m`, `mb`, `g`, `gb`.
pub fn bytes(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// One word out of several.
pub fn choice<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, Refusal> {
    let found = choices.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        format!("argument(s) must be one of the following: {}", words.join(", "))
    })
}

/// The word of a value.
pub fn word<T: Copy + PartialEq>(value: T, choices: &[(&'static str, T)]) -> String {
    choices.iter().find(|(_, one)| *one == value).map_or("", |(word, _)| word).to_string()
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
        ];
        for (text, expected) in cases {
            assert_eq!(bytes(text), Some(expected), "{text}");
        }
        for text in ["", "x", "1zz", "-1", "1.5mb", "99999999999gb", "kb"] {
            assert!(memory(text, 0..=u64::MAX).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_out_of_range_name_the_range() {
        assert_eq!(number("-1", 0..=5), Err("argument must be between 0 and 5 inclusive".into()));
        assert_eq!(number("x", 0..=5), Err("argument couldn't be parsed into an integer".into()));
        assert_eq!(number("5", 0..=5), Ok(5));
    }
}
