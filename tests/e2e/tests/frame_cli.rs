//! The `frame` tool: binary frames made usable by hand.
mod support;

use std::net::TcpListener;
use std::process::Output;

use support::{Conn, Server, refusal, run};

fn frame(args: &[&str], input: &[u8]) -> Vec<u8> {
    let Output { status, stdout, stderr } = run("frame", args, input);
    assert!(status.success(), "frame {args:?}: {}", String::from_utf8_lossy(&stderr));
    stdout
}

fn text(args: &[&str], input: &[u8]) -> String {
    String::from_utf8(frame(args, input)).expect("text")
}

fn failure(args: &[&str], input: &[u8]) -> String {
    let output = run("frame", args, input);
    assert_eq!(output.status.code(), Some(1), "frame {args:?}");
    String::from_utf8(output.stderr).expect("messages are UTF-8")
}

#[test]
fn encodes_operands_standard_input_and_lines() {
    assert_eq!(frame(&["encode", "hello"], b""), b"\x05\0\0\0hello");
    assert_eq!(frame(&["encode", "a", "", "b"], b""), b"\x01\0\0\0a\0\0\0\0\x01\0\0\0b");
    assert_eq!(frame(&["encode"], b"two\nlines\n"), b"\x0a\0\0\0two\nlines\n");
    assert_eq!(frame(&["encode", "--lines"], b"two\nlines\n"), b"\x03\0\0\0two\x05\0\0\0lines");
    assert_eq!(frame(&["encode", "--claim", "2147483648", "x"], b""), b"\0\0\0\x80x");
    assert_eq!(frame(&["encode", "--", "--lines"], b""), b"\x07\0\0\0--lines");
}

#[test]
fn decodes_what_it_encodes() {
    assert_eq!(frame(&["decode"], &frame(&["encode", "hello", "you"], b"")), b"hello\nyou\n");
    assert_eq!(frame(&["decode"], b""), b"");
}

#[test]
fn decoding_names_the_place_where_the_input_is_wrong() {
    assert!(failure(&["decode"], b"\x05\0\0").contains("inside a frame's header, after 3 of 4 bytes"));
    assert!(failure(&["decode"], b"\x05\0\0\0hel").contains("inside a frame's body, after 3 of 5 bytes"));
    assert!(failure(&["decode"], b"\0\0\0\x05hello").contains("little-endian"));
    assert!(failure(&["decode", "--max-frame", "4"], b"\x05\0\0\0hello").contains("more than the 4 allowed"));
    assert!(failure(&["decode", "--reply"], b"\x01\0\0\0\x09").contains("9 is no tag"));
}

#[test]
fn dumps_are_annotated_field_by_field() {
    let dump = "\
00000000  05 00 00 00                                      length: 5
00000004  68 65 6c 6c 6f                                   payload: \"hello\"
";
    assert_eq!(text(&["encode", "--hexdump", "hello"], b""), dump);
    assert_eq!(text(&["decode", "--hexdump"], b"\x05\0\0\0hello"), dump);
    let second = text(&["encode", "--hexdump", "hello", "x"], b"");
    assert!(second.contains("00000009  01 00 00 00"), "offsets run on:\n{second}");
}

#[test]
fn speaks_the_payloads_of_phase_4() {
    let request = frame(&["encode", "--request", "set", "k", "v"], b"");
    assert_eq!(request, b"\x15\0\0\0\x03\0\0\0\x03\0\0\0set\x01\0\0\0k\x01\0\0\0v");
    assert_eq!(text(&["decode", "--request"], &request), "\"set\" \"k\" \"v\"\n");
    let dump = text(&["decode", "--request", "--hexdump"], &request);
    assert!(dump.contains("number of words: 3") && dump.contains("word 1: \"set\""), "{dump}");
    let replies = b"\x01\0\0\0\0\x07\0\0\0\x02\x02\0\0\0ok\x09\0\0\0\x03\x2a\0\0\0\0\0\0\0";
    assert_eq!(text(&["decode", "--reply"], replies), "(nil)\n\"ok\"\n(integer) 42\n");
    assert!(text(&["decode", "--reply", "--hexdump"], replies).contains("tag 3: integer"));
}

#[test]
fn sends_whole_dripping_split_and_pipelined() {
    let server = Server::start("framed-server", &["--port", "0"]);
    let port = server.addr().port().to_string();
    let send = |args: &[&str]| text(&[&["send", "--port", &port, "--delay", "0"], args].concat(), b"");
    assert_eq!(send(&["hello", "you"]), "hello\nyou\n");
    assert_eq!(send(&["--drip", "hello"]), "hello\n");
    assert_eq!(send(&["--split", "1,3,7", "hello"]), "hello\n");
    assert_eq!(send(&["--half-close", "hello"]), "hello\n");
    assert_eq!(send(&["--pipeline", "1000", "x"]), "x\n".repeat(1000));
    assert_eq!(send(&["--truncate", "12", "hello", "you"]), "hello\n");
    server.wait_stderr("inside a frame's header, after 3 of 4 bytes");
    assert!(send(&["--hexdump", "hello"]).contains("length: 5"));
    let large = "y".repeat(100_000);
    assert_eq!(send(&["--pipeline", "200", &large]).len(), 200 * (large.len() + 1), "no deadlock");
    let refused = failure(&["send", "--port", &port, "--claim", "4000000000", "x"], b"");
    assert!(refused.contains("closed the connection after 0 of 1 replies"), "{refused}");
}

/// What arrives at the other end, and in which pieces: the receiver waits for each piece before it lets the next be sent.
#[test]
fn pieces_leave_one_by_one() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let sending = std::thread::spawn(move || {
        run(
            "frame",
            &["send", "--port", &port, "--split", "1,3,7", "--delay", "200", "--half-close", "hello"],
            b"",
        )
    });
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(support::DEADLINE)).unwrap();
    let mut conn = Conn { stream };
    let mut pieces = Vec::new();
    let mut buf = [0; 64];
    loop {
        match std::io::Read::read(&mut conn.stream, &mut buf).unwrap() {
            0 => break,
            n => pieces.push(buf[..n].to_vec()),
        }
    }
    assert_eq!(pieces.concat(), b"\x05\0\0\0hello", "then FIN, because of --half-close");
    // A busy machine may join pieces, but never all four.
    assert!(pieces.len() > 1, "one piece only: {pieces:?}");
    conn.send(b"\x05\0\0\0hello");
    drop(conn);
    assert_eq!(sending.join().unwrap().stdout, b"hello\n");
}

#[test]
fn mistakes_get_one_clear_line() {
    assert!(refusal("frame", &[]).contains("choose encode, decode or send"));
    assert!(refusal("frame", &["encode", "--hexdmp"]).contains("did you mean --hexdump?"));
    assert!(refusal("frame", &["encode", "--request"]).contains("needs a command"));
    assert!(refusal("frame", &["encode", "--claim", "-1", "x"]).contains("--claim"));
    assert!(refusal("frame", &["decode", "--request", "--reply"]).contains("the one or the other"));
    assert!(refusal("frame", &["send", "--split", "7,3", "hello"]).contains("rising order"));
    assert!(refusal("frame", &["send", "--split", "9", "hello"]).contains("only 9 bytes"));
    assert!(refusal("frame", &["send", "--split", "a", "hello"]).contains("--split takes offsets"));
    for command in [&["--help"][..], &["encode", "--help"], &["decode", "--help"], &["send", "--help"]] {
        assert!(text(command, b"").contains("Usage: frame"));
    }
}
