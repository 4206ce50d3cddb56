//! The number type of `INCRBYFLOAT`: x87 extended precision, C's `long double` on x86-64.
//!
//! Redis adds in this type, with 64 bits of mantissa against an `f64`'s 53, and clients see the difference:
//! `INCRBYFLOAT` of 0.1 to 3.0e16 keeps the tenth. Rust has no such type, so this file has the four operations needed:
//! read, add, write, and round. All are exact first (see [`big`](self)) and rounded once, to nearest, ties to even: what
//! glibc's `strtold` and `printf("%.17Lf")` and the processor's own addition do. On other processors a `long double` is
//! something else, and Redis's answers differ from its own; ours do not.
use std::cmp::Ordering;

mod big;

use big::Big;

/// The exponent of the smallest number, 2⁻¹⁶⁴⁴⁵, and of every subnormal one.
const MIN_EXPONENT: i64 = -16445;
/// The largest exponent of a 64-bit mantissa: beyond it the number is infinite.
const MAX_EXPONENT: i64 = 16383 - 63;
/// Redis reads a number into a buffer of this size, terminator included.
const MAX_CHARS: usize = 5 * 1024;

/// A finite number: ± mantissa × 2^exponent. Normal numbers have the mantissa's highest bit set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Finite {
    negative: bool,
    mantissa: u64,
    exponent: i64,
}

/// A number as `INCRBYFLOAT` computes with it. There is no NaN: it is refused wherever it could arise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extended(Repr);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Repr {
    Finite(Finite),
    Infinite { negative: bool },
}

impl Extended {
    /// Zero, what an absent key holds.
    pub const ZERO: Extended = Extended(Repr::Finite(Finite { negative: false, mantissa: 0, exponent: 0 }));

    /// Whether it is no infinity.
    pub fn is_finite(self) -> bool {
        matches!(self.0, Repr::Finite(_))
    }

