//! Users: who gets in, what each may do, and what becomes of a connection when that changes.
use std::path::Path;

use super::{expect, info, read_bulk, resp, start, text};
use crate::support::{Conn, Server, eventually, run};

const NO_COMMAND: &str = "-NOPERM this user has no permissions to run the 'set' command\r\n";
const NO_KEY: &str = "-NOPERM this user has no permissions to access one of the keys used as arguments\r\n";
const WRONG: &str = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";

/// A client that is this user, whose rules have just been said.
fn client_of(server: &Server, admin: &mut Conn, name: &str, rules: &str) -> Conn {
    expect(admin, format!("ACL SETUSER {name} on >pw {rules}\r\n"), "+OK\r\n");
    let mut conn = server.connect();
    expect(&mut conn, format!("AUTH {name} pw\r\n"), "+OK\r\n");
    conn
}

#[test]
fn nothing_happens_before_it_is_permitted() {
    let server = start(&[]);
    let mut admin = server.connect();
    let mut ada = client_of(&server, &mut admin, "ada", "+get +mget +rename +del +@connection ~a* %R~b*");
    expect(&mut ada, "SET a1 x\r\n", NO_COMMAND);
    expect(&mut ada, "GET a1\r\nGET b1\r\n", "$-1\r\n$-1\r\n");
    expect(&mut admin, "MSET a1 1 b1 2 c1 3\r\n", "+OK\r\n");
    for refused in ["GET c1", "MGET a1 c1", "RENAME a1 b1", "RENAME b1 a1", "DEL a1 b1", "DEL a1 a2 c1"] {
        expect(&mut ada, format!("{refused}\r\n"), NO_KEY);
    }
    expect(&mut admin, "MGET a1 b1 c1\r\n", "*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n");
    expect(&mut ada, "MGET a1 b1\r\n", "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
    // A pipeline takes the fast way only for those who may do everything.
    let pipeline = "GET a1\r\nGET c1\r\n".repeat(40);
    expect(&mut ada, &pipeline, format!("$1\r\n1\r\n{NO_KEY}").repeat(40));
    assert_eq!(info(&mut admin, "errorstat_NOPERM"), "count=47");
    expect(&mut ada, "RESET\r\nGET c1\r\n", "+RESET\r\n$1\r\n3\r\n");
}

#[test]
fn names_and_passwords_let_in() {
    let server = start(&[]);
    let mut conn = server.connect();
    expect(&mut conn, "ACL SETUSER ada on >one >two +@all ~*\r\nACL SETUSER bob >pw\r\n", "+OK\r\n+OK\r\n");
    let long = vec![b'x'; 100_000];
    let every: Vec<u8> = (0..=255).collect();
    for password in [&long[..], &every, b""] {
        let rule = [b">", password].concat();
        expect(&mut conn, resp(&[b"ACL", b"SETUSER", b"c\xe9", b"on", &rule]), "+OK\r\n");
        expect(&mut conn, resp(&[b"AUTH", b"c\xe9", password]), "+OK\r\n");
        expect(&mut conn, "RESET\r\n", "+RESET\r\n");
    }
    for (login, reply) in [
        ("AUTH ada three", WRONG),
        ("AUTH bob pw", WRONG),
        ("AUTH nobody pw", WRONG),
        ("AUTH ada two", "+OK\r\n"),
        ("ACL WHOAMI", "$3\r\nada\r\n"),
        ("HELLO 2 AUTH ada one SETNAME me extra", "-ERR Syntax error in HELLO option 'extra'\r\n"),
        ("HELLO 3 AUTH ada three", WRONG),
        ("AUTH default any", "+OK\r\n"),
        ("ACL WHOAMI", "$7\r\ndefault\r\n"),
    ] {
        expect(&mut conn, format!("{login}\r\n"), reply);
    }
    expect(&mut conn, "AUTH ada one\r\nCLIENT INFO\r\n", "+OK\r\n");
    let line = text(&read_bulk(&mut conn));
    assert!(line.contains(" user=ada "), "{line}");
}

#[test]
fn the_one_password_is_the_default_users() {
    let server = start(&["--requirepass", "secret"]);
    let mut conn = server.connect();
    expect(&mut conn, "PING\r\nAUTH secret\r\n", "-NOAUTH Authentication required.\r\n+OK\r\n");
    expect(
        &mut conn,
        "ACL SETUSER default >other\r\nCONFIG GET requirepass\r\n",
        "+OK\r\n*2\r\n$11\r\nrequirepass\r\n$6\r\nsecret\r\n",
    );
    let mut second = server.connect();
    expect(&mut second, "AUTH other\r\n", "+OK\r\n");
    expect(&mut conn, "CONFIG SET requirepass new\r\n", "+OK\r\n");
    expect(
        &mut server.connect(),
        "AUTH other\r\nAUTH secret\r\nAUTH new\r\n",
        format!("{WRONG}{WRONG}+OK\r\n"),
    );
    expect(&mut conn, "ACL SETUSER default nopass\r\n", "+OK\r\n");
    expect(&mut server.connect(), "PING\r\n", "+PONG\r\n");
    expect(&mut conn, "ACL SETUSER default off\r\n", "+OK\r\n");
    expect(&mut server.connect(), "PING\r\n", "-NOAUTH Authentication required.\r\n");
    expect(&mut second, "PING\r\n", "+PONG\r\n");
}

#[test]
fn what_is_queued_is_asked_again() {
    let server = start(&[]);
    let mut admin = server.connect();
    let mut ada = client_of(&server, &mut admin, "ada", "+get +set +multi +exec ~a*");
    expect(
        &mut ada,
        "MULTI\r\nSET a1 1\r\nSET b1 1\r\nEXEC\r\n",
        format!("+OK\r\n+QUEUED\r\n{NO_KEY}-EXECABORT Transaction discarded because of previous errors.\r\n"),
    );
    expect(&mut ada, "MULTI\r\nSET a1 1\r\nGET a1\r\n", "+OK\r\n+QUEUED\r\n+QUEUED\r\n");
    expect(&mut admin, "ACL SETUSER ada -set\r\n", "+OK\r\n");
    let reply = "*2\r\n-NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This \
        command is no longer allowed for the following reason: no permission to execute the command or subcommand\r\n$-1\r\n";
    expect(&mut ada, "EXEC\r\n", reply);
    expect(&mut admin, "EXISTS a1\r\n", ":0\r\n");
}

/// The permission of a command that waits is asked again when it would take something.
#[test]
fn who_waits_loses_what_it_may_no_longer_take() {
    let server = start(&[]);
    let mut admin = server.connect();
    let mut ada = client_of(&server, &mut admin, "ada", "+blpop ~*");
    ada.send(b"BLPOP q 0\r\n");
    eventually("ada to wait", || (info(&mut admin, "blocked_clients") == "1").then_some(()));
    expect(&mut admin, "ACL SETUSER ada resetkeys ~x*\r\nRPUSH q 1\r\nLLEN q\r\n", "+OK\r\n:1\r\n:1\r\n");
    expect(&mut ada, "", NO_KEY);
    ada.send(b"BLPOP x 0\r\n");
    eventually("ada to wait", || (info(&mut admin, "blocked_clients") == "1").then_some(()));
    expect(&mut admin, "ACL DELUSER ada\r\n", ":1\r\n");
    assert!(ada.read_until_closed().is_empty());
    expect(&mut admin, "RPUSH x 1\r\n", ":1\r\n");
}

#[test]
fn connections_end_with_their_user_and_with_the_right_to_listen() {
    let server = start(&[]);
    let mut admin = server.connect();
    let mut ada = client_of(&server, &mut admin, "ada", "+@pubsub +acl &news* &chat*");
    let refused = "-NOPERM this user has no permissions to access one of the channels used as arguments\r\n";
    expect(&mut ada, "SUBSCRIBE other\r\nPSUBSCRIBE n*\r\nPUBLISH other x\r\n", refused.repeat(3));
    expect(&mut ada, "SUBSCRIBE news1\r\n", "*3\r\n$9\r\nsubscribe\r\n$5\r\nnews1\r\n:1\r\n");
    expect(&mut ada, "PSUBSCRIBE chat*\r\n", "*3\r\n$10\r\npsubscribe\r\n$5\r\nchat*\r\n:2\r\n");
    expect(&mut admin, "ACL SETUSER ada &more\r\nPUBLISH news1 x\r\n", "+OK\r\n:1\r\n");
    expect(&mut ada, "", "*3\r\n$7\r\nmessage\r\n$5\r\nnews1\r\n$1\r\nx\r\n");
    expect(&mut admin, "ACL SETUSER ada resetchannels &news*\r\n", "+OK\r\n");
    assert!(ada.read_until_closed().is_empty(), "its pattern is no longer permitted");
    let mut ada = client_of(&server, &mut admin, "ada", "+acl");
    let mut other = client_of(&server, &mut admin, "ada", "");
    expect(&mut ada, "ACL DELUSER ada nobody\r\n", ":1\r\n");
    assert!(ada.read_until_closed().is_empty());
    assert!(other.read_until_closed().is_empty());
    expect(&mut admin, "ACL DELUSER default\r\n", "-ERR The 'default' user cannot be removed\r\n");
    let mut bob = client_of(&server, &mut admin, "bob", "");
    expect(
        &mut admin,
        "CLIENT KILL USER bob\r\nCLIENT KILL USER nobody\r\n",
        ":1\r\n-ERR No such user 'nobody'\r\n",
    );
    assert!(bob.read_until_closed().is_empty());
}

#[test]
fn failed_logins_leave_a_bounded_log() {
    let server = start(&[]);
    let mut conn = server.connect();
    expect(&mut conn, "CONFIG SET acllog-max-len 20\r\nPING\r\n", "+OK\r\n+PONG\r\n");
    let before = server.status_field("VmRSS");
    for round in 0..20 {
        let logins: String = (0..1000).map(|n| format!("AUTH user{} x\r\n", round * 1000 + n)).collect();
        expect(&mut conn, &logins, WRONG.repeat(1000));
    }
    expect(&mut conn, "AUTH same x\r\n".repeat(500), WRONG.repeat(500));
    let grown = server.status_field("VmRSS") - before;
    assert!(grown < 4096, "the log grew by {grown} kB");
    conn.send(b"ACL LOG 1000\r\n");
    assert_eq!(text(&conn.read_exact(5)), "*20\r\n");
    let mut newest = server.connect();
    newest.send(b"ACL LOG 1\r\n");
    let expected = "*1\r\n*14\r\n$5\r\ncount\r\n:500\r\n$6\r\nreason\r\n$4\r\nauth\r\n$7\r\ncontext\r\n$8\r\ntoplevel\r\n\
        $6\r\nobject\r\n$4\r\nAUTH\r\n$8\r\nusername\r\n$4\r\nsame\r\n$11\r\nage-seconds\r\n";
    assert_eq!(text(&newest.read_exact(expected.len())), text(expected.as_bytes()));
    let mut reset = server.connect();
    expect(&mut reset, "ACL LOG RESET\r\nACL LOG\r\n", "+OK\r\n*0\r\n");
}

#[test]
fn passwords_are_made_up() {
    let server = start(&[]);
    let mut conn = server.connect();
    let mut seen = std::collections::BTreeSet::new();
    for (bits, digits) in [("", 64), (" 1", 1), (" 5", 2), (" 8", 2), (" 4096", 1024)] {
        conn.send(format!("ACL GENPASS{bits}\r\n").as_bytes());
        let password = read_bulk(&mut conn);
        assert!(password.len() == digits && password.iter().all(u8::is_ascii_hexdigit), "{bits}");
        seen.insert(password);
    }
    let range = "-ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096\r\n";
    for bits in ["0", "-1", "4097"] {
        expect(&mut conn, format!("ACL GENPASS {bits}\r\n"), range);
    }
    assert_eq!(seen.len(), 5);
}

/// The rules that `ACL LIST` shows of a user.
fn rules_of(conn: &mut Conn, name: &str) -> String {
    conn.send(b"ACL LIST\r\n");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n") {
        head.extend(conn.read_exact(1));
    }
    let count: usize = text(&head[1..head.len() - 2]).parse().unwrap();
    let lines: Vec<String> = (0..count).map(|_| text(&read_bulk(conn))).collect();
    let found = lines.iter().find_map(|line| line.strip_prefix(&format!("user {name} ")));
    found.unwrap_or("gone").to_owned()
}

