//! Clients that others wrote work unchanged: redis-cli in each of its ways, redis-benchmark, the Rust and the Python
//! library.
mod support;

use std::collections::BTreeSet;
use std::process::Command;

use redis::{Commands, Connection, Value};
use support::{Server, redis_py, run_command};

fn start() -> Server {
    Server::start("keyspace-server", &["--port", "any", "--framed-port", "0"])
}

/// Runs a client to its end and returns what it said on stdout. `{port}` in an argument is the server's.
fn client(server: &Server, words: &[&str], input: &[u8]) -> String {
    let port = server.addr().port().to_string();
    let words: Vec<String> = words.iter().map(|word| word.replace("{port}", &port)).collect();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).env("TERM", "dumb").env_remove("REDISCLI_AUTH");
    let output = run_command(command, input);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{words:?}: {}\n{stdout}\n{stderr}", output.status);
    assert_eq!(stderr, "", "{words:?} complains");
    stdout.into_owned()
}

#[test]
#[ignore = "needs redis-cli and script"]
fn redis_cli_at_its_prompt() {
    let server = start();
    let typed = "set greeting \"hello world\"\nget greeting\nincr n\nmget greeting n nothing\ntype greeting\n\
                 hello 3\nmget greeting nothing\nnonsense\nselect 1\nget greeting\nexit\n";
    let screen = client(&server, &["script", "-qec", "redis-cli -p {port}", "/dev/null"], typed.as_bytes());
    for expected in [
        "OK",
        "\"hello world\"",
        "(integer) 1",
        "1) \"hello world\"\r\n2) \"1\"\r\n3) (nil)",
        "string",
        "1# \"server\" => \"redis\"",
        "(error) ERR unknown command 'nonsense', with args beginning with: ",
        &format!("127.0.0.1:{}[1]> ", server.addr().port()),
    ] {
        assert!(screen.contains(expected), "{expected:?} is not in\n{screen}");
    }
    server.terminate();
}

#[test]
#[ignore = "needs redis-cli"]
fn redis_cli_pipes_a_hundred_thousand_commands() {
    let server = start();
    let mut input = Vec::new();
    for n in 0..100_000 {
        let (key, value) = (format!("key:{n}"), format!("value {n}"));
        input.extend_from_slice(
            format!("*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n${}\r\n{value}\r\n", key.len(), value.len())
                .as_bytes(),
        );
    }
    let said = client(&server, &["redis-cli", "-p", "{port}", "--pipe"], &input);
    assert!(said.contains("errors: 0, replies: 100000"), "{said}");
    assert_eq!(client(&server, &["redis-cli", "-p", "{port}", "dbsize"], b"").trim(), "100000");
    assert_eq!(
        client(&server, &["redis-cli", "-p", "{port}", "get", "key:99999"], b"").trim(),
        "value 99999"
    );
}

#[test]
#[ignore = "needs redis-cli"]
fn redis_cli_scans_and_finds_the_biggest_key() {
    let server = start();
    let mut commands = String::new();
    for n in 0..2000 {
        commands.push_str(&format!("set small:{n} {n}\n"));
    }
    commands.push_str(&format!("set large {}\n", "x".repeat(5000)));
    client(&server, &["redis-cli", "-p", "{port}"], commands.as_bytes());

    let all = client(&server, &["redis-cli", "-p", "{port}", "--scan"], b"");
    assert_eq!(all.lines().collect::<BTreeSet<_>>().len(), 2001);
    let some = client(&server, &["redis-cli", "-p", "{port}", "--scan", "--pattern", "small:199?"], b"");
    let expected: BTreeSet<String> = (1990..2000).map(|n| format!("small:{n}")).collect();
    assert_eq!(some.lines().map(str::to_owned).collect::<BTreeSet<_>>(), expected);

    let report = client(&server, &["redis-cli", "-p", "{port}", "--bigkeys"], b"");
    assert!(report.contains("Sampled 2001 keys in the keyspace!"), "{report}");
    assert!(report.contains("Biggest string found '\"large\"' has 5000 bytes"), "{report}");
}

#[test]
#[ignore = "needs redis-benchmark"]
fn redis_benchmark_runs_through() {
    let server = start();
    let words = "redis-benchmark -p {port} -t ping,set,get,incr,mset -P 16 -n 20000 -c 20 -q";
    let report = client(&server, &words.split(' ').collect::<Vec<_>>(), b"");
    for test in ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET (10 keys)"] {
        let line = report.split(['\r', '\n']).rfind(|line| line.starts_with(&format!("{test}: ")));
        let line = line.unwrap_or_else(|| panic!("no {test} in\n{report}"));
        assert!(line.contains("requests per second"), "{line}");
    }
    assert!(!report.contains("WARNING") && !report.contains("rror"), "{report}");
}

