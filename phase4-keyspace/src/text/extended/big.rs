//! Unsigned integers of any size, with the few operations that exact conversion between decimal and binary needs.
use std::cmp::Ordering;

/// Little-endian digits to the base 2³², the highest one not zero.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Big(Vec<u32>);

impl Big {
    pub fn from_u128(value: u128) -> Big {
        let mut big = Big((0..4).map(|i| (value >> (32 * i)) as u32).collect());
        big.trim();
        big
    }

    /// From ASCII digits.
    pub fn from_decimal(digits: &[u8]) -> Big {
        let mut big = Big(Vec::new());
        for chunk in digits.chunks(9) {
            let value = chunk.iter().fold(0, |n, b| n * 10 + u32::from(b - b'0'));
            big.multiply_add(10u32.pow(chunk.len() as u32), value);
        }
        big
    }

    pub fn into_decimal(mut self) -> String {
        let mut chunks = Vec::new();
        while !self.0.is_empty() {
            chunks.push(self.divide_small(1_000_000_000));
        }
        let mut text = chunks.pop().unwrap_or(0).to_string();
        for chunk in chunks.iter().rev() {
            text.push_str(&format!("{chunk:09}"));
        }
        text
    }

    pub fn multiply_power_of_ten(&mut self, mut power: u64) {
        while power > 0 {
            let step = power.min(9);
            self.multiply_add(10u32.pow(step as u32), 0);
            power -= step;
        }
    }

    pub fn shift_left(&mut self, bits: usize) {
        if self.0.is_empty() {
            return;
        }
        if !bits.is_multiple_of(32) {
            self.multiply_add(1 << (bits % 32), 0);
        }
        self.0.splice(0..0, std::iter::repeat_n(0, bits / 32));
    }

    /// self ÷ divisor as quotient × 2^exponent, the quotient having 66 or 67 bits; its lowest bit is set if there is a
    /// remainder. Neither number is zero. School division to the base two: as many steps as the quotient has bits.
    pub fn divide(mut self, mut divisor: Big) -> (u128, i64) {
        let exponent = self.bits() as i64 - divisor.bits() as i64;
        if exponent >= 0 {
            divisor.shift_left(exponent as usize)
        } else {
            self.shift_left(-exponent as usize)
        }
        let mut quotient: u128 = 0;
        for _ in 0..66 {
            let fits = self.cmp(&divisor) != Ordering::Less;
            if fits {
                self.subtract(&divisor);
            }
            quotient = quotient << 1 | u128::from(fits);
            self.shift_left(1);
        }
        (quotient << 1 | u128::from(!self.0.is_empty()), exponent - 66)
    }

    fn bits(&self) -> usize {
        self.0.last().map_or(0, |top| self.0.len() * 32 - top.leading_zeros() as usize)
    }

    fn cmp(&self, other: &Big) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }

    fn multiply_add(&mut self, factor: u32, addend: u32) {
        let mut carry = u64::from(addend);
        for digit in &mut self.0 {
            carry += u64::from(*digit) * u64::from(factor);
            *digit = carry as u32;
            carry >>= 32;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
    }

    /// Divides in place and returns the remainder.
    fn divide_small(&mut self, divisor: u32) -> u32 {
        let mut rest = 0u64;
        for digit in self.0.iter_mut().rev() {
            rest = rest << 32 | u64::from(*digit);
            *digit = (rest / u64::from(divisor)) as u32;
            rest %= u64::from(divisor);
        }
        self.trim();
        rest as u32
    }

    /// `other` is not larger.
    fn subtract(&mut self, other: &Big) {
        let mut borrow = false;
        for (i, digit) in self.0.iter_mut().enumerate() {
            let (less, under) = digit.overflowing_sub(other.0.get(i).copied().unwrap_or(0));
            let (less, again) = less.overflowing_sub(u32::from(borrow));
            *digit = less;
            borrow = under || again;
        }
        self.trim();
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_u128() {
        let numbers =
            [1u128, 7, 10u128.pow(9), u128::from(u32::MAX), 1 << 64, u128::MAX / 1000, 12345678901234567890];
        for a in numbers {
            assert_eq!(Big::from_decimal(a.to_string().as_bytes()), Big::from_u128(a));
            assert_eq!(Big::from_u128(a).into_decimal(), a.to_string());
            let mut shifted = Big::from_u128(a >> 40);
            shifted.shift_left(37);
            assert_eq!(shifted, Big::from_u128(a >> 40 << 37));
            let mut times = Big::from_u128(a);
            times.multiply_power_of_ten(25);
            assert_eq!(times.into_decimal(), format!("{a}{}", "0".repeat(25)));
        }
    }

    #[test]
    fn divides() {
        let (quotient, exponent) = Big::from_u128(10).divide(Big::from_u128(4));
        assert_eq!(quotient as f64 * 2f64.powi(exponent as i32), 2.5);
        let (quotient, exponent) = Big::from_u128(1).divide(Big::from_u128(3));
        assert_eq!(quotient as f64 * 2f64.powi(exponent as i32), 1.0 / 3.0);
        assert_eq!(quotient & 1, 1, "a remainder must show");
    }
}
