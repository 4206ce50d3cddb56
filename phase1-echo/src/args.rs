//! Flags of the form `--port 7001`, `--port=7001` and `--raw`, for the binaries of phases 1 to 3.
//!
//! An unknown flag is an error, never ignored: a typing mistake in `--max-frame` must not start a server with the
//! wrong limit.
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use crate::{log, output};

/// One flag: `name` without the dashes, the `value`'s name in the help text (`None`: a switch).
pub struct Flag {
    /// Without the dashes: `port`.
    pub name: &'static str,
    /// How the help calls its value; `None` for a switch, which has none.
    pub value: Option<&'static str>,
    /// One line for `--help`.
    pub help: &'static str,
}

/// What a program accepts on its command line.
pub struct Spec {
    /// As typed: `echo-server`, or `frame encode`.
    pub program: &'static str,
    /// One or two lines saying what it does.
    pub about: &'static str,
    /// Name of the arguments that are not flags; `None` if there are none.
    pub operands: Option<&'static str>,
    /// Every flag but `--help`, which is always there.
    pub flags: &'static [Flag],
    /// Shown at the end of `--help`; examples, usually.
    pub epilogue: &'static str,
}

/// A command line that fits its [`Spec`].
#[derive(Debug, Default)]
pub struct Args {
    flags: BTreeMap<&'static str, String>,
    /// The arguments that are not flags, in order. After `--` everything is one.
    pub operands: Vec<OsString>,
}

/// Runs a program: its command line is parsed, its error becomes one line on stderr and exit status 1.
pub fn run(spec: &Spec, main: impl FnOnce(&Args) -> Result<()>) -> ExitCode {
    run_with(spec, std::env::args_os().skip(1), main)
}

/// [`run`] on a given command line, for a program with subcommands.
pub fn run_with(
    spec: &Spec,
    line: impl IntoIterator<Item = OsString>,
    main: impl FnOnce(&Args) -> Result<()>,
) -> ExitCode {
    let outcome = match spec.parse(line) {
        Ok(Some(args)) => main(&args),
        Ok(None) => output::print(spec.help().as_bytes()),
        Err(error) => Err(error),
    };
    exit_code(spec.program, outcome)
}