fn rust_client(server: &Server, query: &str) -> Connection {
    let client = redis::Client::open(format!("redis://{}/{query}", server.addr())).expect("an address");
    client.get_connection().expect("the server accepts")
}

#[test]
fn the_rust_client_speaks_both_protocols() {
    let server = start();
    for query in ["", "?protocol=resp3"] {
        let mut connection = rust_client(&server, query);
        let _: () = connection.flushall().unwrap();
        let _: () = connection.set("name", "value").unwrap();
        assert_eq!(connection.get::<_, String>("name").unwrap(), "value");
        assert_eq!(connection.get::<_, Option<String>>("nothing").unwrap(), None);
        assert_eq!(connection.incr::<_, _, i64>("n", 41).unwrap(), 41);
        assert_eq!(connection.incr::<_, _, f64>("n", 0.5).unwrap(), 41.5);
        let _: () = connection.set_ex("short", "lived", 1000).unwrap();
        assert!((990..=1000).contains(&connection.ttl::<_, i64>("short").unwrap()));
        let binary: Vec<u8> = (0..=255).collect();
        let _: () = connection.set(&binary, &binary).unwrap();
        assert_eq!(connection.get::<_, Vec<u8>>(&binary).unwrap(), binary);
        let found: BTreeSet<Vec<u8>> = connection.scan::<Vec<u8>>().unwrap().map(Result::unwrap).collect();
        assert_eq!(found.len(), 4, "name, n, short and the binary one");
        let error = redis::cmd("INCR").arg("name").query::<i64>(&mut connection).unwrap_err();
        assert!(error.to_string().contains("not an integer or out of range"), "{error}");
    }
}

#[test]
fn the_rust_client_pipelines() {
    let server = start();
    let mut connection = rust_client(&server, "");
    let mut pipeline = redis::pipe();
    for n in 0..10_000 {
        pipeline.set(n, n * 2).ignore().get(n);
    }
    let doubled: Vec<i64> = pipeline.query(&mut connection).unwrap();
    assert_eq!(doubled, (0..10_000).map(|n| n * 2).collect::<Vec<i64>>());
}

#[test]
fn the_rust_client_sees_resp3_types() {
    let server = start();
    let mut connection = rust_client(&server, "?protocol=resp3");
    let config: Value = redis::cmd("CONFIG").arg("GET").arg("databases").query(&mut connection).unwrap();
    assert!(matches!(config, Value::Map(_)), "{config:?}");
    let info: Value = redis::cmd("INFO").arg("server").query(&mut connection).unwrap();
    assert!(matches!(info, Value::VerbatimString { .. }), "{info:?}");
    assert_eq!(redis::cmd("GET").arg("nothing").query::<Value>(&mut connection).unwrap(), Value::Nil);
}

const PYTHON: &str = r#"
import redis, sys
for protocol in (2, 3):
    r = redis.Redis(port=int(sys.argv[1]), protocol=protocol, client_name="snake")
    r.flushall()
    assert r.client_getname() in ("snake", b"snake")
    assert r.set("name", b"\x00\xff") and r.get("name") == b"\x00\xff"
    assert r.get("nothing") is None
    assert r.set("name", "x", nx=True) is None and r.set("n", 1, ex=1000, get=True) is None
    assert 990 <= r.ttl("n") <= 1000 and r.incrby("n", 41) == 42 and r.incrbyfloat("n", 0.5) == 42.5
    assert r.mset({"a": 1, "b": 2}) and r.mget("a", "b", "c") == [b"1", b"2", None]
    with r.pipeline(transaction=False) as p:
        for i in range(1000):
            p.set(f"key:{i}", i)
        assert all(p.execute())
    assert set(r.scan_iter("key:*", count=50)) == {b"key:%d" % i for i in range(1000)}
    assert r.delete("a", "b", "c") == 2 and r.dbsize() == 1002
    assert r.config_get("databases") == {"databases": "16"}
    assert r.info("server")["redis_version"].startswith("7.0")
    try:
        r.incr("name")
        raise SystemExit("no error")
    except redis.ResponseError as error:
        assert "not an integer" in str(error)
print("all well")
"#;

#[test]
#[ignore = "needs python3 with venv, and pip's network"]
fn redis_py_works_unchanged() {
    let server = start();
    let python = redis_py().display().to_string();
    assert_eq!(client(&server, &[&python, "-c", PYTHON, "{port}"], b""), "all well\n");
}
