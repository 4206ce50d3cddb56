//! `keyspace-cli`: arguments, pipes, the prompt, both protocols.
mod support;

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;

use nix::pty::openpty;
use support::{DEADLINE, Server, binary, eventually, refusal, run, run_command};

fn server() -> Server {
    Server::start_expecting("keyspace-server", &["--port", "any", "--framed-port", "any"], 2)
}

fn cli(server: &Server, args: &[&str], input: &[u8]) -> Output {
    let port = server.addr_of("resp").port().to_string();
    run("keyspace-cli", &[&["--port", &port], args].concat(), input)
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_command_in_the_arguments() {
    let server = server();
    let output = cli(&server, &["SET", "name", "two words"], b"");
    assert_eq!((text(&output).as_str(), output.status.code()), ("OK\n", Some(0)));
    assert_eq!(text(&cli(&server, &["GET", "name"], b"")), "two words\n");
    assert_eq!(text(&cli(&server, &["--no-raw", "GET", "name"], b"")), "\"two words\"\n");
    assert_eq!(text(&cli(&server, &["--no-raw", "MGET", "name", "-n"], b"")), "1) \"two words\"\n2) (nil)\n");
    assert_eq!(text(&cli(&server, &["--no-raw", "-n", "3", "DBSIZE"], b"")), "(integer) 0\n");
    assert_eq!(text(&cli(&server, &["--no-raw", "-3", "LCS", "a", "b", "IDX"], b"")), {
        "1# \"matches\" => (empty array)\n2# \"len\" => (integer) 0\n"
    });
}

#[test]
fn an_error_reply_is_exit_status_1() {
    let server = server();
    let output = cli(&server, &["--no-raw", "INCR"], b"");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output), "(error) ERR wrong number of arguments for 'incr' command\n");
    let output = cli(&server, &["-n", "99", "PING"], b"");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stderr, b"SELECT 99 failed: ERR DB index is out of range\n");
}

#[test]
fn commands_from_a_pipe() {
    let server = server();
    let script =
        b"SET k \"a\\x41\\n\"\n\nget k\nSET 'unbalanced\nSELECT 2\nDBSIZE\nNOSUCH\nINCR n\nquit\nINCR n\n";
    let output = cli(&server, &["--no-raw"], script);
    assert_eq!(
        text(&output),
        "OK\n\"aA\\n\"\nInvalid argument(s)\nOK\n(integer) 0\n\
         (error) ERR unknown command 'NOSUCH', with args beginning with: \n(integer) 1\n"
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_framed_protocol() {
    let server = server();
    let port = server.addr_of("framed").port().to_string();
    let framed = |args: &[&str], input: &[u8]| {
        run("keyspace-cli", &[&["--framed", "--no-raw", "--port", &port], args].concat(), input)
    };
    assert_eq!(text(&framed(&["SET", "k", "a\n"], b"")), "\"OK\"\n");
    assert_eq!(text(&framed(&[], b"GET k\nMGET k none\nINCR n\n")), {
        "\"a\\n\"\n1) \"a\\n\"\n2) (nil)\n(integer) 1\n"
    });
    let output = framed(&["INCR", "k"], b"");
    assert_eq!(text(&output), "(error) ERR value is not an integer or out of range\n");
    assert_eq!(output.status.code(), Some(1));
    // Both doors lead to the same keys.
    assert_eq!(text(&cli(&server, &["GET", "n"], b"")), "1\n");
}

#[test]
fn passwords() {
    let server = Server::start_expecting(
        "keyspace-server",
        &["--port", "any", "--framed-port", "any", "--requirepass", "secret"],
        2,
    );
    assert_eq!(text(&cli(&server, &["-a", "secret", "PING"], b"")), "PONG\n");
    let output = cli(&server, &["-a", "wrong", "PING"], b"");
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stderr.starts_with(b"AUTH failed: WRONGPASS"), "{output:?}");
    assert_eq!(cli(&server, &["PING"], b"").status.code(), Some(1));
}

#[test]
fn a_server_that_is_not_there() {
    // A port that was free a moment ago; nobody listens on it now.
    let port = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound").port();
    let port = port.to_string();
    let message = refusal("keyspace-cli", &["--port", &port, "PING"]);
    assert!(
        message.contains(&format!("127.0.0.1:{port}")) && message.contains("cargo run --release"),
        "{message}"
    );
    assert!(refusal("keyspace-cli", &["--prot", "1"]).contains("no option --prot"));
}

#[test]
fn a_server_that_does_not_speak_resp() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port().to_string();
    let stranger = std::thread::spawn(move || {
        let (mut peer, _) = listener.accept().expect("the client comes");
        peer.write_all(b"HTTP/1.1 400 Bad Request\r\n").expect("it listens");
        // Closing with the request unread would reset the connection: read until the client goes.
        std::io::copy(&mut peer, &mut std::io::sink()).expect("it goes");
    });
    let message = refusal("keyspace-cli", &["--port", &port, "PING"]);
    assert!(message.contains("is this the right port?"), "{message}");
    stranger.join().expect("the stranger is well");
}

