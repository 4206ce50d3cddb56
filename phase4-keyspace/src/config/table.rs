//! The table of parameters: one row each, how it reads and how it is set.
mod access;
mod collections;
mod log;
mod memory;
mod persistence;
mod watching;

use std::ffi::OsStr;
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use phase3_eventloop::poller::PollerKind;

use super::notify::EventClasses;
use super::value::{self, Refusal, shown};
use super::{Config, Debugging, OutputLimit, OutputLimits, Port};
use crate::log::Level;

/// When a parameter can be changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// By `CONFIG SET` too.
    Anytime,
    /// Only by file and flags.
    AtStart,
    /// Only by file and flags, because it names files.
    Protected,
}

/// One parameter.
pub struct Parameter {
    /// redis.conf's name.
    pub name: &'static str,
    /// When it can be changed.
    pub change: Change,
    /// Its value as `CONFIG GET` shows it.
    pub get: fn(&Config) -> Vec<u8>,
    /// Sets it from the words behind its name.
    pub set: fn(&mut Config, &[&[u8]]) -> Result<(), Refusal>,
}

/// The parameter of this name, in any case.
pub fn find(name: &str) -> Option<&'static Parameter> {
    all().find(|parameter| parameter.name.eq_ignore_ascii_case(name))
}

/// Every parameter that can have more than one value.
pub fn all() -> impl Iterator<Item = &'static Parameter> {
    PARAMETERS
        .iter()
        .chain(access::ACCESS)
        .chain(memory::MEMORY)
        .chain(watching::WATCHING)
        .chain(persistence::PERSISTENCE)
        .chain(log::LOG)
        .chain(collections::COLLECTIONS)
}

const INT: RangeInclusive<u64> = 0..=i32::MAX as u64;
const REQUEST: RangeInclusive<u64> = 1 << 20..=i64::MAX as u64;
const LEVELS: &[(&str, Level)] = &[
    ("debug", Level::Debug),
    ("verbose", Level::Verbose),
    ("notice", Level::Notice),
    ("warning", Level::Warning),
];
const DEBUGGING: &[(&str, Debugging)] =
    &[("no", Debugging::No), ("yes", Debugging::Yes), ("local", Debugging::Local)];

use Change::{Anytime, AtStart, Protected};

static PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "bind",
        change: Anytime,
        get: |c| shown(c.bind.join(" ")),
        set: |c, words| {
            if words.iter().all(|word| word.is_empty()) {
                return Err("an address to listen on is needed; 127.0.0.1 is the default".into());
            }
            // One word for each address in a file, one for all of them in CONFIG SET.
            let hosts = words.iter().flat_map(|word| word.split(|byte| *byte == b' '));
            let hosts = hosts.filter(|host| !host.is_empty());
            c.bind = hosts.map(|host| String::from_utf8_lossy(host).into_owned()).collect();
            Ok(())
        },
    },
    Parameter {
        name: "port",
        change: Anytime,
        get: |c| port_text(c.port),
        set: |c, w| set_port(&mut c.port, w),
    },
    Parameter {
        name: "framed-port",
        change: Anytime,
        get: |c| port_text(c.framed_port),
        set: |c, w| set_port(&mut c.framed_port, w),
    },
    row("tcp-backlog", AtStart, |c| shown(c.tcp_backlog), |c, w| set(&mut c.tcp_backlog, w, INT)),
    Parameter {
        name: "poller",
        change: AtStart,
        get: |c| value::word(c.poller, PollerKind::NAMES),
        set: |c, w| {
            c.poller = value::choice(one(w)?, PollerKind::NAMES)?;
            Ok(())
        },
    },
    row(
        "trace",
        AtStart,
        |c| c.trace.as_os_str().as_bytes().into(),
        |c, w| {
            c.trace = path(one(w)?);
            Ok(())
        },
    ),
    row(
        "databases",
        AtStart,
        |c| shown(c.databases),
        |c, w| {
            c.databases = value::number(one(w)?, 1..=10_000)? as usize;
            Ok(())
        },
    ),
    row(
        "maxclients",
        Anytime,
        |c| shown(c.maxclients),
        |c, w| set(&mut c.maxclients, w, 1..=u64::from(u32::MAX)),
    ),
    row("timeout", Anytime, |c| shown(c.timeout), |c, w| set(&mut c.timeout, w, INT)),
    row("stall-timeout", Anytime, |c| shown(c.stall_timeout), |c, w| set(&mut c.stall_timeout, w, INT)),
    row("tcp-keepalive", Anytime, |c| shown(c.tcp_keepalive), |c, w| set(&mut c.tcp_keepalive, w, INT)),
    row(
        "hz",
        Anytime,
        |c| shown(c.hz),
        |c, w| {
            set(&mut c.hz, w, INT)?;
            c.hz = c.hz.clamp(1, 500);
            Ok(())
        },
    ),
    row(
        "proto-max-bulk-len",
        Anytime,
        |c| shown(c.proto_max_bulk_len),
        |c, w| {
            c.proto_max_bulk_len = value::memory(one(w)?, REQUEST)?;
            Ok(())
        },
    ),
    row(
        "client-query-buffer-limit",
        Anytime,
        |c| shown(c.client_query_buffer_limit),
        |c, w| {
            c.client_query_buffer_limit = value::memory(one(w)?, REQUEST)?;
            Ok(())
        },
    ),
    Parameter {
        name: "client-output-buffer-limit",
        change: Anytime,
        get: |c| shown(output_classes(&c.output_limits).join(" ")),
        set: |c, w| set_output(&mut c.output_limits, w),
    },
    row(
        "requirepass",
        Anytime,
        |c| c.requirepass.clone(),
        |c, w| {
            c.requirepass = one(w)?.into();
            Ok(())
        },
    ),
    Parameter {
        name: "protected-mode",
        change: Anytime,
        get: |c| yes_no(c.protected_mode),
        set: |c, w| {
            c.protected_mode = value::boolean(one(w)?)?;
            Ok(())
        },
    },
    Parameter {
        name: "enable-debug-command",
        change: AtStart,
        get: |c| value::word(c.debugging, DEBUGGING),
        set: |c, w| {
            c.debugging = value::choice(one(w)?, DEBUGGING)?;
            Ok(())
        },
    },
    Parameter {
        name: "enable-protected-configs",
        change: AtStart,
        get: |c| value::word(c.protected_configs, DEBUGGING),
        set: |c, w| {
            c.protected_configs = value::choice(one(w)?, DEBUGGING)?;
            Ok(())
        },
    },
    row(
        "dir",
        Protected,
        |c| c.dir.as_os_str().as_bytes().into(),
        |c, w| {
            c.dir = path(one(w)?);
            Ok(())
        },
    ),
    row(
        "dbfilename",
        Protected,
        |c| c.dbfilename.as_os_str().as_bytes().into(),
        |c, w| {
            let name = one(w)?;
            if name.is_empty() || name.contains(&b'/') {
                return Err("dbfilename can't be a path, just a filename".into());
            }
            c.dbfilename = path(name);
            Ok(())
        },
    ),
    Parameter {
        name: "notify-keyspace-events",
        change: Anytime,
        get: |c| shown(c.notify.letters()),
        set: |c, w| {
            let classes = EventClasses::parse(one(w)?);
            c.notify = classes.ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")?;
            Ok(())
        },
    },
    Parameter {
        name: "loglevel",
        change: Anytime,
        get: |c| value::word(c.loglevel, LEVELS),
        set: |c, w| {
            c.loglevel = value::choice(one(w)?, LEVELS)?;
            Ok(())
        },
    },
    row(
        "logfile",
        AtStart,
        |c| c.logfile.as_os_str().as_bytes().into(),
        |c, w| {
            c.logfile = path(one(w)?);
            Ok(())
        },
    ),
];

const fn row(
    name: &'static str,
    change: Change,
    get: fn(&Config) -> Vec<u8>,
    set: fn(&mut Config, &[&[u8]]) -> Result<(), Refusal>,
) -> Parameter {
    Parameter { name, change, get, set }
}

/// The one word that most parameters take.
fn one<'a>(words: &[&'a [u8]]) -> Result<&'a [u8], Refusal> {
    match words {
        [word] => Ok(word),
        _ => Err("wrong number of arguments".into()),
    }
}

fn set(field: &mut u64, words: &[&[u8]], range: RangeInclusive<u64>) -> Result<(), Refusal> {
    *field = value::number(one(words)?, range)?;
    Ok(())
}

fn set_port(field: &mut Port, words: &[&[u8]]) -> Result<(), Refusal> {
    *field = match one(words)? {
        b"any" => Port::Any,
        word => match value::number(word, 0..=65535)? {
            0 => Port::None,
            port => Port::At(port as u16),
        },
    };
    Ok(())
}

