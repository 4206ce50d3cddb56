//! Starting a server: placeholders, ports, a process group of its own.
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Limits, MARK, Output, Process, StartError, Target, run_mark, watchdog};
use crate::ports;

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
    /// The only processor core that it may run on; all of them when absent.
    pub core: Option<usize>,
    /// Whom it runs as; the grader's own user when absent.
    pub user: Option<User>,
    /// When it is killed, whatever it does and whatever the grader waits for.
    pub deadline: Option<Instant>,
    /// How it is known that the server is ready.
    pub ready: Ready,
}

/// A user of the system, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    /// The user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

/// When a started server counts as ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    /// Once it listens at the ports that it was told.
    Listening,
    /// Once it has said `listening on ADDRESS` so many times: it chose its ports itself.
    Announced(usize),
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
            core: None,
            user: None,
            deadline: None,
            ready: Ready::Listening,
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

    /// Whether the command has this placeholder.
    #[must_use]
    pub fn has(&self, placeholder: &str) -> bool {
        self.argv.iter().any(|arg| arg.contains(placeholder))
    }

    /// A placeholder that is nearly one of ours, such as `{framed-port}`. Other braces are the command's own.
    fn misspelt(&self) -> Option<StartError> {
        let bare = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
        let inside =
            self.argv.iter().flat_map(|arg| arg.split('{').skip(1)).filter_map(|rest| rest.split_once('}'));
        inside.map(|(word, _)| word).find_map(|word| {
            let known = ["{port}", "{framed_port}", "{dir}"];
            let meant = known.into_iter().find(|known| bare(known.trim_matches(['{', '}'])) == bare(word))?;
            let written = format!("{{{word}}}");
            (written != meant).then_some(StartError::Placeholder { written, meant })
        })
    }

    fn start_once(&self) -> Result<Target, StartError> {
        if let Some(error) = self.misspelt() {
            return Err(error);
        }
        let port = self.port.map_or_else(free_port, Ok)?;
        // A command with a {framed_port} alone serves one port, and that one is framed.
        let framed_port = match (self.has("{framed_port}"), self.has("{port}")) {
            (true, true) => Some(free_port()?),
            (true, false) => Some(port),
            (false, _) => None,
        };
        let dir = self.has("{dir}").then(fresh_dir).transpose()?;
        if let (Some(dir), Some(user)) = (&dir, self.user) {
            std::os::unix::fs::chown(dir, Some(user.uid), Some(user.gid)).map_err(|error| {
                StartError::Grader(format!("cannot give {} away: {error}", dir.display()))
            })?;
        }
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

        let mark = fresh_mark();
        let mut command = self.command(program, args, port, framed_port);
        command.env(MARK, &mark);

        let started = Instant::now();
        let output = Output::default();
        let process = Process::spawn(&mut command, self.startup, output.clone(), output.clone())
            .map_err(|error| StartError::Spawn { program: program.clone(), error })?;
        if let Some(deadline) = self.deadline {
            watchdog::watch(process.pid(), deadline);
        }
        // From here on, dropping the target cleans up.
        let mut target = Target {
            process,
            server: None,
            announced: Vec::new(),
            port,
            framed_port,
            dir,
            ready_after: Duration::ZERO,
            output,
        };
        match self.ready {
            Ready::Listening => target.server = self.wait_ready(&target, &mark, started)?,
            Ready::Announced(count) => target.announced = self.wait_announced(&target, count, started)?,
        }
        target.ready_after = started.elapsed();
        Ok(target)
    }

    /// With everything that is set between fork and exec.
    pub(super) fn command(
        &self,
        program: &str,
        args: &[String],
        port: u16,
        framed_port: Option<u16>,
    ) -> Command {
        let mut command = Command::new(program);
        command.args(args).envs(self.env.iter().cloned()).env("PORT", port.to_string());
        // A panic's message says what is missing; a backtrace under it would push it out of the last lines shown.
        command.env("RUST_BACKTRACE", "0");
        if let Some(framed) = framed_port {
            command.env("FRAMED_PORT", framed.to_string());
        }
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        if let Some(user) = self.user {
            // Other groups are given up as well.
            command.uid(user.uid).gid(user.gid);
        }
        self.limits.apply(&mut command, self.core);
        command
    }
}

/// What marks the processes of one launch.
pub(super) fn fresh_mark() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{}{}.", run_mark(), COUNT.fetch_add(1, Ordering::Relaxed))
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
