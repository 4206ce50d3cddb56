//! Finding the console blocks of a chapter.
use anyhow::{Result, bail};

use super::pattern::accepts_everything;

/// What a block does when the chapter runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Commands that end by themselves, each with what it prints.
    Commands(Vec<(String, Vec<String>)>),
    /// Starts (`Some`) or watches (`None`) a named terminal.
    Terminal {
        /// The terminal's name.
        name: String,
        /// What to start in it; `None`: it runs already.
        command: Option<String>,
        /// Send SIGINT first.
        interrupt: bool,
        /// Lines that must appear, in order.
        expected: Vec<String>,
    },
    /// A dialogue with one program.
    Interactive {
        /// The program.
        command: String,
        /// What is typed and printed, in order.
        dialogue: Vec<Said>,
    },
}

/// One line of a dialogue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Said {
    /// The reader types this line.
    Typed(String),
    /// The reader closes standard input.
    EndOfInput,
    /// The program prints this line.
    Printed(String),
}

/// One fenced block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// Line of the opening fence, counted from 1.
    pub line: usize,
    /// What it does.
    pub kind: Kind,
}

/// Every console block of a chapter, in order. An error names the line.
pub fn parse_chapter(markdown: &str) -> Result<Vec<Block>> {
    let mut blocks = Vec::new();
    let mut lines = markdown.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let Some(info) = line.trim_start().strip_prefix("```") else { continue };
        let body: Vec<String> = lines
            .by_ref()
            .map(|(_, l)| l.to_owned())
            .take_while(|l| !l.trim_start().starts_with("```"))
            .collect();
        let mut words = info.trim().split(',').map(str::trim);
        if words.next() != Some("console") {
            continue;
        }
        let line = index + 1;
        let kind = match words.next() {
            None => commands(&body),
            Some("interactive") => interactive(&body),
            Some("ignore") => bail!(
                "line {line}: console,ignore: every console block is executed; what cannot be is a text block, with a \
                 sentence that says why"
            ),
            Some(word) => match word.strip_prefix("terminal=") {
                Some(name) => terminal(name, &body),
                None => bail!("line {line}: console,{word}: expected terminal=NAME or interactive"),
            },
        };
        match kind {
            Ok(kind) => blocks.push(Block { line, kind }),
            Err(error) => bail!("line {line}: {error}"),
        }
    }
    Ok(blocks)
}

fn commands(body: &[String]) -> Result<Kind> {
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    for line in body {
        if let Some(command) = line.strip_prefix("$ ") {
            commands.push((command.to_owned(), Vec::new()));
        } else if let Some((command, output)) = commands.last_mut() {
            match line.strip_prefix("> ") {
                Some(more) if output.is_empty() => {
                    command.push('\n');
                    command.push_str(more);
                }
                _ => output.push(line.clone()),
            }
        } else {
            bail!("a console block begins with a command: `$ …`");
        }
    }
    if commands.is_empty() {
        bail!("a console block without a command");
    }
    if let Some((command, _)) = commands.iter().find(|(_, expected)| accepts_everything(expected)) {
        bail!("the output expected of `{command}` accepts everything, so the block cannot fail");
    }
    Ok(Kind::Commands(commands))
}

fn terminal(name: &str, body: &[String]) -> Result<Kind> {
    let mut command = None;
    let mut interrupt = false;
    let mut expected = Vec::new();
    for line in body {
        match line.strip_prefix("$ ") {
            Some(text) if command.is_none() && expected.is_empty() => command = Some(text.to_owned()),
            Some(_) => bail!("terminal {name}: one command to a terminal"),
            None if line == "^C" && expected.is_empty() => interrupt = true,
            None => expected.push(line.clone()),
        }
    }
    if expected.iter().all(|line| matches!(line.trim(), "..." | "[..]" | "")) {
        bail!("terminal {name}: expects no particular line, so the block cannot fail");
    }
    Ok(Kind::Terminal { name: name.to_owned(), command, interrupt, expected })
}

fn interactive(body: &[String]) -> Result<Kind> {
    let Some(command) = body.first().and_then(|line| line.strip_prefix("$ ")) else {
        bail!("an interactive block begins with the command: `$ …`");
    };
    let dialogue: Vec<Said> = body[1..]
        .iter()
        .map(|line| match line.strip_suffix('↵') {
            Some(typed) => Said::Typed(typed.trim_end().to_owned()),
            None if line == "^D" => Said::EndOfInput,
            None => Said::Printed(line.clone()),
        })
        .collect();
    let telling =
        |said: &Said| matches!(said, Said::Printed(line) if !matches!(line.trim(), "..." | "[..]" | ""));
    if !dialogue.iter().any(telling) {
        bail!("the dialogue expects no particular line, so the block cannot fail");
    }
    Ok(Kind::Interactive { command: command.to_owned(), dialogue })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_kinds_are_told_apart() {
        let chapter = "text\n```console\n$ echo a\na\n$ cat <<X\n> b\n> X\nb\n```\n```rust\n$ not this\n```\n\
                       ```console,terminal=server\n$ serve\nlistening\n```\n```console,terminal=server\n^C\nbye\n```\n\
                       ```console,interactive\n$ nc host\nPING ↵\n+PONG\n^D\n```\n```text\n$ reboot\n```\n";
        let blocks = parse_chapter(chapter).unwrap();
        assert_eq!(blocks.len(), 4);
        assert_eq!(
            blocks[0].kind,
            Kind::Commands(vec![
                ("echo a".into(), vec!["a".into()]),
                ("cat <<X\nb\nX".into(), vec!["b".into()])
            ])
        );
        assert!(matches!(&blocks[2].kind, Kind::Terminal { interrupt: true, command: None, .. }));
        assert_eq!(
            blocks[3].kind,
            Kind::Interactive {
                command: "nc host".into(),
                dialogue: vec![Said::Typed("PING".into()), Said::Printed("+PONG".into()), Said::EndOfInput]
            }
        );
    }

    #[test]
    fn a_block_that_cannot_fail_is_refused() {
        let error = parse_chapter("\n```console\n$ date\n...\n```\n").unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("cannot fail"), "{error}");
        assert!(parse_chapter("```console,terminal=a\n$ serve\n```\n").is_err());
        assert!(parse_chapter("```console,interactive\n$ nc\nhi ↵\n```\n").is_err());
        assert!(parse_chapter("```console\noutput\n```\n").is_err());
        assert!(parse_chapter("```console,colour\n$ a\n```\n").is_err());
    }

    #[test]
    fn a_block_that_is_only_shown_is_refused() {
        let error = parse_chapter("```console,ignore\n$ reboot\n```\n").unwrap_err().to_string();
        assert!(error.contains("line 1") && error.contains("executed"), "{error}");
    }
}
