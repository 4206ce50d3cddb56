//! Running a chapter's blocks in order, each wait with a deadline.
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use super::parse::{Block, Kind, Said};
use super::pattern::{line_matches, text_matches};

/// For a command to end: a clone of the repository is built by one.
const ENDS_WITHIN: Duration = Duration::from_secs(600);
/// For the next line of a terminal or a dialogue: `cargo museum run` builds before it says anything.
const PRINTS_WITHIN: Duration = Duration::from_secs(300);

/// What the book writes where a reader types the repository's address.
const THIS_REPOSITORY: &str = "<this repository>";

/// Around every command. A block's last folder and PATH are what the next one begins with.
const BEFORE: &str = "exec 2>&1; . \"$LAB_SESSION\"\n";
const KEEP: &str = "trap '{ printf \"cd %q\\n\" \"$PWD\"; declare -p PATH; } > \"$LAB_SESSION\"' EXIT\n";

/// Where commands run and what they find on their PATH.
pub struct Shell {
    /// The session's working folder.
    pub folder: PathBuf,
    /// Put in front of PATH: this workspace's binaries, and the stand-in for `cargo run`.
    pub path: Vec<PathBuf>,
    /// What `<this repository>` stands for; without it, blocks that say so are skipped.
    pub repository: Option<PathBuf>,
}

/// What a chapter's run amounts to.
#[derive(Default, Debug)]
pub struct ChapterReport {
    /// Blocks executed.
    pub executed: usize,
    /// Blocks that this machine cannot run, with the reason.
    pub skipped: Vec<String>,
}

/// Runs every block; the first that differs ends the chapter with an error that shows both sides.
pub fn run_chapter(shell: &Shell, blocks: &[Block]) -> Result<ChapterReport> {
    let mut report = ChapterReport::default();
    let mut terminals: HashMap<String, Terminal> = HashMap::new();
    let session = tempfile::NamedTempFile::new().context("a file for the session's folder and PATH")?;
    let shell = Session { shell, file: session.path() };
    for block in blocks {
        let place = || format!("console block at line {}", block.line);
        match &block.kind {
            Kind::Commands(commands) => {
                if shell.shell.repository.is_none()
                    && commands.iter().any(|(c, _)| c.contains(THIS_REPOSITORY))
                {
                    report.skipped.push(format!("line {}: there is no .git here to clone from", block.line));
                    continue;
                }
                for (command, expected) in commands {
                    run_to_end(shell, command, expected).with_context(place)?;
                }
            }
            Kind::Terminal { name, command, interrupt, expected } => {
                if let Some(command) = command {
                    terminals.insert(name.clone(), Terminal::start(shell, command, Stdio::null())?);
                }
                let Some(terminal) = terminals.get_mut(name) else {
                    bail!("{}: terminal {name} was never started", place())
                };
                if *interrupt {
                    killpg(terminal.group(), Signal::SIGINT).with_context(place)?;
                }
                terminal.expect(expected).with_context(place)?;
            }
            Kind::Interactive { command, dialogue } => {
                converse(shell, command, dialogue).with_context(place)?;
            }
        }
        report.executed += 1;
    }
    Ok(report)
}

/// A chapter's shell and where it keeps what carries over.
#[derive(Clone, Copy)]
struct Session<'a> {
    shell: &'a Shell,
    file: &'a Path,
}

fn run_to_end(shell: Session<'_>, command: &str, expected: &[String]) -> Result<()> {
    let mut terminal = Terminal::start(shell, &format!("{KEEP}{command}"), Stdio::null())?;
    let (printed, ended) = terminal.read_to_end();
    let lines: Vec<&str> = printed.iter().map(String::as_str).collect();
    if !ended {
        bail!(
            "`{command}` did not end within {} s; it printed:\n{}",
            ENDS_WITHIN.as_secs(),
            lines.join("\n")
        );
    }
    if !text_matches(expected, &lines) {
        bail!(
            "`{command}`\n--- the book says\n{}\n--- it printed\n{}",
            expected.join("\n"),
            lines.join("\n")
        );
    }
    Ok(())
}

fn converse(shell: Session<'_>, command: &str, dialogue: &[Said]) -> Result<()> {
    let mut terminal = Terminal::start(shell, command, Stdio::piped())?;
    let mut input = terminal.child.stdin.take();
    for said in dialogue {
        match said {
            Said::EndOfInput => input = None,
            Said::Printed(line) => terminal.expect(std::slice::from_ref(line))?,
            Said::Typed(line) => type_line(input.as_mut(), line)
                .with_context(|| format!("typing {line:?} into `{command}`"))?,
        }
    }
    Ok(())
}

fn type_line(input: Option<&mut ChildStdin>, line: &str) -> Result<()> {
    let input = input.context("standard input was closed by ^D before")?;
    input.write_all(format!("{line}\n").as_bytes())?;
    Ok(input.flush()?)
}