fn start_with(path: &Path, flags: &[&str]) -> Server {
    let port = ["--port", "any", "--framed-port", "0"];
    Server::start("keyspace-server", &[&[path.to_str().unwrap()], &port[..], flags].concat())
}

#[test]
fn users_outlive_a_restart_in_the_configuration_and_in_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let (config, users) = (dir.path().join("main.conf"), dir.path().join("users.acl"));
    std::fs::write(&config, "hz 20\nuser ada on nopass ~a* (+get %R~\"b\" )\nuser default on >pw +@all ~*\n")
        .unwrap();
    let server = start_with(&config, &[]);
    let mut conn = server.connect();
    expect(&mut conn, "PING\r\nAUTH pw\r\n", "-NOAUTH Authentication required.\r\n+OK\r\n");
    let told = "on nopass ~a* resetchannels -@all (%R~b resetchannels -@all +get)";
    assert_eq!(rules_of(&mut conn, "ada"), told);
    expect(&mut conn, resp(&[b"ACL", b"SETUSER", b"b\"c", b"~'x\\"]), "+OK\r\n");
    expect(&mut conn, "CONFIG REWRITE\r\nACL SAVE\r\n", "+OK\r\n-ERR This Redis instance is not configured");
    drop(server);
    let server = start_with(&config, &[]);
    let mut conn = server.connect();
    expect(&mut conn, "AUTH pw\r\n", "+OK\r\n");
    assert_eq!(rules_of(&mut conn, "ada"), told);
    assert_eq!(rules_of(&mut conn, "b\"c"), "off ~'x\\ resetchannels -@all");
    drop(server);

    std::fs::write(&users, "user bob on nopass +acl +ping ~*\n\n").unwrap();
    let output =
        run("keyspace-server", &[config.to_str().unwrap(), "--aclfile", users.to_str().unwrap()], b"");
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && why.contains("both in the configuration and in aclfile"), "{why}");
    let server = start(&["--aclfile", users.to_str().unwrap()]);
    let mut conn = server.connect();
    let mut bob = server.connect();
    expect(&mut bob, "AUTH bob x\r\n", "+OK\r\n");
    expect(&mut conn, "ACL SETUSER eve on +get ~*\r\nACL SAVE\r\n", "+OK\r\n+OK\r\n");
    let saved = std::fs::read_to_string(&users).unwrap();
    let expected = "user bob on nopass ~* resetchannels -@all +acl +ping\nuser default on nopass ~* &* +@all\nuser eve on ~* \
        resetchannels -@all +get\n";
    assert_eq!(saved, expected);
    std::fs::write(&users, "user bob on nopass +nope\n# no comments\n").unwrap();
    let name = users.display();
    let refused = format!(
        "-ERR {name}:1: Unknown command or category name in ACL. {name}:2 should start with user keyword followed by the \
         username. WARNING: ACL errors detected, no change to the previously active ACL rules was performed\r\n"
    );
    expect(&mut conn, "ACL LOAD\r\n", refused);
    assert_eq!(rules_of(&mut conn, "eve"), "on ~* resetchannels -@all +get");
    expect(&mut bob, "PING\r\n", "+PONG\r\n");
    std::fs::write(&users, "user eve off\n").unwrap();
    expect(&mut conn, "ACL LOAD\r\nACL USERS\r\n", "+OK\r\n*2\r\n$7\r\ndefault\r\n$3\r\neve\r\n");
    assert!(bob.read_until_closed().is_empty(), "who is not the default user is closed");
    std::fs::remove_file(&users).unwrap();
    let refused = format!("-ERR Error loading ACLs, opening file '{name}': No such file or directory\r\n");
    expect(&mut conn, "ACL LOAD\r\n", refused);
    drop(server);
    let output = run("keyspace-server", &["--port", "any", "--aclfile", users.to_str().unwrap()], b"");
    assert!(!output.status.success(), "a server without its users does not start");
}

#[test]
fn a_rule_in_the_configuration_that_is_wrong_is_named() {
    for (line, why) in [
        ("+nope", "user ada, rule '+nope': Unknown command or category name in ACL"),
        ("#zz", "user ada, rule '#zz': The password hash must be"),
        ("(+get", "user ada: a parenthesis is not closed"),
    ] {
        let output =
            run("keyspace-server", &["--port", "any", "--framed-port", "0", "--user", "ada", line], b"");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && told.contains(why), "{line}: {told}");
    }
}
