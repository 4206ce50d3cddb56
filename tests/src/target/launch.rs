//! Starting a server: placeholders, limits, ports, readiness, and a plain message for each way it can go wrong.
#![allow(
    unsafe_code,
    reason = "limits are set between fork and exec, which std offers only through pre_exec"
)]

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::{Ended, MARK, Output, Target, groups, marked, run_mark};
use crate::{ports, procfs};

/// How a server is started.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Program and arguments. `{port}`, `{framed_port}` and `{dir}` are replaced in each.
    pub argv: Vec<String>,
    /// Variables added to the environment. PORT is always set to the port.
    pub env: Vec<(String, String)>,
    /// Working directory; the grader's own when absent.
    pub dir: Option<PathBuf>,
    /// How long it may take until it listens.
    pub startup: Duration,
    /// Resource limits of each of its processes.
    pub limits: Limits,
    /// Listen on this port instead of one chosen at random.
    pub port: Option<u16>,
}

/// Resource limits (setrlimit(2)) of the server; `None` leaves the grader's own.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// RLIMIT_AS, bytes of address space. Generous: some runtimes reserve far more than they use.
    pub address_space: Option<u64>,
    /// RLIMIT_NOFILE, descriptors.
    pub files: Option<u64>,
    /// RLIMIT_NPROC, processes and threads beyond those the user runs already. Not enforced for root.
    pub processes: Option<u64>,
    /// RLIMIT_FSIZE, bytes per written file.
    pub file_size: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { address_space: Some(16 << 30), files: None, processes: Some(4_096), file_size: Some(4 << 30) }
    }
}

/// Why a server could not be graded at all. The text says what to do.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields' names and each variant's sentence say it")]
pub enum StartError {
    /// The program is not there or cannot be executed.
    Spawn { program: String, error: std::io::Error },
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
        matches!(self, Self::Spawn { .. } | Self::Grader(_))
    }
}

impl Launch {
    /// A launch with default limits and ten seconds to start.
    #[must_use]
    pub fn new(argv: Vec<String>) -> Self {
        Self {
            argv,
            env: Vec::new(),
            dir: None,
            startup: Duration::from_secs(10),
            limits: Limits::default(),
            port: None,
        }
    }

