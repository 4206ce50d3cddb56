//! The measurements behind the pictures: small, repeated in one run, compared with each other only.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use kit::launch::{Launch, Limits, Ready, Target};
use kit::procfs;
use kit::wire::frame;
use nix::sys::signal::Signal;

use super::chart::{Chart, Series};

/// How long any answer may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A server, killed when dropped.
pub struct Running {
    target: Target,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Running {
    /// Starts a server of ours and waits for its first `listening on` line.
    ///
    /// # Errors
    /// When it ends before it listens.
    pub fn start(program: &Path, args: &[&str]) -> Result<Running> {
        let argv = [
            &[program.display().to_string()],
            &args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>()[..],
        ];
        let launch = Launch { ready: Ready::Announced(1), ..Launch::new(argv.concat()) };
        let target = Launch { limits: Limits::NONE, ..launch }.start()?;
        let address = ["", "resp"].iter().find_map(|word| target.address_of(word));
        Ok(Running { target, address: address.context("it announced no address")? })
    }

    /// A connection with Nagle's algorithm off.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn connect(&self) -> Result<TcpStream> {
        Ok(kit::conn::open_blocking(self.address, PATIENCE)?)
    }

    /// Nanoseconds of CPU so far.
    pub fn cpu(&self) -> f64 {
        procfs::cpu_nanos(self.target.pid()).unwrap_or(0) as f64
    }

    /// Resident bytes.
    pub fn resident(&self) -> f64 {
        procfs::status_number(self.target.pid(), "VmRSS").unwrap_or(0) as f64 * 1024.0
    }

    /// Asks it to end and waits, so that a trace is complete.
    pub fn finish(self) {
        let _ = self.target.signal(Signal::SIGTERM);
        let _ = self.target.wait_end(PATIENCE);
    }
}

/// One frame there and back.
///
/// # Errors
/// When the server does not answer.
pub fn round_trip(stream: &mut TcpStream, message: &[u8]) -> Result<()> {
    stream.write_all(message)?;
    let mut reply = vec![0; message.len()];
    Ok(stream.read_exact(&mut reply)?)
}

/// Replies over time while another client has sent half a frame and waits half a second.
///
/// # Errors
/// When a server does not start or answer.
pub fn stalled_client(framed: &Path, eventloop: &Path) -> Result<Chart> {
    let series = [("blocking server", framed), ("event loop", eventloop)].map(|(name, program)| {
        let server = Running::start(program, &["--port", "0"])?;
        let mut staller = server.connect()?;
        let message = frame(b"half of this stays away");
        staller.write_all(&message[..10])?;
        let mut active = server.connect()?;
        let began = Instant::now();
        let waker = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(500));
            drop(staller);
        });
        let mut points = vec![(0.0, 0.0)];
        let mut replies = 0;
        while began.elapsed() < Duration::from_millis(1000) {
            round_trip(&mut active, &frame(b"hello"))?;
            replies += 1;
            let now = began.elapsed().as_secs_f64() * 1000.0;
            if points.last().is_none_or(|(last, _)| now - last > 10.0) {
                points.push((now, f64::from(replies)));
            }
        }
        if waker.join().is_err() {
            bail!("the stalled client's thread failed");
        }
        Ok(Series { name: name.into(), points })
    });
    Ok(Chart {
        title: "One client stalls for half a second: replies to another".into(),
        x: "milliseconds".into(),
        y: "replies so far".into(),
        log: (false, false),
        bars: false,
        series: series.into_iter().collect::<Result<_>>()?,
    })
}

/// Round trips per second of one active client beside many idle ones.
///
/// # Errors
/// When a server does not start or answer, or descriptors run out.
pub fn idle_connections(eventloop: &Path) -> Result<Chart> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    let mut series = Vec::new();
    for poller in ["poll", "epoll"] {
        let server =
            Running::start(eventloop, &["--port", "0", "--poller", poller, "--max-clients", "20000"])?;
        let mut idle = Vec::new();
        let mut active = server.connect()?;
        let mut points = Vec::new();
        for count in [10usize, 100, 1000, 5000, 10_000, 19_900] {
            if count as u64 + 64 > hard {
                break;
            }
            while idle.len() < count {
                let mut stream = server.connect()?;
                round_trip(&mut stream, &frame(b"here"))?;
                idle.push(stream);
            }
            let best = (0..3).map(|_| rate(&mut active)).collect::<Result<Vec<f64>>>()?;
            points.push((count as f64, best.into_iter().fold(0.0, f64::max)));
        }
        series.push(Series { name: poller.into(), points });
    }
    Ok(Chart {
        title: "One active client beside idle connections".into(),
        x: "idle connections".into(),
        y: "round trips per second".into(),
        log: (true, true),
        bars: false,
        series,
    })
}

fn rate(active: &mut TcpStream) -> Result<f64> {
    let message = frame(b"active");
    let began = Instant::now();
    let mut count = 0;
    while began.elapsed() < Duration::from_millis(300) {
        round_trip(active, &message)?;
        count += 1;
    }
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}

