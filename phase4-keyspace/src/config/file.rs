//! Where a configuration comes from: a file in redis.conf's syntax, then flags of the same names.
use std::borrow::Cow;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Result, anyhow, bail, ensure};

use super::{Config, elsewhere, fixed, include, table};
use crate::wire::inline;

/// A file may include another one; this deep.
const MOST_INCLUDES: usize = 16;

impl Config {
    /// Reads a command line (without the program's name): perhaps a file (`-`: standard input), then flags.
    ///
    /// # Errors
    /// Names every flag that is refused, or the file and line, a line each, and says what is wrong with it.
    pub fn from_args(args: &[Vec<u8>]) -> Result<Config> {
        let mut reading = Reading { config: Config::default(), refused: Vec::new() };
        let flags = match args {
            [file, flags @ ..] if file == b"-" || !file.starts_with(b"--") => {
                reading.file(Path::new(OsStr::from_bytes(file)), 0);
                flags
            }
            flags => flags,
        };
        reading.flags(flags);
        match reading.refused.as_slice() {
            [] => Ok(reading.config),
            refused => Err(anyhow!(refused.join("\n"))),
        }
    }

    /// Remembers a parameter that means nothing here, to be told once.
    fn do_not_heed(&mut self, name: &str, why: &str) -> Result<()> {
        self.not_heeded.insert(format!("{name} ({why})"));
        Ok(())
    }

    /// Takes in a command's new name.
    fn rename(&mut self, words: &[&[u8]]) -> Result<()> {
        let [name, new] = words else { bail!("a command and its new name are needed; '' removes it") };
        self.renames.push((name.to_vec(), new.to_vec()));
        Ok(())
    }

    /// Takes in a user's line. Its rules are read when the commands that they name are known.
    fn add_user(&mut self, words: &[&[u8]]) -> Result<()> {
        let known = self.users.iter().any(|user| user[0] == words[0]);
        ensure!(!known, "duplicate user found; a user can only be defined once");
        self.users.push(words.iter().map(|word| word.to_vec()).collect());
        Ok(())
    }

    /// Sets one parameter by its redis.conf name.
    fn set(&mut self, name: &[u8], words: &[&[u8]]) -> Result<()> {
        // The other phases' servers call it so.
        let name = if name.eq_ignore_ascii_case(b"host") { b"bind" } else { name };
        ensure!(!words.is_empty(), "a value is missing");
        if name.eq_ignore_ascii_case(b"user") {
            return self.add_user(words);
        }
        if name.eq_ignore_ascii_case(b"rename-command") {
            return self.rename(words);
        }
        let name = std::str::from_utf8(name).unwrap_or_default();
        if let Some(parameter) = table::find(name) {
            return (parameter.set)(self, words).map_err(|refusal| anyhow!("{refusal}"));
        }
        match fixed::find(name) {
            Some(fixed) => match fixed.check(words) {
                Err(_) if fixed.harmless => self.do_not_heed(fixed.name, fixed.why),
                checked => checked.map_err(|refusal| anyhow!("{refusal}")),
            },
            None if elsewhere::why(name).is_some() => {
                self.do_not_heed(name, elsewhere::why(name).unwrap_or_default())
            }
            None => bail!("there is no parameter of this name; --help lists them"),
        }
    }
}

/// A configuration on its way, and every line and flag that was refused: all of them are told at once.
struct Reading {
    config: Config,
    refused: Vec<String>,
}

impl Reading {
    fn flags(&mut self, flags: &[Vec<u8>]) {
        let mut rest = flags;
        while let [flag, more @ ..] = rest {
            let values = more.iter().take_while(|word| !word.starts_with(b"--")).count();
            let (words, after) = more.split_at(values);
            rest = after;
            let Some(name) = flag.strip_prefix(b"--") else {
                self.refused.push(format!("'{}' is no flag; flags look like --port 7000", lossy(flag)));
                continue;
            };
            let mut parts = name.splitn(2, |byte| *byte == b'=');
            let name = parts.next().unwrap_or_default();
            let words: Vec<&[u8]> = parts.chain(words.iter().map(Vec::as_slice)).collect();
            if let Err(refusal) = self.config.set(name, &words) {
                let line = format!("--{} {}", lossy(name), lossy(&words.join(&b' ')));
                self.refused.push(format!("{line}: {refusal:#}"));
            }
        }
    }

    fn file(&mut self, name: &Path, depth: usize) {
        let shown = name.display();
        if depth >= MOST_INCLUDES {
            let refusal = format!("{shown}: includes {MOST_INCLUDES} deep; does a file include itself?");
            return self.refused.push(refusal);
        }
        let text = match read(name) {
            Ok(text) => text,
            Err(error) => {
                return self.refused.push(format!("cannot read the configuration file {shown}: {error}"));
            }
        };
        if depth == 0 && name != Path::new("-") {
            self.config.file = Some(name.canonicalize().unwrap_or_else(|_| name.into()));
        }
        for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if let Err(refusal) = self.line(line, depth) {
                let line = lossy(line);
                self.refused.push(format!("{shown}, line {}: {line}: {refusal:#}", number + 1));
            }
        }
    }

    fn line(&mut self, line: &[u8], depth: usize) -> Result<()> {
        if line.is_empty() || line.starts_with(b"#") {
            return Ok(());
        }
        let words = words(line).ok_or_else(|| anyhow!("unbalanced quotes"))?;
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        match words.as_slice() {
            [include, pattern] if include.eq_ignore_ascii_case(b"include") => {
                for file in include::files(Path::new(OsStr::from_bytes(pattern))) {
                    self.file(&file, depth + 1);
                }
                Ok(())
            }
            [name, values @ ..] => self.config.set(name, values),
            [] => Ok(()),
        }
    }
}

