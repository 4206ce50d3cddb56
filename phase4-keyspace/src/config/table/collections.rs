//! Up to what collections are small. Each parameter has the name of Redis's listpacks and that of the ziplists before them.
use super::super::value::{self, Refusal, shown};
use super::Change::Anytime;
use super::{Config, Parameter, one, row, set};
use crate::keyspace::Thresholds;

/// The parameters.
pub static COLLECTIONS: &[Parameter] = &[
    row("hash-max-listpack-entries", Anytime, hash_entries, set_hash_entries),
    row("hash-max-ziplist-entries", Anytime, hash_entries, set_hash_entries),
    row("hash-max-listpack-value", Anytime, hash_value, set_hash_value),
    row("hash-max-ziplist-value", Anytime, hash_value, set_hash_value),
    row("zset-max-listpack-entries", Anytime, zset_entries, set_zset_entries),
    row("zset-max-ziplist-entries", Anytime, zset_entries, set_zset_entries),
    row("zset-max-listpack-value", Anytime, zset_value, set_zset_value),
    row("zset-max-ziplist-value", Anytime, zset_value, set_zset_value),
    row("set-max-intset-entries", Anytime, set_integers, set_set_integers),
    row("list-max-listpack-size", Anytime, list_size, set_list_size),
    row("list-max-ziplist-size", Anytime, list_size, set_list_size),
    row("list-compress-depth", Anytime, list_depth, set_list_depth),
    row("stream-node-max-bytes", Anytime, stream_bytes, set_stream_bytes),
    row("stream-node-max-entries", Anytime, stream_entries, set_stream_entries),
];

const LONG: std::ops::RangeInclusive<u64> = 0..=i64::MAX as u64;

fn limits(config: &mut Config) -> &mut Thresholds {
    &mut config.thresholds
}

fn hash_entries(config: &Config) -> Vec<u8> {
    shown(config.thresholds.hash_entries)
}

fn set_hash_entries(config: &mut Config, words: &[&[u8]]) -> Result<(), Refusal> {
    set(&mut limits(config).hash_entries, words, LONG)
}

fn hash_value(config: &Config) -> Vec<u8> {
    shown(config.thresholds.hash_value)
}

fn set_hash_value(config: &mut Config, words: &[&[u8]]) -> Result<(), Refusal> {
    limits(config).hash_value = value::memory(one(words)?, LONG)?;
    Ok(())
}

fn zset_entries(config: &Config) -> Vec<u8> {
    shown(config.thresholds.zset_entries)
}

fn set_zset_entries(config: &mut Config, words: &[&[u8]]) -> Result<(), Refusal> {
    set(&mut limits(config).zset_entries, words, LONG)
}

fn zset_value(config: &Config) -> Vec<u8> {
    shown(config.thresholds.zset_value)
}

fn set_zset_value(config: &mut Config, words: &[&[u8]]) -> Result<(), Refusal> {
    limits(config).zset_value = value::memory(one(words)?, LONG)?;
    Ok(())
}

fn set_integers(config: &Config) -> Vec<u8> {
    shown(config.thresholds.set_integers)
}

fn set_set_integers(config: &mut Config, words: &[&[u8]]) -> Result<(), Refusal> {
    set(&mut limits(config).set_integers, words, LONG)
}

fn list_size(config: &Config) -> Vec<u8> {
    shown(config.thresholds.list_size)
}

fn set_list_size(config: &mut Config, words: &[&[u8]]) -> Result<(), Refusal> {
    limits(config).list_size = value::signed(one(words)?, i32::MIN.into()..=i32::MAX.into())?;
    Ok(())
}

fn list_depth(config: &Config) -> Vec<u8> {
    shown(config.thresholds.list_depth)
}

fn set_list_depth(config: &mut Config, words: &[&[u8]]) -> Result<(), Refusal> {
    limits(config).list_depth = value::signed(one(words)?, 0..=i32::MAX.into())?;
    Ok(())
}

fn stream_bytes(config: &Config) -> Vec<u8> {
    shown(config.thresholds.stream_bytes)
}

fn set_stream_bytes(config: &mut Config, words: &[&[u8]]) -> Result<(), Refusal> {
    limits(config).stream_bytes = value::memory(one(words)?, LONG)?;
    Ok(())
}

fn stream_entries(config: &Config) -> Vec<u8> {
    shown(config.thresholds.stream_entries)
}

fn set_stream_entries(config: &mut Config, words: &[&[u8]]) -> Result<(), Refusal> {
    set(&mut limits(config).stream_entries, words, LONG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_names_mean_one_parameter() {
        let mut config = Config::default();
        for parameter in COLLECTIONS {
            assert_eq!((parameter.set)(&mut config, &[b"7"]), Ok(()));
            let other = parameter.name.replace("listpack", "ziplist");
            let other = COLLECTIONS.iter().find(|row| row.name == other).expect("a row");
            assert_eq!((other.get)(&config), b"7", "{}", other.name);
        }
        let (size, depth) = (&COLLECTIONS[9], &COLLECTIONS[11]);
        assert_eq!((size.set)(&mut config, &[b"-5"]), Ok(()));
        assert_eq!((size.get)(&config), b"-5");
        let refused = Err("argument must be between 0 and 2147483647 inclusive".into());
        assert_eq!((depth.set)(&mut config, &[b"-1"]), refused);
    }
}