/// Requests per second of server CPU over pipeline depth.
///
/// # Errors
/// When a server does not start or answer.
pub fn pipeline_depth(keyspace: &Path) -> Result<Chart> {
    let mut series = Vec::new();
    for (name, server) in stores(keyspace)? {
        let mut stream = server.connect()?;
        load(&mut stream, 100_000, 3)?;
        let points = [1usize, 2, 4, 8, 16, 32, 64, 128]
            .map(|depth| Ok((depth as f64, requests_per_cpu(&server, &mut stream, depth)?)));
        series.push(Series { name: name.into(), points: points.into_iter().collect::<Result<_>>()? });
    }
    Ok(Chart {
        title: "GET: requests per second of server CPU".into(),
        x: "requests in flight (pipeline depth)".into(),
        y: "requests per CPU second".into(),
        log: (true, true),
        bars: false,
        series,
    })
}

fn requests_per_cpu(server: &Running, stream: &mut TcpStream, depth: usize) -> Result<f64> {
    let rounds = (60_000 / depth).max(400);
    let mut batch = Vec::new();
    for i in 0..depth {
        batch.extend_from_slice(&request(&[b"GET", &key(i * 7919 % 100_000)]));
    }
    let mut replies = vec![0; depth * 9];
    let before = server.cpu();
    for _ in 0..rounds {
        stream.write_all(&batch)?;
        stream.read_exact(&mut replies)?;
    }
    Ok((rounds * depth) as f64 / ((server.cpu() - before) / 1e9))
}

/// Resident bytes per key for three sizes of value.
///
/// # Errors
/// When a server does not start or answer.
pub fn memory_per_key(keyspace: &Path) -> Result<Chart> {
    const KEYS: usize = 1_000_000;
    let mut series: Vec<Series> = Vec::new();
    for size in [3usize, 16, 64] {
        for (name, server) in stores(keyspace)? {
            let mut stream = server.connect()?;
            let empty = server.resident();
            load(&mut stream, KEYS, size)?;
            let point = (size as f64, (server.resident() - empty) / KEYS as f64);
            match series.iter_mut().find(|s| s.name == name) {
                Some(known) => known.points.push(point),
                None => series.push(Series { name: name.into(), points: vec![point] }),
            }
        }
    }
    Ok(Chart {
        title: "Resident bytes per key, a million 16-byte keys".into(),
        x: "bytes of each value".into(),
        y: "bytes per key".into(),
        log: (false, false),
        bars: true,
        series,
    })
}

/// Longest single insert: ours and the standard library's map, from the example `pauses`.
///
/// # Errors
/// When the example does not run.
pub fn rehash_pause(pauses: &Path) -> Result<Chart> {
    let mut ours = Vec::new();
    let mut std_map = Vec::new();
    for keys in ["100000", "1000000", "4000000"] {
        let output = Command::new(pauses).args([keys, "2"]).output().context("pauses")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (dict, rest) = text.split_once("std::collections::HashMap").context("pauses prints both")?;
        let longest = |part: &str| -> Result<f64> {
            let line =
                part.lines().find(|l| l.trim_start().starts_with("insert")).context("no insert line")?;
            line.split_whitespace().nth(1).and_then(|n| n.replace(',', "").parse().ok()).context("no figure")
        };
        let keys: f64 = keys.parse()?;
        ours.push((keys, longest(dict)?));
        std_map.push((keys, longest(rest)?));
    }
    Ok(Chart {
        title: "Longest single insert while a table grows".into(),
        x: "keys".into(),
        y: "microseconds of thread CPU".into(),
        log: (true, true),
        bars: false,
        series: vec![
            Series { name: "one bucket a time".into(), points: ours },
            Series { name: "std HashMap, all at once".into(), points: std_map },
        ],
    })
}

fn stores(keyspace: &Path) -> Result<Vec<(&'static str, Running)>> {
    let mut stores =
        vec![("this server", Running::start(keyspace, &["--port", "any", "--framed-port", "0"])?)];
    if grader::doctor::find("redis-server").is_some() {
        stores.push(("redis-server", redis()?));
    }
    Ok(stores)
}

fn redis() -> Result<Running> {
    let argv = ["redis-server", "--port", "{port}", "--save", "", "--appendonly", "no"].map(String::from);
    let target = Launch { limits: Limits::NONE, ..Launch::new(argv.to_vec()) }.start()?;
    Ok(Running { address: SocketAddr::from(([127, 0, 0, 1], target.port)), target })
}

fn key(number: usize) -> [u8; 16] {
    let mut key = *b"key:000000000000";
    let digits = format!("{number:012}");
    key[4..].copy_from_slice(digits.as_bytes());
    key
}

fn request(args: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    kit::resp::request(args, &mut out);
    out
}

fn load(stream: &mut TcpStream, keys: usize, size: usize) -> Result<()> {
    let value = vec![b'v'; size];
    for first in (0..keys).step_by(1000) {
        let batch: Vec<u8> =
            (first..keys.min(first + 1000)).flat_map(|i| request(&[b"SET", &key(i), &value])).collect();
        stream.write_all(&batch)?;
        let mut replies = vec![0; 5 * (keys.min(first + 1000) - first)];
        stream.read_exact(&mut replies)?;
    }
    Ok(())
}
