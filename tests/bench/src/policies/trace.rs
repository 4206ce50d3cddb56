//! The requests: which object is asked for next. The same seed gives the same requests.

/// A trace by its name.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Trace {
    /// As it stands in the table.
    pub name: &'static str,
    /// What it is, for people.
    pub about: &'static str,
    exponent: f64,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    /// Popularity stays as it is.
    Steady,
    /// Ten times during the trace, a tenth of all objects trade places.
    Shift,
    /// Now and then, twice as many objects as the cache holds are asked for one after the other, once.
    Scan,
    /// Every fifth request is for an object that is never asked for again.
    OneHit,
}

/// Every trace.
pub const TRACES: &[Trace] = &[
    Trace { name: "Zipf 0.7", about: "popularity spread wide", exponent: 0.7, kind: Kind::Steady },
    Trace { name: "Zipf 0.99", about: "the usual skew", exponent: 0.99, kind: Kind::Steady },
    Trace { name: "Zipf 1.2", about: "a few objects get most requests", exponent: 1.2, kind: Kind::Steady },
    Trace {
        name: "shift",
        about: "Zipf 0.99, and a tenth of the objects trade places again and again",
        exponent: 0.99,
        kind: Kind::Shift,
    },
    Trace {
        name: "scan",
        about: "Zipf 0.99, interrupted by scans of cold objects",
        exponent: 0.99,
        kind: Kind::Scan,
    },
    Trace {
        name: "one-hit",
        about: "Zipf 0.99, and every fifth request is for something new",
        exponent: 0.99,
        kind: Kind::OneHit,
    },
];

/// How large it all is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size {
    /// Objects that are asked for again and again.
    pub objects: usize,
    /// Requests.
    pub requests: usize,
    /// Objects that a cache holds.
    pub capacity: usize,
}

/// Numbers that come out the same in every run (SplitMix64).
#[derive(Clone, Debug)]
pub struct Numbers(pub u64);

impl Numbers {
    /// Any 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.draw()) * n as u128) >> 64) as usize
    }

    /// From 0 to 1.
    fn unit(&mut self) -> f64 {
        (self.draw() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl Trace {
    /// All its requests.
    pub fn requests(&self, size: Size, seed: u64) -> Vec<u64> {
        let mut numbers = Numbers(seed);
        let table = cumulative(size.objects, self.exponent);
        // Which object has which rank. Ranks are no order of arrival.
        let mut object: Vec<u64> = (0..size.objects as u64).collect();
        for at in (1..size.objects).rev() {
            object.swap(at, numbers.below(at + 1));
        }
        let mut fresh = size.objects as u64;
        let mut requests = Vec::with_capacity(size.requests);
        let part = size.requests / 10;
        while requests.len() < size.requests {
            let at = requests.len();
            match self.kind {
                Kind::Shift if at > 0 && at.is_multiple_of(part) => {
                    for _ in 0..size.objects / 20 {
                        object.swap(numbers.below(size.objects), numbers.below(size.objects));
                    }
                }
                Kind::Scan if at > 0 && at % part < part / 2 && (at + 1) % part == 1 => {
                    for _ in 0..2 * size.capacity {
                        requests.push(fresh);
                        fresh += 1;
                    }
                    requests.truncate(size.requests);
                    if requests.len() == size.requests {
                        break;
                    }
                }
                Kind::OneHit if numbers.below(5) == 0 => {
                    requests.push(fresh);
                    fresh += 1;
                    continue;
                }
                _ => {}
            }
            let draw = numbers.unit();
            let rank = table.partition_point(|sum| *sum < draw).min(size.objects - 1);
            requests.push(object[rank]);
        }
        requests
    }
}

/// The sum of the popularity of all ranks up to each, of one in all.
fn cumulative(objects: usize, exponent: f64) -> Vec<f64> {
    let mut sum = 0.0;
    let mut table: Vec<f64> = (1..=objects)
        .map(|rank| {
            sum += (rank as f64).powf(-exponent);
            sum
        })
        .collect();
    table.iter_mut().for_each(|it| *it /= sum);
    table
}
