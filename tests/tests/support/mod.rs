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

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrStorage, recv, send, setsockopt,
    socket, sockopt,
};
use nix::unistd::Pid;

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
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace"))
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

/// Text that a thread collects from a child's pipe, so that the pipe never fills.
#[derive(Clone, Default)]
pub struct Collected(Arc<(Mutex<CollectedText>, Condvar)>);

#[derive(Default)]
struct CollectedText {
    text: String,
    ended: bool,
}

impl Collected {
    /// Starts a thread that reads `pipe` to its end.
    pub fn from(pipe: impl Read + Send + 'static) -> Self {
        let collected = Collected::default();
        let shared = Arc::clone(&collected.0);
        std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            loop {
                line.clear();
                let n = pipe.read_until(b'\n', &mut line).unwrap_or(0);
                let mut state = shared.0.lock().unwrap();
                state.text.push_str(&String::from_utf8_lossy(&line));
                state.ended = n == 0;
                shared.1.notify_all();
                if n == 0 {
                    return;
                }
            }
        });
        collected
    }

    /// Everything so far.
    pub fn text(&self) -> String {
        self.0.0.lock().unwrap().text.clone()
    }

    /// Waits for `found` to be satisfied with the text so far; `None` at the deadline or if the pipe ended first.
    pub fn wait<T>(&self, found: impl Fn(&str) -> Option<T>) -> Option<T> {
        let end = Instant::now() + DEADLINE;
        let mut state = self.0.0.lock().unwrap();
        loop {
            if let Some(value) = found(&state.text) {
                return Some(value);
            }
            let left = end.saturating_duration_since(Instant::now());
            if state.ended || left.is_zero() {
                return None;
            }
            state = self.0.1.wait_timeout(state, left).unwrap().0;
        }
    }
}

/// A running server.
pub struct Server {
    child: Child,
    /// Every address announced on stdout, with the word behind it: `""`, `"resp"`, `"framed"`.
    listening: Vec<(SocketAddr, String)>,
    stdout: Collected,
    stderr: Collected,
}

impl Server {
    /// Starts a binary of this workspace and waits for its one `listening on` line. Give it port 0 (phase 4: `any`).
    pub fn start(name: &str, args: &[&str]) -> Server {
        Self::start_expecting(name, args, 1)
    }

    /// [`Server::start`] for a server that announces `listeners` addresses.
    pub fn start_expecting(name: &str, args: &[&str], listeners: usize) -> Server {
        let mut command = Command::new(binary(name));
        command.args(args);
        Self::spawn(command, listeners)
    }

    /// [`Server::start`] for a command that was prepared by hand (`strace …`, a working directory, a limit).
    pub fn spawn(mut command: Command, listeners: usize) -> Server {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdout = Collected::from(child.stdout.take().expect("piped"));
        let stderr = Collected::from(child.stderr.take().expect("piped"));
        let mut server = Server { child, listening: Vec::new(), stdout, stderr };
        let announced = server.stdout.wait(|text| {
            let lines: Vec<_> = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).collect();
            (lines.len() >= listeners).then(|| lines.iter().map(|line| listening(line)).collect::<Vec<_>>())
        });
        match announced {
            Some(lines) => server.listening = lines,
            None => {
                panic!("{command:?} did not listen\nstdout: {}\nstderr: {}", server.stdout(), server.stderr())
            }
        }
        server
    }

    /// The first address announced.
    pub fn addr(&self) -> SocketAddr {
        self.listening[0].0
    }

    /// The address announced with `word` behind it.
    pub fn addr_of(&self, word: &str) -> SocketAddr {
        let found = self.listening.iter().find(|(_, tag)| tag == word);
        found.unwrap_or_else(|| panic!("no listener {word:?} in {:?}", self.listening)).0
    }

    /// Connects to [`Server::addr`].
    pub fn connect(&self) -> Conn {
        Conn::to(self.addr())
    }

    /// Process id.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }

    /// Everything on stdout so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Everything on stderr so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits until stderr contains `needle`.
    pub fn wait_stderr(&self, needle: &str) {
        let found = self.stderr.wait(|text| text.contains(needle).then_some(()));
        assert!(found.is_some(), "stderr never said {needle:?}, but:\n{}", self.stderr());
    }

    /// Sends a signal to the server alone.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("the server runs");
    }

    /// Waits for the server to end by itself.
    pub fn wait_exit(&mut self) -> ExitStatus {
        let child = &mut self.child;
        eventually("the server exits", || child.try_wait().expect("it is our child"))
    }

    /// Sends SIGTERM and expects exit status 0.
    pub fn terminate(mut self) {
        self.signal(Signal::SIGTERM);
        let status = self.wait_exit();
        assert!(status.success(), "after SIGTERM: {status}\n{}", self.stderr());
    }

    /// Fails with the server's last words if it is no longer running.
    pub fn assert_alive(&mut self) {
        if let Some(status) = self.child.try_wait().expect("it is our child") {
            panic!("the server ended: {status} (signal {:?})\n{}", status.signal(), self.stderr());
        }
    }

    /// Open descriptors, from /proc.
    pub fn fd_count(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("the server runs").count()
    }

    /// A `Name: 123 kB` field of /proc/PID/status, such as `VmRSS`, `VmHWM` or `Threads`.
    pub fn status_field(&self, name: &str) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the server runs");
        let line = status.lines().find(|line| line.starts_with(&format!("{name}:"))).expect("a known field");
        line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a number")
    }

    /// Processor time used so far, user and system, in clock ticks (usually 10 ms).
    pub fn cpu_ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).expect("the server runs");
        // The name, in brackets, may contain anything; fields 14 and 15 are counted from behind it.
        let after = stat.rsplit_once(')').expect("a name in brackets").1;
        let field = |n: usize| after.split_whitespace().nth(n - 3).and_then(|word| word.parse::<u64>().ok());
        field(14).expect("utime") + field(15).expect("stime")
    }

    /// Process ids of the server's children.
    pub fn children(&self) -> Vec<u32> {
        let pid = self.pid();
        let list =
            std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("the server runs");
        list.split_whitespace().map(|word| word.parse().expect("a number")).collect()
    }
}

