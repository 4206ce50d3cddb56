//! Fault injection: strace(1) attached to a running server makes chosen system calls fail as they seldom do in life.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::check::{Outcome, Verdict};
use crate::procfs;
use crate::target::Target;

/// Whether fault injection may be used.
#[derive(Debug, Clone)]
pub enum Tracing {
    /// Asked for, and tried out.
    Available,
    /// Not asked for, or not possible, and why.
    Unavailable(String),
}

impl Tracing {
    /// Tries strace on a harmless command.
    #[must_use]
    pub fn probe() -> Self {
        let tried = Command::new("strace")
            .args([
                "-f",
                "-qq",
                "-o",
                "/dev/null",
                "-e",
                "trace=getppid",
                "-e",
                "inject=getppid:error=EINTR:when=1",
                "true",
            ])
            .stdin(Stdio::null())
            .output();
        match tried {
            Ok(output) if output.status.success() => Self::Available,
            Ok(output) => {
                let why = String::from_utf8_lossy(&output.stderr);
                Self::Unavailable(format!(
                    "strace does not work here: {}",
                    why.trim().lines().last().unwrap_or("")
                ))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Self::Unavailable("strace is not installed (apt-get install strace)".into())
            }
            Err(error) => Self::Unavailable(format!("strace could not be started: {error}")),
        }
    }

    /// The state of a run without `--strace`.
    #[must_use]
    pub fn off() -> Self {
        Self::Unavailable("fault injection is off: run again with --strace".into())
    }
}

/// A strace attached to a server. Dropping it detaches; the server goes on untouched.
#[derive(Debug)]
pub struct Injection {
    strace: Child,
    /// The server.
    pid: i32,
    /// The traced calls.
    log: PathBuf,
    /// What strace itself has to say.
    words: PathBuf,
}

/// The longest that strace may take to attach: it does so in milliseconds, or not at all.
const ATTACH: Duration = Duration::from_secs(15);

/// How long a server may take to come to rest before strace leaves it. One that spins never does.
const SETTLE: Duration = Duration::from_secs(1);

/// System calls by which a server may read from a socket.
pub const READS: &str = "read,recvfrom,recvmsg,readv";
/// System calls by which a server may write to a socket.
pub const WRITES: &str = "write,sendto,sendmsg,writev";
/// System calls that accept a connection.
pub const ACCEPTS: &str = "accept,accept4";
/// System calls that wait for readiness.
pub const WAITS: &str = "?poll,ppoll,?select,pselect6,?epoll_wait,epoll_pwait,?epoll_pwait2";

/// Attaches to the server and injects `fault` (strace's words: `error=EINTR:when=1+2`) into `calls`. Given the inode
/// of a socket, only calls on that socket are touched, so that the server's log keeps working.
///
/// # Errors
/// Not run, when strace may not be used or does not attach.
pub fn inject(
    tracing: &Tracing,
    target: &Target,
    calls: &str,
    fault: &str,
    socket: Option<u64>,
) -> Outcome<Injection> {
    if let Tracing::Unavailable(why) = tracing {
        return Err(Verdict::NotRun(why.clone()));
    }
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = format!("grade-strace-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let log = std::env::temp_dir().join(name);
    let words = log.with_extension("words");
    let stderr = std::fs::File::create(&words)
        .map_err(|error| Verdict::Infrastructure(format!("cannot write {}: {error}", words.display())))?;
    let strace = Command::new("strace")
        .args(["-f", "-e", &format!("trace={calls}"), "-e", &format!("inject={calls}:{fault}"), "-o"])
        .arg(&log)
        .args(["-p", &target.pid().to_string()])
        .args(socket.iter().flat_map(|inode| ["-P".to_owned(), format!("socket:[{inode}]")]))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr)
        .spawn()
        .map_err(|error| Verdict::NotRun(format!("strace could not be started: {error}")))?;
    let mut injection = Injection { strace, pid: target.pid(), log, words };
    // TracerPid of /proc/PID/status is set too early: the server still runs, and its next call goes by untouched. strace
    // says "attached" once every thread has been told to stop; from then on none of them makes a call unseen.
    let deadline = Instant::now() + ATTACH;
    loop {
        // Looked at before the words: what a strace that has gone had to say is complete.
        let gone = injection.strace.try_wait().ok().flatten().is_some();
        let said = std::fs::read_to_string(&injection.words).unwrap_or_default();
        // It may have gone again with a server that a fault has ended meanwhile.
        if said.contains("attached") {
            return Ok(injection);
        }
        if gone || Instant::now() > deadline {
            let why = said.lines().last().unwrap_or("it said nothing");
            return Err(Verdict::NotRun(format!("strace may not attach to the server here ({why})")));
        }
        target.output.wait_for_more(Duration::from_millis(1));
    }
}

impl Injection {
    /// How many faults were injected so far.
    #[must_use]
    pub fn count(&self) -> usize {
        std::fs::read_to_string(&self.log).unwrap_or_default().matches("(INJECTED)").count()
    }

    /// The last traced calls, for the report.
    #[must_use]
    pub fn last_calls(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(4)..].join("\n    ")
    }
}

impl Drop for Injection {
    fn drop(&mut self) {
        // An injected call is, on its way in, turned into one that does not exist, and given its result on its way out. To
        // detach in between would leave the server with ENOSYS. A thread that sleeps is in a real call.
        let deadline = Instant::now() + SETTLE;
        while !procfs::asleep(self.pid) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        // SIGTERM makes strace detach cleanly; SIGKILL would leave the tracee stopped on old kernels.
        let _ = kill(Pid::from_raw(self.strace.id().cast_signed()), Signal::SIGTERM);
        let _ = self.strace.wait();
        let _ = std::fs::remove_file(&self.log);
        let _ = std::fs::remove_file(&self.words);
    }
}