fn port_text(port: Port) -> Vec<u8> {
    match port {
        Port::None => shown(0),
        Port::Any => shown("any"),
        Port::At(port) => shown(port),
    }
}

fn yes_no(value: bool) -> Vec<u8> {
    shown(if value { "yes" } else { "no" })
}

fn path(bytes: &[u8]) -> PathBuf {
    OsStr::from_bytes(bytes).into()
}

/// One text for each class.
pub(super) fn output_classes(limits: &OutputLimits) -> [String; 3] {
    let class = |name: &str, l: &OutputLimit| format!("{name} {} {} {}", l.hard, l.soft, l.seconds);
    [class("normal", &limits.normal), class("slave", &limits.replica), class("pubsub", &limits.pubsub)]
}

/// Any number of `class hard soft seconds`, in one word, with one space between any two, or in several; none changes
/// nothing.
fn set_output(limits: &mut OutputLimits, words: &[&[u8]]) -> Result<(), Refusal> {
    let words: Vec<&[u8]> = match words {
        [b""] => Vec::new(),
        [one] => one.split(|byte| *byte == b' ').collect(),
        several => several.to_vec(),
    };
    if !words.len().is_multiple_of(4) {
        return Err("Wrong number of arguments in buffer limit configuration.".into());
    }
    for class in words.chunks(4) {
        let limit = match class[0].to_ascii_lowercase().as_slice() {
            b"normal" => &mut limits.normal,
            b"slave" | b"replica" => &mut limits.replica,
            b"pubsub" => &mut limits.pubsub,
            _ => return Err("Invalid client class specified in buffer limit configuration.".into()),
        };
        let (hard, soft, seconds) = (value::bytes(class[1]), value::bytes(class[2]), seconds(class[3]));
        let (Some(hard), Some(soft), Some(seconds)) = (hard, soft, seconds) else {
            return Err("Error in hard, soft or soft_seconds setting in buffer limit configuration.".into());
        };
        *limit = OutputLimit { hard, soft, seconds };
    }
    Ok(())
}

/// These may have a sign and zeros in front.
fn seconds(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    text.parse::<i32>().ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::fixed;

    #[test]
    fn every_parameter_accepts_what_it_shows() {
        let mut config = Config::default();
        for parameter in all() {
            let shown = (parameter.get)(&config);
            let words: Vec<&[u8]> = match parameter.name {
                "bind" => shown.split(|byte| *byte == b' ').collect(),
                _ => vec![&shown],
            };
            assert_eq!((parameter.set)(&mut config, &words), Ok(()), "{}", parameter.name);
            assert_eq!((parameter.get)(&config), shown, "{}", parameter.name);
            assert!(fixed::find(parameter.name).is_none(), "{} is in both tables", parameter.name);
        }
    }

    #[test]
    fn output_limits_are_set_class_by_class() {
        let mut limits = Config::default().output_limits;
        let mut set = |text: &str| set_output(&mut limits, &[text.as_bytes()]);
        assert_eq!(set("normal 1mb 0 0 replica 2kb 1kb 5"), Ok(()));
        assert_eq!(set(""), Ok(()), "nothing is changed");
        assert_eq!(set("normal 1mb 0 +007"), Ok(()));
        for (text, refusal) in [
            ("normal x 0 0", "Error in hard, soft or soft_seconds setting in buffer limit configuration."),
            ("normal -1 0 0", "Error in hard, soft or soft_seconds setting in buffer limit configuration."),
            ("normal 0 0 -1", "Error in hard, soft or soft_seconds setting in buffer limit configuration."),
            ("normal 0 0", "Wrong number of arguments in buffer limit configuration."),
            ("normal  5  6  7", "Wrong number of arguments in buffer limit configuration."),
            ("master 0 0 0", "Invalid client class specified in buffer limit configuration."),
        ] {
            assert_eq!(set(text), Err(refusal.into()), "{text}");
        }
        let [normal, replica, _] = output_classes(&limits);
        assert_eq!((normal.as_str(), replica.as_str()), ("normal 1048576 0 7", "slave 2048 1024 5"));
        assert_eq!(set_output(&mut limits, &[b"normal", b"0", b"0", b"0"]), Ok(()), "as in a file");
    }
}