fn listening(line: &str) -> (SocketAddr, String) {
    let rest = line.strip_prefix("listening on ").unwrap_or_else(|| panic!("stdout says {line:?}"));
    let mut words = rest.split_whitespace();
    let addr =
        words.next().and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("stdout says {line:?}"));
    (addr, words.next().unwrap_or_default().to_owned())
}

impl Drop for Server {
    fn drop(&mut self) {
        // Not yet waited for, so the group still is ours; an exited leader's group may be empty, which is as well.
        let _ = killpg(self.pid(), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

/// A client's connection.
pub struct Conn {
    /// For what the methods below do not offer.
    pub stream: TcpStream,
}

impl Conn {
    /// Connects; every small write leaves at once.
    pub fn to(addr: SocketAddr) -> Conn {
        Self::around(
            TcpStream::connect_timeout(&addr, DEADLINE).unwrap_or_else(|e| panic!("connect {addr}: {e}")),
        )
    }

    /// Connects with a receive buffer of about `bytes`: a slow reader. Must be set before connecting, because the
    /// window is negotiated then.
    pub fn with_receive_buffer(addr: SocketAddr, bytes: usize) -> Conn {
        let fd = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).expect("socket");
        setsockopt(&fd, sockopt::RcvBuf, &bytes).expect("SO_RCVBUF");
        nix::sys::socket::connect(fd.as_raw_fd(), &SockaddrStorage::from(addr)).expect("connect");
        Self::around(TcpStream::from(fd))
    }

    fn around(stream: TcpStream) -> Conn {
        stream.set_nodelay(true).expect("TCP_NODELAY");
        stream.set_read_timeout(Some(DEADLINE)).expect("SO_RCVTIMEO");
        stream.set_write_timeout(Some(DEADLINE)).expect("SO_SNDTIMEO");
        Conn { stream }
    }

    /// Our own address: the server calls it the peer's.
    pub fn local_addr(&self) -> SocketAddr {
        self.stream.local_addr().expect("connected")
    }

    /// Sends all of `bytes`.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("send");
    }

    /// Sends each byte in a segment of its own and waits until the server has read it before the next one leaves.
    pub fn drip(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.send(std::slice::from_ref(byte));
            self.wait_until_taken();
        }
    }

    /// Sends `bytes` in pieces that end at `offsets`; the server has read each piece before the next one leaves.
    pub fn send_split(&mut self, bytes: &[u8], offsets: &[usize]) {
        let mut from = 0;
        for &to in offsets.iter().chain([&bytes.len()]) {
            if to > from {
                self.send(&bytes[from..to]);
                self.wait_until_taken();
                from = to;
            }
        }
    }

    /// Waits until the server's kernel holds no byte of ours that the server has not read.
    pub fn wait_until_taken(&self) {
        eventually("the server reads what was sent", || (self.unread_by_server() == (0, 0)).then_some(()));
    }

    /// Bytes of ours that have not yet arrived in the server's kernel, and bytes there that the server has not read.
    pub fn unread_by_server(&self) -> (u32, u32) {
        let (ours, theirs) = (self.local_addr(), self.stream.peer_addr().expect("connected"));
        (queues(ours, theirs).0, queues(theirs, ours).1)
    }

    /// Sends until nothing more fits anywhere and the server no longer reads: it is stuck writing to us, who do not read.
    pub fn stuff(&mut self) {
        self.stream.set_nonblocking(true).expect("O_NONBLOCK");
        let chunk = [b'x'; 65536];
        let mut stuck = 0;
        eventually("the server stops reading", || {
            let mut wrote = false;
            while self.stream.write(&chunk).is_ok() {
                wrote = true;
            }
            stuck = if !wrote && self.unread_by_server().1 > 0 { stuck + 1 } else { 0 };
            (stuck == 20).then_some(())
        });
        self.stream.set_nonblocking(false).expect("O_NONBLOCK");
    }

