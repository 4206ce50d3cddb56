//! Snapshots: when, and how.
use super::super::value::{self, Refusal, shown};
use super::Change::Anytime;
use super::{Config, Parameter, one, row, yes_no};
use crate::persist::status::SavePoint;

/// The parameters.
pub static PERSISTENCE: &[Parameter] = &[
    row("save", Anytime, points, set_points),
    row("rdbcompression", Anytime, |c| yes_no(c.rdbcompression), |c, w| set_flag(&mut c.rdbcompression, w)),
    row("rdbchecksum", Anytime, |c| yes_no(c.rdbchecksum), |c, w| set_flag(&mut c.rdbchecksum, w)),
    row(
        "stop-writes-on-bgsave-error",
        Anytime,
        |c| yes_no(c.stop_writes_on_bgsave_error),
        |c, w| set_flag(&mut c.stop_writes_on_bgsave_error, w),
    ),
];

fn set_flag(flag: &mut bool, words: &[&[u8]]) -> Result<(), Refusal> {
    *flag = value::boolean(one(words)?)?;
    Ok(())
}

fn points(config: &Config) -> Vec<u8> {
    let point = |point: &SavePoint| format!("{} {}", point.seconds, point.changes);
    shown(config.save.iter().map(point).collect::<Vec<String>>().join(" "))
}

/// Any number of `seconds changes`. In one word, as `CONFIG SET` has it, they replace what was said before; in several, as
/// lines of a file have them, they are added to it.
fn set_points(config: &mut Config, words: &[&[u8]]) -> Result<(), Refusal> {
    let numbers: Vec<&[u8]> = match words {
        [b""] => Vec::new(),
        [one] => one.split(|byte| *byte == b' ').collect(),
        several => several.to_vec(),
    };
    let invalid = || Refusal::from("Invalid save parameters");
    let number = |text: &[u8], least| value::number(text, least..=i32::MAX as u64).map_err(|_| invalid());
    let pairs = numbers.chunks(2).map(|pair| match pair {
        [seconds, changes] => Ok(SavePoint { seconds: number(seconds, 1)?, changes: number(changes, 0)? }),
        _ => Err(invalid()),
    });
    let points = pairs.collect::<Result<Vec<SavePoint>, Refusal>>()?;
    if words.len() == 1 {
        config.save.clear();
    }
    config.save.extend(points);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn save_points_come_in_pairs() {
        let mut config = Config::default();
        assert_eq!(set_points(&mut config, &[b"60", b"1"]), Ok(()));
        assert_eq!(set_points(&mut config, &[b"300", b"10"]), Ok(()), "a second line");
        assert_eq!(points(&config), b"60 1 300 10");
        for refused in ["60", "0 1", "60 x", "60 1 5", "60  1", "-1 1"] {
            assert_eq!(set_points(&mut config, &[refused.as_bytes()]), Err("Invalid save parameters".into()));
        }
        assert_eq!(set_points(&mut config, &[b"3600 1"]), Ok(()));
        assert_eq!(points(&config), b"3600 1");
        assert_eq!(set_points(&mut config, &[b""]), Ok(()));
        assert_eq!(points(&config), b"");
    }
}