/// Status 0, or 1 and one line on stderr that says why.
pub fn exit_code(program: &str, outcome: Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log!("{program}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

impl Spec {
    /// Sorts a command line into flags and operands. `None` means that help was asked for.
    pub fn parse(&self, line: impl IntoIterator<Item = OsString>) -> Result<Option<Args>> {
        let mut args = Args::default();
        let mut line = line.into_iter();
        while let Some(word) = line.next() {
            if word == "--help" || word == "-h" {
                return Ok(None);
            }
            if word == "--" {
                args.operands.extend(line.by_ref());
                break;
            }
            // A single dash, as in `-5` or `-`, is an operand: all flags here are long.
            let Some(flag) = word.to_str().and_then(|word| word.strip_prefix("--")) else {
                args.operands.push(word);
                continue;
            };
            let (name, attached) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (flag, None),
            };
            let known = self.flags.iter().find(|flag| flag.name == name).ok_or_else(|| self.unknown(name))?;
            let value = match (known.value, attached) {
                (None, None) => String::new(),
                (None, Some(_)) => bail!("--{name} is a switch and takes no value"),
                (Some(_), Some(value)) => value,
                (Some(what), None) => line
                    .next()
                    .ok_or_else(|| anyhow!("--{name} needs a value: --{name} {what}"))?
                    .into_string()
                    .map_err(|value| anyhow!("--{name} {value:?}: not valid UTF-8"))?,
            };
            args.flags.insert(known.name, value);
        }
        if let (None, Some(stray)) = (self.operands, args.operands.first()) {
            bail!("unexpected argument {stray:?}: every setting here is a flag (--help lists them)");
        }
        Ok(Some(args))
    }

    fn unknown(&self, name: &str) -> anyhow::Error {
        let near = self
            .flags
            .iter()
            .map(|flag| (distance(name, flag.name), flag.name))
            .min()
            .filter(|near| near.0 <= 2);
        match near {
            Some((_, meant)) => {
                anyhow!("unknown flag --{name}: did you mean --{meant}? (--help lists all flags)")
            }
            None => anyhow!("unknown flag --{name} (--help lists all flags)"),
        }
    }

    /// The text of `--help`.
    pub fn help(&self) -> String {
        let operands = self.operands.map(|name| format!(" {name}")).unwrap_or_default();
        let mut text = format!("{}\n\nUsage: {} [FLAGS]{operands}\n\nFlags:\n", self.about, self.program);
        let help = Flag { name: "help", value: None, help: "show this text" };
        for flag in self.flags.iter().chain([&help]) {
            let value = flag.value.map(|value| format!(" {value}")).unwrap_or_default();
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {:<26} {}", format!("--{}{value}", flag.name), flag.help);
        }
        if !self.epilogue.is_empty() {
            let _ = writeln!(text, "\n{}", self.epilogue);
        }
        text
    }
}

impl Args {
    /// Was this switch, or this flag, given?
    pub fn has(&self, name: &str) -> bool {
        self.flags.contains_key(name)
    }

    /// A flag's value as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.flags.get(name).map(String::as_str)
    }

    /// A flag's value, or `default` if the flag was not given.
    pub fn value<T: FromStr>(&self, name: &str, default: T) -> Result<T>
    where
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        match self.text(name) {
            None => Ok(default),
            Some(text) => text.parse().with_context(|| format!("--{name} {text:?} does not fit")),
        }
    }

    /// A flag that takes a count of bytes: plain, or with `k`, `m` or `g` behind it (powers of 1024).
    pub fn bytes(&self, name: &str, default: u64) -> Result<u64> {
        let Some(text) = self.text(name) else { return Ok(default) };
        let lower = text.to_ascii_lowercase();
        let (digits, unit) = match lower.char_indices().last() {
            Some((at, 'k')) => (&lower[..at], 1 << 10),
            Some((at, 'm')) => (&lower[..at], 1 << 20),
            Some((at, 'g')) => (&lower[..at], 1 << 30),
            _ => (lower.as_str(), 1),
        };
        let count = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(unit));
        count
            .ok_or_else(|| anyhow!("--{name} {text:?}: expected a number of bytes, such as 4096, 64k or 32m"))
    }

    /// The `--max-frame` flag: bytes, as much as the four bytes of a length can say.
    pub fn max_frame(&self, default: u32) -> Result<u32> {
        let bytes = self.bytes("max-frame", u64::from(default))?;
        u32::try_from(bytes)
            .map_err(|_| anyhow!("--max-frame {bytes}: a length has four bytes, at most {}", u32::MAX))
    }

    /// A flag that takes seconds, fractions allowed, up to a hundred years; `None` if it was not given or is 0.
    pub fn seconds(&self, name: &str) -> Result<Option<Duration>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let span = text.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        match span {
            Some(span) if span > LONGEST => {
                bail!("--{name} {text:?}: at most {} seconds, a hundred years", LONGEST.as_secs())
            }
            Some(span) => Ok(Some(span).filter(|span| !span.is_zero())),
            None => bail!("--{name} {text:?}: expected seconds, such as 30 or 0.5 (0: never)"),
        }
    }

    /// The address that `--host` and `--port` name. A host name is looked up, IPv4 preferred.
    pub fn address(&self, default_port: u16) -> Result<SocketAddr> {
        let host = self.text("host").unwrap_or("127.0.0.1");
        let port = match self.text("port") {
            None => default_port,
            Some(text) => text.parse().map_err(|_| {
                anyhow!("--port {text:?}: a port is a number from 0 to 65535 (0: the kernel picks one)")
            })?,
        };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let found: Vec<SocketAddr> = (bare, port)
            .to_socket_addrs()
            .with_context(|| format!("--host {host:?} is neither an address nor a name known here"))?
            .collect();
        found
            .iter()
            .find(|address| address.is_ipv4())
            .or(found.first())
            .copied()
            .ok_or_else(|| anyhow!("--host {host:?} has no address"))
    }
}