    /// Receives exactly `n` bytes.
    pub fn read_exact(&mut self, n: usize) -> Vec<u8> {
        let mut bytes = vec![0; n];
        let mut filled = 0;
        while filled < n {
            match self.stream.read(&mut bytes[filled..]) {
                Ok(0) => panic!("end of stream after {filled} of {n} bytes: {:?}", preview(&bytes[..filled])),
                Ok(more) => filled += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("{error} after {filled} of {n} bytes: {:?}", preview(&bytes[..filled])),
            }
        }
        bytes
    }

    /// Receives until the server's end of stream; panics on a reset.
    pub fn read_to_end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.stream.read_to_end(&mut bytes).unwrap_or_else(|e| panic!("{e} after {} bytes", bytes.len()));
        bytes
    }

    /// The server must close, without a further byte and without a reset.
    pub fn expect_eof(&mut self) {
        let rest = self.read_to_end();
        assert!(rest.is_empty(), "expected the end of the stream, got {:?}", preview(&rest));
    }

    /// The server must close; a reset counts as a close. Returns what came before.
    pub fn read_until_closed(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self.stream.read_to_end(&mut bytes) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("{error} after {} bytes", bytes.len()),
        }
        bytes
    }

    /// Nothing may be waiting for us right now. Meaningful after something that proves the server has had its turn.
    pub fn expect_silence(&mut self) {
        self.stream.set_nonblocking(true).expect("O_NONBLOCK");
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            other => panic!("expected silence, got {other:?} {byte:?}"),
        }
        self.stream.set_nonblocking(false).expect("O_NONBLOCK");
    }

    /// Sends FIN; receiving stays possible.
    pub fn half_close(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("shutdown");
    }

    /// Closes with RST instead of FIN.
    pub fn reset(self) {
        let linger = libc::linger { l_onoff: 1, l_linger: 0 };
        setsockopt(&self.stream, sockopt::Linger, &linger).expect("SO_LINGER");
    }
}

/// Send and receive queue, in bytes, of the TCP socket of this machine that connects `local` to `remote`; zeros if there
/// is none. Asked of the kernel with sock_diag(7): /proc/net/tcp says the same, but lists every socket of the machine.
pub fn queues(local: SocketAddr, remote: SocketAddr) -> (u32, u32) {
    let words = |addr: SocketAddr| match addr {
        SocketAddr::V4(v4) => [&v4.ip().octets()[..], &[0; 12]].concat(),
        SocketAddr::V6(v6) => v6.ip().octets().to_vec(),
    };
    let family = if local.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 } as u8;
    let mut request = Vec::new();
    // nlmsghdr: length, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, sequence, port id.
    for field in [72_u32, 1 << 16 | 20, 1, 0] {
        request.extend(field.to_ne_bytes());
    }
    // inet_diag_req_v2: family, protocol, extensions, padding, states; then inet_diag_sockid with no cookie.
    request.extend([family, libc::IPPROTO_TCP as u8, 0, 0]);
    request.extend([0xff; 4]);
    request.extend(local.port().to_be_bytes());
    request.extend(remote.port().to_be_bytes());
    request.extend(words(local));
    request.extend(words(remote));
    request.extend([0; 4]);
    request.extend([0xff; 8]);
    let diag =
        socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkSockDiag)
            .expect("netlink");
    send(diag.as_raw_fd(), &request, MsgFlags::empty()).expect("netlink takes the question");
    let mut answer = [0; 512];
    let n = recv(diag.as_raw_fd(), &mut answer, MsgFlags::empty()).expect("netlink answers");
    // An answer of another type is an error: no such socket. State 10 is the listener, found in place of a socket gone.
    if n < 80 || answer[4] != 20 || answer[17] == 10 {
        return (0, 0);
    }
    let field = |at: usize| u32::from_ne_bytes(answer[at..at + 4].try_into().unwrap());
    (field(76), field(72))
}

fn preview(bytes: &[u8]) -> String {
    let shown: String =
        bytes.iter().take(60).flat_map(|&b| std::ascii::escape_default(b)).map(char::from).collect();
    if bytes.len() > 60 { format!("{shown}… ({} bytes)", bytes.len()) } else { shown }
}

/// Runs a binary of this workspace to its end, with `input` on stdin.
pub fn run(name: &str, args: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(binary(name));
    command.args(args);
    run_command(command, input)
}

/// Runs a prepared command to its end, with `input` on stdin; killed at the deadline.
pub fn run_command(mut command: Command, input: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
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

/// The one line of a program that refused its command line: exit status 1, nothing on stdout.
pub fn refusal(name: &str, args: &[&str]) -> String {
    let output = run(name, args, b"");
    let stderr = String::from_utf8(output.stderr).expect("messages are UTF-8");
    assert_eq!(output.status.code(), Some(1), "{name} {args:?}: {stderr}");
    assert!(output.stdout.is_empty(), "{name} {args:?} wrote to stdout");
    assert_eq!(stderr.trim_end().lines().count(), 1, "{name} {args:?} should say one line, said {stderr}");
    stderr
}

/// Bytes that look random, the same for the same seed (SplitMix64).
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend_from_slice(&(z ^ z >> 31).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