/// At a terminal, and only there, there is a prompt; it names the database.
#[test]
fn the_prompt() {
    let server = server();
    let port = server.addr_of("resp").port();
    let pty = openpty(None, None).expect("a terminal");
    let side = || Stdio::from(pty.slave.try_clone().expect("a descriptor"));
    let mut child = Command::new(binary("keyspace-cli"))
        .args(["--port", &port.to_string()])
        .stdin(side())
        .stdout(side())
        .stderr(side())
        .spawn()
        .expect("it starts");
    let mut keyboard = File::from(pty.master.try_clone().expect("a descriptor"));
    let (sender, screen) = mpsc::channel();
    let mut master = File::from(pty.master);
    std::thread::spawn(move || {
        let mut chunk = [0; 1024];
        // After the last descriptor of the other side is closed, reading is an error: EIO.
        while let Ok(n) = master.read(&mut chunk) {
            if sender.send(chunk[..n].to_vec()).is_err() {
                return;
            }
        }
    });
    let mut text = String::new();
    let mut wait_for = |shown: &str| {
        while !text.ends_with(shown) {
            match screen.recv_timeout(DEADLINE) {
                Ok(more) => text.push_str(&String::from_utf8_lossy(&more)),
                Err(_) => panic!("expected {shown:?} at the end of {text:?}"),
            }
        }
    };
    let prompt = format!("127.0.0.1:{port}> ");
    wait_for(&prompt);
    // What is typed is shown by the terminal, what follows by the client.
    for (typed, reply, prompt) in [
        ("SET k v", "OK", prompt.clone()),
        ("GET k", "\"v\"", prompt.clone()),
        ("SELECT 99", "(error) ERR DB index is out of range", prompt),
        ("SELECT 4", "OK", format!("127.0.0.1:{port}[4]> ")),
        ("DBSIZE", "(integer) 0", format!("127.0.0.1:{port}[4]> ")),
    ] {
        keyboard.write_all(format!("{typed}\n").as_bytes()).expect("the terminal takes it");
        wait_for(&format!("{typed}\r\n{reply}\r\n{prompt}"));
    }
    keyboard.write_all(b"quit\n").expect("the terminal takes it");
    let status = eventually("the client ends", || child.try_wait().expect("it is our child"));
    assert!(status.success());
}

/// The same script through both clients, bare and formatted.
#[test]
#[ignore = "needs redis-cli"]
fn prints_what_redis_cli_prints() {
    let server = server();
    let port = server.addr_of("resp").port().to_string();
    let script = b"FLUSHALL\nMSET a ohmytext b mynewtext\nLCS a b IDX WITHMATCHLEN\nGET none\nMGET a b none\nINCR a\n\
        NOSUCH 'a b'\nCOMMAND INFO get object|encoding\nKEYS nothing\nSET q \"\\x00\\xff\\\"\\\\ \\a\\b\\t\"\nGET q\n\
        COMMAND GETKEYSANDFLAGS SET a b GET\nHELLO 3\nCOMMAND INFO get\nGET none\nLCS a b IDX\nOBJECT HELP\n";
    for style in ["--raw", "--no-raw"] {
        let ours = run("keyspace-cli", &["--port", &port, style], script);
        let mut command = Command::new("redis-cli");
        command.args(["-p", &port, style]);
        let theirs = run_command(command, script);
        // HELLO's reply tells the connection's number.
        let lines = |output: &Output| -> Vec<String> {
            text(output)
                .lines()
                .filter(|line| !line.contains("\"id\"") && !line.starts_with("id "))
                .map(String::from)
                .collect()
        };
        assert_eq!(lines(&ours), lines(&theirs), "{style}");
    }
}
