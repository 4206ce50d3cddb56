//! What this machine has of what the labs use, and what its variants mean for a learner.
//!
//! Pure judgement is apart from looking: [`netcat_variant`] and friends take text, so they are tested without the
//! programs.
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// One line of the doctor's report.
#[derive(Debug)]
pub struct Finding {
    /// What was looked for.
    pub what: &'static str,
    /// How it stands.
    pub state: State,
    /// What was found, and what that means for the labs.
    pub meaning: String,
}

/// How one finding stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Everything that uses it works.
    Ready,
    /// Works, with a difference that the meaning explains.
    Differs,
    /// Not here: the meaning says what is lost and how to get it.
    Missing,
}

/// The netcat families, which agree on little more than the name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Netcat {
    /// Debian's netcat-openbsd, macOS: `-N` sends FIN at the end of input.
    OpenBsd,
    /// netcat-traditional: no `-N`; `-q 1` ends a second after the input.
    Traditional,
    /// Nmap's ncat: half-closes by itself.
    Ncat,
    /// busybox and others.
    Unknown,
}

/// Tells the family from what `nc -h` prints.
pub fn netcat_variant(help: &str) -> Netcat {
    if help.contains("Ncat") {
        Netcat::Ncat
    } else if help.contains("OpenBSD netcat")
        || help.contains("[-46bCDdFhklNnrStUuvZz]")
        || help.contains("-N\t")
    {
        Netcat::OpenBsd
    } else if help.contains("-q secs") && !help.contains("-N") {
        Netcat::Traditional
    } else {
        Netcat::Unknown
    }
}

/// What a netcat family means for the labs.
pub fn netcat_meaning(variant: Netcat) -> (State, &'static str) {
    match variant {
        Netcat::OpenBsd => (
            State::Ready,
            "OpenBSD netcat, as in the book. -N sends FIN when the input ends: without it `printf … | nc` may wait for ever \
             or lose the reply. -C sends CRLF line ends.",
        ),
        Netcat::Traditional => (
            State::Differs,
            "traditional netcat: it has no -N. Where a lab says `nc -N`, use `nc -q 1`: it never half-closes, it only \
             leaves a second after the input. `apt-get install netcat-openbsd` gives the book's variant.",
        ),
        Netcat::Ncat => (
            State::Differs,
            "ncat: it half-closes by itself when the input ends, so leave -N away where a lab says `nc -N`. -C sends CRLF.",
        ),
        Netcat::Unknown => (
            State::Differs,
            "an unknown netcat (busybox?): half-close may be impossible. Use `frame --half-close`, or install \
             netcat-openbsd.",
        ),
    }
}