    /// Reads a decimal or hexadecimal number or an infinity, as `strtold` does. `None` if it is not a number from its
    /// first byte to its last, or too large, or too small to differ from zero.
    pub fn parse(text: &[u8]) -> Option<Extended> {
        if text.is_empty() || text.len() >= MAX_CHARS {
            return None;
        }
        let (negative, rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        if rest.eq_ignore_ascii_case(b"inf") || rest.eq_ignore_ascii_case(b"infinity") {
            return Some(Extended(Repr::Infinite { negative }));
        }
        let parsed = match rest {
            [b'0', b'x' | b'X', rest @ ..] => hexadecimal(rest)?,
            rest => decimal(rest)?,
        };
        let Some((mantissa, exponent)) = parsed else {
            return Some(Extended(Repr::Finite(Finite { negative, mantissa: 0, exponent: 0 })));
        };
        Some(Extended(Repr::Finite(Finite { negative, mantissa, exponent })))
    }

    /// The nearest `f64`, or one beside it; never zero for a number that is not.
    pub fn to_f64(self) -> f64 {
        let (negative, magnitude) = match self.0 {
            Repr::Infinite { negative } => (negative, f64::INFINITY),
            Repr::Finite(Finite { negative, mantissa: 0, .. }) => (negative, 0.0),
            Repr::Finite(Finite { negative, mantissa, exponent }) => {
                // Two steps: the power by itself may be beyond an f64 though the product is not.
                let power = exponent.clamp(-2200, 2200) as i32;
                let value = mantissa as f64 * 2f64.powi(power / 2) * 2f64.powi(power - power / 2);
                (negative, value.max(f64::from_bits(1)))
            }
        };
        if negative { -magnitude } else { magnitude }
    }

    /// The sum; `None` if it is infinite or not a number.
    pub fn checked_add(self, other: Extended) -> Option<Extended> {
        let (Repr::Finite(a), Repr::Finite(b)) = (self.0, other.0) else { return None };
        let (mut high, mut low) = if magnitude(a) >= magnitude(b) { (a, b) } else { (b, a) };
        if low.mantissa == 0 {
            // Only minus zero plus minus zero is minus zero, and no one can see that it is.
            high.negative &= high.mantissa != 0;
            return Some(Extended(Repr::Finite(high)));
        }
        // 62 spare bits below, one above for the carry. What falls out below those is remembered as one sticky bit.
        let wide = u128::from(high.mantissa) << 63;
        let distance = high.exponent - low.exponent;
        let addend = shift_right_sticky(u128::from(low.mantissa) << 63, distance);
        low.negative ^= high.negative;
        let sum = if low.negative { wide - addend } else { wide + addend };
        let (mantissa, exponent) = match sum {
            0 => (0, 0),
            sum => round(sum, high.exponent - 63)?,
        };
        let negative = high.negative && sum != 0;
        Some(Extended(Repr::Finite(Finite { negative, mantissa, exponent })))
    }

    /// As `%.17Lf` writes it, without trailing zeros: never an exponent, at most seventeen decimals.
    pub fn to_text(self) -> String {
        let n = match self.0 {
            Repr::Finite(n) => n,
            Repr::Infinite { negative } => return if negative { "-inf" } else { "inf" }.into(),
        };
        // The number × 10¹⁷ as an integer. The mantissa has 64 bits and 10¹⁷ has 57: a u128 holds the product.
        let scaled = u128::from(n.mantissa) * 10u128.pow(17);
        let digits = if n.exponent >= 0 {
            let mut big = Big::from_u128(scaled);
            big.shift_left(n.exponent as usize);
            big.into_decimal()
        } else {
            shift_right_nearest(scaled, -n.exponent).to_string()
        };
        let digits = format!("{digits:0>18}");
        let (whole, fraction) = digits.split_at(digits.len() - 17);
        let fraction = fraction.trim_end_matches('0');
        let sign = if n.negative && !(whole == "0" && fraction.is_empty()) { "-" } else { "" };
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{sign}{whole}{point}{fraction}")
    }
}

/// Orders finite numbers by size: normal mantissas all have their highest bit set, so exponents decide first.
fn magnitude(n: Finite) -> (bool, i64, u64) {
    (n.mantissa != 0, n.exponent, n.mantissa)
}

/// Shifts right; a one that falls out stays visible in the lowest bit, so that a later rounding knows of it.
fn shift_right_sticky(value: u128, by: i64) -> u128 {
    match by {
        0 => value,
        1..=127 => value >> by | u128::from(value << (128 - by) != 0),
        _ => u128::from(value != 0),
    }
}

/// Shifts right and rounds to nearest, ties to even.
fn shift_right_nearest(value: u128, by: i64) -> u128 {
    if by <= 0 {
        return value;
    }
    if by > 127 {
        return 0;
    }
    let kept = value >> by;
    let lost = value & ((1 << by) - 1);
    match lost.cmp(&(1 << (by - 1))) {
        Ordering::Less => kept,
        Ordering::Equal => kept + (kept & 1),
        Ordering::Greater => kept + 1,
    }
}

/// Rounds value × 2^exponent to what the type can hold: mantissa and exponent, `None` if infinite. The value is not zero.
fn round(value: u128, exponent: i64) -> Option<(u64, i64)> {
    let excess = 64 - i64::from(value.leading_zeros());
    if excess <= 0 && exponent + excess >= MIN_EXPONENT {
        // Fewer than 64 bits: exact, moved up until the highest bit is set.
        let exponent = exponent + excess;
        return (exponent <= MAX_EXPONENT).then_some(((value << -excess) as u64, exponent));
    }
    // Below the smallest normal number the exponent stops, and the mantissa has fewer bits.
    let drop = excess.max(MIN_EXPONENT - exponent);
    let (mut mantissa, mut exponent) = (shift_right_nearest(value << (-drop).max(0), drop), exponent + drop);
    if mantissa >> 64 != 0 {
        mantissa >>= 1;
        exponent += 1;
    }
    (exponent <= MAX_EXPONENT).then_some((mantissa as u64, exponent))
}

/// A number read: `None` for zero, else a mantissa and an exponent.
type Parsed = Option<(u64, i64)>;

/// Splits `digits[.digits][e±digits]` into the digits, how many of them are behind the point, and the exponent. The outer
/// `None`: this is not a number.
fn split(text: &[u8], is_digit: fn(&u8) -> bool, mark: u8) -> Option<(Vec<u8>, i64, i64)> {
    let whole = text.iter().take_while(|b| is_digit(b)).count();
    let (mut digits, mut rest) = (text[..whole].to_vec(), &text[whole..]);
    let mut decimals = 0;
    if let [b'.', behind @ ..] = rest {
        decimals = behind.iter().take_while(|b| is_digit(b)).count();
        digits.extend_from_slice(&behind[..decimals]);
        rest = &behind[decimals..];
    }
    if digits.is_empty() {
        return None;
    }
    let exponent = match rest {
        [] => 0,
        [first, exponent @ ..] if first.eq_ignore_ascii_case(&mark) => exponent_of(exponent)?,
        _ => return None,
    };
    Some((digits, decimals as i64, exponent))
}

/// Reads `±digits`, at least one, with any value beyond all use cut to one that is.
fn exponent_of(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0i64, |n, b| (n * 10 + i64::from(b - b'0')).min(1_000_000));
    Some(if negative { -value } else { value })
}

