//! Parameters of Redis that have one value here, the one that is true.
use super::table::Change::{self, Anytime, AtStart};
use super::value::{self, Refusal};

/// A parameter of Redis whose only value here is the one that describes this server.
pub struct Fixed {
    /// redis.conf's name.
    pub name: &'static str,
    /// Whether Redis would let it be changed while it runs.
    pub change: Change,
    /// The value that is true.
    pub value: &'static str,
    /// Why no other one is.
    pub why: &'static str,
    /// Another value in a file is told and not heeded, since a server that does not heed it serves as well.
    pub harmless: bool,
}

/// The fixed parameter of this name, in any case.
pub fn find(name: &str) -> Option<&'static Fixed> {
    FIXED.iter().find(|fixed| fixed.name.eq_ignore_ascii_case(name))
}

impl Fixed {
    /// Accepts the true value only.
    pub fn check(&self, words: &[&[u8]]) -> Result<(), Refusal> {
        let own = self.value.as_bytes();
        let amount = || value::bytes(own).filter(|_| !own.is_empty());
        let same_amount = || Some(value::bytes(words.first()?)? == amount()?);
        if words.join(&b' ').eq_ignore_ascii_case(own) || same_amount() == Some(true) {
            return Ok(());
        }
        Err(format!("{}; the only value accepted is '{}'", self.why, self.value))
    }
}

const NEVER: &str = "this server does not have it";
const ONE_THREAD: &str = "one thread is the point";

/// What other servers can be asked for and this one cannot.
pub static FIXED: &[Fixed] = &[
    harmless("activedefrag", Anytime, "no", NEVER),
    fixed("tls-port", Anytime, "0", NEVER),
    fixed("replicaof", AtStart, "", NEVER),
    fixed("slaveof", AtStart, "", NEVER),
    fixed("cluster-enabled", AtStart, "no", NEVER),
    harmless(
        "daemonize",
        AtStart,
        "no",
        "it stays in the foreground; let your shell or service manager do it",
    ),
    harmless("supervised", AtStart, "no", NEVER),
    harmless("pidfile", AtStart, "", "it stays in the foreground, so who started it knows its process id"),
    harmless("io-threads", AtStart, "1", ONE_THREAD),
    harmless("io-threads-do-reads", AtStart, "no", ONE_THREAD),
    harmless("syslog-enabled", AtStart, "no", "the log goes to stderr or to logfile"),
    harmless("always-show-logo", AtStart, "no", "there is no logo"),
    fixed("unixsocket", AtStart, "", NEVER),
    harmless("enable-module-command", AtStart, "no", NEVER),
];

const fn fixed(name: &'static str, change: Change, value: &'static str, why: &'static str) -> Fixed {
    Fixed { name, change, value, why, harmless: false }
}

const fn harmless(name: &'static str, change: Change, value: &'static str, why: &'static str) -> Fixed {
    Fixed { name, change, value, why, harmless: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_parameter_accepts_only_what_is_true() {
        for fixed in FIXED {
            assert_eq!(fixed.check(&[fixed.value.as_bytes()]), Ok(()), "{}", fixed.name);
            assert!(fixed.check(&[b"something else"]).is_err(), "{}", fixed.name);
        }
        let port = find("TLS-PORT").expect("a row");
        assert_eq!(port.check(&[b"0"]), Ok(()));
        assert!(port.check(&[b"1"]).is_err());
        assert!(find("replicaof").expect("a row").check(&[b"host", b"1"]).is_err());
    }
}
