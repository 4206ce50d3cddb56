//! How much memory, and what is forgotten when it is used up.
use super::super::ClientMemory;
use super::super::value::{self, Refusal, shown};
use super::Change::Anytime;
use super::{Config, INT, Parameter, one, row, set};
use crate::keyspace::Policy;
use crate::text::integer;

/// The parameters.
pub static MEMORY: &[Parameter] = &[
    row(
        "maxmemory",
        Anytime,
        |c| shown(c.maxmemory),
        |c, w| {
            c.maxmemory = value::memory(one(w)?, 0..=u64::MAX)?;
            Ok(())
        },
    ),
    row(
        "maxmemory-policy",
        Anytime,
        |c| shown(c.eviction.policy.name()),
        |c, w| {
            c.eviction.policy = value::choice(one(w)?, Policy::NAMES)?;
            Ok(())
        },
    ),
    row(
        "maxmemory-samples",
        Anytime,
        |c| shown(c.eviction.samples),
        |c, w| {
            c.eviction.samples = value::number(one(w)?, 1..=i32::MAX as u64)? as u32;
            Ok(())
        },
    ),
    row(
        "maxmemory-eviction-tenacity",
        Anytime,
        |c| shown(c.eviction_tenacity),
        |c, w| set(&mut c.eviction_tenacity, w, 0..=100),
    ),
    row("maxmemory-clients", Anytime, client_memory, set_client_memory),
    row(
        "lfu-log-factor",
        Anytime,
        |c| shown(c.eviction.log_factor),
        |c, w| {
            c.eviction.log_factor = value::number(one(w)?, INT)? as u32;
            Ok(())
        },
    ),
    row(
        "lfu-decay-time",
        Anytime,
        |c| shown(c.eviction.decay_minutes),
        |c, w| {
            c.eviction.decay_minutes = value::number(one(w)?, INT)? as u32;
            Ok(())
        },
    ),
];

fn client_memory(config: &Config) -> Vec<u8> {
    match config.maxmemory_clients {
        ClientMemory::Bytes(bytes) => shown(bytes),
        ClientMemory::Percent(percent) => shown(format_args!("{percent}%")),
    }
}

/// Bytes, with a unit or without one, or a number with a percent sign.
fn set_client_memory(config: &mut Config, words: &[&[u8]]) -> Result<(), Refusal> {
    let word = one(words)?;
    config.maxmemory_clients = match word.strip_suffix(b"%") {
        Some(percent) => {
            let percent = integer::parse(percent).filter(|it| *it >= 0).ok_or(NO_AMOUNT)?;
            if percent > 100 {
                return Err("percentage argument must be less or equal to 100".into());
            }
            ClientMemory::Percent(percent as u64)
        }
        None => ClientMemory::Bytes(value::bytes(word).ok_or(NO_AMOUNT)?),
    };
    Ok(())
}

const NO_AMOUNT: &str = "argument must be a memory or percent value";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_clients_is_an_amount_or_a_share() {
        let mut config = Config::default();
        for (text, shown) in [("5%", "5%"), ("1kb", "1024"), ("100%", "100%"), ("0", "0")] {
            assert_eq!(set_client_memory(&mut config, &[text.as_bytes()]), Ok(()));
            assert_eq!(client_memory(&config), shown.as_bytes());
        }
        for (text, why) in [
            ("x", NO_AMOUNT),
            ("-1%", NO_AMOUNT),
            ("101%", "percentage argument must be less or equal to 100"),
        ] {
            assert_eq!(set_client_memory(&mut config, &[text.as_bytes()]), Err(why.into()), "{text}");
        }
    }
}