    /// Starts the server and waits until it listens. A port that someone else took in between is tried anew.
    ///
    /// # Errors
    /// One [`StartError`] per way a command can be bad.
    pub fn start(&self) -> Result<Target, StartError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.start_once() {
                Err(StartError::Exited { ended, tail }) if attempts < 5 && self.port.is_none() => {
                    let collision = tail.iter().any(|line| {
                        let line = line.to_lowercase();
                        line.contains("in use") || line.contains("eaddrinuse") || line.contains("os error 98")
                    });
                    if !collision {
                        return Err(StartError::Exited { ended, tail });
                    }
                }
                other => return other,
            }
        }
    }

    fn has(&self, placeholder: &str) -> bool {
        self.argv.iter().any(|arg| arg.contains(placeholder))
    }

    fn start_once(&self) -> Result<Target, StartError> {
        let port = self.port.map_or_else(free_port, Ok)?;
        // A command with a {framed_port} alone serves one port, and that one is framed.
        let framed_port = match (self.has("{framed_port}"), self.has("{port}")) {
            (true, true) => Some(free_port()?),
            (true, false) => Some(port),
            (false, _) => None,
        };
        let dir = self.has("{dir}").then(fresh_dir).transpose()?;
        let fill = |arg: &String| {
            let mut arg = arg.replace("{port}", &port.to_string());
            if let Some(framed) = framed_port {
                arg = arg.replace("{framed_port}", &framed.to_string());
            }
            dir.iter().fold(arg, |arg, dir| arg.replace("{dir}", &dir.display().to_string()))
        };
        let argv: Vec<String> = self.argv.iter().map(fill).collect();
        let (program, args) =
            argv.split_first().ok_or_else(|| StartError::Grader("the command is empty".into()))?;

        static COUNT: AtomicU64 = AtomicU64::new(0);
        let mark = format!("{}{}.", run_mark(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut command = Command::new(program);
        command.args(args).envs(self.env.iter().cloned()).env("PORT", port.to_string()).env(MARK, &mark);
        // A panic's message says what is missing; a backtrace under it would push it out of the last lines shown.
        command.env("RUST_BACKTRACE", "0");
        if let Some(framed) = framed_port {
            command.env("FRAMED_PORT", framed.to_string());
        }
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        limit(&mut command, self.limits);

        let started = Instant::now();
        let mut child =
            command.spawn().map_err(|error| StartError::Spawn { program: program.clone(), error })?;
        let output = Output::default();
        if let Some(stdout) = child.stdout.take() {
            output.drain(stdout);
        }
        if let Some(stderr) = child.stderr.take() {
            output.drain(stderr);
        }
        let group = i32::try_from(child.id()).expect("a pid fits an i32");
        groups().push(group);
        // From here on, dropping the target cleans up.
        let mut target = Target {
            child: Mutex::new(child),
            group,
            server: None,
            port,
            framed_port,
            dir,
            ready_after: Duration::ZERO,
            output,
        };
        target.server = self.wait_ready(&target, &mark, started)?;
        target.ready_after = started.elapsed();
        Ok(target)
    }

    /// Waits until every port listens; returns the process that holds the first one, when it can be seen.
    fn wait_ready(&self, target: &Target, mark: &str, started: Instant) -> Result<Option<i32>, StartError> {
        let mut elsewhere_since = None;
        loop {
            let ended = target.ended();
            if let Some(found) = self.listening(target)? {
                return if ended.is_some() { Err(StartError::Backgrounded) } else { Ok(found) };
            }
            if let Some(ended) = ended
                && procfs::group_members(target.group).is_empty()
            {
                if marked(mark).is_empty() {
                    // Both pipes are at their end, but the draining threads may still be on their way.
                    target.output.wait_for_more(Duration::from_millis(20));
                    return Err(StartError::Exited { ended, tail: target.output.tail(10) });
                }
                super::kill_marked(mark);
                return Err(StartError::Backgrounded);
            }
            let waited = started.elapsed();
            let found = if waited > Duration::from_millis(200) { other_ports(target) } else { Vec::new() };
            if found.is_empty() {
                elsewhere_since = None;
            } else if elsewhere_since.get_or_insert_with(Instant::now).elapsed() > Duration::from_millis(700)
            {
                return Err(self.wrong_port(target.port, found));
            }
            if waited > self.startup {
                return Err(self.never_listened(target));
            }
            let pause = if waited.as_millis() < 200 { 1 } else { 20 };
            target.output.wait_for_more(Duration::from_millis(pause));
        }
    }

    /// `Some(pid)` once all ports listen. Without /proc a connection is tried instead, and the pid stays unknown.
    fn listening(&self, target: &Target) -> Result<Option<Option<i32>>, StartError> {
        let mut server = None;
        for port in [Some(target.port), target.framed_port].into_iter().flatten() {
            let Ok(rows) = procfs::listeners() else {
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                if TcpStream::connect_timeout(&address, Duration::from_millis(100)).is_err() {
                    return Ok(None);
                }
                continue;
            };
            let listeners: Vec<_> = rows.iter().filter(|row| row.local.port() == port).collect();
            let Some(row) = listeners.iter().find(|row| procfs::reachable_on_loopback(row.local.ip())) else {
                return match listeners.first() {
                    Some(row) => Err(StartError::WrongAddress { found: row.local }),
                    None => Ok(None),
                };
            };
            let owner = procfs::group_members(target.group)
                .into_iter()
                .find(|member| procfs::socket_inodes(member.pid).contains(&row.inode))
                .map(|member| member.pid);
            server = server.or(owner);
        }
        Ok(Some(server))
    }

    fn wrong_port(&self, asked: u16, found: Vec<u16>) -> StartError {
        if found.contains(&asked.swap_bytes()) {
            return StartError::SwappedPort { asked, found: asked.swap_bytes() };
        }
        StartError::WrongPort { asked, found, placeholder: self.has("{port}") }
    }

    fn never_listened(&self, target: &Target) -> StartError {
        const COMPILERS: [&str; 12] = [
            "rustc", "cargo", "cc1", "cc1plus", "gcc", "clang", "ld", "go", "compile", "javac", "make", "tsc",
        ];
        let building = procfs::group_members(target.group)
            .into_iter()
            .map(|member| member.name)
            .find(|name| COMPILERS.contains(&name.as_str()));
        StartError::NeverListened {
            port: target.port,
            after: self.startup,
            placeholder: self.has("{port}"),
            building,
            tail: target.output.tail(10),
        }
    }
}

/// The ports on which the group listens, none of which is the one it was asked for.
fn other_ports(target: &Target) -> Vec<u16> {
    let Ok(rows) = procfs::listeners() else { return Vec::new() };
    let inodes: Vec<u64> = procfs::group_members(target.group)
        .into_iter()
        .flat_map(|member| procfs::socket_inodes(member.pid))
        .collect();
    let listening = rows.iter().filter(|row| inodes.contains(&row.inode));
    let mut ports: Vec<u16> = listening.map(|row| row.local.port()).collect();
    ports.dedup();
    if ports.contains(&target.port) || target.framed_port.is_some_and(|framed| ports.contains(&framed)) {
        return Vec::new();
    }
    ports
}

fn free_port() -> Result<u16, StartError> {
    ports::free_port().map_err(|error| StartError::Grader(error.to_string()))
}

fn fresh_dir() -> Result<PathBuf, StartError> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = format!("grade-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let dir = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&dir)
        .map_err(|error| StartError::Grader(format!("cannot create {}: {error}", dir.display())))?;
    Ok(dir)
}

fn limit(command: &mut Command, limits: Limits) {
    let in_use = procfs::processes().count() as u64;
    let wanted = [
        (Resource::RLIMIT_AS, limits.address_space),
        (Resource::RLIMIT_NOFILE, limits.files),
        (Resource::RLIMIT_NPROC, limits.processes.map(|more| in_use + more)),
        (Resource::RLIMIT_FSIZE, limits.file_size),
        (Resource::RLIMIT_CORE, Some(0)),
    ];
    // SAFETY: between fork and exec only async-signal-safe calls are allowed; getrlimit, setrlimit and prctl are plain
    // system calls and nothing here allocates.
    unsafe {
        command.pre_exec(move || {
            for (resource, value) in wanted {
                if let Some(value) = value {
                    let (_, hard) = getrlimit(resource)?;
                    let value = value.min(hard);
                    setrlimit(resource, value, value)?;
                }
            }
            // Lets `strace -p` of the fault-injection checks attach under Yama's default policy. Elsewhere: EINVAL.
            libc::prctl(libc::PR_SET_PTRACER, libc::PR_SET_PTRACER_ANY, 0, 0, 0);
            Ok(())
        });
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spawn { program, error } if error.kind() == std::io::ErrorKind::NotFound => write!(
                f,
                "the command does not exist: there is no program `{program}` (looked in PATH, or at that path). \
                 Check the spelling after `--`, and build the server first"
            ),
            Self::Spawn { program, error } if error.kind() == std::io::ErrorKind::PermissionDenied => {
                write!(
                    f,
                    "`{program}` is not executable: `chmod +x {program}`, or name its interpreter first"
                )
            }
            Self::Spawn { program, error } => write!(f, "`{program}` could not be started: {error}"),
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
            Self::WrongPort { asked, found, placeholder } => {
                let found: Vec<String> = found.iter().map(ToString::to_string).collect();
                write!(
                    f,
                    "the server was asked to listen on port {asked} and listens on {} instead. {}",
                    found.join(", "),
                    how_told(*placeholder)
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