/// A point in time that far away can still be computed.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Levenshtein distance: how many letters must be added, dropped or replaced to turn one word into the other.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: Spec = Spec {
        program: "demo",
        about: "A demonstration.",
        operands: None,
        flags: &[
            Flag { name: "host", value: Some("HOST"), help: "address" },
            Flag { name: "port", value: Some("PORT"), help: "port" },
            Flag { name: "max-frame", value: Some("BYTES"), help: "limit" },
            Flag { name: "raw", value: None, help: "switch" },
        ],
        epilogue: "",
    };

    fn parse(line: &[&str]) -> Result<Args> {
        SPEC.parse(line.iter().map(OsString::from)).map(|args| args.expect("no help asked for"))
    }

    fn error(line: &[&str]) -> String {
        parse(line).unwrap_err().to_string()
    }

    #[test]
    fn a_value_may_be_attached_or_follow() {
        assert_eq!(parse(&["--port=1"]).unwrap().text("port"), Some("1"));
        assert_eq!(parse(&["--port", "2", "--raw"]).unwrap().text("port"), Some("2"));
        assert_eq!(parse(&["--port=1", "--port=2"]).unwrap().text("port"), Some("2"), "the last one counts");
        assert_eq!(parse(&["--port="]).unwrap().text("port"), Some(""));
    }

    #[test]
    fn mistakes_are_named_and_answered() {
        assert!(error(&["--prot", "1"]).contains("did you mean --port?"));
        assert!(!error(&["--nonsense"]).contains("did you mean"));
        assert!(error(&["--port"]).contains("needs a value"));
        assert!(error(&["--raw=yes"]).contains("takes no value"));
        assert!(error(&["7001"]).contains("unexpected argument"));
    }

    #[test]
    fn values_are_checked() {
        let args = parse(&["--port", "65536", "--max-frame", "32m"]).unwrap();
        assert!(args.address(1).unwrap_err().to_string().contains("from 0 to 65535"));
        assert_eq!(args.bytes("max-frame", 0).unwrap(), 32 << 20);
        for bad in ["", "m", "-1", "1t", "99999999999999999999", "18446744073709551615k"] {
            assert!(parse(&["--max-frame", bad]).unwrap().bytes("max-frame", 0).is_err(), "{bad:?}");
        }
        assert_eq!(
            parse(&["--port", "0.5"]).unwrap().seconds("port").unwrap(),
            Some(Duration::from_millis(500))
        );
        assert_eq!(parse(&["--port", "0"]).unwrap().seconds("port").unwrap(), None);
        for bad in ["-1", "NaN", "inf", "1e99", "9223372036854775807", "soon"] {
            assert!(parse(&["--port", bad]).unwrap().seconds("port").is_err(), "{bad:?}");
        }
    }

    #[test]
    fn hosts_may_be_either_family() {
        let address = |host: &str| parse(&["--host", host]).unwrap().address(7001).unwrap().to_string();
        assert_eq!(address("127.0.0.1"), "127.0.0.1:7001");
        assert_eq!(address("::1"), "[::1]:7001");
        assert_eq!(address("[::1]"), "[::1]:7001");
    }

    #[test]
    fn help_lists_every_flag() {
        assert!(SPEC.parse(["--raw", "--help", "--nonsense"].map(OsString::from)).unwrap().is_none());
        let help = SPEC.help();
        for flag in SPEC.flags {
            assert!(help.contains(&format!("--{}", flag.name)));
        }
    }

    #[test]
    fn distances() {
        assert_eq!(distance("port", "port"), 0);
        assert_eq!(distance("prot", "port"), 2);
        assert_eq!(distance("", "raw"), 3);
        assert_eq!(distance("hosts", "host"), 1);
    }
}
