//! Floating-point numbers as Redis reads and writes a score: what C's `strtod` takes, and `%.17g`.
//!
//! Seventeen digits tell every `f64` from its neighbours, and show what was lost when it was read: 0.1 is written as
//! `0.10000000000000001`. (Whole numbers of moderate size come out as they went in.)
use std::io::Write;

use super::integer::Decimal;

/// The longest: sign, seventeen digits, point, and an exponent such as `e-308`.
const LONGEST: usize = 24;
/// Whole numbers below this are exact, and their own text.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// Reads a score: a number from the first byte to the last, decimal, hexadecimal or infinite, but not beyond an `f64`'s
/// range and not NaN.
pub fn parse(text: &[u8]) -> Option<f64> {
    // Most scores are short whole numbers.
    if let [b'1'..=b'9', rest @ ..] = text
        && text.len() <= 15
        && rest.iter().all(u8::is_ascii_digit)
    {
        return Some(text.iter().fold(0u64, |n, byte| n * 10 + u64::from(byte - b'0')) as f64);
    }
    let (value, len, out_of_range) = strtod(text);
    let whole = !text.is_empty() && len == text.len() && !text[0].is_ascii_whitespace() && text[0] != 0x0b;
    (whole && !out_of_range && !value.is_nan()).then_some(value)
}

/// Reads what `SORT` sorts by: blanks in front are skipped, nothing at all is a zero, a NUL ends the text.
pub fn parse_weight(text: &[u8]) -> Option<f64> {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let (value, len, out_of_range) = strtod(text);
    (len == text.len() && !out_of_range && !value.is_nan()).then_some(value)
}

/// Reads the bound of a range, which is read more kindly: blanks in front are skipped, nothing at all is a zero, a NUL ends
/// the text, and what is beyond the range is infinite.
pub fn parse_bound(text: &[u8]) -> Option<f64> {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let (value, len, _) = strtod(text);
    ((len == text.len()) && !value.is_nan()).then_some(value)
}

/// The number at the start of a text, the bytes that it takes, and whether it is beyond what an `f64` can hold. Without a
/// number: zero, of no bytes.
fn strtod(text: &[u8]) -> (f64, usize, bool) {
    let blanks = text.iter().take_while(|b| b.is_ascii_whitespace() || **b == 0x0b).count();
    let (negative, sign) = match text.get(blanks) {
        Some(b'-') => (true, 1),
        Some(b'+') => (false, 1),
        _ => (false, 0),
    };
    let start = blanks + sign;
    let rest = &text[start..];
    let begins = |word: &[u8]| rest.get(..word.len()).is_some_and(|s| s.eq_ignore_ascii_case(word));
    let (value, len, out_of_range) = if begins(b"infinity") {
        (f64::INFINITY, 8, false)
    } else if begins(b"inf") {
        (f64::INFINITY, 3, false)
    } else if begins(b"nan") {
        (f64::NAN, 3, false)
    } else {
        begins(b"0x").then(|| hexadecimal(rest)).flatten().unwrap_or_else(|| decimal(rest))
    };
    let len = if len == 0 { 0 } else { start + len };
    (if negative { -value } else { value }, len, out_of_range)
}

/// Lengths of the digits before and behind a point, which may be missing; `None` if there is not one digit.
fn digits(text: &[u8], is_digit: fn(&u8) -> bool) -> Option<(usize, usize)> {
    let count = |text: &[u8]| text.iter().take_while(|byte| is_digit(byte)).count();
    let whole = count(text);
    let behind = if text.get(whole) == Some(&b'.') { count(&text[whole + 1..]) } else { 0 };
    (whole + behind > 0).then_some((whole, behind))
}

/// An exponent at the start of a text, with its mark: its value and length. Without one, zeros.
fn exponent(text: &[u8], mark: u8) -> (i64, usize) {
    if !text.first().is_some_and(|byte| byte.eq_ignore_ascii_case(&mark)) {
        return (0, 0);
    }
    let (negative, sign) = match text.get(1) {
        Some(b'-') => (true, 1),
        Some(b'+') => (false, 1),
        _ => (false, 0),
    };
    let digits = text[1 + sign..].iter().take_while(|byte| byte.is_ascii_digit());
    let (value, len) = digits
        .fold((0i64, 0), |(value, len), byte| ((value * 10 + i64::from(byte - b'0')).min(1 << 40), len + 1));
    if len == 0 { (0, 0) } else { (if negative { -value } else { value }, 1 + sign + len) }
}

