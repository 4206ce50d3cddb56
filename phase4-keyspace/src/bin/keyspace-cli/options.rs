//! The command line. Options come first; from the first word that is none, everything belongs to the command.
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

pub const HELP: &str = "\
Talks to keyspace-server, or to any server that speaks RESP.

Usage: keyspace-cli [OPTIONS] [COMMAND [ARGUMENT …]]

  --host HOST, -h HOST   server's address or name (127.0.0.1)
  --port PORT, -p PORT   its port (6379, with --framed 7004)
  --framed               speak length-prefixed frames instead of RESP
  -n DB                  select a database
  -a PASSWORD            send AUTH first
  -3                     speak RESP3
  --raw                  print replies as they are (the default if the output is no terminal)
  --no-raw               print replies with their types even if the output is no terminal
  --help                 print this

Without a command it reads commands from standard input, a line each:
  keyspace-cli < commands.txt
  rlwrap keyspace-cli          a prompt with line editing and history
Words may be quoted: SET name \"two words\\n\". The exit status is 1 if the server cannot be reached or, with a command
on the command line, answers with an error.
";

/// What to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    pub host: String,
    pub port: u16,
    pub framed: bool,
    pub db: u32,
    pub password: Option<String>,
    pub resp3: bool,
    /// `None`: as the output suits.
    pub raw: Option<bool>,
    /// Empty: commands come from standard input.
    pub command: Vec<Vec<u8>>,
}

#[derive(PartialEq, Eq, Debug)]
pub enum Parsed {
    Run(Options),
    Help,
}

/// Reads the arguments behind the program's name.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Parsed, String> {
    let mut options = Options {
        host: "127.0.0.1".into(),
        port: 0,
        framed: false,
        db: 0,
        password: None,
        resp3: false,
        raw: None,
        command: Vec::new(),
    };
    let mut port = None;
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let mut value = |what: &str| {
            let value = arguments.next().and_then(|value| value.into_string().ok());
            value.ok_or_else(|| format!("{} needs {what} behind it", argument.to_string_lossy()))
        };
        match argument.to_str().unwrap_or_default() {
            "--host" | "-h" => options.host = value("a host")?,
            "--port" | "-p" => port = Some(number(&value("a port")?, "a port is a number from 1 to 65535")?),
            "-n" => options.db = number(&value("a database")?, "a database is a number from 0 on")?,
            "-a" => options.password = Some(value("a password")?),
            "--framed" => options.framed = true,
            "-3" => options.resp3 = true,
            "--raw" => options.raw = Some(true),
            "--no-raw" => options.raw = Some(false),
            "--help" => return Ok(Parsed::Help),
            option if option.starts_with('-') && option.len() > 1 => {
                return Err(format!("there is no option {option}; --help lists them"));
            }
            _ => {
                options.command.push(argument.into_vec());
                options.command.extend(arguments.by_ref().map(OsString::into_vec));
            }
        }
    }
    if options.framed && options.resp3 {
        return Err("-3 is about RESP, --framed is instead of RESP: choose one".into());
    }
    options.port = port.unwrap_or(if options.framed { 7004 } else { 6379 });
    Ok(Parsed::Run(options))
}

fn number<T: std::str::FromStr>(text: &str, rule: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text:?}: {rule}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(line: &str) -> Options {
        match parse(line.split_whitespace().map(OsString::from)) {
            Ok(Parsed::Run(options)) => options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn options_end_where_the_command_begins() {
        let options = run("-n 2 -a secret SET -n --raw");
        assert_eq!((options.db, options.password.as_deref(), options.raw), (2, Some("secret"), None));
        assert_eq!(options.command, [b"SET".to_vec(), b"-n".to_vec(), b"--raw".to_vec()]);
    }

    #[test]
    fn the_port_depends_on_the_protocol() {
        assert_eq!(run("").port, 6379);
        assert_eq!(run("--framed").port, 7004);
        assert_eq!(run("--framed -p 5").port, 5);
    }

    #[test]
    fn mistakes_are_named() {
        let error = |line: &str| parse(line.split_whitespace().map(OsString::from)).expect_err(line);
        assert!(error("--prot 5").contains("no option --prot"));
        assert!(error("--port 70000").contains("from 1 to 65535"));
        assert!(error("--port").contains("--port needs a port"));
        assert!(error("--framed -3").contains("choose one"));
    }
}