/// A running program whose output, both streams in order of arrival, is read line by line.
struct Terminal {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Terminal {
    fn start(session: Session<'_>, command: &str, stdin: Stdio) -> Result<Terminal> {
        let shell = session.shell;
        let repository =
            shell.repository.as_deref().map(|path| path.display().to_string()).unwrap_or_default();
        let command = command.replace(THIS_REPOSITORY, &format!("'{repository}'"));
        let mut path: Vec<PathBuf> = shell.path.clone();
        path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        // Whoever runs this in the background may have left it an ignored SIGINT, which programs inherit and bash
        // cannot trap; at a terminal ^C is never ignored.
        let mut child = Command::new("env")
            .args(["--default-signal=INT", "bash", "-c", &format!("{BEFORE}{command}")])
            .current_dir(&shell.folder)
            .env("LAB_SESSION", session.file)
            .env("PATH", std::env::join_paths(path)?)
            .env("NO_COLOR", "1")
            // A build that says that it builds is for people; a block shows what the command itself prints.
            .env("CARGO_TERM_QUIET", "true")
            .env("TERM", "dumb")
            .env("LC_ALL", "C.UTF-8")
            .stdin(stdin)
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .context("starting bash through env (GNU coreutils 8.31 or later)")?;
        let stdout = child.stdout.take().expect("stdout was piped above");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stdout);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
                let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
                if sender.send(text).is_err() {
                    return;
                }
                line.clear();
            }
        });
        Ok(Terminal { child, lines, seen: Vec::new() })
    }

    fn group(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }

    /// Waits until the expected lines have appeared, in order; `...` lets any number of lines pass before the next.
    fn expect(&mut self, expected: &[String]) -> Result<()> {
        let deadline = Instant::now() + PRINTS_WITHIN;
        let mut skipping = false;
        for wanted in expected {
            if wanted.trim() == "..." {
                skipping = true;
                continue;
            }
            loop {
                let left = deadline.saturating_duration_since(Instant::now());
                let line = match self.lines.recv_timeout(left) {
                    Ok(line) => line,
                    Err(RecvTimeoutError::Timeout) => bail!(
                        "waited {} s for the line\n  {wanted}\nbut so far it printed\n{}",
                        PRINTS_WITHIN.as_secs(),
                        self.seen.join("\n")
                    ),
                    Err(RecvTimeoutError::Disconnected) => bail!(
                        "it ended before it printed\n  {wanted}\nall it printed was\n{}",
                        self.seen.join("\n")
                    ),
                };
                self.seen.push(line.clone());
                if line_matches(wanted, &line) {
                    break;
                }
                if !skipping {
                    bail!("--- the book says\n{wanted}\n--- it printed\n{line}");
                }
            }
            skipping = false;
        }
        Ok(())
    }

    fn read_to_end(&mut self) -> (Vec<String>, bool) {
        let deadline = Instant::now() + ENDS_WITHIN;
        let mut printed = Vec::new();
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => printed.push(line),
                Err(RecvTimeoutError::Timeout) => return (printed, false),
                Err(RecvTimeoutError::Disconnected) => return (printed, true),
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The whole group: bash may have children, and a server must not outlive its chapter.
        let _ = killpg(self.group(), Signal::SIGKILL);
        // A process that is dying still holds its port, which the next chapter wants. Orphans of the group are waited for
        // too if this process adopts them, see PR_SET_CHILD_SUBREAPER in the `labs` binary. SIGKILL ends them all, so
        // this ends.
        let group = Pid::from_raw(-self.group().as_raw());
        while !matches!(waitpid(group, None), Err(errno) if errno != Errno::EINTR) {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse_chapter;
    use super::*;

    fn run(chapter: &str) -> Result<ChapterReport> {
        let folder = std::env::temp_dir();
        run_chapter(&Shell { folder, path: Vec::new(), repository: None }, &parse_chapter(chapter)?)
    }

    #[test]
    fn a_true_chapter_passes_and_is_counted() {
        let chapter = "```console\n$ echo one; echo two >&2\none\n[..]o\n```\n\
                       ```console,terminal=t\n$ echo up; exec sleep 60\nup\n```\n\
                       ```console,interactive\n$ cat\nhello ↵\nhello\n^D\n```\n```console\n$ git clone <this repository>\n```\n";
        let report = run(chapter).unwrap();
        assert_eq!((report.executed, report.skipped.len()), (3, 1));
    }

    #[test]
    fn a_false_chapter_fails_and_shows_both_sides() {
        let error = format!("{:#}", run("text\n```console\n$ echo one\ntwo\n```\n").unwrap_err());
        assert!(error.contains("line 2") && error.contains("two") && error.contains("one"), "{error}");
        assert!(run("```console\n$ echo unexpected\n```\n").is_err());
        assert!(run("```console,terminal=t\n$ echo down\nup\n```\n").is_err());
        assert!(run("```console,interactive\n$ cat\nhello ↵\ngoodbye\n```\n").is_err());
    }

    #[test]
    fn folder_and_path_carry_over() {
        let chapter = "```console\n$ mkdir -p rooms/hall && cd rooms\n$ cd hall; export PATH=\"/nowhere:$PATH\"\n```\n\
                       ```console\n$ echo \"${PWD##*/} ${PATH%%:*}\"\nhall /nowhere\n```\n\
                       ```console,terminal=t\n$ pwd\n[..]/rooms/hall\n```\n";
        let folder = tempfile::tempdir().unwrap();
        let shell = Shell { folder: folder.path().to_owned(), path: Vec::new(), repository: None };
        assert_eq!(run_chapter(&shell, &parse_chapter(chapter).unwrap()).unwrap().executed, 3);
    }

    #[test]
    fn an_interrupt_reaches_the_terminal() {
        let chapter = "```console,terminal=t\n$ trap 'echo caught; exit' INT; echo up; while :; do sleep 0.01; done\nup\n```\n\
                       ```console,terminal=t\n^C\ncaught\n```\n";
        run(chapter).unwrap();
    }
}