fn decimal(text: &[u8]) -> (f64, usize, bool) {
    let Some((whole, behind)) = digits(text, u8::is_ascii_digit) else { return (0.0, 0, false) };
    let mantissa = whole + behind + usize::from(text.get(whole) == Some(&b'.'));
    let len = mantissa + exponent(&text[mantissa..], b'e').1;
    let number = std::str::from_utf8(&text[..len]).ok().and_then(|number| number.parse().ok());
    let value: f64 = number.expect("digits, a point, an exponent");
    let is_zero = text[..mantissa].iter().all(|byte| matches!(byte, b'0' | b'.'));
    (value, len, value.is_infinite() || (value == 0.0 && !is_zero))
}

/// `0x` and hexadecimal digits, perhaps with a point and a power of two; `None` if no digit follows.
fn hexadecimal(text: &[u8]) -> Option<(f64, usize, bool)> {
    let (whole, behind) = digits(&text[2..], u8::is_ascii_hexdigit)?;
    let mantissa = 2 + whole + behind + usize::from(text.get(2 + whole) == Some(&b'.'));
    let (mut power, len) = exponent(&text[mantissa..], b'p');
    power -= 4 * behind as i64;
    let mut bits: u64 = 0;
    for byte in text[2..mantissa].iter().filter(|byte| **byte != b'.') {
        let digit = (*byte as char).to_digit(16).unwrap_or(0);
        if bits >> 60 == 0 {
            bits = bits << 4 | u64::from(digit);
        } else {
            // What no longer fits only decides which way a half is rounded.
            bits |= u64::from(digit != 0);
            power += 4;
        }
    }
    let value = scaled(bits, power);
    Some((value, mantissa + len, value.is_infinite() || (value == 0.0 && bits != 0)))
}

/// bits × 2^power, rounded once, to nearest, ties to even.
fn scaled(bits: u64, power: i64) -> f64 {
    let used = i64::from(u64::BITS - bits.leading_zeros());
    // An f64 has 53 bits, and below 2^-1022 no bit under 2^-1074.
    let drop = (used - 53).max(-1074 - power).max(0);
    let kept = match drop {
        0 => bits,
        1..=63 => {
            let (kept, lost, half) = (bits >> drop, bits & ((1 << drop) - 1), 1u64 << (drop - 1));
            kept + u64::from(lost > half || (lost == half && kept & 1 == 1))
        }
        64 => u64::from(bits > 1 << 63),
        _ => 0,
    };
    // Two steps, each exact: a power of two beyond 2^1023 or below 2^-1022 is none by itself.
    let power = (power + drop).clamp(-2200, 2200) as i32;
    kept as f64 * 2f64.powi(power / 2) * 2f64.powi(power - power / 2)
}

/// A number as `%.17g` writes it, without an allocation.
#[derive(Clone, Copy)]
pub struct Double {
    text: [u8; LONGEST],
    len: usize,
}

impl Double {
    /// Writes `value` out.
    pub fn new(value: f64) -> Self {
        let mut double = Double { text: [0; LONGEST], len: 0 };
        if value.is_infinite() {
            double.push(if value > 0.0 { b"inf" } else { b"-inf" });
        } else if value.abs() < WHOLE && value.trunc() == value && value.to_bits() != (-0.0f64).to_bits() {
            double.push(Decimal::new(value as i64).as_bytes());
        } else {
            double.general(value);
        }
        double
    }

