//! Starting this workspace's servers and talking to them, with a deadline on every wait.
//!
//! ```ignore
//! mod support;
//! let server = support::Server::start("echo-server", &["--port", "0"]);
//! let mut conn = server.connect();
//! conn.send(b"hello");
//! assert_eq!(conn.read_exact(5), b"hello");
//! ```
//!
//! A server is killed with its whole process group when its `Server` is dropped.
#![allow(dead_code, reason = "every test file compiles this module anew and uses its own part of it")]
#![allow(clippy::unwrap_used, reason = "this is test code, outside of a #[test] function")]

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

mod conn;
mod server;

#[allow(unused_imports, reason = "as above")]
pub use self::{
    conn::{Conn, queues},
    server::Server,
};

/// How long anything may take that should happen at once. Generous: the machine may be busy.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// The path of one of the workspace's binaries, built once per test process with the profile of the test itself.
pub fn binary(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let dir = BUILT.get_or_init(|| {
        // target/debug/deps/test-0123456789abcdef → target/debug
        let exe = std::env::current_exe().expect("a test knows where it is");
        let profile_dir = exe.ancestors().nth(2).expect("test executables live in target/PROFILE/deps");
        let target_dir = profile_dir.parent().expect("profile directories live in target");
        let profile = match profile_dir.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => "dev",
            Some(other) => other,
        };
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["build", "--quiet", "--workspace", "--bins", "--profile", profile, "--target-dir"])
            .arg(target_dir)
            .current_dir(
                Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("tests/ is in the workspace"),
            )
            .output()
            .expect("cargo runs");
        assert!(
            output.status.success(),
            "the binaries do not build:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        profile_dir.to_owned()
    });
    let path = dir.join(name);
    assert!(path.is_file(), "no binary {} in this workspace", path.display());
    path
}

/// Waits until `done` answers, looking again every few milliseconds; panics with `what` at the deadline.
pub fn eventually<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(Instant::now() < end, "not within {DEADLINE:?}: {what}");
        std::thread::sleep(Duration::from_millis(3));
    }
}

/// Runs a binary of this workspace to its end, with `input` on stdin.
pub fn run(name: &str, args: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(binary(name));
    command.args(args);
    run_command(command, input)
}

/// Runs a prepared command to its end, with `input` on stdin; killed at the deadline.
pub fn run_command(mut command: Command, input: &[u8]) -> Output {
    let mut child = spawn(&mut command, Stdio::piped());
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    std::thread::spawn(move || stdin.write_all(&input));
    let drain = |mut pipe: Box<dyn Read + Send>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = pipe.read_to_end(&mut bytes);
            bytes
        })
    };
    let stdout = drain(Box::new(child.stdout.take().expect("piped")));
    let stderr = drain(Box::new(child.stderr.take().expect("piped")));
    let end = Instant::now() + DEADLINE;
    let status = loop {
        if let Some(status) = child.try_wait().expect("it is our child") {
            break status;
        }
        if Instant::now() > end {
            let _ = killpg(Pid::from_raw(child.id() as i32), Signal::SIGKILL);
            let _ = child.wait();
            panic!("{command:?} did not end within {DEADLINE:?}");
        }
        std::thread::sleep(Duration::from_millis(3));
    };
    Output { status, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
}

/// In a process group of its own, with both outputs piped.
fn spawn(command: &mut Command, stdin: Stdio) -> Child {
    command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// The one line of a program that refused its command line: exit status 1, nothing on stdout.
pub fn refusal(name: &str, args: &[&str]) -> String {
    let output = run(name, args, b"");
    let stderr = String::from_utf8(output.stderr).expect("messages are UTF-8");
    assert_eq!(output.status.code(), Some(1), "{name} {args:?}: {stderr}");
    assert!(output.stdout.is_empty(), "{name} {args:?} wrote to stdout");
    assert_eq!(stderr.trim_end().lines().count(), 1, "{name} {args:?} should say one line, said {stderr}");
    stderr
}

/// A Python that knows redis-py, installed once, in the folder for tests' own files.
pub fn redis_py() -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("redis-py");
    let python = home.join("bin/python3");
    let imports = Command::new(&python).args(["-c", "import redis"]).output();
    if !imports.is_ok_and(|output| output.status.success()) {
        let home = home.display();
        let install = format!("python3 -m venv '{home}' && '{home}/bin/pip' --quiet install redis");
        let status = Command::new("sh").args(["-c", &install]).status().expect("a shell");
        assert!(status.success(), "redis-py cannot be installed");
    }
    python
}

/// Bytes that look random, the same for the same seed.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    kit::rng::Rng::new(seed).bytes(len)
}