/// The first program of this name on PATH.
pub fn find(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Everything, in the order in which the course needs it.
pub fn examine() -> Vec<Finding> {
    vec![
        netcat(),
        program("telnet", &[], "sends CRLF line ends, eats byte 0xFF. Leave it with Ctrl-] then `quit`."),
        strace(),
        proc_files(),
        descriptors(),
        program(
            "redis-cli",
            &["--version"],
            "phase 4 by hand; without it use `cargo run --bin keyspace-cli`.",
        ),
        program(
            "redis-server",
            &["--version"],
            "compared with in `cargo compare` and in the differential test.",
        ),
        program("python3", &["--version"], "handouts in Python; nothing else needs it."),
        program("cc", &["--version"], "handouts in C; nothing else needs it."),
        program("valgrind", &["--version"], "counts instructions for `cargo compare --instructions`."),
        program(
            "unshare",
            &["--version"],
            "a network namespace for the book's labs in CI; you do not need it.",
        ),
    ]
}

fn netcat() -> Finding {
    let what = "nc";
    let Some(path) = find("nc") else {
        return missing(what, "most labs use it: `apt-get install netcat-openbsd`, or the dev container.");
    };
    let (state, meaning) = netcat_meaning(netcat_variant(&says(&["nc", "-h"]).unwrap_or_default()));
    Finding { what, state, meaning: format!("{}: {meaning}", path.display()) }
}

fn strace() -> Finding {
    let what = "strace and ptrace";
    if find("strace").is_none() {
        return missing(
            what,
            "shows system calls, and injects EINTR for `cargo grade --strace`: `apt-get install strace`.",
        );
    }
    let traced = says(&["strace", "-f", "-e", "trace=write", "true"]).unwrap_or_default();
    if traced.contains("exited with 0") {
        return Finding {
            what,
            state: State::Ready,
            meaning:
                "tracing works. -f follows threads and forks, -e trace=read,write keeps to those calls, -e \
                      inject=read:error=EINTR:when=3 makes the third read fail."
                    .into(),
        };
    }
    let why = traced.lines().next().unwrap_or("no answer");
    missing(
        what,
        &format!("strace is here, but may not trace ({why}). In a container: --cap-add=SYS_PTRACE."),
    )
}

fn proc_files() -> Finding {
    let what = "/proc";
    let readable =
        ["/proc/self/stat", "/proc/self/fd", "/proc/net/tcp"].iter().all(|p| std::fs::metadata(p).is_ok());
    if !readable {
        return missing(
            what,
            "not mounted: checks of CPU, memory, descriptors and split points report `not run`.",
        );
    }
    Finding {
        what,
        state: State::Ready,
        meaning: "CPU ticks, memory, descriptors and socket queues can be read.".into(),
    }
}

fn descriptors() -> Finding {
    use nix::sys::resource::{Resource, getrlimit};
    let what = "descriptors";
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((_, hard)) if hard >= 20_000 => Finding {
            what,
            state: State::Ready,
            meaning: format!("up to {hard} a process: enough for 10,000 idle connections."),
        },
        Ok((_, hard)) => Finding {
            what,
            state: State::Differs,
            meaning: format!(
                "only {hard} a process: labs with 10,000 connections will use fewer. Raise it with `ulimit -Hn` as root or \
                 in /etc/security/limits.conf."
            ),
        },
        Err(error) => missing(what, &format!("the limit cannot be read: {error}")),
    }
}

fn program(what: &'static str, version: &[&str], meaning: &str) -> Finding {
    if find(what).is_none() {
        return missing(what, meaning);
    }
    let command: Vec<&str> = std::iter::once(what).chain(version.iter().copied()).collect();
    let said = if version.is_empty() { None } else { says(&command) };
    let first = said.as_deref().and_then(|text| text.lines().next()).unwrap_or("here").trim().to_owned();
    Finding { what, state: State::Ready, meaning: format!("{first}: {meaning}") }
}

fn missing(what: &'static str, meaning: &str) -> Finding {
    Finding { what, state: State::Missing, meaning: meaning.to_owned() }
}

/// Both streams of a short command, or nothing if it does not end within two seconds.
fn says(command: &[&str]) -> Option<String> {
    let mut child = Command::new(command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let deadline = Instant::now() + Duration::from_secs(2);
    while child.try_wait().ok()?.is_none() {
        if Instant::now() > deadline {
            let _ = child.kill();
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_netcat_families_are_told_apart() {
        assert_eq!(netcat_variant("OpenBSD netcat (Debian patchlevel 1.219-1)\nusage: nc"), Netcat::OpenBsd);
        assert_eq!(netcat_variant("[v1.10-47]\n\t-q secs\t\tquit after EOF on stdin"), Netcat::Traditional);
        assert_eq!(netcat_variant("Ncat 7.93 ( https://nmap.org/ncat )"), Netcat::Ncat);
        assert_eq!(netcat_variant("BusyBox v1.35.0"), Netcat::Unknown);
    }

    #[test]
    fn every_family_but_the_books_says_what_to_do_instead() {
        for variant in [Netcat::Traditional, Netcat::Ncat, Netcat::Unknown] {
            let (state, meaning) = netcat_meaning(variant);
            assert_eq!(state, State::Differs);
            assert!(meaning.contains("install") || meaning.contains("leave"), "{meaning}");
        }
    }

    #[test]
    fn a_missing_program_says_what_is_lost() {
        let finding = program("no-such-program-here", &[], "for nothing");
        assert_eq!(finding.state, State::Missing);
        assert!(finding.meaning.contains("for nothing"));
    }

    #[test]
    fn the_examination_ends_and_covers_the_labs() {
        let names: Vec<_> = examine().iter().map(|f| f.what).collect();
        for wanted in ["nc", "telnet", "strace and ptrace", "/proc", "descriptors", "redis-cli"] {
            assert!(names.contains(&wanted), "{wanted} is not examined");
        }
    }
}