fn read(name: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    if name == Path::new("-") {
        io::stdin().read_to_end(&mut text)?;
        return Ok(text);
    }
    std::fs::read(name)
}

/// The words of a line, quotes and escapes resolved; `None`: a quote is open.
pub fn words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (mut text, mut spans) = (Vec::new(), Vec::new());
    inline::split(line, &mut text, &mut spans).ok()?;
    Some(spans.iter().map(|span| text[span.start as usize..span.end as usize].to_vec()).collect())
}

fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// What `--help` prints.
pub fn help() -> String {
    let mut text = String::from(
        "keyspace-server [FILE] [--name value ...]\n\
         keyspace-server --check FILE      says whether a snapshot, a log or a manifest is whole, and what can be saved\n\
         keyspace-server --explain FILE    prints its bytes with their meaning\n\n\
         FILE is in redis.conf's syntax; - reads it from standard input. Flags have redis.conf's names:\n\n",
    );
    let defaults = Config::default();
    for parameter in table::all() {
        let line = format!("  --{:<28} {}", parameter.name, lossy(&(parameter.get)(&defaults)));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str("\nPort 0 means no such listener, `any` one that the kernel chooses. Accepted with one value only:\n\n");
    for row in fixed::FIXED {
        text.push_str(&format!("  --{:<28} {:<12} {}\n", row.name, format!("'{}'", row.value), row.why));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::Port;
    use super::*;

    fn parse(args: &[&str]) -> Result<Config> {
        Config::from_args(&args.iter().map(|arg| arg.as_bytes().to_vec()).collect::<Vec<_>>())
    }

    #[test]
    fn flags_have_redis_confs_names() {
        let config =
            parse(&["--port", "any", "--bind", "127.0.0.1", "::1", "--save", "", "--hz=20"]).expect("valid");
        assert_eq!((config.port, config.hz), (Port::Any, 20));
        assert_eq!(config.bind, ["127.0.0.1", "::1"]);
        assert_eq!(parse(&["--host", "0.0.0.0", "--port", "0"]).expect("valid").port, Port::None);
    }

    #[test]
    fn a_wrong_flag_is_named() {
        let cases = [
            (&["--nonsense", "1"][..], "--nonsense 1: there is no parameter of this name; --help lists them"),
            (&["--port"], "--port : a value is missing"),
            (&["--port", "65536"], "--port 65536: argument must be between 0 and 65535 inclusive"),
            (
                &["--cluster-enabled", "yes"],
                "--cluster-enabled yes: this server does not have it; the only value accepted is 'no'",
            ),
            (&["--port", "1", "--", "x"], "-- x: there is no parameter of this name; --help lists them"),
        ];
        for (args, expected) in cases {
            assert_eq!(format!("{:#}", parse(args).expect_err("refused")), expected);
        }
        assert!(parse(&["/nonexistent/file"]).is_err());
    }

    #[test]
    fn a_file_has_comments_quotes_and_includes() {
        let dir = std::env::temp_dir().join(format!("keyspace-config-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("temporary directory");
        let (main, other) = (dir.join("main.conf"), dir.join("other.conf"));
        std::fs::write(&other, "maxclients 7\nrequirepass \"two words\\x21\"\n").expect("written");
        let text =
            format!("# comment\n\n  port 7000\nINCLUDE {}\nsave \"\"\nappendonly no\n", other.display());
        std::fs::write(&main, text).expect("written");
        let config = parse(&[main.to_str().expect("UTF-8"), "--port", "7001"]).expect("valid");
        assert_eq!((config.port, config.maxclients), (Port::At(7001), 7));
        assert_eq!(config.requirepass, b"two words!");

        std::fs::write(&main, "port 7000\nmaxclients many\n").expect("written");
        let error = format!("{:#}", parse(&[main.to_str().expect("UTF-8")]).expect_err("refused"));
        assert!(error.contains("main.conf, line 2: maxclients many: argument couldn't be parsed"), "{error}");
        std::fs::write(&main, "port x\n# fine\nhz 20\nnonsense \"\nsave 60\n").expect("written");
        let error =
            format!("{:#}", parse(&[main.to_str().expect("UTF-8"), "--tls-port", "1"]).expect_err("refused"));
        let lines: Vec<&str> = error.lines().collect();
        assert_eq!(lines.len(), 4, "every mistake is named: {error}");
        for (line, part) in
            lines.iter().zip(["line 1: port x: arg", "line 4: ", "line 5: save", "--tls-port 1: "])
        {
            assert!(line.contains(part), "{error}");
        }

        std::fs::write(&main, format!("include {}\n", main.display())).expect("written");
        let error = format!("{:#}", parse(&[main.to_str().expect("UTF-8")]).expect_err("refused"));
        assert!(error.contains("include itself"), "{error}");
        std::fs::remove_dir_all(&dir).expect("removed");
    }

    #[test]
    fn a_file_is_bytes() {
        let path = std::env::temp_dir().join(format!("keyspace-config-bytes-{}", std::process::id()));
        std::fs::write(&path, b"# caf\xe9\r\nrequirepass \"\xff\\x00\"\r\nport 7001\r\n").expect("written");
        let config = parse(&[path.to_str().expect("UTF-8")]).expect("valid");
        assert_eq!((config.requirepass.as_slice(), config.port), (&b"\xff\0"[..], Port::At(7001)));
        std::fs::remove_file(&path).expect("removed");
    }
}
