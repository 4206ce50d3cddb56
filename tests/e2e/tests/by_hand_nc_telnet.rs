//! What a learner types: nc and telnet sessions with the servers of all phases.
mod support;

use std::io::Write;
use std::process::{Child, ChildStdin, Command, Stdio};

use kit::launch::Output;
use support::{DEADLINE, Server, binary, run_command};

/// The output of a line of shell, where `$PORT` is the server's and `$FRAME` the frame tool.
fn shell(server: &Server, line: &str) -> String {
    let mut command = Command::new("sh");
    command.args(["-c", line]);
    command.env("PORT", server.addr().port().to_string()).env("FRAME", binary("frame"));
    let output = run_command(command, b"");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A telnet with somebody typing.
struct Telnet {
    child: Child,
    keyboard: ChildStdin,
    screen: Output,
}

impl Telnet {
    fn to(server: &Server) -> Telnet {
        let mut child = Command::new("telnet")
            .args(["127.0.0.1", &server.addr().port().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("telnet is installed");
        let keyboard = child.stdin.take().expect("piped");
        let screen = Output::whole();
        screen.drain(child.stdout.take().expect("piped"));
        let telnet = Telnet { child, keyboard, screen };
        telnet.expect("Escape character is '^]'.");
        telnet
    }

    fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).expect("telnet reads");
    }

    fn expect(&self, text: &str) {
        let found = self.screen.wait(DEADLINE, |screen| screen.contains(text).then_some(()));
        assert!(found.is_some(), "{text:?} did not appear, but:\n{}", self.screen.text());
    }
}

impl Drop for Telnet {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "needs nc"]
fn phase_1_with_nc() {
    let server = Server::start("echo-server", &["--port", "0"]);
    assert_eq!(shell(&server, "printf 'hello\\n' | nc -N 127.0.0.1 $PORT"), "hello\n");
    assert_eq!(shell(&server, "printf 'no line end' | nc -N 127.0.0.1 $PORT"), "no line end");
    assert_eq!(shell(&server, "head -c 1000000 /dev/zero | nc -N 127.0.0.1 $PORT | wc -c").trim(), "1000000");
}

#[test]
#[ignore = "needs telnet"]
fn phase_1_with_telnet() {
    let server = Server::start("echo-server", &["--port", "0"]);
    let mut telnet = Telnet::to(&server);
    telnet.types("hello\n");
    telnet.expect("hello");
    telnet.types("and again\n");
    telnet.expect("and again");
    server.wait_stderr(&format!("-> {} tcp", server.addr()));
    server.terminate();
    telnet.expect("Escape character");
}

#[test]
#[ignore = "needs nc"]
fn phase_2_with_nc() {
    let server = Server::start("framed-server", &["--port", "0"]);
    assert_eq!(shell(&server, "$FRAME encode hello | nc -N 127.0.0.1 $PORT | $FRAME decode"), "hello\n");
    // Without the tool: octal escapes are the portable way to write a length.
    let dump = shell(&server, "printf '\\005\\000\\000\\000hello' | nc -N 127.0.0.1 $PORT | od -An -c");
    assert_eq!(dump.split_whitespace().collect::<Vec<_>>().join(" "), r"005 \0 \0 \0 h e l l o");
    // A frame cut short gets no reply, and the server says where it was cut.
    assert_eq!(shell(&server, "printf '\\005\\000\\000\\000hel' | nc -N 127.0.0.1 $PORT"), "");
    server.wait_stderr("inside a frame's body, after 3 of 5 bytes");
}

#[test]
#[ignore = "needs telnet"]
fn phase_2_with_telnet() {
    let server = Server::start("framed-server", &["--port", "0"]);
    let mut telnet = Telnet::to(&server);
    // Text is no frame: its first four letters, read as a length, ask for a gigabyte and a half.
    telnet.types("hello\n");
    let length = u32::from_le_bytes(*b"hell");
    server.wait_stderr(&format!("a frame of {length} bytes is announced"));
    let ended = support::eventually("telnet ends", || telnet.child.try_wait().expect("our child"));
    assert!(ended.code().is_some());
}

#[test]
#[ignore = "needs nc"]
fn phase_3_with_nc() {
    let server = Server::start("eventloop-server", &["--port", "0"]);
    let sessions = "(printf '\\005\\000'; sleep 1; printf '\\000\\000hello') | nc -N 127.0.0.1 $PORT | $FRAME decode & \
                    $FRAME encode quick | nc -N 127.0.0.1 $PORT | $FRAME decode; wait";
    // Whoever types slowly keeps nobody waiting.
    assert_eq!(shell(&server, sessions), "quick\nhello\n");
}

#[test]
#[ignore = "needs telnet"]
fn phase_3_with_telnet() {
    let server = Server::start("eventloop-server", &["--port", "0"]);
    let mut telnet = Telnet::to(&server);
    telnet.types("hello\n");
    let ended = support::eventually("telnet ends", || telnet.child.try_wait().expect("our child"));
    assert!(ended.code().is_some());
    server.wait_stderr(&u32::from_le_bytes(*b"hell").to_string());
}

fn keyspace() -> Server {
    Server::start("keyspace-server", &["--port", "any", "--framed-port", "0"])
}

#[test]
#[ignore = "needs nc"]
fn phase_4_with_nc() {
    let server = keyspace();
    let inline = "printf 'PING\\nSET name you\\nGET name\\nGET nobody\\n' | nc -N 127.0.0.1 $PORT";
    assert_eq!(shell(&server, inline), "+PONG\r\n+OK\r\n$3\r\nyou\r\n$-1\r\n");
    // RESP typed by hand: nc sends a bare line feed where a carriage return should stand before it.
    let resp = "printf '*2\\n$4\\nECHO\\n$5\\nhello\\n' | nc -N 127.0.0.1 $PORT";
    assert_eq!(shell(&server, resp), "$5\r\nhello\r\n");
    let quoted = r#"printf 'SET k "two words\\x21"\nGET k\n' | nc -N 127.0.0.1 $PORT"#;
    assert_eq!(shell(&server, quoted), "+OK\r\n$10\r\ntwo words!\r\n");
}

#[test]
#[ignore = "needs telnet"]
fn phase_4_with_telnet() {
    let server = keyspace();
    let mut telnet = Telnet::to(&server);
    for (typed, shown) in [
        ("PING\n", "+PONG"),
        ("set greeting \"hello world\"\n", "+OK"),
        ("get greeting\n", "$11\nhello world"),
        ("incr greeting\n", "-ERR value is not an integer or out of range"),
        ("*2\n$4\nECHO\n$5\nthere\n", "$5\nthere"),
        ("frobnicate\n", "-ERR unknown command 'frobnicate'"),
    ] {
        telnet.types(typed);
        telnet.expect(shown);
    }
    telnet.types("QUIT\n");
    let ended = support::eventually("telnet ends", || telnet.child.try_wait().expect("our child"));
    assert!(ended.code().is_some());
}
