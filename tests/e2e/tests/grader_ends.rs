//! The grader within its bounds: its time is up when it says so, its exit status means what the manual says, and nothing is
//! left running when it is killed.
#![allow(clippy::unwrap_used, reason = "a test may unwrap, in its helpers too")]
mod support;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn grade(arguments: &[&str]) -> Command {
    let mut command = Command::new(support::binary("grade"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[test]
fn the_time_of_a_run_bounds_a_check_that_would_go_on() {
    // Listens and accepts nobody: whatever is asked of it, it does not answer.
    let silent = "import os, socket, time\ns = socket.create_server(('127.0.0.1', int(os.environ['PORT'])))\ntime.sleep(600)";
    let began = Instant::now();
    let status = grade(&["phase1", "--timeout", "2", "--only", "descriptors", "--", "python3", "-c", silent])
        .status()
        .unwrap();
    assert!(began.elapsed() < Duration::from_secs(12), "took {:?}", began.elapsed());
    assert_ne!(status.code(), Some(0));
}

#[test]
fn the_exit_status_tells_passed_from_failed_and_from_not_judged() {
    let server = support::binary("echo-server").display().to_string();
    let code = |arguments: &[&str]| grade(arguments).status().unwrap().code();
    let only = ["phase1", "--only", "listens,round-trip", "--"];
    assert_eq!(code(&[&only[..], &[&server, "--port", "{port}"]].concat()), Some(0));
    assert_eq!(code(&[&only[..], &["sleep", "600"]].concat()), Some(1));
    assert_eq!(code(&[&only[..], &["/nonexistent/server"]].concat()), Some(2));
    assert_eq!(code(&["phase1", "--timeout", "0", "--", &server, "--port", "{port}"]), Some(2));
}

#[test]
fn a_killed_grader_leaves_no_server_behind() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    // The shell starts a server of its own, which a signal to the shell alone would not reach.
    let script = format!("sleep 600 & echo $! > {}; wait", file.display());
    let mut grader =
        grade(&["phase1", "--startup-timeout", "60", "--only", "listens", "--", "sh", "-c", &script])
            .spawn()
            .unwrap();
    let pid: i32 = support::eventually("the pid of what was started", || {
        std::fs::read_to_string(&file).ok()?.trim().parse().ok()
    });
    grader.kill().unwrap();
    grader.wait().unwrap();
    support::eventually("the end of what was started", || {
        kill(Pid::from_raw(pid), None::<Signal>).is_err().then_some(())
    });
}
