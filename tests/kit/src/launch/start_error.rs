//! A plain message for each way in which starting a server can go wrong.
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::Ended;

/// Why a server could not be graded at all. The text says what to do.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields' names and each variant's sentence say it")]
pub enum StartError {
    /// The program is not there or cannot be executed.
    Spawn { program: String, error: std::io::Error },
    /// The command has a placeholder that is nearly one of those that are filled in.
    Placeholder { written: String, meant: &'static str },
    /// It ended before it listened.
    Exited { ended: Ended, tail: Vec<String> },
    /// The parent exited and a child serves in the background.
    Backgrounded,
    /// It still runs, but the port stayed silent.
    NeverListened {
        port: u16,
        after: Duration,
        placeholder: bool,
        building: Option<String>,
        tail: Vec<String>,
    },
    /// It still runs, but did not say where it listens.
    Unannounced { after: Duration, tail: Vec<String> },
    /// It listens, but elsewhere.
    WrongPort { asked: u16, found: Vec<u16>, placeholder: bool },
    /// The port's two bytes are swapped: `htons` is missing.
    SwappedPort { asked: u16, found: u16 },
    /// Right port, but an address that 127.0.0.1 does not reach.
    WrongAddress { found: SocketAddr },
    /// The grader itself could not do its part.
    Grader(String),
}

/// What the caller of [`Launch::start`] should hold a start error to be.
impl StartError {
    /// True when the fault lies with the command line or the machine, not with the server's code.
    #[must_use]
    pub fn is_infrastructure(&self) -> bool {
        matches!(self, Self::Spawn { .. } | Self::Placeholder { .. } | Self::Grader(_))
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spawn { program, error } => f.write_str(&not_started(program, error)),
            Self::Placeholder { written, meant } => {
                write!(f, "the command says {written}, which nothing is filled in for: write {meant}")
            }
            Self::Exited { ended, tail } => {
                write!(f, "the server {ended} before it listened.{}", printed(tail))
            }
            Self::Backgrounded => write!(
                f,
                "the server put itself into the background: the started process exited while a child of it serves. \
                 Stay in the foreground, so that the grader can watch and end it"
            ),
            Self::NeverListened { building: Some(compiler), after, .. } => write!(
                f,
                "nothing listens yet after {}: the command is still building (`{compiler}` is running). Build first, \
                 or give it longer with --startup-timeout 90",
                seconds(*after)
            ),
            Self::NeverListened { port, after, placeholder, tail, .. } => write!(
                f,
                "the server runs but does not listen on port {port} after {}. Did it reach bind() and listen()? {}{}",
                seconds(*after),
                how_told(*placeholder),
                printed(tail)
            ),
            Self::Unannounced { after, tail } => write!(
                f,
                "the server neither has {{port}} in its command nor says `listening on ADDRESS` within {}.{}",
                seconds(*after),
                printed(tail)
            ),
            Self::WrongPort { asked, found, placeholder } => {
                let found: Vec<String> = found.iter().map(ToString::to_string).collect();
                let (found, how) = (found.join(", "), how_told(*placeholder));
                write!(
                    f,
                    "the server was asked to listen on port {asked} and listens on {found} instead. {how}"
                )
            }
            Self::SwappedPort { asked, found } => write!(
                f,
                "asked for port {asked} (0x{asked:04x}), the server listens on {found} (0x{found:04x}): the same two \
                 bytes in the other order. sockaddr_in wants the port in network byte order; use htons() or to_be()"
            ),
            Self::WrongAddress { found } => write!(
                f,
                "the server listens on {found}, which a client of 127.0.0.1 does not reach. Bind 127.0.0.1"
            ),
            Self::Grader(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for StartError {}

fn not_started(program: &str, error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => format!(
            "the command does not exist: there is no program `{program}` (looked in PATH, or at that path). Check the \
             spelling, and build it first"
        ),
        _ if std::path::Path::new(program).is_dir() => {
            format!("`{program}` is a directory: name the program in it, or the interpreter and its file")
        }
        ErrorKind::PermissionDenied => {
            format!("`{program}` is not executable: `chmod +x {program}`, or name its interpreter first")
        }
        ErrorKind::ExecutableFileBusy => format!(
            "`{program}` is still open for writing in another process: wait until the build has ended, or end what holds \
             it (`fuser -v {program}`)"
        ),
        _ => format!("`{program}` could not be started: {error}"),
    }
}

fn how_told(placeholder: bool) -> &'static str {
    if placeholder {
        "(The port stands where the command says {port}, and in the variable PORT.)"
    } else {
        "The command has no {port}, so only the variable PORT told it: write {port} where the port belongs."
    }
}

fn printed(tail: &[String]) -> String {
    if tail.is_empty() {
        return " It printed nothing".to_owned();
    }
    format!(" Its last lines:\n    {}", tail.join("\n    "))
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f32().round())
}