fn decimal(text: &[u8]) -> Option<Parsed> {
    let (digits, decimals, exponent) = split(text, u8::is_ascii_digit, b'e')?;
    let Some(first) = digits.iter().position(|&b| b != b'0') else { return Some(None) };
    let digits = &digits[first..];
    let exponent = exponent - decimals;
    // Far outside of the range there is no need to compute; this also bounds the sizes below.
    let size = digits.len() as i64 + exponent;
    if !(-5_000..=5_000).contains(&size) {
        return None;
    }
    let mut numerator = Big::from_decimal(digits);
    let mut denominator = Big::from_u128(1);
    if exponent >= 0 { &mut numerator } else { &mut denominator }
        .multiply_power_of_ten(exponent.unsigned_abs());
    let (quotient, exponent) = numerator.divide(denominator);
    nonzero(round(quotient, exponent)?)
}

fn hexadecimal(text: &[u8]) -> Option<Parsed> {
    let (digits, decimals, mut exponent) = split(text, u8::is_ascii_hexdigit, b'p')?;
    exponent -= 4 * decimals;
    let mut value: u128 = 0;
    for byte in digits {
        let digit = (byte as char).to_digit(16).expect("split took hexadecimal digits only");
        if value >> 120 == 0 {
            value = value << 4 | u128::from(digit);
        } else {
            value |= u128::from(digit != 0);
            exponent += 4;
        }
    }
    if value == 0 { Some(None) } else { nonzero(round(value, exponent)?) }
}

/// A number that was not zero must not have been rounded to it.
fn nonzero(rounded: (u64, i64)) -> Option<Parsed> {
    (rounded.0 != 0).then_some(Some(rounded))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(number: &str) -> String {
        Extended::parse(number.as_bytes()).map_or("no number".into(), Extended::to_text)
    }

    fn sum(a: &str, b: &str) -> String {
        let parse = |s: &str| Extended::parse(s.as_bytes()).expect("a number");
        parse(a).checked_add(parse(b)).map_or("infinite".into(), Extended::to_text)
    }

    #[test]
    fn reads_what_strtold_reads() {
        for (number, shown) in [
            ("0", "0"),
            ("-0", "0"),
            ("10.50", "10.5"),
            ("5.0e3", "5000"),
            ("+1", "1"),
            (".5", "0.5"),
            ("5.", "5"),
            ("0x10", "16"),
            ("0x1.8p1", "3"),
            ("1e-18", "0"),
            ("-1e-18", "0"),
            ("3", "3"),
            ("0e99999", "0"),
            ("18446744073709551615", "18446744073709551615"),
            ("18446744073709551617", "18446744073709551616"),
            ("inf", "inf"),
            ("-Infinity", "-inf"),
            ("1e-4950", "0"),
        ] {
            assert_eq!(text(number), shown, "{number}");
        }
        for number in
            ["", " 1", "1 ", "nan", "e5", ".", "1e", "0x", "1e5000", "1e-5000", "1,5", "1\0", "--1", "1e+"]
        {
            assert_eq!(text(number), "no number", "{number:?}");
        }
        assert_eq!(text(&"9".repeat(5119)), "no number");
        assert_eq!(text(&format!("0.{}", "3".repeat(5117))), "0.33333333333333333");
    }

    /// Each line was answered by redis-server 7.0.15.
    #[test]
    fn adds_as_the_x87_does() {
        for (a, b, result) in [
            ("0.1", "0.2", "0.3"),
            ("10.50", "0.1", "10.6"),
            ("3.0e3", "2.0e2", "3200"),
            ("30000000000000000", "0.1", "30000000000000000.099609375"),
            ("1", "-1", "0"),
            ("9223372036854775807", "1", "9223372036854775808"),
        ] {
            assert_eq!(sum(a, b), result, "{a} + {b}");
        }
        let largest = "1.18973149535723176502e4932";
        assert_eq!(sum(largest, largest), "infinite");
        assert_eq!(sum("inf", "-inf"), "infinite");
    }
}