    fn push(&mut self, bytes: &[u8]) {
        self.text[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// Seventeen digits and a decimal exponent decide the form, as C has it: an exponent is written if it is below -4 or
    /// above 16, and zeros at the end of a fraction never.
    fn general(&mut self, value: f64) {
        let mut exact = [0; 32];
        let mut room = &mut exact[..];
        write!(room, "{:.16e}", value.abs()).expect("23 bytes at most");
        let len = 32 - room.len();
        // One digit, a point, sixteen digits, `e`, the exponent.
        let exponent: i32 =
            std::str::from_utf8(&exact[19..len]).ok().and_then(|e| e.parse().ok()).unwrap_or(0);
        exact.copy_within(2..18, 1);
        let used = exact[..17].iter().rposition(|digit| *digit != b'0').map_or(1, |last| last + 1);
        let digits = &exact[..used];
        if value.is_sign_negative() {
            self.push(b"-");
        }
        if !(-4..17).contains(&exponent) {
            self.with_point(digits, 1);
            let mut room = &mut self.text[self.len..];
            let sign = if exponent < 0 { '-' } else { '+' };
            write!(room, "e{sign}{:02}", exponent.abs()).expect("five bytes");
            self.len = LONGEST - room.len();
        } else if exponent < 0 {
            self.push(&b"0.000"[..1 + exponent.unsigned_abs() as usize]);
            self.push(digits);
        } else {
            self.with_point(digits, exponent as usize + 1);
        }
    }

    /// Digits with a point behind the first `whole` of them; zeros stand in for what is missing before it.
    fn with_point(&mut self, digits: &[u8], whole: usize) {
        self.push(&digits[..whole.min(digits.len())]);
        (digits.len()..whole).for_each(|_| self.push(b"0"));
        if digits.len() > whole {
            self.push(b".");
            self.push(&digits[whole..]);
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..self.len]).expect("digits and signs")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_printf_writes() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-17.0, "-17"),
            (0.1, "0.10000000000000001"),
            (3.25, "3.25"),
            (0.0001, "0.0001"),
            (0.00001, "1.0000000000000001e-05"),
            (-0.00025, "-0.00025000000000000001"),
            (9007199254740993.0, "9007199254740992"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (123456789012345680.0, "1.2345678901234568e+17"),
            (1e300, "1.0000000000000001e+300"),
            (5e-324, "4.9406564584124654e-324"),
            (-f64::MAX, "-1.7976931348623157e+308"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            // Exactly between two: to the even digit.
            (12345.0 + 1.0 / 8192.0, "12345.000122070312"),
            (12345.0 + 3.0 / 8192.0, "12345.000366210938"),
            (100.5, "100.5"),
            (1e15 + 0.5, "1000000000000000.5"),
        ] {
            assert_eq!(Double::new(value).as_str(), text);
        }
    }

    #[test]
    fn reads_back_what_it_wrote() {
        let mut random = crate::random::Random(3);
        for _ in 0..100_000 {
            let value = f64::from_bits(random.next());
            if !value.is_nan() {
                let text = Double::new(value);
                assert_eq!(parse(text.as_str().as_bytes()).map(f64::to_bits), Some(value.to_bits()));
            }
        }
    }

    #[test]
    fn reads_what_strtod_reads() {
        for (text, value) in [
            ("0", Some(0.0)),
            ("12345", Some(12345.0)),
            ("1.", Some(1.0)),
            (".5", Some(0.5)),
            ("+5.5e1", Some(55.0)),
            ("007", Some(7.0)),
            ("-inf", Some(f64::NEG_INFINITY)),
            ("+Infinity", Some(f64::INFINITY)),
            ("0x10", Some(16.0)),
            ("0x1.8p1", Some(3.0)),
            ("-0X.8", Some(-0.5)),
            ("0x1p-1074", Some(5e-324)),
            ("0x1p-1075", None),
            ("0x1.8p-1075", Some(5e-324)),
            ("0x1.00000000000008p0", Some(1.0)),
            ("0x1.00000000000018p0", Some(1.0 + 2.0 * f64::EPSILON)),
            ("0x1p1024", None),
            ("0x", None),
            ("0xg", None),
            ("1e400", None),
            ("1e-400", None),
            ("0e-400", Some(0.0)),
            ("1e-320", Some(1e-320)),
            ("nan", None),
            ("", None),
            (".", None),
            ("-", None),
            (" 1", None),
            ("1 ", None),
            ("1e", None),
            ("1e+", None),
            ("--1", None),
            ("1\0", None),
            ("infx", None),
        ] {
            assert_eq!(parse(text.as_bytes()), value, "{text}");
        }
        assert_eq!(parse(b"-0").map(f64::to_bits), Some((-0.0f64).to_bits()));
    }

    #[test]
    fn bounds_are_read_more_kindly() {
        for (text, value) in [
            ("", Some(0.0)),
            (" \t5", Some(5.0)),
            ("5\0x", Some(5.0)),
            ("1e400", Some(f64::INFINITY)),
            ("-1e400", Some(f64::NEG_INFINITY)),
            ("1e-400", Some(0.0)),
            ("5 ", None),
            ("nan", None),
            ("x", None),
            ("-", None),
        ] {
            assert_eq!(parse_bound(text.as_bytes()), value, "{text}");
        }
    }
}
