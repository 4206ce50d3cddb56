//! Where a configuration comes from: a file in redis.conf's syntax, then flags of the same names.
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::Config;
use super::table;
use crate::wire::inline;

/// A file may include another one; this deep.
const MOST_INCLUDES: usize = 16;

impl Config {
    /// Reads a command line (without the program's name): perhaps a file (`-`: standard input), then flags.
    ///
    /// # Errors
    /// Names the flag, or the file and line, and says what is wrong with it.
    pub fn from_args(args: &[String]) -> Result<Config> {
        let mut config = Config::default();
        let flags = match args {
            [file, flags @ ..] if file == "-" || !file.starts_with("--") => {
                config.read_file(file, 0)?;
                flags
            }
            flags => flags,
        };
        let mut rest = flags;
        while let [flag, more @ ..] = rest {
            let Some(name) = flag.strip_prefix("--") else {
                bail!("'{flag}' is no flag; flags look like --port 7000");
            };
            let values = more.iter().take_while(|word| !word.starts_with("--")).count();
            let (words, after) = more.split_at(values);
            let (name, inline_value) = match name.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (name, None),
            };
            let words: Vec<&str> = inline_value.into_iter().chain(words.iter().map(String::as_str)).collect();
            config.set(name, &words).with_context(|| format!("--{name} {}", words.join(" ")))?;
            rest = after;
        }
        Ok(config)
    }

    /// Sets one parameter by its redis.conf name.
    fn set(&mut self, name: &str, words: &[&str]) -> Result<()> {
        // The other phases' servers call it so.
        let name = if name.eq_ignore_ascii_case("host") { "bind" } else { name };
        ensure!(!words.is_empty(), "a value is missing");
        if let Some(parameter) = table::find(name) {
            return (parameter.set)(self, words).map_err(|refusal| anyhow!("{refusal}"));
        }
        match table::find_fixed(name) {
            Some(fixed) => fixed.check(words).map_err(|refusal| anyhow!("{refusal}")),
            None => bail!("there is no parameter of this name; --help lists them"),
        }
    }

    fn read_file(&mut self, name: &str, depth: usize) -> Result<()> {
        ensure!(depth < MOST_INCLUDES, "{name}: includes {MOST_INCLUDES} deep; does a file include itself?");
        let text = if name == "-" {
            std::io::read_to_string(std::io::stdin()).context("cannot read the configuration from stdin")?
        } else {
            std::fs::read_to_string(name)
                .with_context(|| format!("cannot read the configuration file {name}"))?
        };
        if depth == 0 && name != "-" {
            self.file = Some(Path::new(name).canonicalize().unwrap_or_else(|_| name.into()));
        }
        for (number, line) in text.lines().enumerate() {
            self.read_line(line.trim(), depth)
                .with_context(|| format!("{name}, line {}: {line}", number + 1))?;
        }
        Ok(())
    }

    fn read_line(&mut self, line: &str, depth: usize) -> Result<()> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let (mut text, mut spans) = (Vec::new(), Vec::new());
        inline::split(line.as_bytes(), &mut text, &mut spans).map_err(|_| anyhow!("unbalanced quotes"))?;
        let words: Vec<&str> = spans
            .iter()
            .map(|span| std::str::from_utf8(&text[span.start as usize..span.end as usize]))
            .collect::<Result<_, _>>()
            .context("not UTF-8")?;
        match words.as_slice() {
            [include, file] if include.eq_ignore_ascii_case("include") => self.read_file(file, depth + 1),
            [name, values @ ..] => self.set(name, values),
            [] => Ok(()),
        }
    }
}

/// What `--help` prints.
pub fn help() -> String {
    let mut text = String::from(
        "keyspace-server [FILE] [--name value ...]\n\n\
         FILE is in redis.conf's syntax; - reads it from standard input. Flags have redis.conf's names:\n\n",
    );
    let defaults = Config::default();
    for parameter in table::PARAMETERS {
        let line = format!("  --{:<28} {}", parameter.name, (parameter.get)(&defaults));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str("\nPort 0 means no such listener, `any` one that the kernel chooses. Accepted with one value only:\n\n");
    for fixed in table::FIXED {
        text.push_str(&format!(
            "  --{:<28} {:<12} {}\n",
            fixed.name,
            format!("'{}'", fixed.value),
            fixed.why
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::Port;
    use super::*;

    fn parse(args: &[&str]) -> Result<Config> {
        Config::from_args(&args.iter().map(|arg| arg.to_string()).collect::<Vec<_>>())
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
                &["--appendonly", "yes"],
                "--appendonly yes: persistence is not built yet, everything is lost when the server stops; the only value accepted is 'no'",
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
        assert_eq!(config.requirepass, "two words!");

        std::fs::write(&main, "port 7000\nmaxclients many\n").expect("written");
        let error = format!("{:#}", parse(&[main.to_str().expect("UTF-8")]).expect_err("refused"));
        assert!(error.contains("main.conf, line 2: maxclients many: argument couldn't be parsed"), "{error}");
        std::fs::write(&main, format!("include {}\n", main.display())).expect("written");
        let error = format!("{:#}", parse(&[main.to_str().expect("UTF-8")]).expect_err("refused"));
        assert!(error.contains("include itself"), "{error}");
        std::fs::remove_dir_all(&dir).expect("removed");
    }
}
